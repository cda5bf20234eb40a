//! How often one call was made, and whether it is made again: attempts, deadline and budget.

use tidegate_scheduler::retry::{delay, is_retryable};
use tidegate_units::{Instant, Outcome, Span};

use super::{RunError, WhyNoMore};
use crate::Attempt;
use crate::handle::Core;

/// The attempts at one call.
pub(super) struct Tries<'h> {
    core: &'h Core,
    deadline: Instant,
    idempotent: bool,
    hedge_after: Option<Span>,
    /// How often the call was made, hedges included.
    made: u32,
    /// How often it was to be made again.
    rounds: u32,
    /// The delay before the last round.
    previous: Span,
}

/// What a request says of its attempts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) deadline: Instant,
    pub(crate) idempotent: bool,
    pub(crate) hedge_after: Option<Span>,
}

impl<'h> Tries<'h> {
    pub(super) fn new(core: &'h Core, wish: Wish) -> Self {
        let Wish { deadline, idempotent, hedge_after } = wish;
        let (made, rounds, previous) = (0, 0, Span::ZERO);
        Self { core, deadline, idempotent, hedge_after, made, rounds, previous }
    }

    /// The call is made, for the first time or again.
    pub(super) fn attempt(&mut self) -> Attempt {
        if self.made == 0 {
            self.core.budget().first_try();
        }
        self.count(false)
    }

    /// The call is made once more while it is under way, if the budget has that much left.
    pub(super) fn hedge(&mut self) -> Option<Attempt> {
        self.core.budget().try_withdraw().then(|| {
            self.core.repeated.hedged();
            self.count(true)
        })
    }

    fn count(&mut self, hedge: bool) -> Attempt {
        self.made = self.made.saturating_add(1);
        let left = self.deadline.since(self.core.front.now()).to_duration();
        Attempt { number: self.made, hedge, left }
    }

    /// When to make the call once more if it is still under way then; `None`: not at all.
    pub(super) fn hedge_at(&self) -> Option<Instant> {
        let after = self.hedge_after.filter(|_| self.idempotent)?;
        let at = self.core.front.now() + after;
        let may = self.made < self.core.retry.attempts && at < self.deadline;
        (may && self.core.budget().available() > 0).then_some(at)
    }

    /// Whether the call is made again after it ended so, and when at the earliest.
    pub(super) fn again(&mut self, outcome: Outcome) -> Result<Retry<'h>, WhyNoMore> {
        let policy = &self.core.retry;
        if !is_retryable(outcome, self.idempotent) {
            return Err(match outcome {
                Outcome::Failed => WhyNoMore::NotIdempotent,
                outcome => WhyNoMore::NotRetryable { outcome },
            });
        }
        if self.made >= policy.attempts {
            return Err(WhyNoMore::AttemptsUsedUp { max: policy.attempts });
        }
        let now = self.core.front.now();
        let delay = delay(policy, self.rounds.saturating_add(1), self.previous, fastrand::u64(..));
        let not_before = now + delay;
        if not_before >= self.deadline {
            let left = self.deadline.since(now);
            return Err(WhyNoMore::DeadlineTooClose { delay, left });
        }
        if !self.core.budget().try_withdraw() {
            self.core.repeated.denied();
            return Err(WhyNoMore::BudgetEmpty);
        }
        self.rounds = self.rounds.saturating_add(1);
        self.previous = delay;
        Ok(Retry { core: self.core, not_before })
    }

    /// The end, after a call that did not go well.
    pub(super) fn failed<E>(&self, error: E, stopped_by: WhyNoMore) -> RunError<E> {
        RunError::Failed { error, attempts: self.made, stopped_by }
    }
}

/// A retry that was withdrawn from the budget, and goes back there if it is never made.
#[must_use = "a retry that is dropped is given back"]
pub(super) struct Retry<'h> {
    core: &'h Core,
    pub(super) not_before: Instant,
}

impl Retry<'_> {
    /// It is made now.
    pub(super) fn made(self) {
        self.core.repeated.retried();
        std::mem::forget(self);
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        self.core.budget().give_back();
    }
}
