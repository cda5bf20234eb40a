//! How fast calls are sent where that is learned from what a service answers.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Dimension;
use crate::policy::{PolicyError, PolicyFault, Share};

pub mod bounds;
pub mod error;
pub mod increase;
pub mod rate;

pub use bounds::Bounds;
pub use error::{AdaptiveError, RateField};
pub use increase::{Increase, InvalidIncrease};
pub use rate::{InvalidRate, RateOf};

/// How the pace of a service is found, and between which rates.
///
/// | field | means | range |
/// |---|---|---|
/// | controller | what sets the pace | `tidegate`, `aimd` or `fixed` |
/// | dimensions | what is paced | 1 to 4, each once, no slots |
/// | min, start, max | the slowest pace, the first, the fastest | one rate per paced dimension, in this order |
/// | decrease | what a refusal leaves of the pace (`aimd`) | 0.001 to 0.999 |
/// | increase | what is added while calls succeed (`aimd`) | 0.001 to 1 of the first pace |
///
/// ```
/// use tidegate_units::{AdaptivePolicy, Dimension};
///
/// let policy = AdaptivePolicy {
///     min: vec!["2 requests per minute".parse()?],
///     ..AdaptivePolicy::default()
/// };
/// assert!(policy.faults().is_empty());
/// let bounds = policy.bounds(Dimension::Requests);
/// assert!(bounds.min <= bounds.start && bounds.start <= bounds.max);
/// # Ok::<(), tidegate_units::policy::adaptive::InvalidRate>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdaptivePolicy {
    /// What sets the pace.
    pub controller: ControllerKind,
    /// What is paced; all of them bind at once.
    pub dimensions: Vec<Dimension>,
    /// The slowest pace in each dimension; a sixtieth of the first where nothing is said.
    pub min: Vec<RateOf>,
    /// The fastest pace in each dimension; any where nothing is said.
    pub max: Vec<RateOf>,
    /// The pace before anything is known; see [`AdaptivePolicy::bounds`] where nothing is said.
    pub start: Vec<RateOf>,
    /// What a refusal leaves of the pace, where the controller is [`ControllerKind::Aimd`].
    pub decrease: Share,
    /// What is added to the pace while calls succeed, where the controller is
    /// [`ControllerKind::Aimd`].
    pub increase: Increase,
}

/// What sets the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControllerKind {
    /// Measures what the service lets through, and believes what it says of its limits.
    #[default]
    Tidegate,
    /// Additive increase while calls succeed, multiplicative decrease when one is refused.
    Aimd,
    /// The first pace, for good.
    Fixed,
}

impl ControllerKind {
    /// Every kind, in the order in which messages list them.
    pub const ALL: [Self; 3] = [Self::Tidegate, Self::Aimd, Self::Fixed];

    /// The name used in configuration, metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::Aimd => "aimd",
            Self::Fixed => "fixed",
        }
    }
}

impl fmt::Display for ControllerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that is no controller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no controller: use tidegate, aimd or fixed")]
pub struct InvalidController {
    text: String,
}

impl FromStr for ControllerKind {
    type Err = InvalidController;

    fn from_str(text: &str) -> Result<Self, InvalidController> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| InvalidController { text: text.chars().take(40).collect() })
    }
}

impl AdaptivePolicy {
    /// The most dimensions that are paced at once. A call is held to each of them.
    pub const DIMENSIONS_MAX: usize = 4;

    /// What is outside its range.
    ///
    /// ```
    /// use tidegate_units::{AdaptivePolicy, Share};
    ///
    /// let policy = AdaptivePolicy { decrease: Share::ALL, ..AdaptivePolicy::default() };
    /// assert_eq!(
    ///     policy.faults()[0].error.to_string(),
    ///     "a decrease to 1: use 0.001 to 0.999, what a refusal leaves of the pace"
    /// );
    /// assert!(AdaptivePolicy::default().faults().is_empty());
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let mut faults = Vec::new();
        self.check_dimensions(&mut faults);
        for field in [RateField::Min, RateField::Max, RateField::Start] {
            self.check_rates(field, &mut faults);
        }
        let paced: BTreeSet<Dimension> = self.dimensions.iter().copied().collect();
        for dimension in paced {
            self.check_order(dimension, &mut faults);
        }
        if !(1..Share::ALL.as_per_mille()).contains(&self.decrease.as_per_mille()) {
            faults.push(at("decrease", AdaptiveError::Decrease { decrease: self.decrease }));
        }
        if self.increase.share() == Share::NONE {
            faults.push(at("increase", AdaptiveError::Increase));
        }
        faults
    }

    /// The rate that is stated for `dimension` as `field`.
    pub fn stated(&self, field: RateField, dimension: Dimension) -> Option<RateOf> {
        self.rates(field).iter().find(|rate| rate.dimension() == dimension).copied()
    }

    fn rates(&self, field: RateField) -> &[RateOf] {
        match field {
            RateField::Min => &self.min,
            RateField::Max => &self.max,
            RateField::Start => &self.start,
        }
    }

    fn check_dimensions(&self, faults: &mut Vec<PolicyFault>) {
        let count = self.dimensions.len();
        if !(1..=Self::DIMENSIONS_MAX).contains(&count) {
            faults.push(at("dimensions", AdaptiveError::Dimensions { count }));
        }
        for (index, dimension) in self.dimensions.iter().copied().enumerate() {
            if dimension == Dimension::Slots {
                faults.push(at("dimensions", AdaptiveError::Slots));
            }
            if self.dimensions[..index].contains(&dimension) {
                faults.push(at("dimensions", AdaptiveError::DimensionTwice { dimension }));
            }
        }
    }

    fn check_rates(&self, field: RateField, faults: &mut Vec<PolicyFault>) {
        let rates = self.rates(field);
        for (index, rate) in rates.iter().enumerate() {
            let dimension = rate.dimension();
            if !self.dimensions.contains(&dimension) {
                faults.push(at(field.name(), AdaptiveError::NotPaced { dimension }));
            }
            if rates[..index].iter().any(|other| other.dimension() == dimension) {
                faults.push(at(field.name(), AdaptiveError::RateTwice { field, dimension }));
            }
        }
    }

    fn check_order(&self, dimension: Dimension, faults: &mut Vec<PolicyFault>) {
        use RateField::{Max, Min, Start};
        for (low, high) in [(Min, Max), (Min, Start), (Start, Max)] {
            let (lower, upper) = (self.stated(low, dimension), self.stated(high, dimension));
            let (Some(lower), Some(upper)) = (lower, upper) else { continue };
            if lower.is_above(&upper) {
                // The start is what is easiest to change; else the slowest.
                let key = if high == Start { Start } else { low };
                faults.push(at(key.name(), AdaptiveError::Order { low, lower, high, upper }));
            }
        }
    }
}

fn at(key: &'static str, error: AdaptiveError) -> PolicyFault {
    PolicyError::Adaptive(error).at(key)
}

impl Default for AdaptivePolicy {
    /// Learns the rate of requests, from one a second on.
    fn default() -> Self {
        Self {
            controller: ControllerKind::Tidegate,
            dimensions: vec![Dimension::Requests],
            min: Vec::new(),
            max: Vec::new(),
            start: Vec::new(),
            decrease: Share::per_mille(900),
            increase: Increase::PerSecond(Share::per_mille(10)),
        }
    }
}

#[cfg(test)]
mod tests;
