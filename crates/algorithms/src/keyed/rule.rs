//! What one limit means for one key: a burst, and an interval after which one permit is back.
//!
//! All that a key has done fits into the tick at which its bucket will be full again (virtual
//! scheduling, ITU-T Recommendation I.371, annex A). A take moves that tick by one interval per permit
//! and passes if afterwards the bucket is full again within the time that an empty one takes to fill.
//!
//! A limit in windows cannot be kept exactly by one number. Its bucket is chosen so that its worst case
//! is the limit: with `m = amount − burst + 1` permits per shaped window `w`, the interval is
//! `w / m` or longer, so that within `w − 1 ns` fewer than `m` permits come back, and a full burst and
//! these together are at most `burst + m − 1`, which is the amount.
//!
//! Intervals are whole ticks, rounded up. See [`KeyRule::fine`] and [`KeyRule::coarse`] for what a tick
//! is and what the rounding costs.
//!
//! # Invariants
//!
//! - KEY-1: no key is admitted more than its limit: rounding always delays.

use tidegate_units::{EnforcedAs, Instant, Limit, Span};

use crate::Decision;

/// The part of a window's amount that passes at once unless told otherwise: a tenth.
const BURST_PART: u64 = 10;

/// The finest tick: a quarter of a nanosecond, with which a word counts for 146 years: enough for a
/// clock whose origin is 1970.
const TICKS_PER_NANO_MAX: u64 = 4;

/// The most ticks in which a bucket fills. Leaves three quarters of the word.
const FINE_DEPTH_MAX: u64 = 1 << 61;

/// The most ticks in which a bucket fills where an instant has 39 bits: a quarter of them.
const COARSE_DEPTH_MAX: u64 = 1 << 37;

/// An interval has up to this many coarse ticks, and more than half as many: a rate is kept to
/// 1 part in 2048 or better.
const COARSE_INTERVAL_MAX: u64 = 1 << 13;

/// A limit as it is kept for each key: `burst` at once, one permit per interval in the long run.
///
/// ```
/// use tidegate_algorithms::KeyRule;
/// use tidegate_units::Limit;
///
/// let limit: Limit = "50 requests per minute".parse()?;
/// // A window of 50: no window holds more, whenever calls come.
/// let rule = KeyRule::new(&limit);
/// assert_eq!((rule.burst(), rule.worst_case(limit.window())), (5, 50));
/// // With a smaller burst, more passes in the long run.
/// assert!(rule.with_burst(1).interval() < rule.interval());
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRule {
    amount: u64,
    window: Span,
    burst: u64,
    /// The largest burst that keeps the limit.
    most: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The burst is the service's bucket, the amount what it refills per window.
    Bucket,
    /// No window may hold more than the amount.
    Window,
}

impl KeyRule {
    /// The rule for a limit.
    ///
    /// One that the service enforces as a token bucket keeps [`Limit::shaped_burst`]. Any other
    /// gets a burst of a tenth of its amount, rounded up, and sustains the rest: at least 9 tenths of
    /// the limit's rate.
    pub fn new(limit: &Limit) -> Self {
        let amount = limit.amount();
        match limit.shape() {
            EnforcedAs::TokenBucket => {
                let (window, burst) = (limit.window(), limit.shaped_burst());
                Self { amount, window, burst, most: burst, kind: Kind::Bucket }
            }
            EnforcedAs::FixedWindow | EnforcedAs::SlidingWindow | EnforcedAs::Unknown => {
                let (window, burst) = (limit.shaped_window(), amount.div_ceil(BURST_PART));
                Self { amount, window, burst, most: amount, kind: Kind::Window }
            }
        }
    }

    /// The same limit with a burst of its own, taken as the nearest in range: 1 to the amount of a
    /// window, or to the bucket that the limit has.
    ///
    /// A limit of `amount` per window then sustains `amount − burst + 1` per window: a burst of 1
    /// sustains all of it, spaced evenly; a burst of the whole amount sustains one.
    pub fn with_burst(self, burst: u64) -> Self {
        Self { burst: burst.clamp(1, self.most), ..self }
    }

    /// The most that passes at once.
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// How long it takes until one permit is back, rounded up to a nanosecond.
    pub fn interval(&self) -> Span {
        Span::from_nanos(self.window.as_nanos().div_ceil(self.sustained()))
    }

    /// The most that one key is admitted within any `span`: spent at instants `at` with
    /// `start <= at < start + span`. Stops at the largest `u64`.
    pub fn worst_case(&self, span: Span) -> u64 {
        self.fine().worst_case(span)
    }

    /// Permits per window that come back.
    fn sustained(&self) -> u64 {
        match self.kind {
            Kind::Bucket => self.amount,
            Kind::Window => self.amount - self.burst + 1,
        }
    }

