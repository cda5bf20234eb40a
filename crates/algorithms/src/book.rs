//! What can be asked and charged: one algorithm with its state, or a whole ledger.
//!
//! A small face over both, for what is built on top of deciding and does not care what decides.

use tidegate_units::{Amounts, Cost, Instant};

use crate::{Algorithm, Decision, Ledger};

/// Something that decides on costs and remembers what was spent.
///
/// Whoever implements it promises that a book with fewer charges admits whatever one with more does,
/// and that a wait which [`Book::decide`] answers is exact while nothing else is recorded.
pub trait Book: Clone {
    /// What one call takes.
    type Cost: Clone;

    /// Whether `cost` fits at `now`. Changes nothing.
    fn decide(&self, now: Instant, cost: &Self::Cost) -> Decision;

    /// Records that `cost` was spent at `now`, whether it fits or not.
    fn record(&mut self, now: Instant, cost: &Self::Cost);
}

/// One algorithm with its state.
///
/// ```
/// use tidegate_algorithms::{Book, Counter, Decision, SlidingLog};
/// use tidegate_units::{Instant, Span};
///
/// let second = Span::from_secs(1);
/// let mut counter = Counter::full(SlidingLog::new(2, second));
/// counter.record(Instant::ZERO, &2);
/// let refused = Decision::Later { retry_after: second };
/// assert_eq!(counter.decide(Instant::ZERO, &1), refused);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Counter<A: Algorithm> {
    /// The rule.
    pub algorithm: A,
    /// What has happened under it.
    pub state: A::State,
}

impl<A: Algorithm> Counter<A> {
    /// A counter of which nothing has been used.
    pub fn full(algorithm: A) -> Self {
        let state = algorithm.full();
        Self { algorithm, state }
    }
}

impl<A: Algorithm> Book for Counter<A> {
    type Cost = u64;

    fn decide(&self, now: Instant, cost: &u64) -> Decision {
        self.algorithm.decide(&self.state, now, *cost)
    }

    fn record(&mut self, now: Instant, cost: &u64) {
        self.algorithm.record(&mut self.state, now, *cost);
    }
}

/// What is lent from the ledger stays fenced off. A wait is exact while nothing is lent; what fits
/// only when a loan comes back has a wait that nobody can know.
impl Book for Ledger {
    type Cost = Cost;

    fn decide(&self, now: Instant, cost: &Cost) -> Decision {
        match self.check(now, cost).map_err(|rejection| rejection.retry_after) {
            Ok(()) => Decision::Admit,
            Err(Some(retry_after)) => Decision::Later { retry_after },
            Err(None) => Decision::Never,
        }
    }

    fn record(&mut self, now: Instant, cost: &Cost) {
        let amounts = Amounts::charged(cost, self.dimensions());
        Self::record(self, now, &amounts);
    }
}
