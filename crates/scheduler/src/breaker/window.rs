//! How calls ended of late: counts in a ring of buckets, in memory that does not grow with traffic.
//!
//! A window is cut into 60 buckets, counted from the origin of the clock. A call is counted in the
//! bucket that holds the instant at which it ended, and forgotten with the whole of that bucket.
//!
//! # Invariants
//!
//! - A call counts for at most `window`, and for at least 59/60 of it, less 60 ns.
//! - A clock that steps back counts in the newest bucket seen: nothing is forgotten early by that.

use tidegate_units::{Instant, Span};

/// How many buckets there are. A call is forgotten early by at most one of them, 1.7 % of the window,
/// for a kilobyte and a half of memory.
pub(super) const BUCKETS: u64 = 60;

/// How many calls ended, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// All that succeeded or failed.
    pub(super) ended: u64,
    /// Those that failed.
    pub(super) failed: u64,
    /// Those that succeeded, slowly.
    pub(super) slow: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.ended = self.ended.saturating_add(other.ended);
        self.failed = self.failed.saturating_add(other.failed);
        self.slow = self.slow.saturating_add(other.slow);
    }
}

/// The counts of the last window.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// The length of a bucket in nanoseconds.
    bucket: u64,
    /// The number of the newest bucket, counted from the origin of the clock.
    newest: u64,
    /// Bucket `number` is in place `number % BUCKETS`.
    ring: Vec<Counts>,
}

impl Window {
    /// A window of this length, with nothing counted in it.
    pub(super) fn new(length: Span) -> Self {
        let bucket = (length.as_nanos() / BUCKETS).max(1);
        let places = usize::try_from(BUCKETS).unwrap_or_default();
        Self { bucket, newest: 0, ring: vec![Counts::default(); places] }
    }

    /// Counts what ended at `now`.
    pub(super) fn count(&mut self, now: Instant, counts: Counts) {
        self.turn(now);
        let newest = self.newest;
        self.place(newest).add(counts);
    }

    /// What ended within the window that ends at `now`.
    pub(super) fn sum(&mut self, now: Instant) -> Counts {
        self.turn(now);
        let mut sum = Counts::default();
        for counts in &self.ring {
            sum.add(*counts);
        }
        sum
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.ring.fill(Counts::default());
    }

    /// Turns the ring until the bucket of `now` is the newest.
    fn turn(&mut self, now: Instant) {
        let number = now.as_nanos() / self.bucket;
        let passed = number.saturating_sub(self.newest);
        for step in 0..passed.min(BUCKETS) {
            *self.place(number - step) = Counts::default();
        }
        self.newest = self.newest.max(number);
    }

    fn place(&mut self, number: u64) -> &mut Counts {
        let place = usize::try_from(number % BUCKETS).unwrap_or_default();
        &mut self.ring[place]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: Counts = Counts { ended: 1, failed: 1, slow: 0 };

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

        /// Against a log of the exact instants: what is counted lies between what ended in the last
        /// 59 buckets and what ended in the whole window.
        #[test]
        fn a_count_is_wrong_by_less_than_a_bucket(
            length in 1_000_000_000_u64..4_000_000_000,
            steps in prop::collection::vec(0_u64..400_000_000, 1..60),
        ) {
            let mut window = Window::new(Span::from_nanos(length));
            let mut log = Vec::new();
            let mut now = Instant::ZERO;
            for step in steps {
                now = now + Span::from_nanos(step);
                log.push(now);
                window.count(now, FAILED);
                let within = |span: u64| {
                    let ended = log.iter().filter(|at| now.since(**at) < Span::from_nanos(span));
                    u64::try_from(ended.count()).unwrap_or(u64::MAX)
                };
                let counted = window.sum(now).failed;
                prop_assert!(counted <= within(length), "a call counts for at most the window");
                let least = length / BUCKETS * (BUCKETS - 1);
                prop_assert!(counted >= within(least), "and for 59/60 of it");
            }
        }
    }

    #[test]
    fn a_clock_stepping_back_forgets_nothing() {
        let mut window = Window::new(Span::from_secs(60));
        let late = Instant::ZERO + Span::from_secs(100);
        window.count(late, FAILED);
        window.count(Instant::ZERO, FAILED);
        assert_eq!(window.sum(Instant::ZERO), Counts { ended: 2, failed: 2, slow: 0 });
        assert_eq!(window.sum(late + Span::from_millis(59_999)).failed, 2);
        assert_eq!(window.sum(late + Span::from_secs(60)).failed, 0);
    }

    #[test]
    fn after_a_long_silence_nothing_is_left() {
        for silence in 60..=180 {
            let mut window = Window::new(Span::from_secs(60));
            window.count(Instant::ZERO, FAILED);
            let later = Instant::ZERO + Span::from_secs(silence);
            assert_eq!(window.sum(later), Counts::default(), "{silence}");
        }
    }

    #[test]
    fn the_end_of_time_is_counted_too() {
        let mut window = Window::new(Span::ZERO);
        window.count(Instant::MAX, FAILED);
        assert_eq!(window.sum(Instant::MAX), FAILED);
        window.clear();
        assert_eq!(window.sum(Instant::MAX), Counts::default());
    }
}
