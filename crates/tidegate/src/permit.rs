//! What a caller holds while it makes one call.

use std::sync::Arc;

use tidegate_adaptive::{Hint, Observation};
use tidegate_scheduler::front::difference;
use tidegate_scheduler::messages::Hinted;
use tidegate_scheduler::{Call, Labels, Settlement};
use tidegate_units::{Amounts, Cost, Instant, Outcome, Priority};

use crate::handle::Core;
use crate::trace::CallSpan;

/// The right to make one call. Close it with what came of the call; a permit that is dropped counts
/// its estimate as spent and the call as cancelled.
///
/// Closing never waits and never fails.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as a cancelled call"]
pub struct Permit<'h> {
    core: Held<'h>,
    cost: Cost,
    /// When the cost was recorded, or the last instant of which that is not known to be so.
    recorded: Instant,
    /// What there is to say of most permits not: those from the gate, of calls that said nothing of
    /// themselves and that nobody times. Boxed, so that those cost nothing for it.
    origin: Option<Box<Origin>>,
    closed: bool,
}

/// How a permit came about.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) priority: Priority,
    pub(crate) labels: Option<Arc<Labels>>,
    pub(crate) by_gate: bool,
    /// When the call began, where somebody wants to know how long it takes.
    pub(crate) started: Option<Instant>,
    pub(crate) span: CallSpan,
}

/// A borrowed handle costs nothing on the granting path; an owned one may go anywhere.
#[derive(Debug)]
enum Held<'h> {
    Borrowed(&'h Arc<Core>),
    Owned(Arc<Core>),
}

impl<'h> Permit<'h> {
    #[inline]
    pub(crate) fn new(
        core: &'h Arc<Core>,
        cost: Cost,
        recorded: Instant,
        origin: Option<Box<Origin>>,
    ) -> Self {
        Self { core: Held::Borrowed(core), cost, recorded, origin, closed: false }
    }

    /// What the call was estimated to take.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// The same permit, free of the handle that it came from.
    pub fn into_owned(mut self) -> Permit<'static> {
        self.closed = true;
        Permit {
            core: Held::Owned(Arc::clone(self.core())),
            cost: self.cost.clone(),
            recorded: self.recorded,
            origin: self.origin.take(),
            closed: false,
        }
    }

    /// The call went well and took what was estimated. Where calls under way are not counted, nothing
    /// is left to be said, and nothing is.
    #[inline]
    pub fn done(mut self) {
        let front = &self.core().front;
        let labelled = self.origin.as_ref().is_some_and(|origin| origin.labels.is_some());
        if labelled || front.hears_all() || front.was_paused() {
            return self.settle(Observation::ok());
        }
        if let Some(origin) = &self.origin {
            origin.span.end(Outcome::Ok);
        }
        self.closed = true;
    }

    /// The span of the call, to see as its children what happens during it; none if nobody collects it. It
    /// ends with the permit, and says how the call ended.
    #[cfg(feature = "tracing")]
    pub fn span(&self) -> tracing::Span {
        let origin = self.origin.as_ref();
        origin.map_or_else(tracing::Span::none, |origin| origin.span.span().clone())
    }

    /// The call went well and took `actual`: what was estimated beyond it is given back, what it took
    /// beyond the estimate is owed, and paid before anything else passes.
    pub fn ok(self, actual: Cost) {
        self.settle(Observation::ok().actual(actual));
    }

    /// The call failed for a reason that has nothing to do with limits. The estimate stands.
    pub fn failed(self) {
        self.settle(Observation::new(Outcome::Failed));
    }

    /// The call was never made. Everything is given back.
    pub fn cancel(self) {
        self.settle(Observation::new(Outcome::Cancelled).actual(Cost::ZERO));
    }

    /// The service told about its limits and the call goes on: a response whose head is there and whose
    /// body is still being read. Where a pace is learned it is heard of now rather than at the end; when
    /// the limiter is too busy to hear it, it is lost, and the next one tells more.
    pub fn hinted(&self, hints: impl Into<Box<[Hint]>>) {
        let core = self.core();
        if core.front.learns() || core.front.was_paused() {
            let started = self.origin.as_ref().and_then(|origin| origin.started);
            let sent_at = started.unwrap_or(self.recorded);
            let _ = core.limiter.try_send(Hinted { sent_at, hints: hints.into() });
        }
    }

    /// Closes the permit with everything that is known about the call. If the service asked to be
    /// left alone, nobody is let through to it from here on until that time is over.
    pub fn settle(mut self, observation: Observation) {
        let Observation { outcome, actual, retry_after: pause, hints } = observation;
        self.closed = true;
        let front = &self.core().front;
        let (refund, debt) = match actual {
            Some(actual) => difference(front.dimensions(), &self.cost, &actual),
            None => (Amounts::NONE, Amounts::NONE),
        };
        if let Some(origin) = &self.origin {
            origin.span.end(outcome);
        }
        let (recorded, call) = (self.recorded, Call { hints, ..self.call() });
        front.settle(Settlement::Closed { outcome, recorded, refund, debt, pause, call });
    }

    fn call(&self) -> Call {
        let Some(origin) = &self.origin else {
            return Call { by_gate: true, ..Call::default() };
        };
        let front = &self.core().front;
        let took = origin.started.map(|started| front.now().since(started));
        let labels = origin.labels.clone();
        let cost = (front.learns() || labels.is_some()).then(|| self.cost.clone());
        let Origin { priority, by_gate, .. } = **origin;
        Call { by_gate, took, priority, labels, cost, ..Call::default() }
    }

    fn core(&self) -> &Arc<Core> {
        match &self.core {
            Held::Borrowed(core) => core,
            Held::Owned(core) => core,
        }
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.closed {
            if let Some(origin) = &self.origin {
                origin.span.end(Outcome::Cancelled);
            }
            let settlement = Settlement::closed(Outcome::Cancelled, self.recorded, self.call());
            self.core().front.settle(settlement);
        }
    }
}
