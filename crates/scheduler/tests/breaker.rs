//! The circuit breaker, state by state: BREAK-1 to BREAK-5.

use std::fmt::Write;

use tidegate_scheduler::breaker::{Breaker, BreakerState, Change, WAIT_MIN};
use tidegate_units::policy::{BreakerPolicy, Share};
use tidegate_units::{Instant, Outcome, Span};

const OPEN: Span = Span::from_secs(30);

fn at(secs: u64) -> Instant {
    Instant::ZERO + Span::from_secs(secs)
}

/// Opens at two failures that are half of all, or at two slow calls; closes after two probes.
fn policy() -> BreakerPolicy {
    BreakerPolicy {
        failures: 2,
        slow_after: Some(Span::from_secs(5)),
        open: OPEN,
        probes: 2,
        ..BreakerPolicy::default()
    }
}

/// A breaker that opened at 100 s.
fn open() -> Breaker {
    let mut breaker = Breaker::new(policy());
    assert_eq!(breaker.ended(at(100), at(99), Outcome::Failed), Change::None);
    assert_eq!(breaker.ended(at(100), at(99), Outcome::Failed), Change::Opened);
    breaker
}

/// A breaker that is half-open at 131 s, with the first of these probes let through at 130 s and the
/// second at 131 s.
fn half_open(probes: u64) -> Breaker {
    let mut breaker = open();
    breaker.handle_timeout(at(130));
    for probe in 0..probes {
        assert!(breaker.let_through(at(130 + probe)));
    }
    breaker
}

/// The same, and the last of these probes has succeeded.
fn half_closed(probes: u64) -> Breaker {
    let mut breaker = half_open(probes);
    assert_eq!(breaker.ended(at(131), at(129 + probes), Outcome::Ok), Change::None);
    breaker
}

fn failed_once() -> Breaker {
    let mut breaker = Breaker::new(policy());
    breaker.ended(at(100), at(99), Outcome::Failed);
    breaker
}

/// What a state is called, one that is in it, and the present instant.
fn states() -> Vec<(&'static str, Breaker, Instant)> {
    vec![
        ("closed", Breaker::new(policy()), at(100)),
        ("closed, one failure", failed_once(), at(100)),
        ("open", open(), at(110)),
        ("open, its time is over", open(), at(130)),
        ("half-open", half_open(0), at(131)),
        ("half-open, one probe out", half_open(1), at(131)),
        ("half-open, two probes out", half_open(2), at(131)),
        ("half-open, one has succeeded", half_closed(1), at(131)),
        ("half-open, one has, one is out", half_closed(2), at(131)),
        ("half-open, a probe is overdue", half_open(1), at(160)),
    ]
}

fn shown(state: BreakerState) -> String {
    match state {
        BreakerState::Closed => "closed".to_owned(),
        BreakerState::Open { until } => format!("open for {until}"),
        BreakerState::HalfOpen { probes_out } => format!("half-open, {probes_out} out"),
    }
}

