//! A constant pace: what a service takes is known, and nothing that it answers changes it.
//!
//! # Invariants
//!
//! - PACE-1: see [`crate::controller`].

use tidegate_units::{AdaptivePolicy, Amounts, Cost, Dimension, Instant, Priority};

use crate::number::{float, whole};
use crate::pacer::Pacer;
use crate::{Answer, Controller, Hint, Pace};

/// The first pace of a policy, for good.
///
/// Where a service asks to be left alone, that is for the owner to heed; see [`crate::Pause`].
///
/// ```
/// use tidegate_adaptive::{Controller, Fixed};
/// use tidegate_units::{AdaptivePolicy, Cost, Instant, Priority, Span};
///
/// let policy = AdaptivePolicy {
///     start: vec!["2 requests per second".parse()?],
///     ..AdaptivePolicy::default()
/// };
/// let now = Instant::ZERO;
/// let mut fixed = Fixed::new(&policy, now);
/// assert_eq!(fixed.earliest(now, &Cost::request(), Priority::Normal), now);
/// fixed.sent(now, &Cost::request());
/// let next = fixed.earliest(now, &Cost::request(), Priority::Normal);
/// assert_eq!(next.since(now).as_millis(), 500);
/// # Ok::<(), tidegate_units::policy::adaptive::InvalidRate>(())
/// ```
#[derive(Debug, Clone)]
pub struct Fixed {
    paces: Vec<(Dimension, f64, Pacer)>,
}

impl Fixed {
    /// At the first pace that `policy` states.
    pub fn new(policy: &AdaptivePolicy, now: Instant) -> Self {
        let paced = policy.dimensions.iter().take(AdaptivePolicy::DIMENSIONS_MAX);
        let pace =
            |dimension: &Dimension| (*dimension, policy.bounds(*dimension).start, Pacer::new(now));
        Self { paces: paced.map(pace).collect() }
    }

    fn charge(&mut self, now: Instant, amount: impl Fn(Dimension) -> u64, sign: f64) {
        for (dimension, rate, pacer) in &mut self.paces {
            pacer.advance(now, *rate);
            pacer.spend(sign * float(amount(*dimension)));
        }
    }
}

impl Controller for Fixed {
    fn earliest(&self, now: Instant, cost: &Cost, _: Priority) -> Instant {
        let taking = self.paces.iter().filter(|(dimension, ..)| cost.amount(*dimension) > 0);
        taking.map(|(_, rate, pacer)| pacer.ready_at(now, *rate)).max().unwrap_or(now)
    }

    fn lendable(&self, now: Instant, dimension: Dimension) -> Option<u64> {
        // What passes the gate is heard of as requests only, so it can pass nothing else that is paced.
        let [(Dimension::Requests, rate, pacer)] = &self.paces[..] else { return Some(0) };
        let level = pacer.level_at(now, *rate);
        let ready = if level < 0.0 { 0 } else { whole(level).saturating_add(1) };
        (dimension == Dimension::Requests).then_some(ready)
    }

    fn lent(&mut self, now: Instant, amounts: &Amounts) {
        self.charge(now, |dimension| amounts.get(dimension), 1.0);
    }

    fn recalled(&mut self, now: Instant, amounts: &Amounts) {
        self.charge(now, |dimension| amounts.get(dimension), -1.0);
    }

    /// What was lent counted as sent then.
    fn taken(&mut self, _: Instant, _: &Amounts) {}

    fn sent(&mut self, now: Instant, cost: &Cost) {
        self.charge(now, |dimension| cost.amount(dimension), 1.0);
    }

    fn hinted(&mut self, _: Instant, _: Instant, _: &[Hint]) {}

    fn answered(&mut self, now: Instant, answer: &Answer<'_>) {
        self.charge(now, |dimension| answer.debt.get(dimension), 1.0);
        self.charge(now, |dimension| answer.refund.get(dimension), -1.0);
    }

    fn waits(&mut self, _: Instant, _: bool) {}

    fn paces(&self, _: Instant) -> Vec<Pace> {
        let pace = |(dimension, rate, _): &(Dimension, f64, Pacer)| Pace {
            dimension: *dimension,
            per_second: *rate,
            learned_per_second: None,
            confidence: 1.0,
            learned_at: None,
        };
        self.paces.iter().map(pace).collect()
    }

    fn boxed_clone(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
