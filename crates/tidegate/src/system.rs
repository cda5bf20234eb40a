//! The whole: starting, finding services, looking at everything, stopping.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix::prelude::*;
use crossbeam_channel::bounded;
use tidegate_algorithms::Carry;
use tidegate_observability::event::channel;
use tidegate_observability::{EventSender, Events};
use tidegate_scheduler::LimiterConfig;
use tidegate_scheduler::messages::{Inspect, ReconfigureError, Unavailable};
use tidegate_scheduler::retry::RetryBudget;
use tidegate_store::RunMarkFile;
use tidegate_supervisor::actor::{
    Inspect as InspectAll, ReconfigureShared, StopAll, SupervisorActor,
};
use tidegate_supervisor::{SupervisorConfig, SupervisorState};
use tidegate_units::{Clock, Limit, Scope, ServiceName, Span, WallOrigin};
use tokio::runtime::{Handle as Runtime, RuntimeFlavor};

use crate::builder::Manners;
use crate::desk::Desk;
use crate::handle::{Core, Handle};
use crate::observer::{Callback, Observer, Seen};
use crate::repeated::Repeated;
use crate::run_mark::{self, RunMarkKeeper};
use crate::sinks::Sinks;
use crate::watch::{SAMPLE_EVERY, Watch, keep_watch};
use crate::{AcquireError, Builder, StartError, UnknownService};

/// All services of a program, with the limits that they share. Stops when it is dropped; handles
/// that are left then say so.
#[derive(Debug)]
pub struct Tidegate {
    services: BTreeMap<ServiceName, Handle>,
    supervisor: Addr<SupervisorActor>,
    pub(crate) watch: Arc<Watch>,
    _observer: Observer,
    /// The thread of the actors, if it is ours.
    thread: Option<(System, JoinHandle<()>)>,
    /// Dropped last: renews the mark while anything can still be granted.
    _run_mark: Option<RunMarkKeeper>,
}

/// What is started on the arbiter.
struct Plan {
    supervisor: SupervisorConfig,
    limiters: Vec<LimiterConfig>,
    manners: BTreeMap<ServiceName, Manners>,
    clock: Arc<dyn Clock>,
    origin: WallOrigin,
    events: EventSender,
    seen: Arc<Seen>,
    sinks: Sinks,
    sample_every: Span,
    idle: Option<Span>,
}

/// What has been started there.
struct Running {
    services: BTreeMap<ServiceName, Handle>,
    watch: Arc<Watch>,
}

