//! What the actor of a service is told and asked, and what it tells its supervisor.

use actix::Message;
use tidegate_adaptive::{Hint, Pace};
use tidegate_algorithms::Carry;
use tidegate_observability::ServiceSample;
use tidegate_units::{Amounts, Instant, Limit, Rejection, Scope, ServiceName, Span};

use crate::front::Grant;
use crate::limiter::LimiterState;
use crate::{Explanation, RefusedLimits, Report, Request};

/// From a handle that found the gate short: wait in line.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Acquire {
    /// Who wants what.
    pub request: Request,
    /// Where to send the answer.
    pub reply: Reply,
}

/// The way to one waiting caller.
#[derive(Debug)]
pub enum Reply {
    /// A task that awaits.
    Task(tokio::sync::oneshot::Sender<Answer>),
    /// A thread that blocks.
    Thread(crossbeam_channel::Sender<Answer>),
}

impl Reply {
    /// Whether nobody waits for the answer any more, as far as is known.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Task(sender) => sender.is_closed(),
            Self::Thread(_) => false,
        }
    }

    /// Sends the answer. If nobody is there any more, a grant in it goes back by itself.
    pub fn send(self, answer: Answer) {
        match self {
            Self::Task(sender) => drop(sender.send(answer)),
            Self::Thread(sender) => drop(sender.try_send(answer)),
        }
    }
}

/// What a waiting caller is told.
#[derive(Debug)]
pub enum Answer {
    /// Go ahead.
    Granted(Grant),
    /// Not now, or never.
    Refused(Rejection),
    /// The limiter cannot say.
    Unavailable(Unavailable),
}

/// Why a limiter cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// It failed, and the deadline passed before it was running again.
    #[error("the limiter is restarting after a failure: try again in a moment")]
    Restarting,
    /// It failed too often, and its supervisor gave it up.
    #[error("the limiter failed too often and was given up: restart the program")]
    GivenUp,
    /// More callers ask than it can take in.
    #[error("the mailbox of the limiter is full: try again in a moment")]
    MailboxFull,
    /// It no longer runs.
    #[error("the limiter no longer runs: start tidegate again")]
    Gone,
}

/// From the supervisor: permits of the shared limits.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Lent {
    /// To which life of the limiter.
    pub life: u64,
    /// How much.
    pub amounts: Amounts,
    /// Why it is less than was needed; the rest follows.
    pub short: Option<Rejection>,
    /// When there will be more to lend; `None` if there is not going to be.
    pub more_at: Option<Instant>,
}

/// From the supervisor: somebody else needs what you hold. Answered by [`Settle`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Recall;

/// From the supervisor, some time after [`Failed`]: grant again.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Resume {
    /// Which life of the limiter may.
    pub life: u64,
}

/// From the supervisor: stop for good.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Stop {
    /// What to tell those who wait.
    pub why: Unavailable,
}

/// From a host: take no more calls, serve those who wait for so long, then tell them that it was
/// stopped. Answered when nobody waits any more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// How long; nothing at all drops them at once.
    pub within: Span,
}

/// From a host, through its handle: where does everything stand?
#[derive(Debug, Message)]
#[rtype(result = "LimiterState")]
pub struct Inspect;

/// From whoever looks on: where does everything stand, and what was counted so far?
#[derive(Debug, Message)]
#[rtype(result = "ServiceSample")]
pub struct TakeSample;

/// From a host, through its handle: what would become of this request if it came now? Nothing is taken.
/// `None` if the limiter failed over it.
#[derive(Debug, Message)]
#[rtype(result = "Option<Explanation>")]
pub struct Explain {
    /// Who would want what.
    pub request: Request,
}

/// From a host, through its handle: why do those who wait wait, the first to come first?
#[derive(Debug, Message)]
#[rtype(result = "Vec<Explanation>")]
pub struct ExplainWaiting {
    /// How many to tell of, at most [`ExplainWaiting::MOST`].
    pub most: usize,
}

impl ExplainWaiting {
    /// The most that are told of at a time: each is looked at for itself.
    pub const MOST: usize = 1_000;
}

/// From a host, through its handle: how fast are calls sent? One pace for each dimension of which it is
/// learned.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Pace>")]
pub struct Paces;

/// From a host, through a permit: the service told about its limits before the call has ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Hinted {
    /// When the call was sent.
    pub sent_at: Instant,
    /// What it told.
    pub hints: Box<[Hint]>,
}

/// From a host, through its handle: forget what was used of the service's own limits.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Reset;

/// From a host, through its handle: put these limits in the place of the service's own.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ReconfigureError>")]
pub struct Reconfigure {
    /// The new limits.
    pub limits: Vec<Limit>,
    /// What becomes of the balance.
    pub carry: Carry,
}

/// Why limits stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReconfigureError {
    /// The limits cannot be changed to these.
    #[error(transparent)]
    Refused(#[from] RefusedLimits),
    /// Nobody was there to change them, or failed while doing so.
    #[error("cannot change the limits of {scope}: {why}")]
    Unavailable {
        /// What the limits apply to.
        scope: Scope,
        /// Why not.
        why: Unavailable,
    },
}

/// From the supervisor: other limits are shared from now on; give back what was lent under the old
/// ones. Answered by [`Settle`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Relimit {
    /// The new limits.
    pub limits: Vec<Limit>,
}

/// From tests only: fail inside the machine.
#[cfg(feature = "faults")]
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct InjectPanic;

/// To the supervisor: lend me this.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Borrow {
    /// Who asks.
    pub service: ServiceName,
    /// In which life.
    pub life: u64,
    /// To grant whoever is next; kept until it can be met.
    pub need: Amounts,
    /// What could be used beyond that; lent only if it is free.
    pub want: Amounts,
}

/// To the supervisor: what was done with what you lent me.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Settle {
    /// Who reports.
    pub service: ServiceName,
    /// In which life.
    pub life: u64,
    /// What was done.
    pub report: Report,
}

/// To the supervisor: my machine panicked. Its gate is closed, and a new and empty machine waits for
/// [`Resume`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Failed {
    /// Who failed.
    pub service: ServiceName,
    /// Which life the new machine is in.
    pub life: u64,
    /// The panic's message, cut short.
    pub why: String,
}
