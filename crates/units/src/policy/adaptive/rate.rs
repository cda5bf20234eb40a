//! A rate: so much of one dimension per length of time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Dimension, Limit, LimitError, Span};

/// So much of a dimension per length of time, as a person writes it: 1 to 10^12 per 1 ms to 366 days.
///
/// A rate is not a limit: nothing is promised of any window. It reads like one, `2 requests per
/// minute`, but knows no calendar.
///
/// ```
/// use tidegate_units::{Dimension, RateOf};
///
/// let rate: RateOf = "90 requests per minute".parse()?;
/// assert_eq!(rate.dimension(), Dimension::Requests);
/// assert!((rate.per_second() - 1.5).abs() < 1e-12);
///
/// let refused = "fast".parse::<RateOf>().unwrap_err();
/// assert_eq!(refused.to_string(), "`fast` is no rate: write it as `2 requests per minute`");
/// # Ok::<(), tidegate_units::policy::adaptive::InvalidRate>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RateOf {
    dimension: Dimension,
    amount: u64,
    per: Span,
}

/// Why something is no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRate {
    /// A part of it is outside the range that it has in limits too.
    #[error(transparent)]
    Part(LimitError),
    /// Periods of a calendar are of no fixed length.
    #[error("`{text}` is no rate: periods of a calendar have none, write a length such as `1d`")]
    Calendar {
        /// The text as written, cut short.
        text: String,
    },
    /// The text does not have the form of a rate.
    #[error("`{text}` is no rate: write it as `2 requests per minute`")]
    Form {
        /// The text as written, cut short.
        text: String,
    },
}

impl RateOf {
    /// `amount` of `dimension` per `per`.
    ///
    /// # Errors
    ///
    /// [`InvalidRate::Part`] when the amount or the length of time is outside its range, or when the
    /// dimension is [`Dimension::Slots`].
    pub fn new(dimension: Dimension, amount: u64, per: Span) -> Result<Self, InvalidRate> {
        Limit::new(dimension, amount, per).map_err(InvalidRate::Part)?;
        Ok(Self { dimension, amount, per })
    }

    /// What is counted.
    pub const fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// How much there is in each length of time.
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// The length of time.
    pub const fn per(&self) -> Span {
        self.per
    }

    /// So much per second: about 3e-8 to 1e15.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "amounts end far below 2^53"
    )]
    pub fn per_second(&self) -> f64 {
        self.amount as f64 / self.per.as_secs_f64()
    }

    /// Whether this is faster than `other`, whatever they count.
    pub fn is_above(&self, other: &Self) -> bool {
        let within = |rate: &Self, per: Span| u128::from(rate.amount) * u128::from(per.as_nanos());
        within(self, other.per) > within(other, self.per)
    }
}

impl fmt::Display for RateOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {} per {}", self.amount, self.dimension, self.per))
    }
}

impl FromStr for RateOf {
    type Err = InvalidRate;

    /// Reads `AMOUNT DIMENSION per LENGTH`.
    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let excerpt = || text.chars().take(60).collect();
        let per = text.split_once(" per ").map(|(_, per)| per);
        if per.is_some_and(|per| per.contains(" in ")) {
            return Err(InvalidRate::Calendar { text: excerpt() });
        }
        let limit: Limit = text.parse().map_err(|error| match error {
            LimitError::Form { text } => InvalidRate::Form { text },
            LimitError::NoFixedLength { .. } => InvalidRate::Calendar { text: excerpt() },
            part => InvalidRate::Part(part),
        })?;
        Ok(Self { dimension: limit.dimension(), amount: limit.amount(), per: limit.window() })
    }
}

impl TryFrom<String> for RateOf {
    type Error = InvalidRate;

    fn try_from(text: String) -> Result<Self, InvalidRate> {
        text.parse()
    }
}

impl From<RateOf> for String {
    fn from(rate: RateOf) -> Self {
        rate.to_string()
    }
}
