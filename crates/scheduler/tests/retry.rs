//! Delays and the budget of retries: RETRY-1.

use proptest::prelude::*;
use tidegate_scheduler::retry::{RETRIES_MAX, RETRIES_RESERVE, RetryBudget, delay, is_retryable};
use tidegate_units::policy::{Jitter, RetryPolicy, Share};
use tidegate_units::{Backoff, Outcome, Span};

fn policy(jitter: Jitter) -> RetryPolicy {
    let backoff = Backoff { base: Span::from_secs(1), max: Span::from_secs(10) };
    RetryPolicy { backoff, jitter, ..RetryPolicy::default() }
}

/// The shortest and the longest delay before each of the next tries.
fn ranges(jitter: Jitter) -> String {
    let policy = policy(jitter);
    let range = |attempt: u32| {
        let [least, most] = [0, u64::MAX].map(|draw| delay(&policy, attempt, Span::ZERO, draw));
        format!("{least}..{most}")
    };
    [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(range).join(" ")
}

#[test]
fn each_jitter_has_its_range() {
    insta::assert_snapshot!(ranges(Jitter::Full), @"0s..1s 0s..1s 0s..2s 0s..4s 0s..8s 0s..10s 0s..10s 0s..10s");
    insta::assert_snapshot!(ranges(Jitter::Equal), @"500ms..1s 500ms..1s 1s..2s 2s..4s 4s..8s 5s..10s 5s..10s 5s..10s");
    insta::assert_snapshot!(ranges(Jitter::Around(Share::per_mille(250))), @"750ms..1.25s 750ms..1.25s 1.5s..2.5s 3s..5s 6s..10s 7.5s..10s 7.5s..10s 7.5s..10s");
    insta::assert_snapshot!(ranges(Jitter::Around(Share::NONE)), @"1s..1s 1s..1s 2s..2s 4s..4s 8s..8s 10s..10s 10s..10s 10s..10s");
    insta::assert_snapshot!(ranges(Jitter::Decorrelated), @"1s..3s 1s..3s 1s..3s 1s..3s 1s..3s 1s..3s 1s..3s 1s..3s");
}

#[test]
fn a_decorrelated_delay_follows_from_the_one_before() {
    let policy = policy(Jitter::Decorrelated);
    let after = |previous, draw| delay(&policy, 1, Span::from_secs(previous), draw);
    assert_eq!(after(0, u64::MAX), Span::from_secs(3), "the base, at first");
    assert_eq!(after(2, u64::MAX), Span::from_secs(6));
    assert_eq!(after(2, 0), Span::from_secs(1));
    assert_eq!(after(2, 1 << 63), Span::from_millis(3_500));
    assert_eq!(after(4, u64::MAX), Span::from_secs(10), "at most the longest");
}

#[test]
fn at_the_longest_delay_chance_still_spreads() {
    let policy = policy(Jitter::Around(Share::per_mille(250)));
    let delays =
        [1 << 61, 1 << 62, 1 << 63, 3 << 62].map(|draw| delay(&policy, 9, Span::ZERO, draw));
    assert!(delays.is_sorted_by(|earlier, later| earlier < later), "{delays:?}");
    assert!(delays.iter().all(|delay| *delay < Span::from_secs(10)));
}

#[test]
fn what_was_not_done_may_be_done_again() {
    let both = |outcome| [false, true].map(|idempotent| is_retryable(outcome, idempotent));
    for outcome in Outcome::ALL {
        let expected = match outcome {
            Outcome::RateLimited | Outcome::Overloaded | Outcome::Contention => [true, true],
            Outcome::Failed => [false, true],
            Outcome::Ok | Outcome::QuotaExhausted | Outcome::Cancelled => [false, false],
        };
        assert_eq!(both(outcome), expected, "{outcome}");
    }
}

#[test]
fn a_budget_of_nothing_allows_nothing() {
    let mut budget = RetryBudget::new(Share::NONE);
    budget.first_try();
    budget.give_back();
    assert_eq!((budget.available(), budget.try_withdraw()), (0, false));
}

#[test]
fn a_budget_saves_up_to_a_bound() {
    let mut budget = RetryBudget::new(Share::ALL);
    assert_eq!(budget.available(), RETRIES_RESERVE);
    for _ in 0..2 * RETRIES_MAX {
        budget.first_try();
    }
    assert_eq!(budget.available(), RETRIES_MAX);
    assert!(budget.try_withdraw());
    assert_eq!(budget.available(), RETRIES_MAX - 1);
    budget.give_back();
    budget.give_back();
    assert_eq!(budget.available(), RETRIES_MAX, "what was not withdrawn is not given back");
}

#[test]
fn more_is_not_given_back_than_was_withdrawn() {
    let mut budget = RetryBudget::new(Share::per_mille(100));
    assert!(budget.try_withdraw() && budget.try_withdraw());
    for _ in 0..5 {
        budget.give_back();
    }
    assert_eq!(budget.available(), RETRIES_RESERVE);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    FirstTry,
    Withdraw,
    GiveBack,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::FirstTry), 3 => Just(Step::Withdraw), 1 => Just(Step::GiveBack)
    ];
    prop::collection::vec(step, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    /// RETRY-1, after every step; and nothing that the bound allows is withheld.
    #[test]
    fn retries_are_a_share_of_first_tries(per_mille in 1_u16..=1_000, steps in steps()) {
        let mut budget = RetryBudget::new(Share::per_mille(per_mille));
        let (mut first_tries, mut retries) = (0_u64, 0_u64);
        for step in steps {
            let allowed = RETRIES_RESERVE + first_tries * u64::from(per_mille) / 1_000;
            match step {
                Step::FirstTry => {
                    budget.first_try();
                    first_tries += 1;
                }
                Step::Withdraw => {
                    let granted = budget.try_withdraw();
                    prop_assert_eq!(granted, retries < allowed);
                    retries += u64::from(granted);
                }
                Step::GiveBack => {
                    budget.give_back();
                    retries = retries.saturating_sub(1);
                }
            }
            let allowed = RETRIES_RESERVE + first_tries * u64::from(per_mille) / 1_000;
            prop_assert_eq!(budget.available(), allowed - retries);
        }
    }

    /// Whatever the figures, nothing overflows, and no delay is beyond its range.
    #[test]
    fn every_delay_lies_in_its_range(
        (base, max) in (any::<u64>(), any::<u64>()),
        (attempt, previous, draw) in (any::<u32>(), any::<u64>(), any::<u64>()),
        share in 0_u16..=1_000,
    ) {
        let backoff = Backoff { base: Span::from_nanos(base), max: Span::from_nanos(max) };
        let previous = Span::from_nanos(previous);
        let of = |jitter| {
            let policy = RetryPolicy { backoff, jitter, ..RetryPolicy::default() };
            delay(&policy, attempt, previous, draw)
        };
        let whole = backoff.delay(attempt.saturating_sub(1));
        let share = Share::per_mille(share);
        let spread = Span::from_nanos(share.of(whole.as_nanos()));
        prop_assert!(of(Jitter::Full) <= whole);
        let equal = of(Jitter::Equal);
        prop_assert!(whole.div(2) <= equal && equal <= whole);
        let around = of(Jitter::Around(share));
        prop_assert!(whole - spread <= around && around <= (whole + spread).min(backoff.max));
        let decorrelated = of(Jitter::Decorrelated);
        prop_assert!(backoff.base.min(backoff.max) <= decorrelated);
        prop_assert!(decorrelated <= backoff.max.min(previous.max(backoff.base) * 3));
    }
}
