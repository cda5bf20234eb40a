//! Keyed limits that hold the keys themselves.
//!
//! A power of two of shards, each a hash table behind a lock on cache lines of its own. A decision is
//! short: hash, lock, find, compare, store. A lock that is held for some ten nanoseconds costs two
//! atomic operations; a lock for many readers costs as many and a third for the entry. Measured on 64
//! shards, one and two threads, 11.6 and 11.1 ns against 13.8 and 13.9; and no lock of another library
//! was faster than the standard one.
//!
//! Tables are allocated whole when the limiter is made: no decision waits for one to grow, and memory is
//! known from the start (KEY-3). What keys hold elsewhere (the text of a `String`) comes on top, for at
//! most [`Keyed::capacity_keys`] keys.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidegate_units::{Instant, Limit};

use super::rule::{Pace, Step};
use super::secret::Secret;
use super::shard::{Ask, Shard};
use super::{Answer, KEYS_MAX, KeyRule};

/// More do not help on machines with up to some dozens of processors, and each has some slack.
const SHARDS_MAX: usize = 64;

/// Below that, a shard would be more slack than entries.
const KEYS_PER_SHARD_MIN: usize = 256;

/// Buckets that one call of [`Keyed::sweep`] looks at: some tens of microseconds.
const SWEPT_PER_CALL: usize = 4_096;

/// One limit for every key of type `K`. Virtual scheduling, ITU-T Recommendation I.371, annex A, by a
/// [`KeyRule`].
///
/// Costs are whole permits, 0 to the largest `u64`; one of 0 asks whether nothing is owed, and takes no
/// place. Nothing panics that the key's own `Hash`, `Eq` and `ToOwned` do not.
///
/// ```
/// use tidegate_algorithms::{Decision, Keyed};
/// use tidegate_units::{Instant, Limit, Span};
///
/// let limit: Limit = "2 requests per second".parse()?;
/// let limit = limit.guard(Span::ZERO)?;
/// let agents: Keyed<String> = Keyed::new(&limit, 10_000);
/// let now = Instant::ZERO;
/// assert!(agents.check("research", now).is_admitted());
/// assert!(agents.check("summary", now).is_admitted(), "another key, another bucket");
/// // Two per second, one at a time.
/// let retry_after = Span::from_millis(500);
/// assert_eq!(agents.check("research", now).decision, Decision::Later { retry_after });
/// assert_eq!(agents.check_n("summary", 3, now).decision, Decision::Never);
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug)]
pub struct Keyed<K> {
    rule: KeyRule,
    pace: Pace,
    secret: Secret,
    shards: Box<[Padded<K>]>,
    /// The shard that is swept next.
    cursor: AtomicUsize,
    room: usize,
}

/// On lines of its own: 128 bytes, because neighbours are fetched in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<K>(Mutex<Shard<K>>);

impl<K> Padded<K> {
    fn lock(&self) -> MutexGuard<'_, Shard<K>> {
        // Whatever panicked (a key's `Eq`), every step leaves a shard in order.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Keyed<K> {
    /// A limiter for at least `keys` live keys at once: 1 to [`KEYS_MAX`](super::KEYS_MAX), taken as the
    /// nearest in range. Allocates all it will ever need; see [`Keyed::bytes`].
    pub fn new(limit: &Limit, keys: usize) -> Self {
        Self::with_rule(KeyRule::new(limit), keys)
    }

    /// The same with a burst that was chosen.
    pub fn with_rule(rule: KeyRule, keys: usize) -> Self {
        Self::with_secret(rule, keys, Secret::random())
    }

    /// The same with a hash that anybody can foretell: for tests that must go the same way each time.
    pub fn with_seed(rule: KeyRule, keys: usize, seed: u64) -> Self {
        Self::with_secret(rule, keys, Secret::seeded(seed))
    }

