//! What a host is told as it happens: callbacks and subscriptions, through the real actors (OBS-2).

use std::sync::mpsc;
use std::time::Duration;

use tidegate::{
    AdaptivePolicy, Code, ControllerKind, Event, EventKind, Handle, Limit, Observation, Outcome,
    Priority, ServiceConfig, Span, Tidegate,
};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

fn limit(text: &str) -> Limit {
    text.parse().expect("a limit")
}

fn service(limit: Limit) -> ServiceConfig {
    ServiceConfig::limited([limit])
}

/// One request per window of so long, counted without a guard.
fn one_per(millis: u64) -> Limit {
    let limit = limit("1 request per second");
    let limit = Limit::new(limit.dimension(), 1, Span::from_millis(millis)).expect("a limit");
    limit.guard(Span::ZERO).expect("no guard")
}

fn handle(tidegate: &Tidegate) -> Handle {
    tidegate.service("git").expect("configured")
}

#[test]
fn a_call_that_waits_is_told_once_and_a_call_that_is_refused_with_its_reason() {
    let (wait, waits) = mpsc::channel();
    let (reject, rejections) = mpsc::channel();
    let tidegate = Tidegate::builder()
        .service("git", service(one_per(300)))
        .expect("a name")
        .on_wait(move |event| drop(wait.send(event.clone())))
        .on_reject(move |event| drop(reject.send(event.clone())))
        .start()
        .expect("it starts");
    let git = handle(&tidegate);
    git.request().acquire_blocking().expect("the first passes").done();
    let urgent = || git.request().priority(Priority::High).model("m").key("agent", "planner");
    urgent().acquire_blocking().expect("it waits").done();
    let waited: Event = waits.recv_timeout(PATIENCE).expect("it was told");
    assert_eq!(waited.service.as_ref().map(tidegate::ServiceName::as_str), Some("git"));
    let (class, model) = (Priority::High, Some("m".to_owned()));
    let key = Some("agent=planner".to_owned());
    assert_eq!(waited.kind, EventKind::Waiting { class, model, key, queued: 1 });
    assert!(waits.try_recv().is_err(), "once");

    // In line, and without waiting.
    urgent().within(Duration::ZERO).acquire_blocking().expect_err("refused");
    git.request().try_acquire().expect_err("refused");
    for key in [Some("agent=planner".to_owned()), None] {
        let refused: Event = rejections.recv_timeout(PATIENCE).expect("it was told");
        let EventKind::Refused { key: told, rejection, .. } = refused.kind else {
            panic!("{refused:?}");
        };
        assert_eq!((told, rejection.code), (key, Code::E4404));
        assert!(rejection.retry_after.is_some());
    }
}

#[test]
fn a_pace_that_falls_is_told() {
    let (tell, told) = mpsc::channel();
    let policy = AdaptivePolicy {
        controller: ControllerKind::Aimd,
        start: vec!["10 requests per second".parse().expect("a rate")],
        ..AdaptivePolicy::default()
    };
    let tidegate = Tidegate::builder()
        .service("git", ServiceConfig::default().with_adaptive(policy))
        .expect("a name")
        .sample_every(Duration::from_millis(20))
        .on_pace_change(move |event| drop(tell.send(event.clone())))
        .start()
        .expect("it starts");
    let events = tidegate.subscribe().expect("nobody else listens");
    let git = handle(&tidegate);
    // The first sample is what a change is measured from.
    while tidegate.series("git").is_none_or(|series| series.points.is_empty()) {
        events.next_within(Duration::from_millis(5));
    }
    git.request().acquire_blocking().expect("it passes").settle(Observation::from_status(429));
    let event: Event = told.recv_timeout(PATIENCE).expect("it was told");
    let EventKind::PaceChanged { from_per_second, to_per_second, .. } = event.kind else {
        panic!("{event:?}");
    };
    assert!((from_per_second - 10.0).abs() < 0.1, "{from_per_second}");
    assert!(to_per_second < 9.6, "{to_per_second}");
    let throttled = EventKind::Throttled { outcome: Outcome::RateLimited, retry_after_ms: None };
    let mut seen = std::iter::from_fn(|| events.next_within(PATIENCE));
    assert!(seen.any(|event| event.kind == throttled), "the refusal itself is told, too");
}

#[test]
fn a_callback_that_panics_or_takes_its_time_holds_up_nobody() {
    let (reject, rejections) = mpsc::channel();
    let (go_on, held) = mpsc::channel::<()>();
    let mut calls = 0_u32;
    let tidegate = Tidegate::builder()
        .service("git", service(limit("1 request per hour")))
        .expect("a name")
        .on_reject(move |_| {
            calls += 1;
            assert!(calls != 1, "the first time it panics");
            let _ = held.recv_timeout(PATIENCE);
            let _ = reject.send(calls);
        })
        .start()
        .expect("it starts");
    let git = handle(&tidegate);
    git.request().acquire_blocking().expect("the first passes").done();
    // While the callback hangs in the second call, more come than the channel holds.
    for _ in 0..3_000 {
        git.request().try_acquire().expect_err("refused");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let sample = runtime.block_on(tidegate.sample()).expect("it answers");
    assert_eq!(sample.service("git").expect("there").refused, 3_000, "counted all the same");
    assert!(sample.events_dropped > 1_000, "{} dropped", sample.events_dropped);
    drop(go_on);
    assert_eq!(rejections.recv_timeout(PATIENCE), Ok(2), "it is called again after a panic");
}

#[test]
fn a_subscription_ends_when_tidegate_does() {
    let tidegate = Tidegate::builder().service("git", ServiceConfig::default()).expect("a name");
    let tidegate = tidegate.start().expect("it starts");
    let events = tidegate.subscribe().expect("nobody else listens");
    drop(tidegate);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(events.next()), None);
}
