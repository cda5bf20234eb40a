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
use tidegate_units::{Cost, Key, Limit, Priority};

use crate::handle::Core;
use crate::{AcquireError, Drain, Handle, Permit, PermitRequest};

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
    /// The model that it asks, if it says.
    pub model: Option<Arc<str>>,
    /// The endpoint that it calls, if it says.
    pub endpoint: Option<Arc<str>>,
    /// On whose behalf; at most 8, or it is refused.
    pub keys: Vec<Key>,
}

impl AcquirePermit {
    /// Wait for a permit for a call of `cost`, as long as the queue lets callers wait.
    pub fn of(cost: Cost) -> Self {
        Self {
            cost,
            priority: Priority::Normal,
            within: None,
            model: None,
            endpoint: None,
            keys: Vec::new(),
        }
    }

    /// The same of another class.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// The same, waiting at most this long.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.within = Some(deadline);
        self
    }

    /// The same for this model; as [`PermitRequest::model`].
    pub fn model(mut self, name: &str) -> Self {
        self.model = Some(name.into());
        self
    }

    /// The same for this endpoint; as [`PermitRequest::endpoint`].
    pub fn endpoint(mut self, name: &str) -> Self {
        self.endpoint = Some(name.into());
        self
    }

    /// The same on behalf of one more; as [`PermitRequest::key`].
    pub fn key(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    fn request(self, core: &Arc<Core>) -> PermitRequest<'_> {
        let request = PermitRequest::new(core).cost(self.cost).priority(self.priority);
        let request = self.within.into_iter().fold(request, PermitRequest::within);
        let request = self.model.iter().fold(request, |request, name| request.model(name));
        let request = self.endpoint.iter().fold(request, |request, name| request.endpoint(name));
        self.keys.into_iter().fold(request, PermitRequest::with_key)
    }
}

/// Stop the service; the same as [`Handle::drain`]. Answered when nobody waits for it any more.
///
/// ```
/// use actix::prelude::*;
/// use tidegate::desk::{AcquirePermit, DrainService};
/// use tidegate::{Cost, Drain, ServiceConfig, Tidegate};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// System::new().block_on(async {
///     let tidegate = Tidegate::builder().service("git", ServiceConfig::default())?.start()?;
///     let git = tidegate.service("git")?;
///     git.recipient().send(DrainService { drain: Drain::now() }).await?;
///     let refused = git.recipient().send(AcquirePermit::of(Cost::request())).await?.unwrap_err();
///     assert_eq!(refused.code().to_string(), "E4431");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct DrainService {
    /// How long those who wait are still served.
    pub drain: Drain,
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
    /// Where to send [`AcquirePermit`], [`SettlePermit`], [`ChangeLimits`], [`DrainService`] or
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
        Box::pin(async move { acquire.request(&core).acquire().await.map(Permit::into_owned) })
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

impl Handler<DrainService> for Desk {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, stop: DrainService, _: &mut Context<Self>) -> Self::Result {
        Box::pin(self.core.drain(stop.drain))
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
