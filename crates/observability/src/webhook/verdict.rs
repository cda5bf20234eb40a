//! Whether a warning is posted again, and when.
//!
//! A server that says it was the caller's fault (4xx) says the same again, but for 408 (timed out) and 429 (too
//! many), which pass. So do 5xx and what never became an answer. Delays double from one attempt to the next,
//! and each is half to all of that at random, so that programs that failed together do not come back together
//! ("equal jitter"; Brooker, "Exponential Backoff and Jitter", 2015). A server that says when to come back
//! (`Retry-After`, RFC 9110, 10.2.3) is taken at its word, in seconds.
//!
//! A redirection is an answer like any other, and not the wanted one: what follows it would turn the post into
//! a read, or carry it to somebody who was not meant.

use tidegate_units::{Span, WebhookPolicy};

/// The longest delay.
const DELAY_MAX: Span = Span::from_secs(60);
/// A warning that is older is no news.
const AGE_MAX: Span = Span::from_secs(15 * 60);

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// An HTTP status, and when to come back, if it was said.
    Status { status: u16, retry_after: Option<Span> },
    /// None: no connection, no answer in time, or nonsense.
    None,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Sent,
    GivenUp,
    Again { after: Span },
}

/// How often and how long something is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) attempts: u32,
    pub(super) base: Span,
}

impl Patience {
    /// As a policy says, beginning with a second.
    pub(super) fn of(policy: &WebhookPolicy) -> Self {
        Self { attempts: policy.attempts, base: Span::from_secs(1) }
    }

    /// What is done after an attempt, the first of which is 1, with a warning of this age; `chance` is 0 to 1.
    pub(super) fn after(self, answer: Answer, attempt: u32, age: Span, chance: f64) -> Verdict {
        let retry_after = match answer {
            Answer::Status { status: 200..=299, .. } => return Verdict::Sent,
            Answer::Status { status: 408 | 429 | 500.., retry_after } => retry_after,
            Answer::Status { .. } => return Verdict::GivenUp,
            Answer::None => None,
        };
        let after = retry_after.unwrap_or_else(|| self.delay(attempt, chance));
        if attempt >= self.attempts || age + after > AGE_MAX {
            return Verdict::GivenUp;
        }
        Verdict::Again { after }
    }

    fn delay(self, attempt: u32, chance: f64) -> Span {
        let doubled = 1_u64 << attempt.saturating_sub(1).min(16);
        let most = Span::from_nanos(self.base.as_nanos().saturating_mul(doubled)).min(DELAY_MAX);
        let half = most.div(2);
        half + Span::from_secs_f64(half.as_secs_f64() * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { attempts: 4, base: Span::from_secs(1) };

    fn status(status: u16) -> Answer {
        Answer::Status { status, retry_after: None }
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        let verdict = |answer| PATIENCE.after(answer, 1, Span::ZERO, 1.0);
        for taken in [200, 202, 204, 299] {
            assert_eq!(verdict(status(taken)), Verdict::Sent, "{taken}");
        }
        for refused in [100, 199, 301, 302, 307, 308, 400, 401, 403, 404, 410, 413, 422] {
            assert_eq!(verdict(status(refused)), Verdict::GivenUp, "{refused}");
        }
        let again = Verdict::Again { after: Span::from_secs(1) };
        for passes in [408, 429, 500, 502, 503, 504, 599] {
            assert_eq!(verdict(status(passes)), again, "{passes}");
        }
        assert_eq!(verdict(Answer::None), again);
    }

    #[test]
    fn delays_double_up_to_a_minute_and_are_half_chance() {
        let patience = Patience { attempts: 100, ..PATIENCE };
        let delay =
            |attempt, chance| match patience.after(Answer::None, attempt, Span::ZERO, chance) {
                Verdict::Again { after } => after.as_millis(),
                other => panic!("{other:?}"),
            };
        assert_eq!(
            [1, 2, 3, 6, 7, 99].map(|it| delay(it, 1.0)),
            [1_000, 2_000, 4_000, 32_000, 60_000, 60_000]
        );
        assert_eq!([1, 2, 99].map(|it| delay(it, 0.0)), [500, 1_000, 30_000]);
    }

    #[test]
    fn attempts_and_age_have_a_bound() {
        assert_eq!(PATIENCE.after(Answer::None, 4, Span::ZERO, 0.0), Verdict::GivenUp);
        let old = |age| PATIENCE.after(Answer::None, 1, Span::from_millis(age), 1.0);
        assert_eq!(old(899_000), Verdict::Again { after: Span::from_secs(1) });
        assert_eq!(old(899_001), Verdict::GivenUp);
    }

    #[test]
    fn a_server_that_says_when_is_taken_at_its_word() {
        let told = |secs, status| {
            let retry_after = Some(Span::from_secs(secs));
            PATIENCE.after(Answer::Status { status, retry_after }, 1, Span::ZERO, 1.0)
        };
        assert_eq!(told(120, 429), Verdict::Again { after: Span::from_secs(120) });
        assert_eq!(told(0, 503), Verdict::Again { after: Span::ZERO });
        assert_eq!(told(901, 429), Verdict::GivenUp, "it would be no news by then");
        assert_eq!(told(1, 404), Verdict::GivenUp);
    }
}
