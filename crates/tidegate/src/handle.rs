//! One service, as callers see it.

use std::sync::Arc;
use std::thread::ThreadId;

use actix::Addr;
use tidegate_algorithms::LimitUsage;
use tidegate_scheduler::LimiterState;
use tidegate_scheduler::actor::LimiterActor;
use tidegate_scheduler::front::Front;
use tidegate_scheduler::messages::{Inspect, Reset, Unavailable};
use tidegate_supervisor::actor::SupervisorActor;
use tidegate_units::{Cost, ServiceName, Span};

use crate::desk::Desk;
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
}

/// Where a service stands: what its operations came to, and its limits with the shared ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
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

    /// Whether a call of `cost` would be granted at this instant without waiting. Takes nothing; by
    /// the time of the call it may be different.
    pub fn has_capacity(&self, cost: &Cost) -> bool {
        self.core.front.has(cost)
    }

    /// Where the service stands, with everything granted so far accounted for.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Unavailable`] or [`AcquireError::Stopped`] when nobody answers.
    pub async fn usage(&self) -> Result<Usage, AcquireError> {
        let gone = |_| self.core.gone();
        let service = self.core.limiter.send(Inspect).await.map_err(gone)?;
        let inspect = tidegate_supervisor::actor::Inspect;
        let shared = self.core.supervisor.send(inspect).await.map_err(gone)?;
        Ok(Usage { service, shared: shared.limits })
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
    /// Nobody answered.
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
