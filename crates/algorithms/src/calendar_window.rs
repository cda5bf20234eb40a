//! Calendar windows: days, weeks, months or years as they are counted in a time zone.
//!
//! For a service that says "5 000 000 tokens per day, reset at midnight Pacific time". The windows lie
//! on the wall clock. Callers have a monotonic clock only, and a [`WallOrigin`] says how the two go
//! together. The state is kept in wall time: when the origin is corrected forwards, windows end sooner;
//! when backwards, nothing ends before the time that was reached already is reached again.
//!
//! A guard covers calls that are held up on their way, and a wall clock that is behind the service's.
//! It does not cover one that is ahead.

use serde::{Deserialize, Serialize};
use tidegate_units::{Calendar, Instant, Span, WallOrigin};

use crate::windows::{Windowed, Windows};

/// At most `amount` in each period of a calendar: whole permits, 1 to the largest `u64`. Nothing panics;
/// what lies beyond the year 2554 is not in sight, and nothing is promised for it.
///
/// ```
/// use tidegate_algorithms::{Algorithm, CalendarWindow, Decision};
/// use tidegate_units::{Calendar, Instant, Period, Span, WallOrigin};
///
/// // A process that began at 22:00 UTC on 1 January 1970, which is 23:00 in Berlin.
/// let hour = Span::from_secs(3_600);
/// let origin = WallOrigin::when(Instant::ZERO, 22 * hour.as_nanos());
/// let calendar = Calendar::new(Period::Day, "Europe/Berlin".parse()?);
/// let window = CalendarWindow::new(10, calendar, origin);
/// let mut state = window.full();
/// assert_eq!(window.take(&mut state, Instant::ZERO, 10), Decision::Admit);
/// assert_eq!(
///     window.take(&mut state, Instant::ZERO, 1),
///     Decision::Later { retry_after: hour }
/// );
/// assert_eq!(window.take(&mut state, Instant::ZERO, 11), Decision::Never);
/// # Ok::<(), tidegate_units::InvalidZone>(())
/// ```
pub type CalendarWindow = Windowed<CalendarPeriods>;

/// The periods of a calendar, seen from a monotonic clock: what a [`CalendarWindow`] counts by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarPeriods {
    calendar: Calendar,
    origin: WallOrigin,
}

impl CalendarWindow {
    /// At most `amount` in each period of `calendar`, for callers whose clock has this origin. Zero is
    /// taken as 1.
    pub fn new(amount: u64, calendar: Calendar, origin: WallOrigin) -> Self {
        Self::over(amount, CalendarPeriods { calendar, origin })
    }

    /// The same rule with a corrected origin. The state goes on as it is.
    pub fn with_origin(self, origin: WallOrigin) -> Self {
        let calendar = self.windows().calendar.clone();
        self.over_windows(CalendarPeriods { calendar, origin })
    }
}

impl Windows for CalendarPeriods {
    fn own_time(&self, now: Instant) -> Instant {
        self.origin.to_wall(now)
    }

    fn callers_time(&self, at: Instant) -> Instant {
        self.origin.to_monotonic(at)
    }

    fn number_at(&self, at: Instant) -> u64 {
        self.calendar.number_at(at)
    }

    fn start_of(&self, number: u64) -> Instant {
        self.calendar.start_of(number)
    }

    fn shortest(&self) -> Span {
        self.calendar.shortest()
    }

    fn same_boundaries(&self, other: &Self) -> bool {
        self.calendar == other.calendar
    }
}
