//! How the level moves while nothing is recorded (ALG-3), and when a queue has passed.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Decision, SlidingLog};
use tidegate_units::{Instant, Span};

use crate::subjects::{Promise, each};
use crate::trace::{START, Step, bad_traces, rules, steps_with_a_bad_clock};

/// A state after a trace in which some charges were recorded unasked, and the instant of its end.
fn after<A: Algorithm>(algorithm: &A, steps: &[Step], debts: u64) -> (A::State, Instant) {
    let (mut state, mut now) = (algorithm.full(), START);
    for (index, step) in steps.iter().enumerate() {
        now = step.from(now);
        if debts >> (index % 64) & 1 == 1 {
            algorithm.record(&mut state, now, step.cost);
        } else {
            let _ = algorithm.take(&mut state, now, step.cost);
        }
    }
    (state, now)
}

/// Pieces of one permit, each taken as soon as it fits, have passed by when they were promised to, or
/// at most `slack` later.
fn assert_queue_passes<A: Algorithm>(
    algorithm: &A,
    (mut state, mut now): (A::State, Instant),
    total: u64,
    slack: Span,
) {
    let promised = algorithm.earliest(&state, now, total);
    for _ in 0..total {
        if let Decision::Later { retry_after } = algorithm.decide(&state, now, 1) {
            now = now + retry_after;
        }
        assert_eq!(algorithm.take(&mut state, now, 1), Decision::Admit);
    }
    assert!(
        promised <= now && now <= promised + slack,
        "{now:?} {promised:?} {algorithm:?} {slack:?} {total}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_level_never_falls_while_nothing_is_recorded(
        (rule, steps) in bad_traces(), debts in any::<u64>(),
        parts in proptest::collection::vec(0_u64..300, 1..6),
    ) {
        each!(|make, _promise| {
            let algorithm = make(rule);
            let (state, now) = after(&algorithm, &steps, debts);
            let mut before = algorithm.balance(&state, now);
            let mut then = now;
            for part in &parts {
                then = then + rule.window.div(100) * *part + Span::from_nanos(*part);
                let later = algorithm.balance(&state, then);
                prop_assert!(later.available >= before.available, "ALG-3");
                prop_assert!(later.debt <= before.debt, "ALG-3");
                before = later;
            }
        });
    }

    #[test]
    fn everything_is_there_when_the_reset_is_due_and_not_before(
        (rule, steps) in bad_traces(), debts in any::<u64>(),
    ) {
        each!(|make, _promise| {
            let algorithm = make(rule);
            let (state, now) = after(&algorithm, &steps, debts);
            let reset_at = algorithm.reset_at(&state, now);
            prop_assert!(reset_at >= now);
            if reset_at < Instant::MAX {
                prop_assert_eq!(algorithm.available(&state, reset_at), algorithm.capacity());
            }
            if reset_at > now {
                let just_before = reset_at - Span::from_nanos(1);
                prop_assert!(algorithm.available(&state, just_before) < algorithm.capacity());
            }
        });
    }

    /// The wait that a queue is told: pieces that each fit have all passed by then, and not before. A
    /// bucket that spills takes up to a nanosecond longer for every piece.
    #[test]
    fn the_earliest_instant_of_a_queue_is_when_it_has_passed(
        (rule, steps) in rules().prop_flat_map(|rule| (Just(rule), steps_with_a_bad_clock(rule))),
        debts in any::<u64>(), total in 1_u64..30,
    ) {
        each!(|make, promise| {
            let algorithm = make(rule);
            let spills = rule.spills() && promise == Promise::Bucket;
            let slack = Span::from_nanos(if spills { total } else { 0 });
            assert_queue_passes(&algorithm, after(&algorithm, &steps, debts), total, slack);
        });
    }

    #[test]
    fn an_empty_state_lets_nothing_through_and_a_full_one_everything(
        rule in rules(), nanos in any::<u64>(),
    ) {
        each!(|make, _promise| {
            let (algorithm, now) = (make(rule), Instant::from_nanos(nanos));
            prop_assert_eq!(algorithm.available(&algorithm.empty(now), now), 0);
            prop_assert_eq!(algorithm.debt(&algorithm.empty(now), now), 0);
            prop_assert_eq!(algorithm.available(&algorithm.full(), now), algorithm.capacity());
        });
    }

    #[test]
    fn extreme_numbers_do_not_panic(
        amount in any::<u64>(), window in any::<u64>(), capacity in any::<u64>(),
        times in proptest::collection::vec(any::<u64>(), 1..20), cost in any::<u64>(),
    ) {
        let window = Span::from_nanos(window);
        let rule = crate::trace::Rule { amount, window, capacity, segments: cost % 100 };
        each!(|make, _promise| poke(&make(rule), &times, cost));
    }
}

fn poke<A: Algorithm>(algorithm: &A, times: &[u64], cost: u64) {
    let mut state = algorithm.full();
    for (index, nanos) in times.iter().enumerate() {
        let now = Instant::from_nanos(*nanos);
        let _ = algorithm.take(&mut state, now, cost % 10);
        if index % 3 == 0 {
            algorithm.record(&mut state, now, cost);
        }
        let _ = algorithm.refund(&mut state, now, Instant::from_nanos(nanos / 2), cost / 3);
        let _ = algorithm.balance(&state, now);
        let _ = (algorithm.reset_at(&state, now), algorithm.earliest(&state, now, cost));
        let _ = algorithm.worst_case(Span::from_nanos(*nanos));
    }
    let _ = algorithm.empty(Instant::from_nanos(times[0]));
}

#[test]
fn a_log_of_a_million_stays_small_and_exact() {
    let window = Span::from_secs(60);
    let amount = 1_000_000;
    let log = SlidingLog::new(amount, window);
    let mut state = log.full();
    // A charge of one every 10 µs: six million distinct instants in a window.
    let mut now = Instant::ZERO;
    let mut admitted: Vec<(Instant, u64)> = Vec::new();
    for _ in 0..1_200_000 {
        now = now + Span::from_micros(10);
        if log.take(&mut state, now, 1) == Decision::Admit {
            admitted.push((now, 1));
        }
    }
    let bytes = serde_json::to_string(&state).expect("it serialises").len();
    assert!(bytes < 200_000, "{bytes} bytes for a million charges");
    assert_eq!(admitted.len(), 1_000_000, "the first million fits into the window");
    assert_eq!(log.available(&state, now), 0);
    // When the window has passed, all of it is back but for what merging kept a little longer.
    let last = admitted.last().expect("some").0;
    assert_eq!(log.available(&state, last + window), amount);
}
