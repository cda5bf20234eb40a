//! Limits that change while they run: ALG-7.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Balance, Carry, Decision};
use tidegate_units::Instant;

use crate::subjects::{Promise, each};
use crate::trace::{Rule, START, Step, rules, steps, traces};

const CARRIES: [Carry; 3] = [Carry::AsIs, Carry::Proportional, Carry::Additive];

/// A state after a trace in which some charges were recorded unasked; when it ends; what was spent.
fn after<A: Algorithm>(
    algorithm: &A,
    steps: &[Step],
    debts: u64,
) -> (A::State, Instant, Vec<(Instant, u64)>) {
    let (mut state, mut now) = (algorithm.full(), START);
    let mut spent = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        now = step.from(now);
        if debts >> (index % 64) & 1 == 1 {
            algorithm.record(&mut state, now, step.cost);
            spent.push((now, step.cost));
        } else if algorithm.take(&mut state, now, step.cost) == Decision::Admit {
            spent.push((now, step.cost));
        }
    }
    (state, now, spent)
}

/// Where a state stands after a way over all the rules of `path`.
fn back_again<A: Algorithm>(
    make: impl Fn(Rule) -> A,
    (rule, start): (Rule, &A::State),
    now: Instant,
    path: &[Rule],
    carry: Carry,
) -> Balance {
    let (mut state, mut here) = (start.clone(), make(rule));
    for there in path {
        state = here.reconfigured(&state, now, &make(*there), carry);
        here = make(*there);
    }
    here.balance(&state, now)
}

/// Whether what is there after a change is what [`Carry::missing`] says: exactly so with a bucket, but
/// for the fraction of a permit that a share may keep; with a window no more, for history prevails.
fn assert_carried(promise: Promise, carry: Carry, before: Balance, after: Balance) {
    let said = after.capacity.saturating_sub(carry.missing(before, after.capacity));
    match (promise, carry) {
        (Promise::Window, _) => assert!(after.available <= said, "{before:?} {after:?}"),
        (Promise::Bucket, Carry::Proportional) => {
            let share = |of: Balance, more: u64, to: Balance| {
                u128::from(of.available + more) * u128::from(to.capacity)
            };
            assert!(after.available >= said, "{before:?} {after:?}");
            assert!(share(after, 0, before) <= share(before, 1, after), "{before:?} {after:?}");
        }
        (Promise::Bucket, _) => assert_eq!(after.available, said, "{before:?} {after:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// However often a rule is changed, and whatever comes between: back again there is at most what
    /// there was, and no debt is forgiven.
    #[test]
    fn there_and_back_again_mints_nothing(
        (rule, steps) in traces(), debts in any::<u64>(),
        detour in proptest::collection::vec(rules(), 0..5),
    ) {
        let path: Vec<Rule> = detour.into_iter().chain([rule]).collect();
        each!(|make, _promise| {
            let (start, now, _) = after(&make(rule), &steps, debts);
            let before = make(rule).balance(&start, now);
            for carry in CARRIES {
                let back = back_again(make, (rule, &start), now, &path, carry);
                prop_assert!(back.available <= before.available, "ALG-7: {carry:?} {back:?}");
                prop_assert!(back.debt >= before.debt, "ALG-7: {carry:?} {back:?}");
            }
        });
    }

    #[test]
    fn what_is_carried_over_is_what_the_way_to_carry_says(
        (rule, steps) in traces(), debts in any::<u64>(), to in rules(),
    ) {
        each!(|make, promise| {
            let (state, now, _) = after(&make(rule), &steps, debts);
            let before = make(rule).balance(&state, now);
            for carry in CARRIES {
                let changed = make(rule).reconfigured(&state, now, &make(to), carry);
                assert_carried(promise, carry, before, make(to).balance(&changed, now));
            }
            let reset = make(rule).reconfigured(&state, now, &make(to), Carry::Reset);
            prop_assert_eq!(make(to).available(&reset, now), make(to).capacity());
            prop_assert_eq!(make(to).debt(&reset, now), 0);
        });
    }

    /// What is admitted after a change keeps the new limit together with what was spent before, as far
    /// back as the old window reached.
    #[test]
    fn after_a_change_no_window_holds_more_than_the_new_amount(
        (rule, before) in traces(), debts in any::<u64>(),
        (to, then) in rules().prop_flat_map(|rule| (Just(rule), steps(rule))),
    ) {
        for carry in CARRIES {
            let (rules, steps) = ((rule, to), (&before[..], &then[..]));
            assert_history_is_kept(Rule::sliding_log, rules, steps, (debts, carry));
            assert_history_is_kept(Rule::sliding_counter, rules, steps, (debts, carry));
        }
    }

    /// A bucket, too, lets no more through after a change than it holds then, and what drips in.
    #[test]
    fn after_a_change_a_bucket_keeps_the_new_limit(
        (rule, before) in traces(), debts in any::<u64>(),
        (to, then) in rules().prop_flat_map(|rule| (Just(rule), steps(rule))),
    ) {
        each!(|make, promise| {
            let (state, changed_at, _) = after(&make(rule), &before, debts);
            for carry in CARRIES {
                let mut state = make(rule).reconfigured(&state, changed_at, &make(to), carry);
                let mut now = changed_at;
                let mut admitted = Vec::new();
                for step in &then {
                    now = step.from(now);
                    if make(to).take(&mut state, now, step.cost) == Decision::Admit {
                        admitted.push((now, step.cost));
                    }
                }
                prop_assert!(!promise.is_broken(to, &admitted), "ALG-7");
            }
        });
    }
}

fn assert_history_is_kept<A: Algorithm>(
    make: impl Fn(Rule) -> A,
    (rule, to): (Rule, Rule),
    (before, then): (&[Step], &[Step]),
    (debts, carry): (u64, Carry),
) {
    let (old, new) = (make(rule), make(to));
    let (state, changed_at, mut spent) = after(&old, before, debts);
    spent.retain(|(at, _)| changed_at.since(*at) < rule.window);
    let mut state = old.reconfigured(&state, changed_at, &new, carry);
    let mut now = changed_at;
    for step in then {
        now = step.from(now);
        if new.take(&mut state, now, step.cost) == Decision::Admit && step.cost > 0 {
            spent.push((now, step.cost));
            let inside = spent.iter().filter(|(at, _)| now.since(*at) < to.window);
            let held: u64 = inside.map(|(_, cost)| cost).sum();
            assert!(held <= to.amount, "ALG-7: {carry:?}, {held} of {} at {now:?}", to.amount);
        }
    }
}
