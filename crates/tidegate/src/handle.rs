//! One service, as callers see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use actix::Addr;
use tidegate_algorithms::{Carry, LimitUsage};
use tidegate_observability::ServiceSample;
use tidegate_observability::status::Statistics;
use tidegate_scheduler::actor::LimiterActor;
use tidegate_scheduler::front::Front;
use tidegate_scheduler::messages::{
    Explain, ExplainWaiting, Inspect, Reconfigure, ReconfigureError, Reset, TakeSample, Unavailable,
};
use tidegate_scheduler::retry::RetryBudget;
use tidegate_scheduler::{Explanation, LimiterState};
use tidegate_supervisor::actor::SupervisorActor;
use tidegate_units::{Cost, Limit, Priority, RetryPolicy, Scope, ServiceName, Span};

use crate::desk::Desk;
use crate::repeated::Repeated;
use crate::{AcquireError, PermitRequest};

/// One service. Cheap to clone, free to share between threads and tasks.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) core: Arc<Core>,
    pub(crate) desk: Addr<Desk>,
}

/// What a service's handle, its desk and its permits share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) front: Arc<Front>,
    pub(crate) limiter: Addr<LimiterActor>,
    pub(crate) supervisor: Addr<SupervisorActor>,
    /// The thread that the limiter runs on.
    pub(crate) arbiter: ThreadId,
    /// How long a caller waits who does not say.
    pub(crate) timeout: Span,
    /// How its calls are made again that did not succeed.
    pub(crate) retry: RetryPolicy,
    /// What is left for that, shared by everybody who calls the service. Never touched by those who
    /// only acquire.
    pub(crate) budget: Mutex<RetryBudget>,
    /// How often that was done.
    pub(crate) repeated: Repeated,
}

/// Where a service stands: what its operations came to, and its limits with the shared ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// How many operations there were, and how many of them were throttled.
    pub statistics: Statistics,
    /// The service itself.
    pub service: LimiterState,
    /// The limits that it shares with all services.
    pub shared: Vec<LimitUsage>,
}

impl Handle {
    /// The name of the service.
    pub fn name(&self) -> &ServiceName {
        self.core.front.service()
    }

