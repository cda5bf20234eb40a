//! How many calls a service bears at once, where it has a capacity rather than a rate: a database, a
//! model on this machine, a disk.
//!
//! Up to its capacity such a service answers as fast as ever; beyond it, calls queue inside it and only
//! take longer. So the number of calls under way is raised while they take as long as they do
//! alone, and lowered when they take longer ([`InFlightAlgorithm::Gradient`]); or raised by one until
//! a call is refused, and lowered by a tenth then ([`InFlightAlgorithm::Aimd`]).
//!
//! Nothing is paced by a rate. The owner has as many slots as [`Controller::slots`] says.
//!
//! # Invariants
//!
//! - FLIGHT-1: there are never fewer slots than the fewest, nor more than the most.
//! - FLIGHT-2: slots that are not used are no reason for more.
//! - FLIGHT-3: one event lowers them once: a refusal of a call that was sent before they were last
//!   lowered says nothing new.

use tidegate_units::{
    Amounts, Concurrency, Cost, Dimension, InFlightAlgorithm, InFlightPolicy, Instant, Outcome,
    Priority,
};

use crate::number::{float, whole};
use crate::{Answer, Controller, Hint, Pace};

mod gradient;

use gradient::Gradient;

/// What a refusal leaves of the slots.
const DECREASE: f64 = 0.9;
/// The part of the slots that must have been used for more of them to be of any use.
const USED: f64 = 0.5;

/// The number of slots of a service, learned.
///
/// ```
/// use tidegate_adaptive::{Controller, InFlight};
/// use tidegate_units::{Cost, InFlightAlgorithm, InFlightPolicy, Instant, Span};
///
/// let aimd = InFlightAlgorithm::Aimd;
/// let policy = InFlightPolicy { algorithm: aimd, min: 2, ..InFlightPolicy::default() };
/// let in_flight = InFlight::new(&policy, 10);
/// assert_eq!(in_flight.slots(Instant::ZERO), Some(10));
/// ```
#[derive(Debug, Clone)]
pub struct InFlight {
    min: f64,
    max: f64,
    limit: f64,
    law: Law,
    /// Calls that were sent and have not ended, as far as is known.
    under_way: u64,
    /// When the slots were last lowered for a refusal.
    lowered_at: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Law {
    Gradient(Gradient),
    Aimd,
}

impl InFlight {
    /// Begins with `start` slots, or as near to that as `policy` allows. Figures outside their ranges
    /// are taken as the nearer end.
    pub fn new(policy: &InFlightPolicy, start: u32) -> Self {
        let max = policy.max.clamp(1, Concurrency::SLOTS_MAX);
        let min = policy.min.clamp(1, max);
        let limit = f64::from(start.clamp(min, max));
        let law = match policy.algorithm {
            InFlightAlgorithm::Gradient => Law::Gradient(Gradient::new(policy.tolerance)),
            InFlightAlgorithm::Aimd => Law::Aimd,
        };
        let (min, max) = (f64::from(min), f64::from(max));
        Self { min, max, limit, law, under_way: 0, lowered_at: None }
    }

    /// How many slots there are now.
    fn now(&self) -> f64 {
        let held = match &self.law {
            Law::Gradient(gradient) => gradient.held(self.limit),
            Law::Aimd => self.limit,
        };
        held.clamp(self.min, self.max)
    }

    fn begin(&mut self, calls: u64) {
        // What was lost count of cannot be under way beyond the slots.
        let most = whole(self.max);
        self.under_way = self.under_way.saturating_add(calls).min(most);
    }

    fn succeeded(&mut self, now: Instant, sent_at: Instant) {
        // No call takes no time: nobody knows how long this one took.
        if now <= sent_at {
            return;
        }
        let used = float(self.under_way);
        let limit = match &mut self.law {
            Law::Gradient(gradient) => gradient.sample(now, sent_at, used, self.limit),
            Law::Aimd if used >= self.limit * USED => Some(self.limit + 1.0 / self.limit),
            Law::Aimd => None,
        };
        if let Some(limit) = limit {
            self.limit = limit.clamp(self.min, self.max);
        }
    }

    /// A call that was sent at `sent_at` found too many others there (FLIGHT-3).
    fn lower(&mut self, now: Instant, sent_at: Instant) {
        if self.lowered_at.is_none_or(|at| sent_at > at) {
            self.lowered_at = Some(now);
            self.limit = (self.limit * DECREASE).max(self.min);
        }
    }
}

impl Controller for InFlight {
    fn earliest(&self, now: Instant, _: &Cost, _: Priority) -> Instant {
        now
    }

    fn lendable(&self, _: Instant, _: Dimension) -> Option<u64> {
        None
    }

    fn lent(&mut self, _: Instant, _: &Amounts) {}

    fn recalled(&mut self, _: Instant, _: &Amounts) {}

    fn taken(&mut self, _: Instant, amounts: &Amounts) {
        self.begin(amounts.get(Dimension::Slots));
    }

    fn sent(&mut self, _: Instant, _: &Cost) {
        self.begin(1);
    }

    fn hinted(&mut self, _: Instant, _: Instant, _: &[Hint]) {}

    fn answered(&mut self, now: Instant, answer: &Answer<'_>) {
        match answer.outcome {
            Outcome::Ok => self.succeeded(now, answer.sent_at),
            Outcome::RateLimited | Outcome::Overloaded | Outcome::Contention => {
                self.lower(now, answer.sent_at);
            }
            Outcome::QuotaExhausted | Outcome::Failed | Outcome::Cancelled => {}
        }
        self.under_way = self.under_way.saturating_sub(1);
    }

    fn waits(&mut self, _: Instant, _: bool) {}

    fn paces(&self, _: Instant) -> Vec<Pace> {
        Vec::new()
    }

    fn slots(&self, _: Instant) -> Option<u32> {
        u32::try_from(whole(self.now())).ok()
    }

    fn boxed_clone(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
