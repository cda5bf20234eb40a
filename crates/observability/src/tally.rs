//! What a limiter counts about the calls that it has seen: plain numbers, written by one.
//!
//! Nothing here is touched on the granting path. What passed through a gate is counted when the gate is
//! read, what a call really took when its permit is settled, a wait when it ends. So a figure is exact as
//! soon as everything before it is settled, and costs callers nothing.
//!
//! # Invariants
//!
//! - OBS-1: a tally has a bound whatever is called: classes and outcomes are few, refusals are told apart by
//!   at most [`refusals::ROWS_MAX`] limits, models and keys by as many rows as their tables have; what has no
//!   row counts in the sum.

pub mod overdrawn;
pub mod refusals;
pub mod usage;
pub mod waits;

use tidegate_units::{Amounts, Dimension, Instant, Priority, Rejection, Span};

use overdrawn::Overdrawn;
use refusals::Refusals;
use usage::{Spent, UsageTable};
use waits::{BOUNDS_MS, Waits};

/// The most models that are told apart.
pub const MODELS_MAX: usize = 64;
/// The most values of keys that are told apart.
pub const KEYS_MAX: usize = 200;

/// What a limiter counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// How long those waited who were granted from the queue, by class.
    pub waits: [Waits; Priority::ALL.len()],
    /// Of those, how many were not granted at once: it took more than a millisecond, the shortest bound of
    /// [`waits`]. A message to the limiter and back takes less.
    pub waited: u64,
    /// Requests refused, by what refused them.
    pub refusals: Refusals,
    /// What was charged, given back and owed in all, in the dimensions that are limited.
    pub spent: Spent,
    /// The most that was ever spent beyond each limit of the service.
    pub overdrawn: Overdrawn,
    /// Calls that said which model they ask.
    pub models: UsageTable,
    /// Calls that said on whose behalf they are made.
    pub keys: UsageTable,
    /// When a permit was last granted, as far as the gate was read.
    pub last_granted: Option<Instant>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            waits: Default::default(),
            waited: 0,
            refusals: Refusals::default(),
            spent: Spent::default(),
            overdrawn: Overdrawn::default(),
            models: UsageTable::new(MODELS_MAX),
            keys: UsageTable::new(KEYS_MAX),
            last_granted: None,
        }
    }
}

impl Tally {
    /// So much was taken from the gate until `now`.
    pub fn taken_from_gate(&mut self, now: Instant, amounts: &Amounts) {
        if !amounts.is_none() {
            add_spent(&mut self.spent.reserved, amounts);
            self.last_granted = Some(now);
        }
    }

    /// A call was granted from the queue after `waited`, and charged `amounts`.
    pub fn granted(&mut self, now: Instant, class: Priority, waited: Span, amounts: &Amounts) {
        self.waits[class.index()].record(waited);
        self.waited += u64::from(waited > Span::from_millis(BOUNDS_MS[0]));
        add_spent(&mut self.spent.reserved, amounts);
        self.last_granted = Some(now);
    }

    /// A request was refused.
    pub fn refused(&mut self, rejection: &Rejection) {
        self.refusals.add(rejection);
    }

    /// A call has ended: so much of what was charged comes back, so much is owed beyond it.
    pub fn settled(&mut self, refund: &Amounts, debt: &Amounts) {
        add_spent(&mut self.spent.refunded, refund);
        add_spent(&mut self.spent.owed, debt);
    }
}

/// Slots are held, not spent.
fn add_spent(sum: &mut Amounts, more: &Amounts) {
    for (dimension, amount) in more.iter().filter(|(it, _)| *it != Dimension::Slots) {
        sum.set(dimension, sum.get(dimension).saturating_add(amount));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_what_was_charged_less_what_came_back_and_what_is_owed() {
        let mut tally = Tally::default();
        let tokens = |amount| Amounts::of(Dimension::Tokens, amount);
        let now = Instant::ZERO + Span::from_secs(5);
        tally.taken_from_gate(now, &Amounts::NONE);
        assert_eq!(tally.last_granted, None, "nothing was taken");
        tally.taken_from_gate(now, &tokens(100));
        tally.granted(now, Priority::High, Span::from_millis(30), &tokens(50));
        tally.granted(now, Priority::High, Span::from_millis(1), &tokens(1));
        tally.settled(&tokens(20), &Amounts::NONE);
        tally.settled(&Amounts::NONE, &tokens(7));
        assert_eq!(tally.spent.used(Dimension::Tokens), 151 - 20 + 7);
        assert_eq!((tally.waited, tally.waits[Priority::High.index()].count()), (1, 2));
        assert_eq!(tally.last_granted, Some(now));
    }
}
