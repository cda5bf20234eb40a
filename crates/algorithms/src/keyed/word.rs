//! A slot's word: a tag of the key, a mark, and when the key's bucket is full again.
//!
//! ```text
//! 63            40 39 38                                  0
//! | tag, not zero | m | tick at which the bucket is full   |   settled, m = 0
//! |               |   | a number that is used once         |   candidate, m = 1
//! ```
//!
//! A word of zero is a free slot. A candidate holds a place for its key and has admitted nothing: losing
//! one loses nothing. Its number makes it unlike every candidate before it, so that a compare-and-swap on
//! it cannot be taken in by a later one.
//!
//! # Ticks in 39 bits
//!
//! Only the low bits of a tick are kept. The table has a *base*: every settled word's tick lies at it or
//! up to 2^39 after it, which gives back the bits above. The base follows the clock by sweeps: one that
//! began at tick `t` has dropped all that was full again by then, and what is left or was written
//! meanwhile lies after `t`, which becomes the base. A decision is made less than half the range after
//! the base, and buckets take at most a quarter of it to fill; so no word lies beyond its end, however
//! long it stays, and what is old is never taken for what is to come.

/// Bits of a tick.
const TICK_BITS: u32 = 39;

/// How far ticks in 39 bits reach.
pub(super) const RANGE: u64 = 1 << TICK_BITS;

const CANDIDATE: u64 = RANGE;
const TAG_SHIFT: u32 = TICK_BITS + 1;

/// The low bits.
const LOW: u64 = RANGE - 1;

/// A free slot.
pub(super) const FREE: u64 = 0;

/// How many tags there are, without zero.
pub(super) const TAGS: u64 = (1 << (u64::BITS - TAG_SHIFT)) - 1;

/// The tag of a key, where it stands in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u64);

impl Tag {
    /// From the lowest 24 bits of a hash; the highest choose the line.
    #[inline]
    pub(super) fn of(hash: u64) -> Self {
        let bits = hash & TAGS;
        // Zero becomes one, for a free slot has none.
        Self((bits | u64::from(bits == 0)) << TAG_SHIFT)
    }

    /// A word that says when the bucket is full again.
    #[inline]
    pub(super) fn settled(self, tick: u64) -> u64 {
        self.0 | (tick & LOW)
    }

    /// A word that holds a place.
    pub(super) fn candidate(self, number: u64) -> u64 {
        self.0 | CANDIDATE | (number & LOW)
    }

    /// Whether a word is this key's and settled.
    #[inline]
    pub(super) fn has_settled(self, word: u64) -> bool {
        (word ^ self.0) < CANDIDATE
    }

    /// Whether a word is this key's and holds a place.
    pub(super) fn is_candidate(self, word: u64) -> bool {
        (word ^ self.0 ^ CANDIDATE) < CANDIDATE
    }
}

/// Whether a word holds a place for whichever key.
pub(super) fn holds_a_place(word: u64) -> bool {
    word & CANDIDATE != 0
}

/// When the bucket of a settled word is full again.
#[inline]
pub(super) fn full_at(word: u64, base: u64) -> u64 {
    // Not beyond the last tick: that is some hundred years off.
    base.saturating_add(word.wrapping_sub(base) & LOW)
}

/// The same key's word with another tick.
#[inline]
pub(super) fn moved(word: u64, tick: u64) -> u64 {
    word & !LOW | tick & LOW
}

/// Whether a settled word says nothing any more at `now`: it is free, or full again.
pub(super) fn is_spent(word: u64, base: u64, now: u64) -> bool {
    word == FREE || (!holds_a_place(word) && full_at(word, base) <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_it_was_written_all_over_the_range() {
        let tag = Tag::of(0x00AB_CDEF);
        for base in [0, 1, RANGE - 1, RANGE, 5 * RANGE / 2 + 3, u64::MAX - RANGE] {
            for tick in [base, base + 1, base + RANGE / 2, base + RANGE - 1] {
                let word = tag.settled(tick);
                assert_eq!(full_at(word, base), tick);
                assert!(tag.has_settled(word) && !tag.is_candidate(word) && word != FREE);
                assert!(is_spent(word, base, tick));
                assert!(tick == 0 || !is_spent(word, base, tick - 1));
            }
        }
    }

    #[test]
    fn a_candidate_is_neither_settled_nor_spent() {
        let (one, other) = (Tag::of(1), Tag::of(2));
        let word = one.candidate(u64::MAX);
        assert!(one.is_candidate(word) && holds_a_place(word));
        assert!(!one.has_settled(word) && !other.is_candidate(word) && !other.has_settled(word));
        assert!(!is_spent(word, 0, u64::MAX));
    }

    #[test]
    fn no_tag_looks_free() {
        for hash in [0, 1, TAGS, TAGS + 1, u64::MAX] {
            assert!(!Tag::of(hash).has_settled(FREE), "{hash}");
            assert_ne!(Tag::of(hash).settled(0), FREE, "{hash}");
        }
    }
}
