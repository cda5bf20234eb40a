//! A pace and a number of slots at once: both are told everything, each answers for its own.

use tidegate_units::{Amounts, Cost, Dimension, Instant, Priority};

use crate::{Answer, Controller, Hint, InFlight, LearnedPace, Pace};

/// A controller of the pace, and one of the slots.
#[derive(Debug, Clone)]
pub(crate) struct Both {
    pub(crate) pace: Box<dyn Controller>,
    pub(crate) in_flight: InFlight,
}

impl Controller for Both {
    fn earliest(&self, now: Instant, cost: &Cost, class: Priority) -> Instant {
        self.pace.earliest(now, cost, class)
    }

    fn lendable(&self, now: Instant, dimension: Dimension) -> Option<u64> {
        self.pace.lendable(now, dimension)
    }

    fn lent(&mut self, now: Instant, amounts: &Amounts) {
        self.pace.lent(now, amounts);
        self.in_flight.lent(now, amounts);
    }

    fn recalled(&mut self, now: Instant, amounts: &Amounts) {
        self.pace.recalled(now, amounts);
        self.in_flight.recalled(now, amounts);
    }

    fn taken(&mut self, now: Instant, amounts: &Amounts) {
        self.pace.taken(now, amounts);
        self.in_flight.taken(now, amounts);
    }

    fn sent(&mut self, now: Instant, cost: &Cost) {
        self.pace.sent(now, cost);
        self.in_flight.sent(now, cost);
    }

    fn hinted(&mut self, now: Instant, sent_at: Instant, hints: &[Hint]) {
        self.pace.hinted(now, sent_at, hints);
        self.in_flight.hinted(now, sent_at, hints);
    }

    fn answered(&mut self, now: Instant, answer: &Answer<'_>) {
        self.pace.answered(now, answer);
        self.in_flight.answered(now, answer);
    }

    fn waits(&mut self, now: Instant, anybody: bool) {
        self.pace.waits(now, anybody);
        self.in_flight.waits(now, anybody);
    }

    fn silent_until(&self, now: Instant) -> Option<Instant> {
        self.pace.silent_until(now)
    }

    fn paces(&self, now: Instant) -> Vec<Pace> {
        self.pace.paces(now)
    }

    fn slots(&self, now: Instant) -> Option<u32> {
        self.in_flight.slots(now)
    }

    fn learned(&self, now: Instant) -> Vec<LearnedPace> {
        self.pace.learned(now)
    }

    fn restore(&mut self, now: Instant, learned: &[LearnedPace]) {
        self.pace.restore(now, learned);
    }

    fn boxed_clone(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
