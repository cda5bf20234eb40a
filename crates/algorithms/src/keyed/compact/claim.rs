//! A key that has no slot in its first line: finding it, giving it a slot, or the shared bucket.
//!
//! The argument for why no step admits too much stands in the documentation of `compact.rs`.

use super::{Ask, CompactKeyed, Spot, part};
use crate::keyed::lines::{Pair, Seen};
use crate::keyed::rule::Step;
use crate::keyed::word::FREE;
use crate::sync::{AtomicU64, Ordering, fence};

/// A step, and whether it was decided on the shared bucket; `None` if something changed meanwhile and
/// the caller has to look again.
type Tried = Option<(Step, bool)>;

impl CompactKeyed {
    /// Decides for a key whose first line showed no slot of it.
    #[inline(never)]
    pub(super) fn newcomer(&self, spot: &Spot, ask: Ask) -> Tried {
        let pair = self.pair(spot);
        let view = pair.view(spot.tag, ask.base, ask.now);
        if self.base() != ask.base {
            return None;
        }
        if let Some(seen) = view.settled {
            return self.charge(seen, ask).map(|step| (step, false));
        }
        let (step, shared) = self.step_of_a_newcomer(spot, ask);
        if ask.cost == 0 || !matches!(step, Step::Admit(_)) {
            return Some((step, shared));
        }
        if let Some(candidate) = view.candidate {
            return self.settle(spot, pair, candidate, ask);
        }
        match view.spent {
            Some(seen) => self.settle(spot, pair, self.claim(spot, seen, ask)?, ask),
            None => self.overflow(spot, pair, ask),
        }
    }

    /// Puts a candidate into a slot that says nothing.
    fn claim<'a>(&self, spot: &Spot, seen: Seen<'a>, ask: Ask) -> Option<Seen<'a>> {
        if seen.word != FREE {
            self.raise_floor(ask.now);
        }
        let number = self.shared.written.next.fetch_add(1, Ordering::Relaxed);
        let word = spot.tag.candidate(number);
        seen.replace(word).then_some(Seen { slot: seen.slot, word })
    }

    /// Turns a candidate of the key, seen before now, into a slot with the charge on it.
    fn settle(&self, spot: &Spot, pair: Pair<'_>, candidate: Seen<'_>, ask: Ask) -> Tried {
        fence(Ordering::SeqCst);
        let view = pair.view(spot.tag, ask.base, ask.now);
        if self.base() != ask.base {
            return None;
        }
        if let Some(seen) = view.settled {
            view.candidate.iter().chain(&view.rivals).for_each(|one| {
                one.replace(FREE);
            });
            return self.charge(seen, ask).map(|step| (step, false));
        }
        let first = view.candidate?;
        if !first.is(&candidate) {
            // Another one counts, and what lies beside it has to be looked at after it was seen.
            return None;
        }
        if !view.rivals.iter().all(|rival| rival.replace(FREE)) {
            return None;
        }
        let (step, shared) = self.step_of_a_newcomer(spot, ask);
        let word = match step {
            Step::Admit(full_at) => spot.tag.settled(full_at),
            Step::Later(_) | Step::Never => FREE,
        };
        first.replace(word).then_some((step, shared && word == FREE))
    }

    /// Takes from the bucket that keys without a slot share, unless the key turns out to have one.
    fn overflow(&self, spot: &Spot, pair: Pair<'_>, ask: Ask) -> Tried {
        let bucket = self.bucket(spot);
        let (before, floor) = (bucket.load(Ordering::Acquire), self.floor());
        let step = self.pace.step(before.max(floor), ask.now, ask.cost);
        let Step::Admit(after) = step else {
            return Some((step, true));
        };
        let bucket = Seen { slot: bucket, word: before };
        if !bucket.replace(after) {
            return None;
        }
        fence(Ordering::SeqCst);
        let key_is_there = pair.view(spot.tag, ask.base, ask.now).has_key();
        // Or it was there, and has been dropped.
        if key_is_there || self.floor() > floor.max(ask.now) {
            Seen { word: after, ..bucket }.replace(before);
            return None;
        }
        self.shared.written.overflowed.fetch_add(1, Ordering::Relaxed);
        Some((step, true))
    }

    /// What a key without a slot would get, if it has one now; and whether the shared bucket is why.
    fn step_of_a_newcomer(&self, spot: &Spot, ask: Ask) -> (Step, bool) {
        let (floor, overflow) = (self.floor(), self.bucket(spot).load(Ordering::Acquire));
        let step = self.pace.step(floor.max(overflow), ask.now, ask.cost);
        (step, !matches!(step, Step::Admit(_)) && overflow > floor.max(ask.now))
    }

    fn floor(&self) -> u64 {
        self.shared.written.floor.load(Ordering::Acquire)
    }

    /// Remembers that something was dropped at `now`. Written once per tick at most.
    pub(super) fn raise_floor(&self, now: u64) {
        if self.floor() < now {
            self.shared.written.floor.fetch_max(now, Ordering::AcqRel);
        }
    }

    /// The bucket that this key shares with others if it has no slot.
    fn bucket(&self, spot: &Spot) -> &AtomicU64 {
        &self.overflows[spot.first % self.overflows.len()]
    }

    fn pair(&self, spot: &Spot) -> Pair<'_> {
        let lines = self.lines.len();
        // All bits of the hash again, mixed: the second line must not follow from the first alone.
        let step = 1 + part(spot.hash.wrapping_mul(0x9E37_79B9_7F4A_7C15), lines.max(2) - 1);
        let second =
            if spot.first + step < lines { spot.first + step } else { spot.first + step - lines };
        let second = (second != spot.first).then(|| &self.lines[second]);
        Pair { first: &self.lines[spot.first], second }
    }
}
