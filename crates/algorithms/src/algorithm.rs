//! One way to count one limit, as a pure function of state, instant and cost.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidegate_units::{Instant, Span};

use crate::{Balance, Carry};

/// What to tell a caller.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, SlidingLog};
/// use tidegate_units::{Instant, Span};
///
/// let log = SlidingLog::new(2, Span::from_secs(1));
/// let mut state = log.full();
/// let mut ask = |cost| match log.take(&mut state, Instant::ZERO, cost) {
///     Decision::Admit => "go".to_owned(),
///     Decision::Later { retry_after } => format!("after {retry_after}"),
///     Decision::Never => "not ever".to_owned(),
/// };
/// assert_eq!([ask(2), ask(1), ask(3)], ["go", "after 1s", "not ever"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// It fits now.
    Admit,
    /// Not yet.
    Later {
        /// The same cost passes after exactly this long if nothing else is recorded meanwhile, and
        /// not a nanosecond earlier; never zero.
        retry_after: Span,
    },
    /// Not ever: the cost is larger than [`Algorithm::capacity`].
    Never,
}

impl Decision {
    /// Not before `at`. On the last instants of the clock the wait is no longer exact, and still
    /// never zero, so that nobody tries again at once for ever.
    pub(crate) fn later(now: Instant, at: Instant) -> Self {
        Self::Later { retry_after: at.since(now).max(Span::from_nanos(1)) }
    }
}

/// A rule for one limit. The value holds the rule, `State` what has happened.
///
/// Amounts are whole permits. Every method takes the present instant; one that lies before what the
/// state has seen (a clock that stepped back) delays callers and never mints permits.
///
/// A cost is anything from 0, which always fits where nothing is owed, to the largest `u64`. Nothing
/// panics and nothing wraps: what is more than a state can count stops at the most that it can.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, Gcra, SlidingLog};
/// use tidegate_units::{Instant, Span};
///
/// fn twice(rule: impl Algorithm) -> [Decision; 2] {
///     let mut state = rule.full();
///     [(); 2].map(|()| rule.take(&mut state, Instant::ZERO, rule.capacity()))
/// }
///
/// let second = Span::from_secs(1);
/// let refused = Decision::Later { retry_after: second };
/// assert_eq!(twice(Gcra::new(10, second, 10)), [Decision::Admit, refused]);
/// assert_eq!(twice(SlidingLog::new(10, second)), [Decision::Admit, refused]);
/// ```
///
/// # Invariants
///
/// - ALG-1: a cost that is admitted leaves a level of at least zero.
/// - ALG-2: `retry_after` is tight: refused at every instant before it, admitted at it.
/// - ALG-3: the level never falls while nothing is recorded.
/// - ALG-4: a clock that steps back mints nothing.
/// - ALG-5: a refund gives back at most what the charge it belongs to still holds.
/// - ALG-6: no span of any length sees more admitted than [`Algorithm::worst_case`] says.
/// - ALG-7: a change of the rule mints nothing: there and back again, carried over in the same way,
///   leaves at most what was there.
pub trait Algorithm: fmt::Debug + Clone {
    /// What has happened so far.
    type State: fmt::Debug + Clone + PartialEq + Serialize + DeserializeOwned;

    /// The most that can ever pass at once.
    fn capacity(&self) -> u64;

    /// The state in which nothing has been used.
    fn full(&self) -> Self::State;

    /// The state in which everything has just been used, at `now`.
    fn empty(&self, now: Instant) -> Self::State;

    /// Whether `cost` fits at `now`. Changes nothing: this is also how to peek.
    fn decide(&self, state: &Self::State, now: Instant, cost: u64) -> Decision;

    /// Whole permits that would pass at `now`.
    fn available(&self, state: &Self::State, now: Instant) -> u64;

    /// Permits by which more was recorded than there was. Nothing passes until they are paid back.
    fn debt(&self, state: &Self::State, now: Instant) -> u64;

    /// Records that `cost` was spent, whether it fits or not. What does not fit becomes debt.
    fn record(&self, state: &mut Self::State, now: Instant, cost: u64);

    /// Gives back `amount` of a charge that was recorded at `recorded` or, if nothing was recorded
    /// just then, at the first instant after it. Answers how much was given back: less than `amount`
    /// where time has already given it back.
    fn refund(&self, state: &mut Self::State, now: Instant, recorded: Instant, amount: u64) -> u64;

    /// When nothing will be used any more, if nothing else is recorded; `now` if that is so already.
    fn reset_at(&self, state: &Self::State, now: Instant) -> Instant;

    /// The earliest instant by which `total` can have passed in pieces that each fit: when the last
    /// of a queue runs, if nothing else does. Out of a bucket that holds less than one permit and what
    /// drips in within a nanosecond, each piece may take up to a nanosecond longer.
    fn earliest(&self, state: &Self::State, now: Instant, total: u64) -> Instant;

    /// The most permits that can be admitted within any `span`, wherever it starts: spent at instants
    /// `at` with `start <= at < start + span`. Stops at the largest `u64`.
    ///
    /// Refunds and debts are not part of it: what was given back was not used, and what was recorded
    /// beyond the limit was spent without asking.
    fn worst_case(&self, span: Span) -> u64;

    /// The state to go on from under the rule `to`, when this rule held until `now`.
    ///
    /// What is carried over is chosen by `carry`. Charges from before the change can be given back
    /// no more.
    fn reconfigured(
        &self,
        state: &Self::State,
        now: Instant,
        to: &Self,
        carry: Carry,
    ) -> Self::State {
        to.starting_from(now, carry.missing(self.balance(state, now), to.capacity()))
    }

    /// Where a state stands, in whole permits.
    fn balance(&self, state: &Self::State, now: Instant) -> Balance {
        Balance {
            capacity: self.capacity(),
            available: self.available(state, now),
            debt: self.debt(state, now),
        }
    }

    /// The state in which `missing` permits have just been used, at `now`.
    fn starting_from(&self, now: Instant, missing: u64) -> Self::State {
        let mut state = self.full();
        self.record(&mut state, now, missing);
        state
    }

    /// Checks `cost` and, if it fits, records it.
    fn take(&self, state: &mut Self::State, now: Instant, cost: u64) -> Decision {
        let decision = self.decide(state, now, cost);
        if decision == Decision::Admit {
            self.record(state, now, cost);
        }
        decision
    }
}
