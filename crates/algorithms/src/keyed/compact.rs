//! Keyed limits at eight bytes a slot: 24 bits of a key's hash, and when its bucket is full again.
//!
//! Eight slots make a cache line, so that a decision costs one line of memory and, for a key that has a
//! slot, one compare-and-swap. There is no lock on the way. A key has two lines to be in; it goes to the
//! second only if the first is crowded.
//!
//! # Slots and what they mean
//!
//! The table starts with nothing and forgets only what says nothing: a slot whose tick has passed is
//! free for whoever comes next, with one compare-and-swap of the whole word, so that a slot never has
//! one key's tag and another's tick. What was forgotten leaves a trace, the *floor*: before anything is
//! dropped, the floor is raised to the instant at which it was seen to be full again. A newcomer, who
//! may be the one that was dropped, counts as full again at the floor at the earliest.
//!
//! # Two newcomers with one key
//!
//! Two threads that find no slot for a key may each take another one: the first slot that is free for
//! the one is not yet so for the other. Two slots would be two buckets (KEY-4). So a slot is taken in
//! two steps, *candidate* and *settled*, and only the second admits anything:
//!
//! 1. A thread that sees no slot of its key puts a candidate into a spent slot.
//! 2. A thread that sees a candidate of its key, whoever put it there, issues a fence and looks at
//!    both lines once more. If a slot of its key is settled, that one is charged. Otherwise it takes
//!    the first candidate, removes all others, and turns that one into a settled word with its charge.
//!    If any swap fails, somebody else got on, and it starts again.
//!
//! Suppose two slots `i` and `j` of one key were settled, by `P` and `Q`. Both saw their candidate before
//! their fence and looked at the other slot after it. Fences have one order; say `P`'s is the earlier.
//! Then what `Q` finds in `i` is `P`'s candidate or what became of it: settled, and `Q` charges `i`
//! instead; still a candidate, and `Q` removes either it or `j`, and of removing and settling, which
//! swap the same word, one fails; or dropped, which happens only to what was full again, and `Q` counts
//! from the floor. That no candidate is mistaken for a later one in the same slot is why each has its
//! own number.
//!
//! # No room
//!
//! If all slots of both lines are live, the cost is taken from a bucket that keys without a slot share
//! (one of up to 64, by hash). Its tick is later than that of any key in it would be; so a newcomer that
//! finds a slot after all counts from there. Taking from it, then a fence, then a look for a slot of the
//! key on the one side, and the candidate, a fence, then a look at that bucket on the other, have the
//! same order: nobody uses both.
//!
//! # Ticks
//!
//! See `word.rs` for how 39 bits of them stand for all, and what sweeps have to do with it. A tick
//! is a power of two of nanoseconds, such that an interval has 4096 to 8192 of them; see
//! [`KeyRule`]. Instants are rounded so that a permit comes late by at most two ticks, and never early.

mod claim;
mod sweep;

use std::hash::Hash;

use tidegate_units::{Instant, Limit};

use self::sweep::Sweep;
use super::lines::{Line, SLOTS, Seen};
use super::rule::{Pace, Step};
use super::secret::Secret;
use super::word::{RANGE, TAGS, Tag, full_at, moved};
use super::{Answer, KEYS_MAX, KeyRule};
use crate::sync::{AtomicU64, Mutex, Ordering};

/// Slots for each key that was asked for: at half load a line overflows seldom.
const SLOTS_PER_KEY: usize = 2;

/// Buckets for keys without a slot. A flood gets a bucket for every slot anyway; what it leaves of
/// these is what newcomers start with, so there is more than one.
const OVERFLOWS: usize = if cfg!(loom) { 1 } else { 64 };

/// How many keys of a batch are asked for before the first is decided: about as many lines as a
/// processor fetches at once, twice.
const BATCH: usize = 32;

