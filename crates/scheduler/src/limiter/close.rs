//! What follows from the end of a call: what it did not use comes back, what it used beyond that is
//! owed, its slots are free, breakers and turns hear of it.

use tidegate_units::{Amounts, Code, Instant, Outcome, Reason, Rejection, Scope, Span};

use super::Limiter;
use crate::breaker::{Breaker, Change};
use crate::scopes::ScopeId;
use crate::settlement::Call;
use crate::{Settlement, Ticket};

impl Limiter {
    /// A permit was closed, or a caller is gone.
    pub fn settle(&mut self, now: Instant, settlement: Settlement) {
        match settlement {
            Settlement::Closed { outcome, recorded, refund, debt, pause, call } => {
                self.counts.outcomes[outcome.index()] += 1;
                self.count_settled(now, outcome, (&refund, &debt), &call);
                let scopes = self.scopes_of(now, &call);
                self.give_back(now, recorded, &refund, &scopes);
                self.owe(now, &debt, &scopes);
                self.release(recorded, &call, &scopes);
                self.correct(&refund, &debt, &call, &scopes);
                self.tell_breakers(now, (recorded, outcome), &call, &scopes);
                self.tell_controller(now, (recorded, outcome), (&refund, &debt), (&call, pause));
                self.resize_slots(now);
                self.pause(now, (sent_at(now, recorded, &call), outcome), pause);
                self.let_go_on_at(now, &scopes);
            }
            Settlement::Unclaimed { recorded, refund, call } => {
                self.counts.unclaimed += 1;
                self.tally.settled(&refund, &Amounts::NONE);
                let scopes = self.scopes_of(now, &call);
                self.give_back(now, recorded, &refund, &scopes);
                self.release(recorded, &call, &scopes);
                self.correct(&refund, &Amounts::NONE, &call, &scopes);
                self.tell_breakers(now, (recorded, Outcome::Cancelled), &call, &scopes);
                let ended = (recorded, Outcome::Cancelled);
                self.tell_controller(now, ended, (&refund, &Amounts::NONE), (&call, None));
                self.pause.heard(recorded, Outcome::Cancelled);
                self.let_go_on_at(now, &scopes);
            }
            Settlement::Withdrawn { ticket } => self.withdraw(now, ticket),
            // Nothing has changed for anybody.
            Settlement::TurnedAway { labels } => return self.count_turned_away(now, &labels),
        }
        self.plan(now);
    }

    fn withdraw(&mut self, now: Instant, ticket: Ticket) {
        if let Some(slot) = self.queue.find(ticket)
            && self.take_out(now, slot).is_some()
        {
            self.counts.withdrawn += 1;
        }
    }

    fn scopes_of(&mut self, now: Instant, call: &Call) -> Box<[ScopeId]> {
        self.scopes.of(now, call.labels.as_deref(), &self.tariff)
    }

    fn give_back(&mut self, now: Instant, recorded: Instant, refund: &Amounts, at: &[ScopeId]) {
        if self.forgot_at.is_some_and(|forgot_at| recorded <= forgot_at) {
            return;
        }
        self.ledger.refund(now, recorded, refund);
        self.slice.refund(recorded, refund);
        for id in at {
            self.scopes.get_mut(*id).ledger.refund(now, recorded, refund);
        }
    }

    fn owe(&mut self, now: Instant, debt: &Amounts, at: &[ScopeId]) {
        self.ledger.record(now, debt);
        self.see_debts(now, debt);
        self.slice.debt(debt);
        for id in at {
            self.scopes.get_mut(*id).ledger.record(now, debt);
        }
        if !self.ledger.covers_loans(now) {
            self.close_gate();
        }
    }

    fn release(&mut self, recorded: Instant, call: &Call, at: &[ScopeId]) {
        if let Some(bulkhead) = &mut self.bulkhead {
            bulkhead.release(recorded, call.by_gate);
        }
        for id in at {
            if let Some(bulkhead) = &mut self.scopes.get_mut(*id).bulkhead {
                bulkhead.release(recorded, call.by_gate);
            }
        }
    }

