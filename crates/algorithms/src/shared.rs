//! One limit for many threads, on one atomic word.
//!
//! The word is the state of a [`Gcra`]: the moment at which the bucket will be full again. Taking is a
//! compare-and-swap that moves it. How long a permit is and how much the bucket holds stands in one of
//! four rules; two bits of the word say in which. So the limit can be changed while threads take: the
//! new rule is written into the next slot, and one compare-and-swap puts balance and rule in force
//! together. A thread that decided by the old rule finds the word changed and decides again. (To be
//! misled it would have to sleep through four changes: to take, and find the very same word; to be
//! refused or to look, and find the same two bits. Then it is told a wrong wait or level.)
//!
//! # Without a clock
//!
//! While a bucket is not full, the present instant decides only whether a cost fits, not what the
//! state becomes; and what fits by an earlier instant fits now. So [`Shared::take_lazily`] reads no
//! clock as long as the last reading is enough to say yes. What it cannot know is whether the bucket
//! has become full meanwhile, and spilled. So it counts the permits granted unread, and at the next
//! reading charges them as if they had all been spent at that very instant, which is the latest
//! possible. It never grants what would not have been granted with a clock. Under light load it may
//! treat the bucket as smaller, by at most [`UNREAD_MAX`] permits or an eighth of what it holds.
//!
//! # Invariants
//!
//! - SHARED-1: no interval sees more admitted than the bucket allows, whatever threads do.
//! - SHARED-2: a change of the limit takes effect at once, for all threads; no decision mixes two
//!   rules.
//! - SHARED-3: what is granted without a clock would have been granted with one.

use std::sync::PoisonError;

use tidegate_units::{Clock, Instant};

use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::{Algorithm, Carry, Decision, Gcra};

mod rule;

use rule::{FULL_AT_MAX, Rule, Slot};

/// The most permits that are granted without reading the clock in between.
pub const UNREAD_MAX: u64 = (1 << UNREAD_BITS) - 1;

const EPOCH_BITS: u32 = 2;
const UNREAD_BITS: u32 = 4;
const LOW_BITS: u32 = EPOCH_BITS + UNREAD_BITS;
/// One permit granted unread, in the word.
const ONE_UNREAD: u64 = 1 << EPOCH_BITS;
/// How many rules there is room for: as many as the bits tell apart.
const SLOTS: usize = 1 << EPOCH_BITS;

/// A bucket that any number of threads take from.
///
/// ```
/// use tidegate_algorithms::{Decision, Gcra, Shared};
/// use tidegate_units::{Instant, Span};
///
/// let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 3)).expect("it fits one word");
/// let now = Instant::ZERO;
/// assert_eq!(shared.take(now, 3), Decision::Admit);
/// assert_eq!(shared.take(now, 1), Decision::Later { retry_after: Span::from_millis(100) });
/// assert_eq!(shared.take(now, 4), Decision::Never);
///
/// // A bucket that is too slow for a word is refused.
/// let hundred_years = Span::from_secs(100 * 366 * 86_400);
/// assert!(Shared::new(Gcra::new(1, hundred_years, 1)).is_none());
/// ```
///
/// Costs are whole permits, 0 to the largest `u64`. Nothing panics. GCRA is in ITU-T Recommendation I.371,
/// annex A.
#[derive(Debug)]
pub struct Shared {
    line: Line,
    rules: [Slot; SLOTS],
    /// The limit in force; held while it is changed.
    limit: Mutex<Gcra>,
}

/// What threads write to, on a cache line of its own: 128 bytes, because neighbours are fetched in
/// pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Line {
    word: AtomicU64,
    /// Up to where the moment may have moved when the clock was last read, in the form of the word; the
    /// epoch and the generation of the rule say by which rule.
    reach: AtomicU64,
}

impl Shared {
    /// A full bucket. `None` if its state does not fit one word, because it takes more than 52 days to
    /// fill; up to two years where a permit is a whole number of nanoseconds.
    ///
    /// The limit is taken [in small numbers](Gcra::in_small_numbers).
    pub fn new(limit: Gcra) -> Option<Self> {
        let limit = limit.in_small_numbers();
        let rule = Rule::of(&limit, Instant::ZERO)?;
        let rules = std::array::from_fn(|_| Slot::new(rule));
        let line = Line { word: AtomicU64::new(0), reach: AtomicU64::new(0) };
        Some(Self { line, rules, limit: Mutex::new(limit) })
    }

