//! Who waits where, and who is granted next.
//!
//! A call first waits for the limits of the parts of the service that it is for, one after the other;
//! then in line for the service itself. Nothing is held for it on the way.

use tidegate_units::{Amounts, Dimension, Instant, Priority, Reason, Rejection, Span};

use super::{Event, Limiter};
use crate::Request;
use crate::order::flow::FlowKey;
use crate::order::{Comer, Slot};
use crate::queue::{Entry, Place, leave};
use crate::scopes::{ScopeId, slots_taken};
use crate::settlement::Call;

/// What stands between a call and its permit.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// A breaker is open: it is refused.
    Breaker(Rejection),
    /// A limit of a part of the service.
    Part(ScopeId, Rejection),
    /// A limit of the service.
    Own(Rejection),
    /// The service is called as fast as it is thought to bear.
    Pace(Rejection),
    /// Every slot of the service is taken.
    Slots(Rejection),
    /// A limit that all services share, of which too little is held.
    Shared,
}

impl Limiter {
    /// Finds the place where a call waits that waits nowhere: at the first part that has no room for
    /// it, or in line.
    pub(super) fn route(&mut self, now: Instant, slot: Slot) {
        self.route_from(now, slot, None);
    }

    /// The same for a call whose turn has come at `passed`, which is not to wait there, or at a part
    /// before that, for others to go first.
    fn route_from(&mut self, now: Instant, slot: Slot, passed: Option<ScopeId>) {
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        let came_to = entry.scopes.iter().position(|id| Some(*id) == passed);
        let first = entry.scopes.iter().copied().enumerate().find_map(|(place, id)| {
            let part = self.scopes.get(id);
            if came_to.is_none_or(|came_to| place > came_to) && !part.order.is_empty() {
                return Some((id, None));
            }
            part.may_go_on(now, &entry.request).err().map(|rejection| (id, Some(rejection)))
        });
        match first {
            Some((id, rejection)) => self.park(now, slot, id, rejection.as_ref()),
            None => self.join_line(slot),
        }
    }

    /// Lets a call wait at a part of the service.
    pub(super) fn park(
        &mut self,
        now: Instant,
        slot: Slot,
        id: ScopeId,
        rejection: Option<&Rejection>,
    ) {
        let Some(comer) = self.comer(slot) else {
            return;
        };
        let place = Place::Scope(id, self.scopes.get_mut(id).order.push(comer));
        self.place(slot, place);
        let order = &mut self.scopes.get_mut(id).order;
        let is_next = order.next() == Some(slot);
        match rejection {
            Some(rejection) => {
                order.binds(rejection.dimension);
                if is_next {
                    self.scopes.look_again(id, wait_of(now, rejection));
                }
            }
            // It came last and is next: there may be room for it.
            None if is_next => self.let_go_on_from(now, id),
            None => {}
        }
    }

    fn join_line(&mut self, slot: Slot) {
        let Some(comer) = self.comer(slot) else {
            return;
        };
        let place = Place::Line(self.line.push(comer));
        self.place(slot, place);
        self.go_on(slot, true);
    }

    fn comer(&self, slot: Slot) -> Option<Comer> {
        let entry = self.queue.get(slot)?;
        let key = self.flow_key(entry.request.labels.as_deref());
        Some(Comer {
            slot,
            class: entry.request.priority,
            weight: self.scopes.weight(key.as_ref()),
            key,
            rank: self.rules.rank(entry.request.deadline, entry.arrival),
            cost: entry.request.cost.clone(),
        })
    }

    /// On whose behalf a call takes turns.
    pub(super) fn flow_key(&self, labels: Option<&crate::Labels>) -> FlowKey {
        let keys = &labels?.keys;
        match self.config.queue.fair_between {
            Some(name) => keys.iter().find(|key| key.name() == name).cloned(),
            None => keys.first().cloned(),
        }
    }

    fn place(&mut self, slot: Slot, place: Place) {
        if let Some(entry) = self.queue.get_mut(slot) {
            entry.place = place;
        }
    }

