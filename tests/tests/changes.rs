//! Limits that change while callers wait and take, through the real actors on virtual time: LIM-5 and
//! SUP-4 as callers see them.

use std::time::Duration;

use tidegate::desk::ChangeLimits;
use tidegate::{
    Carry, Code, Cost, Handle, Limit, ReconfigureError, RefusedLimits, ServiceConfig, Span,
    Tidegate, Unavailable,
};
use tidegate_tests::on_virtual_time;

fn limits<const N: usize>(texts: [&str; N]) -> [Limit; N] {
    let limit = |text: &str| text.parse::<Limit>().expect("a limit").guard(Span::ZERO);
    texts.map(|text| limit(text).expect("no guard"))
}

fn start<const N: usize, const M: usize>(own: [&str; N], shared: [&str; M]) -> (Tidegate, Handle) {
    let builder = Tidegate::builder().service("service", ServiceConfig::limited(limits(own)));
    let builder = builder.and_then(|it| it.service("other", ServiceConfig::default()));
    let shared = limits(shared).into_iter();
    let builder = shared.fold(builder.expect("names"), tidegate::Builder::global_limit);
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

/// How many calls pass right now.
async fn passing(handle: &Handle) -> u64 {
    for passed in 0..1_000 {
        match handle.request().within(Duration::from_millis(1)).acquire().await {
            Ok(permit) => permit.done(),
            Err(_) => return passed,
        }
    }
    panic!("no limit holds")
}

type Waiting = tokio::task::JoinHandle<Result<tokio::time::Instant, tidegate::AcquireError>>;

/// Somebody who waits from now on, and says when it was granted.
async fn waiting(handle: &Handle, cost: Cost, within: u64) -> Waiting {
    let handle = handle.clone();
    let waiting = tokio::spawn(async move {
        let request = handle.request().cost(cost).within(Duration::from_secs(within));
        request.acquire().await.map(|permit| {
            permit.done();
            tokio::time::Instant::now()
        })
    });
    tokio::task::yield_now().await;
    waiting
}

#[test]
fn who_waits_is_granted_as_soon_as_the_limit_is_raised() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["2 requests per minute"], []);
        assert_eq!(passing(&handle).await, 2);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(waiting(&handle, Cost::request(), 120).await);
        }
        let now = tokio::time::Instant::now();
        handle.reconfigure(limits(["4 requests per minute"]), Carry::Additive).await.expect("more");
        let mut granted = Vec::new();
        for waiting in all {
            granted.push(waiting.await.expect("no panic").expect("in time").duration_since(now));
        }
        assert_eq!(granted[..2], [Duration::ZERO; 2], "two more, in order");
        assert!(granted[2] > Duration::from_secs(59), "the third when the window has passed");
    });
}

#[test]
fn who_waits_for_a_shared_limit_is_granted_as_soon_as_it_is_raised_or_gone() {
    on_virtual_time(async {
        let (tidegate, handle) = start([], ["2 requests per minute"]);
        assert_eq!(passing(&handle).await, 2);
        for (now, changed) in [(1, Some("3 requests per minute")), (50, None)] {
            let mut all = Vec::new();
            for _ in 0..now {
                all.push(waiting(&handle, Cost::request(), 120).await);
            }
            let begin = tokio::time::Instant::now();
            let changed = changed.map(|text| limits([text])).into_iter().flatten();
            tidegate.reconfigure_shared(changed, Carry::Additive).await.expect("more");
            for waiting in all {
                let granted = waiting.await.expect("no panic").expect("in time");
                assert_eq!(granted.duration_since(begin), Duration::ZERO);
            }
        }
        let back = limits(["3 requests per minute"]);
        tidegate.reconfigure_shared(back, Carry::Additive).await.expect("it was there before");
        assert_eq!(passing(&handle).await, 3, "it is back, and remembers nothing");
    });
}

