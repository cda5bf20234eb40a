//! The only place that reads a clock. Machines take instants as arguments; shells ask one of these.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Instant, Span, WallOrigin};

/// Something that tells the time: a real clock, or one that a test moves.
///
/// Instants are nanoseconds since an origin that each clock has for itself: those of two clocks must not
/// be mixed.
///
/// ```
/// use tidegate_units::{Clock, Instant, ManualClock};
///
/// #[derive(Debug)]
/// struct Hourly(ManualClock);
///
/// impl Clock for Hourly {
///     fn now(&self) -> Instant {
///         let hour = 3_600_000_000_000;
///         Instant::from_nanos(self.0.now().as_nanos() / hour * hour)
///     }
/// }
///
/// let clock = Hourly(ManualClock::at(Instant::from_nanos(5)));
/// assert_eq!(clock.now(), Instant::ZERO);
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present instant. Two calls on one clock never go backwards by more than the clock says.
    fn now(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for &C {
    #[inline]
    fn now(&self) -> Instant {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    #[inline]
    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// The operating system's monotonic clock, counted from when this value was made.
///
/// ```
/// use tidegate_units::{Clock, MonotonicClock};
///
/// let clock = MonotonicClock::new();
/// let first = clock.now();
/// assert!(clock.now() >= first, "it does not go back");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock {
    origin: std::time::Instant,
}

impl MonotonicClock {
    /// A clock whose origin is now.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock file")]
    pub fn new() -> Self {
        Self { origin: std::time::Instant::now() }
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "this is the one clock file")]
    fn now(&self) -> Instant {
        let elapsed = std::time::Instant::now().saturating_duration_since(self.origin);
        Instant::ZERO + Span::from(elapsed)
    }
}

/// The processor's own counter, scaled to nanoseconds since this value was made: read in half the time
/// of [`MonotonicClock`].
///
/// The counter's frequency is measured when the first one is made, which takes up to 200 ms, and not
/// corrected afterwards: it may gain or lose some millionths, a fraction of a second in a day. Good
/// for windows of minutes; take [`MonotonicClock`] for long ones. Where the processor has no steady
/// counter, the operating system's clock is read.
///
/// ```
/// use tidegate_units::{Clock, TscClock};
///
/// let clock = TscClock::new();
/// let same = clock.clone();
/// let first = clock.now();
/// assert!(same.now() >= first, "clones share the origin");
/// ```
#[cfg(feature = "tsc")]
#[derive(Debug, Clone)]
pub struct TscClock {
    counter: quanta::Clock,
    origin: u64,
}

#[cfg(feature = "tsc")]
impl TscClock {
    /// A clock whose origin is now. Clones share it.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let origin = counter.raw();
        Self { counter, origin }
    }
}

#[cfg(feature = "tsc")]
impl Default for TscClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "tsc")]
impl Clock for TscClock {
    #[inline]
    fn now(&self) -> Instant {
        Instant::from_nanos(self.counter.delta_as_nanos(self.origin, self.counter.raw()))
    }
}

/// A clock that stands still until it is told to move; it may also be set back. The default stands at
/// [`Instant::ZERO`].
///
/// ```
/// use tidegate_units::{Clock, Instant, ManualClock, Span};
///
/// let clock = ManualClock::at(Instant::from_nanos(5));
/// clock.advance(Span::from_nanos(2));
/// assert_eq!(clock.now(), Instant::from_nanos(7));
/// clock.set(Instant::ZERO);
/// assert_eq!(clock.now(), Instant::ZERO);
/// // Beyond the end of time there is nothing.
/// clock.advance(Span::MAX);
/// clock.advance(Span::MAX);
/// assert_eq!(clock.now(), Instant::MAX);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub const fn at(now: Instant) -> Self {
        Self { nanos: AtomicU64::new(now.as_nanos()) }
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Instant) {
        self.nanos.store(now.as_nanos(), Ordering::Release);
    }

    /// Moves the clock forwards.
    pub fn advance(&self, by: Span) {
        self.set(self.now() + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.nanos.load(Ordering::Acquire))
    }
}

/// The wall clock, for what must be understood by another process: milliseconds since 1970, UTC.
///
/// It may jump in either direction; nothing that decides on permits may use it for short windows.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl WallClock {
    /// Milliseconds since 1970; zero if the clock stands before that.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock file")]
    pub fn unix_millis(self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// What the wall clock showed when `clock` stood at its origin, as far as can be told now.
    pub fn origin_of(self, clock: &(impl Clock + ?Sized)) -> WallOrigin {
        WallOrigin::when(clock.now(), self.unix_millis().saturating_mul(1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Instant::from_nanos(5));
        assert_eq!(clock.now(), Instant::from_nanos(5));
        clock.advance(Span::from_nanos(2));
        assert_eq!(clock.now(), Instant::from_nanos(7));
        clock.set(Instant::from_nanos(1));
        assert_eq!(clock.now(), Instant::from_nanos(1));
    }

    #[test]
    fn the_real_clock_does_not_go_back() {
        let clock = MonotonicClock::new();
        let first = clock.now();
        assert!(clock.now() >= first);
    }

    #[cfg(feature = "tsc")]
    #[test]
    fn the_counter_and_the_operating_system_agree() {
        let (counter, system) = (TscClock::new(), MonotonicClock::new());
        let mut last = counter.now();
        for _ in 0..100_000 {
            let now = counter.now();
            assert!(now >= last);
            last = now;
        }
        let (ours, theirs) = (counter.now().as_nanos(), system.now().as_nanos());
        assert!(ours.abs_diff(theirs) < 1_000_000_000, "{ours} against {theirs}");
    }
}
