//! How a call ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a call ended, as far as its limits are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The service did the work.
    Ok,
    /// The service refused because a rate limit was reached (HTTP 429).
    RateLimited,
    /// The service refused because it has too much to do (HTTP 503, 529); no limit of ours.
    Overloaded,
    /// A quota is used up until it is renewed or paid for.
    QuotaExhausted,
    /// Somebody else holds what the call needs: a lock, a database, a file.
    Contention,
    /// The call failed for a reason that has nothing to do with limits.
    Failed,
    /// The caller gave up, or dropped the permit without saying.
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::RateLimited,
        Self::Overloaded,
        Self::QuotaExhausted,
        Self::Contention,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name used in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Contention => "contention",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Its place in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::RateLimited => 1,
            Self::Overloaded => 2,
            Self::QuotaExhausted => 3,
            Self::Contention => 4,
            Self::Failed => 5,
            Self::Cancelled => 6,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_the_place_in_the_list() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), place);
        }
    }
}