    /// Takes the whole cost at `now`, or nothing.
    ///
    /// While permits have been granted by [`Shared::take_lazily`] that no reading of the clock has
    /// settled yet, they count as spent at `now` for this decision and stay unsettled, for `now` may be
    /// older than they are. Then a refused cost may have to wait longer than it is told; use
    /// [`Shared::take_now`] beside it.
    #[inline]
    pub fn take(&self, now: Instant, cost: u64) -> Decision {
        if cost == 0 {
            return self.decide(now, 0);
        }
        let mut word = self.line.word.load(Ordering::Acquire);
        loop {
            match self.try_take(word, now, cost, Reading::Given) {
                Ok(decision) => return decision,
                Err(changed) => word = changed,
            }
        }
    }

    /// Takes the whole cost or nothing, and reads the clock once the state is known: so nothing in it
    /// is younger than the reading.
    #[inline]
    pub fn take_now(&self, clock: &impl Clock, cost: u64) -> Decision {
        if cost == 0 {
            return self.decide(clock.now(), 0);
        }
        let mut word = self.line.word.load(Ordering::Acquire);
        loop {
            match self.try_take(word, clock.now(), cost, Reading::Fresh) {
                Ok(decision) => return decision,
                Err(changed) => word = changed,
            }
        }
    }

    /// Takes the whole cost or nothing, and reads the clock only if its last reading, whoever made it,
    /// is not enough to say yes (SHARED-3).
    ///
    /// Always give it the same clock, and others the instants of that one.
    ///
    /// ```
    /// use tidegate_algorithms::{Decision, Gcra, Shared};
    /// use tidegate_units::{Instant, ManualClock, Span};
    ///
    /// let shared = Shared::new(Gcra::new(100, Span::from_secs(1), 100)).expect("it fits one word");
    /// let clock = ManualClock::at(Instant::ZERO);
    /// let admitted = (0..200).filter(|_| shared.take_lazily(&clock, 1) == Decision::Admit).count();
    /// assert_eq!(admitted, 100);
    /// let retry_after = Span::from_millis(10);
    /// assert_eq!(shared.take_lazily(&clock, 1), Decision::Later { retry_after });
    /// ```
    #[inline]
    pub fn take_lazily(&self, clock: &impl Clock, cost: u64) -> Decision {
        if cost == 0 {
            return self.decide(clock.now(), 0);
        }
        let mut word = self.line.word.load(Ordering::Acquire);
        loop {
            let tried = match self.unread(word, cost) {
                Some(next) => self.swap(word, next).map(|()| Decision::Admit),
                None => {
                    let now = clock.now();
                    self.note_reading(Parts::of(word).epoch, now);
                    self.try_take(word, now, cost, Reading::Fresh)
                }
            };
            match tried {
                Ok(decision) => return decision,
                Err(changed) => word = changed,
            }
        }
    }

    /// Whether `cost` would be admitted at `now`. Changes nothing.
    pub fn decide(&self, now: Instant, cost: u64) -> Decision {
        let (parts, rule) = self.read();
        let now = rule.ticks(now);
        let decided = rule.decide(self.settled(parts, &rule, now), now, cost);
        decided.err().unwrap_or(Decision::Admit)
    }

    /// Whole permits that would pass at `now`.
    pub fn available(&self, now: Instant) -> u64 {
        let (parts, rule) = self.read();
        let now = rule.ticks(now);
        rule.available(self.settled(parts, &rule, now), now)
    }

    /// The earliest instant by which `total` can have passed in pieces that each fit.
    pub fn earliest(&self, now: Instant, total: u64) -> Instant {
        let (parts, rule) = self.read();
        let ticks = rule.ticks(now);
        now + rule.wait(self.settled(parts, &rule, ticks), ticks, total)
    }

    /// Records that `cost` was spent, whether it fits or not. What does not fit is a debt, and nothing
    /// passes until it is paid.
    pub fn record(&self, now: Instant, cost: u64) {
        self.update(&|| now, Reading::Given, |settled, rule, _| {
            let after = settled.saturating_add(rule.charge(cost)).min(FULL_AT_MAX);
            (cost > 0).then_some(after)
        });
    }

    /// Gives back `amount` of a charge that was made at `recorded`, less what has dripped in since.
    /// Answers how many whole permits that were; see the [`refund`](Algorithm::refund) of [`Gcra`].
    ///
    /// `now` must be the present: what has dripped in since is not given back. Where other threads are
    /// at work, let [`Shared::refund_now`] read the clock.
    pub fn refund(&self, now: Instant, recorded: Instant, amount: u64) -> u64 {
        self.refund_by(&|| now, Reading::Given, recorded, amount)
    }

    /// As [`Shared::refund`], at the instant at which the clock is read once the state is known.
    pub fn refund_now(&self, clock: &impl Clock, recorded: Instant, amount: u64) -> u64 {
        self.refund_by(&|| clock.now(), Reading::Fresh, recorded, amount)
    }

