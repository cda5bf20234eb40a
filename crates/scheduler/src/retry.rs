//! Making a call again that did not succeed: whether, how long after, and how often at all.
//!
//! Callers who failed together come back together, unless chance spreads them ([`delay`]); and a
//! service that fails under load gets more load from every retry, unless retries are a small part of
//! all calls ([`RetryBudget`]). Chance is an argument: 64 uniformly random bits.
//!
//! # Invariants
//!
//! - RETRY-1: over any history there are at most as many retries as the reserve and the budget's share
//!   of the first tries allow.

use tidegate_units::policy::{Jitter, RetryPolicy, Share};
use tidegate_units::{Outcome, Span};

/// The most retries that can be saved up. More would be a burst of its own after a quiet time.
pub const RETRIES_MAX: u64 = 1_000;
/// How many retries there are at the start, so that a service which is called now and then can be
/// called again at all.
pub const RETRIES_RESERVE: u64 = 10;
/// A retry, in the thousandths in which a budget is counted.
const RETRY: u64 = 1_000;

/// How long to wait before the next try.
///
/// `attempt` counts the tries made: 1 before the second; 0 is taken as 1. `previous` is the last
/// delay, [`Span::ZERO`] at first; only [`Jitter::Decorrelated`] looks at it. `draw` is 64 uniformly
/// random bits. Never more than the back-off's `max`.
///
/// Full, equal and decorrelated jitter are those of Brooker, "Exponential Backoff And Jitter", AWS
/// Architecture Blog, 2015. [`Jitter::Around`] draws from what of its range is at most `max`: cutting
/// off what was drawn beyond it would have half of all callers come back at exactly `max`.
///
/// ```
/// use tidegate_scheduler::retry::delay;
/// use tidegate_units::Span;
/// use tidegate_units::policy::RetryPolicy;
///
/// // A second, two, four, more or less a quarter.
/// let policy = RetryPolicy::default();
/// assert_eq!(delay(&policy, 1, Span::ZERO, 0), Span::from_millis(750));
/// assert_eq!(delay(&policy, 3, Span::from_secs(2), u64::MAX), Span::from_secs(5));
/// ```
pub fn delay(policy: &RetryPolicy, attempt: u32, previous: Span, draw: u64) -> Span {
    let (base, max) = (policy.backoff.base, policy.backoff.max);
    let whole = policy.backoff.delay(attempt.saturating_sub(1));
    match policy.jitter {
        Jitter::Full => between(Span::ZERO, whole, draw),
        Jitter::Equal => between(whole.div(2), whole, draw),
        Jitter::Decorrelated => between(base, previous.max(base) * 3, draw).min(max),
        Jitter::Around(share) => {
            let spread = Span::from_nanos(share.of(whole.as_nanos()));
            between(whole - spread, (whole + spread).min(max), draw)
        }
    }
}

/// Whether a call that ended so may be made again. `idempotent` is the caller's word that twice does
/// no more than once.
///
/// What was refused because of a rate, of load or of contention was not done, and may be. What failed
/// may have been done half. A quota does not come back by asking, and who gave up does not want it.
///
/// ```
/// use tidegate_scheduler::retry::is_retryable;
/// use tidegate_units::Outcome;
///
/// assert!(is_retryable(Outcome::RateLimited, false));
/// // Refused: nobody knows how far it came.
/// assert!(!is_retryable(Outcome::Failed, false));
/// ```
pub const fn is_retryable(outcome: Outcome, idempotent: bool) -> bool {
    match outcome {
        Outcome::RateLimited | Outcome::Overloaded | Outcome::Contention => true,
        Outcome::Failed => idempotent,
        Outcome::Ok | Outcome::QuotaExhausted | Outcome::Cancelled => false,
    }
}

/// How many retries and hedges a service may still be asked for: a share of its first tries, and a
/// few at the start (RETRY-1). What was saved up is at most [`RETRIES_MAX`].
///
/// The idea is that of the retry budgets in Finagle, and of the throttling of retries in gRPC (proposal
/// A6, "gRPC Retry Design").
///
/// ```
/// use tidegate_scheduler::retry::RetryBudget;
/// use tidegate_units::policy::Share;
///
/// let mut budget = RetryBudget::new(Share::per_mille(500));
/// while budget.try_withdraw() {}
/// budget.first_try();
/// assert!(!budget.try_withdraw(), "half a retry is none");
/// budget.first_try();
/// assert!(budget.try_withdraw());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryBudget {
    share: Share,
    /// What may be withdrawn, in thousandths of a retry: at most [`RETRIES_MAX`] retries.
    saved: u64,
    /// Retries that were withdrawn and not given back.
    withdrawn: u64,
}

impl RetryBudget {
    /// A budget of `share` of the first tries, and [`RETRIES_RESERVE`] to begin with; [`Share::NONE`]
    /// allows none at all.
    pub fn new(share: Share) -> Self {
        let reserve = if share == Share::NONE { 0 } else { RETRIES_RESERVE };
        Self { share, saved: reserve * RETRY, withdrawn: 0 }
    }

    /// A call is made for the first time.
    pub fn first_try(&mut self) {
        self.deposit(u64::from(self.share.as_per_mille()));
    }

    /// Takes one retry, if there is one.
    pub fn try_withdraw(&mut self) -> bool {
        let Some(rest) = self.saved.checked_sub(RETRY) else {
            return false;
        };
        self.saved = rest;
        self.withdrawn = self.withdrawn.saturating_add(1);
        true
    }

    /// Gives back a retry that was withdrawn and never made. More than were withdrawn are ignored.
    pub fn give_back(&mut self) {
        if let Some(rest) = self.withdrawn.checked_sub(1) {
            self.withdrawn = rest;
            self.deposit(RETRY);
        }
    }

    /// How many retries could be withdrawn now.
    pub fn available(&self) -> u64 {
        self.saved / RETRY
    }

    fn deposit(&mut self, thousandths: u64) {
        self.saved = (self.saved + thousandths).min(RETRIES_MAX * RETRY);
    }
}

/// The span that `draw` picks of those from `least` to `most`, both included; `least` if that is the
/// larger. A multiplication instead of a remainder: no span is favoured by more than one draw in 2^64
/// per nanosecond of the range.
fn between(least: Span, most: Span, draw: u64) -> Span {
    let choices = u128::from((most - least).as_nanos()) + 1;
    let picked = (u128::from(draw) * choices) >> 64;
    least + Span::from_nanos(u64::try_from(picked).unwrap_or(u64::MAX))
}
