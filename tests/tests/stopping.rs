//! Stopping in order: who waits is served or told, who comes later is refused (STOP-1); on virtual time.

use std::time::Duration;

use tidegate::desk::{AcquirePermit, DrainService};
use tidegate::{
    AcquireError, Called, Code, Cost, Drain, Handle, Key, Limit, Observation, Priority, Reason,
    RunError, ScopePolicy, ServiceConfig, Span, Tidegate, WhyNoMore,
};
use tidegate_tests::on_virtual_time;

fn limit(text: &str) -> Limit {
    text.parse::<Limit>().expect("a limit").guard(Span::ZERO).expect("no guard")
}

fn start(services: &[&str], config: &ServiceConfig) -> (Tidegate, Vec<Handle>) {
    let builder = services.iter().fold(Tidegate::builder(), |builder, name| {
        builder.service(name, config.clone()).expect("a name")
    });
    let tidegate = builder.start().expect("it starts");
    let handles = services.iter().map(|name| tidegate.service(name).expect("configured"));
    let handles = handles.collect();
    (tidegate, handles)
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn queued(handle: &Handle) -> usize {
    handle.usage().await.expect("it answers").service.queued
}

/// Callers who wait in line, after one who has passed.
async fn crowd(handle: &Handle, size: usize) -> Vec<tokio::task::JoinHandle<Option<Code>>> {
    handle.request().acquire().await.expect("the first").done();
    let callers = (0..size).map(|_| {
        let handle = handle.clone();
        tokio::spawn(async move {
            let permit = handle.request().acquire().await;
            permit.map(tidegate::Permit::done).err().map(|refused| refused.code())
        })
    });
    let callers = callers.collect();
    sleep(1).await;
    assert_eq!(queued(handle).await, size);
    callers
}

async fn answers(callers: Vec<tokio::task::JoinHandle<Option<Code>>>) -> Vec<Option<Code>> {
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.expect("no panic"));
    }
    answers
}

#[test]
fn who_waits_is_served_and_who_comes_later_is_not() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per second")]);
        let (tidegate, handles) = start(&["service"], &config);
        let handle = &handles[0];
        let callers = crowd(handle, 3).await;
        let begin = tokio::time::Instant::now();
        let later = async {
            tokio::task::yield_now().await;
            let refused = handle.request().acquire().await.expect_err("too late");
            insta::assert_snapshot!(refused, @"tidegate was stopped: nothing passes to `service` any more (E4431)");
            assert!(matches!(refused, AcquireError::Stopped { .. }));
            let refused = handle.request().try_acquire().expect_err("too late");
            assert!(matches!(refused, AcquireError::Stopped { .. }));
            assert_eq!(begin.elapsed(), Duration::ZERO, "STOP-1: at once");
            assert_eq!(queued(handle).await, 3, "the others still wait");
        };
        tokio::join!(tidegate.shutdown(Drain::within(Duration::from_secs(20))), later);
        let took = begin.elapsed();
        assert!(
            took > Duration::from_millis(2_900) && took < Duration::from_millis(3_100),
            "{took:?}"
        );
        assert_eq!(queued(handle).await, 0, "STOP-1");
        assert_eq!(answers(callers).await, [None; 3]);
    });
}

#[test]
fn nobody_passes_an_open_gate_once_a_stop_has_begun() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("10 requests per second")]);
        let (tidegate, handles) = start(&["service"], &config);
        sleep(60).await;
        assert!(handles[0].has_capacity(&Cost::request()));
        let at_once = async {
            // The limiter, on this thread, has not heard of it.
            let refused = handles[0].request().try_acquire().expect_err("STOP-1");
            assert_eq!(refused.code(), Code::E4431);
        };
        tokio::join!(tidegate.shutdown(Drain::now()), at_once);
    });
}

