//! Slots, eight to a cache line, and what a look at them finds.

use super::word::{FREE, Tag, full_at, is_spent};
use crate::prefetch::prefetch;
use crate::sync::{AtomicU64, Ordering};

/// Slots of a line: a cache line's worth; few enough for every interleaving when loom is about.
pub(super) const SLOTS: usize = if cfg!(loom) { 2 } else { 8 };

/// So many slots in use, and a newcomer looks whether its second line is emptier.
const CROWDED: usize = SLOTS - 1;

/// Eight slots on one cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Line([AtomicU64; SLOTS]);

/// The two lines in which a key may be; one where the table has no more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) first: &'a Line,
    pub(super) second: Option<&'a Line>,
}

/// A slot, and the word that was in it when it was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) slot: &'a AtomicU64,
    pub(super) word: u64,
}

/// What a newcomer sees of its two lines.
#[derive(Debug, Default)]
pub(super) struct View<'a> {
    /// A settled slot of the key.
    pub(super) settled: Option<Seen<'a>>,
    /// The first slot that holds a place for the key.
    pub(super) candidate: Option<Seen<'a>>,
    /// All others that do.
    pub(super) rivals: Vec<Seen<'a>>,
    /// A slot to take. One that was never used is best, in the second line if the first is crowded and
    /// that one is not; else the one that has been saying nothing for longest, because the key of the
    /// others may yet come back and save itself the way through here.
    pub(super) spent: Option<Seen<'a>>,
}

impl Seen<'_> {
    /// Puts `word` in, if the slot has not changed.
    #[inline]
    pub(super) fn replace(&self, word: u64) -> bool {
        let swap = self.slot.compare_exchange(self.word, word, Ordering::AcqRel, Ordering::Relaxed);
        swap.is_ok()
    }

    /// Whether it is the same slot with the same word.
    pub(super) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.slot, other.slot) && self.word == other.word
    }
}

impl Line {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Asks for the line, without waiting for it.
    #[inline]
    pub(super) fn touch(&self) {
        prefetch(self);
    }

    /// The settled slot of a key. Looks at all slots without a branch: where a key lies cannot be
    /// guessed, and a wrong guess costs more than eight comparisons.
    #[inline]
    pub(super) fn settled(&self, tag: Tag) -> Option<Seen<'_>> {
        let mut found = 0_u32;
        for (index, slot) in (0_u32..).zip(&self.0) {
            found |= u32::from(tag.has_settled(slot.load(Ordering::Relaxed))) << index;
        }
        let slot = self.0.get(usize::try_from(found.trailing_zeros()).unwrap_or(SLOTS))?;
        let word = slot.load(Ordering::Acquire);
        tag.has_settled(word).then_some(Seen { slot, word })
    }

    /// What each slot holds.
    pub(super) fn slots(&self) -> impl Iterator<Item = Seen<'_>> {
        self.0.iter().map(|slot| Seen { slot, word: slot.load(Ordering::Acquire) })
    }

    /// Live keys, as far as one can see while others work.
    pub(super) fn live(&self, base: u64, now: u64) -> usize {
        self.slots().filter(|seen| !is_spent(seen.word, base, now)).count()
    }
}

impl<'a> Pair<'a> {
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a Line> + use<'a> {
        std::iter::once(self.first).chain(self.second)
    }

    /// Everything that concerns a key.
    pub(super) fn view(&self, tag: Tag, base: u64, now: u64) -> View<'a> {
        let mut view = View::default();
        let (mut free, mut least) = (None, usize::MAX);
        let mut oldest: Option<(u64, Seen<'a>)> = None;
        for line in self.lines() {
            let (mut used, mut free_here) = (0, None);
            for seen in line.slots() {
                view.note(tag, seen);
                if seen.word == FREE {
                    free_here = free_here.or(Some(seen));
                    continue;
                }
                used += 1;
                let at = full_at(seen.word, base);
                if is_spent(seen.word, base, now) && oldest.is_none_or(|(least, _)| at < least) {
                    oldest = Some((at, seen));
                }
            }
            if least == usize::MAX || (least >= CROWDED && used < least) {
                free = free_here.or(free);
            }
            least = least.min(used);
        }
        view.spent = free.or(oldest.map(|(_, seen)| seen));
        view
    }
}

impl<'a> View<'a> {
    fn note(&mut self, tag: Tag, seen: Seen<'a>) {
        if tag.has_settled(seen.word) {
            self.settled = self.settled.or(Some(seen));
        } else if tag.is_candidate(seen.word) {
            match self.candidate {
                None => self.candidate = Some(seen),
                Some(_) => self.rivals.push(seen),
            }
        }
    }

    /// Whether the key is to be seen at all.
    pub(super) fn has_key(&self) -> bool {
        self.settled.is_some() || self.candidate.is_some()
    }
}
