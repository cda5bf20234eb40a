//! What is counted during a run, and what becomes of it in the report.

use std::collections::BTreeMap;

use tidegate_units::{Instant, Priority, Span};

use crate::number;
use crate::report::{LOAD_POINT_S, LoadPoint, Quantiles};

/// Waits and loads of one run.
#[derive(Debug)]
pub(super) struct Tally {
    waits_s: BTreeMap<Priority, Vec<f64>>,
    points: Vec<Counted>,
    pub(super) decisions: u64,
    pub(super) failed: u64,
}

/// What happened in one stretch of [`LOAD_POINT_S`].
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    offered: u64,
    admitted: u64,
    refused: u64,
}

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    Offered,
    Admitted,
    Refused,
}

impl Tally {
    pub(super) fn new(horizon: Span) -> Self {
        let points = horizon.as_nanos() / Span::from_secs(LOAD_POINT_S).as_nanos() + 1;
        let points = vec![Counted::default(); usize::try_from(points).unwrap_or(usize::MAX)];
        Self { waits_s: BTreeMap::new(), points, decisions: 0, failed: 0 }
    }

    pub(super) fn count(&mut self, now: Instant, load: Load) {
        let point = now.as_nanos() / Span::from_secs(LOAD_POINT_S).as_nanos();
        let Some(point) = self.points.get_mut(usize::try_from(point).unwrap_or(usize::MAX)) else {
            return;
        };
        match load {
            Load::Offered => point.offered += 1,
            Load::Admitted => point.admitted += 1,
            Load::Refused => point.refused += 1,
        }
    }

    pub(super) fn waited(&mut self, class: Priority, wait: Span) {
        self.waits_s.entry(class).or_default().push(wait.as_secs_f64());
    }

    pub(super) fn waits_s(&mut self) -> BTreeMap<String, Quantiles> {
        let quantiles = |(class, waits): (&Priority, &mut Vec<f64>)| {
            waits.sort_by(f64::total_cmp);
            let at = |share| quantile(waits, share);
            (class.name().to_owned(), Quantiles { p50: at(0.5), p99: at(0.99) })
        };
        self.waits_s.iter_mut().map(quantiles).collect()
    }

    pub(super) fn load(&self) -> Vec<LoadPoint> {
        let length = number::float(LOAD_POINT_S);
        let rate = |count: u64| number::float(count) / length;
        let point = |(index, counted): (usize, &Counted)| LoadPoint {
            at_s: (number::float(u64::try_from(index).unwrap_or(u64::MAX)) + 0.5) * length,
            offered: rate(counted.offered),
            admitted: rate(counted.admitted),
            refused: rate(counted.refused),
        };
        self.points.iter().enumerate().map(point).collect()
    }
}

/// The smallest of the sorted values that at least `share` of them do not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = number::place_of_share(share, sorted.len()).min(last);
    sorted.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let hundred: Vec<f64> = (1..=100_u32).map(f64::from).collect();
        assert!((quantile(&hundred, 0.5) - 51.0).abs() < 1.5);
        assert!((quantile(&hundred, 0.99) - 100.0).abs() < 1.5);
        assert!(quantile(&[], 0.5).abs() < f64::EPSILON);
        assert!((quantile(&[7.0], 0.99) - 7.0).abs() < f64::EPSILON);
    }
}