    /// Asks for a permit for one call; it says on what it is given what the call takes.
    #[inline]
    pub fn request(&self) -> PermitRequest<'_> {
        PermitRequest::new(&self.core)
    }

    /// Whether a call of `cost` and of class normal would be granted at this instant without waiting.
    /// Takes nothing; by the time of the call it may be different. For a request that says more there
    /// is [`Handle::has_capacity_for`].
    pub fn has_capacity(&self, cost: &Cost) -> bool {
        self.core.front.has(cost, Priority::Normal)
    }

    /// Where the service stands, with everything granted so far accounted for.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Unavailable`] or [`AcquireError::Stopped`] when nobody answers.
    pub async fn usage(&self) -> Result<Usage, AcquireError> {
        let gone = |_| self.core.gone();
        let statistics = Statistics::of(&self.sample().await?);
        let service = self.core.limiter.send(Inspect).await.map_err(gone)?;
        let inspect = tidegate_supervisor::actor::Inspect;
        let shared = self.core.supervisor.send(inspect).await.map_err(gone)?;
        Ok(Usage { statistics, service, shared: shared.limits })
    }

    /// Every figure of the service, exact as of now: what it counted, and where its limits stand. Failures,
    /// restarts and retries are in [`Tidegate::sample`](crate::Tidegate::sample) only.
    ///
    /// # Errors
    ///
    /// As [`Handle::usage`].
    pub async fn sample(&self) -> Result<ServiceSample, AcquireError> {
        self.core.limiter.send(TakeSample).await.map_err(|_| self.core.gone())
    }

    /// What would become of a request if it were made now: at once or when, which limit binds at which
    /// scope, who is ahead, and what it would take for it to run at once. Takes nothing.
    ///
    /// ```
    /// use tidegate::{ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let limits = ["1 request per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
    /// let git = tidegate.service("git")?;
    /// assert_eq!(git.explain(&git.request()).await?.to_string(), "runs at once");
    ///
    /// git.request().acquire().await?.done();
    /// let why = git.explain(&git.request()).await?;
    /// assert_eq!(why.missing[0].to_string(), "1 more requests of service `git`");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::usage`], [`AcquireError::InvalidKey`], and [`AcquireError::Stopped`] once a stop has
    /// begun.
    pub async fn explain(&self, request: &PermitRequest<'_>) -> Result<Explanation, AcquireError> {
        let request = request.as_asked()?;
        if self.core.front.is_stopping() {
            return Err(self.core.gone());
        }
        let explained = self.core.limiter.send(Explain { request }).await;
        let explained = explained.map_err(|_| self.core.gone())?;
        explained.ok_or_else(|| self.core.unavailable(Unavailable::Restarting))
    }

    /// Why those who wait for this service wait, the first to come first, at most `most` of them and at most
    /// 1000.
    ///
    /// # Errors
    ///
    /// As [`Handle::usage`].
    pub async fn explain_waiting(&self, most: usize) -> Result<Vec<Explanation>, AcquireError> {
        self.core.limiter.send(ExplainWaiting { most }).await.map_err(|_| self.core.gone())
    }

    /// Forgets what was used of the service's own limits: for tests, or after a mistake was mended
    /// at the service. Limits shared with other services are left alone.
    ///
    /// # Errors
    ///
    /// As [`Handle::usage`].
    pub async fn reset(&self) -> Result<(), AcquireError> {
        self.core.limiter.send(Reset).await.map_err(|_| self.core.gone())
    }

    /// Puts these limits in the place of the service's own, while calls come and wait. When it returns
    /// they hold: nothing is granted under the old ones any more.
    ///
    /// A limit takes over from the old one of its dimension with the same window, or else from another
    /// of its dimension; `carry` says how much of what was used goes with it. Who waits is granted at
    /// once where there is room now, and refused at once where there never will be, or not before its
    /// deadline. None at all means that only the shared limits hold. Queue and shared limits stay.
    ///
    /// After a failure the limiter goes on under the limits that were set last. A new start takes them
    /// from the configuration again.
    ///
    /// ```
    /// use tidegate::{Carry, Cost, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let limits = ["2 requests per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
    /// let git = tidegate.service("git")?;
    /// git.request().cost(Cost::request().requests(2)).acquire().await?.done();
    ///
    /// // Two stay used, so one more passes now.
    /// git.reconfigure(["3 requests per minute".parse()?], Carry::Additive).await?;
    /// git.request().acquire().await?.done();
    /// assert!(git.request().try_acquire().is_err());
    ///
    /// // Nobody has counted the bytes of calls that are under way.
    /// let limits = ["1_000 bytes per minute".parse()?];
    /// let refused = git.reconfigure(limits, Carry::Additive).await.unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "a limit on bytes for service `git`: only requests can be limited while it runs, \
    ///      restart with the new limits"
    /// );
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReconfigureError`], and nothing has changed: for more than 64 limits, for one on a dimension
    /// that neither the service nor what it shares was limited in at the start, and when nobody
    /// answers. Requests can always be limited.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it has returned, the change may or may not have been made; never a part of it.
    pub async fn reconfigure(
        &self,
        limits: impl IntoIterator<Item = Limit>,
        carry: Carry,
    ) -> Result<(), ReconfigureError> {
        self.core.reconfigure(limits.into_iter().collect(), carry).await
    }

    /// Makes the limiter's machine panic.
    ///
    /// # Errors
    ///
    /// As [`Handle::usage`].
    #[cfg(feature = "faults")]
    pub async fn inject_panic(&self) -> Result<(), AcquireError> {
        let inject = tidegate_scheduler::messages::InjectPanic;
        self.core.limiter.send(inject).await.map_err(|_| self.core.gone())
    }
}

impl Core {
    pub(crate) async fn reconfigure(
        &self,
        limits: Vec<Limit>,
        carry: Carry,
    ) -> Result<(), ReconfigureError> {
        let answer = self.limiter.send(Reconfigure { limits, carry }).await;
        answer.unwrap_or_else(|_| {
            let scope = Scope::Service(self.front.service().clone());
            Err(ReconfigureError::Unavailable { scope, why: Unavailable::Gone })
        })
    }

    /// The retries that are left. A panic elsewhere cannot poison it: it is valid after every statement.
    pub(crate) fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody answered, or the service was stopped.
    pub(crate) fn gone(&self) -> AcquireError {
        self.unavailable(Unavailable::Gone)
    }

    pub(crate) fn unavailable(&self, why: Unavailable) -> AcquireError {
        let service = self.front.service().clone();
        match why {
            Unavailable::Gone => AcquireError::Stopped { service },
            why => AcquireError::Unavailable { service, why },
        }
    }
}
