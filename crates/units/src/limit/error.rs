//! Why something is no limit: what was written, the accepted range, and what to do.

use super::Limit;
use crate::Span;

/// Why something is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The amount is no whole number in range.
    #[error("an amount of {text}: use 1 to {} per window", Limit::AMOUNT_MAX)]
    Amount {
        /// The amount as written.
        text: String,
    },
    /// No window gives slots back.
    #[error("slots are held, not spent: use `concurrency`")]
    Slots,
    /// The window is too short or too long.
    #[error("a window of {window}: use {} to {}", Limit::WINDOW_MIN, Limit::WINDOW_MAX)]
    Window {
        /// The window as given.
        window: Span,
    },
    /// The text after `per` is no length of time.
    #[error(transparent)]
    WindowText(#[from] crate::InvalidSpan),
    /// The burst is no whole number in range.
    #[error("a burst of {text}: use 1 to {}", Limit::AMOUNT_MAX)]
    Burst {
        /// The burst as written.
        text: String,
    },
    /// A burst for windows that are periods of a calendar.
    #[error("a burst of a limit per {per}: only a token-bucket has one, remove it")]
    BurstPerCalendar {
        /// The period and its zone.
        per: String,
    },
    /// The word before `in` is no period of a calendar.
    #[cfg(feature = "calendar")]
    #[error(transparent)]
    Period(#[from] crate::InvalidPeriod),
    /// The name behind `in` is no time zone.
    #[cfg(feature = "calendar")]
    #[error(transparent)]
    Zone(#[from] crate::InvalidZone),
    /// A period that is not of one length, without a zone.
    #[error(
        "a {period} is of no fixed length: add a time zone, as in `per {period} in UTC` or `zone = \"UTC\"`, or write a length such as `7d`"
    )]
    NoFixedLength {
        /// The period as written.
        period: String,
    },
    /// A period and a zone, in a program that was built without calendars.
    #[error(
        "`{text}` in a program without calendars: write a length such as `1d`, or build it with the feature `calendar`"
    )]
    NoCalendar {
        /// The period and zone as written.
        text: String,
    },
    /// The guard is longer than the window.
    #[error("a guard of {guard}: use 0s to the window of {window}")]
    Guard {
        /// The guard as given.
        guard: Span,
        /// The limit's window.
        window: Span,
    },
    /// No such way to enforce a limit.
    #[error(
        "`{text}` is no way to enforce a limit: use token-bucket, fixed-window, sliding-window or unknown"
    )]
    UnknownShape {
        /// The text as written.
        text: String,
    },
    /// The name is no dimension.
    #[error(transparent)]
    Dimension(#[from] crate::InvalidDimensionName),
    /// The text does not have the form of a limit.
    #[error(
        "`{text}` is no limit: write it as `50 requests per minute` or `400_000 tokens per 1m`"
    )]
    Form {
        /// The text as written, cut short.
        text: String,
    },
}
