//! Real traffic, twenty times as fast, through the actors in real time, against a provider that is
//! scaled alike; compared with the same traffic through the machines on virtual time.
//!
//! The traffic is generated; `TIDEGATE_TRACE=FILE` takes a recorded trace instead.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate::{Cost, Dimension, Handle, Limit, ServiceConfig, Tidegate};
use tidegate_simulator::{
    Contest, Controller, DimensionLimit, Generator, Ideal, Provider, ProviderLimits, Reply,
    Scenario, Trace, TraceRequest, replay,
};
use tidegate_units::{Clock, Instant, MonotonicClock, Span};

const FASTER: u64 = 20;
const SCENARIO: &str = r#"
name = "compressed"
[provider]
kind = "bucket"
requests = { rate_of_load = 0.7, burst_s = 0.5 }
"#;

/// The busiest of the first ten minutes, in a twentieth of the time.
fn compressed_minute() -> Trace {
    let whole = match std::env::var_os("TIDEGATE_TRACE") {
        Some(path) => Trace::read(Path::new(&path)).expect("TIDEGATE_TRACE names a trace"),
        None => Generator::new(1).generate(),
    };
    let minute = |start: u64| {
        let start = Span::from_secs(start * 60);
        let inside = |request: &&TraceRequest| {
            request.at >= start && request.at < start + Span::from_secs(60)
        };
        let shifted = |request: &TraceRequest| TraceRequest {
            at: (request.at - start).div(FASTER),
            ..request.clone()
        };
        whole.requests().iter().filter(inside).map(shifted).collect::<Vec<_>>()
    };
    let busiest = (0..10).map(minute).max_by_key(Vec::len).expect("ten minutes");
    Trace::new("a minute in three seconds", busiest)
}

/// The provider's limit as a user writes it down. What a call may be held up on this machine between
/// its permit and its arrival comes off the burst.
fn told(limits: &ProviderLimits) -> Limit {
    let limit = limits.limit(Dimension::Requests).expect("requests are limited");
    let DimensionLimit::Bucket { rate, .. } = limit else {
        panic!("the scenario has a bucket");
    };
    Limit::new(Dimension::Requests, rate.micros_per_second(), Span::from_secs(1_000_000))
        .and_then(|told| told.burst(limit.at_once().floor()))
        .and_then(|told| told.guard(Span::from_millis(200)))
        .expect("a limit")
}

struct Host {
    clock: MonotonicClock,
    start: Instant,
    horizon: Span,
    provider: Mutex<Provider>,
}

impl Host {
    /// The call arrives at the provider; after the end of the trace nothing counts any more.
    fn arrive(&self, request: &TraceRequest) {
        let mut provider = self.provider.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().since(self.start);
        if now <= self.horizon {
            let at = Instant::ZERO + now;
            let reply = provider.arrive(at, request.context_tokens, request.generated_tokens);
            assert!(matches!(reply, Reply::Ok { .. }), "refused at {now}");
        }
    }
}

async fn call(host: Arc<Host>, handle: Handle, request: TraceRequest) {
    let wait = request.at.to_duration();
    let since = host.clock.now().since(host.start).to_duration();
    tokio::time::sleep(wait.saturating_sub(since)).await;
    let cost = Cost::request().tokens(request.context_tokens);
    if let Ok(permit) = handle.request().cost(cost).within(Duration::from_secs(4)).acquire().await {
        host.arrive(&request);
        permit.done();
    }
}

#[test]
fn traffic_through_the_actors_does_as_well_as_on_virtual_time() {
    let trace = compressed_minute();
    let scenario = Scenario::parse(SCENARIO, "compressed").expect("a scenario");
    let limits = scenario.resolve(&trace).expect("it fits");
    let contest = Contest { controllers: &[Controller::Fixed], seeds: &[1], configured: None };
    let virtual_run = replay(&trace, &scenario, contest, &mut |_| {}).expect("it runs");
    let virtual_goodput = virtual_run.runs[0].goodput;

    let config = ServiceConfig::limited([told(&limits)]);
    let tidegate =
        Tidegate::builder().service("provider", config).expect("a name").start().expect("starts");
    let handle = tidegate.service("provider").expect("configured");
    let clock = MonotonicClock::new();
    let host = Arc::new(Host {
        clock,
        // A little ahead, so that every task is there when the traffic begins.
        start: clock.now() + Span::from_millis(100),
        horizon: trace.span(),
        provider: Mutex::new(Provider::new(&limits, scenario.behaviour(), 1)),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let calls = trace.requests().iter().cloned();
        let tasks: Vec<_> = calls
            .map(|request| tokio::spawn(call(Arc::clone(&host), handle.clone(), request)))
            .collect();
        for task in tasks {
            task.await.expect("no call panics");
        }
    });

    let provider = host.provider.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(provider.excess(), 0);
    assert_eq!(provider.offered_excess(), 0, "what arrived kept the limit by itself");
    let ideal = Ideal::of(&trace, &limits, 1);
    let goodput = provider.tally().admitted * 1_000 / ideal.admitted.max(1);
    let wanted = Span::from_secs_f64(virtual_goodput * 0.99 / 1e6).as_nanos();
    assert!(goodput >= wanted, "goodput {goodput} of 1000, wanted {wanted}");
}
