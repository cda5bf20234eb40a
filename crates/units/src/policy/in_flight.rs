//! How many calls may be under way where that is learned from how long they take.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::policy::{Concurrency, PolicyError, PolicyFault, Share};

/// How the number of slots of a service is found that has no rate but a capacity: a database, a model
/// on this machine.
///
/// ```
/// use tidegate_units::InFlightPolicy;
///
/// assert!(InFlightPolicy::default().faults().is_empty());
/// let policy = InFlightPolicy { min: 8, max: 4, ..InFlightPolicy::default() };
/// assert_eq!(
///     policy.faults()[0].error.to_string(),
///     "a min of 8 slots above a max of 4: use 1 to the max, at most 10000"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InFlightPolicy {
    /// What changes the number.
    pub algorithm: InFlightAlgorithm,
    /// The fewest slots: 1 to the most.
    pub min: u32,
    /// The most slots: up to 10000.
    pub max: u32,
    /// How much longer than usual calls may take before there are too many of them: 0 to 1 of what is
    /// usual. For [`InFlightAlgorithm::Gradient`].
    pub tolerance: Share,
}

/// What changes the number of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InFlightAlgorithm {
    /// Compares how long calls take with how long they usually take.
    #[default]
    Gradient,
    /// One more while calls succeed, a tenth less when one is refused.
    Aimd,
}

impl InFlightAlgorithm {
    /// Every algorithm, in the order in which messages list them.
    pub const ALL: [Self; 2] = [Self::Gradient, Self::Aimd];

    /// The name used in configuration, metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::Aimd => "aimd",
        }
    }
}

impl fmt::Display for InFlightAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names no way to find a number of slots.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no way to learn slots: use gradient or aimd")]
pub struct InvalidInFlight {
    text: String,
}

impl FromStr for InFlightAlgorithm {
    type Err = InvalidInFlight;

    fn from_str(text: &str) -> Result<Self, InvalidInFlight> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| InvalidInFlight { text: text.chars().take(40).collect() })
    }
}

impl InFlightPolicy {
    /// The most slots where nothing is said: few services bear more calls of one program.
    pub const MAX_UNSTATED: u32 = 200;

    /// What is outside its range.
    pub fn faults(&self) -> Vec<PolicyFault> {
        let Self { min, max, .. } = *self;
        let mut faults = Vec::new();
        if !(1..=Concurrency::SLOTS_MAX).contains(&max) {
            faults.push(PolicyError::Slots { text: max.to_string() }.at("max"));
        }
        if min == 0 {
            faults.push(PolicyError::Slots { text: min.to_string() }.at("min"));
        } else if min > max {
            faults.push(PolicyError::MinSlots { min, max }.at("min"));
        }
        faults
    }
}

impl InFlightPolicy {
    /// What is wrong with beginning with so many slots, where they are right by themselves.
    pub fn fault_of_start(&self, slots: u32) -> Option<PolicyFault> {
        let Self { min, max, .. } = *self;
        let is_right = (min..=max).contains(&slots) || !self.faults().is_empty();
        (!is_right).then(|| PolicyError::StartSlots { slots, min, max }.at("slots"))
    }
}

impl Default for InFlightPolicy {
    /// 1 to 200 slots, by how long calls take; half as long again is still usual.
    fn default() -> Self {
        Self {
            algorithm: InFlightAlgorithm::Gradient,
            min: 1,
            max: Self::MAX_UNSTATED,
            tolerance: Share::per_mille(500),
        }
    }
}