#[test]
fn a_lowered_limit_is_kept_from_the_moment_it_is_set() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["10 requests per minute"], []);
        tokio::task::yield_now().await;
        handle.request().acquire().await.expect("the first").done();
        assert!(handle.has_capacity(&Cost::request().requests(9)), "nine are at hand");
        let lower = limits(["4 requests per minute"]);
        handle.reconfigure(lower.clone(), Carry::Additive).await.expect("less");
        assert!(!handle.has_capacity(&Cost::request().requests(4)));
        assert_eq!(passing(&handle).await, 3);
        let usage = handle.usage().await.expect("it answers").service;
        assert_eq!(usage.limits[0].limit, lower[0]);
        // What can never fit any more is told so, by whichever way it asks.
        let five = || handle.request().cost(Cost::request().requests(5));
        assert_eq!(five().try_acquire().expect_err("never").code(), Code::E4410);
        assert_eq!(five().acquire().await.expect_err("never").code(), Code::E4410);
        handle.reconfigure(limits(["5 requests per minute"]), Carry::Reset).await.expect("more");
        five().acquire().await.expect("it fits").done();
    });
}

#[test]
fn a_lowered_shared_limit_calls_in_what_services_hold() {
    on_virtual_time(async {
        let (tidegate, handle) = start([], ["100 requests per minute"]);
        let other = tidegate.service("other").expect("configured");
        tokio::time::sleep(Duration::from_secs(1)).await;
        for handle in [&handle, &other] {
            handle.request().acquire().await.expect("there is enough").done();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!([&handle, &other].iter().all(|it| it.has_capacity(&Cost::request().requests(9))));
        let lower = limits(["5 requests per minute"]);
        tidegate.reconfigure_shared(lower, Carry::Additive).await.expect("less");
        assert_eq!(passing(&handle).await + passing(&other).await, 3);
        let refused =
            other.request().cost(Cost::request().requests(6)).try_acquire().expect_err("never");
        assert_eq!(refused.code(), Code::E4410);
    });
}

#[test]
fn who_waits_in_vain_under_the_new_limits_is_told_at_once() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["10 requests per minute", "100 tokens per minute"], []);
        assert_eq!(passing(&handle).await, 10);
        let never = waiting(&handle, Cost::request().tokens(60), 300).await;
        let late = waiting(&handle, Cost::request().tokens(50), 70).await;
        let patient = waiting(&handle, Cost::request().tokens(50), 300).await;
        let begin = tokio::time::Instant::now();
        let lower = limits(["10 requests per minute", "50 tokens per 2m"]);
        handle.reconfigure(lower, Carry::Additive).await.expect("less");
        let never = never.await.expect("no panic").expect_err("larger than the limit");
        assert_eq!(never.code(), Code::E4410);
        late.await.expect("no panic").expect("the first now, after a minute");
        patient.await.expect("no panic").expect("two minutes later");
        // The first takes most: whoever is behind it and needs more than is left has too little time, not
        // those who need less.
        let first = waiting(&handle, Cost::request().tokens(30), 140).await;
        let late = waiting(&handle, Cost::request().tokens(20), 150).await;
        let patient = waiting(&handle, Cost::request().tokens(5), 600).await;
        let changed = tokio::time::Instant::now();
        let lower = limits(["10 requests per minute", "40 tokens per 2m"]);
        handle.reconfigure(lower, Carry::Additive).await.expect("less");
        let late = late.await.expect("no panic").expect_err("served after four minutes");
        assert_eq!(late.code(), Code::E4405);
        assert_eq!(changed.elapsed(), Duration::ZERO, "it was told at once");
        let first = first.await.expect("no panic").expect("in time");
        let patient = patient.await.expect("no panic").expect("in time");
        assert_eq!(first, patient, "35 of 40");
        assert!(begin.elapsed() > Duration::from_mins(3));
    });
}

#[test]
fn a_refused_change_changes_nothing() {
    on_virtual_time(async {
        let (tidegate, handle) = start(["10 requests per minute"], ["20 requests per minute"]);
        handle.request().acquire().await.expect("the first").done();
        let before = handle.usage().await.expect("it answers");
        let many = vec![limits(["1 request per minute"])[0].clone(); 65];
        let bytes = limits(["1 request per minute", "1 byte per minute"]).to_vec();
        for refused in [many, bytes] {
            let own = handle.reconfigure(refused.clone(), Carry::Reset).await;
            let shared = tidegate.reconfigure_shared(refused, Carry::Reset).await;
            for answer in [own, shared] {
                let error = answer.expect_err("refused");
                assert!(matches!(error, ReconfigureError::Refused(_)), "{error}");
            }
        }
        assert_eq!(handle.usage().await.expect("it answers"), before);
        assert_eq!(passing(&handle).await, 9);
    });
}