impl Tidegate {
    /// Begins to say what to start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn start(mut builder: Builder) -> Result<Self, StartError> {
        let mark = builder.run_mark.clone().map(|path| run_mark::begin(RunMarkFile::new(path)));
        let (idle, run_mark) = match mark.transpose()? {
            Some((idle, keeper)) => (idle, Some(keeper)),
            None => (None, None),
        };
        let mut callbacks = std::mem::take(&mut builder.callbacks);
        let (plan, events) = Plan::new(&builder, idle)?;
        callbacks.extend(plan.sinks.posts());
        if callbacks.iter().any(Callback::wants_waits) {
            plan.events.want_waits();
        }
        let observer = Observer::start(events, Arc::clone(&plan.seen), callbacks);
        let observer = observer.map_err(|source| StartError::Thread { source })?;
        let (running, thread) = if on_a_running_system() {
            (plan.start_here(), None)
        } else {
            plan.start_on_thread().map(|(running, thread)| (running, Some(thread)))?
        };
        Ok(Self {
            services: running.services,
            supervisor: running.watch.supervisor.clone(),
            watch: running.watch,
            _observer: observer,
            thread,
            _run_mark: run_mark,
        })
    }

    /// The handle of a service.
    ///
    /// # Errors
    ///
    /// [`UnknownService`] with the names of those that there are.
    pub fn service(&self, name: &str) -> Result<Handle, UnknownService> {
        let found = self.services.iter().find(|(known, _)| known.as_str() == name);
        found.map(|(_, handle)| handle.clone()).ok_or_else(|| UnknownService {
            name: name.chars().take(80).collect(),
            known: self.services.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    /// Every service.
    pub fn services(&self) -> impl Iterator<Item = &Handle> {
        self.services.values()
    }

    /// Where the shared limits stand, and how each limiter fares.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Stopped`] when nobody answers.
    pub async fn supervisor_state(&self) -> Result<SupervisorState, AcquireError> {
        self.supervisor.send(InspectAll).await.map_err(|_| self.gone())
    }

    /// Puts these limits in the place of those that all services share, while calls come and wait.
    /// When it returns, every service has heard of them and given back what it held unspent; what it
    /// had granted by then counts against the new limits as `carry` says.
    ///
    /// Which limit takes over from which, and what becomes of those who wait, is as for
    /// [`Handle::reconfigure`].
    ///
    /// ```
    /// use tidegate::{Carry, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let tidegate = Tidegate::builder()
    ///     .service("git", ServiceConfig::default())?
    ///     .global_limit("1 request per minute".parse()?)
    ///     .start()?;
    /// let git = tidegate.service("git")?;
    /// git.request().acquire().await?.done();
    ///
    /// tidegate.reconfigure_shared(["2 requests per minute".parse()?], Carry::Additive).await?;
    /// git.request().acquire().await?.done();
    ///
    /// let limits = ["1_000 bytes per minute".parse()?];
    /// let refused = tidegate.reconfigure_shared(limits, Carry::Additive).await.unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "a limit on bytes for all services: only requests can be limited while it runs, \
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
    /// other than requests that no shared limit counted at the start, and when nobody answers.
    ///
    /// # Cancel safety
    ///
    /// As [`Handle::reconfigure`].
    pub async fn reconfigure_shared(
        &self,
        limits: impl IntoIterator<Item = Limit>,
        carry: Carry,
    ) -> Result<(), ReconfigureError> {
        let limits = limits.into_iter().collect();
        let answer = self.supervisor.send(ReconfigureShared { limits, carry }).await;
        answer.unwrap_or_else(|_| {
            let (scope, why) = (Scope::Global, Unavailable::Gone);
            Err(ReconfigureError::Unavailable { scope, why })
        })?;
        for handle in self.services.values() {
            // Behind the message of the change in its mailbox; who is gone grants nothing.
            let _ = handle.core.limiter.send(Inspect).await;
        }
        Ok(())
    }

    fn gone(&self) -> AcquireError {
        match self.services.values().next() {
            Some(handle) => handle.core.gone(),
            None => unreachable!("a Tidegate has at least one service"),
        }
    }
}

impl Drop for Tidegate {
    fn drop(&mut self) {
        for handle in self.services.values() {
            handle.core.front.stop(Unavailable::Gone);
        }
        let asked = self.supervisor.try_send(StopAll);
        if let Some((system, thread)) = self.thread.take() {
            if asked.is_err() {
                system.stop();
            }
            // Stopping comes after `StopAll` in the arbiter's queue, so that those who wait are told.
            system.arbiter().spawn(async move { System::current().stop() });
            // A permit may be dropped on the actors' own thread; that cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

/// Whether an actix system runs on this thread. One that was only made, or has ended, is still known
/// to its thread, but there is no runtime of its kind to start actors on.
fn on_a_running_system() -> bool {
    let runtime = Runtime::try_current().map(|runtime| runtime.runtime_flavor());
    System::try_current().is_some() && matches!(runtime, Ok(RuntimeFlavor::CurrentThread))
}

impl Plan {
    fn new(builder: &Builder, idle: Option<Span>) -> Result<(Self, Events), StartError> {
        let shared = &builder.config.global.limits;
        let clock = builder.clock_or_runtime();
        let wall_origin = builder.wall_origin_of(&*clock);
        let (events, receiver) = channel(wall_origin);
        let limiter =
            |(name, service): (&ServiceName, &tidegate_config::ServiceConfig)| LimiterConfig {
                service: name.clone(),
                limits: service.limits.clone(),
                shared: shared.clone(),
                queue: service.queue.clone(),
                concurrency: service.concurrency,
                in_flight: service.in_flight,
                adaptive: service.adaptive.clone(),
                breaker: service.breaker,
                scoped: service.scoped.clone(),
                wall_origin,
            };
        let plan = Self {
            supervisor: SupervisorConfig {
                limits: shared.clone(),
                services: builder.config.services.keys().cloned().collect(),
                restarts: builder.restarts,
                wall_origin,
            },
            limiters: builder.config.services.iter().map(limiter).collect(),
            manners: builder.manners(),
            clock,
            origin: wall_origin,
            events,
            seen: Arc::new(Seen::new(builder.config.alerts.clone())),
            sinks: Sinks::start(builder)?,
            sample_every: builder.sample_every.unwrap_or(SAMPLE_EVERY),
            idle,
        };
        Ok((plan, receiver))
    }

    /// Starts everything on the arbiter of this thread.
    fn start_here(self) -> Running {
        let started = tidegate_supervisor::actor::start(
            &self.supervisor,
            self.limiters,
            &self.clock,
            self.events.clone(),
            self.idle,
        );
        let handle = |(name, service): (ServiceName, tidegate_supervisor::actor::Service)| {
            let Manners { timeout, retry } = self.manners.get(&name).copied().unwrap_or_default();
            let core = Arc::new(Core {
                front: service.front,
                limiter: service.limiter,
                supervisor: started.supervisor.clone(),
                arbiter: std::thread::current().id(),
                timeout,
                retry,
                budget: Mutex::new(RetryBudget::new(retry.budget)),
                repeated: Repeated::default(),
            });
            let desk = Desk::new(Arc::clone(&core)).start();
            (name, Handle { core, desk })
        };
        let services: BTreeMap<_, _> = started.services.into_iter().map(handle).collect();
        let cores = services.iter().map(|(name, handle)| (name.clone(), Arc::clone(&handle.core)));
        let watch = Arc::new(Watch {
            services: cores.collect(),
            supervisor: started.supervisor.clone(),
            events: self.events,
            started: self.clock.now(),
            clock: self.clock,
            origin: self.origin,
            seen: self.seen,
            sinks: self.sinks,
        });
        keep_watch(&watch, self.sample_every);
        Running { services, watch }
    }

    /// Starts everything on a new system, on a thread of its own.
    fn start_on_thread(self) -> Result<(Running, (System, JoinHandle<()>)), StartError> {
        let (sender, receiver) = bounded(1);
        let run = move || {
            let runner = System::new();
            let started = runner.block_on(async move { (self.start_here(), System::current()) });
            if sender.send(started).is_ok() {
                // Ends when the system is stopped; there is nobody to tell how.
                let _ = runner.run();
            }
        };
        let thread = std::thread::Builder::new().name("tidegate".to_owned()).spawn(run);
        let thread = thread.map_err(|source| StartError::Thread { source })?;
        let (running, system) = receiver.recv().map_err(|_| StartError::ThreadEnded)?;
        Ok((running, (system, thread)))
    }
}
