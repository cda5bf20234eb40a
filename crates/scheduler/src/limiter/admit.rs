//! Whether a newcomer who cannot be granted at once may wait.

use tidegate_units::{Amounts, Instant, Overflow, Reason, Rejection, Span};

use super::Limiter;
use crate::order::{Ahead, Candidate, Order, Slot};
use crate::queue::{Entry, Place};
use crate::scopes::ScopeId;
use crate::tariff::Totals;

/// When a call is served, if nobody else comes.
#[derive(Debug)]
pub(super) struct Forecast {
    /// Then.
    pub(super) at: Instant,
    /// Who is served before it in line, and what it takes itself.
    pub(super) line: Ahead,
    /// Who goes on before it from the part where it waits, and what it takes itself.
    pub(super) part: Option<(ScopeId, Ahead)>,
}

impl Forecast {
    /// How many are before it.
    pub(super) fn count(&self) -> u64 {
        self.line.count + self.part.as_ref().map_or(0, |(_, ahead)| ahead.count)
    }
}

/// At which part a call waits, if it does not stand in line.
fn place_of(entry: &Entry) -> Option<ScopeId> {
    match entry.place {
        Place::Scope(id, _) => Some(id),
        Place::Line(_) | Place::Later(_) => None,
    }
}

impl Limiter {
    /// Judges those who have come since the last time and have not been granted.
    pub(super) fn judge_newcomers(&mut self, now: Instant) {
        while let Some(ticket) = self.newcomers.pop_front() {
            let Some(slot) = self.queue.find(ticket) else {
                continue;
            };
            if let Some(rejection) = self.too_late(now, slot) {
                self.refuse_slot(now, slot, rejection);
            } else if self.is_over_full() {
                self.make_room(now, slot);
            }
        }
    }

    /// Whether more wait than may.
    fn is_over_full(&self) -> bool {
        let policy = &self.config.queue;
        let sums = self.queue.totals().iter(self.tariff.dimensions());
        let over = |(dimension, sum)| {
            let bound = policy.max_cost.iter().find(|(bounded, _)| *bounded == dimension);
            bound.is_some_and(|(_, bound)| sum > bound)
        };
        self.queue.len() > policy.capacity || sums.into_iter().any(over)
    }

    /// Drops whoever has to go because of a newcomer, which may be the newcomer itself.
    fn make_room(&mut self, now: Instant, newcomer: Slot) {
        while self.is_over_full() {
            let Some(victim) = self.victim(newcomer) else {
                let Some(rejection) = self.describe(now, newcomer, None) else {
                    return;
                };
                self.counts.overflowed += 1;
                let full = rejection.because(Reason::QueueFull);
                return self.refuse_slot(now, newcomer, full);
            };
            let Some(rejection) = self.describe(now, victim, None) else {
                return;
            };
            self.counts.displaced += 1;
            self.refuse_slot(now, victim, rejection.because(Reason::Displaced));
        }
    }

    /// Who is dropped so that a newcomer can wait; `None`: the newcomer has to go.
    fn victim(&self, newcomer: Slot) -> Option<Slot> {
        let class = self.queue.get(newcomer)?.request.priority;
        match self.config.queue.overflow {
            Overflow::RefuseNewest => None,
            Overflow::DropOldest | Overflow::NewestFirst => {
                self.queue.oldest(class, false, newcomer)
            }
            Overflow::DropOldestOfLowestClass => {
                let below = tidegate_units::Priority::ALL.get(class.index() + 1)?;
                self.queue.oldest(*below, true, newcomer)
            }
        }
    }

    /// Why a call that waits is not worth waiting for, if it would be served after its deadline.
    ///
    /// That is known as far as the limits of the service and of its parts go. How long calls take
    /// that hold a slot, what other services want of the shared limits and who is yet to come is not.
    pub(super) fn too_late(&self, now: Instant, slot: Slot) -> Option<Rejection> {
        let entry = self.queue.get(slot)?;
        let deadline = entry.request.deadline;
        let served_at = self.surely_by(now, entry);
        if served_at <= deadline {
            return None;
        }
        let Forecast { at: served_at, .. } = self.forecast(now, entry, place_of(entry), false);
        if served_at <= deadline {
            return None;
        }
        let rejection = self.describe(now, slot, Some(served_at.since(now)))?;
        Some(match self.pause.until(now) {
            Some(_) => rejection,
            None => rejection.because(Reason::DeadlineTooClose),
        })
    }

