//! Limits per calendar period through the whole: what midnight gives, who knows when it is, and what a
//! restart or a failure makes of a day.

use std::time::Duration;

use tidegate::{Handle, Limit, ServiceConfig, Span, Tidegate, WallOrigin};
use tidegate_algorithms::Gate;
use tidegate_algorithms::gate::Guards;
use tidegate_scheduler::{Limiter, LimiterConfig};
use tidegate_tests::on_virtual_time;
use tidegate_units::Instant;
use tidegate_units::clock::WallClock;

const HOUR: Span = Span::from_secs(3_600);
/// 28 March 2026, 22:00 UTC: 23:00 in Berlin, and the next day there has 23 hours.
const EVENING: u64 = 1_774_735_200_000_000_000;

fn three_a_day() -> Limit {
    "3 requests per day in Europe/Berlin".parse().expect("a limit")
}

fn started(origin: WallOrigin, own: Option<Limit>, shared: Option<Limit>) -> (Tidegate, Handle) {
    let builder = Tidegate::builder().service("service", ServiceConfig::limited(own));
    let builder = builder.expect("a name").wall_origin(origin);
    let builder = shared.into_iter().fold(builder, tidegate::Builder::global_limit);
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

/// How long it took until so many calls were granted, one after the other.
async fn time_for(handle: &Handle, calls: u32) -> Duration {
    let begin = tokio::time::Instant::now();
    for _ in 0..calls {
        let patient = handle.request().within((HOUR * 23 + Span::from_secs(60)).to_duration());
        patient.acquire().await.expect("it waits").done();
    }
    begin.elapsed()
}

/// Close to `hours`, and not before: timers of the runtime are late by a millisecond.
fn assert_hours(took: Duration, hours: u64) {
    let exact = (HOUR * hours).to_duration();
    assert!(took >= exact && took < exact + Duration::from_millis(200), "{hours} h, not {took:?}");
}

#[test]
fn who_waits_is_granted_at_midnight_in_the_zone() {
    for is_shared in [false, true] {
        on_virtual_time(async {
            let origin = WallOrigin::when(Instant::ZERO, EVENING);
            let limit = || Some(three_a_day());
            let (own, shared) = if is_shared { (None, limit()) } else { (limit(), None) };
            let (_tidegate, handle) = started(origin, own, shared);
            assert_hours(time_for(&handle, 3).await, 0);
            assert_hours(time_for(&handle, 1).await, 1);
            assert_hours(time_for(&handle, 2).await, 0);
            // Clocks went forward in that night.
            assert_hours(time_for(&handle, 1).await, 23);
        });
    }
}

#[test]
fn the_wall_clock_says_when_midnight_is_unless_it_is_told() {
    on_virtual_time(async {
        let limits = ["5 requests per day in UTC".parse::<Limit>().expect("a limit")];
        let builder = Tidegate::builder().service("service", ServiceConfig::limited(limits));
        let tidegate = builder.expect("a name").start().expect("it starts");
        let handle = tidegate.service("service").expect("configured");
        handle.request().acquire().await.expect("the first").done();
        tokio::time::sleep(Duration::from_millis(60)).await;
        let usage = handle.usage().await.expect("it answers");
        let resets_in = usage.service.limits[0].resets_after.as_millis();
        let day = 86_400_000;
        // At midnight, to a minute: this thread may be held up between two readings of the clock.
        let from_midnight = (WallClock.unix_millis() + resets_in + day / 2) % day;
        assert!(from_midnight.abs_diff(day / 2) < 60_000, "{resets_in} ms");
    });
}

#[test]
fn a_restart_takes_the_day_for_used_unless_the_longest_day_has_passed() {
    let config = LimiterConfig {
        wall_origin: WallOrigin::when(Instant::ZERO, EVENING),
        ..LimiterConfig::new("service".parse().expect("a name"), vec![three_a_day()])
    };
    let available = |idle: Span, later: Span| {
        let mut limiter = Limiter::new(config.clone());
        limiter.start_after(Instant::ZERO, idle);
        limiter.state(Instant::ZERO + later).limits[0].available
    };
    assert_eq!(available(HOUR, Span::ZERO), 0);
    assert_eq!(available(HOUR * 25, Span::ZERO), 0, "the guard is not over");
    assert_eq!(available(HOUR * 26, Span::ZERO), 3);
    assert_eq!(available(HOUR, HOUR), 3, "midnight");

    let mut failed = Limiter::new(config.clone());
    let past = failed.past(Instant::ZERO, Gate::closed(Guards::NONE).close());
    failed = Limiter::rebuilt(config, Instant::ZERO, &past);
    assert_eq!(failed.state(Instant::ZERO).limits[0].available, 0, "LIM-4");
    assert_eq!(failed.state(Instant::ZERO + HOUR).limits[0].available, 3, "midnight");
}
