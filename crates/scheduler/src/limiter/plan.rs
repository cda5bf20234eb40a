//! What follows from an input: grants in order, a full gate, loans, refusals, timers.

use tidegate_units::{Amounts, Code, Cost, Dimension, Instant, Limit, Reason, Rejection, Span};

use super::line::Obstacle;
use super::{Event, Limiter};
use crate::bulkhead::Bulkhead;
use crate::gate_book::Seen;
use crate::order::Slot;
use crate::queue::Entry;
use crate::{Request, Ticket};

impl Limiter {
    /// Grants to whoever is next, or finds out what they wait for; fills the gate if nobody waits.
    pub(super) fn plan(&mut self, now: Instant) {
        self.head_ready_at = None;
        self.dry_until = None;
        if self.closing {
            return;
        }
        self.let_go_on(now);
        let paused_until = self.pause.until(now);
        let one_by_one = self.probes(now).is_some() || self.pause.is_probing(now);
        if one_by_one && !self.line.is_empty() && self.gate.has_anything() {
            // Those in the gate are probes too.
            return self.close_gate();
        }
        if self.suspended || paused_until.is_some() {
            self.head_ready_at = paused_until.filter(|_| !self.suspended);
            self.no_longer_needed();
            if self.gate.has_anything() {
                self.close_gate();
                return;
            }
        } else {
            self.grant_in_order(now);
        }
        if self.closing {
            return;
        }
        if self.judge_newcomers(now) {
            // Whoever is next now, or can be let past, has not been looked at.
            return self.plan(now);
        }
        if self.line.is_empty() {
            self.blocked_by = None;
            self.no_longer_needed();
            self.fill_gate_unless_shut(now);
        }
        if let Some(controller) = &mut self.controller {
            controller.waits(now, !self.line.is_empty());
        }
        self.end_stop(now);
        self.arm_ticks(now);
    }

    /// How many calls may still try whether the service is well again; `None`: it is.
    pub(super) fn probes(&self, now: Instant) -> Option<u64> {
        let room = self.breaker.as_ref()?.room(now)?;
        Some(u64::try_from(room).unwrap_or(u64::MAX))
    }

    /// Fills the gate, unless there is a reason to let nobody take from it.
    fn fill_gate_unless_shut(&mut self, now: Instant) {
        let shut = self.suspended
            || self.pause.until(now).is_some()
            || self.pause.probed_until(now).is_some()
            || self.silent_until(now).is_some()
            || self.stopping.is_some()
            || self.probes(now) == Some(0);
        if !shut {
            self.fill_gate(now);
        } else if self.gate.has_anything() {
            self.close_gate();
        }
    }

    /// Asks for all that the head needs, and for the rest of the queue if it is free.
    ///
    /// What is held already goes back first: two services that each kept a part of what both need
    /// would have it recalled in turn, and neither would ever hold enough.
    pub(super) fn borrow(&mut self, now: Instant, ticket: Ticket, need: Amounts) {
        if self.slice.is_borrowing() && self.borrowed_for == Some(ticket) {
            return;
        }
        self.borrowed_for = Some(ticket);
        self.slice.give_back();
        self.report(now);
        let shared = self.slice.dimensions().iter();
        let totals = self.amounts(self.queue.totals());
        let queued: Amounts =
            shared.map(|dimension| (*dimension, totals.get(*dimension))).collect();
        let want = queued.less(&need);
        self.slice.set_borrowing(true);
        self.events.push_back(Event::Borrow { need, want });
    }

    /// Tells the supervisor that whoever it was asked for is gone, so that nobody waits for that.
    pub(super) fn no_longer_needed(&mut self) {
        if self.borrowed_for.take().is_some() && self.slice.is_borrowing() {
            let (need, want) = (Amounts::NONE, Amounts::NONE);
            self.events.push_back(Event::Borrow { need, want });
        }
    }

    /// Puts everything that may be spent into the gate.
    fn fill_gate(&mut self, now: Instant) {
        if self.gate.layout().is_none() {
            return;
        }
        let more: Amounts = self
            .gate_dimensions
            .iter()
            .map(|dimension| (*dimension, self.spendable(now, *dimension)))
            .collect();
        if !more.is_none() {
            self.put_in_gate(now, &more);
        }
        if self.ahead_at().is_some_and(|at| at <= now) && !self.slice.is_borrowing() {
            self.borrow_ahead(now);
        }
    }