/// One limit for every key of any type. Virtual scheduling, ITU-T Recommendation I.371, annex A, by a
/// [`KeyRule`].
///
/// Costs are whole permits, 0 to the largest `u64`; one of 0 takes no place. Nothing panics that the key's
/// own `Hash` does not.
///
/// Two keys with the same 24 bits of hash in the same lines are taken for one, and share its bucket: see
/// [`CompactKeyed::sharing_probability`]. Nobody is ever admitted more for it. Take
/// [`Keyed`](super::Keyed) where that must not happen.
///
/// ```
/// use tidegate_algorithms::{CompactKeyed, Decision};
/// use tidegate_units::{Instant, Limit};
///
/// let limit: Limit = "1 request per second".parse()?;
/// let users = CompactKeyed::new(&limit, 1_000_000);
/// let now = Instant::ZERO;
/// assert!(users.check("ada", now).is_admitted());
/// assert!(users.check("grace", now).is_admitted());
/// assert!(matches!(users.check("ada", now).decision, Decision::Later { .. }));
/// assert_eq!(users.check_n("ada", 2, now).decision, Decision::Never);
/// assert!(users.bytes() < 17_000_000);
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug)]
pub struct CompactKeyed {
    pace: Pace,
    secret: Secret,
    lines: Box<[Line]>,
    overflows: Box<[AtomicU64]>,
    rule: KeyRule,
    keys: usize,
    shared: Shared,
}

/// What is written now and then, away from what is read all the time.
#[derive(Debug)]
#[repr(align(128))]
struct Shared {
    /// Where the range of ticks begins.
    base: AtomicU64,
    written: Written,
}

#[derive(Debug)]
#[repr(align(128))]
struct Written {
    floor: AtomicU64,
    /// The number of the next candidate.
    next: AtomicU64,
    overflowed: AtomicU64,
    sweep: Mutex<Sweep>,
}

/// Where a key may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    tag: Tag,
    first: usize,
    /// For what few decisions need: the second line.
    hash: u64,
}

/// One question at one instant.
#[derive(Debug, Clone, Copy)]
struct Ask {
    now: u64,
    cost: u64,
    base: u64,
}

