//! A clock that a thread of its own moves on, so that reading it is one load.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{Clock, Instant, MonotonicClock, Span};

/// The instant of the last tick: never ahead, and behind by at most the time between two ticks.
///
/// That time is the period plus however late the operating system wakes the thread; the longest so
/// far is [`CoarseClock::lag_max`]. A limiter on this clock lets through, within any span, no more
/// than a punctual one lets through within that span and the lag. With 1000 permits a second and a
/// lag of 2 ms, that is two permits more.
///
/// Clones share the ticks; the thread ends with the last of them.
///
/// ```
/// use tidegate_units::{Clock, CoarseClock, Span};
///
/// let clock = CoarseClock::start(Span::from_millis(1))?;
/// let first = clock.now();
/// while clock.now() == first {
///     std::thread::yield_now();
/// }
/// assert!(clock.now() > first);
///
/// // No clock ticks more often than every 100 µs, whatever it is told.
/// let clock = CoarseClock::start(Span::ZERO)?;
/// let first = clock.now();
/// while clock.now() == first {
///     std::thread::yield_now();
/// }
/// assert!(clock.lag_max() > Span::ZERO);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CoarseClock {
    face: Arc<Face>,
    _ticker: Arc<Ticker>,
}

/// What is read, on a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Face {
    nanos: AtomicU64,
    lag_max: AtomicU64,
    stopped: AtomicBool,
}

/// Ends the thread when nobody reads the clock any more.
#[derive(Debug)]
struct Ticker {
    face: Arc<Face>,
    thread: Option<JoinHandle<()>>,
}

impl CoarseClock {
    /// The shortest period; a shorter one is taken as this. Below it the thread would do little else.
    pub const PERIOD_MIN: Span = Span::from_micros(100);

    /// Starts a clock that ticks once per `period`, which is [`CoarseClock::PERIOD_MIN`] or longer. Its
    /// origin is now.
    ///
    /// # Errors
    ///
    /// When the operating system does not give it a thread.
    pub fn start(period: Span) -> io::Result<Self> {
        let face = Arc::new(Face {
            nanos: AtomicU64::new(0),
            lag_max: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let ticking = Arc::clone(&face);
        let period = period.max(Self::PERIOD_MIN).to_duration();
        let clock = MonotonicClock::new();
        let thread = thread::Builder::new().name("tidegate-clock".to_owned());
        let thread = Some(thread.spawn(move || ticking.tick(clock, period))?);
        Ok(Self { face: Arc::clone(&face), _ticker: Arc::new(Ticker { face, thread }) })
    }

    /// The longest time between two ticks so far: by how much this clock was behind at most.
    pub fn lag_max(&self) -> Span {
        Span::from_nanos(self.face.lag_max.load(Ordering::Relaxed))
    }
}

impl Clock for CoarseClock {
    #[inline]
    fn now(&self) -> Instant {
        Instant::from_nanos(self.face.nanos.load(Ordering::Relaxed))
    }
}

impl Face {
    fn tick(&self, clock: MonotonicClock, period: Duration) {
        let mut last = Instant::ZERO;
        while !self.stopped.load(Ordering::Acquire) {
            thread::park_timeout(period);
            let now = clock.now();
            self.lag_max.fetch_max(now.since(last).as_nanos(), Ordering::Relaxed);
            self.nanos.store(now.as_nanos(), Ordering::Relaxed);
            last = now;
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.face.stopped.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot have panicked, and if it had there were nobody to tell.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_ahead_and_behind_by_no_more_than_it_says() {
        let real = MonotonicClock::new();
        let coarse = CoarseClock::start(Span::from_micros(200)).expect("a thread");
        for _ in 0..20 {
            let seen = coarse.now();
            while coarse.now() == seen {
                thread::yield_now();
            }
            assert!(coarse.now() > seen, "time does not go back");
            assert!(coarse.now() <= real.now(), "the coarse clock was started later");
            assert!(coarse.lag_max() > Span::ZERO);
        }
    }

    #[test]
    fn the_last_clone_ends_the_thread() {
        let clock = CoarseClock::start(Span::from_secs(3_600)).expect("a thread");
        let face = Arc::clone(&clock.face);
        drop(clock.clone());
        assert!(!face.stopped.load(Ordering::Acquire));
        // Returns when the thread has ended, which does not sleep for its period.
        drop(clock);
        assert!(face.stopped.load(Ordering::Acquire));
        assert_eq!(Arc::strong_count(&face), 1);
    }
}
