//! What a run that did not succeed has to say.

use tidegate_units::{Outcome, Span};

use crate::AcquireError;

/// Why there is no value: the call was never made, or it failed for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// There was no permit for a first attempt: nothing was called.
    #[error(transparent)]
    Refused(#[from] AcquireError),
    /// The call was made and did not go well.
    #[error("{error}; made {}, and not again: {stopped_by}", times(*attempts))]
    Failed {
        /// What the last attempt answered.
        error: E,
        /// How often the call was made, hedges included.
        attempts: u32,
        /// Why it was not made once more.
        stopped_by: WhyNoMore,
    },
}

impl<E> RunError<E> {
    /// What the last attempt answered, if there was one.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Refused(_) => None,
            Self::Failed { error, .. } => Some(error),
        }
    }

    /// Why there was no permit, for the first attempt or for the next.
    pub fn refusal(&self) -> Option<&AcquireError> {
        match self {
            Self::Refused(refused)
            | Self::Failed { stopped_by: WhyNoMore::Refused(refused), .. } => Some(refused),
            Self::Failed { .. } => None,
        }
    }
}

/// Why a call that failed was not made once more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyNoMore {
    /// It may have been done in part, and nobody has said that twice does no more than once.
    #[error("it may have been done in part: say `idempotent()` if twice does no more than once")]
    NotIdempotent,
    /// It ended in a way that another attempt does not mend.
    #[error("a call that ended as `{outcome}` is not tried again")]
    NotRetryable {
        /// How it ended.
        outcome: Outcome,
    },
    /// It was made as often as the service's retry policy allows.
    #[error("at most {max} attempts are allowed by `retry.attempts`")]
    AttemptsUsedUp {
        /// How often that is.
        max: u32,
    },
    /// It would back off beyond its deadline.
    #[error("the next attempt would be in {delay}, and the deadline is in {left}")]
    DeadlineTooClose {
        /// How long it would back off.
        delay: Span,
        /// How long it may still wait.
        left: Span,
    },
    /// Retries and hedges are as large a part of the service's calls as `retry.budget` allows.
    #[error(
        "too many calls to the service are retries already: raise `retry.budget` or find out why they fail"
    )]
    BudgetEmpty,
    /// There was no permit for the next attempt.
    #[error("no permit for the next attempt: {0}")]
    Refused(AcquireError),
}

/// How often, in words.
fn times(attempts: u32) -> String {
    match attempts {
        1 => "once".to_owned(),
        attempts => format!("{attempts} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_run_says_what_failed_and_why_it_was_left_at_that() {
        let service = "anthropic".parse().expect("a name");
        let stopped = AcquireError::Stopped { service };
        let reasons = [
            WhyNoMore::NotIdempotent,
            WhyNoMore::NotRetryable { outcome: Outcome::QuotaExhausted },
            WhyNoMore::AttemptsUsedUp { max: 5 },
            WhyNoMore::DeadlineTooClose { delay: Span::from_secs(4), left: Span::from_millis(300) },
            WhyNoMore::BudgetEmpty,
            WhyNoMore::Refused(stopped.clone()),
        ];
        let failed = (1..).zip(reasons).map(|(attempts, stopped_by)| {
            let error = "connection reset";
            RunError::Failed { error, attempts, stopped_by }
        });
        let mut lines = vec![RunError::<&str>::Refused(stopped).to_string()];
        lines.extend(failed.map(|error| error.to_string()));
        insta::assert_snapshot!(lines.join("\n"), @"
        tidegate was stopped: nothing passes to `anthropic` any more (E4431)
        connection reset; made once, and not again: it may have been done in part: say `idempotent()` if twice does no more than once
        connection reset; made 2 times, and not again: a call that ended as `quota_exhausted` is not tried again
        connection reset; made 3 times, and not again: at most 5 attempts are allowed by `retry.attempts`
        connection reset; made 4 times, and not again: the next attempt would be in 4s, and the deadline is in 300ms
        connection reset; made 5 times, and not again: too many calls to the service are retries already: raise `retry.budget` or find out why they fail
        connection reset; made 6 times, and not again: no permit for the next attempt: tidegate was stopped: nothing passes to `anthropic` any more (E4431)
        ");
    }
}
