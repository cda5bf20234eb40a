//! What is admitted, and what is promised to those who are not: ALG-1, ALG-2 and ALG-4.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Balance, Decision};
use tidegate_units::{Instant, Span};

use crate::subjects::each;
use crate::trace::{START, Step, bad_traces, traces};

/// What was admitted, and when: at the latest instant of an admission by then. With a clock that
/// steps back between admissions, that is the only time of which anybody can be sure.
fn run<A: Algorithm>(algorithm: &A, steps: &[Step]) -> Vec<(Instant, u64)> {
    let mut state = algorithm.full();
    let (mut now, mut furthest) = (START, Instant::ZERO);
    let mut admitted = Vec::new();
    for step in steps {
        now = step.from(now);
        let before = state.clone();
        match algorithm.take(&mut state, now, step.cost) {
            Decision::Admit if step.cost == 0 => {}
            Decision::Admit => {
                furthest = furthest.max(now);
                admitted.push((furthest, step.cost));
            }
            Decision::Later { retry_after } => {
                assert_eq!(before, state, "a refusal changes nothing");
                assert_tight(algorithm, &state, now, step.cost, retry_after);
            }
            Decision::Never => assert!(step.cost > algorithm.capacity()),
        }
        assert_eq!(algorithm.debt(&state, now.max(furthest)), 0, "ALG-1");
    }
    admitted
}

/// ALG-2: refused just before the promised instant and at some points on the way; admitted at it. Of
/// instants beyond the end of the clock nothing can be said.
fn assert_tight<A: Algorithm>(
    algorithm: &A,
    state: &A::State,
    now: Instant,
    cost: u64,
    retry_after: Span,
) {
    assert!(!retry_after.is_zero());
    if now + retry_after == Instant::MAX {
        return;
    }
    for part in [0, 1, 2, 3] {
        let early = now + retry_after.div(4) * part;
        let refused = !matches!(algorithm.decide(state, early, cost), Decision::Admit);
        assert!(refused || early >= now + retry_after, "ALG-2: admitted {part}/4 of the way");
    }
    let just_before = now + retry_after - Span::from_nanos(1);
    assert_ne!(algorithm.decide(state, just_before, cost), Decision::Admit, "ALG-2: 1 ns early");
    assert_eq!(algorithm.decide(state, now + retry_after, cost), Decision::Admit, "ALG-2");
}

/// All that a bucket answers on its way through a trace in which some charges are recorded unasked.
fn life<A: Algorithm>(
    bucket: &A,
    steps: &[Step],
    debts: u64,
) -> Vec<(Decision, Balance, [Instant; 2])> {
    let mut state = bucket.full();
    let mut now = START;
    let mut answers = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        now = step.from(now);
        if debts >> (index % 64) & 1 == 1 {
            bucket.record(&mut state, now, step.cost);
        }
        let decision = bucket.take(&mut state, now, step.cost);
        let instants = [bucket.reset_at(&state, now), bucket.earliest(&state, now, 20)];
        answers.push((decision, bucket.balance(&state, now), instants));
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_limit_is_broken_whatever_the_clock_does((rule, steps) in bad_traces()) {
        each!(|make, promise| {
            let admitted = run(&make(rule), &steps);
            prop_assert!(!promise.is_broken(rule, &admitted), "ALG-4: {admitted:?}");
        });
    }

    #[test]
    fn all_buckets_decide_alike((rule, steps) in traces(), debts in any::<u64>()) {
        let life_of_one = life(&rule.token_bucket(), &steps, debts);
        prop_assert_eq!(&life_of_one, &life(&rule.gcra(), &steps, debts));
        prop_assert_eq!(&life_of_one, &life(&rule.leaky_bucket(), &steps, debts));
    }

    #[test]
    fn a_debt_is_paid_before_anything_passes((rule, steps) in traces(), debt in 1_u64..20) {
        each!(|make, _promise| {
            let algorithm = make(rule);
            let mut state = algorithm.full();
            let now = steps.iter().fold(START, |now, step| {
                let _ = algorithm.take(&mut state, now, step.cost);
                step.from(now)
            });
            let available = algorithm.available(&state, now);
            algorithm.record(&mut state, now, available + debt);
            prop_assert_eq!(algorithm.available(&state, now), 0);
            let owed = algorithm.debt(&state, now);
            // Fractions of a permit that had dripped in pay for less than one.
            prop_assert!(owed == debt || owed + 1 == debt, "{owed} of {debt}");
            let Decision::Later { retry_after } = algorithm.decide(&state, now, 1) else {
                return Err(TestCaseError::fail("admitted in debt"));
            };
            prop_assert_eq!(algorithm.debt(&state, now + retry_after), 0);
        });
    }
}
