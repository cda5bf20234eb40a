//! Going slower for a while because a service cannot cope, without concluding anything about its rate.
//!
//! A service that is overloaded gets half of the calls for a few seconds, and half of that if it is
//! still so afterwards. A single failure says nothing; several one after another are taken for the
//! same.
//!
//! # Invariants
//!
//! - PACE-2: only refusals for a rate lower what was learned.

use tidegate_units::{Instant, Span};

/// What is left of a pace, once more with each event.
const FACTOR: f64 = 0.5;
/// The least that is left of it: a service that is down is left alone by a breaker, not by this.
const FACTOR_MIN: f64 = 1.0 / 16.0;
/// For how long.
const LASTS: Span = Span::from_secs(5);
/// How many failures in a row say that something is wrong with the service rather than with a call.
const FAILURES: u32 = 3;

/// What is left of a pace, and until when; all of it from then on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slow {
    pub(crate) factor: f64,
    pub(crate) until: Instant,
}

impl Slow {
    /// Nothing is slower.
    pub(crate) const NOT: Self = Self { factor: 1.0, until: Instant::ZERO };

    /// What is left of `rate` at `now`.
    pub(crate) fn of(self, rate: f64, now: Instant) -> f64 {
        if now < self.until { rate * self.factor } else { rate }
    }
}

/// How much slower, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slowdown {
    slow: Slow,
    /// When it last began.
    began: Option<Instant>,
    failures: u32,
}

impl Slowdown {
    /// As fast as ever.
    pub(crate) const fn new() -> Self {
        Self { slow: Slow::NOT, began: None, failures: 0 }
    }

    /// What is left of a pace; levels are settled before it changes.
    pub(crate) const fn rest(&self) -> Slow {
        self.slow
    }

    /// A call that was sent at `sent_at` was too much: slower from now on, unless it began since.
    pub(crate) fn begin(&mut self, now: Instant, sent_at: Instant) {
        if self.began.is_some_and(|at| sent_at <= at) {
            return;
        }
        let held = if now < self.slow.until { self.slow.factor } else { 1.0 };
        self.slow = Slow { factor: (held * FACTOR).max(FACTOR_MIN), until: now + LASTS };
        self.began = Some(now);
    }

    /// A call succeeded.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A call failed: whether it was one too many in a row.
    pub(crate) fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures >= FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_halves_once_and_it_passes() {
        let mut slowdown = Slowdown::new();
        let at = |secs| Instant::ZERO + Span::from_secs(secs);
        slowdown.begin(at(10), at(9));
        assert_eq!(slowdown.rest(), Slow { factor: 0.5, until: at(15) });
        slowdown.begin(at(11), at(10));
        assert_eq!(slowdown.rest(), Slow { factor: 0.5, until: at(15) }, "sent before it began");
        slowdown.begin(at(14), at(12));
        assert_eq!(slowdown.rest(), Slow { factor: 0.25, until: at(19) });
        slowdown.begin(at(19), at(18));
        assert_eq!(slowdown.rest(), Slow { factor: 0.5, until: at(24) }, "it had passed");
        for event in 0..10 {
            slowdown.begin(at(20) + Span::from_nanos(event), at(20) + Span::from_nanos(event));
        }
        assert!(slowdown.rest().factor >= FACTOR_MIN);
    }

    #[test]
    fn failures_count_in_a_row() {
        let mut slowdown = Slowdown::new();
        assert!(!slowdown.failed() && !slowdown.failed());
        slowdown.succeeded();
        assert!(!slowdown.failed() && !slowdown.failed() && slowdown.failed());
    }
}
