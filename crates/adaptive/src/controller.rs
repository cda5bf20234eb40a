//! What sets the pace: the interface of every controller.
//!
//! A controller hears what is sent and what is answered, and says when the next call may be sent. It
//! is a pure machine: instants are arguments, and whoever owns it keeps the calls that wait. One
//! controller serves one service (or one model of it) in all dimensions, so that requests and tokens
//! can bind at once.
//!
//! # Invariants
//!
//! - PACE-1: what is sent keeps to the pace: over any interval no more than the pace integrated over
//!   it, one call and one look of the owner.
//! - PACE-2: only refusals for a rate lower what was learned. Overload, time-outs and failures slow
//!   down for a while and leave it as it is.
//! - PACE-3: one congestion event lowers the pace once: a refusal of a call that was sent before the
//!   last decrease says nothing new.
//! - PACE-4: after a pause one call is sent alone, and the others wait until it is known not to have
//!   been refused.

use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_units::{Amounts, Cost, Dimension, Instant, Outcome, Priority, Span};

use crate::Hint;
use crate::learned::LearnedPace;
use crate::number::{float, whole};

/// What a service answered to one call, as far as a pace depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// When the call was sent, or the last instant of which that is not known to be so.
    pub sent_at: Instant,
    /// What was estimated that it takes, and told to [`Controller::sent`].
    pub cost: &'a Cost,
    /// What it took beyond that.
    pub debt: &'a Amounts,
    /// What it did not take of it.
    pub refund: &'a Amounts,
    /// How it ended.
    pub outcome: Outcome,
    /// How long the service asked to be left alone.
    pub retry_after: Option<Span>,
    /// What it said about its limits.
    pub hints: &'a [Hint],
}

/// The pace of one dimension, as a person would like to see it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// What is paced.
    pub dimension: Dimension,
    /// The rate at which calls may be sent now, per second.
    pub per_second: f64,
    /// What the service is thought to let through in the long run, per second, once something is known.
    pub learned_per_second: Option<f64>,
    /// How much of that is known rather than guessed: 0 to 1.
    pub confidence: f64,
    /// When it was last confirmed or corrected.
    pub learned_at: Option<Instant>,
}

impl Pace {
    /// How much passes in `window` at this pace, rounded down.
    pub fn amount_per(&self, window: Span) -> u64 {
        whole(self.per_second * window.as_secs_f64())
    }

    /// How long `amount` takes at this pace.
    pub fn time_for(&self, amount: u64) -> Span {
        if amount == 0 { Span::ZERO } else { Span::from_secs_f64(float(amount) / self.per_second) }
    }
}

/// Decides how fast calls are sent.
pub trait Controller: fmt::Debug + Send {
    /// From when on a call may be sent, as far as the pace goes: `now` or earlier, and it may be at
    /// once. An instant ahead is the earliest worth looking again at, not a promise.
    fn earliest(&self, now: Instant, cost: &Cost, class: Priority) -> Instant;

    /// How many of `dimension` may be lent to the gate at once; `None`: any number, nothing paces it.
    ///
    /// What passes there is heard of when the gate is looked at, not when it is taken.
    fn lendable(&self, now: Instant, dimension: Dimension) -> Option<u64>;

    /// So much was lent to the gate: the pace counts it as sent.
    fn lent(&mut self, now: Instant, amounts: &Amounts);

    /// So much of it came back.
    fn recalled(&mut self, now: Instant, amounts: &Amounts);

    /// So much of it was taken by callers since the last look.
    fn taken(&mut self, now: Instant, amounts: &Amounts);

    /// A call was granted that did not take from the gate.
    fn sent(&mut self, now: Instant, cost: &Cost);

    /// The service told about its limits before the call that was sent at `sent_at` has ended.
    fn hinted(&mut self, now: Instant, sent_at: Instant, hints: &[Hint]);

    /// A call has ended.
    fn answered(&mut self, now: Instant, answer: &Answer<'_>);

    /// Whether anybody waits: a pace that is not used up tells nothing about the limit.
    fn waits(&mut self, now: Instant, anybody: bool);

    /// Until when nothing at all is to be sent, not even what lies in the gate; `None`: calls may be.
    fn silent_until(&self, now: Instant) -> Option<Instant> {
        let _ = now;
        None
    }

    /// The paces at present.
    fn paces(&self, now: Instant) -> Vec<Pace>;

    /// How many calls may be under way at once, where that is what is learned; `None`: the pace says
    /// it all.
    fn slots(&self, now: Instant) -> Option<u32> {
        let _ = now;
        None
    }

    /// What was learned, to be kept for a later run.
    fn learned(&self, now: Instant) -> Vec<LearnedPace> {
        let _ = now;
        Vec::new()
    }

    /// Begins with what an earlier run learned. What is not paced, or cannot be true, is left out.
    fn restore(&mut self, now: Instant, learned: &[LearnedPace]) {
        let _ = (now, learned);
    }

    /// The same controller once more, for whoever takes over from an owner that has failed.
    fn boxed_clone(&self) -> Box<dyn Controller>;
}

impl Clone for Box<dyn Controller> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}
