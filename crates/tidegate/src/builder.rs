//! What Tidegate is started with.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidegate_config::{Config, ServiceConfig};
use tidegate_observability::{Event, EventKind};
use tidegate_scheduler::runtime_clock::RuntimeClock;
use tidegate_supervisor::RestartPolicy;
use tidegate_units::clock::WallClock;
use tidegate_units::{Clock, Limit, RetryPolicy, ServiceName, Span, WallOrigin};

use crate::observer::Callback;
use crate::{StartError, Tidegate};

/// The parts of a [`Tidegate`] that has not been started.
#[derive(Debug, Default)]
#[must_use = "call `start`"]
pub struct Builder {
    pub(crate) config: Config,
    pub(crate) restarts: RestartPolicy,
    pub(crate) run_mark: Option<PathBuf>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) wall_origin: Option<WallOrigin>,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) sample_every: Option<Span>,
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<tidegate_observability::otlp::OtlpSettings>,
}

/// What the handles of a service do by themselves, without its limiter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manners {
    /// How long callers wait who do not say.
    pub(crate) timeout: Span,
    /// How calls are made again that did not succeed.
    pub(crate) retry: RetryPolicy,
}

impl Builder {
    /// Takes the configuration from a file, and from environment variables that begin with
    /// `TIDEGATE__`. Replaces what was said before.
    ///
    /// # Errors
    ///
    /// [`StartError::ConfigFile`] if it cannot be read, [`StartError::Config`] with every mistake in
    /// it and the line.
    pub fn config_file(self, path: impl AsRef<Path>) -> Result<Self, StartError> {
        let path = path.as_ref();
        let text = read_bounded(path)
            .map_err(|source| StartError::ConfigFile { path: path.to_owned(), source })?;
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let config = Config::parse(&path.display().to_string(), &text, environment)?;
        Ok(self.config(config))
    }

    /// Takes this configuration. Replaces what was said before.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Adds a service.
    ///
    /// # Errors
    ///
    /// [`StartError::ServiceName`] if that is no name, [`StartError::ServiceTwice`] if it is taken.
    pub fn service(mut self, name: &str, service: ServiceConfig) -> Result<Self, StartError> {
        let name: ServiceName = name.parse()?;
        if self.config.services.contains_key(&name) {
            return Err(StartError::ServiceTwice { name });
        }
        self.config.services.insert(name, service);
        Ok(self)
    }

    /// Adds a limit that all services share.
    pub fn global_limit(mut self, limit: Limit) -> Self {
        self.config.global.limits.push(limit);
        self
    }

    /// How often the limiter of a service may fail before it is given up.
    pub fn restarts(mut self, policy: RestartPolicy) -> Self {
        self.restarts = policy;
        self
    }

    /// Keeps a small file that tells the next run when this one ended, so that a restart does not
    /// start from full limits that this run has used. Only one program may use the file at a time.
    pub fn run_mark(mut self, path: impl Into<PathBuf>) -> Self {
        self.run_mark = Some(path.into());
        self
    }

    /// Takes the time from this clock instead of the runtime's. Timers still follow the runtime.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Takes this for the time on the wall at the origin of the clock, instead of what the wall clock
    /// shows at the start. It tells when a day, a week, a month or a year is over for a limit per
    /// calendar period, and nothing else.
    ///
    /// Either is read once: a wall clock that is set while the program runs moves no midnight, and one
    /// that runs at another speed than [`Builder::clock`] moves it by the difference.
    pub fn wall_origin(mut self, origin: WallOrigin) -> Self {
        self.wall_origin = Some(origin);
        self
    }

    /// Calls this when a call was not granted at once and waits. The event says how urgent it is, on whose
    /// behalf, and how many wait.
    ///
    /// Callbacks run on a thread of their own, within some 10 ms; one that is slow holds up the others and
    /// nobody else, and what happens meanwhile is dropped and counted once 512 events wait. One that panics is
    /// called again the next time.
    pub fn on_wait(self, call: impl FnMut(&Event) + Send + 'static) -> Self {
        self.on(|kind| matches!(kind, EventKind::Waiting { .. }), call)
    }

    /// Calls this when a request was refused; see [`Builder::on_wait`]. The event says why.
    pub fn on_reject(self, call: impl FnMut(&Event) + Send + 'static) -> Self {
        self.on(|kind| matches!(kind, EventKind::Refused { .. }), call)
    }

    /// Calls this when the pace of a service has changed by a twentieth or more, as of the last sample; see
    /// [`Builder::on_wait`].
    pub fn on_pace_change(self, call: impl FnMut(&Event) + Send + 'static) -> Self {
        self.on(|kind| matches!(kind, EventKind::PaceChanged { .. }), call)
    }

    /// Calls this when a warning was raised, or is over; see [`Builder::on_wait`].
    pub fn on_alert(self, call: impl FnMut(&Event) + Send + 'static) -> Self {
        self.on(|kind| matches!(kind, EventKind::Alert { .. }), call)
    }

    fn on(
        mut self,
        wants: fn(&EventKind) -> bool,
        call: impl FnMut(&Event) + Send + 'static,
    ) -> Self {
        self.callbacks.push(Callback { wants, call: Box::new(call) });
        self
    }

    /// Pushes every figure to a collector of OpenTelemetry, from a thread of its own. What is pushed is the last
    /// sample, see [`Builder::sample_every`].
    #[cfg(feature = "otlp")]
    pub fn otlp(mut self, settings: tidegate_observability::otlp::OtlpSettings) -> Self {
        self.otlp = Some(settings);
        self
    }

    /// How often everything is looked at for warnings, rates and history: once a second, unless said
    /// otherwise. 10 ms at least; what is less is taken for that.
    pub fn sample_every(mut self, every: Duration) -> Self {
        self.sample_every = Some(Span::from(every).max(Span::from_millis(10)));
        self
    }

    /// Starts the supervisor and one limiter per service: on the actix system that runs on this
    /// thread, or on a thread of its own if there is none.
    ///
    /// # Errors
    ///
    /// [`StartError`]: what is wrong with the configuration, or with the mark of the last run.
    pub fn start(self) -> Result<Tidegate, StartError> {
        self.config.validate()?;
        if self.config.services.is_empty() {
            return Err(StartError::NoService);
        }
        Tidegate::start(self)
    }

    pub(crate) fn clock_or_runtime(&self) -> Arc<dyn Clock> {
        self.clock.clone().unwrap_or_else(|| Arc::new(RuntimeClock::new()))
    }

    /// The origin of `clock` on the wall.
    pub(crate) fn wall_origin_of(&self, clock: &dyn Clock) -> WallOrigin {
        self.wall_origin.unwrap_or_else(|| WallClock.origin_of(clock))
    }

    /// What the handles of each service do by themselves.
    pub(crate) fn manners(&self) -> BTreeMap<ServiceName, Manners> {
        let manners = |service: &ServiceConfig| Manners {
            timeout: service.queue.timeout,
            retry: service.retry,
        };
        let services = self.config.services.iter();
        services.map(|(name, service)| (name.clone(), manners(service))).collect()
    }
}

/// Reads a file of at most a little more than a configuration may have.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let limit = u64::try_from(Config::TEXT_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = String::new();
    std::fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
    Ok(text)
}
