//! Slowing down for a service that is in trouble, without learning anything from it.

use libm::exp;
use tidegate_units::Instant;

/// One answer's part in the share of calls that met with trouble.
const WEIGHT: f64 = 0.1;
/// So large a share is what services do on a good day.
const USUAL: f64 = 0.2;
/// How much of the pace is given up for each part of the share beyond that.
const GIVEN_UP: f64 = 2.0;
/// The slowest, as a part of the pace.
const SLOWEST: f64 = 0.1;
/// How long it takes until two thirds of it are over, if nothing is heard.
const RECOVERY_S: f64 = 20.0;

/// How much slower than the pace calls are sent because of overload, time-outs and failures (PACE-2).
#[derive(Debug, Clone, Default)]
pub(super) struct Strain {
    /// The share of calls that met with trouble, as of `at`.
    share: f64,
    at: Instant,
}

impl Strain {
    /// The part of the pace at which calls are sent.
    pub(super) fn factor(&self, now: Instant) -> f64 {
        let beyond = (self.share_at(now) - USUAL).max(0.0);
        (1.0 - GIVEN_UP * beyond).max(SLOWEST)
    }

    /// A call has met with trouble: the service has too much to do, or it failed.
    pub(super) fn trouble(&mut self, now: Instant) {
        self.answered(now, 1.0);
    }

    /// A call has not.
    pub(super) fn succeeded(&mut self, now: Instant) {
        self.answered(now, 0.0);
    }

    fn answered(&mut self, now: Instant, trouble: f64) {
        let share = self.share_at(now);
        self.share = share + WEIGHT * (trouble - share);
        self.at = self.at.max(now);
    }

    fn share_at(&self, now: Instant) -> f64 {
        if self.share <= 0.0 {
            return 0.0;
        }
        self.share * exp(-now.since(self.at).as_secs_f64() / RECOVERY_S)
    }
}

#[cfg(test)]
mod tests {
    use tidegate_units::Span;

    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn overload_slows_down_and_its_end_speeds_up_again() {
        let mut strain = Strain::default();
        for second in 0..20 {
            strain.trouble(at(second));
        }
        assert!(strain.factor(at(20)) < 0.3, "PACE-2: {}", strain.factor(at(20)));
        for _ in 0..30 {
            strain.succeeded(at(21));
        }
        assert!(strain.factor(at(21)) >= 1.0);
    }

    #[test]
    fn trouble_now_and_then_changes_nothing() {
        let mut strain = Strain::default();
        for second in 0..100 {
            strain.trouble(at(second));
            for _ in 0..19 {
                strain.succeeded(at(second));
            }
            assert!(strain.factor(at(second)) >= 1.0);
        }
    }

    #[test]
    fn silence_is_forgiven() {
        let mut strain = Strain::default();
        for _ in 0..100 {
            strain.trouble(at(0));
        }
        assert!(strain.factor(at(0)) <= SLOWEST);
        assert!(strain.factor(at(120)) >= 1.0);
    }
}
