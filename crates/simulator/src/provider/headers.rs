//! What the service says of its limits, and how it behaves beside them.

use serde::{Deserialize, Serialize};
use tidegate_units::Instant;

/// What a response tells of the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderStyle {
    /// Nothing.
    #[default]
    None,
    /// How long to wait, on refusals.
    RetryAfter,
    /// Limit, remaining and reset on every response, and how long to wait on refusals.
    Full,
}

/// How the service behaves, apart from its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    headers: HeaderStyle,
    penalty: bool,
    streamed: f64,
    overload: f64,
    lost: f64,
}

/// A share outside 0 to 1 is taken to the nearest end, NaN to 0.
fn share(value: f64) -> f64 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

impl Behaviour {
    /// No penalty; shares outside 0 to 1 are taken to the nearest end, NaN to 0.
    pub fn new(headers: HeaderStyle, streamed: f64, overload: f64) -> Self {
        let (streamed, overload) = (share(streamed), share(overload));
        Self { headers, penalty: false, streamed, overload, lost: 0.0 }
    }

    /// The same, where this share of the responses arrives without headers: 0 to 1.
    pub fn losing(self, lost: f64) -> Self {
        Self { lost: share(lost), ..self }
    }

    /// The same, telling as much as `headers` says.
    pub fn telling(self, headers: HeaderStyle) -> Self {
        Self { headers, ..self }
    }

    /// The same, where a refused request takes the fraction of a permit that was there, or not.
    /// Only buckets of requests have fractions.
    pub fn burning_fractions(self, penalty: bool) -> Self {
        Self { penalty, ..self }
    }

    /// What responses tell of the limits.
    pub fn headers(&self) -> HeaderStyle {
        self.headers
    }

    /// Whether a refused request takes the fraction of a permit that was there.
    pub fn penalty(&self) -> bool {
        self.penalty
    }

    /// The share of responses whose headers arrive with the first token: 0 to 1.
    pub fn streamed(&self) -> f64 {
        self.streamed
    }

    /// The share of responses that arrive without headers: 0 to 1.
    pub fn lost(&self) -> f64 {
        self.lost
    }

    /// The share of requests turned away for overload: 0 to 1.
    pub fn overload(&self) -> f64 {
        self.overload
    }
}

impl Default for Behaviour {
    /// Says nothing, streams half of the responses, is never overloaded.
    fn default() -> Self {
        Self::new(HeaderStyle::None, 0.5, 0.0)
    }
}

/// What the headers say of each limit that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// Of the limit on requests.
    pub requests: Option<LimitHeader>,
    /// Of the limit on tokens.
    pub tokens: Option<LimitHeader>,
}

/// What the headers say of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitHeader {
    /// The amount per stated window.
    pub limit: u64,
    /// What would pass now, rounded down; 0 in debt.
    pub remaining: u64,
    /// On the service's clock: when a bucket is full again, or a window ends.
    pub reset_at: Instant,
}
