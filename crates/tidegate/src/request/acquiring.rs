//! A permit that is being acquired, as a future.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tidegate_scheduler::front::Grant;

use super::PermitRequest;
use crate::permit::Permit;
use crate::{AcquireError, waiting};

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

impl<'h> Acquiring<'h> {
    #[inline]
    pub(super) fn new(request: PermitRequest<'h>) -> Self {
        Self { request, waiting: None }
    }
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
            if !this.request.is_plain() {
                if let Some(permit) = this.request.take_with_details() {
                    return Poll::Ready(Ok(permit));
                }
            } else if let Some(recorded) =
                core.front.take(&this.request.cost, this.request.priority)
            {
                let cost = std::mem::take(&mut this.request.cost);
                return Poll::Ready(Ok(Permit::new(core, cost, recorded, None)));
            }
            if let Err(invalid) = this.request.check() {
                return Poll::Ready(Err(invalid));
            }
            let in_line = waiting::in_line(core, this.request.in_line());
            this.waiting = Some(Box::pin(in_line));
        }
        let Some(waiting) = &mut this.waiting else {
            return Poll::Pending;
        };
        let granted = waiting.as_mut().poll(context);
        granted.map_ok(|grant| this.request.granted(grant.claim()))
    }
}
