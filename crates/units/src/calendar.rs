//! Days, weeks, months and years as people in a time zone count them.
//!
//! A day goes from midnight to midnight of its zone. Where clocks are changed it has 23 or 25 hours,
//! a midnight may not exist or come twice, and a whole day may be left out. One rule covers them all:
//! **a period starts at the first instant whose local time is at or after the period's nominal
//! start**, and goes on until the next one starts.
//!
//! Periods are numbered, so that how far apart two of them are is a subtraction. Instants here are
//! those of the wall clock: their origin is 1970.
//!
//! # Invariants
//!
//! - A later number starts later. A day that was left out has none.
//! - Every instant lies in exactly one period, that of [`Calendar::number_at`].

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset};
use serde::{Deserialize, Serialize};

use crate::{Instant, Span, Zone};

/// Number 0 of each period begins in 1969, so that every instant since 1970 has a number, wherever.
const FIRST_YEAR: i64 = 1969;
/// Monday, 29 December 1969, in days since 1970.
const FIRST_DAY: i64 = -3;
const DAY: Span = Span::from_secs(86_400);
/// Until when lengths are looked at, in seconds since 1970: 2090. By then every zone follows one rule
/// for good, and has done so for the 28 years in which weekdays and leap years come around.
const LENGTHS_UNTIL: i64 = 3_786_912_000;
/// The most nominal starts that lie within one change of a clock, which is at most 26 hours.
const STEPS_MAX: u8 = 3;

/// How long a calendar period is.
///
/// ```
/// use tidegate_units::Period;
///
/// assert_eq!("week".parse(), Ok(Period::Week));
/// assert_eq!(
///     "fortnight".parse::<Period>().unwrap_err().to_string(),
///     "`fortnight` is no period of a calendar: use day, week, month or year, or leave out the zone"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From the first of a month to the first of the next.
    Month,
    /// From 1 January to 1 January.
    Year,
}

/// The periods of one kind in one time zone.
///
/// Two are the same if period and zone are. Zones are those of the IANA database, as it is built in.
/// Nothing panics: instants beyond the year 2554 are [`Instant::MAX`], "not in sight".
///
/// ```
/// use tidegate_units::calendar::{Calendar, Period};
/// use tidegate_units::{Instant, Span};
///
/// let calendar = Calendar::new(Period::Day, "Europe/Berlin".parse()?);
/// // On 29 March 2026, from midnight at 23:00 UTC of the day before, clocks go forward.
/// let start = Instant::from_nanos(1_774_738_800_000_000_000);
/// let number = calendar.number_at(start);
/// assert_eq!(calendar.start_of(number), start);
/// assert_eq!(calendar.start_of(number + 1), start + Span::from_secs(23 * 3_600));
/// assert_eq!(calendar.to_string(), "day in Europe/Berlin");
/// assert_eq!(calendar.shortest(), Span::from_secs(23 * 3_600));
/// assert_eq!(calendar.longest(), Span::from_secs(25 * 3_600));
/// // What is too far away is not in sight, and what was before 1970 is told apart no more.
/// assert_eq!(calendar.start_of(1_000_000), Instant::MAX);
/// assert_eq!(calendar.start_of(0), Instant::ZERO);
/// # Ok::<(), tidegate_units::InvalidZone>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Stated", into = "Stated")]
pub struct Calendar {
    period: Period,
    zone: Zone,
    shortest: Span,
    longest: Span,
    /// The nominal numbers of periods that hold no instant, in order.
    left_out: Vec<u64>,
}

/// What a calendar is made from, and written as.
#[derive(Serialize, Deserialize)]
struct Stated {
    period: Period,
    zone: Zone,
}

/// Text that names no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no period of a calendar: use day, week, month or year, or leave out the zone")]
pub struct InvalidPeriod {
    text: String,
}

impl Period {
    /// Every period, shortest first.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// The name used in configuration and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The shortest and the longest in days, where no clock is changed.
    const fn days(self) -> (u64, u64) {
        match self {
            Self::Day => (1, 1),
            Self::Week => (7, 7),
            Self::Month => (28, 31),
            Self::Year => (365, 366),
        }
    }

    /// The number of the period that `local` lies in by its date.
    fn number_of(self, local: DateTime) -> i64 {
        let (year, month) = (i64::from(local.year()), i64::from(local.month()));
        match self {
            Self::Day => day_of(local) - FIRST_DAY,
            Self::Week => (day_of(local) - FIRST_DAY).div_euclid(7),
            Self::Month => (year - FIRST_YEAR) * 12 + month - 1,
            Self::Year => year - FIRST_YEAR,
        }
    }

    /// The nominal start of a period in local time; `None` beyond the year 9999.
    fn nominal_start(self, number: i64) -> Option<DateTime> {
        let first_of = |year: i64, month: i64| {
            let (year, month) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?);
            DateTime::new(year, month, 1, 0, 0, 0, 0).ok()
        };
        match self {
            Self::Day => midnight(number.checked_add(FIRST_DAY)?),
            Self::Week => midnight(number.checked_mul(7)?.checked_add(FIRST_DAY)?),
            Self::Month => first_of(FIRST_YEAR.checked_add(number / 12)?, number % 12 + 1),
            Self::Year => first_of(FIRST_YEAR.checked_add(number)?, 1),
        }
    }
}