    /// Puts another limit in force and carries over the balance at `now` (SHARED-2). Charges from
    /// before it must not be given back any more. Answers `false`, and changes nothing, if the state
    /// of the new limit does not fit one word; see [`Shared::new`].
    ///
    /// ```
    /// use tidegate_algorithms::{Carry, Decision, Gcra, Shared};
    /// use tidegate_units::{Instant, Span};
    ///
    /// let (second, now) = (Span::from_secs(1), Instant::ZERO);
    /// let shared = Shared::new(Gcra::new(10, second, 10)).expect("it fits one word");
    /// assert_eq!(shared.take(now, 6), Decision::Admit);
    /// assert!(shared.reconfigure(now, Gcra::new(20, second, 20), Carry::Additive));
    /// assert_eq!(shared.available(now), 14, "six are used");
    ///
    /// let hundred_years = Span::from_secs(100 * 366 * 86_400);
    /// assert!(!shared.reconfigure(now, Gcra::new(1, hundred_years, 1), Carry::Additive));
    /// assert_eq!(shared.limit(), Gcra::new(20, second, 20).in_small_numbers());
    /// ```
    pub fn reconfigure(&self, now: Instant, to: Gcra, carry: Carry) -> bool {
        let to = to.in_small_numbers();
        let Some(rule) = Rule::of(&to, now) else {
            return false;
        };
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        self.replace_rule(now, &limit, &to, rule, carry);
        *limit = to;
        true
    }

    /// The limit in force, in small numbers.
    pub fn limit(&self) -> Gcra {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One try to take, from the state `word`. Answers what else was found if it was not that.
    #[inline]
    fn try_take(
        &self,
        word: u64,
        now: Instant,
        cost: u64,
        reading: Reading,
    ) -> Result<Decision, u64> {
        let parts = Parts::of(word);
        let rule = self.rule(parts.epoch);
        if rule.is_old(now) {
            self.move_origin(now);
            return Err(self.line.word.load(Ordering::Acquire));
        }
        let ticks = rule.young_ticks(now);
        let settled = self.settled(parts, &rule, ticks);
        match rule.decide(settled, ticks, cost) {
            Ok(full_at) => {
                let unread = if reading == Reading::Fresh { 0 } else { parts.unread };
                let next = Parts { full_at, unread, ..parts }.word();
                self.swap(word, next).map(|()| Decision::Admit)
            }
            // The promise of a refusal must hold while nothing else happens; what was granted unread
            // would be moved along with the clock.
            Err(refusal) if parts.unread > 0 && reading == Reading::Fresh => {
                let next = Parts { full_at: settled, unread: 0, ..parts }.word();
                self.swap(word, next).map(|()| refusal)
            }
            Err(refusal) => match self.line.word.load(Ordering::Acquire) {
                seen if Parts::of(seen).epoch == parts.epoch => Ok(refusal),
                changed => Err(changed),
            },
        }
    }

    /// The word after a grant that needs no clock; `None` if it takes a reading to decide.
    #[inline]
    fn unread(&self, word: u64, cost: u64) -> Option<u64> {
        let parts = Parts::of(word);
        let rule = self.rule(parts.epoch);
        let reach = Parts::of(self.line.reach.load(Ordering::Relaxed));
        let known = reach.epoch == parts.epoch && reach.unread == rule.generation;
        if parts.unread.saturating_add(cost) > rule.unread_max || !known {
            return None;
        }
        // Beyond the reach lie debts, to which nothing may be added without looking.
        if parts.full_at > reach.full_at {
            return None;
        }
        // At most 15 permits, which move the moment by less than what the word has room for.
        let next = word.wrapping_add(cost.wrapping_mul(rule.step));
        (Parts::of(next).full_at <= reach.full_at).then_some(next)
    }

    /// Remembers how far the moment may move without another reading of the clock.
    fn note_reading(&self, epoch: usize, now: Instant) {
        let rule = self.rule(epoch);
        let full_at = rule.ticks(now).saturating_add(rule.window).min(FULL_AT_MAX);
        let reach = Parts { full_at, unread: rule.generation, epoch };
        self.line.reach.store(reach.word(), Ordering::Relaxed);
    }

    #[inline]
    fn swap(&self, word: u64, next: u64) -> Result<(), u64> {
        let swapped =
            self.line.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire);
        swapped.map(|_| ())
    }

    /// When the bucket will be full if all that was granted unread was spent at `now`, the latest it
    /// can have been; at least `now`. A clock that has stepped back since is not believed.
    #[inline]
    fn settled(&self, parts: Parts, rule: &Rule, now: u64) -> u64 {
        if parts.unread == 0 {
            return parts.full_at.max(now);
        }
        let reach = Parts::of(self.line.reach.load(Ordering::Relaxed));
        let seen = reach.full_at.saturating_sub(rule.window);
        let known = reach.epoch == parts.epoch && reach.unread == rule.generation;
        let latest = if known { now.max(seen) } else { now };
        parts.full_at.max(latest.saturating_add(rule.charge(parts.unread)))
    }

