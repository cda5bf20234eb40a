//! Slots that are learned: more and fewer while calls are under way and slots lie in the gate. LIM-6, FLIGHT-1.

use tidegate_scheduler::{Call, LimiterConfig, Settlement};
use tidegate_units::{
    Amounts, Concurrency, Cost, InFlightAlgorithm, InFlightPolicy, Instant, Outcome, Reason, Span,
};

use crate::settings::{at, request, service};
use crate::stage::{Stage, Told};

fn learning(slots: u32, max: u32) -> LimiterConfig {
    let mut config = service(&[]);
    config.concurrency = Some(Concurrency::slots(slots));
    let algorithm = InFlightAlgorithm::Aimd;
    config.in_flight = Some(InFlightPolicy { algorithm, max, ..InFlightPolicy::default() });
    config
}

/// A call that was recorded then has ended after so many milliseconds.
fn ended(outcome: Outcome, recorded: Instant, by_gate: bool, took: u64) -> Settlement {
    let took = Some(Span::from_millis(took));
    Settlement::closed(outcome, recorded, Call { by_gate, took, ..Call::default() })
}

fn slots(stage: &Stage) -> (u64, u64) {
    let slots = stage.limiter.state(stage.now).slots.expect("they are counted");
    (slots.held, slots.slots)
}

#[test]
fn a_refusal_takes_slots_away_that_lie_in_the_gate() {
    let mut stage = Stage::new(learning(10, 20));
    let recorded: Vec<_> =
        (0..9).map(|_| stage.take(10, &Cost::request()).expect("a slot")).collect();
    stage.run(at(90));
    assert_eq!(slots(&stage), (9, 10));
    stage.settle(100, ended(Outcome::Overloaded, recorded[0], true, 50));
    assert_eq!(slots(&stage), (8, 9), "a tenth less, and one given back");
    assert!(stage.take(101, &Cost::request()).is_some(), "LIM-6: the ninth");
    assert!(stage.take(101, &Cost::request()).is_none(), "LIM-6: the tenth is gone");
    stage.ask(102, request(1, Cost::request(), 50_000));
    assert_eq!(stage.told(1), Told::Nothing, "it waits for a slot");
    // Three more events, and nobody is revoked.
    for (event, recorded) in (1..4).zip(&recorded[1..]) {
        stage.settle(100 + 200 * event, ended(Outcome::Contention, *recorded, true, 20));
    }
    let (held, now) = slots(&stage);
    assert_eq!((held, now, stage.told(1)), (6, 6, Told::Nothing), "9, 8.1, 7.29, 6.56");
    stage.settle(1_000, ended(Outcome::Failed, recorded[4], true, 900));
    assert_eq!(stage.told(1), Told::granted(1_000), "as soon as there are fewer");
}

#[test]
fn slots_that_nobody_took_yet_are_taken_out_of_the_gate() {
    let mut stage = Stage::new(learning(10, 20));
    assert!(
        stage.take(10, &Cost::request()).is_some() && stage.take(11, &Cost::request()).is_some()
    );
    // Reported by hand, of a call that holds no slot.
    stage.settle(100, ended(Outcome::RateLimited, Instant::ZERO, false, 50));
    assert_eq!(slots(&stage), (2, 9));
    let passed = (0..9).filter(|_| stage.take(100, &Cost::request()).is_some()).count();
    assert_eq!(passed, 7, "LIM-6");
}

#[test]
fn slots_grow_to_the_most_and_who_waits_gets_them() {
    let mut stage = Stage::new(learning(1, 3));
    for ticket in 0..40 {
        stage.ask(ticket, request(ticket, Cost::request(), 500_000));
    }
    let mut most = 0;
    for done in 0..40_u64 {
        let record = stage.records[&done].recorded;
        stage.settle(1_000 + 10 * done, ended(Outcome::Ok, record, false, 10));
        let (held, slots) = slots(&stage);
        assert!(held <= slots && slots <= 3, "LIM-6, FLIGHT-1: {held} of {slots}");
        most = most.max(held);
    }
    assert_eq!(most, 3);
    stage.run(at(3_000));
    let passed = (0..9).filter(|_| stage.take(3_000, &Cost::request()).is_some()).count();
    assert_eq!(passed, 3, "the gate is wide enough for all of them");
}

#[test]
fn who_is_gone_is_not_counted_as_under_way() {
    let mut stage = Stage::new(learning(8, 20));
    for ticket in 0..8 {
        stage.ask(ticket, request(ticket, Cost::request(), 500_000));
    }
    for ticket in 0..7 {
        let record = stage.records[&ticket].recorded;
        let (refund, call) = (Amounts::NONE, Call::default());
        stage.settle(10, Settlement::Unclaimed { recorded: record, refund, call });
    }
    // One call at a time is no use of eight slots: they stay as they are.
    let mut record = stage.records[&7].recorded;
    for round in 0..100 {
        stage.settle(100 + 10 * round, ended(Outcome::Ok, record, false, 10));
        stage.ask(105 + 10 * round, request(100 + round, Cost::request(), 500_000));
        record = match stage.records.get(&(100 + round)) {
            Some(record) => record.recorded,
            None => panic!("granted: {:?}", stage.told(100 + round)),
        };
    }
    assert_eq!(slots(&stage).1, 8, "FLIGHT-2");
}

#[test]
fn what_was_learned_outlives_a_failure() {
    let mut stage = Stage::new(learning(10, 20));
    let record = stage.take(10, &Cost::request()).expect("a slot");
    stage.settle(100, ended(Outcome::Overloaded, record, true, 50));
    stage.fail(200);
    assert_eq!(slots(&stage).1, 9);
    stage.enter(at(201), |limiter, now| limiter.resume(now, limiter.life()));
    for ticket in 0..12 {
        stage.ask(300, request(ticket, Cost::request(), 1_000));
    }
    stage.run(at(5_000));
    let refused = stage.all_told(0..12).iter().filter(|told| told.granted_at().is_none()).count();
    assert_eq!(refused, 3, "{:?}", stage.all_told(0..12));
    assert_eq!(stage.told(11), Told::refused(1_000, Reason::DeadlinePassed));
}
