//! What handles have said and the actor has not heard yet.

use tidegate_adaptive::pause::asked;
use tidegate_units::{Amounts, Instant, Outcome};

use crate::Settlement;
use crate::settlement::Call;

/// What waits for the actor.
#[derive(Debug, Default)]
pub(super) struct WayBack {
    pub(super) list: Vec<Settlement>,
    /// What did not fit the list, as one: debts and pauses of the service are never lost. Whose they
    /// were is, and the slots come back when their leases end.
    pub(super) overflow: Option<Settlement>,
}

impl WayBack {
    pub(super) fn sum_up(&mut self, settlement: &Settlement) {
        let Settlement::Closed { outcome, debt, pause, .. } = settlement else {
            return;
        };
        let pause = &asked(*outcome, *pause);
        match &mut self.overflow {
            Some(Settlement::Closed { outcome: held, debt: owed, pause: longest, .. }) => {
                owed.add(debt);
                *longest = (*longest).max(*pause);
                if weight(*outcome) > weight(*held) {
                    *held = *outcome;
                }
            }
            _ => {
                let (recorded, refund) = (Instant::ZERO, Amounts::NONE);
                let (debt, pause) = (debt.clone(), *pause);
                let (outcome, call) = (*outcome, Call::default());
                let closed = Settlement::Closed { outcome, recorded, refund, debt, pause, call };
                self.overflow = Some(closed);
            }
        }
    }
}

/// Which of several outcomes counts where only one can be told: what stops everything, then what slows down.
fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::QuotaExhausted => 3,
        Outcome::RateLimited => 2,
        Outcome::Overloaded => 1,
        _ => 0,
    }
}
