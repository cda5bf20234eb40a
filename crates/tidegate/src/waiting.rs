//! Waiting in line: one message to the limiter, one answer, and a place that is given up by itself.

use crossbeam_channel::{RecvTimeoutError, bounded};
use tidegate_scheduler::front::{Front, Grant};
use tidegate_scheduler::messages::{Acquire, Answer, Reply, Unavailable};
use tidegate_scheduler::{Labels, Request, Settlement, Ticket};
use tidegate_units::{Cost, Priority, Span};
use tokio::sync::oneshot;

use crate::AcquireError;
use crate::handle::Core;
use crate::trace::WaitSpan;

/// How much longer than its deadline a blocked thread waits for the answer, which the limiter gives
/// at the deadline: only a limiter that does not run at all lets it come to this.
const GRACE: Span = Span::from_secs(1);

/// Why there is no permit for somebody who does not wait.
#[cold]
pub(crate) fn refuse(
    core: &Core,
    (cost, class): (&Cost, Priority),
    (labels, scoped): (Option<&Labels>, bool),
) -> AcquireError {
    if let Some(why) = core.front.stopped() {
        return core.unavailable(why);
    }
    if core.front.is_stopping() || !core.limiter.connected() {
        return core.gone();
    }
    if scoped {
        return AcquireError::ScopedToTry { service: core.front.service().clone() };
    }
    if let Some(never) = core.front.never(cost) {
        core.front.turned_away(&never, class, labels);
        return never.into();
    }
    if !core.front.fits(cost) {
        return AcquireError::TooLargeToTry { service: core.front.service().clone() };
    }
    let rejection = core.front.refuse(cost);
    core.front.turned_away(&rejection, class, labels);
    rejection.into()
}

/// Waits for a grant as a task.
pub(crate) async fn in_line(core: &Core, request: Request) -> Result<Grant, AcquireError> {
    let (sender, receiver) = oneshot::channel();
    let span = WaitSpan::begin(&core.front, &request);
    let mut place = Place::new(core, &request);
    if let Err(refused) = ask(core, request, Reply::Task(sender)) {
        span.end(&Err(refused.clone()));
        return Err(refused);
    }
    let answer = receiver.await;
    place.answered = true;
    let answer = match answer {
        Ok(answer) => granted(core, answer),
        Err(_) => Err(core.gone()),
    };
    span.end(&answer);
    answer
}

/// Waits for a grant as a thread.
pub(crate) fn blocking(core: &Core, request: Request) -> Result<Grant, AcquireError> {
    if std::thread::current().id() == core.arbiter {
        return Err(AcquireError::WouldBlockLimiter { service: core.front.service().clone() });
    }
    let (sender, receiver) = bounded(1);
    let span = WaitSpan::begin(&core.front, &request);
    let mut place = Place::new(core, &request);
    let wait = request.deadline.since(core.front.now()) + GRACE;
    if let Err(refused) = ask(core, request, Reply::Thread(sender)) {
        span.end(&Err(refused.clone()));
        return Err(refused);
    }
    let answer = match receiver.recv_timeout(wait.to_duration()) {
        Ok(answer) => {
            place.answered = true;
            granted(core, answer)
        }
        Err(RecvTimeoutError::Timeout) => Err(core.unavailable(Unavailable::Restarting)),
        Err(RecvTimeoutError::Disconnected) => Err(core.gone()),
    };
    span.end(&answer);
    answer
}

fn ask(core: &Core, request: Request, reply: Reply) -> Result<(), AcquireError> {
    if core.front.is_stopping() {
        return Err(core.unavailable(core.front.stopped().unwrap_or(Unavailable::Gone)));
    }
    match core.limiter.try_send(Acquire { request, reply }) {
        Ok(()) => Ok(()),
        Err(actix::prelude::SendError::Full(_)) => Err(core.unavailable(Unavailable::MailboxFull)),
        Err(actix::prelude::SendError::Closed(_)) => Err(core.gone()),
    }
}

fn granted(core: &Core, answer: Answer) -> Result<Grant, AcquireError> {
    match answer {
        Answer::Granted(grant) => Ok(grant),
        Answer::Refused(rejection) => Err(rejection.into()),
        Answer::Unavailable(why) => Err(core.unavailable(why)),
    }
}

/// A place in line. Given up when it is dropped unanswered.
struct Place<'c> {
    front: &'c Front,
    ticket: Ticket,
    answered: bool,
}

impl<'c> Place<'c> {
    fn new(core: &'c Core, request: &Request) -> Self {
        Self { front: &core.front, ticket: request.ticket, answered: false }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.front.settle(Settlement::Withdrawn { ticket: self.ticket });
        }
    }
}
