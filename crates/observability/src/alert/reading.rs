//! One level, and from where on it is a warning.

use tidegate_units::ServiceName;

use crate::status::AlertKind;

/// A level that is at least near its threshold. What is clearly below has no reading.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// What is read: the same from sample to sample.
    pub(crate) id: String,
    pub(crate) kind: AlertKind,
    pub(crate) service: Option<ServiceName>,
    /// How much it is.
    pub(crate) level: f64,
    /// When it is a warning.
    pub(crate) warning: Step,
    /// When it is critical, if it can be.
    pub(crate) critical: Option<Step>,
    /// Whether it is about one of many parts of a service, which may not crowd out the rest.
    pub(crate) of_part: bool,
    /// What is the matter, as a sentence.
    pub(crate) text: String,
}

/// A level that must be reached, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) level: f64,
    pub(crate) hold_ms: u64,
}

/// Below which level something is clearly below a threshold: a tenth of the whole below it, or half of it.
pub(crate) fn clear_of(threshold: f64) -> f64 {
    // A hair lower, so that a level that is exactly there is not clear for want of a last bit.
    (threshold - 0.1).max(threshold / 2.0) - 1e-9
}
