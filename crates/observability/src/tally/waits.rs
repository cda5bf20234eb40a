//! How long callers waited: counts between fixed bounds, and the sum.
//!
//! The bounds are the same everywhere, so that two of them can be added and subtracted, and what happened in
//! a minute is the difference of two looks.

use serde::{Deserialize, Serialize};
use tidegate_units::Span;

/// The upper bounds of the counts, in milliseconds; beyond the last there is one more count.
pub const BOUNDS_MS: [u64; 21] = [
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000,
    30_000, 60_000, 120_000, 300_000,
];

/// Waits, counted.
///
/// ```
/// use tidegate_observability::Waits;
/// use tidegate_units::Span;
///
/// let mut waits = Waits::default();
/// for millis in [0, 1, 30, 40, 45, 700] {
///     waits.record(Span::from_millis(millis));
/// }
/// assert_eq!(waits.count(), 6);
/// assert_eq!(waits.sum(), Span::from_millis(816));
/// // Half of them waited at most so long, as far as the bounds tell: 25 to 50 ms.
/// let median = waits.quantile(0.5).expect("somebody waited");
/// assert!(median > Span::from_millis(25) && median <= Span::from_millis(50));
/// assert_eq!(Waits::default().quantile(0.5), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waits {
    counts: [u64; BOUNDS_MS.len() + 1],
    sum_ns: u64,
}

impl Waits {
    /// Somebody waited so long.
    pub fn record(&mut self, waited: Span) {
        let bound = BOUNDS_MS.iter().position(|bound| waited <= Span::from_millis(*bound));
        let count = &mut self.counts[bound.unwrap_or(BOUNDS_MS.len())];
        *count = count.saturating_add(1);
        self.sum_ns = self.sum_ns.saturating_add(waited.as_nanos());
    }

    /// How many waited.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// How long all of them together.
    pub fn sum(&self) -> Span {
        Span::from_nanos(self.sum_ns)
    }

    /// How many waited at most as long as each bound, the bound first; without those beyond the last.
    pub fn cumulative(&self) -> impl Iterator<Item = (Span, u64)> + '_ {
        BOUNDS_MS.iter().zip(&self.counts).scan(0_u64, |sum, (bound, count)| {
            *sum = sum.saturating_add(*count);
            Some((Span::from_millis(*bound), *sum))
        })
    }

    /// The same and `other` together.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// Whether this can be what `earlier` has grown to.
    pub fn covers(&self, earlier: &Self) -> bool {
        let counts = self.counts.iter().zip(&earlier.counts).all(|(now, then)| now >= then);
        counts && self.sum_ns >= earlier.sum_ns
    }

    /// What was recorded since this was `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = *self;
        for (count, before) in rest.counts.iter_mut().zip(&earlier.counts) {
            *count = count.saturating_sub(*before);
        }
        rest.sum_ns = rest.sum_ns.saturating_sub(earlier.sum_ns);
        rest
    }

    /// The wait that this share of callers did not exceed, 0 to 1, spread evenly between two bounds; for
    /// those beyond the last bound, that bound. `None` if nobody waited.
    pub fn quantile(&self, share: f64) -> Option<Span> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = share.clamp(0.0, 1.0) * float(count);
        let (mut below, mut lower) = (0_u64, Span::ZERO);
        for (bound, reached) in self.cumulative() {
            let inside = reached - below;
            if inside > 0 && float(reached) >= rank {
                let part = ((rank - float(below)) / float(inside)).clamp(0.0, 1.0);
                let width = (bound - lower.min(bound)).as_secs_f64();
                return Some(lower + Span::from_secs_f64(width * part));
            }
            (below, lower) = (reached, bound);
        }
        Some(lower)
    }
}

/// Exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a share of a count is a float; the loss is stated"
)]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_of_exactly_a_bound_is_below_it() {
        let mut waits = Waits::default();
        for bound in BOUNDS_MS {
            waits.record(Span::from_millis(bound));
            waits.record(Span::from_millis(bound) + Span::from_nanos(1));
        }
        let counts: Vec<u64> = waits.cumulative().map(|(_, count)| count).collect();
        let expected: Vec<u64> = (0..21).map(|index| 1 + 2 * index).collect();
        assert_eq!(counts, expected);
        assert_eq!(waits.count(), 42);
    }

    #[test]
    fn a_difference_and_what_was_before_make_the_whole() {
        let mut before = Waits::default();
        before.record(Span::from_millis(3));
        let mut after = before;
        after.record(Span::from_secs(20));
        after.record(Span::from_secs(400));
        let mut whole = before;
        whole.add(&after.since(&before));
        assert_eq!(whole, after);
        assert_eq!(after.since(&before).count(), 2);
    }

    #[test]
    fn quantiles_do_not_leave_their_bounds() {
        let mut waits = Waits::default();
        for _ in 0..100 {
            waits.record(Span::from_millis(7));
        }
        waits.record(Span::from_secs(1_000));
        let between = |share, low, high| {
            let wait = waits.quantile(share).expect("somebody waited");
            assert!(wait >= Span::from_millis(low) && wait <= Span::from_millis(high), "{wait}");
        };
        between(0.0, 5, 5);
        between(0.5, 5, 10);
        between(0.99, 5, 10);
        between(1.0, 300_000, 300_000);
        between(7.0, 300_000, 300_000);
    }
}
