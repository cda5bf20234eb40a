//! Where the counters of a service stood at times gone by, so that rates over a stretch are differences.
//!
//! A mark every five seconds for five minutes, one every minute for an hour. A stretch begins at the last mark
//! that is at least as old as it is long, or at the oldest, and its rates are over the time that has really
//! passed since that mark. So they are exact, and say over how much.

use std::collections::{BTreeMap, VecDeque};

use super::counts::Counts;
use super::number::{float, per_second};
use crate::status::{Trend, Trends, WaitTrend};

/// A minute.
pub(crate) const MINUTE: u64 = 60_000;
/// Marks of the last five minutes: how far apart, and how far back.
const FINE: (u64, u64) = (5_000, 5 * MINUTE);
/// Marks of the last hour.
const COARSE: (u64, u64) = (MINUTE, 60 * MINUTE);

/// Counters at times gone by. At most 62 of each kind.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    fine: VecDeque<(u64, Counts)>,
    coarse: VecDeque<(u64, Counts)>,
}

impl Marks {
    /// Remembers where the counters stand now, where it is time for a mark.
    pub(crate) fn set(&mut self, now: u64, total: &Counts) {
        set(&mut self.fine, FINE, now, total);
        set(&mut self.coarse, COARSE, now, total);
    }

    /// What happened in the last `stretch` milliseconds, and over how much that is known.
    pub(crate) fn over(&self, stretch: u64, now: u64, total: &Counts) -> (u64, Counts) {
        let marks = if stretch > FINE.1 { &self.coarse } else { &self.fine };
        let begins = now.saturating_sub(stretch);
        let later = marks.partition_point(|(at, _)| *at <= begins);
        match marks.get(later.saturating_sub(1)) {
            Some((at, then)) => (now.saturating_sub(*at), total.since(then)),
            None => (0, Counts::default()),
        }
    }

    /// What was done lately.
    pub(crate) fn trends(&self, now: u64, total: &Counts) -> Trends {
        let trend = |stretch| trend(&self.over(stretch, now, total));
        Trends { minute: trend(MINUTE), five_minutes: trend(5 * MINUTE), hour: trend(60 * MINUTE) }
    }
}

fn set(marks: &mut VecDeque<(u64, Counts)>, (apart, back): (u64, u64), now: u64, total: &Counts) {
    if marks.back().is_some_and(|(at, _)| now < at.saturating_add(apart)) {
        return;
    }
    // The oldest may go once the second oldest is as old as the longest stretch.
    while marks.get(1).is_some_and(|(at, _)| at.saturating_add(back) <= now) {
        marks.pop_front();
    }
    marks.push_back((now, total.clone()));
}

fn trend((over_ms, counts): &(u64, Counts)) -> Trend {
    let rate = |count| per_second(count, *over_ms);
    let dimensions = counts.spent.dimensions().into_iter();
    let used: BTreeMap<_, _> = dimensions.map(|it| (it, rate(counts.spent.used(it)))).collect();
    let wait = |share| counts.waits.quantile(share).map(|wait| float(wait.as_nanos()) / 1e6);
    let wait_ms = wait(0.5).zip(wait(0.9)).zip(wait(0.99));
    Trend {
        over_ms: *over_ms,
        granted_per_second: rate(counts.granted()),
        refused_per_second: rate(counts.refused),
        refused_upstream_per_second: rate(counts.refused_upstream()),
        throttle_rate: counts.throttle_rate(),
        used_per_second: used,
        wait_ms: wait_ms.map(|((p50, p90), p99)| WaitTrend { p50, p90, p99 }),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_units::Span;

    use super::*;

    fn granted(count: u64) -> Counts {
        Counts { handed_out: count, ..Counts::default() }
    }

    #[test]
    fn a_rate_is_over_the_time_that_is_covered() {
        let mut marks = Marks::default();
        assert_eq!(marks.over(MINUTE, 0, &granted(5)), (0, Counts::default()));
        // One grant a second, looked at every 1.7 s.
        let looks = (0..5_000_u64).map(|look| look * 1_700);
        let mut most = 0;
        for now in looks {
            let total = granted(now / 1_000);
            marks.set(now, &total);
            most = most.max(marks.fine.len()).max(marks.coarse.len());
            for stretch in [MINUTE, 5 * MINUTE, 60 * MINUTE] {
                let (over, counts) = marks.over(stretch, now, &total);
                let apart = if stretch > 5 * MINUTE { MINUTE } else { 5_000 };
                assert!(over >= stretch.min(now) && over < stretch + apart + 1_700, "{over}");
                assert!(counts.granted().abs_diff(over / 1_000) <= 1);
            }
        }
        assert!(most <= 62, "{most}");
    }

    #[test]
    fn a_long_silence_is_covered_as_a_whole() {
        let mut marks = Marks::default();
        marks.set(0, &granted(0));
        marks.set(10 * MINUTE, &granted(60));
        let trends = marks.trends(10 * MINUTE + 500, &granted(60));
        assert_eq!(trends.minute.over_ms, 10 * MINUTE + 500);
        assert!((trends.minute.granted_per_second - 60.0 / 600.5).abs() < 1e-9);
    }

    #[test]
    fn a_mark_that_is_just_old_enough_is_taken() {
        let mut marks = Marks::default();
        for now in (0..=65_000).step_by(5_000) {
            marks.set(now, &granted(now));
        }
        assert_eq!(marks.over(MINUTE, 65_000, &granted(65_000)), (MINUTE, granted(MINUTE)));
    }

    #[test]
    fn waits_are_those_of_the_stretch() {
        let mut marks = Marks::default();
        let mut total = Counts::default();
        total.waits.record(Span::from_secs(20));
        marks.set(0, &total);
        for _ in 0..100 {
            total.waits.record(Span::from_millis(30));
        }
        let waits = marks.trends(MINUTE, &total).minute.wait_ms.expect("somebody waited");
        assert!(waits.p50 > 25.0 && waits.p99 <= 50.0, "{waits:?}");
        assert_eq!(marks.trends(0, &marks.fine[0].1.clone()).minute.wait_ms, None);
    }
}
