//! Sweeping a compact table, so that its base follows the clock.
//!
//! One sweep at a time. A pass raises the floor to the tick at which it begins, issues a fence, and goes
//! through all lines, a piece at a time: it drops what was full again by then and every candidate. A
//! newcomer reads the floor after it has put its candidate and a fence; so either it counts from the
//! pass's beginning, or the pass finds its candidate. What is charged in place only moves later. When a
//! pass ends, every settled word therefore lies after its beginning, which becomes the base.

use std::sync::PoisonError;

use tidegate_units::Instant;

use super::CompactKeyed;
use crate::keyed::lines::{Line, Seen};
use crate::keyed::word::{FREE, RANGE, holds_a_place, is_spent};
use crate::sync::{Ordering, fence};

/// Lines that one call of [`CompactKeyed::sweep`] looks at: some tens of microseconds.
const SWEPT_PER_CALL: usize = 1_024;

/// A pass over the table.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// The line that is next.
    line: usize,
    /// The tick at which the pass began.
    began: u64,
}

impl CompactKeyed {
    /// Drops what is full again in the next lines, and answers how many slots. A bounded piece of work;
    /// calls go on where the last one stopped, and end early where another sweep is under way.
    ///
    /// Slots are free without it. But once in half the range of ticks the whole table has to have been
    /// swept, and whoever finds that it has not does it on the spot, at some nanoseconds a slot. Half
    /// the range is 33 million intervals or more, and at least 4.5 minutes: years for one permit per
    /// second, days for a hundred.
    pub fn sweep(&self, now: Instant) -> usize {
        match self.shared.written.sweep.try_lock() {
            Ok(mut sweep) => self.sweep_on(&mut sweep, self.pace.tick(now), SWEPT_PER_CALL),
            Err(_) => 0,
        }
    }

    /// Brings the base close to `now`, unless somebody else did meanwhile.
    #[cold]
    pub(super) fn sweep_all(&self, now: u64) {
        let lock = self.shared.written.sweep.lock();
        let mut sweep = lock.unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(self.base()) >= RANGE / 2 {
            // From the start: a pass that is under way began too long ago.
            sweep.line = 0;
            self.sweep_on(&mut sweep, now, self.lines.len());
        }
    }

    fn sweep_on(&self, sweep: &mut Sweep, now: u64, lines: usize) -> usize {
        let base = self.base();
        if sweep.line == 0 {
            sweep.began = now.max(base);
            self.raise_floor(sweep.began);
            fence(Ordering::SeqCst);
        }
        let end = (sweep.line + lines).min(self.lines.len());
        let slots = self.lines[sweep.line..end].iter().flat_map(Line::slots);
        let dropped = slots.filter(|seen| drop_spent(*seen, base, sweep.began)).count();
        sweep.line = end % self.lines.len();
        if sweep.line == 0 {
            self.shared.base.store(sweep.began, Ordering::Release);
        }
        dropped
    }
}

/// Frees a slot if it says nothing at `now` or holds a place; answers whether it said something once.
fn drop_spent(mut seen: Seen<'_>, base: u64, now: u64) -> bool {
    while seen.word != FREE && (holds_a_place(seen.word) || is_spent(seen.word, base, now)) {
        if seen.replace(FREE) {
            return !holds_a_place(seen.word);
        }
        seen.word = seen.slot.load(Ordering::Acquire);
    }
    false
}
