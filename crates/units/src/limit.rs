//! What may be taken: an amount of one dimension per window.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Dimension, Span};

#[cfg(feature = "calendar")]
mod calendar;
mod error;

pub use error::LimitError;

/// How the service itself counts a limit. Tidegate shapes so that the service's own check passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnforcedAs {
    /// A bucket that refills at `amount / window` and holds the burst. Within one window it lets
    /// through up to the burst and the amount together.
    TokenBucket,
    /// Windows laid end to end, at a phase that we do not know.
    FixedWindow,
    /// No window of this length, wherever it starts, may hold more than the amount.
    SlidingWindow,
    /// Not stated. Shaped like a sliding window, which every other kind accepts.
    #[default]
    Unknown,
}

impl EnforcedAs {
    /// Every kind, in the order in which messages list them.
    pub const ALL: [Self; 4] =
        [Self::TokenBucket, Self::FixedWindow, Self::SlidingWindow, Self::Unknown];

    /// The name used in configuration and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenBucket => "token-bucket",
            Self::FixedWindow => "fixed-window",
            Self::SlidingWindow => "sliding-window",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for EnforcedAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for EnforcedAs {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| LimitError::UnknownShape { text: excerpt(text) })
    }
}

/// An amount of one dimension per window, how the service enforces it, and its margins.
///
/// | part | range |
/// |---|---|
/// | amount | 1 to 10^12 per window |
/// | window | 1 ms to 366 days; or, with the feature `calendar`, a day, week, month or year of a zone |
/// | burst | 1 to 10^12; only for [`EnforcedAs::TokenBucket`], where it defaults to the amount |
/// | guard | 0 to the window; see [`Limit::guard`] |
///
/// ```
/// use tidegate_units::{Dimension, Limit, Span};
///
/// let limit: Limit = "50 requests per minute".parse()?;
/// assert_eq!(limit, Limit::new(Dimension::Requests, 50, Span::from_secs(60))?);
///
/// let refused = "0 requests per minute".parse::<Limit>().unwrap_err();
/// assert_eq!(refused.to_string(), "an amount of 0: use 1 to 1000000000000 per window");
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    dimension: Dimension,
    amount: u64,
    window: Span,
    enforced_as: EnforcedAs,
    burst: u64,
    guard: Span,
    #[cfg(feature = "calendar")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar: Option<crate::Calendar>,
}

impl Limit {
    /// The largest amount per window. Beyond it a typo is likelier than a wish.
    pub const AMOUNT_MAX: u64 = 1_000_000_000_000;
    /// The shortest window.
    pub const WINDOW_MIN: Span = Span::from_millis(1);
    /// The longest window: a leap year.
    pub const WINDOW_MAX: Span = Span::from_secs(366 * 86_400);
    /// The guard that a limit has unless told otherwise, for windows of 12.5 s and longer.
    pub const GUARD_DEFAULT: Span = Span::from_millis(250);

    /// `amount` of `dimension` per `window`, enforced in a way that is not known.
    ///
    /// # Errors
    ///
    /// [`LimitError`] when the amount or the window is outside its range, or when the dimension is
    /// [`Dimension::Slots`], which no window gives back.
    pub fn new(dimension: Dimension, amount: u64, window: Span) -> Result<Self, LimitError> {
        if dimension == Dimension::Slots {
            return Err(LimitError::Slots);
        }
        if amount == 0 || amount > Self::AMOUNT_MAX {
            return Err(LimitError::Amount { text: amount.to_string() });
        }
        if window < Self::WINDOW_MIN || window > Self::WINDOW_MAX {
            return Err(LimitError::Window { window });
        }
        let guard = Self::GUARD_DEFAULT.min(window.div(50));
        let enforced_as = EnforcedAs::Unknown;
        Ok(Self {
            dimension,
            amount,
            window,
            enforced_as,
            burst: amount,
            guard,
            #[cfg(feature = "calendar")]
            calendar: None,
        })
    }

    /// The same limit, enforced by the service as `enforced_as`. Changes nothing where the limit is per
    /// calendar period, for that says it already.
    pub fn enforced_as(mut self, enforced_as: EnforcedAs) -> Self {
        if !self.is_per_calendar() {
            self.enforced_as = enforced_as;
        }
        self
    }

    /// The same limit as a bucket that holds `burst`.
    ///
    /// # Errors
    ///
    /// [`LimitError::Burst`] when the burst is outside its range, [`LimitError::BurstPerCalendar`] when
    /// the limit is per calendar period.
    pub fn burst(mut self, burst: u64) -> Result<Self, LimitError> {
        if self.is_per_calendar() {
            return Err(LimitError::BurstPerCalendar { per: self.per() });
        }
        if burst == 0 || burst > Self::AMOUNT_MAX {
            return Err(LimitError::Burst { text: burst.to_string() });
        }
        self.enforced_as = EnforcedAs::TokenBucket;
        self.burst = burst;
        Ok(self)
    }

