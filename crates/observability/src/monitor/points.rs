//! What a service did second by second: a point per observation, for plots.

use std::collections::VecDeque;

use super::counts::Counts;
use super::number::float;
use crate::sample::{LimitSample, ServiceSample, UnixMillis};
use crate::status::{Point, Series};

/// The most points of a service: ten minutes, at one a second. With few limits that is 100 KB a service.
pub const POINTS_MAX: usize = 600;

/// The last points.
#[derive(Debug, Default)]
pub(crate) struct Points {
    points: VecDeque<Point>,
    last: Option<(u64, Counts)>,
}

impl Points {
    /// Adds what was done since the last look; nothing, while no time has passed.
    pub(crate) fn add(
        &mut self,
        (now, at): (u64, UnixMillis),
        sample: &ServiceSample,
        total: &Counts,
    ) {
        let Some((then, before)) = &self.last else {
            self.last = Some((now, total.clone()));
            return;
        };
        if now <= *then {
            return;
        }
        let counts = total.since(before);
        if self.points.len() >= POINTS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(Point {
            at,
            over_ms: now - then,
            granted: counts.granted(),
            refused: counts.refused,
            refused_upstream: counts.refused_upstream(),
            queued: sample.queued,
            used: sample.limits.iter().map(used_share).collect(),
            pace: sample.paces.iter().map(|pace| pace.per_second).collect(),
        });
        self.last = Some((now, total.clone()));
    }

    /// The points, the oldest first.
    pub(crate) fn series(&self) -> Series {
        Series { points: self.points.iter().cloned().collect() }
    }
}

/// How much of a limit is used, 0 to 1, what is lent included.
fn used_share(limit: &LimitSample) -> f64 {
    if limit.capacity == 0 { 0.0 } else { float(limit.used()) / float(limit.capacity) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_holds_what_happened_since_the_one_before() {
        let sample = ServiceSample::new("a".parse().expect("a name"));
        let mut points = Points::default();
        let mut look = |now, granted| {
            let total = Counts { handed_out: granted, ..Counts::default() };
            points.add((now, UnixMillis(now)), &sample, &total);
            let series = points.series().points;
            (series.len(), series.last().map(|point| (point.over_ms, point.granted)))
        };
        assert_eq!(look(1_000, 7), (0, None), "what was before is no point");
        assert_eq!(look(2_000, 9), (1, Some((1_000, 2))));
        assert_eq!(look(2_000, 12), (1, Some((1_000, 2))), "time stands still");
        assert_eq!(look(2_500, 12), (2, Some((500, 3))));
        for now in 3..2_000 {
            look(now * 1_000, 12);
        }
        assert_eq!(look(9_000_000, 12).0, POINTS_MAX);
    }
}