    /// When to ask for more of the shared limits ahead of need: soon where little is left, or when the
    /// supervisor has more. Never where there is nothing to ask for.
    fn ahead_at(&self) -> Option<Instant> {
        if !self.slice.is_needed() {
            return None;
        }
        let low = self.slice.is_low(self.gate.inside()).then_some(self.borrow_ahead_at);
        low.or(self.more_to_borrow_at.map(|at| at.max(self.borrow_ahead_at)))
    }

    /// How much of `dimension` the gate can be given.
    fn spendable(&self, now: Instant, dimension: Dimension) -> u64 {
        let own = self.ledger.lendable(now, dimension);
        let shared = self.slice.held(dimension);
        let bulkhead = self.bulkhead.as_ref().filter(|_| dimension == Dimension::Slots);
        let probes = self.probes(now).filter(|_| dimension == Dimension::Slots);
        let probes = probes.map(|room| room.saturating_sub(self.gate.inside().get(dimension)));
        let paced = self.controller.as_ref().and_then(|it| it.lendable(now, dimension));
        let alone = self.pause.is_probing(now) && dimension == Dimension::Requests;
        let alone = alone.then(|| 1_u64.saturating_sub(self.gate.inside().get(dimension)));
        let slots = bulkhead.map(Bulkhead::free);
        let limits = [own, shared, slots, probes, paced, alone].into_iter().flatten();
        limits.fold(self.gate.room(dimension), u64::min)
    }

    fn put_in_gate(&mut self, now: Instant, more: &Amounts) {
        let lent = self.ledger.lend(now, more);
        debug_assert!(lent.is_ok(), "LEASE-1: no more than may be lent: {more}");
        self.slice.put_in_gate(more);
        if let Some(controller) = &mut self.controller {
            controller.lent(now, more);
        }
        if let Some(bulkhead) = &mut self.bulkhead {
            bulkhead.lend(more.get(Dimension::Slots));
        }
        let opens = self.gate.put(more);
        let Some(layout) = self.gate.layout() else {
            return;
        };
        let packed = layout.pack_amounts(more);
        let event = if opens { Event::OpenGate(packed) } else { Event::FillGate(packed) };
        self.events.push_back(event);
    }

    /// Asks for as much of the shared limits as the own ones would let through.
    fn borrow_ahead(&mut self, now: Instant) {
        self.borrow_ahead_at = now + self.tick * 4;
        self.more_to_borrow_at = None;
        self.report(now);
        let own = |dimension: Dimension| {
            let room = self.gate.room(dimension);
            self.ledger.lendable(now, dimension).map_or(room, |own| own.min(room))
        };
        let shared = self.slice.dimensions().iter();
        let want: Amounts = shared.map(|dimension| (*dimension, own(*dimension))).collect();
        if !want.is_none() {
            self.slice.set_borrowing(true);
            self.events.push_back(Event::Borrow { need: Amounts::NONE, want });
        }
    }

    /// Nothing is granted before `until`: refuses those whose deadlines are earlier.
    pub(super) fn refuse_those_who_end_by(&mut self, now: Instant, until: Instant) {
        while let Some(slot) = self.queue.ends_before(until) {
            let Some(rejection) = self.describe(now, slot, Some(until.since(now))) else {
                return;
            };
            self.refuse_slot(now, slot, rejection);
        }
    }

    pub(super) fn expire(&mut self, now: Instant, slot: Slot) {
        let Some(rejection) = self.describe(now, slot, None) else {
            return;
        };
        let Some(entry) = self.take_out(now, slot) else {
            return;
        };
        let ticket = entry.request.ticket;
        self.counts.expired += 1;
        if self.suspended {
            self.counts.refused += 1;
            self.events.push_back(Event::Unanswered { ticket });
        } else if rejection.reason == Reason::Paused {
            self.refuse(now, &entry.request, rejection);
        } else {
            self.refuse(now, &entry.request, rejection.because(Reason::DeadlinePassed));
        }
    }

    pub(super) fn refuse(&mut self, now: Instant, request: &Request, rejection: Rejection) {
        self.counts.refused += 1;
        self.count_refused(now, request, &rejection);
        let ticket = request.ticket;
        self.events.push_back(Event::Refused { ticket, rejection });
    }

