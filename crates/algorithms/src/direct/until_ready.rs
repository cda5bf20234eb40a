//! Waiting for permits, as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tidegate_units::{Clock, Span};

use super::line::{Place, Ticket, WAITING_MAX};
use super::{Inner, Refused};
use crate::Decision;

/// Waits until the permits are granted; see [`Direct::until_ready`](super::Direct::until_ready), with
/// an example.
///
/// # Errors
///
/// It answers [`Refused`], as the method that made it says.
///
/// # Panics
///
/// When polled again after it was ready.
///
/// # Cancel safety
///
/// Dropped before it was ready, it has consumed nothing: its place in the line, or a permit that it has
/// not seen yet, goes to the next. See [`Direct::until_ready`](super::Direct::until_ready) for the
/// exception.
#[must_use = "nothing is waited for until this is polled"]
pub struct UntilReady<'a, C: Clock + 'static> {
    inner: &'a Arc<Inner<C>>,
    cost: u64,
    within: Option<Span>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    New,
    Waiting(Ticket),
    Done,
}

impl<'a, C: Clock + 'static> UntilReady<'a, C> {
    pub(super) fn new(inner: &'a Arc<Inner<C>>, cost: u64, within: Option<Span>) -> Self {
        Self { inner, cost, within, stage: Stage::New }
    }

    /// Waits on this thread.
    ///
    /// # Errors
    ///
    /// As the future.
    ///
    /// # Panics
    ///
    /// Where the waiting has been started and finished by polling before.
    pub fn wait(mut self) -> Result<(), Refused> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Asks for the first time: takes at once, or a place in the line.
    fn start(&mut self, waker: &Waker) -> Poll<Result<(), Refused>> {
        let inner = self.inner;
        // Wakers are foreign code, and not to be run while the line is locked.
        let waker = waker.clone();
        let mut line = inner.line();
        let now = inner.clock.now();
        let capacity = inner.form.capacity();
        if self.cost > capacity {
            return self.done(Err(Refused::Never { cost: self.cost, capacity }));
        }
        if line.is_empty() && inner.form.take(&inner.clock, self.cost) == Decision::Admit {
            return self.done(Ok(()));
        }
        if line.len() >= WAITING_MAX {
            return self.done(Err(Refused::Full { waiting: line.len() }));
        }
        let wait = inner.wait_behind(&line, now, self.cost);
        if self.within.is_some_and(|within| within < wait) {
            return self.done(Err(Refused::Later { retry_after: wait }));
        }
        let deadline = self.within.map(|within| now + within);
        let ticket = line.join(self.cost, deadline, waker);
        self.stage = Stage::Waiting(ticket);
        inner.has_line.store(true, Ordering::Relaxed);
        if !inner.serve_after(&mut line, now, wait) {
            let (_, waker) = line.leave(ticket);
            inner.has_line.store(!line.is_empty(), Ordering::Relaxed);
            drop(line);
            drop(waker);
            return self.done(Err(Refused::Unserved));
        }
        Poll::Pending
    }

    fn look(&mut self, ticket: Ticket, waker: &Waker) -> Poll<Result<(), Refused>> {
        let inner = self.inner;
        let mut waker = waker.clone();
        let mut line = inner.line();
        match line.look(ticket, &mut waker) {
            Place::Waiting => {
                drop(line);
                drop(waker);
                Poll::Pending
            }
            Place::Granted(_) => self.done(Ok(())),
            Place::Never => {
                let capacity = inner.form.capacity();
                self.done(Err(Refused::Never { cost: self.cost, capacity }))
            }
            Place::Abandoned => self.done(Err(Refused::Unserved)),
            Place::Expired => {
                let wait = inner.wait_behind(&line, inner.clock.now(), self.cost);
                let retry_after = wait.max(Span::from_nanos(1));
                self.done(Err(Refused::Later { retry_after }))
            }
        }
    }

    fn done(&mut self, answer: Result<(), Refused>) -> Poll<Result<(), Refused>> {
        self.stage = Stage::Done;
        Poll::Ready(answer)
    }
}

impl<C: Clock + 'static> Future for UntilReady<'_, C> {
    type Output = Result<(), Refused>;

    /// # Panics
    ///
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.stage {
            Stage::New => self.start(context.waker()),
            Stage::Waiting(ticket) => self.look(ticket, context.waker()),
            Stage::Done => panic!("`UntilReady` was polled after it was ready"),
        }
    }
}

impl<C: Clock + 'static> Drop for UntilReady<'_, C> {
    fn drop(&mut self) {
        let Stage::Waiting(ticket) = self.stage else {
            return;
        };
        let (left, waker) = self.inner.line().leave(ticket);
        drop(waker);
        if let Place::Granted(Some(at)) = left {
            self.inner.form.refund(&self.inner.clock, at, self.cost);
        }
        // Whoever is next may fit now.
        self.inner.serve();
    }
}

impl<C: Clock + 'static> fmt::Debug for UntilReady<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cost, within, stage, .. } = self;
        f.debug_struct("UntilReady")
            .field("cost", cost)
            .field("within", within)
            .field("stage", stage)
            .finish_non_exhaustive()
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
