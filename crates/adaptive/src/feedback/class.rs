//! What an answer means for whoever wants to call again.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_units::Outcome;

/// What kind of answer it was, as far as limits go. The status alone does not say it: a limit can be
/// a 200, a 400 or a 403, and a 429 can be a lock or an unpaid bill.
///
/// ```
/// use tidegate_adaptive::feedback::Class;
///
/// assert_eq!(Class::RateLimited.name(), "rate_limited");
/// assert!(Class::RateLimited.waits() && Class::Overloaded.waits());
/// assert!(!Class::QuotaExhausted.waits(), "nothing is gained by trying again");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The service did the work.
    Ok,
    /// A rate was exceeded: wait, and try again more slowly.
    RateLimited,
    /// The service has too much to do, or failed: back off, and learn nothing about the limit.
    Overloaded,
    /// A quota or a budget is used up: stop until it is renewed or paid for.
    QuotaExhausted,
    /// Somebody else holds what the call needs.
    Contention,
    /// It failed for a reason that waiting does not cure.
    NotLimit,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::RateLimited,
        Self::Overloaded,
        Self::QuotaExhausted,
        Self::Contention,
        Self::NotLimit,
    ];

    /// The name in JSON and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Contention => "contention",
            Self::NotLimit => "not_limit",
        }
    }

    /// Whether it makes sense to wait as long as the service asks, and to call again.
    pub const fn waits(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::Contention)
    }

    /// How a call ended that was answered so.
    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Ok => Outcome::Ok,
            Self::RateLimited => Outcome::RateLimited,
            Self::Overloaded => Outcome::Overloaded,
            Self::QuotaExhausted => Outcome::QuotaExhausted,
            Self::Contention => Outcome::Contention,
            Self::NotLimit => Outcome::Failed,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