    /// Counts a call among those that have gone on from its parts to the line, or no longer.
    fn go_on(&mut self, slot: Slot, on: bool) {
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        for id in &entry.scopes {
            self.scopes.get_mut(*id).goes_on(&entry.request, on);
        }
    }

    /// Lets everybody go on who waits at a part that has room for them.
    pub(super) fn let_go_on(&mut self, now: Instant) {
        while let Some(slot) = self.queue.returned(now) {
            self.route(now, slot);
        }
        for id in self.scopes.ready(now) {
            self.let_go_on_from(now, id);
        }
    }

    /// Lets those go on who wait at one part, as many as it has room for.
    pub(super) fn let_go_on_from(&mut self, now: Instant, id: ScopeId) {
        loop {
            let part = self.scopes.get(id);
            let Some(slot) = part.order.next() else {
                return self.scopes.look_again(id, None);
            };
            let Some(entry) = self.queue.get(slot) else {
                return;
            };
            if let Err(rejection) = part.may_go_on(now, &entry.request) {
                return self.scopes.look_again(id, wait_of(now, &rejection));
            }
            if let Place::Scope(_, spot) = entry.place {
                let part = self.scopes.get_mut(id);
                part.order.serve(spot, &entry.request.cost);
                self.route_from(now, slot, Some(id));
            }
        }
    }

    /// Looks again at the parts that a call was for, now that it is gone.
    fn let_others_go_on(&mut self, now: Instant, scopes: &[ScopeId]) {
        for id in scopes {
            if !self.scopes.get(*id).order.is_empty() {
                self.let_go_on_from(now, *id);
            }
        }
    }

    /// Whether a call can be granted now.
    pub(super) fn obstacle(&self, now: Instant, entry: &Entry) -> Result<(), Obstacle> {
        let cost = &entry.request.cost;
        self.breakers_allow(now, &entry.scopes).map_err(Obstacle::Breaker)?;
        self.waits_for_no_probe(now, cost).map_err(Obstacle::Pace)?;
        for id in &entry.scopes {
            let part = self.scopes.get(*id);
            part.may_pass(now, cost).map_err(|rejection| Obstacle::Part(*id, rejection))?;
        }
        self.ledger.check(now, cost).map_err(Obstacle::Own)?;
        let call = (cost, entry.request.priority);
        self.keeps_pace(now, call).map_err(Obstacle::Pace)?;
        if let Some(bulkhead) = self.bulkhead.as_ref().filter(|bulkhead| bulkhead.free() == 0) {
            return Err(Obstacle::Slots(slots_taken(self.ledger.scope(), bulkhead)));
        }
        if self.slice.covers(cost) { Ok(()) } else { Err(Obstacle::Shared) }
    }

    /// Grants to whoever is next, until somebody has to wait.
    pub(super) fn grant_in_order(&mut self, now: Instant) {
        while let Some(slot) = self.line.next() {
            let Some(entry) = self.queue.get(slot) else {
                return;
            };
            match self.obstacle(now, entry) {
                Ok(()) if self.is_too_immodest(now, entry) => return self.hold_back(now, slot),
                Ok(()) => self.grant(now, slot),
                // Before it borrows what it would not spend.
                Err(Obstacle::Shared) if self.is_too_immodest(now, entry) => {
                    self.no_longer_needed();
                    return self.hold_back(now, slot);
                }
                Err(Obstacle::Breaker(rejection)) => self.refuse_slot(now, slot, rejection),
                Err(Obstacle::Part(id, rejection)) => {
                    let scopes = entry.scopes.clone();
                    self.leave_line(now, slot);
                    self.park(now, slot, id, Some(&rejection));
                    self.let_others_go_on(now, &scopes);
                }
                Err(_) if self.gate.has_anything() => return self.close_gate(),
                Err(obstacle) => {
                    self.wait_at_head(now, slot, obstacle);
                    // Who was let past has moved its class: somebody else may be next.
                    if self.line.next() == Some(slot) {
                        return;
                    }
                }
            }
        }
    }

