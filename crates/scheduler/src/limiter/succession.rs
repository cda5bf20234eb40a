//! What a limiter leaves to the one that takes its place, when it has failed or the program ended.
//!
//! Nothing is taken over of which it is not known whether it is right: the ledgers start empty (LIM-4).
//! What was owed, which calls are under way and what was told to be left alone is.

use tidegate_adaptive::{Controller, Pause};
use tidegate_algorithms::Reading;
use tidegate_observability::Tally;
use tidegate_units::{Amounts, Dimension, Instant, Limit, Scope, Span};

use super::reconfigure::Change;
use super::stop::Stopping;
use super::{Counts, Limiter, LimiterConfig};
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::scopes::PartPast;

/// What outlives a limiter that has failed.
#[derive(Debug, Clone)]
pub struct Past {
    life: u64,
    counts: Counts,
    tally: Tally,
    pause: Pause,
    /// The latest instant that was seen.
    latest: Instant,
    /// Under each of the service's own limits.
    debts: Vec<u64>,
    /// Those limits.
    limits: Vec<Limit>,
    /// The limits that it shares.
    shared: Vec<Limit>,
    /// Of the shared limits, not yet told to the supervisor.
    unreported_debt: Amounts,
    /// Calls under way at the service.
    slots: Option<Bulkhead>,
    /// What is to be known of its parts.
    parts: Vec<(Scope, PartPast)>,
    breaker: Option<Breaker>,
    /// What was learned of the pace.
    controller: Option<Box<dyn Controller>>,
    stopping: Option<Instant>,
}

impl Limiter {
    /// A limiter whose past is not known, because the one before it has failed at `now`: its ledger
    /// is empty (LIM-4), and it grants nothing until [`Limiter::resume`]. `config` is what the first
    /// one was made from; the limits are the last one's.
    pub fn rebuilt(config: LimiterConfig, now: Instant, before: &Past) -> Self {
        let mut limiter = Self::limited(config, &before.limits, &before.shared);
        limiter.tell_limits();
        limiter.latest = before.latest.max(now);
        limiter.forgot_at = Some(limiter.latest);
        limiter.life = before.life + 1;
        limiter.counts = before.counts;
        limiter.tally.clone_from(&before.tally);
        limiter.pause = before.pause;
        limiter.ledger.make_empty_owing(now, &before.debts);
        limiter.slice.forget(now);
        limiter.slice.debt(&before.unreported_debt);
        limiter.scopes.make_empty(limiter.latest);
        limiter.take_over(before);
        limiter.suspended = true;
        limiter
    }

    /// Starts from what an earlier run may have used: every limit whose window is not surely over by
    /// now, `idle` after that run ended, starts empty.
    pub fn start_after(&mut self, now: Instant, idle: Span) {
        if self.ledger.limits().any(|limit| limit.recovery() > idle) {
            self.ledger.make_empty(now);
            self.scopes.make_empty(now);
        }
    }

    /// Which life of the service's limiter this is: one more after every failure. Messages to and
    /// from the supervisor carry it, so that what was under way when a limiter failed is told apart
    /// from what concerns its successor.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// What is known of this limiter to the one that takes its place: how often that was needed, what
    /// was counted, what the service asked for, what is owed, under which limits, and which calls are
    /// under way; `reading` is what was left in the gate when it was closed. A change that waited for
    /// the gate is made on the way.
    pub fn past(&self, now: Instant, reading: Reading) -> Past {
        let mut ledger = self.ledger.clone();
        if let Some(Change { limits, carry }) = &self.change {
            ledger.reconfigure(now, limits, *carry);
        }
        let shared = self.shared_change.clone();
        let (counts, tally) = self.counted_when_closed(now, reading);
        let parts =
            self.scopes.iter().filter_map(|part| Some((part.scope.clone(), part.past(now)?)));
        Past {
            life: self.life,
            counts,
            tally,
            pause: self.pause,
            debts: ledger.debts(now),
            latest: self.latest.max(now),
            limits: ledger.limits().cloned().collect(),
            shared: shared.unwrap_or_else(|| self.shared_when_full.limits().cloned().collect()),
            unreported_debt: self.slice.unreported_debt().clone(),
            slots: self.slots_when_closed(now, reading),
            parts: parts.collect(),
            breaker: self.breaker.clone(),
            controller: self.controller_when_closed(now, reading),
            stopping: self.stopping.map(Stopping::until),
        }
    }

    /// The slots with what callers have taken from the gate that was closed with this left in it.
    fn slots_when_closed(&self, now: Instant, reading: Reading) -> Option<Bulkhead> {
        let mut bulkhead = self.bulkhead.clone()?;
        let left = self.gate.left(reading).get(Dimension::Slots).min(bulkhead.in_gate());
        bulkhead.take_back(left);
        bulkhead.taken_from_gate(self.latest.max(now), bulkhead.in_gate());
        Some(bulkhead)
    }

    /// What sets the pace, told of what callers have taken from the gate that was closed with this left in
    /// it, and of what has come back: it would count the rest as lent for ever.
    fn controller_when_closed(
        &self,
        now: Instant,
        reading: Reading,
    ) -> Option<Box<dyn Controller>> {
        let mut controller = self.controller.clone()?;
        let (inside, left) = (self.gate.inside(), self.gate.left(reading));
        let used = inside.less(&left);
        controller.taken(now, &used);
        controller.recalled(now, &inside.less(&used));
        Some(controller)
    }

    /// Takes over what the one before knew.
    fn take_over(&mut self, before: &Past) {
        self.bulkhead.clone_from(&before.slots);
        self.breaker.clone_from(&before.breaker);
        self.controller.clone_from(&before.controller);
        self.stopping = before.stopping.map(Stopping::new);
        for (scope, past) in &before.parts {
            self.scopes.take_over(before.latest, (scope, past), &self.tariff);
        }
    }
}
