//! When a call is made again that did not succeed.

use serde::{Deserialize, Serialize};

use crate::policy::Share;
use crate::{Backoff, Span};

/// How often a call is made, and how long after each try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How often a call is made at most, the first time included: 1 to 100.
    pub attempts: u32,
    /// How long before each next one.
    pub backoff: Backoff,
    /// What chance does to that.
    pub jitter: Jitter,
    /// How many retries and hedges there may be for each first try.
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