#[test]
fn who_is_not_served_in_time_is_told() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per second")]);
        let (tidegate, handles) = start(&["service"], &config);
        let callers = crowd(&handles[0], 5).await;
        let begin = tokio::time::Instant::now();
        tidegate.shutdown(Drain::within(Duration::from_millis(2_500))).await;
        assert!(begin.elapsed().as_millis().abs_diff(2_500) < 5, "{:?}", begin.elapsed());
        let stopped = Some(Code::E4431);
        assert_eq!(answers(callers).await, [None, None, stopped, stopped, stopped]);
    });
}

#[test]
fn a_stop_now_waits_for_nobody() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per second")]);
        let (tidegate, handles) = start(&["service"], &config);
        let callers = crowd(&handles[0], 2).await;
        let begin = tokio::time::Instant::now();
        tidegate.shutdown(Drain::now()).await;
        assert!(begin.elapsed() < Duration::from_millis(5), "{:?}", begin.elapsed());
        assert_eq!(answers(callers).await, [Some(Code::E4431); 2]);
    });
}

#[test]
fn a_second_stop_may_cut_the_first_short_and_both_return() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per minute")]);
        let (tidegate, handles) = start(&["service"], &config);
        let handle = &handles[0];
        handle.request().acquire().await.expect("the first").done();
        let patient = handle.clone();
        let within = Duration::from_secs(500);
        let waiting =
            tokio::spawn(async move { patient.request().within(within).acquire().await.is_err() });
        sleep(1).await;
        let begin = tokio::time::Instant::now();
        let first = tidegate.shutdown(Drain::within(Duration::from_secs(40)));
        let second = async {
            sleep(1_000).await;
            tidegate.shutdown(Drain::within(Duration::from_secs(1))).await;
        };
        tokio::join!(first, second);
        assert!(begin.elapsed().as_millis().abs_diff(2_000) < 10, "{:?}", begin.elapsed());
        assert!(waiting.await.expect("no panic"));
        tidegate.shutdown(Drain::within(Duration::from_secs(40))).await;
        assert!(begin.elapsed().as_millis().abs_diff(2_000) < 10, "nobody waits any more");
    });
}

#[test]
fn services_stop_at_the_same_time() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per second")]);
        let (tidegate, handles) = start(&["one", "two", "three"], &config);
        let mut callers = Vec::new();
        for handle in &handles {
            callers.extend(crowd(handle, 3).await);
        }
        let begin = tokio::time::Instant::now();
        tidegate.shutdown(Drain::within(Duration::from_millis(1_500))).await;
        assert!(begin.elapsed() < Duration::from_millis(1_510), "{:?}", begin.elapsed());
        for answers in answers(callers).await.chunks(3) {
            assert_eq!(answers[0], None);
            assert_eq!(answers[2], Some(Code::E4431));
        }
    });
}

#[test]
fn a_stop_that_is_not_awaited_goes_on() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per second")]);
        let (tidegate, handles) = start(&["service"], &config);
        let callers = crowd(&handles[0], 2).await;
        let stop = tidegate.shutdown(Drain::within(Duration::from_millis(1_500)));
        assert!(tokio::time::timeout(Duration::from_millis(10), stop).await.is_err());
        let refused = handles[0].request().acquire().await.expect_err("it has begun");
        assert_eq!(refused.code(), Code::E4431);
        assert_eq!(answers(callers).await, [None, Some(Code::E4431)]);
    });
}

#[test]
fn a_call_under_way_is_settled_and_not_made_again() {
    on_virtual_time(async {
        let (tidegate, handles) = start(&["service"], &ServiceConfig::default());
        let handle = handles[0].clone();
        let run = tokio::spawn(async move {
            let call = |_| async {
                sleep(100).await;
                Called::<(), _>::failed("busy", Observation::from_status(529))
            };
            handle.request().run(call).await
        });
        sleep(10).await;
        let begin = tokio::time::Instant::now();
        tidegate.shutdown(Drain::within(Duration::from_secs(5))).await;
        assert!(begin.elapsed() < Duration::from_millis(5), "it does not wait");
        let failed = run.await.expect("no panic").expect_err("busy");
        insta::assert_snapshot!(failed, @"busy; made once, and not again: no permit for the next attempt: tidegate was stopped: nothing passes to `service` any more (E4431)");
        assert!(matches!(
            failed,
            RunError::Failed { stopped_by: WhyNoMore::Refused(AcquireError::Stopped { .. }), .. }
        ));
        let refused = handles[0].request().run(|_| async { Ok::<_, ()>(()) }).await;
        assert!(matches!(refused, Err(RunError::Refused(AcquireError::Stopped { .. }))));
    });
}