    /// The same limit with another guard: how much the way to the service may vary.
    ///
    /// The service counts a call when it arrives, not when it was granted. A call that was held up
    /// on its way arrives close to later ones, so that a window at the service holds calls that were
    /// granted within `window + guard`. A window is lengthened by the guard and a bucket made
    /// smaller by what it refills meanwhile; then the service never counts more than the limit as
    /// long as no two calls differ by more than the guard on their way. A bucket never gets smaller
    /// than 1, so one that holds little more is not guarded.
    ///
    /// Unless set, it is [`Limit::GUARD_DEFAULT`] or a fiftieth of the window, whichever is shorter.
    ///
    /// # Errors
    ///
    /// [`LimitError::Guard`] when it is longer than the window.
    pub fn guard(mut self, guard: Span) -> Result<Self, LimitError> {
        if guard > self.window() {
            return Err(LimitError::Guard { guard, window: self.window() });
        }
        self.guard = guard;
        Ok(self)
    }

    /// What is counted.
    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// How much a window may hold, or a bucket refills per window.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// The length of the window; of a calendar period the longest that it can be.
    pub fn window(&self) -> Span {
        #[cfg(feature = "calendar")]
        if let Some(calendar) = &self.calendar {
            return calendar.longest();
        }
        self.window
    }

    /// How the service counts. Calendar periods are fixed windows whose phase is known.
    pub fn shape(&self) -> EnforcedAs {
        if self.is_per_calendar() { EnforcedAs::FixedWindow } else { self.enforced_as }
    }

    /// Whether windows are periods of a calendar.
    #[cfg_attr(
        not(feature = "calendar"),
        expect(clippy::unused_self, reason = "without calendars no limit has one")
    )]
    fn is_per_calendar(&self) -> bool {
        #[cfg(feature = "calendar")]
        return self.calendar.is_some();
        #[cfg(not(feature = "calendar"))]
        false
    }

    /// The window in words, as it stands behind `per`: `1m`, or `day in UTC`.
    pub fn per(&self) -> String {
        #[cfg(feature = "calendar")]
        if let Some(calendar) = &self.calendar {
            return calendar.to_string();
        }
        self.window.to_string()
    }

    /// How much the service's bucket holds; the amount where it counts by windows.
    pub fn burst_amount(&self) -> u64 {
        match self.shape() {
            EnforcedAs::TokenBucket => self.burst,
            _ => self.amount,
        }
    }

    /// How much the way to the service may vary.
    pub fn guard_span(&self) -> Span {
        self.guard
    }

    /// The window that Tidegate keeps to: the service's, lengthened by the guard.
    pub fn shaped_window(&self) -> Span {
        self.window() + self.guard
    }

    /// The most that Tidegate lets through at once.
    pub fn shaped_capacity(&self) -> u64 {
        match self.shape() {
            EnforcedAs::TokenBucket => self.shaped_burst(),
            _ => self.amount,
        }
    }

    /// How long after the last call nothing of it counts any more, wherever it is counted: the window
    /// and the guard, or the time that the service's bucket takes to fill. A calendar period may be over
    /// sooner; the longest is what is certain without knowing the date.
    pub fn recovery(&self) -> Span {
        let windows = match self.shape() {
            EnforcedAs::TokenBucket => self.burst.div_ceil(self.amount).max(1),
            _ => 1,
        };
        self.window() * windows + self.guard
    }

    /// The length of time that `text` says, if it is one.
    ///
    /// ```
    /// use tidegate_units::{Limit, Span};
    ///
    /// assert_eq!(Limit::window_of("day")?, Span::from_secs(86_400), "any 24 hours");
    /// assert_eq!(
    ///     Limit::window_of("month").unwrap_err().to_string(),
    ///     "a month is of no fixed length: add a time zone, as in `per month in UTC` or \
    ///      `zone = \"UTC\"`, or write a length such as `7d`"
    /// );
    /// # Ok::<(), tidegate_units::LimitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LimitError::WindowText`]; [`LimitError::NoFixedLength`] for a period that only a calendar can
    /// tell the length of, or that people count by the calendar.
    pub fn window_of(text: &str) -> Result<Span, LimitError> {
        if ["week", "month", "year"].contains(&text) {
            return Err(LimitError::NoFixedLength { period: text.to_owned() });
        }
        Ok(text.parse()?)
    }

    /// The bucket that Tidegate keeps to: the service's burst, less what refills within the guard,
    /// rounded up; at least 1, or nothing would ever pass. A bucket that is clamped to 1 is not
    /// guarded any more.
    pub fn shaped_burst(&self) -> u64 {
        let window = u128::from(self.window().as_nanos());
        let refill = u128::from(self.amount) * u128::from(self.guard.as_nanos());
        let within_guard = u64::try_from(refill.div_ceil(window)).unwrap_or(u64::MAX);
        self.burst_amount().saturating_sub(within_guard).max(1)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {} per {}", self.amount, self.dimension, self.per()))
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    /// Reads `AMOUNT DIMENSION per WINDOW`, as in `400_000 tokens per minute`, and, with the feature
    /// `calendar`, `AMOUNT DIMENSION per PERIOD in ZONE`.
    fn from_str(text: &str) -> Result<Self, LimitError> {
        let form = || LimitError::Form { text: excerpt(text) };
        let (what, window) = text.split_once(" per ").ok_or_else(form)?;
        let mut words = what.split_whitespace();
        let (Some(amount), Some(dimension), None) = (words.next(), words.next(), words.next())
        else {
            return Err(form());
        };
        let plain = amount.replace('_', "");
        let number = plain.parse().map_err(|_| LimitError::Amount { text: excerpt(amount) })?;
        let singular = match dimension {
            "request" => "requests",
            "token" => "tokens",
            "byte" => "bytes",
            "slot" => "slots",
            other => other,
        };
        let dimension = singular.parse()?;
        if let Some((period, zone)) = window.split_once(" in ") {
            #[cfg(feature = "calendar")]
            return calendar::read(dimension, number, period, zone);
            #[cfg(not(feature = "calendar"))]
            return Err(LimitError::NoCalendar { text: excerpt(&format!("{period} in {zone}")) });
        }
        Self::new(dimension, number, Self::window_of(window.trim())?)
    }
}

