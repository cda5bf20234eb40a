//! What comes back to a limiter when a permit is closed.

use tidegate_units::{Amounts, Instant, Outcome, Span};

use crate::Ticket;

/// Something that a caller has to say after it was granted a permit, or while it waited for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// A call has ended.
    Closed {
        /// How.
        outcome: Outcome,
        /// When its cost was recorded, or the last instant of which that is not known to be so.
        recorded: Instant,
        /// What it did not use of what was recorded.
        refund: Amounts,
        /// What it used beyond that.
        debt: Amounts,
        /// How long the service asked to be left alone.
        pause: Option<Span>,
    },
    /// A caller was granted a permit and was gone before it could take it: nothing was used.
    Unclaimed {
        /// When the cost was recorded.
        recorded: Instant,
        /// The whole of it.
        refund: Amounts,
    },
    /// A caller stopped waiting.
    Withdrawn {
        /// Whose place in the queue is free.
        ticket: Ticket,
    },
}
