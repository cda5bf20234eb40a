//! Slowing down for a service that is in trouble, without learning anything from it.

use libm::exp;
use tidegate_units::{Instant, Span};

/// What an overload does to the pace.
const OVERLOADED: f64 = 0.7;
/// What failures in a row do.
const FAILED: f64 = 0.85;
/// So many failures in a row are the service's, not the caller's.
const FAILURES: u32 = 3;
/// The slowest, as a part of the pace.
const SLOWEST: f64 = 0.1;
/// How long it takes until two thirds of it are over.
const RECOVERY_S: f64 = 10.0;
/// No more than one step down in so long, or one per event: what was sent before the last step says
/// nothing new.
const STEP: Span = Span::from_secs(1);

/// How much slower than the pace calls are sent because of overload and failures (PACE-2).
#[derive(Debug, Clone, Default)]
pub(super) struct Strain {
    /// The part of the pace that was given up at `since`.
    given_up: f64,
    since: Instant,
    failures: u32,
}

impl Strain {
    /// The part of the pace at which calls are sent.
    pub(super) fn factor(&self, now: Instant) -> f64 {
        if self.given_up <= 0.0 {
            return 1.0;
        }
        1.0 - self.given_up * exp(-now.since(self.since).as_secs_f64() / RECOVERY_S)
    }

    /// The service said that it has too much to do.
    pub(super) fn overloaded(&mut self, now: Instant, sent_at: Instant) {
        self.step(now, sent_at, OVERLOADED);
    }

    /// A call failed.
    pub(super) fn failed(&mut self, now: Instant, sent_at: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.step(now, sent_at, FAILED);
        }
    }

    /// A call succeeded.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    fn step(&mut self, now: Instant, sent_at: Instant, factor: f64) {
        let known = self.given_up > 0.0 && (sent_at <= self.since || now.since(self.since) < STEP);
        if !known {
            self.given_up = 1.0 - (self.factor(now) * factor).max(SLOWEST);
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn overload_slows_down_for_a_while_once_per_event() {
        let mut strain = Strain::default();
        strain.overloaded(at(10), at(9));
        strain.overloaded(at(11), at(10));
        assert!((strain.factor(at(11)) - 0.73).abs() < 0.01, "PACE-2: {}", strain.factor(at(11)));
        strain.overloaded(at(12), at(11));
        assert!(strain.factor(at(12)) < 0.6);
        assert!(strain.factor(at(100)) > 0.99);
    }

    #[test]
    fn a_failure_now_and_then_changes_nothing() {
        let mut strain = Strain::default();
        for second in 0..100 {
            strain.failed(at(second), at(second));
            strain.failed(at(second), at(second));
            strain.succeeded();
        }
        assert!(strain.factor(at(100)) >= 1.0);
        for _ in 0..3 {
            strain.failed(at(200), at(200));
        }
        assert!(strain.factor(at(200)) < 0.9);
    }
}
