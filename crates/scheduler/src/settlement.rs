//! What comes back to a limiter when a permit is closed.

use std::sync::Arc;

use tidegate_adaptive::Hint;
use tidegate_units::{Amounts, Cost, Instant, Outcome, Priority, Span};

use crate::{Labels, Ticket};

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
        /// Which call it was.
        call: Call,
    },
    /// A caller was granted a permit and was gone before it could take it: nothing was used.
    Unclaimed {
        /// When the cost was recorded.
        recorded: Instant,
        /// The whole of it.
        refund: Amounts,
        /// Which call it would have been.
        call: Call,
    },
    /// A caller who does not wait was refused without asking the limiter, and said for what or whom.
    TurnedAway {
        /// What it said.
        labels: Arc<Labels>,
    },
    /// A caller stopped waiting.
    Withdrawn {
        /// Whose place in the queue is free.
        ticket: Ticket,
    },
}

/// What is known of a call that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// Whether it took its permit from the gate; otherwise the limiter granted it.
    pub by_gate: bool,
    /// How long it took, where somebody wants to know.
    pub took: Option<Span>,
    /// Its class.
    pub priority: Priority,
    /// What it was for, and on whose behalf, if it said.
    pub labels: Option<Arc<Labels>>,
    /// What it was estimated to take, where a pace is learned.
    pub cost: Option<Cost>,
    /// What the service said about its limits, where a pace is learned.
    pub hints: Box<[Hint]>,
}

impl Settlement {
    /// A call has ended; see [`Settlement::Closed`].
    pub fn closed(outcome: Outcome, recorded: Instant, call: Call) -> Self {
        let (refund, debt, pause) = (Amounts::NONE, Amounts::NONE, None);
        Self::Closed { outcome, recorded, refund, debt, pause, call }
    }
}
