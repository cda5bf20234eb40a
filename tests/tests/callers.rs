//! What callers may rely on: order, deadlines, cancellation, pauses, stopping; on virtual time where
//! time matters.

use std::time::Duration;

use actix::System;
use tidegate::desk::{AcquirePermit, SettlePermit};
use tidegate::{
    AcquireError, Code, Concurrency, Cost, Handle, Limit, Observation, Reason, ScopePolicy,
    ServiceConfig, Span, Tidegate,
};
use tidegate_tests::on_virtual_time;

fn start(limits: impl IntoIterator<Item = &'static str>) -> (Tidegate, Handle) {
    let limits: Vec<Limit> = limits
        .into_iter()
        .map(|text| text.parse::<Limit>().expect("a limit").guard(Span::ZERO).expect("no guard"))
        .collect();
    let builder = Tidegate::builder().service("service", ServiceConfig::limited(limits));
    let tidegate = builder.expect("a name").start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

/// Lets the actors do what they have to do.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(60)).await;
}

async fn available(handle: &Handle) -> u64 {
    let usage = handle.usage().await.expect("it answers");
    usage.service.limits[0].available + usage.service.limits[0].lent
}

#[test]
fn a_saturated_limit_admits_exactly_its_rate() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["10 requests per second"]);
        let begin = tokio::time::Instant::now();
        for _ in 0..600 {
            handle.request().acquire().await.expect("it waits").done();
        }
        // Ten at once, and ten more each second from when the first ten were recorded.
        let took = begin.elapsed();
        let ideal = Duration::from_secs(59);
        assert!(took >= ideal, "600 in {took:?}");
        assert!(took < ideal + Duration::from_secs(1), "600 in {took:?}");
    });
}

#[test]
fn a_wait_that_outlasts_the_deadline_is_refused_at_once() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["1 request per minute"]);
        handle.request().acquire().await.expect("the first").done();
        let begin = tokio::time::Instant::now();
        let within = Duration::from_secs(30);
        let refused = handle.request().within(within).acquire().await.expect_err("too long");
        assert!(begin.elapsed() < Duration::from_millis(1), "at once");
        let rejection = refused.rejection().expect("a limit refused");
        assert_eq!((rejection.code, rejection.reason), (Code::E4404, Reason::DeadlineTooClose));
        assert_eq!((rejection.used, rejection.limit), (1, 1));
        let retry = rejection.retry_after.expect("later");
        assert!(retry > Span::from_secs(59) && retry <= Span::from_secs(60), "{retry}");
        let patient = handle.request().within(Duration::from_secs(61)).acquire().await;
        patient.expect("long enough").done();
    });
}

#[test]
fn a_dropped_future_has_consumed_nothing_and_the_next_in_line_is_served() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["1 request per second"]);
        handle.request().acquire().await.expect("the first").done();
        let first = handle.clone();
        let impatient = tokio::spawn(async move {
            let wait = Duration::from_millis(500);
            tokio::time::timeout(wait, first.request().acquire()).await.is_err()
        });
        tokio::task::yield_now().await;
        let begin = tokio::time::Instant::now();
        handle.request().acquire().await.expect("the second in line").done();
        assert!(begin.elapsed() < Duration::from_millis(1_100), "as if nobody had been ahead");
        assert!(impatient.await.expect("no panic"), "it gave up");
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert_eq!(available(&handle).await, 1, "nothing is lost");
        let state = handle.usage().await.expect("it answers").service;
        assert_eq!((state.queued, state.counts.withdrawn), (0, 1));
    });
}

#[test]
fn a_try_never_overtakes_somebody_who_waits() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["2 requests per second", "100 tokens per second"]);
        handle.request().tokens(60).acquire().await.expect("it fits").done();
        let other = handle.clone();
        let waiting = tokio::spawn(async move {
            other.request().tokens(80).acquire().await.expect("it waits").done();
        });
        settle().await;
        // There are requests and tokens left for a small one, but somebody waits for more.
        let refused = handle.request().tokens(5).try_acquire().expect_err("not before the other");
        let rejection = refused.rejection().expect("later");
        assert_eq!(rejection.queue_position, Some(1));
        waiting.await.expect("served");
    });
}

#[test]
fn what_was_not_used_is_given_back_and_what_was_used_beyond_is_owed() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["100 tokens per second"]);
        let permit = handle.request().tokens(90).acquire().await.expect("it fits");
        permit.ok(Cost::request().tokens(30));
        settle().await;
        assert_eq!(available(&handle).await, 70);
        let permit = handle.request().tokens(10).acquire().await.expect("it fits");
        permit.ok(Cost::request().tokens(150));
        settle().await;
        assert_eq!(available(&handle).await, 0);
        let debt = handle.usage().await.expect("it answers").service.limits[0].debt;
        assert_eq!(debt, 80);
        let permit = handle.request().tokens(10).acquire().await.expect("when it is paid");
        permit.cancel();
        settle().await;
    });
}

