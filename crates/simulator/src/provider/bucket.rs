//! A token bucket that may go into debt.

use tidegate_units::Instant;

use crate::provider::headers::LimitHeader;
use crate::provider::quantity::{Quantity, Rate};

/// A bucket: full at first, refilled steadily, never above its burst.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    rate: Rate,
    burst: Quantity,
    level: Quantity,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Rate, burst: Quantity) -> Self {
        Self { rate, burst, level: burst, at: Instant::ZERO }
    }

    /// The level at `now`; below zero while a debt is paid off.
    pub(super) fn level(&self, now: Instant) -> Quantity {
        (self.level + self.rate.over(now.since(self.at))).min(self.burst)
    }

    /// When `amount` passes if nothing else comes first: `now` or later, or never.
    pub(super) fn earliest(&self, now: Instant, amount: u64) -> Option<Instant> {
        let amount = Quantity::whole(amount);
        if amount > self.burst {
            return None;
        }
        let missing = amount - self.level(now);
        let wait = self.rate.time_for(missing);
        // A clock that stepped back first waits for where it was.
        Some(if wait.is_zero() { now } else { now.max(self.at) + wait })
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

    /// What the headers say of this bucket; `reset_at` is when it is full.
    pub(super) fn header(&self, now: Instant, limit: u64) -> LimitHeader {
        let level = self.level(now);
        let reset_at = now + self.rate.time_for(self.burst - level);
        LimitHeader { limit, remaining: level.floor(), reset_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_units::Span;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    /// Three at most, two per second.
    fn bucket() -> Bucket {
        let rate = Rate::from_micros_per_second(2_000_000).expect("in range");
        Bucket::new(rate, Quantity::whole(3))
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