    #[inline]
    fn rule(&self, epoch: usize) -> Rule {
        if epoch == 0 {
            // Where it lies is known while the word is still on its way.
            return self.rules[0].read();
        }
        self.later_rule(epoch)
    }

    #[cold]
    #[inline(never)]
    fn later_rule(&self, epoch: usize) -> Rule {
        self.rules[epoch % SLOTS].read()
    }

    /// A state and the rule that it goes with.
    fn read(&self) -> (Parts, Rule) {
        let mut parts = Parts::of(self.line.word.load(Ordering::Acquire));
        loop {
            let rule = self.rule(parts.epoch);
            let again = Parts::of(self.line.word.load(Ordering::Acquire));
            if again.epoch == parts.epoch {
                return (parts, rule);
            }
            parts = again;
        }
    }

    fn refund_by(
        &self,
        read: &impl Fn() -> Instant,
        reading: Reading,
        recorded: Instant,
        amount: u64,
    ) -> u64 {
        let mut permits = 0;
        self.update(read, reading, |settled, rule, now| {
            let left = rule.charge(amount).saturating_sub(rule.ticks_in(now.since(recorded)));
            let given = left.min(settled.saturating_sub(rule.ticks(now)));
            permits = given / rule.interval.max(1);
            (given > 0).then(|| settled - given)
        });
        permits
    }

    /// Moves the moment to where `next` says, if anywhere. What was granted unread is settled by a
    /// fresh reading; any other instant may be older.
    fn update(
        &self,
        read: &impl Fn() -> Instant,
        reading: Reading,
        mut next: impl FnMut(u64, &Rule, Instant) -> Option<u64>,
    ) {
        let mut word = self.line.word.load(Ordering::Acquire);
        loop {
            let (parts, now) = (Parts::of(word), read());
            let rule = self.rules[parts.epoch].read();
            if rule.is_old(now) {
                self.move_origin(now);
                word = self.line.word.load(Ordering::Acquire);
                continue;
            }
            let settled = self.settled(parts, &rule, rule.ticks(now));
            let Some(full_at) = next(settled, &rule, now) else {
                return;
            };
            let unread = if reading == Reading::Fresh { 0 } else { parts.unread };
            match self.swap(word, Parts { full_at, unread, ..parts }.word()) {
                Ok(()) => return,
                Err(changed) => word = changed,
            }
        }
    }

    #[cold]
    fn move_origin(&self, now: Instant) {
        let limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, rule) = self.read();
        let Some(moved) = Rule::of(&limit, now) else {
            return;
        };
        // Unless somebody else has done it.
        if rule.is_old(now) {
            self.replace_rule(now, &limit, &limit, moved, Carry::Additive);
        }
    }

    /// To be called by whoever holds the lock on the limit.
    fn replace_rule(&self, now: Instant, from: &Gcra, to: &Gcra, mut rule: Rule, carry: Carry) {
        let mut word = self.line.word.load(Ordering::Acquire);
        loop {
            let parts = Parts::of(word);
            let old = self.rules[parts.epoch].read();
            let epoch = (parts.epoch + 1) % SLOTS;
            // How far the moment may move was said by an older rule.
            rule.generation = (old.generation + u64::from(epoch == 0)) & UNREAD_MAX;
            self.rules[epoch].write(rule);
            let before = old.state(self.settled(parts, &old, old.ticks(now)));
            let full_at = rule.full_at(&from.reconfigured(&before, now, to, carry));
            match self.swap(word, Parts { full_at, epoch, ..parts }.word()) {
                Ok(()) => return,
                Err(changed) => word = changed,
            }
        }
    }
}

/// Where an instant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// From the caller, at any time before.
    Given,
    /// From the clock, after the state was read.
    Fresh,
}

/// The word, taken apart.
#[derive(Debug, Clone, Copy)]
struct Parts {
    /// When the bucket will be full, in ticks of the rule.
    full_at: u64,
    /// Permits granted since the clock was last read.
    unread: u64,
    /// Which rule.
    epoch: usize,
}

impl Parts {
    #[inline]
    fn of(word: u64) -> Self {
        Self {
            full_at: word >> LOW_BITS,
            unread: (word >> EPOCH_BITS) & UNREAD_MAX,
            epoch: usize::from(word.to_le_bytes()[0]) % SLOTS,
        }
    }

    #[inline]
    fn word(self) -> u64 {
        let epoch = u64::try_from(self.epoch).unwrap_or(0);
        (self.full_at << LOW_BITS) | (self.unread << EPOCH_BITS) | epoch
    }
}
