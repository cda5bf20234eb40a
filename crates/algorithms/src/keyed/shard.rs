//! One shard of an exact table: entries, and what is remembered of those that were dropped.
//!
//! A plain machine behind its shard's lock. An entry holds a key and the tick at which its bucket is
//! full again; at that tick it says nothing any more and may go.
//!
//! Two ticks stand for the keys that have no entry. `floor` is the latest at which an entry was dropped:
//! a caller whose clock stands before it may be the one whose entry is gone. `overflow` is the shared
//! bucket's: a newcomer may have used it a moment ago, when there was no room. A newcomer is taken to be
//! full again at the later of the two, which is never before the truth.

use std::borrow::Borrow;

use hashbrown::HashTable;

use super::rule::{Pace, Step};

/// Buckets that a newcomer looks through when there is no room: all of a small shard, and soon all of a
/// large one. Before that nothing is dropped: the key of an entry that says nothing may yet come back.
const SWEPT_WHEN_FULL: usize = 256;

/// Entries after whose dropping a newcomer has done enough.
const DROPPED_WHEN_FULL: usize = 8;

/// Entries of some keys.
#[derive(Debug)]
pub(super) struct Shard<K> {
    entries: HashTable<Entry<K>>,
    /// The most entries.
    room: usize,
    floor: u64,
    overflow: u64,
    overflowed: u64,
    /// The bucket that is swept next.
    cursor: usize,
}

#[derive(Debug)]
struct Entry<K> {
    key: K,
    full_at: u64,
}

/// What is asked, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask {
    pub(super) pace: Pace,
    pub(super) now: u64,
    pub(super) cost: u64,
}

impl Ask {
    fn step(&self, full_at: u64) -> Step {
        self.pace.step(full_at, self.now, self.cost)
    }
}

impl<K> Shard<K> {
    /// An empty shard for at most `room` entries. An eighth of the table stays free, so that rebuilding
    /// it, when dropped entries have left their marks, stays rare.
    pub(super) fn new(room: usize) -> Self {
        let entries = HashTable::with_capacity(room + room / 7 + 1);
        Self { entries, room, floor: 0, overflow: 0, overflowed: 0, cursor: 0 }
    }

    /// Decides for a key that has an entry; `None` for one that has none.
    #[inline]
    pub(super) fn known<Q>(&mut self, hash: u64, key: &Q) -> Option<&mut u64>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let found = self.entries.find_mut(hash, |entry| entry.key.borrow() == key);
        found.map(|entry| &mut entry.full_at)
    }

    /// Decides for a key that has no entry: makes one, or uses the shared bucket where there is no room.
    /// Answers whether that one decided.
    pub(super) fn newcomer(
        &mut self,
        hash: u64,
        key: impl FnOnce() -> K,
        ask: Ask,
        hasher: impl Fn(&K) -> u64,
    ) -> (Step, bool) {
        let step = ask.step(self.floor.max(self.overflow));
        let Step::Admit(full_at) = step else {
            return (step, self.overflow > self.floor.max(ask.now));
        };
        if ask.cost == 0 {
            return (step, false);
        }
        if self.entries.len() >= self.room {
            self.sweep(SWEPT_WHEN_FULL, DROPPED_WHEN_FULL, ask.now);
        }
        if self.entries.len() >= self.room {
            self.overflow = full_at;
            self.overflowed += 1;
            return (step, true);
        }
        self.insert(hash, Entry { key: key(), full_at }, hasher);
        (step, false)
    }

    fn insert(&mut self, hash: u64, entry: Entry<K>, hasher: impl Fn(&K) -> u64) {
        let hasher = |entry: &Entry<K>| hasher(&entry.key);
        if self.entries.len() == self.entries.capacity() {
            // Full of marks that dropped entries left. The table itself would grow (KEY-3).
            let entries: Vec<_> = self.entries.drain().collect();
            for entry in entries {
                self.entries.insert_unique(hasher(&entry), entry, hasher);
            }
        }
        self.entries.insert_unique(hash, entry, hasher);
    }

    /// Drops what is full again at `now` among the next so many buckets, until so many are dropped.
    /// Answers how many entries, and how many buckets it looked at.
    pub(super) fn sweep(&mut self, buckets: usize, enough: usize, now: u64) -> (usize, usize) {
        let (mut dropped, mut seen) = (0, 0);
        while seen < buckets.min(self.entries.num_buckets()) && dropped < enough {
            let index = self.cursor;
            self.cursor = (index + 1) % self.entries.num_buckets();
            seen += 1;
            let is_full = |entry: &Entry<K>| entry.full_at <= now;
            if self.entries.get_bucket(index).is_some_and(is_full)
                && let Ok(entry) = self.entries.get_bucket_entry(index)
            {
                entry.remove();
                self.floor = self.floor.max(now);
                dropped += 1;
            }
        }
        (dropped, seen)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// What the entries take, without what keys hold elsewhere.
    pub(super) fn bytes(&self) -> usize {
        self.entries.allocation_size()
    }
}
