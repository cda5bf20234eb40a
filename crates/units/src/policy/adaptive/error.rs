//! Why a policy for a pace that is learned is none.

use std::fmt;

use super::{AdaptivePolicy, RateOf};
use crate::policy::share::spelled;
use crate::{Dimension, Share};

/// A field of a policy that holds rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateField {
    /// The slowest pace.
    Min,
    /// The fastest pace.
    Max,
    /// The first pace.
    Start,
}

impl RateField {
    /// As it is called in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Start => "start",
        }
    }
}

impl fmt::Display for RateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is wrong with an [`AdaptivePolicy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdaptiveError {
    /// Nothing is paced, or too much.
    #[error("{count} dimensions: pace 1 to {}", AdaptivePolicy::DIMENSIONS_MAX)]
    Dimensions {
        /// How many there are.
        count: usize,
    },
    /// Slots have no rate.
    #[error("slots are held, not spent: they have no pace, use `concurrency`")]
    Slots,
    /// One dimension, paced twice.
    #[error("{dimension} twice: name each dimension once")]
    DimensionTwice {
        /// The dimension.
        dimension: Dimension,
    },
    /// A bound for something that has no pace.
    #[error(
        "a rate of {dimension}, which is not paced: add `{dimension}` to `dimensions`, or remove it"
    )]
    NotPaced {
        /// The dimension.
        dimension: Dimension,
    },
    /// Two bounds of one kind for one dimension.
    #[error("{field} states two rates of {dimension}: remove one")]
    RateTwice {
        /// The field.
        field: RateField,
        /// The dimension.
        dimension: Dimension,
    },
    /// Bounds that leave nothing between them.
    #[error("a {low} of {lower} above a {high} of {upper}: use a {low} of at most the {high}")]
    Order {
        /// What should be the lower.
        low: RateField,
        /// What it is.
        lower: RateOf,
        /// What should be the higher.
        high: RateField,
        /// What it is.
        upper: RateOf,
    },
    /// A refusal that stops everything, or changes nothing.
    #[error("a decrease to {}: use 0.001 to 0.999, what a refusal leaves of the pace",
        spelled(u32::from(.decrease.as_per_mille())))]
    Decrease {
        /// What would be left.
        decrease: Share,
    },
    /// A pace that could only fall.
    #[error("an increase of 0: use 0.001 to 1 of the first pace, or the controller `fixed`")]
    Increase,
}
