//! One attempt at a call: what the call is told, and what it answers.

use std::time::Duration;

use tidegate_adaptive::Observation;
use tidegate_units::Outcome;

/// What a call is told that is made by [`PermitRequest::run`](crate::PermitRequest::run). Its permit
/// has been granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub(crate) number: u32,
    pub(crate) hedge: bool,
    pub(crate) left: Duration,
}

impl Attempt {
    /// The how-manyth time the call is made, from 1; hedges count.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether an attempt before it has failed.
    pub fn is_retry(&self) -> bool {
        self.number > 1 && !self.hedge
    }

    /// Whether an attempt before it is still under way.
    pub fn is_hedge(&self) -> bool {
        self.hedge
    }

    /// How long until the deadline of the whole. No attempt begins after it, and none is cut off by
    /// it: a call that must end in time is to be told so with this.
    pub fn left(&self) -> Duration {
        self.left
    }
}

/// What came of one attempt: a value or an error for the caller, and an [`Observation`] for the limits.
///
/// A plain [`Result`] becomes one by itself: an error is then [`Outcome::Failed`], which is tried again
/// only if the request is [`idempotent`](crate::PermitRequest::idempotent). Whoever can tell more says
/// more:
///
/// ```
/// use tidegate::{Called, Cost, Observation, Span};
///
/// fn read(status: u16, body: &str) -> Called<String, String> {
///     match status {
///         200 => {
///             let used = Cost::request().input_tokens(700).output_tokens(150);
///             Called::ok(body.to_owned(), Observation::ok().actual(used))
///         }
///         // Refused: too many requests. Nothing was done, so it may be tried again.
///         429 => {
///             let observation = Observation::from_status(429).retry_after(Span::from_secs(3));
///             Called::failed(format!("status {status}"), observation)
///         }
///         _ => Err(format!("status {status}")).into(),
///     }
/// }
/// # read(200, ""); read(429, ""); read(404, "");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it is what a call that is run returns"]
pub struct Called<T, E> {
    pub(crate) result: Result<T, E>,
    pub(crate) observation: Observation,
}

impl<T, E> Called<T, E> {
    /// The call went well.
    pub fn ok(value: T, observation: Observation) -> Self {
        Self { result: Ok(value), observation }
    }

    /// The call did not go well. Whether it is made again depends on the outcome that was observed.
    pub fn failed(error: E, observation: Observation) -> Self {
        Self { result: Err(error), observation }
    }
}

impl<T, E> From<Result<T, E>> for Called<T, E> {
    fn from(result: Result<T, E>) -> Self {
        let outcome = if result.is_ok() { Outcome::Ok } else { Outcome::Failed };
        Self { result, observation: Observation::new(outcome) }
    }
}
