//! When a call is made again that did not succeed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::policy::{PolicyError, PolicyFault, Share};
use crate::{Backoff, Span};

/// How often a call is made, and how long after each try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How often a call is made at most, the first time included: 1 to 100.
    pub attempts: u32,
    /// How long before each next one: 1ms to 1h each, the longest no shorter than the first.
    pub backoff: Backoff,
    /// What chance does to that.
    pub jitter: Jitter,
    /// How many retries and hedges there may be for each first try, beside ten to begin with, so that a
    /// quiet service has any.
    pub budget: Share,
}

/// What chance does to a delay, so that callers who failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Anything from nothing to the whole delay.
    Full,
    /// Half of the delay, and anything up to the other half.
    Equal,
    /// Anything from the base to three times the delay before.
    Decorrelated,
    /// The delay, more or less this part of it.
    Around(Share),
}

impl RetryPolicy {
    /// The most tries for one call.
    pub const ATTEMPTS_MAX: u32 = 100;
    /// The shortest base of the back-off.
    pub const DELAY_MIN: Span = Span::from_millis(1);
    /// The longest delay.
    pub const DELAY_MAX: Span = Span::from_secs(60 * 60);

    /// What is outside its range.
    ///
    /// ```
    /// use tidegate_units::{Backoff, RetryPolicy, Span};
    ///
    /// let backoff = Backoff { base: Span::from_secs(60), max: Span::from_secs(30) };
    /// let policy = RetryPolicy { backoff, ..RetryPolicy::default() };
    /// assert_eq!(
    ///     policy.faults()[0].error.to_string(),
    ///     "a max of 30s below a base of 1m: use 1m to 1h, or a shorter base"
    /// );
    /// assert!(RetryPolicy::default().faults().is_empty());
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let Backoff { base, max } = self.backoff;
        let is_delay = |delay| (Self::DELAY_MIN..=Self::DELAY_MAX).contains(&delay);
        let mut faults = Vec::new();
        if !(1..=Self::ATTEMPTS_MAX).contains(&self.attempts) {
            faults.push(PolicyError::Attempts { text: self.attempts.to_string() }.at("attempts"));
        }
        if !is_delay(base) {
            faults.push(PolicyError::Base { base }.at("base"));
        }
        if !is_delay(max) {
            faults.push(PolicyError::Max { max }.at("max"));
        }
        if is_delay(base) && is_delay(max) && max < base {
            faults.push(PolicyError::MaxBelowBase { max, base }.at("max"));
        }
        faults
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.pad("full"),
            Self::Equal => f.pad("equal"),
            Self::Decorrelated => f.pad("decorrelated"),
            Self::Around(share) => f.pad(&format!("± {share}")),
        }
    }
}

/// Text that is no jitter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no jitter: use full, equal, decorrelated, or the part of the delay that it may vary by, such as `0.25`"
)]
pub struct InvalidJitter {
    text: String,
}

impl FromStr for Jitter {
    type Err = InvalidJitter;

    /// Reads `full`, `equal`, `decorrelated`, or the share around a delay.
    fn from_str(text: &str) -> Result<Self, InvalidJitter> {
        match text {
            "full" => Ok(Self::Full),
            "equal" => Ok(Self::Equal),
            "decorrelated" => Ok(Self::Decorrelated),
            _ => {
                let invalid = |_| InvalidJitter { text: text.chars().take(40).collect() };
                text.parse().map(Self::Around).map_err(invalid)
            }
        }
    }
}

impl Default for RetryPolicy {
    /// Five tries, after one second, two, four, eight, more or less a quarter; one retry for every
    /// five first tries.
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Backoff { base: Span::from_secs(1), max: Span::from_secs(30) },
            jitter: Jitter::Around(Share::per_mille(250)),
            budget: Share::per_mille(200),
        }
    }
}
