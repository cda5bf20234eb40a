//! Limiters that panic under load: callers are answered, nothing is over-admitted, and the
//! supervisor counts and in the end gives up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate::{
    AcquireError, Code, Dimension, Event, EventKind, Handle, Limit, Outcome, RestartPolicy,
    ServiceConfig, Tidegate, Unavailable,
};
use tidegate_tests::{CountingService, excess, on_virtual_time};
use tidegate_units::{Clock, MonotonicClock, Span};

fn limit(amount: u64) -> Limit {
    let limit = Limit::new(Dimension::Requests, amount, Span::from_millis(400)).expect("a limit");
    limit.guard(Span::from_millis(200)).expect("a guard")
}

fn start(restarts_max: usize) -> Tidegate {
    Tidegate::builder()
        .service("shaky", ServiceConfig::limited([limit(60)]))
        .and_then(|builder| builder.service("steady", ServiceConfig::limited([limit(60)])))
        .expect("names")
        .global_limit(limit(100))
        .restarts(RestartPolicy { restarts_max, ..RestartPolicy::default() })
        .start()
        .expect("it starts")
}

#[derive(Default)]
struct Seen {
    service: CountingService,
    granted: AtomicU64,
    refused: AtomicU64,
}

async fn load(seen: Arc<Seen>, handle: Handle, clock: MonotonicClock, run: Span) {
    while clock.now().since(tidegate_units::Instant::ZERO) < run {
        match handle.request().within(Duration::from_secs(2)).acquire().await {
            Ok(permit) => {
                seen.service.arrive(clock.now(), 0);
                seen.granted.fetch_add(1, Ordering::Relaxed);
                permit.done();
            }
            Err(AcquireError::Later(_)) => drop(seen.refused.fetch_add(1, Ordering::Relaxed)),
            Err(other) => panic!("{other}"),
        }
        tokio::task::yield_now().await;
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime")
}

#[test]
fn a_panic_under_load_over_admits_nothing_and_leaves_nobody_unanswered() {
    let tidegate = start(5);
    let events = tidegate.subscribe().expect("nobody else listens");
    let [shaky, steady] = ["shaky", "steady"].map(|name| tidegate.service(name).expect("there"));
    let seen = [Arc::new(Seen::default()), Arc::new(Seen::default())];
    let clock = MonotonicClock::new();
    let run = Span::from_secs(3);
    runtime().block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..20 {
            tasks.push(tokio::spawn(load(Arc::clone(&seen[0]), shaky.clone(), clock, run)));
            tasks.push(tokio::spawn(load(Arc::clone(&seen[1]), steady.clone(), clock, run)));
        }
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            shaky.inject_panic().await.expect("the mailbox survives");
        }
        let answered = async {
            for task in tasks {
                task.await.expect("no caller is left without an answer");
            }
        };
        tokio::time::timeout(Duration::from_secs(10), answered).await.expect("all answered");

        let state = tidegate.supervisor_state().await.expect("it answers");
        let [shaky, steady] = ["shaky", "steady"].map(|name| {
            let name = name.parse().expect("a name");
            &state.services[&name]
        });
        assert_eq!((shaky.failures, shaky.restarts), (3, 3));
        assert_eq!((steady.failures, steady.restarts), (0, 0));
        let sample = tidegate.sample().await.expect("everybody answers");
        for (name, seen) in ["shaky", "steady"].iter().zip(&seen) {
            let counted = sample.service(name).expect("there");
            assert_eq!(counted.granted(), seen.granted.load(Ordering::Relaxed), "{name}");
            assert_eq!(counted.refused, seen.refused.load(Ordering::Relaxed), "{name}");
        }
        let text = tidegate.metrics().await.expect("they render");
        assert!(text.contains("tidegate_limiter_restarts_total{service=\"shaky\"} 3"), "{text}");
    });
    let [first, second] = seen.map(|seen| seen.service.arrivals());
    assert_eq!(excess(&limit(60), &first), 0, "the shaky service");
    assert_eq!(excess(&limit(60), &second), 0, "the steady service");
    let mut all = [first.clone(), second].concat();
    all.sort_unstable();
    assert_eq!(excess(&limit(100), &all), 0, "both together");
    let last = first.last().expect("it was used").at;
    assert!(last.since(tidegate_units::Instant::ZERO) > Span::from_millis(1_600), "after the last");
    // The observer passes on what is left, and then there is nothing more.
    drop(tidegate);
    let next = || events.next_within(Duration::from_secs(10));
    let events: Vec<Event> = std::iter::from_fn(next).collect();
    let failed = |event: &&Event| matches!(event.kind, EventKind::LimiterFailed { .. });
    let resumed = |event: &&Event| matches!(event.kind, EventKind::LimiterResumed);
    assert_eq!(events.iter().filter(failed).count(), 3);
    assert_eq!(events.iter().filter(resumed).count(), 3);
}

#[test]
fn what_was_granted_and_not_told_when_it_failed_is_counted_once() {
    on_virtual_time(async {
        let limits = ["1 request per minute".parse().expect("a limit")];
        let builder = Tidegate::builder().service("shaky", ServiceConfig::limited(limits));
        let tidegate = builder.expect("a name").start().expect("it starts");
        let handle = tidegate.service("shaky").expect("there");
        let first = handle.request().acquire().await.expect("the first passes");
        let waits = handle.clone();
        let second = actix::spawn(async move {
            let permit = waits.request().within(Duration::from_mins(10)).acquire().await;
            permit.expect("it waits").done();
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        // What comes back is granted to who waits, in the breath in which the limiter fails.
        first.cancel();
        handle.inject_panic().await.expect("the mailbox survives");
        second.await.expect("it is granted after the restart");
        let sample = handle.sample().await.expect("it answers");
        assert_eq!((sample.granted(), sample.ended(Outcome::Cancelled)), (2, 1), "OBS-4");
        assert_eq!(sample.spent.used(Dimension::Requests), 1, "OBS-4");
    });
}

#[test]
fn a_limiter_that_fails_too_often_is_given_up_and_says_so() {
    let tidegate = start(2);
    let handle = tidegate.service("shaky").expect("there");
    runtime().block_on(async {
        handle.request().acquire().await.expect("the first passes").done();
        for _ in 0..3 {
            handle.inject_panic().await.expect("the mailbox survives");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let refused = handle.request().acquire().await.expect_err("it was given up");
        let service = handle.name().clone();
        let why = Unavailable::GivenUp;
        assert_eq!(refused, AcquireError::Unavailable { service, why });
        assert_eq!(refused.code(), Code::E4430);
        let sample = tidegate.sample().await.expect("the others answer");
        let given_up = sample.service("shaky").expect("there");
        assert!(!given_up.running && given_up.failures == 3, "{given_up:?}");
        assert_eq!((given_up.granted(), given_up.limits.len()), (1, 1), "what was counted stays");
        let other = tidegate.service("steady").expect("there");
        other.request().acquire().await.expect("the other service goes on").done();
    });
}
