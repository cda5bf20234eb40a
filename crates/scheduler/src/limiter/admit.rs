//! Whether a newcomer who cannot be granted at once may wait.

use tidegate_units::{Amounts, Cost, Instant, Overflow, Reason, Rejection, Span};

use super::Limiter;
use crate::order::{Ahead, Candidate, Order, Slot, Sure};
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

/// How much more waits than may.
#[derive(Debug)]
struct Excess {
    calls: usize,
    amounts: Amounts,
}

impl Excess {
    fn of(limiter: &Limiter) -> Self {
        let policy = &limiter.config.queue;
        let calls = limiter.queue.len().saturating_sub(policy.capacity);
        let totals = limiter.queue.totals();
        let dimensions = limiter.tariff.dimensions();
        let over = |(dimension, most): (_, u64)| {
            (dimension, totals.get(dimensions, dimension).saturating_sub(most))
        };
        Self { calls, amounts: policy.max_cost.iter().map(over).collect() }
    }

    fn is_none(&self) -> bool {
        self.calls == 0 && self.amounts.is_none()
    }

    /// One call less waits.
    fn drop_one(&mut self, cost: &Cost) {
        self.calls = self.calls.saturating_sub(1);
        let dimensions: Vec<_> = self.amounts.iter().map(|(dimension, _)| dimension).collect();
        self.amounts.subtract(&Amounts::charged(cost, dimensions));
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
    /// Judges those who have come since the last time and have not been granted. Answers whether
    /// anybody has left for that, which may have made room for others.
    pub(super) fn judge_newcomers(&mut self, now: Instant) -> bool {
        let before = self.counts.refused;
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
        self.counts.refused != before
    }

    /// Whether more wait than may.
    fn is_over_full(&self) -> bool {
        !Excess::of(self).is_none()
    }

    /// Drops whoever has to go because of a newcomer: the newcomer itself, unless it can take the place
    /// of others.
    fn make_room(&mut self, now: Instant, newcomer: Slot) {
        let Some(victims) = self.victims(newcomer) else {
            let Some(rejection) = self.describe(now, newcomer, None) else {
                return;
            };
            self.counts.overflowed += 1;
            return self.refuse_slot(now, newcomer, rejection.because(Reason::QueueFull));
        };
        for victim in victims {
            let Some(rejection) = self.describe(now, victim, None) else {
                continue;
            };
            self.counts.displaced += 1;
            self.refuse_slot(now, victim, rejection.because(Reason::Displaced));
        }
    }

    /// Who has to be dropped so that a newcomer can wait; `None` if nobody may be, or all who may be
    /// are not enough.
    fn victims(&self, newcomer: Slot) -> Option<Vec<Slot>> {
        let class = self.queue.get(newcomer)?.request.priority;
        let by_age: Box<dyn Iterator<Item = Slot>> = match self.config.queue.overflow {
            Overflow::RefuseNewest => return None,
            Overflow::DropOldest | Overflow::NewestFirst => Box::new(self.queue.oldest(class)),
            Overflow::DropOldestOfLowestClass => Box::new(self.queue.oldest_of_lowest(class)),
        };
        let mut excess = Excess::of(self);
        let mut victims = Vec::new();
        for slot in by_age.filter(|slot| *slot != newcomer) {
            if excess.is_none() {
                break;
            }
            excess.drop_one(&self.queue.get(slot)?.request.cost);
            victims.push(slot);
        }
        excess.is_none().then_some(victims)
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
        let at_least = self.forecast(now, entry, place_of(entry), (Sure::Least, false)).at;
        if at_least <= deadline || self.may_be_let_past(now, entry) {
            return None;
        }
        let rejection = self.describe(now, slot, Some(at_least.since(now)))?;
        Some(match self.pause.until(now) {
            Some(_) => rejection,
            None => rejection.because(Reason::DeadlineTooClose),
        })
    }

    /// Whether a call might be let past the one that is next, in time.
    fn may_be_let_past(&self, now: Instant, entry: &Entry) -> bool {
        let next = self.line.next().and_then(|slot| self.queue.get(slot));
        let slip = self.config.queue.backfill;
        let Some(next) = next.filter(|_| slip > Span::ZERO) else {
            return false;
        };
        let (own, head) = (&entry.request.cost, &next.request.cost);
        let alone = self.ledger.earliest_of(now, |dimension| own.amount(dimension));
        let ready = self.ledger.earliest_of(now, |dimension| head.amount(dimension));
        let both = self.ledger.earliest_of(now, |dimension| {
            own.amount(dimension).saturating_add(head.amount(dimension))
        });
        let promised = next.was_next.as_ref().and_then(|was_next| was_next.promised);
        let in_time = self.not_before(now, entry).max(alone) <= entry.request.deadline;
        in_time && alone < ready && both <= promised.unwrap_or(ready) + slip
    }

    /// By when a call is served even if everybody else who waits is served first.
    fn surely_by(&self, now: Instant, entry: &Entry) -> Instant {
        let mut at = self.not_before(now, entry);
        at = at.max(self.earliest(now, self.queue.totals()));
        for id in &entry.scopes {
            // Who waits there waits in the queue, and may be for something else.
            at = at.max(self.at_part(now, *id, (self.queue.totals(), entry)));
        }
        at
    }

    /// When a call is served that waits at `part`, or in line, if nobody else comes, as sure as asked
    /// for; and who is served before it, named if it is to be told who they are.
    pub(super) fn forecast(
        &self,
        now: Instant,
        entry: &Entry,
        part: Option<ScopeId>,
        asked: (Sure, bool),
    ) -> Forecast {
        let mut at = self.not_before(now, entry);
        let mut line = self.ahead_in(&self.line, entry, asked);
        self.tariff.add(&mut line.totals, &entry.request.cost);
        at = at.max(self.earliest(now, &line.totals));
        if asked.0 == Sure::Likely {
            at = at.max(self.paced_until(now, &line.totals));
        }
        let part = part.map(|id| {
            let mut ahead = self.ahead_in(&self.scopes.get(id).order, entry, asked);
            self.tariff.add(&mut ahead.totals, &entry.request.cost);
            at = at.max(self.at_part(now, id, (&ahead.totals, entry)));
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
    fn at_part(&self, now: Instant, id: ScopeId, (totals, entry): (&Totals, &Entry)) -> Instant {
        let part = self.scopes.get(id);
        let mut amounts = self.amounts(totals);
        amounts.add(&part.gone_on(entry.request.priority).amounts);
        part.ledger.earliest(now, &amounts)
    }

    fn ahead_in(&self, order: &Order, entry: &Entry, (sure, named): (Sure, bool)) -> Ahead {
        let request = &entry.request;
        let key = self.flow_key(request.labels.as_deref());
        let candidate = Candidate {
            class: request.priority,
            key: &key,
            rank: match entry.place {
                Place::Line(spot) | Place::Scope(_, spot) => spot.rank,
                Place::Later(_) => self.rules.rank(request.deadline, entry.arrival),
            },
            cost: &request.cost,
            costs: &|slot| self.queue.get(slot).map(|entry| &entry.request.cost),
        };
        order.ahead_of(&candidate, sure, named)
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
        let forecast = self.forecast(now, entry, place_of(entry), (Sure::Likely, false));
        let foreseen = Some(forecast.at.since(now)).filter(|wait| *wait > Span::ZERO);
        let modest = self
            .is_too_immodest(now, entry)
            .then(|| self.ledger.earliest(now, &self.with_floor(entry)).since(now));
        rejection.retry_after = wait.or(foreseen).max(rejection.retry_after).max(modest);
        rejection.queue_position = Some(forecast.count());
        Some(rejection)
    }
}