type Input = (&'static str, fn(&mut Breaker, Instant) -> String);

/// An end of the call that was granted a second ago, or as said.
fn ended(breaker: &mut Breaker, now: Instant, before: u64, outcome: Outcome) -> String {
    format!("{:?}", breaker.ended(now, now - Span::from_secs(before), outcome))
}

const INPUTS: [Input; 9] = [
    ("may it?", |breaker, now| match breaker.allows(now) {
        Ok(()) => "yes".to_owned(),
        Err(wait) => format!("not for {wait}"),
    }),
    ("let through", |breaker, now| {
        if breaker.let_through(now) { "a probe" } else { "no probe" }.to_owned()
    }),
    ("ok", |breaker, now| ended(breaker, now, 1, Outcome::Ok)),
    ("slow, of now", |breaker, now| ended(breaker, now + Span::from_secs(5), 5, Outcome::Ok)),
    ("failed", |breaker, now| ended(breaker, now, 1, Outcome::Failed)),
    ("overloaded", |breaker, now| ended(breaker, now, 1, Outcome::Overloaded)),
    ("rate limited", |breaker, now| ended(breaker, now, 1, Outcome::RateLimited)),
    ("failed, stale", |breaker, now| ended(breaker, now, 90, Outcome::Failed)),
    ("time", |breaker, now| format!("{:?}", breaker.handle_timeout(now))),
];

#[test]
fn every_state_has_an_answer_to_every_input() {
    let mut table = String::new();
    for (name, breaker, now) in states() {
        writeln!(table, "{name}").expect("a string");
        for (input, apply) in INPUTS {
            let mut next = breaker.clone();
            let answer = apply(&mut next, now);
            let state = shown(next.state(now));
            writeln!(table, "  {input:<14} {answer:<13} {state}").expect("a string");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_breaker_opens_at_enough_failures_that_are_a_large_enough_part() {
    let share = Share::per_mille(500);
    let policy = BreakerPolicy { failures: 3, failure_rate: share, ..policy() };
    let opens = |calls: &str| {
        let mut breaker = Breaker::new(policy);
        let last = calls.chars().map(|call| {
            let outcome = if call == 'f' { Outcome::Failed } else { Outcome::Ok };
            breaker.ended(at(10), at(9), outcome)
        });
        last.last() == Some(Change::Opened)
    };
    assert!(opens("fff") && opens("ooofff") && opens("fooff"));
    assert!(!opens("ff"), "too few");
    assert!(!opens("oooofff"), "too small a part");
    assert!(opens("oooffoff"), "the fourth is half of all");
    assert!(!opens("oooofffo"), "a success opens nothing");
}

#[test]
fn slow_successes_open_it_too() {
    let mut breaker = Breaker::new(policy());
    let just_in_time = at(15) - Span::from_nanos(1);
    assert_eq!(breaker.ended(just_in_time, at(10), Outcome::Ok), Change::None);
    assert_eq!(breaker.ended(at(15), at(10), Outcome::Ok), Change::None);
    assert_eq!(breaker.ended(at(15), at(10), Outcome::Failed), Change::None, "neither is enough");
    assert_eq!(breaker.ended(at(15), at(10), Outcome::Ok), Change::Opened);
    let mut patient = Breaker::new(BreakerPolicy { slow_after: None, ..policy() });
    assert!((0..9).all(|_| patient.ended(at(900), at(10), Outcome::Ok) == Change::None));
}

/// BREAK-3.
#[test]
fn what_says_nothing_of_its_health_never_opens_it() {
    let neither =
        [Outcome::RateLimited, Outcome::QuotaExhausted, Outcome::Contention, Outcome::Cancelled];
    let policy = BreakerPolicy { failures: 1, failure_rate: Share::ALL, ..policy() };
    for outcome in neither {
        let mut breaker = Breaker::new(policy);
        for _ in 0..1_000 {
            assert_eq!(breaker.ended(at(10), at(1), outcome), Change::None);
        }
        let opened = breaker.ended(at(10), at(9), Outcome::Failed);
        assert_eq!(opened, Change::Opened, "and is not counted among all calls");
        assert!(breaker.let_through(at(40)));
        assert_eq!(breaker.ended(at(41), at(40), outcome), Change::None);
        let state = BreakerState::HalfOpen { probes_out: 0 };
        assert_eq!(breaker.state(at(41)), state, "there is room for another");
    }
}

/// BREAK-4.
#[test]
fn what_was_granted_before_the_opening_changes_nothing() {
    for outcome in Outcome::ALL {
        let mut breaker = half_open(1);
        for granted_at in [at(0), at(99), at(100)] {
            assert_eq!(breaker.ended(at(131), granted_at, outcome), Change::None);
            assert_eq!(breaker.state(at(131)), BreakerState::HalfOpen { probes_out: 1 });
        }
        let mut breaker = half_closed(2);
        assert_eq!(breaker.ended(at(132), at(130), Outcome::Ok), Change::Closed);
        for _ in 0..5 {
            assert_eq!(breaker.ended(at(132), at(100), outcome), Change::None);
        }
    }
}

#[test]
fn a_probe_of_an_earlier_try_is_stale() {
    let mut breaker = half_open(2);
    assert_eq!(breaker.ended(at(140), at(131), Outcome::Failed), Change::Opened);
    assert!(breaker.let_through(at(170)));
    assert_eq!(breaker.ended(at(171), at(130), Outcome::Failed), Change::None);
    assert_eq!(breaker.ended(at(171), at(130), Outcome::Ok), Change::None);
    assert_eq!(breaker.state(at(171)), BreakerState::HalfOpen { probes_out: 1 });
    assert_eq!(breaker.openings(), 2);
}

#[test]
fn a_call_let_through_against_its_word_is_no_probe() {
    let mut breaker = open();
    assert!(!breaker.let_through(at(110)));
    assert!(breaker.let_through(at(130)));
    assert_eq!(breaker.ended(at(131), at(110), Outcome::Failed), Change::None);
    assert_eq!(breaker.state(at(131)), BreakerState::HalfOpen { probes_out: 1 });
}

#[test]
fn a_probe_that_does_not_report_back_is_given_up() {
    let mut breaker = half_open(2);
    assert_eq!(breaker.next_deadline(), Some(at(160)));
    let before = at(160) - Span::from_nanos(1);
    assert_eq!(breaker.handle_timeout(before), Change::None);
    assert_eq!(breaker.allows(before), Err(WAIT_MIN));
    assert_eq!(breaker.clone().handle_timeout(at(160)), Change::Opened);
    assert_eq!(breaker.ended(at(161), at(130), Outcome::Ok), Change::Opened, "too late");
    assert_eq!(breaker.next_deadline(), Some(at(190)), "from when it was given up");
    assert_eq!((breaker.openings(), breaker.allows(at(190))), (2, Ok(())));
}

/// BREAK-1, and nothing of a time before is taken for a probe.
#[test]
fn a_clock_stepping_back_shortens_no_opening() {
    let mut breaker = Breaker::new(policy());
    breaker.let_through(at(200));
    breaker.ended(at(100), at(99), Outcome::Failed);
    assert_eq!(breaker.ended(at(100), at(99), Outcome::Failed), Change::Opened);
    assert_eq!(breaker.allows(at(50)), Err(Span::from_secs(180)));
    assert!(breaker.allows(at(229)).is_err());
    assert_eq!(breaker.handle_timeout(at(230)), Change::None);
    assert_eq!(breaker.allows(at(200)), Err(WAIT_MIN), "it could not be told from stale calls");
    assert!(!breaker.let_through(at(200)));
    assert!(breaker.let_through(at(201)) && breaker.let_through(at(230)));
    assert_eq!(breaker.next_deadline(), Some(at(231)));
    assert_eq!(breaker.ended(at(202), at(201), Outcome::Ok), Change::None);
    assert_eq!(breaker.ended(at(0), at(230), Outcome::Ok), Change::Closed);
    assert_eq!(breaker.ended(at(0), Instant::MAX, Outcome::Failed), Change::None);
    assert!(breaker.allows(Instant::MAX).is_ok());
}

#[test]
fn figures_beyond_their_range_are_taken_as_the_nearer_end() {
    let zero = BreakerPolicy { failures: 0, probes: 0, open: Span::ZERO, ..policy() };
    let mut breaker = Breaker::new(BreakerPolicy { window: Span::ZERO, ..zero });
    assert_eq!(breaker.ended(at(1), at(1), Outcome::Ok), Change::None);
    assert_eq!(breaker.ended(at(3), at(3), Outcome::Failed), Change::Opened);
    assert_eq!(breaker.allows(at(3)), Err(BreakerPolicy::OPEN_MIN));
    assert!(breaker.let_through(at(4)));
    assert_eq!(breaker.ended(at(4), at(4), Outcome::Ok), Change::Closed);
}
