//! A point in time on a monotonic clock of this process.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use crate::Span;

/// A point in time: nanoseconds since the origin of the clock that made it.
///
/// Instants of different clocks have nothing to do with each other. Range: 0 to 2^64 − 1 ns, which
/// is 584 years. Arithmetic saturates at both ends; it never wraps and never panics.
///
/// ```
/// use tidegate_units::{Instant, Span};
///
/// let start = Instant::from_nanos(1_000);
/// let later = start + Span::from_nanos(500);
/// assert_eq!(later.since(start), Span::from_nanos(500));
/// // A clock that stepped back yields no time at all, not a huge one.
/// assert_eq!(start.since(later), Span::ZERO);
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant {
    nanos: u64,
}

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self { nanos: 0 };
    /// The last instant there is; used as "not in sight".
    pub const MAX: Self = Self { nanos: u64::MAX };

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// The time from `earlier` to this instant; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Span {
        Span::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl Add<Span> for Instant {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self { nanos: self.nanos.saturating_add(span.as_nanos()) }
    }
}

impl Sub<Span> for Instant {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self { nanos: self.nanos.saturating_sub(span.as_nanos()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::MAX + Span::from_nanos(1), Instant::MAX);
        assert_eq!(Instant::ZERO - Span::from_nanos(1), Instant::ZERO);
    }
}