    fn with_secret(rule: KeyRule, keys: usize, secret: Secret) -> Self {
        let keys = keys.clamp(1, KEYS_MAX);
        let shards = (keys / KEYS_PER_SHARD_MIN).max(1).next_power_of_two().min(SHARDS_MAX);
        let fair = keys.div_ceil(shards);
        // Six deviations of how many keys a hash sends to a shard.
        let room = if shards == 1 { keys } else { fair + 6 * fair.isqrt() };
        let shard = |_| Padded(Mutex::new(Shard::new(room)));
        Self {
            rule,
            pace: rule.fine(),
            secret,
            shards: (0..shards).map(shard).collect(),
            cursor: AtomicUsize::new(0),
            room,
        }
    }

    /// Takes one permit of `key` if there is one.
    #[inline]
    pub fn check<Q>(&self, key: &Q, now: Instant) -> Answer
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.check_n(key, 1, now)
    }

    /// Takes `cost` permits of `key`, or none.
    #[inline]
    pub fn check_n<Q>(&self, key: &Q, cost: u64, now: Instant) -> Answer
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.decide(self.secret.hash(key), key, cost, || now)
    }

    /// Takes for several keys, one after the other; the answers replace what is in `answers`.
    pub fn check_many<Q>(&self, asked: &[(&Q, u64)], now: Instant, answers: &mut Vec<Answer>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        answers.clear();
        answers.extend(asked.iter().map(|(key, cost)| self.check_n(*key, *cost, now)));
    }

    /// As [`Keyed::check_n`], for a key whose hash is known; reads the time when the entry is at hand.
    #[inline]
    pub(super) fn decide<Q>(
        &self,
        hash: u64,
        key: &Q,
        cost: u64,
        clock: impl FnOnce() -> Instant,
    ) -> Answer
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let mut shard = self.shard(hash).lock();
        if let Some(entry) = shard.known(hash, key) {
            let at = *entry;
            let now = clock();
            let step = self.pace.step(at, self.pace.tick(now), cost);
            if let Step::Admit(full_at) = step
                && cost > 0
            {
                *entry = full_at;
            }
            drop(shard);
            return Answer { decision: self.pace.decision(step, now), overflowed: false };
        }
        let now = clock();
        let ask = Ask { pace: self.pace, now: self.pace.tick(now), cost };
        let hasher = |key: &K| self.secret.hash(key.borrow());
        let (step, overflowed) = shard.newcomer(hash, || key.to_owned(), ask, hasher);
        Answer { decision: self.pace.decision(step, now), overflowed }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Padded<K> {
        // The table itself uses the lowest bits and the highest seven.
        let bits = usize::try_from((hash >> 32) & 0xFFFF).unwrap_or(0);
        &self.shards[bits & (self.shards.len() - 1)]
    }

    #[inline]
    pub(super) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.secret.hash(key)
    }
}

impl<K> Keyed<K> {
    /// Drops some entries that are full again, and answers how many. A bounded piece of work; calls go
    /// on where the last one stopped. Never needed for right decisions: newcomers sweep too.
    pub fn sweep(&self, now: Instant) -> usize {
        let now = self.pace.tick(now);
        let (mut left, mut dropped) = (SWEPT_PER_CALL, 0);
        for _ in 0..self.shards.len() {
            let index = self.cursor.fetch_add(1, Ordering::Relaxed) % self.shards.len();
            let (gone, seen) = self.shards[index].lock().sweep(left, usize::MAX, now);
            dropped += gone;
            left -= seen;
            if left == 0 {
                break;
            }
        }
        dropped
    }

    /// Entries there are: live keys, and those that nobody has dropped yet.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most entries there can be: at least as many as were asked for.
    pub fn capacity_keys(&self) -> usize {
        self.room * self.shards.len()
    }

    /// The memory that the limiter takes from first to last, without what keys hold elsewhere.
    ///
    /// While a shard is rebuilt, which happens where entries come and go, a copy of its entries is added.
    pub fn bytes(&self) -> usize {
        let tables: usize = self.shards.iter().map(|shard| shard.lock().bytes()).sum();
        tables + size_of_val(&*self.shards) + size_of::<Self>()
    }

    /// How often something was admitted from the bucket that keys without a place share.
    pub fn overflowed(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().overflowed()).sum()
    }

    /// The rule for each key.
    pub fn rule(&self) -> KeyRule {
        self.rule
    }
}