    /// Whoever is next has to wait.
    fn wait_at_head(&mut self, now: Instant, slot: Slot, obstacle: Obstacle) {
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        let (ticket, need) = (entry.request.ticket, self.slice.shared_part(&entry.request.cost));
        if !matches!(obstacle, Obstacle::Shared) && self.borrowed_for != Some(ticket) {
            self.no_longer_needed();
        }
        match obstacle {
            Obstacle::Own(rejection) => {
                let at = rejection.retry_after.map(|wait| now + wait);
                self.head_ready_at = at;
                self.line.binds(rejection.dimension);
                // Nobody can take less than one of what there is none of.
                let dry = rejection.used >= rejection.limit && rejection.requested <= 1;
                self.blocked_by = Some(rejection);
                self.dry_until = at.filter(|_| dry);
                if let Some(at) = at.filter(|_| !dry) {
                    self.backfill(now, slot, at);
                }
            }
            Obstacle::Pace(rejection) => {
                self.head_ready_at = rejection.retry_after.map(|wait| now + wait);
                self.line.binds(rejection.dimension);
                self.blocked_by = Some(rejection);
            }
            Obstacle::Shared => self.borrow(now, ticket, need),
            Obstacle::Slots(rejection)
            | Obstacle::Breaker(rejection)
            | Obstacle::Part(_, rejection) => {
                self.blocked_by = Some(rejection);
            }
        }
    }

    /// Grants a call that stands in line.
    pub(super) fn grant(&mut self, now: Instant, slot: Slot) {
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        let cost = &entry.request.cost;
        if let Place::Line(spot) = entry.place {
            self.line.serve(spot, cost);
        }
        let taken = self.ledger.take(now, cost);
        debug_assert!(taken.is_ok(), "LIM-1: it was checked at this instant");
        self.slice.spend(cost);
        if let Some(controller) = &mut self.controller {
            controller.sent(now, cost);
        }
        self.pause.sent(now);
        let at = self.latest.max(now);
        for id in &entry.scopes {
            let part = self.scopes.get_mut(*id);
            part.goes_on(&entry.request, false);
            let taken = part.ledger.take(now, cost);
            debug_assert!(taken.is_ok(), "LIM-1: it was checked at this instant");
            if let Some(bulkhead) = &mut part.bulkhead {
                bulkhead.hold(at);
            }
            if let Some(breaker) = &mut part.breaker {
                breaker.let_through(at);
            }
        }
        self.hold_slots(at, slot);
        let charged = self.charged(slot);
        self.counts.granted_by_queue += 1;
        let Some(entry) = self.forget(slot) else {
            return;
        };
        let waited = now.since(entry.since);
        self.tally.granted(now, entry.request.priority, waited, &charged);
        let recorded = if self.tells_calls_apart(&entry.scopes) { at } else { now };
        let Request { ticket, priority, labels, .. } = entry.request;
        let call = Call { priority, labels, ..Call::default() };
        self.events.push_back(Event::Granted { ticket, charged, recorded, call });
        self.let_others_go_on(now, &entry.scopes);
    }

    fn charged(&self, slot: Slot) -> Amounts {
        let dimensions = self.gate_dimensions.iter().copied();
        let entry = self.queue.get(slot);
        entry.map_or(Amounts::NONE, |entry| Amounts::charged(&entry.request.cost, dimensions))
    }

    fn hold_slots(&mut self, at: Instant, slot: Slot) {
        if let Some(bulkhead) = &mut self.bulkhead {
            bulkhead.hold(at);
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.let_through(at);
        }
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        for id in &entry.scopes {
            let lease = self.scopes.get(*id).bulkhead.as_ref().map(|it| at + it.lease());
            self.scopes.heals_at(lease);
        }
    }

    /// Whether a slot or a probe has to be found again when a call ends, by the instant that it carries.
    fn tells_calls_apart(&self, scopes: &[ScopeId]) -> bool {
        let part_does = |id: &ScopeId| {
            let part = self.scopes.get(*id);
            part.bulkhead.is_some() || part.breaker.is_some()
        };
        self.bulkhead.is_some() || self.breaker.is_some() || scopes.iter().any(part_does)
    }

