//! Quotas that are used up: nothing is sent until they are renewed, and then one call. QUOTA-1.

use tidegate_scheduler::{Call, Settlement};
use tidegate_units::{Amounts, Cost, Instant, Outcome, Reason, Span};

use crate::settings::{at, by_gate, call, request, service};
use crate::stage::{Stage, Told};

const DAY: u64 = 86_400_000;

/// A call has ended for which no quota was left; it is renewed after so many milliseconds.
fn exhausted(recorded: Instant, millis: Option<u64>, call: Call) -> Settlement {
    let (outcome, refund, debt) = (Outcome::QuotaExhausted, Amounts::NONE, Amounts::NONE);
    let pause = millis.map(Span::from_millis);
    Settlement::Closed { outcome, recorded, refund, debt, pause, call }
}

/// A service whose quota was used up at 20 ms, for so long.
fn stage(millis: Option<u64>) -> Stage {
    let mut stage = Stage::new(service(&["1000 requests per second"]));
    let recorded = stage.take(10, &Cost::request()).expect("the gate is open");
    stage.settle(20, exhausted(recorded, millis, by_gate()));
    stage
}

#[test]
fn a_quota_is_waited_for_and_then_one_call_goes_alone() {
    let mut stage = stage(Some(20 * DAY));
    assert!(stage.take(25 * DAY / 2, &Cost::request()).is_none(), "QUOTA-1: twelve days later");
    stage.ask(13 * DAY, request(0, Cost::request(), 14 * DAY));
    assert_eq!(
        stage.told(0),
        Told::refused(13 * DAY, Reason::Paused),
        "it is known not to be served"
    );
    for ticket in 1..4 {
        stage.ask(14 * DAY, request(ticket, Cost::request(), 30 * DAY));
    }
    let end = 20 * DAY + 20;
    stage.run(at(end + 30_000));
    assert_eq!(
        stage.all_told(1..4),
        [Told::granted(end), Told::Nothing, Told::Nothing],
        "QUOTA-1: alone"
    );
    let recorded = stage.records[&1].recorded;
    stage.settle(end + 31_000, Settlement::closed(Outcome::Ok, recorded, call(None)));
    assert_eq!(stage.all_told(2..4), vec![Told::granted(end + 31_000); 2]);
    assert!(stage.take(end + 32_000, &Cost::request()).is_some(), "the gate is open again");
}

#[test]
fn a_probe_that_finds_the_quota_used_up_is_followed_by_another_pause() {
    let mut stage = stage(None);
    let hour = 3_600_000;
    for ticket in 1..4 {
        stage.ask(30, request(ticket, Cost::request(), DAY));
    }
    stage.run(at(hour + 20));
    assert_eq!(stage.told(1), Told::granted(hour + 20), "an hour, as it did not say");
    let recorded = stage.records[&1].recorded;
    stage.settle(hour + 100, exhausted(recorded, Some(2 * hour), call(None)));
    stage.run(at(3 * hour + 99));
    assert_eq!(stage.told(2), Told::Nothing, "QUOTA-1");
    stage.run(at(3 * hour + 100));
    assert_eq!(stage.all_told(2..4), [Told::granted(3 * hour + 100), Told::Nothing]);
    // Nobody says how it ended: the others wait for a minute.
    stage.run(at(3 * hour + 60_100));
    assert_eq!(stage.told(3), Told::granted(3 * hour + 60_100));
}

#[test]
fn who_never_waits_can_be_the_one_that_goes_alone() {
    let mut stage = stage(Some(1_000));
    stage.run(at(1_020));
    stage.enter(at(1_020), tidegate_scheduler::Limiter::wake);
    assert_eq!(stage.limiter.state(stage.now).limits[0].lent, 1, "QUOTA-1: one is in the gate");
    let recorded = stage.take(1_030, &Cost::request()).expect("one");
    assert!(stage.take(1_030, &Cost::request()).is_none(), "QUOTA-1: alone");
    stage.run(at(1_200));
    assert!(stage.take(1_200, &Cost::request()).is_none(), "QUOTA-1: alone");
    stage.settle(1_300, Settlement::closed(Outcome::Ok, recorded, by_gate()));
    assert!(stage.take(1_301, &Cost::request()).is_some());
    assert!(stage.take(1_301, &Cost::request()).is_some());
}

#[test]
fn a_pause_for_a_rate_is_an_hour_at_most_and_everybody_comes_back() {
    let mut stage = Stage::new(service(&["1000 requests per second"]));
    let recorded = stage.take(10, &Cost::request()).expect("the gate is open");
    stage.settle(20, crate::settings::pausing(recorded, 2 * DAY, by_gate()));
    for ticket in 1..4 {
        stage.ask(30, request(ticket, Cost::request(), DAY));
    }
    stage.run(at(DAY));
    assert_eq!(stage.all_told(1..4), vec![Told::granted(3_600_020); 3]);
}
