//! What a word is read by: how long a permit is and how much a bucket holds, in ticks.
//!
//! A tick is a nanosecond or a whole part of one, so that a permit is a whole number of ticks. Ticks
//! are counted from an origin, which moves along when a rule gets old, so that they always fit.

use tidegate_units::{Instant, Span};

use crate::sync::{AtomicU64, Ordering};
use crate::{Algorithm, Decision, Gcra, GcraState};

/// The last moment that the word has room for.
pub(crate) const FULL_AT_MAX: u64 = (1 << 58) - 1;
/// From here on the origin is moved: 208 days at the smallest tick.
const OLD_FROM: u64 = 1 << 57;
/// The longest time to fill, so that there is room for debts: 52 days at the smallest tick.
const WINDOW_MAX: u64 = 1 << 56;
/// How far a clock may step back behind the present and still be told apart: the origin lies that far
/// before the instant at which a rule is made.
const STEP_BACK_MAX: Span = Span::from_secs(86_400);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// What ticks are counted from, in nanoseconds.
    origin: u64,
    ticks_per_nano: u64,
    /// What one permit moves the moment by.
    pub(crate) interval: u64,
    /// How far ahead the moment may lie: all that a bucket holds.
    pub(crate) window: u64,
    /// The most permits that fit.
    capacity: u64,
    /// The most permits that are granted without reading the clock: few of many.
    pub(crate) unread_max: u64,
    /// What one of those adds to the word.
    pub(crate) step: u64,
    /// How often the slots have been gone through, in as many bits as there are for that.
    pub(crate) generation: u64,
    /// From which instant on the origin should be moved, in nanoseconds.
    old_at: u64,
}

impl Rule {
    /// The rule of a limit that is [in small numbers](Gcra::in_small_numbers); `None` if a bucket
    /// takes too long to fill.
    pub(crate) fn of(limit: &Gcra, now: Instant) -> Option<Self> {
        let (interval, ticks_per_nano) = limit.permit_ticks();
        let capacity = limit.capacity();
        let window = interval.checked_mul(capacity)?;
        let origin = (now - STEP_BACK_MAX).as_nanos();
        let old_at = origin.saturating_add(OLD_FROM / ticks_per_nano);
        let unread_max = (capacity / 8).min(super::UNREAD_MAX);
        let step = (interval << super::LOW_BITS) | super::ONE_UNREAD;
        let rule = Self {
            origin,
            ticks_per_nano,
            interval,
            window,
            capacity,
            unread_max,
            step,
            generation: 0,
            old_at,
        };
        (window <= WINDOW_MAX).then_some(rule)
    }

    /// An instant in ticks; the last that is not [old](Rule::is_old) if it lies beyond.
    #[inline]
    pub(crate) fn ticks(&self, now: Instant) -> u64 {
        self.young_ticks(now.min(Instant::from_nanos(self.old_at)))
    }

    /// The same for an instant that is not old.
    #[inline]
    pub(crate) fn young_ticks(&self, now: Instant) -> u64 {
        // At most `OLD_FROM`. A rule that is read while it is written may be anything.
        now.as_nanos().saturating_sub(self.origin).wrapping_mul(self.ticks_per_nano)
    }

    pub(crate) fn ticks_in(&self, span: Span) -> u64 {
        span.as_nanos().saturating_mul(self.ticks_per_nano)
    }

    /// Whether the origin should be moved before ticks get too large.
    #[inline]
    pub(crate) fn is_old(&self, now: Instant) -> bool {
        now.as_nanos() > self.old_at
    }

    /// What a cost moves the moment by.
    #[inline]
    pub(crate) fn charge(&self, cost: u64) -> u64 {
        cost.saturating_mul(self.interval)
    }