#[test]
fn every_way_to_ask_says_that_it_was_stopped() {
    let mut config = ServiceConfig::limited([limit("5 requests per minute")]);
    let part = ScopePolicy { limits: config.limits.clone(), ..ScopePolicy::default() };
    config.scoped.models.push(("large".to_owned(), part));
    let (tidegate, handles) = start(&["service"], &config);
    let handle = &handles[0];
    handle.request().acquire_blocking().expect("there is room").done();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(tidegate.shutdown(Drain::within(Duration::from_secs(9))));
    let refused = [
        handle.request().try_acquire().expect_err("stopped"),
        handle.request().model("large").try_acquire().expect_err("stopped"),
        handle.request().acquire_blocking().expect_err("stopped"),
        runtime.block_on(handle.request().model("large").acquire()).expect_err("stopped"),
    ];
    assert_eq!(refused.map(|refused| refused.code()), [Code::E4431; 4]);
    assert!(!handle.has_capacity(&Cost::request()));
    assert!(!handle.has_capacity_for(&handle.request()));
}

#[test]
fn an_actix_host_says_more_and_stops_by_message() {
    on_virtual_time(async {
        let mut config = ServiceConfig::default();
        let one_per_minute = || ScopePolicy {
            limits: vec![limit("1 request per minute")],
            ..ScopePolicy::default()
        };
        config.scoped.models.push(("large".to_owned(), one_per_minute()));
        config.scoped.endpoints.push(("messages".to_owned(), one_per_minute()));
        let (_tidegate, handles) = start(&["service"], &config);
        let desk = handles[0].recipient::<AcquirePermit>();
        let ask = || AcquirePermit::of(Cost::request()).within(Duration::from_secs(1));
        let key = Key::new("agent", "planner").expect("a key");
        let asked = ask().priority(Priority::High).key(key.clone());
        for part in [asked.clone().model("large"), asked.clone().endpoint("messages")] {
            desk.send(part.clone()).await.expect("there").expect("the first").done();
            let refused = desk.send(part).await.expect("there").expect_err("the second");
            assert_eq!(refused.rejection().expect("a limit").reason, Reason::DeadlineTooClose);
        }
        desk.send(asked.clone()).await.expect("there").expect("of no part").done();
        let keys = AcquirePermit { keys: vec![key; 9], ..ask() };
        let refused = desk.send(keys).await.expect("there").expect_err("nine keys");
        insta::assert_snapshot!(refused, @"more than 8 keys for one call: use the ones that limits or turns depend on (E4411)");
        let drain = Drain::within(Duration::from_secs(3));
        handles[0].recipient().send(DrainService { drain }).await.expect("there");
        let refused = desk.send(asked).await.expect("there").expect_err("stopped");
        assert_eq!(refused.code(), Code::E4431);
    });
}

#[test]
fn a_limiter_that_failed_still_stops() {
    on_virtual_time(async {
        let config = ServiceConfig::limited([limit("1 request per second")]);
        let (tidegate, handles) = start(&["service"], &config);
        let callers = crowd(&handles[0], 2).await;
        handles[0].inject_panic().await.expect("the mailbox survives");
        let begin = tokio::time::Instant::now();
        tidegate.shutdown(Drain::within(Duration::from_millis(300))).await;
        assert!(begin.elapsed().as_millis().abs_diff(300) < 5, "{:?}", begin.elapsed());
        let told = answers(callers).await;
        assert!(told.iter().all(Option::is_some), "{told:?}");
        drop(tidegate);
        sleep(10).await;
        assert_eq!(handles[0].request().try_acquire().expect_err("gone").code(), Code::E4431);
    });
}
