//! Paces that are learned, through the real actors on virtual time: what is sent keeps to them, and what is
//! answered changes them (PACE-1 to PACE-4).

use std::time::Duration;

use tidegate::{
    AcquireError, AdaptivePolicy, ControllerKind, Cost, Dimension, Handle, Increase, Observation,
    RateOf, ServiceConfig, Share, Span, Tidegate,
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
        let wait = rejection.retry_after.expect("it is known");
        assert!(wait > Span::from_millis(900) && wait <= Span::from_secs(1), "{wait}");
        let refused = handle.request().try_acquire().expect_err("too soon");
        assert!(matches!(refused, AcquireError::Later(_)), "{refused}");
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