#[test]
fn a_debt_holds_everybody_from_the_moment_it_is_known() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["1000 tokens per second"]);
        let permit = handle.request().tokens(10).acquire().await.expect("it fits");
        assert!(handle.has_capacity(&Cost::request().tokens(10)));
        permit.ok(Cost::request().tokens(9_000));
        assert!(handle.request().tokens(10).try_acquire().is_err(), "before the actor has looked");
        settle().await;
        assert!(handle.request().tokens(10).try_acquire().is_err());
    });
}

#[test]
fn a_try_is_told_the_truth_or_nothing() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["10 requests per second"]);
        settle().await;
        for _ in 0..10 {
            handle.request().try_acquire().expect("there are ten").done();
        }
        // Nobody has looked since: no figures are made up.
        let refused = handle.request().try_acquire().expect_err("used up");
        let rejection = refused.rejection().expect("later");
        assert_eq!((rejection.code, rejection.reason), (Code::E4404, Reason::NoneAtHand));
        settle().await;
        let refused = handle.request().try_acquire().expect_err("used up");
        let rejection = refused.rejection().expect("later");
        assert_eq!((rejection.used, rejection.limit), (10, 10));
        let retry = rejection.retry_after.expect("later");
        assert!(retry > Span::from_millis(900) && retry <= Span::from_secs(1), "{retry}");
    });
}

#[test]
fn a_pause_that_the_service_asks_for_holds_everybody() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["100 requests per second"]);
        let permit = handle.request().acquire().await.expect("it fits");
        permit.settle(Observation::from_status(429).retry_after(Span::from_secs(5)));
        // At once, for every thread, before the limiter has heard of it.
        let refused = handle.request().try_acquire().expect_err("paused");
        assert_eq!(refused.code(), Code::E4422);
        settle().await;
        let refused = handle.request().try_acquire().expect_err("paused");
        assert_eq!(refused.code(), Code::E4422);
        let begin = tokio::time::Instant::now();
        handle.request().acquire().await.expect("after the pause").done();
        assert!(begin.elapsed() > Duration::from_millis(4_900));
    });
}

#[test]
fn a_cost_that_never_fits_is_told_so_by_every_way_to_ask() {
    let (_tidegate, handle) = start(["10 requests per second", "100 tokens per minute"]);
    let blocked = handle.request().tokens(101).acquire_blocking().expect_err("never");
    let tried = handle.request().tokens(101).try_acquire().expect_err("never");
    for refused in [blocked, tried] {
        assert_eq!(refused.code(), Code::E4410);
        assert!(matches!(refused, AcquireError::Never(_)));
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"101 tokens asked of service `service` never fit: at most 100 can pass at once, make the call smaller or raise the limit (E4410)");
        }
    }
}

#[test]
fn those_who_wait_are_told_when_tidegate_stops() {
    let (tidegate, handle) = start(["1 request per minute"]);
    handle.request().acquire_blocking().expect("the first").done();
    let waiting = {
        let handle = handle.clone();
        let wait = Duration::from_mins(2);
        std::thread::spawn(move || handle.request().within(wait).acquire_blocking().map(drop))
    };
    while runtime_usage(&handle).is_some_and(|queued| queued == 0) {
        std::thread::yield_now();
    }
    drop(tidegate);
    let told = waiting.join().expect("no panic").expect_err("stopped");
    assert_eq!(told.code(), Code::E4431);
    assert_eq!(handle.request().try_acquire().expect_err("stopped").code(), Code::E4431);
    assert_eq!(handle.request().acquire_blocking().expect_err("stopped").code(), Code::E4431);
}

fn runtime_usage(handle: &Handle) -> Option<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(handle.usage()).ok().map(|usage| usage.service.queued)
}

#[test]
fn blocking_the_thread_of_the_limiter_is_refused() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["1 request per minute"]);
        handle.request().acquire().await.expect("the first").done();
        let refused = handle.request().acquire_blocking().expect_err("it would wait for itself");
        assert!(matches!(refused, AcquireError::WouldBlockLimiter { .. }));
    });
}

