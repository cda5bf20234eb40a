//! What a service says about one of its limits, beside the answer itself.

use serde::{Deserialize, Serialize};
use tidegate_units::{Dimension, Span};

/// The state of one limit, as a service reports it with an answer.
///
/// It describes the limit at the moment at which the service decided on the call, which is later than
/// the call was sent and earlier than the answer arrived. Limits change without notice: what stands
/// here is a measurement, never a promise.
///
/// ```
/// use tidegate_adaptive::{Hint, Reset};
/// use tidegate_units::{Dimension, Span};
///
/// let hint = Hint {
///     limit: Some(60),
///     remaining: Some(12),
///     reset: Some(Reset::Full(Span::from_secs(48))),
///     ..Hint::of(Dimension::Requests)
/// };
/// assert!(hint.says_something());
/// assert!(!Hint::of(Dimension::Tokens).says_something());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// What is limited.
    pub dimension: Dimension,
    /// How much the limit holds when nothing of it is used.
    pub limit: Option<u64>,
    /// How much of it was left.
    pub remaining: Option<u64>,
    /// When there will be more, from the answer on.
    pub reset: Option<Reset>,
    /// Per how long the limit is, where that is known.
    pub window: Option<Span>,
}

/// What a reset tells the time of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// All of the limit is there again: a bucket is full.
    Full(Span),
    /// Some more of it is there.
    More(Span),
    /// A window ends, and with it everything that was used in it is forgotten.
    WindowEnd(Span),
}

impl Reset {
    /// How long it takes, from the answer on.
    pub const fn span(self) -> Span {
        match self {
            Self::Full(span) | Self::More(span) | Self::WindowEnd(span) => span,
        }
    }
}

impl Hint {
    /// Nothing is known yet of the limit on `dimension`.
    pub const fn of(dimension: Dimension) -> Self {
        Self { dimension, limit: None, remaining: None, reset: None, window: None }
    }

    /// Whether it tells anything.
    pub const fn says_something(&self) -> bool {
        self.limit.is_some() || self.remaining.is_some() || self.reset.is_some()
    }
}
