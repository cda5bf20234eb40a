//! What follows from an input: grants in order, a full gate, loans, refusals, timers.

use tidegate_units::{Amounts, Code, Cost, Dimension, Instant, Limit, Reason, Rejection, Span};

use super::{Event, Limiter};
use crate::gate_book::Seen;
use crate::{Request, Ticket};

impl Limiter {
    /// Grants to whoever is next, or finds out what they wait for; fills the gate if nobody waits.
    pub(super) fn plan(&mut self, now: Instant) {
        self.head_ready_at = None;
        if self.closing {
            return;
        }
        let paused_until = self.pause.until(now);
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
        self.refuse_hopeless(now);
        if self.queue.is_empty() && !self.closing {
            self.blocked_by = None;
            self.no_longer_needed();
            if !self.suspended && paused_until.is_none() {
                self.fill_gate(now);
            }
        }
        self.arm_ticks(now);
    }

    fn grant_in_order(&mut self, now: Instant) {
        while let Some(head) = self.queue.head() {
            let own = self.ledger.check(now, &head.cost);
            if own.is_ok() && self.slice.covers(&head.cost) {
                self.grant_head(now);
            } else if self.gate.has_anything() {
                self.close_gate();
                return;
            } else if let Err(rejection) = own {
                if self.borrowed_for != Some(head.ticket) {
                    self.no_longer_needed();
                }
                self.head_ready_at = rejection.retry_after.map(|wait| now + wait);
                self.blocked_by = Some(rejection);
                return;
            } else {
                let (ticket, need) = (head.ticket, self.slice.shared_part(&head.cost));
                self.borrow(now, ticket, need);
                return;
            }
        }
    }

    fn grant_head(&mut self, now: Instant) {
        let Some(request) = self.queue.head().map(|head| head.ticket) else {
            return;
        };
        let Some(request) = self.queue.remove(request) else {
            return;
        };
        let taken = self.ledger.take(now, &request.cost);
        debug_assert!(taken.is_ok(), "LIM-1: the head was checked at this instant");
        self.slice.spend(&request.cost);
        self.counts.granted_by_queue += 1;
        let charged = Amounts::charged(&request.cost, self.gate_dimensions.iter().copied());
        self.events.push_back(Event::Granted { ticket: request.ticket, charged, recorded: now });
    }

    /// Asks for all that the head needs, and for the rest of the queue if it is free.
    ///
    /// What is held already goes back first: two services that each kept a part of what both need
    /// would have it recalled in turn, and neither would ever hold enough.
    fn borrow(&mut self, now: Instant, ticket: Ticket, need: Amounts) {
        if self.slice.is_borrowing() && self.borrowed_for == Some(ticket) {
            return;
        }
        self.borrowed_for = Some(ticket);
        self.slice.give_back();
        self.report(now);
        let shared = self.slice.dimensions().iter();
        let queued: Amounts =
            shared.map(|dimension| (*dimension, self.queue.total().get(*dimension))).collect();
        let want = queued.less(&need);
        self.slice.set_borrowing(true);
        self.events.push_back(Event::Borrow { need, want });
    }

    /// Tells the supervisor that whoever it was asked for is gone, so that nobody waits for that.
    fn no_longer_needed(&mut self) {
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
        let limits = [own, shared].into_iter().flatten();
        limits.fold(self.gate.room(dimension), u64::min)
    }

    fn put_in_gate(&mut self, now: Instant, more: &Amounts) {
        let lent = self.ledger.lend(now, more);
        debug_assert!(lent.is_ok(), "LEASE-1: no more than may be lent: {more}");
        self.slice.put_in_gate(more);
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

    /// Refuses the newest who wait as long as they would be served too late. Whoever came before them
    /// was judged when it came.
    fn refuse_hopeless(&mut self, now: Instant) {
        while !self.closing
            && let Some(newest) = self.queue.newest()
        {
            let ticket = newest.ticket;
            let Some(rejection) = self.too_late(now, newest, self.queue.total()) else {
                return;
            };
            self.queue.remove(ticket);
            self.refuse(ticket, rejection);
        }
    }

    pub(super) fn expire(&mut self, now: Instant, ticket: Ticket) {
        let Some(request) = self.queue.get(ticket).cloned() else {
            return;
        };
        let rejection = self.describe(now, &request, None);
        self.queue.remove(ticket);
        self.counts.expired += 1;
        if self.suspended {
            self.counts.refused += 1;
            self.events.push_back(Event::Unanswered { ticket });
        } else if rejection.reason == Reason::Paused {
            self.refuse(ticket, rejection);
        } else {
            self.refuse(ticket, rejection.because(Reason::DeadlinePassed));
        }
    }

    pub(super) fn refuse(&mut self, ticket: Ticket, rejection: Rejection) {
        self.counts.refused += 1;
        self.events.push_back(Event::Refused { ticket, rejection });
    }

    /// What stands between a request and its permit, with its place in the queue.
    pub(super) fn describe(
        &self,
        now: Instant,
        request: &Request,
        wait: Option<Span>,
    ) -> Rejection {
        let mut rejection = self.obstacle(now, &request.cost);
        rejection.retry_after = wait.or(rejection.retry_after);
        rejection.queue_position = Some(self.queue.ahead_of(request.ticket));
        rejection
    }

    fn obstacle(&self, now: Instant, cost: &Cost) -> Rejection {
        let own = self.ledger.check(now, cost).err();
        let head = || {
            self.blocked_by.clone().map(|mut rejection| {
                rejection.requested = cost.amount(rejection.dimension);
                rejection
            })
        };
        let first_limit = || Rejection {
            code: Code::limit_reached(Dimension::Requests),
            reason: Reason::LimitReached,
            scope: self.ledger.scope().clone(),
            dimension: Dimension::Requests,
            limit: self.ledger.limits().next().map_or(0, Limit::amount),
            window: self.ledger.shortest_window().unwrap_or(Span::ZERO),
            used: 0,
            requested: cost.amount(Dimension::Requests),
            retry_after: None,
            queue_position: None,
        };
        let rejection = own.or_else(head).unwrap_or_else(first_limit);
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

    /// How long a call that comes now would wait behind everybody who waits.
    pub(super) fn wait_behind_all(&self, now: Instant, cost: &Cost) -> Span {
        let mut total = self.queue.total().clone();
        total.add(&Amounts::charged(cost, self.gate_dimensions.iter().copied()));
        self.ledger.earliest(now, &total).since(now)
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
        self.counts.granted_by_gate += seen.used.get(Dimension::Requests);
    }

    pub(super) fn give_back(&mut self, now: Instant, recorded: Instant, refund: &Amounts) {
        if self.forgot_at.is_some_and(|forgot_at| recorded <= forgot_at) {
            return;
        }
        self.ledger.refund(now, recorded, refund);
        self.slice.refund(recorded, refund);
    }

    pub(super) fn owe(&mut self, now: Instant, debt: &Amounts) {
        self.ledger.record(now, debt);
        self.slice.debt(debt);
        if !self.ledger.covers_loans(now) {
            self.close_gate();
        }
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
        if !self.queue.is_empty() || self.closing || self.suspended {
            return;
        }
        if self.gate.is_warm() {
            sooner(&mut self.tick_at, soon);
        } else if let Some(gain) = self.ledger.next_gain(now) {
            sooner(&mut self.tick_at, gain.max(soon));
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
