//! A limiter's part of the limits that all services share, borrowed from the supervisor.

use std::collections::VecDeque;

use serde::Serialize;
use tidegate_units::{Amounts, Cost, Dimension, Instant};

/// What was done with borrowed permits since the last report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Spent; it was lent.
    pub used: Amounts,
    /// Given back unspent; it was lent.
    pub returned: Amounts,
    /// Spent beyond what was lent, because calls cost more than estimated.
    pub debt: Amounts,
    /// Not used after all, of what was reported as used; each with when it was spent.
    pub refunds: VecDeque<(Instant, Amounts)>,
}

impl Report {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.used.is_none()
            && self.returned.is_none()
            && self.debt.is_none()
            && self.refunds.is_empty()
    }

    /// Puts this report, which did not arrive, before what has happened since.
    fn merge_into(self, later: &mut Self) {
        later.used.add(&self.used);
        later.returned.add(&self.returned);
        later.debt.add(&self.debt);
        for refund in self.refunds.into_iter().rev() {
            later.refunds.push_front(refund);
        }
        later.refunds.truncate(REFUNDS_MAX);
    }
}

/// The most refunds in one report. More are forgone: late by at most a window, never too much.
const REFUNDS_MAX: usize = 1_024;

/// Permits of the shared limits: held, in the gate, or spent and not reported.
#[derive(Debug)]
pub(crate) struct Slice {
    dimensions: Vec<Dimension>,
    /// May be spent, and is not in the gate.
    held: Amounts,
    unreported: Report,
    /// When the last report was made: what was spent by then is in the supervisor's books.
    reported_at: Instant,
    /// When the shared limits changed: what was spent until then is not given back.
    forgot_at: Option<Instant>,
    /// A request for more is under way.
    borrowing: bool,
    /// Below this, more is wanted: half of what there was after the last loan.
    low: Amounts,
}

impl Slice {
    pub(crate) fn new(dimensions: Vec<Dimension>) -> Self {
        let unreported = Report::default();
        Self {
            dimensions,
            held: Amounts::NONE,
            unreported,
            reported_at: Instant::ZERO,
            forgot_at: None,
            borrowing: false,
            low: Amounts::NONE,
        }
    }

    /// Whether there are shared limits at all.
    pub(crate) fn is_needed(&self) -> bool {
        !self.dimensions.is_empty()
    }

    /// Other shared limits hold from now on, and nothing was spent later than `latest`. Nothing is
    /// held: it was given back under the old ones. The supervisor cannot tell by itself what was spent
    /// before: a clock that stepped back lets a charge that it has in its books look younger than that.
    pub(crate) fn relimit(&mut self, latest: Instant, dimensions: Vec<Dimension>) {
        debug_assert!(self.held.is_none(), "SUP-4: {} is held over a change", self.held);
        self.forgot_at = Some(latest);
        self.dimensions = dimensions;
    }

    pub(crate) fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    pub(crate) fn all_held(&self) -> &Amounts {
        &self.held
    }

    pub(crate) fn held(&self, dimension: Dimension) -> Option<u64> {
        self.dimensions.contains(&dimension).then(|| self.held.get(dimension))
    }

    /// The part of `amounts` that shared limits count.
    fn shared(&self, amounts: &Amounts) -> Amounts {
        let shared = |(dimension, _): &(Dimension, u64)| self.dimensions.contains(dimension);
        amounts.iter().filter(shared).collect()
    }

    /// What a call of `cost` takes of the shared limits.
    pub(crate) fn shared_part(&self, cost: &Cost) -> Amounts {
        Amounts::charged(cost, self.dimensions.iter().copied())
    }

    /// Whether a call of `cost` can be granted from what is held.
    pub(crate) fn covers(&self, cost: &Cost) -> bool {
        self.held.covers(&self.shared_part(cost))
    }

    /// Whether two calls can be granted from what is held.
    pub(crate) fn covers_both(&self, one: &Cost, other: &Cost) -> bool {
        let mut both = self.shared_part(one);
        both.add(&self.shared_part(other));
        self.held.covers(&both)
    }

