//! A length of time.

use std::fmt;
use std::ops::{Add, Mul, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time in whole nanoseconds: 0 to 2^64 − 1 ns, which is 584 years. Saturates.
///
/// Text form: a number and a unit, as in `250ms`, `1.5s`, `1m`, `24h`, `7d`; or a unit's name, as
/// in `minute`. [`Display`](fmt::Display) prints the shortest such form.
///
/// ```
/// use tidegate_units::Span;
///
/// let minute: Span = "1m".parse()?;
/// assert_eq!(minute, Span::from_secs(60));
/// assert_eq!(Span::from_millis(1_500).to_string(), "1.5s");
///
/// let refused = "-3s".parse::<Span>().unwrap_err();
/// assert_eq!(refused.to_string(), "`-3s` is no length of time: write a number of at least 0 and a unit, such as `250ms`, `1.5s`, `1m`, `1h` or `1d`");
/// # Ok::<(), tidegate_units::InvalidSpan>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span {
    nanos: u64,
}

/// Nanoseconds in each unit that the text form knows, longest first.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Whole words for the same units.
const WORDS: [(&str, &str); 7] = [
    ("day", "d"),
    ("hour", "h"),
    ("minute", "m"),
    ("min", "m"),
    ("second", "s"),
    ("sec", "s"),
    ("millisecond", "ms"),
];

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self { nanos: 0 };
    /// The longest span there is.
    pub const MAX: Self = Self { nanos: u64::MAX };

    /// A span of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { nanos }
    }

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self { nanos: micros.saturating_mul(1_000) }
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { nanos: millis.saturating_mul(1_000_000) }
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self { nanos: secs.saturating_mul(1_000_000_000) }
    }

    /// The nearest span to `secs` seconds; a negative number or NaN gives [`Span::ZERO`].
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float-to-integer `as` saturates and maps NaN to zero, which is what is promised"
    )]
    pub fn from_secs_f64(secs: f64) -> Self {
        Self { nanos: (secs * 1e9).round() as u64 }
    }

    /// Whole nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.nanos / 1_000_000
    }

    /// Seconds as a float, exact to about 1 part in 2^53.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "the loss is the promise of this function"
    )]
    pub fn as_secs_f64(self) -> f64 {
        self.nanos as f64 / 1e9
    }

    /// The same span for the standard library.
    pub const fn to_duration(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// This span divided by `by`, rounded down; by zero gives [`Span::MAX`].
    pub const fn div(self, by: u64) -> Self {
        match self.nanos.checked_div(by) {
            Some(nanos) => Self { nanos },
            None => Self::MAX,
        }
    }
}

impl From<Duration> for Span {
    /// Saturates at [`Span::MAX`].
    fn from(duration: Duration) -> Self {
        Self { nanos: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX) }
    }
}

impl Add for Span {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_add(other.nanos) }
    }
}

impl Sub for Span {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos) }
    }
}

impl Mul<u64> for Span {
    type Output = Self;

    fn mul(self, by: u64) -> Self {
        Self { nanos: self.nanos.saturating_mul(by) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.pad("0s");
        }
        // The largest unit that leaves at most three decimals; whole minutes, hours and days only.
        for (name, nanos) in UNITS {
            let exact = self.nanos.is_multiple_of(nanos);
            let decimal = nanos <= UNITS[3].1 && self.nanos >= nanos;
            if exact {
                return f.pad(&format!("{}{name}", self.nanos / nanos));
            }
            if decimal {
                let thousandths = (self.nanos % nanos) / (nanos / 1_000).max(1);
                let fraction = format!("{thousandths:03}");
                let fraction = fraction.trim_end_matches('0');
                let point = if fraction.is_empty() { "" } else { "." };
                return f.pad(&format!("{}{point}{fraction}{name}", self.nanos / nanos));
            }
        }
        f.pad(&format!("{}ns", self.nanos))
    }
}

/// Text that is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no length of time: write a number of at least 0 and a unit, such as `250ms`, `1.5s`, `1m`, `1h` or `1d`"
)]
pub struct InvalidSpan {
    text: String,
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let invalid = || InvalidSpan { text: text.chars().take(40).collect() };
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(invalid)?;
        let (number, unit) = trimmed.split_at(split);
        let unit_nanos = unit_nanos(unit).ok_or_else(invalid)?;
        let number = number.trim();
        let number = if number.is_empty() { "1" } else { number };
        decimal_times(number, unit_nanos).map(Self::from_nanos).ok_or_else(invalid)
    }
}

/// Nanoseconds of a unit written as a symbol (`ms`), a word (`minute`) or its plural.
fn unit_nanos(unit: &str) -> Option<u64> {
    let word = unit.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(unit);
    let symbol = WORDS.iter().find(|(name, _)| *name == word).map_or(unit, |(_, symbol)| symbol);
    UNITS.iter().find(|(name, _)| *name == symbol).map(|(_, nanos)| *nanos)
}

/// `number * nanos` for a decimal number without a sign, or nothing if it is none or does not fit.
fn decimal_times(number: &str, nanos: u64) -> Option<u64> {
    let digits = number.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(nanos)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(nanos) / u128::from(scale);
    whole.checked_add(u64::try_from(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_parse_to_the_span_they_name() {
        for (text, nanos) in [
            ("0s", 0),
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1m", 60_000_000_000),
            ("minute", 60_000_000_000),
            ("2 minutes", 120_000_000_000),
            ("1_000 ms", 1_000_000_000),
            ("day", 86_400_000_000_000),
            ("7ns", 7),
        ] {
            assert_eq!(text.parse::<Span>(), Ok(Span::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "5", "m5", "-1s", "1.s.2", "1e9s", "99999999999d", "1fortnight", "NaN s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn printing_is_short_and_reads_back() {
        for text in ["0s", "1ns", "1.5us", "250ms", "1.25s", "1m", "90s", "36h", "7d"] {
            let span: Span = text.parse().expect("a span");
            assert_eq!(span.to_string().parse::<Span>(), Ok(span), "{text}");
        }
        assert_eq!(Span::from_nanos(1_234_567_890).to_string(), "1.234s");
        assert_eq!(Span::from_secs(90).to_string(), "90s");
    }
}