    /// In ticks of `1 / d` nanoseconds: the smallest `d` up to 4 with which the interval is a whole
    /// number, else 4. Then an interval is longer than it should be by less than a quarter of a
    /// nanosecond per permit.
    pub(super) fn fine(&self) -> Pace {
        let (window, permits) = (self.window.as_nanos(), self.sustained());
        let ticks_per_nano = (permits / gcd(permits, window)).min(TICKS_PER_NANO_MAX);
        let ticks = u128::from(window) * u128::from(ticks_per_nano);
        let interval = u64::try_from(ticks.div_ceil(u128::from(permits))).unwrap_or(u64::MAX);
        let interval = interval.min(FINE_DEPTH_MAX);
        Pace::new(self.burst.min(FINE_DEPTH_MAX / interval), interval, Unit::Part(ticks_per_nano))
    }

    /// In ticks of `2^shift` nanoseconds, as fine as 39 bits of them allow.
    ///
    /// The clock is rounded down to a tick, so that a caller may seem up to one tick early. Every
    /// interval is therefore one tick longer than its length rounded up, unless a tick is a
    /// nanosecond: late by at most two ticks per permit, never early.
    pub(super) fn coarse(&self) -> Pace {
        let exact = self.window.as_nanos().div_ceil(self.sustained());
        let burst = self.burst.min(COARSE_DEPTH_MAX / 2);
        let fits = |shift: &u32| {
            let interval = coarse_interval(exact, *shift);
            interval <= COARSE_INTERVAL_MAX && interval * burst <= COARSE_DEPTH_MAX
        };
        // At the last shift an interval is two ticks, and twice the burst fits.
        let shift = (0..u64::BITS).find(fits).unwrap_or(u64::BITS - 1);
        Pace::new(burst, coarse_interval(exact, shift), Unit::Shift(shift))
    }
}

fn coarse_interval(nanos: u64, shift: u32) -> u64 {
    nanos.div_ceil(1 << shift) + u64::from(shift > 0)
}

fn gcd(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// What a tick is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// A nanosecond has so many ticks.
    Part(u64),
    /// A tick has two to the power of so many nanoseconds.
    Shift(u32),
}

/// A rule in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Less than the rule's only where a bucket would take years to fill.
    burst: u64,
    interval: u64,
    /// How long an empty bucket takes to fill: the burst times the interval.
    depth: u64,
    unit: Unit,
}

/// What a take comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It passes, and then the bucket is full again at this tick.
    Admit(u64),
    /// It passes at this tick and not before.
    Later(u64),
    /// It is more than a full bucket holds.
    Never,
}

impl Pace {
    fn new(burst: u64, interval: u64, unit: Unit) -> Self {
        Self { burst, interval, depth: burst * interval, unit }
    }

    /// Takes `cost` from a bucket that is full again at `full_at`.
    #[inline]
    pub(super) fn step(&self, full_at: u64, now: u64, cost: u64) -> Step {
        if cost > self.burst {
            return Step::Never;
        }
        match full_at.max(now).checked_add(cost * self.interval) {
            Some(next) if next - now <= self.depth => Step::Admit(next),
            Some(next) => Step::Later(next - self.depth),
            // The end of time: nothing passes any more.
            None => Step::Later(u64::MAX),
        }
    }

    /// The tick in which `now` lies.
    #[inline]
    pub(super) fn tick(&self, now: Instant) -> u64 {
        match self.unit {
            Unit::Part(ticks) => now.as_nanos().saturating_mul(ticks),
            Unit::Shift(shift) => now.as_nanos() >> shift,
        }
    }

    /// The first instant of a tick.
    fn instant(&self, tick: u64) -> Instant {
        Instant::from_nanos(match self.unit {
            Unit::Part(ticks) => tick.div_ceil(ticks),
            Unit::Shift(shift) => tick.saturating_mul(1 << shift),
        })
    }

    /// What to tell a caller at `now`.
    #[inline]
    pub(super) fn decision(&self, step: Step, now: Instant) -> Decision {
        match step {
            Step::Admit(_) => Decision::Admit,
            Step::Later(tick) => {
                let retry_after = self.instant(tick).since(now).max(Span::from_nanos(1));
                Decision::Later { retry_after }
            }
            Step::Never => Decision::Never,
        }
    }

    /// See [`KeyRule::worst_case`].
    pub(super) fn worst_case(&self, span: Span) -> u64 {
        let Some(elapsed) = span.as_nanos().checked_sub(1) else {
            return 0;
        };
        let ticks = match self.unit {
            Unit::Part(ticks) => u128::from(elapsed) * u128::from(ticks),
            Unit::Shift(0) => u128::from(elapsed),
            Unit::Shift(shift) => u128::from(elapsed >> shift) + 1,
        };
        let refilled = ticks / u128::from(self.interval);
        u64::try_from(u128::from(self.burst) + refilled).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
#[path = "rule/tests.rs"]
mod tests;
