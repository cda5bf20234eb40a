//! Waiting longer after each failure.

use serde::{Deserialize, Serialize};

use crate::Span;

/// Exponential back-off: `base · 2^n`, at most `max`, before attempt `n + 1`.
///
/// ```
/// use tidegate_units::{Backoff, Span};
///
/// let backoff = Backoff { base: Span::from_millis(100), max: Span::from_secs(1) };
/// assert_eq!(backoff.delay(0), Span::from_millis(100));
/// assert_eq!(backoff.delay(2), Span::from_millis(400));
/// assert_eq!(backoff.delay(200), Span::from_secs(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The first delay.
    pub base: Span,
    /// The longest delay.
    pub max: Span,
}

impl Backoff {
    /// The delay after `failures` failures in a row before this one.
    pub fn delay(&self, failures: u32) -> Span {
        let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
        (self.base * factor).min(self.max)
    }
}
