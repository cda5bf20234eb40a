//! For hosts made of actix actors: permits by message.
//!
//! ```
//! use actix::prelude::*;
//! use tidegate::desk::AcquirePermit;
//! use tidegate::{Cost, ServiceConfig, Tidegate};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! System::new().block_on(async {
//!     // On a running actix system, the actors join it.
//!     let limits = ["50 requests per minute".parse()?];
//!     let builder = Tidegate::builder().service("git", ServiceConfig::limited(limits))?;
//!     let tidegate = builder.start()?;
//!     let git: Recipient<AcquirePermit> = tidegate.service("git")?.recipient();
//!     let permit = git.send(AcquirePermit::of(Cost::request())).await??;
//!     permit.done();
//!     Ok(())
//! })
//! # }
//! ```

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tidegate_adaptive::Observation;
use tidegate_algorithms::Carry;
use tidegate_scheduler::LimiterState;
use tidegate_scheduler::messages::{Inspect, ReconfigureError};
use tidegate_units::{Cost, Limit, Priority};

use crate::handle::Core;
use crate::{AcquireError, Handle, Permit, PermitRequest};

/// Wait for a permit. Answered by the permit, or by why there is none.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Permit<'static>, AcquireError>")]
pub struct AcquirePermit {
    /// What the call takes.
    pub cost: Cost,
    /// How urgent it is.
    pub priority: Priority,
    /// How long to wait at most; `None` for as long as the service's queue lets callers wait.
    pub within: Option<Duration>,
}

impl AcquirePermit {
    /// Wait for a permit for a call of `cost`, as long as the queue lets callers wait.
    pub fn of(cost: Cost) -> Self {
        Self { cost, priority: Priority::Normal, within: None }
    }
}

/// Close a permit; the same as [`Permit::settle`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SettlePermit {
    /// The permit.
    pub permit: Permit<'static>,
    /// What came of the call.
    pub observation: Observation,
}

/// Change the limits of the service; the same as [`Handle::reconfigure`].
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), ReconfigureError>")]
pub struct ChangeLimits {
    /// The new limits.
    pub limits: Vec<Limit>,
    /// What becomes of what was used.
    pub carry: Carry,
}

/// The actor that takes messages for one service.
#[derive(Debug)]
pub struct Desk {
    core: Arc<Core>,
}

impl Desk {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

impl Handle {
    /// Where to send [`AcquirePermit`], [`SettlePermit`], [`ChangeLimits`] or
    /// [`Inspect`] for this service.
    pub fn recipient<M>(&self) -> Recipient<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Desk: Handler<M>,
    {
        self.desk.clone().recipient()
    }
}

impl Actor for Desk {
    type Context = Context<Self>;
}

impl Handler<AcquirePermit> for Desk {
    type Result = ResponseFuture<Result<Permit<'static>, AcquireError>>;

    fn handle(&mut self, acquire: AcquirePermit, _: &mut Context<Self>) -> Self::Result {
        let core = Arc::clone(&self.core);
        Box::pin(async move {
            let request = PermitRequest::new(&core).cost(acquire.cost).priority(acquire.priority);
            let request = match acquire.within {
                Some(within) => request.within(within),
                None => request,
            };
            request.acquire().await.map(Permit::into_owned)
        })
    }
}

impl Handler<SettlePermit> for Desk {
    type Result = ();

    fn handle(&mut self, settle: SettlePermit, _: &mut Context<Self>) {
        settle.permit.settle(settle.observation);
    }
}

impl Handler<ChangeLimits> for Desk {
    type Result = ResponseFuture<Result<(), ReconfigureError>>;

    fn handle(&mut self, change: ChangeLimits, _: &mut Context<Self>) -> Self::Result {
        let core = Arc::clone(&self.core);
        Box::pin(async move { core.reconfigure(change.limits, change.carry).await })
    }
}

impl Handler<Inspect> for Desk {
    type Result = ResponseFuture<LimiterState>;

    fn handle(&mut self, inspect: Inspect, _: &mut Context<Self>) -> Self::Result {
        let limiter = self.core.limiter.clone();
        let front = Arc::clone(&self.core.front);
        Box::pin(async move {
            match limiter.send(inspect).await {
                Ok(state) => state,
                Err(_) => LimiterState::stopped(front.service().clone()),
            }
        })
    }
}
