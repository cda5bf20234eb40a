//! Why a call waits, or would: asked of the machine, answered without changing anything.

use tidegate_algorithms::Ledger;
use tidegate_units::{Dimension, Instant};

use super::Limiter;
use super::admit::Forecast;
use crate::explanation::{AheadOf, Explanation, LINES_MAX, Missing, Standing};
use crate::order::{Ahead, Sure};
use crate::queue::{Entry, Place};
use crate::scopes::ScopeId;
use crate::{Request, Ticket};

impl Limiter {
    /// What would become of this request if it came now. Nothing is taken, and nobody waits for it.
    pub fn explain(&self, now: Instant, request: &Request) -> Explanation {
        let scopes = self.scopes.known(request.labels.as_deref());
        let entry = Entry {
            arrival: self.queue.arrivals(),
            place: Place::Later(now),
            was_next: None,
            request: request.clone(),
            scopes,
        };
        let refused = self.never(now, &entry.request.cost, &entry.scopes);
        let refused = refused.or_else(|| self.scopes.never_of_new(now, request));
        let refused = refused.or_else(|| self.breakers_allow(now, &entry.scopes).err());
        let part = self.first_in_the_way(now, &entry);
        let mut explanation = self.explanation(now, &entry, part);
        let waits = explanation.binding.is_some() || !explanation.ahead.is_empty();
        let too_late = now + explanation.runs_in > entry.request.deadline;
        explanation.standing = match &refused {
            Some(_) => Standing::Refused,
            None if waits && too_late => Standing::Refused,
            None if waits => Standing::WouldWait,
            None => Standing::Runs,
        };
        explanation.binding = refused.or(explanation.binding);
        explanation
    }

    /// Why this request still waits; `None` if it does not.
    pub fn explain_waiting(&self, now: Instant, ticket: Ticket) -> Option<Explanation> {
        let entry = self.queue.get(self.queue.find(ticket)?)?;
        let (part, standing) = match entry.place {
            Place::Scope(id, _) => (Some(id), Standing::Waits),
            Place::Line(_) => (None, Standing::Waits),
            Place::Later(_) => (None, Standing::BacksOff),
        };
        Some(Explanation { standing, ..self.explanation(now, entry, part) })
    }

    /// Those who wait, the first to come first, at most so many.
    pub fn waiting(&self, most: usize) -> Vec<Ticket> {
        let entry = |slot| self.queue.get(slot).map(|entry| (entry.arrival, entry.request.ticket));
        let mut waiting: Vec<_> = self.queue.slots().into_iter().filter_map(entry).collect();
        waiting.sort_unstable();
        waiting.into_iter().take(most).map(|(_, ticket)| ticket).collect()
    }

    fn explanation(&self, now: Instant, entry: &Entry, part: Option<ScopeId>) -> Explanation {
        let forecast = self.forecast(now, entry, part, (Sure::Likely, true));
        let immodest = self.is_too_immodest(now, entry);
        let modest_at = self.ledger.earliest(now, &self.with_floor(entry));
        let runs_at = if immodest { forecast.at.max(modest_at) } else { forecast.at };
        let in_the_way = self.suspended
            || self.pause.until(now).is_some()
            || forecast.count() > 0
            || immodest
            || self.obstacle_without_gate(now, entry);
        Explanation {
            standing: Standing::Waits,
            binding: in_the_way.then(|| self.binding(now, entry)),
            runs_in: runs_at.since(now),
            missing: self.missing(now, &forecast),
            ahead: ahead(&forecast),
        }
    }

    /// Whether something other than what lies in the gate stands in the way of a call.
    fn obstacle_without_gate(&self, now: Instant, entry: &Entry) -> bool {
        let cost = &entry.request.cost;
        let mut own = self.ledger.clone();
        own.recall(self.gate.inside());
        let slots = self.bulkhead.as_ref().is_some_and(|it| it.free() + it.in_gate() == 0);
        let part = |id: &ScopeId| self.scopes.get(*id).may_go_on(now, &entry.request).is_err();
        slots || own.check(now, cost).is_err() || entry.scopes.iter().any(part)
    }

    /// The first part at which a call would have to wait.
    fn first_in_the_way(&self, now: Instant, entry: &Entry) -> Option<ScopeId> {
        let waits_at = |id: &ScopeId| {
            let part = self.scopes.get(*id);
            !part.order.is_empty() || part.may_go_on(now, &entry.request).is_err()
        };
        entry.scopes.iter().copied().find(waits_at)
    }

    /// What more there would have to be for everybody ahead and the call itself.
    fn missing(&self, now: Instant, forecast: &Forecast) -> Vec<Missing> {
        let in_gate = |dimension| self.gate.inside().get(dimension);
        let mut missing = self.missing_at(now, &self.ledger, &forecast.line, in_gate);
        if let Some((id, ahead)) = &forecast.part {
            let part = self.scopes.get(*id);
            missing.extend(self.missing_at(now, &part.ledger, ahead, |_| 0));
        }
        missing.truncate(LINES_MAX);
        missing
    }

    fn missing_at(
        &self,
        now: Instant,
        ledger: &Ledger,
        ahead: &Ahead,
        in_gate: impl Fn(Dimension) -> u64,
    ) -> Vec<Missing> {
        let dimensions = self.tariff.dimensions();
        let short = |dimension: Dimension| {
            let there = ledger.lendable(now, dimension)?.saturating_add(in_gate(dimension));
            let amount = ahead.totals.get(dimensions, dimension).saturating_sub(there);
            let scope = ledger.scope().clone();
            (amount > 0).then_some(Missing { scope, dimension, amount })
        };
        ledger.dimensions().into_iter().filter_map(short).collect()
    }
}

/// Who is ahead, most first.
fn ahead(forecast: &Forecast) -> Vec<AheadOf> {
    let parts = forecast.part.iter().map(|(_, ahead)| ahead);
    let all = parts.chain([&forecast.line]).filter_map(|ahead| ahead.by.as_ref()).flatten();
    let mut ahead: Vec<AheadOf> = Vec::new();
    for (class, key, count) in all {
        match ahead.iter_mut().find(|it| it.class == *class && it.key == *key) {
            Some(known) => known.count += count,
            None => ahead.push(AheadOf { class: *class, key: key.clone(), count: *count }),
        }
    }
    ahead.sort_by_key(|it| (std::cmp::Reverse(it.count), it.class));
    ahead.truncate(LINES_MAX);
    ahead
}