    /// By when a call is served even if everybody else who waits is served first.
    fn surely_by(&self, now: Instant, entry: &Entry) -> Instant {
        let mut at = self.not_before(now, entry);
        if !self.is_next_in_line(entry) {
            let all = self.queue.totals();
            at = at.max(self.earliest(now, all));
        }
        for id in &entry.scopes {
            // Who waits there waits in the queue, and may be for something else.
            at = at.max(self.at_part(now, *id, self.queue.totals()));
        }
        at
    }

    fn is_next_in_line(&self, entry: &Entry) -> bool {
        entry.scopes.is_empty() && self.queue.len() == 1 && self.ledger.is_empty()
    }

    /// When a call is served that waits at `part`, or in line, if nobody else comes; and who is served
    /// before it, `named` if it is to be told who they are.
    pub(super) fn forecast(
        &self,
        now: Instant,
        entry: &Entry,
        part: Option<ScopeId>,
        named: bool,
    ) -> Forecast {
        let mut at = self.not_before(now, entry);
        let mut line = self.ahead_in(&self.line, entry, named);
        self.tariff.add(&mut line.totals, &entry.request.cost);
        at = at.max(self.earliest(now, &line.totals));
        let part = part.map(|id| {
            let mut ahead = self.ahead_in(&self.scopes.get(id).order, entry, named);
            self.tariff.add(&mut ahead.totals, &entry.request.cost);
            at = at.max(self.at_part(now, id, &ahead.totals));
            (id, ahead)
        });
        Forecast { at, line, part }
    }

    /// Before this nothing can be granted to a call, whatever waits.
    fn not_before(&self, now: Instant, entry: &Entry) -> Instant {
        let paused = self.pause.until(now).unwrap_or(now);
        paused.max(entry.request.not_before.unwrap_or(now))
    }

    /// By when so much has passed a part, with those who have gone on from it.
    fn at_part(&self, now: Instant, id: ScopeId, totals: &Totals) -> Instant {
        let part = self.scopes.get(id);
        let mut amounts = self.amounts(totals);
        amounts.add(&part.gone_on);
        part.ledger.earliest(now, &amounts)
    }

    fn ahead_in(&self, order: &Order, entry: &Entry, named: bool) -> Ahead {
        let request = &entry.request;
        let key = self.flow_key(request.labels.as_deref());
        let candidate = Candidate {
            class: request.priority,
            key: &key,
            rank: self.rules.rank(request.deadline, entry.arrival),
            cost: &request.cost,
        };
        order.ahead_of(candidate, named)
    }

    /// By when so much has passed the service. What lies in the gate is lent but not used: it comes
    /// back for whoever joins the line.
    fn earliest(&self, now: Instant, totals: &Totals) -> Instant {
        let (dimensions, inside) = (self.tariff.dimensions(), self.gate.inside());
        self.ledger.earliest_of(now, |dimension| {
            totals.get(dimensions, dimension).saturating_sub(inside.get(dimension))
        })
    }

    pub(super) fn amounts(&self, totals: &Totals) -> Amounts {
        totals.iter(self.tariff.dimensions()).collect()
    }

    /// What stands between a waiting call and its permit, with its place in the queue.
    pub(super) fn describe(
        &self,
        now: Instant,
        slot: Slot,
        wait: Option<Span>,
    ) -> Option<Rejection> {
        let entry = self.queue.get(slot)?;
        let mut rejection = self.binding(now, entry);
        let forecast = self.forecast(now, entry, place_of(entry), false);
        let foreseen = Some(forecast.at.since(now)).filter(|wait| *wait > Span::ZERO);
        rejection.retry_after = wait.or(foreseen).max(rejection.retry_after);
        rejection.queue_position = Some(forecast.count());
        Some(rejection)
    }
}
