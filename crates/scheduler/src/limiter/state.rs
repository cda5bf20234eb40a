//! What others may see of a limiter.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_algorithms::LimitUsage;
use tidegate_units::{Amounts, Dimension, Instant, Priority, Scope, ServiceName, Span};

use super::{Counts, Limiter};
use crate::breaker::{Breaker, BreakerState};
use crate::bulkhead::Bulkhead;
use crate::scopes::Part;

/// The most parts of a service that are shown: those whose breaker is not closed first, then the most used
/// ones, then those where somebody waits.
pub const PARTS_SHOWN: usize = 100;

/// What others may see of a limiter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimiterState {
    /// The service.
    pub service: ServiceName,
    /// Requests that wait, those included that back off.
    pub queued: usize,
    /// Of those, how many of each class wait in line or for a part; classes without any left out.
    pub queued_by_class: BTreeMap<Priority, usize>,
    /// How many back off before they wait again.
    pub backing_off: usize,
    /// Where each of the service's own limits stands.
    pub limits: Vec<LimitUsage>,
    /// Calls under way, where they are limited.
    pub slots: Option<SlotsState>,
    /// Where the circuit breaker stands, where there is one.
    pub breaker: Option<BreakerState>,
    /// The models, endpoints and keys with limits of their own, at most [`PARTS_SHOWN`].
    pub parts: Vec<PartState>,
    /// Permits lent to the gate.
    pub in_gate: Amounts,
    /// Permits of the shared limits that are borrowed and not in the gate.
    pub borrowed: Amounts,
    /// How long the service still wants to be left alone.
    pub paused_for: Option<Span>,
    /// Nothing is granted until the supervisor says so.
    pub suspended: bool,
    /// No more calls are taken.
    pub stopping: bool,
    /// What was done so far.
    pub counts: Counts,
}

/// Where calls under way stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlotsState {
    /// How many are under way.
    pub held: u64,
    /// How many may be.
    pub slots: u64,
}

/// Where a part of a service stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartState {
    /// Which.
    pub scope: Scope,
    /// How many wait for it.
    pub waiting: usize,
    /// Where each of its limits stands.
    pub limits: Vec<LimitUsage>,
    /// Calls under way, where they are limited.
    pub slots: Option<SlotsState>,
    /// Where its circuit breaker stands, where there is one.
    pub breaker: Option<BreakerState>,
}

impl LimiterState {
    /// What can be said of a limiter that no longer runs.
    pub fn stopped(service: ServiceName) -> Self {
        Self {
            service,
            queued: 0,
            queued_by_class: BTreeMap::new(),
            backing_off: 0,
            limits: Vec::new(),
            slots: None,
            breaker: None,
            parts: Vec::new(),
            in_gate: Amounts::NONE,
            borrowed: Amounts::NONE,
            paused_for: None,
            suspended: true,
            stopping: true,
            counts: Counts::default(),
        }
    }
}

impl Limiter {
    /// What others may see.
    pub fn state(&self, now: Instant) -> LimiterState {
        LimiterState {
            service: self.config.service.clone(),
            queued: self.queue.len(),
            queued_by_class: self.queued_by_class(),
            backing_off: self.queue.backing_off(),
            limits: self.ledger.usage(now),
            slots: self.bulkhead.as_ref().map(slots),
            breaker: self.breaker_state(now),
            parts: self.parts(now),
            in_gate: self.in_gate(),
            borrowed: self.slice.all_held().clone(),
            paused_for: self.pause.until(now).map(|until| until.since(now)),
            suspended: self.suspended,
            stopping: self.stopping.is_some(),
            counts: self.counts,
        }
    }

    /// Where the circuit breaker of the service stands, where there is one.
    pub fn breaker_state(&self, now: Instant) -> Option<BreakerState> {
        self.breaker.as_ref().map(|breaker| breaker.state(now))
    }

    /// What lies in the gate; slots only where calls under way are limited, and not where they are only
    /// counted.
    fn in_gate(&self) -> Amounts {
        let inside = self.gate.inside().iter();
        inside.filter(|(what, _)| *what != Dimension::Slots || self.bulkhead.is_some()).collect()
    }

    fn queued_by_class(&self) -> BTreeMap<Priority, usize> {
        let orders = || self.scopes.iter().map(|part| &part.order).chain([&self.line]);
        let waiting = |class: Priority| orders().map(|order| order.len_of(class)).sum::<usize>();
        let classes = Priority::ALL.into_iter().map(|class| (class, waiting(class)));
        classes.filter(|(_, waiting)| *waiting > 0).collect()
    }

    fn parts(&self, now: Instant) -> Vec<PartState> {
        let mut parts: Vec<&Part> = self.scopes.iter().collect();
        parts.sort_by_cached_key(|part| std::cmp::Reverse(worth_showing(now, part)));
        let state = |part: &Part| PartState {
            scope: part.scope.clone(),
            waiting: part.order.len(),
            limits: part.ledger.usage(now),
            slots: part.bulkhead.as_ref().map(slots),
            breaker: part.breaker.as_ref().map(|breaker| breaker.state(now)),
        };
        parts.into_iter().take(PARTS_SHOWN).map(state).collect()
    }
}

/// What is nearest to a warning is shown before what is not, so that nothing that lasts comes and goes.
fn worth_showing(now: Instant, part: &Part) -> (bool, u64, usize) {
    let closed = |breaker: &Breaker| breaker.state(now) == BreakerState::Closed;
    let shut = part.breaker.as_ref().is_some_and(|breaker| !closed(breaker));
    let used = |usage: &LimitUsage| {
        let used = usage.capacity.saturating_sub(usage.available).saturating_add(usage.debt);
        used.saturating_mul(1_000) / usage.capacity.max(1)
    };
    let most_used = part.ledger.usage(now).iter().map(used).max().unwrap_or(0);
    (shut, most_used, part.order.len())
}

fn slots(bulkhead: &Bulkhead) -> SlotsState {
    SlotsState { held: bulkhead.held(), slots: bulkhead.slots() }
}