impl CompactKeyed {
    /// A limiter for about `keys` live keys at once: 1 to [`KEYS_MAX`](super::KEYS_MAX), taken as the
    /// nearest in range. Allocates all it will ever need, 16 bytes a key.
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
        let lines = (keys * SLOTS_PER_KEY).div_ceil(SLOTS);
        let overflows = lines.min(OVERFLOWS);
        Self {
            pace: rule.coarse(),
            secret,
            lines: (0..lines).map(|_| Line::new()).collect(),
            overflows: (0..overflows).map(|_| AtomicU64::new(0)).collect(),
            rule,
            keys,
            shared: Shared { base: AtomicU64::new(0), written: Written::new() },
        }
    }

    /// Takes one permit of `key` if there is one.
    #[inline]
    pub fn check<Q: Hash + ?Sized>(&self, key: &Q, now: Instant) -> Answer {
        self.check_n(key, 1, now)
    }

    /// Takes `cost` permits of `key`, or none.
    #[inline]
    pub fn check_n<Q: Hash + ?Sized>(&self, key: &Q, cost: u64, now: Instant) -> Answer {
        self.decide(&self.spot(key), cost, now)
    }

    /// Takes for several keys, one after the other; the answers replace what is in `answers`.
    ///
    /// Asks for the lines of many keys before it looks at the first.
    pub fn check_many<Q: Hash + ?Sized>(
        &self,
        asked: &[(&Q, u64)],
        now: Instant,
        answers: &mut Vec<Answer>,
    ) {
        answers.clear();
        for batch in asked.chunks(BATCH) {
            let spots: [Option<Spot>; BATCH] = std::array::from_fn(|index| {
                let spot = self.spot(batch.get(index)?.0);
                self.touch(&spot);
                Some(spot)
            });
            let spots = spots.iter().flatten();
            answers.extend(spots.zip(batch).map(|(spot, (_, cost))| self.decide(spot, *cost, now)));
        }
    }

    /// Live keys at `now`: looks at every slot.
    pub fn len(&self, now: Instant) -> usize {
        let (base, now) = (self.base(), self.pace.tick(now));
        self.lines.iter().map(|line| line.live(base, now)).sum()
    }

    /// Whether no key is live at `now`.
    pub fn is_empty(&self, now: Instant) -> bool {
        self.len(now) == 0
    }

    /// How many live keys it was made for. There are twice as many slots.
    pub fn capacity_keys(&self) -> usize {
        self.keys
    }

    /// The memory that the limiter takes from first to last.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.lines) + size_of_val(&*self.overflows) + size_of::<Self>()
    }

    /// How often something was admitted from the buckets that keys without a slot share.
    pub fn overflowed(&self) -> u64 {
        self.shared.written.overflowed.load(Ordering::Relaxed)
    }

    /// How likely a newcomer is taken for a key that is there, at `now`: live keys in its two lines
    /// against 2^24 − 1 tags. Looks at every slot.
    pub fn sharing_probability(&self, now: Instant) -> f64 {
        let count = |number: usize| u32::try_from(number).map_or(f64::INFINITY, f64::from);
        let per_line = count(self.len(now)) / count(self.lines.len());
        let tags = u32::try_from(TAGS).map_or(f64::INFINITY, f64::from);
        2.0 * per_line / tags
    }

    /// The rule for each key. Its interval is kept in ticks: up to 1 part in 2048 longer.
    pub fn rule(&self) -> KeyRule {
        self.rule
    }

    /// Where `key` may be.
    #[inline]
    pub(super) fn spot<Q: Hash + ?Sized>(&self, key: &Q) -> Spot {
        let hash = self.secret.hash(key);
        Spot { tag: Tag::of(hash), first: part(hash, self.lines.len()), hash }
    }

    /// Asks for the line in which the key most likely is.
    #[inline]
    pub(super) fn touch(&self, spot: &Spot) {
        self.lines[spot.first].touch();
    }

    /// Decides for the key at `spot`.
    #[inline]
    pub(super) fn decide(&self, spot: &Spot, cost: u64, now: Instant) -> Answer {
        let tick = self.pace.tick(now);
        loop {
            let base = self.base();
            if tick.saturating_sub(base) >= RANGE / 2 {
                self.sweep_all(tick);
                continue;
            }
            let ask = Ask { now: tick, cost, base };
            let tried = match self.lines[spot.first].settled(spot.tag) {
                Some(seen) => self.charge(seen, ask).map(|step| (step, false)),
                None => self.newcomer(spot, ask),
            };
            if let Some((step, overflowed)) = tried {
                return Answer { decision: self.pace.decision(step, now), overflowed };
            }
        }
    }

    #[inline]
    fn base(&self) -> u64 {
        self.shared.base.load(Ordering::Acquire)
    }

    /// Charges a settled slot; `None` if something changed meanwhile.
    #[inline]
    fn charge(&self, seen: Seen<'_>, ask: Ask) -> Option<Step> {
        // The word may be newer than the base by which it is to be read.
        if self.base() != ask.base {
            return None;
        }
        let step = self.pace.step(full_at(seen.word, ask.base), ask.now, ask.cost);
        match step {
            Step::Admit(next) if ask.cost > 0 => {
                seen.replace(moved(seen.word, next)).then_some(step)
            }
            _ => Some(step),
        }
    }
}

impl Written {
    fn new() -> Self {
        Self {
            floor: AtomicU64::new(0),
            next: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            sweep: Mutex::new(Sweep::default()),
        }
    }
}

/// Which of `parts` equal parts of all hashes this one lies in.
#[inline]
fn part(hash: u64, parts: usize) -> usize {
    let parts = u128::try_from(parts).unwrap_or(1);
    usize::try_from((u128::from(hash) * parts) >> u64::BITS).unwrap_or(0)
}
