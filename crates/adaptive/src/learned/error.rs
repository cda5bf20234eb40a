//! Why a text is not what was learned: the value, the accepted range, and what to do.

use tidegate_units::{AdaptivePolicy, Dimension, Span};

use super::{CAPACITY_MAX, TEXT_MAX, VERSION, WINDOW_MAX, WINDOW_MIN};

/// Why a text is not what was learned. Nothing of it counts then.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnedError {
    /// It is too long to be what was saved.
    #[error("a text of {bytes} bytes: use at most {TEXT_MAX}; is it the right file?")]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
    /// It does not have the form.
    #[error("this is not what was learned: {message}; remove it to learn anew")]
    Form {
        /// Where, and what is missing.
        message: String,
    },
    /// It was written in a form that is not known here.
    #[error("version {version} of what was learned: only {VERSION} can be read; learn anew")]
    Version {
        /// The version as written.
        version: u32,
    },
    /// More than can be paced.
    #[error("{count} paces: use at most {}, one per dimension", AdaptivePolicy::DIMENSIONS_MAX)]
    Paces {
        /// How many there are.
        count: usize,
    },
    /// One dimension, twice, or one that has no pace.
    #[error("a pace of {dimension} that cannot be: use each dimension once, and no slots")]
    Dimension {
        /// The dimension.
        dimension: Dimension,
    },
    /// A capacity that no service has.
    #[error("{per_second:?} {dimension} per second: use more than 0, at most {CAPACITY_MAX}")]
    Capacity {
        /// The dimension.
        dimension: Dimension,
        /// The capacity as written.
        per_second: f64,
    },
    /// More than certain, or less than nothing.
    #[error("a confidence of {confidence}: use 0 to 1")]
    Confidence {
        /// The confidence as written.
        confidence: f64,
    },
    /// A window that is too short or too long.
    #[error("a window of {length}: use {WINDOW_MIN} to {WINDOW_MAX}")]
    Window {
        /// The length as written.
        length: Span,
    },
    /// A phase outside its window.
    #[error("a phase of {phase} in a window of {length}: use less than the window")]
    Phase {
        /// The phase as written.
        phase: Span,
        /// The length of the window.
        length: Span,
    },
}
