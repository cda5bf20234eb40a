//! How instants of this process and the time on the wall go together.
//!
//! Machines know a monotonic clock only, which nobody sets. What happens at midnight is said by the
//! wall clock, which people do set. The two differ by one number, which a shell reads once.
//!
//! # Invariants
//!
//! - Arithmetic saturates at 1970 and 584 years later; within, going there and back changes nothing.

use serde::{Deserialize, Serialize};

use crate::{Instant, Span};

/// The time on the wall at [`Instant::ZERO`], in nanoseconds since 1970, UTC.
///
/// The default is 1970 itself: then an instant and the time on the wall are the same number.
///
/// ```
/// use tidegate_units::{Instant, Span, WallOrigin};
///
/// // A process whose clock stands at 5 s, at one second past midnight of 2 January 1970.
/// let now = Instant::ZERO + Span::from_secs(5);
/// let origin = WallOrigin::when(now, 86_401_000_000_000);
/// assert_eq!(origin.to_wall(now), Instant::from_nanos(86_401_000_000_000));
/// assert_eq!(origin.to_monotonic(origin.to_wall(now)), now);
/// // What was before the process began is not told apart.
/// assert_eq!(origin.to_monotonic(Instant::from_nanos(7)), Instant::ZERO);
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallOrigin {
    unix_nanos: u64,
}

impl WallOrigin {
    /// The origin of a clock that shows `now` while the wall clock shows `unix_nanos` nanoseconds
    /// since 1970. Takes a wall clock that shows less than `now` as if it showed `now`.
    pub const fn when(now: Instant, unix_nanos: u64) -> Self {
        Self { unix_nanos: unix_nanos.saturating_sub(now.as_nanos()) }
    }

    /// Nanoseconds since 1970.
    pub const fn unix_nanos(self) -> u64 {
        self.unix_nanos
    }

    /// The time on the wall at `now`: an instant whose origin is 1970.
    pub fn to_wall(self, now: Instant) -> Instant {
        Instant::from_nanos(self.unix_nanos) + now.since(Instant::ZERO)
    }

    /// The instant at which the wall clock shows `wall`. The last instant there is stays that: it
    /// means "not in sight".
    pub fn to_monotonic(self, wall: Instant) -> Instant {
        if wall == Instant::MAX {
            return wall;
        }
        wall - Span::from_nanos(self.unix_nanos)
    }
}
