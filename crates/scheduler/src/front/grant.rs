//! A permit on its way from the actor to the caller, and what is left of it when the call has ended.

use std::sync::Arc;

use tidegate_units::{Amounts, Cost, Dimension, Instant};

use super::Front;
use crate::Settlement;
use crate::settlement::Call;

/// A permit on its way to the caller. If nobody is there to take it, it goes back by itself.
#[derive(Debug)]
pub struct Grant {
    front: Arc<Front>,
    charged: Amounts,
    recorded: Instant,
    call: Call,
    claimed: bool,
}

impl Grant {
    /// A grant of `charged`, recorded at `recorded`, for this call.
    pub fn new(front: Arc<Front>, charged: Amounts, recorded: Instant, call: Call) -> Self {
        Self { front, charged, recorded, call, claimed: false }
    }

    /// The caller is there and takes it. Answers when the cost was recorded.
    pub fn claim(mut self) -> Instant {
        self.claimed = true;
        self.recorded
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        if !self.claimed {
            let refund = std::mem::take(&mut self.charged);
            let (recorded, call) = (self.recorded, std::mem::take(&mut self.call));
            self.front.settle(Settlement::Unclaimed { recorded, refund, call });
        }
    }
}

/// What a closed permit means for the limits: `refund` of what was estimated, or `debt` beyond it.
pub fn difference(dimensions: &[Dimension], estimate: &Cost, actual: &Cost) -> (Amounts, Amounts) {
    let charged = Amounts::charged(estimate, dimensions.iter().copied());
    let used = Amounts::charged(actual, dimensions.iter().copied());
    (charged.less(&used), used.less(&charged))
}