#[test]
fn who_waits_for_a_part_is_not_refused_for_what_lies_in_the_gate() {
    on_virtual_time(async {
        let mut config = ServiceConfig::limited(["10 requests per hour".parse().expect("a limit")]);
        let one =
            ScopePolicy { concurrency: Some(Concurrency::slots(1)), ..ScopePolicy::default() };
        config.scoped.models.push(("large".to_owned(), one));
        let builder = Tidegate::builder().service("service", config).expect("a name");
        let tidegate = builder.start().expect("it starts");
        let handle = tidegate.service("service").expect("configured");
        settle().await;
        assert!(handle.has_capacity(&Cost::request().requests(10)), "all of it is at hand");
        let permit = handle.request().model("large").acquire().await.expect("a slot");
        let (waited, ()) = tokio::join!(handle.request().model("large").acquire(), async {
            settle().await;
            permit.done();
        });
        waited.expect("the slot is free, and nine requests are left").done();
    });
}

#[test]
fn an_actix_host_asks_by_message() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["1 request per second"]);
        let desk = handle.recipient::<AcquirePermit>();
        let settle = handle.recipient::<SettlePermit>();
        let permit = desk.send(AcquirePermit::of(Cost::request())).await.expect("there");
        let permit = permit.expect("a permit");
        let observation = Observation::ok();
        settle.send(SettlePermit { permit, observation }).await.expect("there");
        let impatient = AcquirePermit {
            within: Some(Duration::from_millis(10)),
            ..AcquirePermit::of(Cost::request())
        };
        let refused = desk.send(impatient).await.expect("there").expect_err("too soon");
        assert_eq!(refused.code(), Code::E4404);
    });
}

#[test]
fn a_crowd_right_after_the_start_is_let_in() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["100 requests per second"]);
        let crowd = (0..100).map(|_| {
            let handle = handle.clone();
            tokio::spawn(
                async move { handle.request().acquire().await.map(tidegate::Permit::done) },
            )
        });
        for caller in crowd.collect::<Vec<_>>() {
            caller.await.expect("no panic").expect("there is room for everybody");
        }
    });
}

#[test]
fn a_thread_of_another_runtime_may_block() {
    let (_tidegate, handle) = start(["1 request per second"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    runtime.expect("a runtime").block_on(async {
        for _ in 0..2 {
            let handle = handle.clone();
            let blocking = tokio::task::spawn_blocking(move || {
                handle.request().acquire_blocking().map(tidegate::Permit::done)
            });
            blocking.await.expect("no panic").expect("a permit");
        }
    });
}

#[test]
fn a_system_that_does_not_run_is_not_joined() {
    let made = System::new();
    let (_tidegate, handle) = start(["1 request per second"]);
    handle.request().acquire_blocking().expect("a permit").done();
    // Nor one that has ended, inside another runtime.
    made.block_on(async {});
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    runtime.expect("a runtime").block_on(async {
        let (_tidegate, handle) = start(["1 request per second"]);
        handle.request().acquire().await.expect("a permit").done();
    });
}

#[test]
fn a_system_that_ends_ends_its_services() {
    let (_tidegate, handle) = System::new().block_on(async { start(["5 requests per second"]) });
    let mut refused = None;
    for _ in 0..20 {
        refused = handle.request().try_acquire().map(tidegate::Permit::done).err().or(refused);
    }
    assert_eq!(refused.expect("it was used up").code(), Code::E4431);
}

#[test]
fn large_calls_over_many_dimensions_can_be_tried() {
    let (_tidegate, handle) = start([
        "100 requests per minute",
        "400_000 tokens per minute",
        "400_000 input_tokens per minute",
        "8_000 output_tokens per minute",
    ]);
    handle.request().acquire_blocking().expect("the actor is there").done();
    let large = Cost::request().input_tokens(100_000).output_tokens(2_000);
    while !handle.has_capacity(&large) {
        std::thread::yield_now();
    }
    handle.request().cost(large).try_acquire().expect("it fits").done();
}

#[test]
fn a_restart_does_not_start_with_what_the_last_run_has_used() {
    let folder = std::env::temp_dir().join(format!("tidegate-mark-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let start = || {
        let limit = "3 requests per minute".parse::<Limit>().expect("a limit");
        let builder = Tidegate::builder().service("service", ServiceConfig::limited([limit]));
        builder.expect("a name").run_mark(folder.join("mark")).start().expect("it starts")
    };
    let within = Duration::from_millis(100);
    let granted = |tidegate: &Tidegate| {
        let handle = tidegate.service("service").expect("there");
        (0..3).filter(|_| handle.request().within(within).acquire_blocking().is_ok()).count()
    };
    let first = start();
    assert_eq!(granted(&first), 3, "the first run ever");
    drop(first);
    let second = start();
    assert_eq!(granted(&second), 0, "within a minute of the first");
    drop(second);
    std::fs::remove_dir_all(&folder).expect("it can go");
}
