//! What is given back was never there twice: ALG-5.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Decision};
use tidegate_units::{Instant, Span};

use crate::subjects::{Promise, each};
use crate::trace::{START, Step, bad_traces, traces};

/// Takes permits and refunds some of them later; answers what stayed spent. Half of the refunds know
/// only that their charge was recorded after the one before it.
fn run_with_refunds<A: Algorithm>(
    algorithm: &A,
    steps: &[Step],
    refunds: u64,
) -> Vec<(Instant, u64)> {
    let mut state = algorithm.full();
    let (mut now, mut furthest) = (START, Instant::ZERO);
    let mut spent: Vec<(Instant, u64, Instant)> = Vec::new();
    let mut previous = Instant::ZERO;
    for (index, step) in steps.iter().enumerate() {
        now = step.from(now);
        // Nothing is recorded of a cost of nothing, not even the instant.
        if algorithm.take(&mut state, now, step.cost) == Decision::Admit && step.cost > 0 {
            furthest = furthest.max(now);
            let vague = (previous + Span::from_nanos(1)).min(now);
            spent.push((furthest, step.cost, if index % 2 == 0 { now } else { vague }));
            previous = now;
        }
        if refunds >> (index % 64) & 1 == 1 && !spent.is_empty() {
            let (_, cost, recorded) = spent.remove(index % spent.len());
            let given = algorithm.refund(&mut state, now, recorded, cost);
            assert!(given <= cost, "ALG-5: {given} of {cost}");
        }
    }
    spent.into_iter().map(|(at, cost, _)| (at, cost)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    /// With charges that were refunded taken out of the history, what is left still keeps the limit,
    /// whenever the refunds come.
    #[test]
    fn a_refund_never_mints((rule, steps) in traces(), refunds in any::<u64>()) {
        each!(|make, promise| {
            let spent = run_with_refunds(&make(rule), &steps, refunds);
            prop_assert!(!promise.is_broken(rule, &spent), "ALG-5: {spent:?}");
        });
    }

    /// Nor on a clock that steps back; GCRA, which does not know how far the clock has been, is the
    /// exception that its documentation names.
    #[test]
    fn a_refund_never_mints_on_a_bad_clock((rule, steps) in bad_traces(), refunds in any::<u64>()) {
        for (promise, spent) in [
            (Promise::Bucket, run_with_refunds(&rule.token_bucket(), &steps, refunds)),
            (Promise::Bucket, run_with_refunds(&rule.leaky_bucket(), &steps, refunds)),
            (Promise::Window, run_with_refunds(&rule.sliding_log(), &steps, refunds)),
            (Promise::Window, run_with_refunds(&rule.sliding_counter(), &steps, refunds)),
        ] {
            prop_assert!(!promise.is_broken(rule, &spent), "ALG-5: {spent:?}");
        }
    }

    /// A charge that is given back at once was as good as never made.
    #[test]
    fn what_is_given_back_at_once_is_all_there_again((rule, steps) in bad_traces()) {
        each!(|make, _promise| {
            let algorithm = make(rule);
            let (mut state, mut now, mut furthest) = (algorithm.full(), START, START);
            for step in &steps {
                now = step.from(now);
                let before = algorithm.balance(&state, now);
                let decision = algorithm.take(&mut state, now, step.cost);
                // On a clock that is behind, less may come back.
                if decision == Decision::Admit && now > furthest && now < Instant::MAX {
                    prop_assert_eq!(algorithm.refund(&mut state, now, now, step.cost), step.cost);
                    prop_assert_eq!(algorithm.balance(&state, now), before);
                    let _ = algorithm.take(&mut state, now, step.cost);
                }
                furthest = furthest.max(now);
            }
        });
    }
}