#[test]
fn a_limiter_that_fails_goes_on_under_the_new_limits() {
    on_virtual_time(async {
        let (tidegate, handle) =
            start(["10 requests per second", "1000 tokens per second"], ["9 requests per second"]);
        let (own, shared) = (limits(["3 requests per second"]), limits(["2 requests per second"]));
        handle.reconfigure(own.clone(), Carry::Additive).await.expect("less");
        handle.inject_panic().await.expect("the mailbox survives");
        tokio::time::sleep(Duration::from_secs(3)).await;
        let usage = handle.usage().await.expect("it answers").service;
        assert_eq!(usage.limits.iter().map(|it| it.limit.clone()).collect::<Vec<_>>(), own);
        assert_eq!(passing(&handle).await, 3);
        tidegate.reconfigure_shared(shared, Carry::Additive).await.expect("less");
        handle.inject_panic().await.expect("the mailbox survives");
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(passing(&handle).await, 2, "the shared one");
        let three =
            handle.request().cost(Cost::request().requests(3)).try_acquire().expect_err("never");
        assert_eq!(three.code(), Code::E4410, "handles know too");
    });
}

#[test]
fn a_limit_larger_than_the_gate_was_made_for_is_kept() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(["1 request per minute", "1 token per minute"], []);
        let large = limits(["1_000_000_000_000 requests per minute", "2_000 tokens per minute"]);
        handle.reconfigure(large, Carry::Additive).await.expect("more");
        let all = Cost::request().requests(900_000_000_000).tokens(1_990);
        handle.request().cost(all).acquire().await.expect("by message").done();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let tenth = || handle.request().tokens(1);
        for _ in 0..10 {
            tenth().try_acquire().expect("from the gate").done();
        }
        tenth().try_acquire().expect_err("2000 are used");
        handle.request().try_acquire().expect("there are requests left").done();
    });
}

#[test]
fn an_actix_host_changes_limits_by_message() {
    on_virtual_time(async {
        let (tidegate, handle) = start(["1 request per minute"], []);
        let desk = handle.recipient::<ChangeLimits>();
        let change = |texts: [&str; 1]| ChangeLimits {
            limits: limits(texts).to_vec(),
            carry: Carry::Additive,
        };
        desk.send(change(["3 requests per minute"])).await.expect("there").expect("more");
        assert_eq!(passing(&handle).await, 3);
        let refused = desk.send(change(["3 bytes per minute"])).await.expect("there");
        let refused = refused.expect_err("nobody counts bytes");
        assert!(matches!(
            refused,
            ReconfigureError::Refused(RefusedLimits::UnknownDimension { .. })
        ));
        drop(tidegate);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let gone = handle.reconfigure([], Carry::Additive).await.expect_err("stopped");
        assert!(matches!(gone, ReconfigureError::Unavailable { why: Unavailable::Gone, .. }));
    });
}

#[test]
fn when_a_change_is_answered_no_thread_is_granted_under_the_old_limits() {
    // The actors run on a thread of their own.
    let (tidegate, handle) = start([], ["1000 requests per minute"]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let two = Cost::request().requests(2);
    for _ in 0..200 {
        let large = tidegate.reconfigure_shared(limits(["1000 requests per minute"]), Carry::Reset);
        runtime.block_on(large).expect("more");
        runtime.block_on(handle.request().cost(two.clone()).acquire()).expect("it fits").cancel();
        while !handle.has_capacity(&two) {
            std::thread::yield_now();
        }
        let small = tidegate.reconfigure_shared(limits(["1 request per minute"]), Carry::Additive);
        runtime.block_on(small).expect("less");
        assert!(!handle.has_capacity(&two), "SUP-4");
    }
}