    /// Whatever was spent by `now` is in the supervisor's books: so it is after a failure.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.reported_at = now;
    }

    /// Spends what is held on a call.
    pub(crate) fn spend(&mut self, cost: &Cost) {
        let amounts = self.shared_part(cost);
        debug_assert!(self.held.covers(&amounts), "a grant spends only what is held");
        self.held.subtract(&amounts);
        self.unreported.used.add(&amounts);
    }

    /// Moves held permits into the gate.
    pub(crate) fn put_in_gate(&mut self, amounts: &Amounts) {
        self.held.subtract(&self.shared(amounts));
    }

    /// Callers took this from the gate.
    pub(crate) fn used_in_gate(&mut self, amounts: &Amounts) {
        self.unreported.used.add(&self.shared(amounts));
    }

    /// This came out of the gate unspent.
    pub(crate) fn out_of_gate(&mut self, amounts: &Amounts) {
        self.held.add(&self.shared(amounts));
    }

    /// The supervisor has lent this, while `in_gate` was in the gate.
    pub(crate) fn lent(&mut self, amounts: &Amounts, in_gate: &Amounts) {
        self.borrowing = false;
        self.held.add(&self.shared(amounts));
        let half = |dimension: &Dimension| {
            let all = self.held.get(*dimension).saturating_add(in_gate.get(*dimension));
            (*dimension, all / 2)
        };
        self.low = self.dimensions.iter().map(half).collect();
    }

    /// Whether so little is left, with `in_gate` in the gate, that more should be fetched ahead.
    pub(crate) fn is_low(&self, in_gate: &Amounts) -> bool {
        let low = |dimension: &Dimension| {
            let all = self.held.get(*dimension).saturating_add(in_gate.get(*dimension));
            all <= self.low.get(*dimension)
        };
        self.dimensions.iter().any(low)
    }

    /// Gives back everything that is held.
    pub(crate) fn give_back(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.unreported.returned.add(&held);
    }

    /// A call used less than was spent on it at `recorded`. What the supervisor has not heard of yet
    /// never happened; what it has in its books already, it must take out itself, from where it is:
    /// later spending must not stand in for it, or it would be forgotten too early.
    pub(crate) fn refund(&mut self, recorded: Instant, amounts: &Amounts) {
        let shared = self.shared(amounts);
        let forgotten = self.forgot_at.is_some_and(|forgot_at| recorded <= forgot_at);
        if forgotten || shared.is_none() {
            return;
        }
        if recorded > self.reported_at && self.unreported.used.covers(&shared) {
            self.unreported.used.subtract(&shared);
            self.held.add(&shared);
        } else if self.unreported.refunds.len() < REFUNDS_MAX {
            self.unreported.refunds.push_back((recorded, shared));
        }
    }

    /// A call used more than was spent on it.
    pub(crate) fn debt(&mut self, amounts: &Amounts) {
        self.unreported.debt.add(&self.shared(amounts));
    }

    /// What is owed and not reported.
    pub(crate) fn unreported_debt(&self) -> &Amounts {
        &self.unreported.debt
    }

    /// Whether something waits to be reported.
    pub(crate) fn has_news(&self) -> bool {
        !self.unreported.is_empty()
    }

    /// Everything that waits to be reported.
    pub(crate) fn report(&mut self, now: Instant) -> Report {
        self.reported_at = now;
        std::mem::take(&mut self.unreported)
    }

    /// A report did not arrive.
    pub(crate) fn report_bounced(&mut self, report: Report) {
        report.merge_into(&mut self.unreported);
    }

    pub(crate) fn is_borrowing(&self) -> bool {
        self.borrowing
    }

    pub(crate) fn set_borrowing(&mut self, borrowing: bool) {
        self.borrowing = borrowing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(amount: u64) -> Amounts {
        Amounts::of(Dimension::Requests, amount)
    }

    fn spent(at: u64) -> Slice {
        let mut slice = Slice::new(vec![Dimension::Requests]);
        slice.forget(Instant::from_nanos(at));
        slice.lent(&requests(5), &Amounts::NONE);
        slice.spend(&Cost::request().requests(2));
        slice
    }

    #[test]
    fn what_was_not_reported_never_happened() {
        let mut slice = spent(10);
        slice.refund(Instant::from_nanos(11), &requests(2));
        assert_eq!(slice.all_held(), &requests(5));
        assert!(slice.report(Instant::from_nanos(12)).used.is_none());
    }

    #[test]
    fn later_spending_does_not_stand_in_for_a_refund_of_what_was_reported() {
        let mut slice = spent(10);
        slice.refund(Instant::from_nanos(9), &requests(2));
        assert_eq!(slice.all_held(), &requests(3));
        let report = slice.report(Instant::from_nanos(12));
        assert_eq!(report.used, requests(2));
        assert_eq!(report.refunds, [(Instant::from_nanos(9), requests(2))]);
    }

    #[test]
    fn a_report_that_did_not_arrive_is_made_again() {
        let mut slice = spent(10);
        slice.give_back();
        let report = slice.report(Instant::from_nanos(12));
        slice.report_bounced(report.clone());
        assert_eq!(slice.report(Instant::from_nanos(13)), report);
    }

    #[test]
    fn what_was_spent_before_a_change_is_not_given_back_though_the_clock_stepped_back() {
        let mut slice = spent(10);
        slice.give_back();
        assert_eq!(slice.report(Instant::from_nanos(8)).used, requests(2));
        slice.relimit(Instant::from_nanos(11), vec![Dimension::Requests]);
        slice.lent(&requests(5), &Amounts::NONE);
        slice.spend(&Cost::request().requests(2));
        slice.refund(Instant::from_nanos(11), &requests(2));
        assert_eq!(slice.all_held(), &requests(3));
        let report = slice.report(Instant::from_nanos(12));
        assert_eq!((report.used, report.refunds.len()), (requests(2), 0));
    }
}