    /// Whoever took more than was estimated waits longer for its next turn, and the other way round.
    /// What passed through the gate never took a turn.
    fn correct(&mut self, refund: &Amounts, debt: &Amounts, call: &Call, at: &[ScopeId]) {
        if call.by_gate || (refund.is_none() && debt.is_none()) {
            return;
        }
        let key = self.flow_key(call.labels.as_deref());
        self.line.correct(call.priority, &key, (debt, refund));
        for id in at {
            self.scopes.get_mut(*id).order.correct(call.priority, &key, (debt, refund));
        }
    }

    /// The service wants to be left alone after a call, or the call was the one that went alone (QUOTA-1).
    fn pause(
        &mut self,
        now: Instant,
        (sent_at, outcome): (Instant, Outcome),
        retry_after: Option<Span>,
    ) {
        let before = self.pause.until(now);
        self.pause.heard(sent_at, outcome);
        self.pause.answered(now, outcome, retry_after);
        if let Some(until) = self.pause.until(now).filter(|until| Some(*until) > before) {
            self.refuse_those_who_end_by(now, until);
        }
    }

    fn let_go_on_at(&mut self, now: Instant, at: &[ScopeId]) {
        for id in at {
            if !self.scopes.get(*id).order.is_empty() {
                self.let_go_on_from(now, *id);
            }
        }
    }

    fn tell_breakers(
        &mut self,
        now: Instant,
        (recorded, outcome): (Instant, Outcome),
        call: &Call,
        at: &[ScopeId],
    ) {
        let started = sent_at(now, recorded, call);
        let mut opened = Vec::new();
        if let Some(breaker) = &mut self.breaker
            && breaker.ended(now, started, outcome) == Change::Opened
        {
            opened.push(None);
        }
        for id in at {
            if let Some(breaker) = &mut self.scopes.get_mut(*id).breaker
                && breaker.ended(now, started, outcome) == Change::Opened
            {
                opened.push(Some(*id));
            }
        }
        for scope in opened {
            self.refuse_all_of(now, scope);
        }
    }

    /// A breaker has opened: who waits for what it guards is told at once.
    pub(super) fn refuse_all_of(&mut self, now: Instant, opened: Option<ScopeId>) {
        for slot in self.queue.slots() {
            let Some(entry) = self.queue.get(slot) else {
                continue;
            };
            if opened.is_none_or(|id| entry.scopes.contains(&id))
                && let Err(rejection) = self.breakers_allow(now, &entry.scopes)
            {
                self.refuse_slot(now, slot, rejection);
            }
        }
    }

    /// Whether the breakers let one more call through.
    pub(super) fn breakers_allow(&self, now: Instant, at: &[ScopeId]) -> Result<(), Rejection> {
        let own = self.breaker.iter().map(|breaker| (self.ledger.scope(), breaker));
        let parts = at.iter().filter_map(|id| {
            let part = self.scopes.get(*id);
            part.breaker.as_ref().map(|breaker| (&part.scope, breaker))
        });
        let closed = own.chain(parts).map(|(scope, breaker)| allowed(now, scope, breaker));
        closed.collect()
    }
}

fn allowed(now: Instant, scope: &Scope, breaker: &Breaker) -> Result<(), Rejection> {
    let Err(wait) = breaker.allows(now) else {
        return Ok(());
    };
    Err(Rejection {
        code: Code::E4423,
        reason: Reason::BreakerOpen,
        scope: scope.clone(),
        dimension: tidegate_units::Dimension::Requests,
        limit: 0,
        window: Span::ZERO,
        used: 0,
        requested: 1,
        retry_after: Some(wait),
        queue_position: None,
    })
}

/// When a call was sent, or the last instant of which that is not known to be so.
pub(super) fn sent_at(now: Instant, recorded: Instant, call: &Call) -> Instant {
    call.took.map_or(recorded, |took| now - took)
}