/// The start of a text from outside, short enough for a message.
fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_reads_and_prints() {
        let limit: Limit = "400_000 tokens per minute".parse().expect("a limit");
        assert_eq!(limit.to_string(), "400000 tokens per 1m");
        assert_eq!(limit.shape(), EnforcedAs::Unknown);
        assert_eq!(limit.guard_span(), Span::from_millis(250));
        let daily: Limit = "1 request per day".parse().expect("a limit");
        assert_eq!(daily.window(), Span::from_secs(86_400));
        let short: Limit = "10 requests per second".parse().expect("a limit");
        assert_eq!(short.guard_span(), Span::from_millis(20));
    }

    #[test]
    fn a_bucket_takes_as_long_to_recover_as_to_fill() {
        let second = Span::from_secs(1);
        let limit = || Limit::new(Dimension::Requests, 10, second).expect("a limit");
        let guard = Span::from_millis(20);
        assert_eq!(limit().recovery(), second + guard);
        assert_eq!(limit().burst(100).expect("a burst").recovery(), second * 10 + guard);
        assert_eq!(limit().burst(3).expect("a burst").recovery(), second + guard);
    }

    #[cfg(not(feature = "calendar"))]
    #[test]
    fn a_zone_is_refused_where_there_are_no_calendars() {
        let refused = "50 requests per day in UTC".parse::<Limit>().expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "`day in UTC` in a program without calendars: write a length such as `1d`, or build it \
             with the feature `calendar`"
        );
    }

    #[test]
    fn what_is_no_limit_is_refused_with_the_range() {
        let minute = Span::from_secs(60);
        let texts = [
            "0 requests per minute",
            "-5 requests per minute",
            "1.5 requests per minute",
            "18446744073709551616 requests per minute",
            "1000000000001 tokens per minute",
            "requests per minute",
            "50 requests",
            "50 requests a minute",
            "50 Requests per minute",
            "50 requests per fortnight",
            "50 requests per 0s",
            "50 requests per 400d",
            "5 slots per minute",
            "1 slot per minute",
        ];
        let mut refusals: Vec<String> = texts
            .iter()
            .map(|text| format!("{text:44} {}", text.parse::<Limit>().expect_err("refused")))
            .collect();
        let limit = || Limit::new(Dimension::Requests, 5, minute).expect("a limit");
        refusals.push(limit().burst(0).expect_err("refused").to_string());
        refusals.push(limit().guard(Span::from_secs(61)).expect_err("refused").to_string());
        refusals.push("leaky".parse::<EnforcedAs>().expect_err("refused").to_string());
        insta::assert_snapshot!(refusals.join("\n"));
    }
}