    /// Takes a call out of the line that may come back to it.
    fn leave_line(&mut self, now: Instant, slot: Slot) {
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        leave(&mut self.line, entry);
        self.go_on(slot, false);
        self.place(slot, Place::Later(now));
    }

    /// Takes a call out of the queue, wherever it waits.
    pub(super) fn take_out(&mut self, now: Instant, slot: Slot) -> Option<Entry> {
        let entry = self.queue.get(slot)?;
        match entry.place {
            Place::Line(_) => {
                leave(&mut self.line, entry);
                self.go_on(slot, false);
            }
            Place::Scope(id, _) => leave(&mut self.scopes.get_mut(id).order, entry),
            Place::Later(_) => {}
        }
        let entry = self.forget(slot)?;
        self.let_others_go_on(now, &entry.scopes);
        Some(entry)
    }

    /// Takes a call out of the queue that waits nowhere any more.
    fn forget(&mut self, slot: Slot) -> Option<Entry> {
        let entry = self.queue.remove(slot, &self.tariff)?;
        for id in &entry.scopes {
            let part = self.scopes.get_mut(*id);
            part.users = part.users.saturating_sub(1);
        }
        Some(entry)
    }

    /// Whether a call would take what its class leaves to those above it, though none of them waits:
    /// for as long as that takes to come back, once.
    pub(super) fn is_too_immodest(&self, now: Instant, entry: &Entry) -> bool {
        let class = entry.request.priority;
        let floor = self.config.queue.floors[class.index()];
        let above = Priority::ALL.iter().take_while(|above| **above < class);
        if floor.as_per_mille() == 0 || above.into_iter().any(|it| self.line.len_of(*it) > 0) {
            return false;
        }
        let modest_until = entry.was_next.as_ref().and_then(|was_next| was_next.modest_until);
        if modest_until.is_some_and(|until| until <= now) {
            return false;
        }
        self.ledger.check_lend(now, &self.with_floor(entry)).is_err()
    }

    fn hold_back(&mut self, now: Instant, slot: Slot) {
        let Some(entry) = self.queue.get(slot) else {
            return;
        };
        let ready = self.ledger.earliest(now, &self.with_floor(entry));
        let before = entry.was_next.as_ref().and_then(|was_next| was_next.modest_until);
        let until = before.unwrap_or(ready).min(ready).max(now + Span::from_nanos(1));
        self.head_ready_at = Some(until);
        if let Some(entry) = self.queue.get_mut(slot) {
            entry.was_next().modest_until = Some(until);
        }
        if self.gate.has_anything() {
            self.close_gate();
        }
    }

    /// What a call takes together with what its class leaves to others.
    pub(super) fn with_floor(&self, entry: &Entry) -> Amounts {
        let floor = self.config.queue.floors[entry.request.priority.index()];
        let mut amounts = Amounts::charged(&entry.request.cost, self.ledger.dimensions());
        for usage in self.ledger.limits() {
            let dimension: Dimension = usage.dimension();
            let kept = floor.of(usage.shaped_capacity());
            let asked = entry.request.cost.amount(dimension).saturating_add(kept);
            amounts.set(dimension, asked.min(usage.shaped_capacity()));
        }
        amounts
    }

    /// Refuses a call that waits.
    pub(super) fn refuse_slot(&mut self, now: Instant, slot: Slot, rejection: Rejection) {
        if let Some(entry) = self.take_out(now, slot) {
            self.refuse(now, &entry.request, rejection);
        }
    }
}

/// When to look again at what has refused a call: at the time it says, unless that is never or only
/// the end of somebody else's call will tell.
fn wait_of(now: Instant, rejection: &Rejection) -> Option<Instant> {
    let told = rejection.dimension != Dimension::Slots && rejection.reason != Reason::NeverFits;
    rejection.retry_after.filter(|_| told).map(|wait| now + wait)
}
