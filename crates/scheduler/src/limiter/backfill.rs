//! Letting small calls past a large one that waits for more than there is.
//!
//! While the next in line waits for a limit to recover, what is there already would lie idle. A call
//! behind it may have it if the next in line still starts no later than it was promised when it
//! became next, and so much more as the queue allows.

use tidegate_units::{Amounts, Instant, Span};

use super::Limiter;
use crate::order::Slot;

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
        let cost = entry.request.cost.clone();
        let latest = promised + slip;
        for slot in self.line.behind(LOOKS_AT_KEY, LOOKS) {
            if self.fits_before(now, slot, &cost, latest) {
                self.counts.backfilled += 1;
                self.grant(now, slot);
            }
        }
        let charged = Amounts::charged(&cost, self.ledger.dimensions());
        self.head_ready_at = Some(self.ledger.earliest(now, &charged));
    }

    /// Whether a call can be granted now and `head` still be by `latest`.
    fn fits_before(
        &self,
        now: Instant,
        slot: Slot,
        head: &tidegate_units::Cost,
        latest: Instant,
    ) -> bool {
        let Some(entry) = self.queue.get(slot) else {
            return false;
        };
        if self.obstacle(now, entry).is_err() || self.is_too_immodest(now, slot) {
            return false;
        }
        let mut both = Amounts::charged(head, self.ledger.dimensions());
        both.add(&Amounts::charged(&entry.request.cost, self.ledger.dimensions()));
        self.ledger.earliest(now, &both) <= latest
    }
}
