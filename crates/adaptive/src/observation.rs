//! What a caller says about one finished call.

use serde::{Deserialize, Serialize};
use tidegate_units::{Cost, Outcome, Span};

use crate::Hint;

/// How a call ended.
///
/// ```
/// use tidegate_adaptive::Observation;
/// use tidegate_units::{Cost, Outcome, Span};
///
/// let done = Observation::ok().actual(Cost::request().input_tokens(900).output_tokens(120));
/// assert_eq!(done.outcome, Outcome::Ok);
///
/// let refused = Observation::from_status(429).retry_after(Span::from_secs(3));
/// assert_eq!(refused.outcome, Outcome::RateLimited);
/// assert_eq!(Observation::from_status(529).outcome, Outcome::Overloaded);
/// assert_eq!(Observation::from_status(404).outcome, Outcome::Failed);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// How it ended.
    pub outcome: Outcome,
    /// What it really cost, where that is known; otherwise the estimate stands.
    pub actual: Option<Cost>,
    /// How long the service asked to be left alone.
    pub retry_after: Option<Span>,
    /// What it said about its limits.
    pub hints: Box<[Hint]>,
}

impl Observation {
    /// A call that ended as `outcome`, at its estimated cost.
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, actual: None, retry_after: None, hints: Box::default() }
    }

    /// The service did the work.
    pub fn ok() -> Self {
        Self::new(Outcome::Ok)
    }

    /// What an HTTP status says on its own: 2xx and 3xx are ok, 429 is rate-limited, 503 and 529 are
    /// overloaded, everything else has failed.
    pub fn from_status(status: u16) -> Self {
        Self::new(match status {
            200..=399 => Outcome::Ok,
            429 => Outcome::RateLimited,
            503 | 529 => Outcome::Overloaded,
            _ => Outcome::Failed,
        })
    }

    /// The same with what the call really cost.
    pub fn actual(mut self, cost: Cost) -> Self {
        self.actual = Some(cost);
        self
    }

    /// The same with how long the service asked to be left alone.
    pub fn retry_after(mut self, span: Span) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// The same with what the service said about its limits.
    pub fn hints(mut self, hints: impl Into<Box<[Hint]>>) -> Self {
        self.hints = hints.into();
        self
    }
}