impl Calendar {
    /// The periods of this kind in `zone`.
    pub fn new(period: Period, zone: Zone) -> Self {
        let (least, most) = period.days();
        let (shortest, longest) = (DAY * least, DAY * most);
        let mut calendar = Self { period, zone, shortest, longest, left_out: Vec::new() };
        calendar.measure();
        calendar
    }

    /// How long a period is.
    pub fn period(&self) -> Period {
        self.period
    }

    /// Where it is counted.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The shortest that a period of this calendar can be; periods that were left out do not count.
    pub fn shortest(&self) -> Span {
        self.shortest
    }

    /// The longest that a period of this calendar can be.
    pub fn longest(&self) -> Span {
        self.longest
    }

    /// The number of the period that holds the instant `wall` of the wall clock.
    pub fn number_at(&self, wall: Instant) -> u64 {
        let nominal = self.nominal_number_at(wall);
        let left_out = self.left_out.partition_point(|number| *number < nominal);
        nominal.saturating_sub(u64::try_from(left_out).unwrap_or(0))
    }

    /// When the period of this number starts, by the wall clock. [`Instant::ZERO`] if that was before
    /// 1970, [`Instant::MAX`] if it is not in sight.
    pub fn start_of(&self, number: u64) -> Instant {
        let past =
            |nominal: u64, left_out: &u64| nominal.saturating_add((*left_out <= nominal).into());
        self.nominal_start_of(self.left_out.iter().fold(number, past))
    }

    /// As if none was left out.
    fn nominal_number_at(&self, wall: Instant) -> u64 {
        let local = self.zone.time_zone().to_datetime(timestamp(wall));
        let mut number = u64::try_from(self.period.number_of(local)).unwrap_or(0);
        // Where a clock is set back over midnight, the date goes back and the period does not.
        for _ in 0..STEPS_MAX {
            match self.nominal_start_of(number + 1) {
                next if next <= wall && next < Instant::MAX => number += 1,
                _ => break,
            }
        }
        number
    }

    fn nominal_start_of(&self, number: u64) -> Instant {
        let nominal = i64::try_from(number).ok().and_then(|it| self.period.nominal_start(it));
        match nominal.and_then(|local| self.first_instant(local)) {
            Some(at) if at < Timestamp::UNIX_EPOCH => Instant::ZERO,
            Some(at) => u64::try_from(at.as_nanosecond()).map_or(Instant::MAX, Instant::from_nanos),
            None => Instant::MAX,
        }
    }

    /// The first instant whose local time is at or after `local`.
    fn first_instant(&self, local: DateTime) -> Option<Timestamp> {
        let zone = self.zone.time_zone();
        let found = zone.to_ambiguous_timestamp(local);
        let AmbiguousOffset::Gap { .. } = found.offset() else {
            return found.earlier().ok();
        };
        // The clock jumped over it. `later` lies beyond the jump, and nothing in between.
        let beyond = found.later().ok()?;
        let just_after = Timestamp::from_nanosecond(beyond.as_nanosecond() + 1).ok()?;
        let jump = zone.preceding(just_after).next();
        Some(jump.map_or(beyond, |jump| jump.timestamp()))
    }

    /// Looks at every period in which a clock was, or will be, changed: only those have other lengths
    /// than they would have in UTC.
    fn measure(&mut self) {
        let zone = self.zone.time_zone().clone();
        let known = zone.following(Timestamp::UNIX_EPOCH).map(|change| change.timestamp());
        for change in known.take_while(|change| change.as_second() < LENGTHS_UNTIL) {
            let nanos = u64::try_from(change.as_nanosecond()).unwrap_or(0);
            let number = self.nominal_number_at(Instant::from_nanos(nanos));
            // A change at midnight makes the period that ends there shorter.
            for number in [number.saturating_sub(1), number] {
                let start = self.nominal_start_of(number);
                let length = self.nominal_start_of(number + 1).since(start);
                if start == Instant::ZERO {
                    continue;
                }
                if length.is_zero() {
                    self.left_out.push(number);
                } else {
                    self.shortest = self.shortest.min(length);
                    self.longest = self.longest.max(length);
                }
            }
        }
        self.left_out.dedup();
    }
}

impl From<Stated> for Calendar {
    fn from(stated: Stated) -> Self {
        Self::new(stated.period, stated.zone)
    }
}

impl From<Calendar> for Stated {
    fn from(calendar: Calendar) -> Self {
        Self { period: calendar.period, zone: calendar.zone }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let found = Self::ALL.into_iter().find(|period| period.name() == text.trim());
        found.ok_or_else(|| InvalidPeriod { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Calendar {
    /// As in `day in Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} in {}", self.period, self.zone))
    }
}

/// Every instant of the wall clock is one that the library knows: they end in 2554, it in 9999.
fn timestamp(wall: Instant) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(wall.as_nanos())).unwrap_or(Timestamp::MAX)
}

/// The date of `local` in days since 1970.
fn day_of(local: DateTime) -> i64 {
    let midnight = local.date().to_datetime(jiff::civil::Time::midnight());
    // Fails only hours from either end of the library's range, which no instant of ours reaches.
    Offset::UTC.to_timestamp(midnight).map_or(0, |at| at.as_second().div_euclid(86_400))
}

/// Midnight of the date that many days after 1970.
fn midnight(day: i64) -> Option<DateTime> {
    let at = Timestamp::from_second(day.checked_mul(86_400)?).ok()?;
    Some(Offset::UTC.to_datetime(at))
}
