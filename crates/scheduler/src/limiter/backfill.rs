//! Letting small calls past a large one that waits for more than there is.
//!
//! While the next in line waits for a limit to recover, what is there already would lie idle. A call
//! behind it may have it if the next in line still starts no later than it was promised when it
//! became next, and so much more as the queue allows.

use tidegate_algorithms::Ledger;
use tidegate_units::{Amounts, Instant, Span};

use super::Limiter;
use super::line::Obstacle;
use crate::bulkhead::Bulkhead;
use crate::order::Slot;
use crate::queue::Place;

/// How many calls behind the next one are looked at, each time.
const LOOKS: usize = 16;
/// How many of one key.
const LOOKS_AT_KEY: usize = 8;

impl Limiter {
    /// Grants to those behind the next in line, who can be served at `ready_at`, what does not put it
    /// off by more than is allowed.
    pub(super) fn backfill(&mut self, now: Instant, head: Slot, ready_at: Instant) {
        let slip = self.config.queue.backfill;
        let Some(entry) = self.queue.get_mut(head).filter(|_| slip > Span::ZERO) else {
            return;
        };
        let promised = *entry.was_next().promised.get_or_insert(ready_at);
        if let Place::Line(spot) = entry.place {
            // Those of its key with less time would put it off without end.
            entry.place = Place::Line(self.line.put_first(spot));
        }
        let latest = promised + slip;
        // Who leaves lets others come near enough to be looked at.
        let mut look_at = None;
        while self.line.next() == Some(head) {
            let (any, next) = self.let_some_past(now, head, latest);
            look_at = next;
            if !any {
                break;
            }
        }
        let Some(cost) = self.queue.get(head).map(|entry| &entry.request.cost) else {
            return;
        };
        let charged = Amounts::charged(cost, self.ledger.dimensions());
        let ready_at = self.ledger.earliest(now, &charged);
        self.head_ready_at = Some(look_at.map_or(ready_at, |at| ready_at.min(at)));
    }

    /// Looks once at those nearest. Answers whether anybody was let past, and when to look again at
    /// those who cannot be yet.
    fn let_some_past(
        &mut self,
        now: Instant,
        head: Slot,
        latest: Instant,
    ) -> (bool, Option<Instant>) {
        let before = self.counts.backfilled;
        let mut look_at: Option<Instant> = None;
        for slot in self.line.behind(LOOKS_AT_KEY, LOOKS) {
            match self.past_at(now, slot, head, latest) {
                Some(at) if at <= now => {
                    self.counts.backfilled += 1;
                    self.grant(now, slot);
                }
                Some(at) => look_at = Some(look_at.map_or(at, |first| first.min(at))),
                None => {}
            }
        }
        (self.counts.backfilled != before, look_at)
    }

    /// When a call can be granted so that the head still is by `latest`, as far as is known.
    ///
    /// What is not known to come back in time has to be there for both: slots, probes, and what is
    /// borrowed.
    fn past_at(&self, now: Instant, slot: Slot, head: Slot, latest: Instant) -> Option<Instant> {
        let (entry, head) = (self.queue.get(slot)?, self.queue.get(head)?);
        let at = match self.obstacle(now, entry) {
            Ok(()) if self.is_too_immodest(now, entry) => return None,
            Ok(()) => now,
            Err(Obstacle::Own(rejection)) => now + rejection.retry_after?,
            Err(_) => return None,
        };
        let both = |ledger: &Ledger| {
            let mut both = Amounts::charged(&head.request.cost, ledger.dimensions());
            both.add(&Amounts::charged(&entry.request.cost, ledger.dimensions()));
            ledger.earliest(now, &both) <= latest
        };
        let slots = |bulkhead: &Option<Bulkhead>| bulkhead.as_ref().is_none_or(|it| it.free() > 1);
        let shared_parts = entry.scopes.iter().filter(|id| head.scopes.contains(id));
        let mut parts = shared_parts.map(|id| self.scopes.get(*id));
        let room = both(&self.ledger)
            && slots(&self.bulkhead)
            && self.probes(now).is_none_or(|room| room > 1)
            && self.slice.covers_both(&head.request.cost, &entry.request.cost)
            && parts.all(|part| both(&part.ledger) && slots(&part.bulkhead));
        room.then_some(at)
    }
}
