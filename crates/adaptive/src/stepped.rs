//! A pacer whose rate is lower until an instant: what it rises by is summed up on both sides of it.
//!
//! # Invariants
//!
//! - PACE-1: see [`crate::pacer`].

use tidegate_units::Instant;

use crate::number::whole;
use crate::pacer::Pacer;
use crate::slowdown::Slow;

/// A pacer, and what its rate was when it was last looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stepped {
    pacer: Pacer,
}

impl Stepped {
    /// The first call may be sent at once.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { pacer: Pacer::new(now) }
    }

    /// Lets it rise until `now` at `rate`, or at what `slow` leaves of it.
    pub(crate) fn advance(&mut self, now: Instant, rate: f64, slow: Slow) {
        if now >= slow.until {
            self.pacer.advance(slow.until, rate * slow.factor);
        }
        self.pacer.advance(now, slow.of(rate, now));
    }

    /// When the next call may be sent: `now` if at once.
    pub(crate) fn ready_at(&self, now: Instant, rate: f64, slow: Slow) -> Instant {
        let mut ahead = *self;
        ahead.advance(now, rate, slow);
        let ready = ahead.pacer.ready_at(now, slow.of(rate, now));
        if now < slow.until && slow.until < ready {
            ahead.advance(slow.until, rate, slow);
            return ahead.pacer.ready_at(slow.until, rate);
        }
        ready
    }

    /// How many calls of one each may go at once.
    pub(crate) fn ready(&self, now: Instant, rate: f64, slow: Slow) -> u64 {
        let mut ahead = *self;
        ahead.advance(now, rate, slow);
        match ahead.pacer.level_at(now, rate) {
            level if level < 0.0 => 0,
            level => whole(level).saturating_add(1),
        }
    }

    /// So much is sent, or was not sent after all where it is below 0.
    pub(crate) fn spend(&mut self, amount: f64) {
        self.pacer.spend(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_units::Span;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn a_slow_time_is_waited_for_at_its_rate() {
        let slow = Slow { factor: 0.5, until: at(2_000) };
        let mut stepped = Stepped::new(at(0));
        stepped.spend(3.0);
        // One in the two slow seconds, two in the two after them.
        assert_eq!(stepped.ready_at(at(0), 1.0, slow), at(4_000));
        assert_eq!(stepped.ready_at(at(1_000), 1.0, slow), at(4_000));
        stepped.advance(at(3_500), 1.0, slow);
        assert_eq!(stepped.ready_at(at(3_500), 1.0, slow), at(4_000));
        assert_eq!(stepped.ready(at(3_999), 1.0, slow), 0);
        assert_eq!(stepped.ready(at(4_000), 1.0, slow), 1);
    }
}
