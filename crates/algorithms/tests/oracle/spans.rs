//! The most that passes within a span: never more than is said, and as much as is said: ALG-6.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Decision, SlidingCounter};
use tidegate_units::{Instant, Span};

use crate::subjects::{Promise, each};
use crate::trace::{Rule, START, Step, rules, traces};
use crate::windows::most_in_a_window;

/// None, the shortest, less than a window, one, between, and several.
fn spans(rule: Rule, any: u64) -> Vec<Span> {
    let window = rule.window.as_nanos();
    let some = [
        0,
        1,
        2,
        window / 2,
        window - 1,
        window,
        window + 1,
        window + window / 3,
        2 * window - 1,
        2 * window,
        2 * window + 1,
        3 * window,
        3 * window + 2,
        any % (4 * window),
    ];
    some.into_iter().map(Span::from_nanos).collect()
}

/// What passes when every permit is taken as soon as it is there.
fn greedy<A: Algorithm>(algorithm: &A, start: Instant, span: Span) -> u64 {
    let mut state = algorithm.full();
    let (mut now, mut passed) = (start, 0);
    while now < start + span {
        let all = algorithm.available(&state, now);
        assert_eq!(algorithm.take(&mut state, now, all), Decision::Admit);
        passed += all;
        let Decision::Later { retry_after } = algorithm.decide(&state, now, 1) else {
            unreachable!("everything was taken");
        };
        now = now + retry_after;
    }
    passed
}

fn admitted<A: Algorithm>(algorithm: &A, steps: &[Step]) -> Vec<(Instant, u64)> {
    let (mut state, mut now) = (algorithm.full(), START);
    let mut admitted = Vec::new();
    for step in steps {
        now = step.from(now);
        if algorithm.take(&mut state, now, step.cost) == Decision::Admit {
            admitted.push((now, step.cost));
        }
    }
    admitted
}

/// The last instant of the segment of `now`, from which on a counter can be used hardest.
fn segment_end(counter: &SlidingCounter, now: Instant) -> Instant {
    let segment = counter.segment().as_nanos();
    now + Span::from_nanos(segment - 1 - now.as_nanos() % segment)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_span_sees_more_than_the_worst_case((rule, steps) in traces(), any in any::<u64>()) {
        each!(|make, _promise| {
            let algorithm = make(rule);
            let admitted = admitted(&algorithm, &steps);
            for span in spans(rule, any) {
                let most = most_in_a_window(&admitted, span);
                prop_assert!(most <= algorithm.worst_case(span).into(), "ALG-6: {most} in {span}");
            }
        });
    }

    /// Exact, for every algorithm: whoever takes all there is from the right instant on gets as much.
    /// But from a bucket that spills.
    #[test]
    fn the_worst_case_is_reached(rule in rules(), any in any::<u64>(), start in any::<u32>()) {
        let counter = rule.sliding_counter();
        let start = segment_end(&counter, START + Span::from_nanos(start.into()));
        each!(|make, promise| {
            let algorithm = make(rule);
            let spills = rule.spills() && promise == Promise::Bucket;
            for span in spans(rule, any) {
                let (passed, worst) = (greedy(&algorithm, start, span), algorithm.worst_case(span));
                prop_assert!(passed == worst || spills && passed < worst, "ALG-6: {span:?}");
            }
        });
    }

    #[test]
    fn a_longer_span_never_sees_less(rule in rules(), any in any::<u64>()) {
        each!(|make, _promise| {
            let algorithm = make(rule);
            let mut spans = spans(rule, any);
            spans.extend([Span::from_nanos(any), Span::MAX]);
            spans.sort_unstable();
            let worst: Vec<u64> = spans.iter().map(|span| algorithm.worst_case(*span)).collect();
            prop_assert!(worst.is_sorted(), "ALG-6: {worst:?}");
        });
    }
}

#[test]
fn a_worst_case_beyond_all_numbers_is_the_largest() {
    let window = Span::from_nanos(1);
    let rule = Rule { amount: u64::MAX, window, capacity: u64::MAX, segments: 3 };
    each!(|make, _promise| {
        assert_eq!(make(rule).worst_case(Span::ZERO), 0);
        assert_eq!(make(rule).worst_case(Span::from_nanos(1)), u64::MAX);
        assert_eq!(make(rule).worst_case(Span::MAX), u64::MAX);
    });
}
