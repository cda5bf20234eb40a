//! Spacing calls out at a rate that changes all the time.
//!
//! A level that is at most a moment's worth above nothing: a call may be sent while it is not below
//! zero, and is subtracted then, however large it is. So the rate holds in the long run, nothing is
//! saved up in idle times, and nobody has to wait for more than one call to be paid off. That is a
//! leaky bucket used as a meter (ITU-T I.371), with a bucket of next to nothing.
//!
//! # Invariants
//!
//! - PACE-1: over any interval no more is sent than the rate integrated over it, one call, and
//!   [`MOMENT`] of the rate.

use tidegate_units::{Instant, Span};

/// What may be saved up: as much as the rate lets through in so long. Timers cannot tell less apart.
pub const MOMENT: Span = Span::from_millis(10);

/// What is owed is paid off in so long at most, whatever somebody claims to have taken.
pub const OWED_MAX: Span = Span::from_secs(3_600);

/// A level in the unit of one dimension.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    level: f64,
    at: Instant,
}

impl Pacer {
    /// A level of nothing at `now`: the first call may be sent at once.
    pub const fn new(now: Instant) -> Self {
        Self { level: 0.0, at: now }
    }

    /// Lets the level rise at `rate` until `now`.
    pub fn advance(&mut self, now: Instant, rate: f64) {
        self.level = self.level_at(now, rate);
        self.at = self.at.max(now);
    }

    /// The level at `now`, if it rises at `rate` until then.
    pub fn level_at(&self, now: Instant, rate: f64) -> f64 {
        let room = rate * MOMENT.as_secs_f64();
        let level = self.level.max(-rate * OWED_MAX.as_secs_f64());
        (level + rate * now.since(self.at).as_secs_f64()).min(room)
    }

    /// So much is sent.
    pub fn spend(&mut self, amount: f64) {
        self.level -= amount;
    }

    /// So much was not sent after all, or took less than was thought.
    pub fn give_back(&mut self, amount: f64) {
        self.level += amount;
    }

    /// When the next call may be sent, if the level rises at `rate`: `now` if at once.
    pub fn ready_at(&self, now: Instant, rate: f64) -> Instant {
        self.ready_ahead_at(now, rate, 0.0)
    }

    /// The same for a call that may be sent so far `ahead` of the pace.
    pub fn ready_ahead_at(&self, now: Instant, rate: f64, ahead: f64) -> Instant {
        let level = self.level_at(now, rate) + ahead;
        if level >= 0.0 {
            return now;
        }
        now + Span::from_secs_f64(-level / rate).max(Span::from_nanos(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn calls_are_spaced_out_and_nothing_is_saved_up() {
        let mut pacer = Pacer::new(Instant::ZERO);
        assert_eq!(pacer.ready_at(at(0), 4.0), at(0), "PACE-1: the first at once");
        pacer.spend(1.0);
        assert_eq!(pacer.ready_at(at(0), 4.0), at(250));
        pacer.advance(at(10_000), 4.0);
        pacer.spend(1.0);
        assert_eq!(pacer.ready_at(at(10_000), 4.0), at(10_240), "a moment is saved up, no more");
    }

    #[test]
    fn a_large_call_goes_at_once_and_is_paid_off_after() {
        let mut pacer = Pacer::new(Instant::ZERO);
        pacer.spend(100.0);
        assert_eq!(pacer.ready_at(at(0), 10.0), at(10_000));
        pacer.give_back(50.0);
        assert_eq!(pacer.ready_at(at(0), 10.0), at(5_000));
    }

    #[test]
    fn a_clock_that_steps_back_lets_nothing_rise() {
        let mut pacer = Pacer::new(at(1_000));
        pacer.spend(1.0);
        pacer.advance(at(500), 1.0);
        assert_eq!(pacer.ready_at(at(1_000), 1.0), at(2_000));
    }
}