    /// The moment that `cost` moves `full_at` to, or why it does not fit at `now`.
    #[inline]
    pub(crate) fn decide(&self, full_at: u64, now: u64, cost: u64) -> Result<u64, Decision> {
        if cost > self.capacity {
            return Err(Decision::Never);
        }
        // None of these exceeds 2^60; a rule that is read while it is written may be anything.
        let charge = cost.wrapping_mul(self.interval);
        let latest = now.wrapping_add(self.window);
        let next = full_at.max(now).wrapping_add(charge);
        if next <= latest {
            return Ok(next);
        }
        let nanos = match self.ticks_per_nano {
            0 | 1 => next - latest,
            ticks => (next - latest).div_ceil(ticks),
        };
        Err(Decision::Later { retry_after: Span::from_nanos(nanos) })
    }

    /// How long until `total` has passed, in pieces that each fit.
    pub(crate) fn wait(&self, full_at: u64, now: u64, total: u64) -> Span {
        let next = full_at.max(now).saturating_add(self.charge(total));
        let short = next.saturating_sub(now.saturating_add(self.window));
        Span::from_nanos(short.div_ceil(self.ticks_per_nano.max(1)))
    }

    pub(crate) fn available(&self, full_at: u64, now: u64) -> u64 {
        let latest = now.saturating_add(self.window);
        latest.saturating_sub(full_at.max(now)) / self.interval.max(1)
    }

    /// The state of the algorithm that this moment stands for.
    pub(crate) fn state(&self, full_at: u64) -> GcraState {
        let origin = u128::from(self.origin) * u128::from(self.ticks_per_nano);
        GcraState { full_at: origin + u128::from(full_at) }
    }

    /// The moment that stands for a state of the algorithm; the last there is room for if it lies
    /// beyond.
    pub(crate) fn full_at(&self, state: &GcraState) -> u64 {
        let origin = u128::from(self.origin) * u128::from(self.ticks_per_nano);
        let ticks = state.full_at.saturating_sub(origin);
        u64::try_from(ticks).unwrap_or(u64::MAX).min(FULL_AT_MAX)
    }
}

/// Where a rule is read from while it may be written, on a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Slot {
    origin: AtomicU64,
    ticks_per_nano: AtomicU64,
    interval: AtomicU64,
    window: AtomicU64,
    capacity: AtomicU64,
    unread_max: AtomicU64,
    step: AtomicU64,
    generation: AtomicU64,
    old_at: AtomicU64,
}

impl Slot {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            origin: AtomicU64::new(rule.origin),
            ticks_per_nano: AtomicU64::new(rule.ticks_per_nano),
            interval: AtomicU64::new(rule.interval),
            window: AtomicU64::new(rule.window),
            capacity: AtomicU64::new(rule.capacity),
            unread_max: AtomicU64::new(rule.unread_max),
            step: AtomicU64::new(rule.step),
            generation: AtomicU64::new(rule.generation),
            old_at: AtomicU64::new(rule.old_at),
        }
    }

    /// Read while it is written, this may be no rule at all; see [`super::Shared`] for why that does
    /// no harm.
    #[inline]
    pub(crate) fn read(&self) -> Rule {
        Rule {
            origin: self.origin.load(Ordering::Relaxed),
            ticks_per_nano: self.ticks_per_nano.load(Ordering::Relaxed),
            interval: self.interval.load(Ordering::Relaxed),
            window: self.window.load(Ordering::Relaxed),
            capacity: self.capacity.load(Ordering::Relaxed),
            unread_max: self.unread_max.load(Ordering::Relaxed),
            step: self.step.load(Ordering::Relaxed),
            generation: self.generation.load(Ordering::Relaxed),
            old_at: self.old_at.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn write(&self, rule: Rule) {
        self.origin.store(rule.origin, Ordering::Relaxed);
        self.ticks_per_nano.store(rule.ticks_per_nano, Ordering::Relaxed);
        self.interval.store(rule.interval, Ordering::Relaxed);
        self.window.store(rule.window, Ordering::Relaxed);
        self.capacity.store(rule.capacity, Ordering::Relaxed);
        self.unread_max.store(rule.unread_max, Ordering::Relaxed);
        self.step.store(rule.step, Ordering::Relaxed);
        self.generation.store(rule.generation, Ordering::Relaxed);
        self.old_at.store(rule.old_at, Ordering::Relaxed);
    }
}
