//! A token bucket that may go into debt, and whose size and rate may change.

use tidegate_units::{Instant, Span};

use crate::provider::course::{Course, Stretch};
use crate::provider::headers::LimitHeader;
use crate::provider::quantity::{Quantity, Rate};

/// A bucket: full at first, refilled steadily, never above its burst.
///
/// A step that makes it smaller leaves what fits; one that makes it larger fills nothing.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// What it refills at and holds while nothing has changed it.
    rate: Rate,
    burst: Quantity,
    course: Course,
    level: Quantity,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Rate, burst: Quantity, course: Course) -> Self {
        let level = burst.scaled(course.at(Instant::ZERO).steps);
        Self { rate, burst, course, level, at: Instant::ZERO }
    }

    /// The level at `now`; below zero while a debt is paid off.
    pub(super) fn level(&self, now: Instant) -> Quantity {
        let stretches = self.course.between(self.at, now.max(self.at));
        stretches
            .fold(self.level, |level, (stretch, _, length)| self.filled(level, &stretch, length))
    }

    /// When `amount` passes if nothing else comes first and the capacity goes its course: `now` or
    /// later, or never.
    pub(super) fn earliest(&self, now: Instant, amount: u64) -> Option<Instant> {
        let amount = Quantity::whole(amount);
        let mut level = self.level(now);
        if level >= amount {
            return Some(now);
        }
        // A clock that stepped back first waits for where it was.
        let mut at = now.max(self.at);
        loop {
            let stretch = self.course.at(at);
            let wait = self.rate_in(&stretch).time_for(amount - level);
            let fits = amount <= self.burst_in(&stretch);
            match stretch.until {
                _ if fits && stretch.until.is_none_or(|until| at + wait < until) => {
                    return Some(at + wait);
                }
                None => return None,
                Some(until) => {
                    level = self.filled(level, &stretch, until.since(at));
                    level = level.min(self.burst_in(&self.course.at(until)));
                    at = until;
                    if level >= amount {
                        return Some(at);
                    }
                }
            }
        }
    }

    /// How long `amount` takes to be there as far as anybody knows at `now`: at the present rate; or
    /// it never fits.
    pub(super) fn wait_as_of(&self, now: Instant, amount: u64) -> Option<Span> {
        let amount = Quantity::whole(amount);
        let from = now.max(self.at);
        let stretch = self.course.at(from);
        let wait = self.rate_in(&stretch).time_for(amount - self.level(from));
        (amount <= self.burst_in(&stretch)).then(|| from.since(now) + wait)
    }

    /// Takes `amount`, whether it is there or not.
    pub(super) fn take(&mut self, now: Instant, amount: u64) {
        self.level = self.level(now) - Quantity::whole(amount);
        self.at = self.at.max(now);
    }

    /// Takes what is beyond the last whole unit.
    pub(super) fn burn_fraction(&mut self, now: Instant) {
        let level = self.level(now);
        self.level = level.min(Quantity::whole(level.floor()));
        self.at = self.at.max(now);
    }

    /// What the headers say of this bucket; `reset_at` is when it is full at the present rate.
    pub(super) fn header(&self, now: Instant, limit: u64) -> LimitHeader {
        let level = self.level(now);
        let stretch = self.course.at(now);
        let missing = self.burst_in(&stretch) - level;
        let reset_at = now + self.rate_in(&stretch).time_for(missing);
        LimitHeader { limit, remaining: level.floor(), reset_at }
    }

    fn rate_in(&self, stretch: &Stretch) -> Rate {
        self.rate.scaled(stretch.whole())
    }

    fn burst_in(&self, stretch: &Stretch) -> Quantity {
        self.burst.scaled(stretch.steps)
    }

    /// The level after so long.
    fn filled(&self, level: Quantity, stretch: &Stretch, length: Span) -> Quantity {
        (level + self.rate_in(stretch).over(length)).min(self.burst_in(stretch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::course::{CapacityStep, Swings};

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    /// Three at most, two per second.
    fn bucket() -> Bucket {
        let rate = Rate::from_micros_per_second(2_000_000).expect("in range");
        Bucket::new(rate, Quantity::whole(3), Course::constant())
    }

    #[test]
    fn the_earliest_time_is_the_first_that_passes() {
        let mut bucket = bucket();
        assert_eq!(bucket.earliest(at(10), 3), Some(at(10)));
        bucket.take(at(10), 3);
        assert_eq!(bucket.earliest(at(10), 1), Some(at(510)));
        assert_eq!(bucket.earliest(at(260), 1), Some(at(510)));
        assert_eq!(bucket.earliest(at(600), 1), Some(at(600)));
        assert_eq!(bucket.earliest(at(10), 4), None);
    }

    #[test]
    fn a_debt_is_paid_before_anything_passes() {
        let mut bucket = bucket();
        bucket.take(at(0), 3);
        bucket.take(at(0), 10);
        assert_eq!(bucket.earliest(at(0), 0), Some(at(5_000)));
        assert_eq!(bucket.earliest(at(0), 1), Some(at(5_500)));
        assert_eq!(bucket.header(at(0), 120).remaining, 0);
        assert_eq!(bucket.header(at(0), 120).reset_at, at(6_500));
    }

    /// The same, halved from the tenth second to the twentieth.
    fn stepping() -> Bucket {
        let step = |secs, millionths| CapacityStep { at: Span::from_secs(secs), millionths };
        let steps = vec![step(10, 500_000), step(20, 1_000_000)];
        let swings = Swings { steps, ..Swings::default() };
        let rate = Rate::from_micros_per_second(2_000_000).expect("in range");
        Bucket::new(rate, Quantity::whole(3), Course::new(&swings, Span::ZERO, 1))
    }

    #[test]
    fn a_smaller_bucket_keeps_what_fits_and_a_larger_one_fills_as_it_refills() {
        let bucket = stepping();
        let level = |nanos| bucket.level(Instant::from_nanos(nanos)).as_f64();
        let levels = [9_999_999_999, 10_000_000_000, 20_000_000_000, 20_250_000_000].map(level);
        assert!(levels.iter().zip([3.0, 1.5, 1.5, 2.0]).all(|(is, was)| (is - was).abs() < 1e-12));
        assert_eq!(bucket.header(at(15_000), 60).remaining, 1);
        assert_eq!(bucket.header(at(20_000), 120).reset_at, at(20_750));
    }

    #[test]
    fn refilling_over_a_step_loses_nothing() {
        let mut bucket = stepping();
        bucket.take(at(9_900), 3);
        // A tenth of a second at two per second, and from there on one per second.
        assert_eq!(bucket.earliest(at(9_900), 1), Some(at(10_800)));
        assert_eq!(bucket.wait_as_of(at(9_900), 1), Some(Span::from_millis(500)));
        // Two never fit into the halved bucket: not until it is whole again.
        assert_eq!(bucket.earliest(at(10_000), 2), Some(at(20_250)));
        assert_eq!(bucket.wait_as_of(at(10_000), 2), None);
        assert_eq!(bucket.earliest(at(10_000), 4), None);
        bucket.take(at(19_999), 5);
        // 3.5 in debt, less a millisecond at one per second, then two per second.
        assert_eq!(bucket.earliest(at(19_999), 0), Some(Instant::from_nanos(21_749_500_000)));
    }

    #[test]
    fn a_burnt_fraction_is_gone_and_whole_units_stay() {
        let mut bucket = bucket();
        bucket.take(at(0), 3);
        bucket.burn_fraction(at(900));
        assert_eq!(bucket.level(at(900)), Quantity::whole(1));
        bucket.take(at(900), 5);
        bucket.burn_fraction(at(900));
        assert!(bucket.level(at(900)) < Quantity::ZERO, "a debt is not forgiven");
    }

    #[test]
    fn a_clock_that_steps_back_refills_nothing() {
        let mut bucket = bucket();
        bucket.take(at(1_000), 3);
        assert_eq!(bucket.level(at(0)), Quantity::ZERO);
        bucket.take(at(0), 0);
        assert_eq!(bucket.level(at(1_000)), Quantity::ZERO);
    }
}
