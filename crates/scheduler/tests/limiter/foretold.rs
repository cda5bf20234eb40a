//! Who is refused at once because they would be served too late: nobody who would not be.

use tidegate_scheduler::{LimiterConfig, Request};
use tidegate_units::{Cost, Instant, Priority, Reason, Span};

use crate::dice::Dice;
use crate::settings::{agent, at, request, service, tokens};
use crate::stage::{Stage, Told};

/// When the last one comes.
const LAST: u64 = 5_000;
/// Its ticket.
const NEWCOMER: u64 = 1_000;
/// Longer than any queue here.
const FAR: u64 = 100_000_000;

#[test]
fn a_large_call_behind_does_not_make_a_small_one_too_late() {
    let mut stage = Stage::new(service(&["60 tokens per minute"]));
    stage.ask(0, request(1, tokens(60), 60_000));
    stage.ask(0, request(2, tokens(1), 10_000));
    stage.ask(0, request(3, tokens(60), 120_000));
    stage.ask(0, request(4, tokens(1), 15_000));
    stage.run(at(100_000));
    assert_eq!(stage.all_told([2, 4]), [1_000, 2_000].map(Told::granted));
}

#[test]
fn who_is_surely_too_late_is_told_at_once() {
    let mut stage = Stage::new(service(&["60 tokens per minute"]));
    stage.ask(0, request(1, tokens(60), 60_000));
    stage.ask(0, request(2, tokens(30), 40_000));
    stage.ask(0, request(3, tokens(20), 49_999));
    stage.ask(0, request(4, tokens(20), 50_001));
    assert_eq!(stage.told(3), Told::refused(0, Reason::DeadlineTooClose));
    stage.run(at(100_000));
    assert_eq!(stage.told(4), Told::granted(50_000));
}

/// A service with one limit, where nobody is let past anybody.
fn some_service(dice: &mut Dice) -> LimiterConfig {
    service(&[dice.pick(&["60 tokens per minute", "7 tokens per second", "100 tokens per 7s"])])
}

/// A call of any class and key, with any cost, that comes at `millis` and waits for longer than all of
/// them together take.
fn some_call(dice: &mut Dice, (ticket, millis): (u64, u64)) -> Request {
    let cost = dice.pick(&[0, 1, 1, 2, 5, 7]);
    let deadline = millis + 400_000 + dice.below(200_000);
    let call = request(ticket, tokens(cost), deadline).priority(dice.pick(&Priority::ALL));
    match dice.pick(&[None, Some("a"), Some("b"), Some("c")]) {
        Some(value) => call.labels(agent(value)),
        None => call,
    }
}

/// Plays a queue into which somebody comes last who waits until `deadline`. Answers what that one is
/// told.
fn newcomer_of(seed: u64, deadline: Instant) -> Told {
    let mut dice = Dice::of(seed);
    let mut stage = Stage::new(some_service(&mut dice));
    for usage in stage.limiter.state(at(0)).limits {
        // The burst is used up, or some of it.
        let used = usage.capacity - dice.pick(&[0, 0, 0, 3]);
        stage.ask(0, request(0, Cost::request().tokens(used), FAR));
    }
    let mut millis = 0;
    for ticket in 1..=dice.below(40) {
        millis += dice.pick(&[0, 0, 0, 1, 50, 120]);
        let call = some_call(&mut dice, (ticket, millis));
        stage.ask(millis, call);
    }
    let mut newcomer = some_call(&mut dice, (NEWCOMER, LAST));
    newcomer.deadline = deadline;
    stage.ask(LAST, newcomer);
    stage.run(at(FAR));
    stage.told(NEWCOMER)
}

#[test]
fn nobody_is_refused_who_would_have_been_served_in_time() {
    let mut waited = 0;
    for seed in 0..300 {
        let served_at = newcomer_of(seed, at(FAR)).granted_at().expect("it waits for long");
        if served_at > at(LAST) {
            waited += 1;
            // Whose deadline has come is refused before anybody is granted.
            let told = newcomer_of(seed, served_at + Span::from_nanos(1));
            let in_time = told.granted_at().is_some_and(|granted_at| granted_at <= served_at);
            assert!(in_time, "seed {seed}: {told:?}, and would be served at {served_at:?}");
        }
    }
    assert!(waited > 100, "only {waited} had to wait");
}
