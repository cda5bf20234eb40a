//! Why a call waits, or would: asked of the machine, answered without changing anything.

use tidegate_algorithms::Ledger;
use tidegate_units::{Dimension, Instant, Rejection, Span};

use super::Limiter;
use super::admit::Forecast;
use crate::explanation::{AheadOf, Explanation, LINES_MAX, Missing, Standing};
use crate::order::{Ahead, Sure};
use crate::queue::{Entry, Place};
use crate::scopes::{ScopeId, slots_taken};
use crate::{Request, Ticket};

impl Limiter {
    /// What would become of this request if it came now. Nothing is taken, and nobody waits for it.
    pub fn explain(&self, now: Instant, request: &Request) -> Explanation {
        let scopes = self.scopes.known(request.labels.as_deref());
        let entry = Entry {
            arrival: self.queue.arrivals(),
            since: now,
            place: Place::Later(now),
            was_next: None,
            request: request.clone(),
            scopes,
        };
        let refused = self.never(now, &entry.request.cost, &entry.scopes);
        let refused = refused.or_else(|| self.scopes.never_of_new(now, request));
        let refused = refused.or_else(|| self.breakers_allow(now, &entry.scopes).err());
        let part = self.first_in_the_way(now, &entry);
        if let Some(binding) = refused {
            let key = self.flow_key(request.labels.as_deref());
            return Explanation::refused(request, key, binding);
        }
        let explanation = self.explanation(now, &entry, part);
        let waits = explanation.binding.is_some() || explanation.floor.is_some();
        let in_time = |span: Span| now + span <= request.deadline;
        let standing = match explanation.runs_in {
            _ if !waits => Standing::Runs,
            Some(span) if !in_time(span) => Standing::Refused,
            _ => Standing::WouldWait,
        };
        Explanation { standing, ..explanation }
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
        let binding = self.in_the_way(now, entry, &forecast);
        let floor = self.is_too_immodest(now, entry).then(|| self.with_floor(entry));
        let modest_at = floor.map_or(now, |amounts| self.ledger.earliest(now, &amounts));
        // When a call ends is not for us to say.
        let for_a_slot = binding.as_ref().is_some_and(|it| it.dimension == Dimension::Slots);
        let runs_in = forecast.at.max(modest_at).since(now);
        Explanation {
            standing: Standing::Waits,
            class: entry.request.priority,
            key: self.flow_key(entry.request.labels.as_deref()),
            cost: entry.request.cost.clone(),
            floor: (modest_at > now)
                .then(|| self.config.queue.floors[entry.request.priority.index()]),
            runs_in: Some(runs_in).filter(|_| !for_a_slot),
            missing: self.missing(now, &forecast),
            ahead: ahead(&forecast),
            binding,
        }
    }

    /// What stands in the way of a call, other than what lies in the gate.
    fn in_the_way(&self, now: Instant, entry: &Entry, forecast: &Forecast) -> Option<Rejection> {
        if self.suspended || self.pause.until(now).is_some() || forecast.count() > 0 {
            return Some(self.binding(now, entry));
        }
        let mut own = self.ledger.clone();
        own.recall(self.gate.inside());
        let part = |id: &ScopeId| self.scopes.get(*id).may_go_on(now, &entry.request).err();
        let slots = || {
            let bulkhead = self.bulkhead.as_ref()?;
            let full = bulkhead.free() + bulkhead.in_gate() == 0;
            full.then(|| slots_taken(self.ledger.scope(), bulkhead))
        };
        let parts = entry.scopes.iter().find_map(part);
        let call = (&entry.request.cost, entry.request.priority);
        let paced = || self.keeps_pace(now, call).err();
        parts.or_else(|| own.check(now, &entry.request.cost).err()).or_else(paced).or_else(slots)
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
        let (dimensions, debts) = (self.tariff.dimensions(), ledger.debts(now));
        let short = |dimension: Dimension| {
            let there = ledger.lendable(now, dimension)?.saturating_add(in_gate(dimension));
            let owed = ledger.limits().zip(&debts).filter(|(it, _)| it.dimension() == dimension);
            let owed = owed.map(|(_, debt)| *debt).max().unwrap_or(0);
            let wanted = ahead.totals.get(dimensions, dimension).saturating_add(owed);
            let amount = wanted.saturating_sub(there);
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