    /// What binds a call that waits.
    pub(super) fn binding(&self, now: Instant, entry: &Entry) -> Rejection {
        let cost = &entry.request.cost;
        let obstacle = match self.obstacle(now, entry) {
            Ok(()) | Err(Obstacle::Shared) => None,
            Err(
                Obstacle::Breaker(rejection)
                | Obstacle::Part(_, rejection)
                | Obstacle::Own(rejection)
                | Obstacle::Pace(rejection)
                | Obstacle::Slots(rejection),
            ) => Some(rejection),
        };
        let head = || {
            self.blocked_by.clone().map(|mut rejection| {
                rejection.requested = cost.amount(rejection.dimension);
                rejection
            })
        };
        let rejection = obstacle.or_else(head).unwrap_or_else(|| self.first_limit(now, cost));
        match self.pause.until(now) {
            Some(until) => {
                let rejection = Rejection {
                    scope: self.ledger.scope().clone(),
                    retry_after: Some(until.since(now)),
                    ..rejection
                };
                rejection.because(Reason::Paused)
            }
            None => rejection,
        }
    }

    /// The first limit of the service, where nothing is known to bind but others who wait.
    pub(super) fn first_limit(&self, now: Instant, cost: &Cost) -> Rejection {
        let usage = self.ledger.usage(now).into_iter().next();
        let limit = usage.as_ref().map(|usage| &usage.limit);
        let dimension = limit.map_or(Dimension::Requests, Limit::dimension);
        let capacity = usage.as_ref().map_or(0, |usage| usage.capacity);
        Rejection {
            code: Code::limit_reached(dimension),
            reason: Reason::LimitReached,
            scope: self.ledger.scope().clone(),
            dimension,
            limit: capacity,
            window: limit.map_or(Span::ZERO, Limit::window),
            used: usage.as_ref().map_or(0, |usage| capacity - usage.available.min(capacity)),
            requested: cost.amount(dimension),
            retry_after: None,
            queue_position: None,
        }
    }

    pub(super) fn close_gate(&mut self) {
        if !self.closing {
            self.closing = true;
            self.events.push_back(Event::CloseGate);
        }
    }

    /// Records what callers took from the gate, and takes back what came out of it.
    pub(super) fn account(&mut self, now: Instant, seen: &Seen) {
        self.ledger.settle(now, &seen.used, &seen.used);
        self.ledger.recall(&seen.rest);
        self.slice.used_in_gate(&seen.used);
        self.slice.out_of_gate(&seen.rest);
        if let Some(controller) = &mut self.controller {
            controller.taken(now, &seen.used);
            controller.recalled(now, &seen.rest);
        }
        self.counts.granted_by_gate += seen.used.get(Dimension::Requests);
        self.tally.taken_from_gate(now, &seen.used);
        if !seen.used.is_none() {
            self.pause.sent(now);
        }
        if let Some(bulkhead) = &mut self.bulkhead {
            bulkhead.take_back(seen.rest.get(Dimension::Slots));
            bulkhead.taken_from_gate(self.latest.max(now), seen.used.get(Dimension::Slots));
        }
        let probes = self.probes(now).unwrap_or(0).min(seen.used.get(Dimension::Slots));
        if let Some(breaker) = &mut self.breaker {
            for _ in 0..probes {
                // What callers of the gate know of when they took is the reading before this one.
                breaker.let_through_known_by(now, self.read_at);
            }
        }
        self.read_at = now;
    }

    pub(super) fn give_back_slice(&mut self, now: Instant) {
        self.recalled = false;
        self.slice.give_back();
        self.borrow_ahead_at = now + self.tick * 4;
        self.report_at = None;
        let report = self.slice.report(now);
        self.events.push_back(Event::Report(report));
    }

    pub(super) fn report(&mut self, now: Instant) {
        self.report_at = None;
        if self.slice.has_news() {
            let report = self.slice.report(now);
            self.events.push_back(Event::Report(report));
        }
    }

    /// Sees to it that the gate is looked at while it is in use or not yet as full as it can be, and
    /// that the supervisor hears what was spent.
    fn arm_ticks(&mut self, now: Instant) {
        let soon = now + self.tick;
        if self.slice.has_news() {
            sooner(&mut self.report_at, soon);
        }
        if !self.line.is_empty() || self.closing || self.suspended || self.stopping.is_some() {
            return;
        }
        if self.gate.is_warm() {
            sooner(&mut self.tick_at, soon);
        } else if let Some(gain) = self.ledger.next_gain(now) {
            sooner(&mut self.tick_at, gain.max(soon));
        }
        if let Some(gain) = self.pace_gains_at(now) {
            sooner(&mut self.tick_at, gain.max(now + Span::from_nanos(1)));
        }
        if let Some(at) = self.ahead_at().filter(|_| self.gate.layout().is_some()) {
            sooner(&mut self.tick_at, at.max(soon));
        }
    }
}

/// Arms a timer for `at`, unless it is armed for an earlier instant already.
pub(super) fn sooner(timer: &mut Option<Instant>, at: Instant) {
    *timer = Some(timer.map_or(at, |armed| armed.min(at)));
}
