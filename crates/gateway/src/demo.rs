//! A demonstration in which everything is alive at once: real limiters, generated traffic, and emulated
//! services in the same program. It needs no key and no network.
//!
//! Callers are tasks on the actix system of the limiters. Each asks for a permit, goes to its service with
//! it, and says what came of that. The services count at their own doors ([`Demo::counts`]), so that what
//! Tidegate shows can be held against what has happened.
//!
//! # Invariants
//!
//! - DEMO-2: a call arrives at its service once for each permit that was granted and not cancelled; when the
//!   traffic has stopped and nothing is under way, both sides have counted the same.

mod call;
mod plan;
mod traffic;
mod upstream;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidegate::{Config, Handle, ServiceName, Tidegate};
use tidegate_observability::UpstreamCount;
use tidegate_scheduler::runtime_clock::RuntimeClock;
use tidegate_units::Clock;

use plan::{PLANS, Plan};
use traffic::Traffic;
use upstream::Upstream;

/// The configuration of the demonstration.
const SERVICES: &str = include_str!("demo/services.toml");
/// The most calls of one service that are made or wait at once; beyond it callers do not come.
const CALLS_MAX: u64 = 400;
/// How often callers look whether they should still come.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(200);

/// The configuration that [`Demo::start`] is made for.
///
/// # Panics
///
/// Never: the text is part of the program, and a test reads it.
pub(crate) fn config() -> Config {
    Config::parse("services.toml", SERVICES, []).expect("the text is tested")
}

/// What a demonstration is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DemoSettings {
    /// From what the traffic is drawn.
    pub(crate) seed: u64,
    /// How many times faster than planned loads, capacities and outages go up and down: 1 to 100.
    pub(crate) speed: u32,
}

/// The emulated services, and the traffic to them.
#[derive(Debug)]
pub(crate) struct Demo {
    services: BTreeMap<ServiceName, Arc<Emulated>>,
    clock: RuntimeClock,
    stopped: Arc<AtomicBool>,
}

/// One service and those who call it.
#[derive(Debug)]
struct Emulated {
    plan: &'static Plan,
    upstream: Mutex<Upstream>,
    clock: RuntimeClock,
    /// Calls that wait, are under way, or are being settled.
    open: AtomicU64,
}

impl Demo {
    /// Starts callers and services on the actix system of this thread.
    pub(crate) fn start(tidegate: &Tidegate, settings: DemoSettings) -> Self {
        let (clock, stopped) = (RuntimeClock::new(), Arc::new(AtomicBool::new(false)));
        let mut services = BTreeMap::new();
        for (at, plan) in PLANS.iter().enumerate() {
            let Ok(handle) = tidegate.service(plan.service) else {
                continue;
            };
            let seed = settings.seed.wrapping_add(u64::try_from(at).unwrap_or(0) << 32);
            let upstream = Upstream::new(plan.bears, settings.speed.into(), seed);
            let open = AtomicU64::new(0);
            let service = Arc::new(Emulated { plan, upstream: upstream.into(), clock, open });
            services.insert(handle.name().clone(), Arc::clone(&service));
            let traffic = Traffic::new(plan, settings.speed, seed);
            actix::spawn(come(handle, service, traffic, Arc::clone(&stopped)));
        }
        Self { services, clock, stopped }
    }

    /// Nobody comes any more; who is there is served.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Calls that wait, are under way, or are being settled.
    #[cfg(test)]
    pub(crate) fn open(&self) -> u64 {
        self.services.values().map(|service| service.open.load(Ordering::Relaxed)).sum()
    }

    /// What the services have counted.
    pub(crate) fn counts(&self) -> BTreeMap<ServiceName, UpstreamCount> {
        let now = self.clock.now();
        let count = |(name, service): (&ServiceName, &Arc<Emulated>)| {
            (name.clone(), service.upstream().count(now))
        };
        self.services.iter().map(count).collect()
    }
}

impl Emulated {
    /// A panic elsewhere cannot poison it: its counts are valid after every statement.
    fn upstream(&self) -> MutexGuard<'_, Upstream> {
        self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Callers come one after another, until nobody is wanted any more.
async fn come(
    handle: Handle,
    service: Arc<Emulated>,
    mut traffic: Traffic,
    stopped: Arc<AtomicBool>,
) {
    while !stopped.load(Ordering::Relaxed) {
        let (gap, wish) = traffic.next(service.clock.now());
        if !sleep_unless(gap.to_duration(), &stopped).await {
            return;
        }
        let Some(wish) = wish.filter(|_| service.open.load(Ordering::Relaxed) < CALLS_MAX) else {
            continue;
        };
        service.open.fetch_add(1, Ordering::Relaxed);
        let (handle, service) = (handle.clone(), Arc::clone(&service));
        actix::spawn(async move {
            call::make(&handle, &service, &wish).await;
            service.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Sleeps; answers whether callers are wanted still.
async fn sleep_unless(mut span: std::time::Duration, stopped: &AtomicBool) -> bool {
    while !stopped.load(Ordering::Relaxed) {
        let part = span.min(LOOK_EVERY);
        tokio::time::sleep(part).await;
        span -= part;
        if span.is_zero() {
            return !stopped.load(Ordering::Relaxed);
        }
    }
    false
}

#[cfg(test)]
mod tests;
