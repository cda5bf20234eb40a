//! What one call takes, and how long it may wait.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tidegate_scheduler::Request;
use tidegate_scheduler::front::Grant;
use tidegate_units::{Cost, Priority, Span};

use crate::handle::Core;
use crate::permit::Permit;
use crate::{AcquireError, waiting};

/// A wish for one permit. Nothing happens until one of the three ways to acquire is called.
///
/// Unless it says otherwise, a call takes one request, is of class normal, and waits as long as the
/// service's queue is configured to let it.
#[derive(Debug, Clone)]
#[must_use = "ask with `acquire`, `acquire_blocking` or `try_acquire`"]
pub struct PermitRequest<'h> {
    core: &'h Arc<Core>,
    cost: Cost,
    priority: Priority,
    within: Option<Duration>,
}

impl<'h> PermitRequest<'h> {
    #[inline]
    pub(crate) fn new(core: &'h Arc<Core>) -> Self {
        Self { core, cost: Cost::request(), priority: Priority::Normal, within: None }
    }

    /// Takes exactly this, instead of what was said before.
    #[inline]
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Takes this many tokens, in both directions together.
    #[inline]
    pub fn tokens(mut self, amount: u64) -> Self {
        self.cost = self.cost.tokens(amount);
        self
    }

    /// Sends this many tokens.
    #[inline]
    pub fn input_tokens(mut self, amount: u64) -> Self {
        self.cost = self.cost.input_tokens(amount);
        self
    }

    /// Has this many tokens generated.
    #[inline]
    pub fn output_tokens(mut self, amount: u64) -> Self {
        self.cost = self.cost.output_tokens(amount);
        self
    }

    /// Moves this many bytes.
    #[inline]
    pub fn bytes(mut self, amount: u64) -> Self {
        self.cost = self.cost.bytes(amount);
        self
    }

    /// How urgent it is. Carried along; those who wait are served first come, first served.
    #[inline]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Waits at most this long, and is refused at once where the service's own limits make the wait
    /// longer. How long other services keep the shared limits busy is not known ahead.
    #[inline]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.within = Some(deadline);
        self
    }

    /// Takes a permit if there is one, and says at once if not. Never overtakes anybody who waits.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Later`] or [`AcquireError::Never`] with the limit that binds, as far as it is
    /// known without asking the limiter; [`AcquireError::TooLargeToTry`] for a call that fits its
    /// limits but not the gate, which holds many dimensions or very large amounts only in part;
    /// [`AcquireError::Unavailable`] or [`AcquireError::Stopped`] when there is no limiter any more.
    #[inline]
    pub fn try_acquire(self) -> Result<Permit<'h>, AcquireError> {
        match self.core.front.take(&self.cost) {
            Some(recorded) => Ok(Permit::new(self.core, self.cost, recorded)),
            None => Err(waiting::refuse(self.core, &self.cost)),
        }
    }

    /// Waits for a permit, in line, until the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line; a permit that was granted meanwhile goes back.
    /// Nothing has been consumed then.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Later`] when the wait would outlast the deadline, or did;
    /// [`AcquireError::Never`] when the call is larger than a limit can hold;
    /// [`AcquireError::Unavailable`] when the limiter cannot say; [`AcquireError::Stopped`].
    #[inline]
    pub fn acquire(self) -> Acquiring<'h> {
        Acquiring { request: self, waiting: None }
    }

    /// Waits for a permit like [`PermitRequest::acquire`], blocking the thread. Needs no runtime.
    ///
    /// # Errors
    ///
    /// As [`PermitRequest::acquire`], and [`AcquireError::WouldBlockLimiter`] on the thread that the
    /// limiter runs on, where a host has started it on its own actix system. A permit that can be had
    /// without waiting is granted there too.
    pub fn acquire_blocking(self) -> Result<Permit<'h>, AcquireError> {
        if let Some(recorded) = self.core.front.take(&self.cost) {
            return Ok(Permit::new(self.core, self.cost, recorded));
        }
        let grant = waiting::blocking(self.core, self.in_line())?;
        Ok(Permit::new(self.core, self.cost, grant.claim()))
    }

    /// The request as the limiter gets it.
    fn in_line(&self) -> Request {
        let front = &self.core.front;
        let within = self.within.map_or(self.core.timeout, Span::from);
        let deadline = front.now() + within;
        Request::new(front.ticket(), self.cost.clone(), deadline).priority(self.priority)
    }
}

/// Waiting in line for a grant.
type InLine<'h> = Pin<Box<dyn Future<Output = Result<Grant, AcquireError>> + Send + 'h>>;

/// A permit that is being acquired: what [`PermitRequest::acquire`] gives to await.
///
/// Written by hand, because a call that does not wait should cost no more than a try: an `async fn`
/// moves everything once more.
#[must_use = "futures do nothing unless awaited"]
pub struct Acquiring<'h> {
    request: PermitRequest<'h>,
    /// Once the gate was found short. Boxed, so that the future stays small.
    waiting: Option<InLine<'h>>,
}

impl fmt::Debug for Acquiring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = self.waiting.is_some();
        f.debug_struct("Acquiring").field("request", &self.request).field("waits", &waits).finish()
    }
}

impl<'h> Future for Acquiring<'h> {
    type Output = Result<Permit<'h>, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let core = this.request.core;
        if this.waiting.is_none() {
            if let Some(recorded) = core.front.take(&this.request.cost) {
                let cost = std::mem::take(&mut this.request.cost);
                return Poll::Ready(Ok(Permit::new(core, cost, recorded)));
            }
            let in_line = waiting::in_line(core, this.request.in_line());
            this.waiting = Some(Box::pin(in_line));
        }
        let Some(waiting) = &mut this.waiting else {
            return Poll::Pending;
        };
        waiting.as_mut().poll(context).map_ok(|grant| {
            let cost = std::mem::take(&mut this.request.cost);
            Permit::new(core, cost, grant.claim())
        })
    }
}
