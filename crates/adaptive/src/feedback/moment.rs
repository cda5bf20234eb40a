//! How far away a moment is that a header tells: a number of seconds, an instant, a length of time.
//!
//! Instants are compared with the time at the service, never with the clock here: see
//! [`Fields::date`](super::fields::Fields::date).
//!
//! # Invariants
//!
//! - A moment that has passed is no time away, never a negative or a huge one.

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use super::{date, duration, number};

const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// A bare number of at least this many is no length in seconds but an instant: 2001 in seconds.
const EPOCH_SECONDS: u64 = 1_000_000_000;
/// And of at least this many one in milliseconds.
const EPOCH_MILLISECONDS: u64 = 1_000_000_000_000;
/// As many of several values in one field as are looked at.
const VALUES_MAX: usize = 16;

/// What a bare number in a header counts.
///
/// Dates, and lengths of time such as `6m0s`, say themselves what they are, and are read as such
/// whatever is chosen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Found out by size: from 10^12 on milliseconds since 1970, from 10^9 on seconds since 1970,
    /// below seconds from now.
    #[default]
    Auto,
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Milliseconds,
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMilliseconds,
}

impl Unit {
    /// The number in seconds or milliseconds, from `now` or since 1970.
    fn span(self, text: &str, now: Instant) -> Option<Span> {
        let from_now = |unit| number::nanos(text, unit).map(Span::from_nanos);
        let epoch = |unit| number::nanos(text, unit).map(|at| Instant::from_nanos(at).since(now));
        match self {
            Self::Seconds => from_now(SECOND),
            Self::Milliseconds => from_now(MILLISECOND),
            Self::EpochSeconds => epoch(SECOND),
            Self::EpochMilliseconds => epoch(MILLISECOND),
            Self::Auto => match number::amount(text)? {
                EPOCH_MILLISECONDS.. => epoch(MILLISECOND),
                EPOCH_SECONDS.. => epoch(SECOND),
                _ => from_now(SECOND),
            },
        }
    }
}

/// How long after `now` the moment is; several values, joined by commas, are as long as the longest.
///
/// Dates contain commas, so what can be read as a whole is never split.
pub(super) fn until(text: &str, unit: Unit, now: Instant) -> Option<Span> {
    let text = text.trim();
    if let Some(span) = single(text, unit, now) {
        return Some(span);
    }
    let words: Vec<&str> = text.split(',').map(str::trim).take(VALUES_MAX).collect();
    let alone = words.iter().filter_map(|word| single(word, unit, now));
    let paired = words.windows(2).filter_map(|pair| single(&pair.join(", "), unit, now));
    alone.chain(paired).max()
}

fn single(text: &str, unit: Unit, now: Instant) -> Option<Span> {
    let dated = || date::instant(text).map(|at| at.since(now));
    unit.span(text, now).or_else(|| duration::whole(text)).or_else(dated)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_790_510_400 * SECOND);

    #[test]
    fn bare_numbers_are_told_apart_by_their_size() {
        for (text, millis) in [
            ("30", 30_000),
            ("1790510410", 10_000),
            ("1790510410500", 10_500),
            ("1790510400.650", 650),
            ("1790510399", 0),
            ("999999999", 999_999_999_000),
            ("0", 0),
        ] {
            assert_eq!(until(text, Unit::Auto, NOW), Some(Span::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_unit_that_is_known_is_not_guessed() {
        for (unit, text, millis) in [
            (Unit::Seconds, "2000000000", 2_000_000_000_000),
            (Unit::Milliseconds, "1500", 1_500),
            (Unit::EpochSeconds, "30", 0),
            (Unit::EpochMilliseconds, "1790510400001", 1),
            (Unit::Seconds, "6m0s", 360_000),
        ] {
            assert_eq!(until(text, unit, NOW), Some(Span::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn of_joined_values_the_longest_counts_and_a_date_is_not_split() {
        for (text, millis) in [
            ("5, 30", Some(30_000)),
            ("30,5", Some(30_000)),
            ("5, nonsense", Some(5_000)),
            ("Sun, 27 Sep 2026 12:00:40 GMT", Some(40_000)),
            ("Sun, 27 Sep 2026 12:00:40 GMT, Sun, 27 Sep 2026 12:00:50 GMT", Some(50_000)),
            ("5, Sun, 27 Sep 2026 12:00:40 GMT", Some(40_000)),
            ("nonsense, more", None),
        ] {
            assert_eq!(until(text, Unit::Seconds, NOW), millis.map(Span::from_millis), "{text}");
        }
    }
}
