//! What callers leave behind who give up, fail, ask twice or only ask what would be, and what a limiter
//! leaves that is given up: nothing that others would wait for; through the real actors, on virtual time.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tidegate::{
    AcquireError, BreakerPolicy, Concurrency, Drain, Handle, KeyPolicy, Limit, LimiterState,
    Permit, Priority, Reason, RestartPolicy, ServiceConfig, Share, Span, Standing, Tidegate,
    Unavailable,
};
use tidegate_scheduler::breaker::BreakerState;
use tidegate_tests::on_virtual_time;

const LONG: Duration = Duration::from_hours(2);

fn limited(text: &str) -> ServiceConfig {
    let limit = text.parse::<Limit>().expect("a limit");
    ServiceConfig::limited([limit.guard(Span::ZERO).expect("no guard")])
}

/// A service of which every agent may have one call under way.
fn one_call_for_each_agent() -> ServiceConfig {
    let mut config = limited("1000 requests per second");
    let each = KeyPolicy { concurrency: Some(Concurrency::slots(1)), ..KeyPolicy::default() };
    config.scoped.each.insert("agent".parse().expect("a name"), each);
    config
}

/// A service that is given up as soon as its limiter fails more often than that.
fn start(config: ServiceConfig, restarts_max: usize) -> (Tidegate, Handle) {
    let restarts = RestartPolicy { restarts_max, ..RestartPolicy::default() };
    let builder = Tidegate::builder().service("service", config).expect("a name");
    let tidegate = builder.restarts(restarts).start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Lets the actors do what they have to do.
async fn settle() {
    sleep(60).await;
}

async fn state(handle: &Handle) -> LimiterState {
    handle.usage().await.expect("it answers").service
}

#[test]
fn those_who_gave_up_are_not_back_in_line_after_a_failure() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(limited("1 request per hour"), 5);
        handle.request().acquire().await.expect("the first").done();
        for _ in 0..50 {
            let waiting = handle.request().within(LONG).acquire();
            let gave_up = tokio::time::timeout(Duration::from_millis(100), waiting).await;
            gave_up.expect_err("it would have to wait for an hour");
        }
        settle().await;
        assert_eq!(state(&handle).await.queued, 0);
        handle.inject_panic().await.expect("the mailbox survives");
        settle().await;
        assert_eq!(state(&handle).await.queued, 0, "LIM-3: they were withdrawn");
    });
}

#[test]
fn who_gave_up_before_the_limiter_has_heard_of_it_does_not_wait() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(limited("1 request per hour"), 5);
        handle.request().acquire().await.expect("the first").done();
        let mut asked = Box::pin(handle.request().within(LONG).acquire());
        let is_waiting = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_pending()));
        assert!(is_waiting.await, "it was sent");
        drop(asked);
        settle().await;
        let state = state(&handle).await;
        assert_eq!((state.queued, state.counts.refused), (0, 0), "LIM-3");
    });
}

#[test]
fn a_key_that_is_named_twice_takes_one_slot_and_gives_it_back() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(one_call_for_each_agent(), 0);
        let within = Duration::from_secs(1);
        for _ in 0..12 {
            let asked = handle.request().key("agent", "a").key("agent", "a").within(within);
            let permit = asked.acquire().await.expect("LIM-6: the slot is free");
            let other = handle.request().key("agent", "a").within(within).acquire().await;
            other.expect_err("LIM-6: it has one");
            permit.done();
        }
        handle.request().within(within).acquire().await.expect("so are others").done();
    });
}

#[test]
fn asking_what_would_be_leaves_no_parts() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(one_call_for_each_agent(), 5);
        for agent in 0..20 {
            let agent = format!("agent-{agent}");
            let explained = handle.explain(&handle.request().key("agent", &agent)).await;
            assert_eq!(explained.expect("it answers").standing, Standing::Runs);
        }
        assert_eq!(state(&handle).await.parts, []);
    });
}

#[test]
fn what_is_kept_for_others_is_not_foretold_to_be_free() {
    on_virtual_time(async {
        let mut config = limited("10 requests per minute");
        config.queue.floors[Priority::Background.index()] = Share::per_mille(500);
        let (_tidegate, handle) = start(config, 5);
        for _ in 0..6 {
            handle.request().acquire().await.expect("there are ten").done();
        }
        let optional = handle.request().priority(Priority::Background);
        let explained = handle.explain(&optional).await.expect("it answers");
        assert_ne!(explained.standing, Standing::Runs, "four are left, five are kept");
        let begin = tokio::time::Instant::now();
        let optional = optional.within(Duration::from_mins(10)).acquire().await;
        optional.expect("when there are more").done();
        let (took, foretold) =
            (begin.elapsed(), explained.runs_in.expect("it is known").to_duration());
        assert!(took.abs_diff(foretold) < Duration::from_millis(100), "{took:?}, not {foretold:?}");
    });
}

#[test]
fn a_probe_that_was_only_tried_closes_the_breaker() {
    // Soon after it may go, and much later than a probe is waited for.
    for pause in [1_100, 5_000] {
        try_a_probe_after(pause);
    }
}

fn try_a_probe_after(pause: u64) {
    on_virtual_time(async {
        let mut config = limited("1000 requests per second");
        let open = Span::from_secs(1);
        let once =
            BreakerPolicy { failures: 1, failure_rate: Share::NONE, open, ..Default::default() };
        config.breaker = Some(once);
        let (_tidegate, handle) = start(config, 5);
        handle.request().acquire().await.expect("there is room").failed();
        settle().await;
        let refused = handle.request().try_acquire().expect_err("it is open");
        assert_eq!(refused.rejection().expect("for now").reason, Reason::BreakerOpen);
        // After the limiter has looked at its clock; and the call takes its time.
        sleep(pause).await;
        let probe = handle.request().try_acquire().expect("BREAK-5: a probe may pass");
        sleep(20).await;
        assert!(handle.request().try_acquire().is_err(), "BREAK-2: one at a time");
        probe.done();
        settle().await;
        assert_eq!(state(&handle).await.breaker, Some(BreakerState::Closed), "BREAK-5");
    });
}

#[test]
fn a_stop_ends_with_the_limiter_that_is_given_up() {
    on_virtual_time(async {
        let (tidegate, handle) = start(limited("1 request per hour"), 0);
        handle.request().acquire().await.expect("the first").done();
        let other = handle.clone();
        let waiting =
            tokio::spawn(
                async move { other.request().within(LONG).acquire().await.map(Permit::done) },
            );
        settle().await;
        assert_eq!(state(&handle).await.queued, 1);
        let given_up = async {
            settle().await;
            handle.inject_panic().await.expect("the mailbox survives");
        };
        let stop = tidegate.shutdown(Drain::within(LONG));
        let stop = tokio::time::timeout(Duration::from_secs(1), stop);
        let (stopped, ()) = tokio::join!(stop, given_up);
        stopped.expect("STOP-1: nobody waits any more");
        let told = waiting.await.expect("no panic").expect_err("STOP-1: nobody waits");
        let why = Unavailable::GivenUp;
        assert_eq!(told, AcquireError::Unavailable { service: handle.name().clone(), why });
    });
}
