//! Taking samples: everybody is asked where they stand, and what they say is put together.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::prelude::*;
use tidegate_observability::{
    Alert, EventSender, PaceWatch, RetrySample, Sample, ServiceSample, UnixMillis,
};
use tidegate_scheduler::limiter::limit_sample;
use tidegate_scheduler::messages::TakeSample;
use tidegate_supervisor::actor::{Inspect, SupervisorActor};
use tidegate_supervisor::{Health, SupervisorState};
use tidegate_units::{Clock, Instant, ServiceName, Span, WallOrigin};

use crate::AcquireError;
use crate::handle::Core;
use crate::observer::Seen;
use crate::sinks::Sinks;

/// How often samples are taken, unless the host says otherwise.
pub(crate) const SAMPLE_EVERY: Span = Span::from_secs(1);

/// How often a monitor that is busy is tried, and after how long.
const LOOKS_MAX: usize = 100;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Everybody who is asked.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) services: BTreeMap<ServiceName, Arc<Core>>,
    pub(crate) supervisor: Addr<SupervisorActor>,
    pub(crate) events: EventSender,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) origin: WallOrigin,
    pub(crate) started: Instant,
    pub(crate) seen: Arc<Seen>,
    pub(crate) sinks: Sinks,
}

impl Watch {
    /// Where everything stands, with everything that was granted by now accounted for. A service whose
    /// limiter is gone says that it does not run.
    pub(crate) async fn sample(&self) -> Result<Sample, AcquireError> {
        let mut services = Vec::with_capacity(self.services.len());
        for (name, core) in &self.services {
            let sample = core.limiter.send(TakeSample).await;
            services.push(sample.unwrap_or_else(|_| stopped(name)));
        }
        let state = self.supervisor.send(Inspect).await.map_err(|_| self.gone())?;
        for sample in &mut services {
            self.complete(sample, &state);
        }
        let now = self.clock.now();
        Ok(Sample {
            at: UnixMillis::of(self.origin, now),
            started_at: UnixMillis::of(self.origin, self.started),
            uptime_ms: now.since(self.started).as_millis(),
            services,
            shared: shared(&state),
            events_dropped: self.events.dropped(),
        })
    }

    /// Adds what the limiter does not know.
    fn complete(&self, sample: &mut ServiceSample, state: &SupervisorState) {
        if let Some(account) = state.services.get(&sample.service) {
            sample.failures = account.failures;
            sample.restarts = account.restarts;
            sample.running &= account.health == Health::Running;
        }
        if let Some(core) = self.services.get(&sample.service) {
            sample.retries = core.retries();
        }
    }

    fn gone(&self) -> AcquireError {
        match self.services.values().next() {
            Some(core) => core.gone(),
            None => unreachable!("a Tidegate has at least one service"),
        }
    }

    /// Has the monitor look at a sample. Somebody may be gathering a report from it: the arbiter does not wait
    /// for that, and leaves out this look if it takes too long.
    async fn observe(&self, sample: &Sample) -> Option<Vec<Alert>> {
        for _ in 0..LOOKS_MAX {
            if let Some(mut monitor) = self.seen.monitor_if_free() {
                let alerts = monitor.observe(sample);
                self.sinks.offer(sample, || monitor.alerts().to_vec());
                return Some(alerts);
            }
            actix::clock::sleep(LOOK_AGAIN).await;
        }
        None
    }

    /// Looks at everything once, and says what is new about it.
    async fn look(&self, paces: &mut PaceWatch) -> Result<(), AcquireError> {
        let sample = self.sample().await?;
        self.sinks.complain();
        let Some(alerts) = self.observe(&sample).await else {
            return Ok(());
        };
        let now = self.clock.now();
        for (service, kind) in paces.observe(&sample) {
            self.events.send(now, Some(&service), kind);
        }
        for alert in alerts {
            let service = alert.service.clone();
            let kind = tidegate_observability::EventKind::Alert { alert };
            self.events.send(now, service.as_ref(), kind);
        }
        Ok(())
    }
}

/// Looks at everything every so often, on the arbiter of this thread, until nobody holds the watch.
pub(crate) fn keep_watch(watch: &Arc<Watch>, every: Span) {
    let watch: Weak<Watch> = Arc::downgrade(watch);
    actix::spawn(async move {
        let mut paces = PaceWatch::default();
        loop {
            actix::clock::sleep(every.to_duration()).await;
            let Some(watch) = watch.upgrade() else {
                return;
            };
            if watch.look(&mut paces).await.is_err() {
                return;
            }
        }
    });
}

fn stopped(name: &ServiceName) -> ServiceSample {
    ServiceSample { running: false, ..ServiceSample::new(name.clone()) }
}

fn shared(state: &SupervisorState) -> Vec<tidegate_observability::LimitSample> {
    let samples = state.limits.iter().map(|usage| {
        let (dimension, window) = (usage.limit.dimension(), usage.limit.window());
        let mut sample = limit_sample(usage);
        sample.debt_max = sample.debt_max.max(state.overdrawn.most(dimension, window));
        sample
    });
    samples.collect()
}

impl Core {
    /// Calls made again, and what is left for that.
    fn retries(&self) -> RetrySample {
        let budget = self.budget().available();
        RetrySample { budget, ..self.repeated.sample() }
    }
}
