//! Paces that are learned, through the real actors on virtual time: what is sent keeps to them, and what is
//! answered changes them (PACE-1 to PACE-4).

use std::time::Duration;

use tidegate::{
    AcquireError, AdaptivePolicy, Code, ControllerKind, Cost, Dimension, Handle, Hint, Increase,
    Observation, Outcome, QueuePolicy, RateOf, Reason, ServiceConfig, Share, Span, Tidegate,
};
use tidegate_tests::on_virtual_time;

fn rate(text: &str) -> RateOf {
    text.parse().expect("a rate")
}

fn policy(controller: ControllerKind, start: &str) -> AdaptivePolicy {
    let start = rate(start);
    let dimensions = vec![start.dimension()];
    AdaptivePolicy { controller, dimensions, start: vec![start], ..AdaptivePolicy::default() }
}

fn start(service: ServiceConfig) -> (Tidegate, Handle) {
    let builder = Tidegate::builder().service("service", service).expect("a name");
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

fn paced(policy: AdaptivePolicy) -> (Tidegate, Handle) {
    start(ServiceConfig::default().with_adaptive(policy))
}

async fn pace(handle: &Handle) -> f64 {
    handle.pace().await.expect("it answers")[0].per_second
}

async fn wait(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

fn refused(retry_after: Option<u64>) -> Observation {
    let refused = Observation::from_status(429);
    match retry_after {
        Some(secs) => refused.retry_after(Span::from_secs(secs)),
        None => refused,
    }
}

#[test]
fn calls_are_sent_as_fast_as_the_pace_and_no_faster() {
    on_virtual_time(async {
        for (kind, pace, tokens) in [
            (ControllerKind::Fixed, "10 requests per second", 0),
            (ControllerKind::Fixed, "500 tokens per second", 50),
            (ControllerKind::Aimd, "10 requests per second", 0),
        ] {
            let still = Increase::PerSecond(Share::NONE);
            let policy = AdaptivePolicy { increase: still, ..policy(kind, pace) };
            let still =
                AdaptivePolicy { increase: Increase::PerSecond(Share::per_mille(1)), ..policy };
            let (_tidegate, handle) = paced(still);
            let begin = tokio::time::Instant::now();
            for _ in 0..100 {
                handle.request().tokens(tokens).acquire().await.expect("it waits").done();
            }
            let took = begin.elapsed();
            let (least, most) = (Duration::from_millis(9_700), Duration::from_millis(10_300));
            assert!(took > least && took < most, "PACE-1: 100 calls in {took:?} at {pace}");
        }
    });
}

#[test]
fn a_pace_holds_beside_the_limits() {
    on_virtual_time(async {
        let limits = ["3 requests per minute".parse().expect("a limit")];
        let service = ServiceConfig::limited(limits)
            .with_adaptive(policy(ControllerKind::Fixed, "1 request per second"));
        let (_tidegate, handle) = start(service);
        let begin = tokio::time::Instant::now();
        let mut at = Vec::new();
        for _ in 0..4 {
            handle
                .request()
                .within(Duration::from_secs(90))
                .acquire()
                .await
                .expect("it waits")
                .done();
            at.push(begin.elapsed().as_secs());
        }
        assert_eq!(at[..3], [0, 1, 2], "the pace holds");
        assert!(at[3] >= 60, "the limit holds: {at:?}");
    });
}

#[test]
fn a_refusal_slows_down_whoever_comes_next_once_per_event() {
    on_virtual_time(async {
        let (_tidegate, handle) = paced(policy(ControllerKind::Aimd, "100 requests per second"));
        let mut permits = Vec::new();
        for _ in 0..3 {
            permits.push(handle.request().acquire().await.expect("it waits"));
        }
        wait(50).await;
        for permit in permits {
            permit.settle(refused(None));
            wait(20).await;
        }
        assert!((pace(&handle).await - 90.0).abs() < 0.01, "PACE-3: {}", pace(&handle).await);
        handle.request().acquire().await.expect("later").settle(refused(None));
        wait(20).await;
        assert!((pace(&handle).await - 81.0).abs() < 0.1, "{}", pace(&handle).await);
        let permit = handle.request().acquire().await.expect("at once");
        permit.settle(Observation::from_status(529));
        wait(20).await;
        assert!(pace(&handle).await < 50.0, "PACE-2: slower for a while");
        wait(10_000).await;
        assert!((pace(&handle).await - 81.0).abs() < 0.1, "PACE-2: and then as before");
    });
}

#[test]
fn after_a_pause_one_call_goes_alone() {
    on_virtual_time(async {
        let (_tidegate, handle) = paced(policy(ControllerKind::Aimd, "100 requests per second"));
        let first = handle.request().acquire().await.expect("at once");
        wait(500).await;
        first.settle(refused(Some(2)));
        let begin = tokio::time::Instant::now();
        let probe = handle.request().acquire().await.expect("after the pause");
        assert!(begin.elapsed() >= Duration::from_secs(2), "PACE-4: {:?}", begin.elapsed());
        let mut others: Vec<_> = (0..3).map(|_| handle.request().acquire()).collect();
        let alone = tokio::time::timeout(Duration::from_millis(300), &mut others[0]).await;
        assert!(alone.is_err(), "PACE-4: nobody else before it is known how the probe ended");
        probe.done();
        for other in others {
            let granted = tokio::time::timeout(Duration::from_millis(200), other).await;
            granted.expect("at the pace").expect("granted").done();
        }
    });
}

#[test]
fn what_is_reported_by_hand_moves_the_pace() {
    on_virtual_time(async {
        let slow = policy(ControllerKind::Aimd, "10 requests per second");
        let increase = Increase::PerSuccess(Share::per_mille(100));
        let (_tidegate, handle) = paced(AdaptivePolicy { increase, ..slow });
        wait(1_000).await;
        handle.record_rate_limit(None);
        handle.record_rate_limit(None);
        assert!((pace(&handle).await - 9.0).abs() < 0.01, "PACE-3: {}", pace(&handle).await);
        wait(1_000).await;
        handle.record_rate_limit(Some(Duration::from_secs(3)));
        let begin = tokio::time::Instant::now();
        handle.request().acquire().await.expect("after the pause").done();
        assert!(begin.elapsed() >= Duration::from_secs(3), "{:?}", begin.elapsed());
    });
}

#[test]
fn who_does_not_wait_is_told_of_the_pace() {
    on_virtual_time(async {
        let (_tidegate, handle) = paced(policy(ControllerKind::Fixed, "1 request per second"));
        handle.request().acquire().await.expect("at once").done();
        let within = Duration::from_millis(1);
        let refused = handle.request().within(within).acquire().await.expect_err("too soon");
        let AcquireError::Later(rejection) = refused else { panic!("{refused}") };
        assert_eq!((rejection.limit, rejection.dimension), (60, Dimension::Requests));
        assert_eq!(rejection.code, Code::E4424, "{rejection}");
        let wait = rejection.retry_after.expect("it is known");
        assert!(wait > Span::from_millis(900) && wait <= Span::from_secs(1), "{wait}");
        let refused = handle.request().try_acquire().expect_err("too soon");
        let AcquireError::Later(rejection) = refused else { panic!("{refused}") };
        assert_eq!((rejection.code, rejection.reason), (Code::E4424, Reason::Paced), "{rejection}");
        let wait = rejection.retry_after.expect("it is known");
        assert!(wait > Span::from_millis(900) && wait <= Span::from_secs(1), "{wait}");
        let why = handle.explain(&handle.request()).await.expect("it answers");
        insta::assert_snapshot!(why.to_string(), @r"would wait, runs in 1s: service `service` is called at the pace that it is thought to bear: about 60 requests per 1m, 1 asked for; retry after 999ms (E4424)");
    });
}

/// Who comes next is not let through before the actor has heard of a refusal.
#[test]
fn a_refusal_shuts_the_gate_at_once() {
    on_virtual_time(async {
        let (_tidegate, handle) =
            paced(policy(ControllerKind::Fixed, "100000 requests per second"));
        handle.request().acquire().await.expect("at once").done();
        wait(50).await;
        let permit = handle.request().try_acquire().expect("there is room");
        handle.request().try_acquire().expect("and more").done();
        permit.settle(refused(None));
        // Nobody has awaited anything since.
        assert!(handle.request().try_acquire().is_err(), "the gate is shut");
        wait(50).await;
        handle.request().try_acquire().expect("and open again").done();
    });
}

#[test]
fn who_only_tries_gets_through_again_after_a_pause_one_first() {
    on_virtual_time(async {
        let (_tidegate, handle) = paced(policy(ControllerKind::Aimd, "100 requests per second"));
        let first = handle.request().acquire().await.expect("at once");
        wait(500).await;
        first.settle(refused(Some(1)));
        wait(900).await;
        assert!(handle.request().try_acquire().is_err(), "PACE-4: within the pause");
        wait(200).await;
        // Who finds nothing has the actor look again.
        let _ = handle.request().try_acquire();
        wait(50).await;
        let probe = handle.request().try_acquire().expect("one");
        wait(200).await;
        assert!(handle.request().try_acquire().is_err(), "PACE-4: alone");
        probe.done();
        wait(100).await;
        handle.request().try_acquire().expect("open again").done();
    });
}

#[test]
fn a_quota_that_is_used_up_is_waited_for_and_tried_by_one() {
    on_virtual_time(async {
        let limits = ["100 requests per second".parse().expect("a limit")];
        let queue = QueuePolicy { timeout: Span::from_secs(24 * 3_600), ..QueuePolicy::default() };
        let (_tidegate, handle) = start(ServiceConfig::limited(limits).with_queue(queue));
        let begin = tokio::time::Instant::now();
        let first = handle.request().acquire().await.expect("at once");
        let renewed = Observation::new(Outcome::QuotaExhausted);
        first.settle(renewed.retry_after(Span::from_secs(3_000_000)));
        let mut tried = handle.request().try_acquire();
        assert!(tried.is_err(), "QUOTA-1: at once");
        let refused = handle.request().acquire().await.expect_err("not within a day");
        assert_eq!(refused.rejection().map(|it| it.reason), Some(Reason::Paused), "{refused}");
        wait(2_999_000_000).await;
        let mut others: Vec<_> = (0..3).map(|_| handle.request().acquire()).collect();
        let probe = (&mut others[0]).await.expect("when it is renewed");
        assert!(begin.elapsed().as_secs() >= 2_700_000, "QUOTA-1: {:?}", begin.elapsed());
        tried = handle.request().try_acquire();
        assert!(tried.is_err(), "QUOTA-1: alone");
        let alone = tokio::time::timeout(Duration::from_secs(20), &mut others[1]).await;
        assert!(alone.is_err(), "QUOTA-1: alone");
        probe.done();
        let second = tokio::time::timeout(Duration::from_secs(1), &mut others[1]).await;
        second.expect("it is heard of").expect("granted").done();
    });
}

#[test]
fn what_the_head_of_a_response_says_is_heard_before_its_end() {
    on_virtual_time(async {
        let (_tidegate, handle) = paced(policy(ControllerKind::Aimd, "100 requests per second"));
        let first = handle.request().acquire().await.expect("at once");
        wait(2_000).await;
        first.settle(refused(Some(1)));
        let probe = handle.request().acquire().await.expect("after the pause");
        let mut next = handle.request().acquire();
        let alone = tokio::time::timeout(Duration::from_millis(500), &mut next).await;
        assert!(alone.is_err(), "PACE-4: refusals take two seconds");
        probe.hinted([Hint::of(Dimension::Requests)]);
        let granted = tokio::time::timeout(Duration::from_millis(200), &mut next).await;
        granted.expect("the probe was not refused").expect("granted").done();
        probe.done();
    });
}

/// A timer that is armed for what cannot change would never let virtual time go on.
#[test]
fn a_service_that_nobody_calls_sleeps() {
    on_virtual_time(async {
        for kind in ControllerKind::ALL {
            for start in ["10 requests per second", "500 tokens per second"] {
                let (_tidegate, handle) = paced(policy(kind, start));
                wait(60_000).await;
                let permit = handle.request().cost(Cost::request().tokens(9)).acquire().await;
                permit.expect("at once").settle(refused(Some(1)));
                wait(3_600_000).await;
                handle.request().acquire().await.expect("at once").done();
                wait(60_000).await;
            }
        }
    });
}
