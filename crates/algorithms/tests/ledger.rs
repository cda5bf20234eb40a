//! The life of a ledger: what it says of itself, whom it refuses and for how long, and what it still
//! knows after it was reset, emptied or asked to give something back. LEASE-1, LEDGER-1.

use std::fmt;

use tidegate_algorithms::{Ledger, LimitUsage};
use tidegate_units::{Amounts, Cost, Dimension, EnforcedAs, Instant, Limit, Reason, Scope, Span};

const START: Instant = Instant::from_nanos(1 << 40);
const MOMENT: Span = Span::from_nanos(1);

/// A window, counted by a log.
fn limit(dimension: Dimension, amount: u64, millis: u64) -> Limit {
    let limit = Limit::new(dimension, amount, Span::from_millis(millis)).expect("a limit");
    limit.guard(Span::ZERO).expect("no guard")
}

fn requests(amount: u64, millis: u64) -> Limit {
    limit(Dimension::Requests, amount, millis)
}

fn tokens(amount: u64, millis: u64) -> Limit {
    limit(Dimension::Tokens, amount, millis)
}

/// The same, counted by a bucket that holds the whole amount.
fn bucket(limit: Limit) -> Limit {
    let amount = limit.amount();
    limit.enforced_as(EnforcedAs::TokenBucket).burst(amount).expect("a burst")
}

fn ledger(limits: &[Limit]) -> Ledger {
    Ledger::new(Scope::Global, limits)
}

/// So many requests and tokens, as a call asks for them.
fn call(requests: u64, tokens: u64) -> Cost {
    Cost::request().requests(requests).tokens(tokens)
}

/// The same, as they are lent and recorded.
fn amounts(requests: u64, tokens: u64) -> Amounts {
    [(Dimension::Requests, requests), (Dimension::Tokens, tokens)].into_iter().collect()
}

fn after(millis: u64) -> Instant {
    START + Span::from_millis(millis)
}

fn available(ledger: &Ledger, now: Instant) -> Vec<u64> {
    ledger.usage(now).iter().map(|usage| usage.available).collect()
}

/// What happens to a ledger. The numbers are requests and tokens.
enum Scene {
    Look,
    Take(u64, u64),
    Lend(u64, u64),
    /// The first are no longer lent, the second were used.
    Settle([u64; 2], [u64; 2]),
    Recall(u64, u64),
    Record(u64, u64),
    /// Of what was recorded at that many milliseconds.
    Refund(u64, [u64; 2]),
    Reset,
    Forget,
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Look => "look".to_owned(),
            Self::Take(requests, tokens) => format!("take {requests}, {tokens}"),
            Self::Lend(requests, tokens) => format!("lend {requests}, {tokens}"),
            Self::Settle(lent, used) => format!("settle {lent:?}, used {used:?}"),
            Self::Recall(requests, tokens) => format!("recall {requests}, {tokens}"),
            Self::Record(requests, tokens) => format!("record {requests}, {tokens}"),
            Self::Refund(recorded, unused) => format!("refund {unused:?} of {recorded}ms"),
            Self::Reset => "reset".to_owned(),
            Self::Forget => "forget".to_owned(),
        })
    }
}

fn play(ledger: &mut Ledger, now: Instant, scene: &Scene) -> &'static str {
    match *scene {
        Scene::Look => return "",
        Scene::Take(requests, tokens) => return said(&ledger.take(now, &call(requests, tokens))),
        Scene::Lend(requests, tokens) => {
            return said(&ledger.lend(now, &amounts(requests, tokens)));
        }
        Scene::Settle([requests, tokens], used) => {
            ledger.settle(now, &amounts(requests, tokens), &amounts(used[0], used[1]));
        }
        Scene::Recall(requests, tokens) => ledger.recall(&amounts(requests, tokens)),
        Scene::Record(requests, tokens) => ledger.record(now, &amounts(requests, tokens)),
        Scene::Refund(recorded, [requests, tokens]) => {
            ledger.refund(now, after(recorded), &amounts(requests, tokens));
        }
        Scene::Reset => ledger.reset(now),
        Scene::Forget => ledger.make_empty(now),
    }
    ""
}

fn said<T, E>(answer: &Result<T, E>) -> &'static str {
    if answer.is_ok() { "yes" } else { "no" }
}

/// One limit: what is left of what there could be, what is lent, what is owed, when all is there.
fn shot(usage: &LimitUsage) -> String {
    let LimitUsage { capacity, available, lent, debt, resets_after, .. } = usage;
    format!("{available}/{capacity} lent {lent} owed {debt} full in {resets_after}")
}

fn film(limits: &[Limit], script: &[(u64, Scene)]) -> String {
    let mut ledger = ledger(limits);
    let mut shots = Vec::new();
    for (millis, scene) in script {
        let answer = play(&mut ledger, after(*millis), scene);
        let limits: Vec<_> = ledger.usage(after(*millis)).iter().map(shot).collect();
        shots.push(format!("{millis:>4}ms {scene:<29} {answer:<4}{}", limits.join(" | ")));
    }
    shots.join("\n")
}

/// Ten requests in a second, as the service counts a window; a hundred tokens, as it counts a bucket.
#[test]
fn what_a_ledger_says_of_itself_over_a_life() {
    let script = [
        (0, Scene::Look),
        (0, Scene::Take(2, 30)),
        (100, Scene::Lend(5, 40)),
        (100, Scene::Take(4, 1)),
        (200, Scene::Settle([3, 20], [2, 15])),
        (200, Scene::Recall(1, 5)),
        (300, Scene::Record(7, 60)),
        (400, Scene::Settle([1, 15], [1, 15])),
        (500, Scene::Refund(300, [1, 10])),
        (1_100, Scene::Look),
        (1_100, Scene::Reset),
        (1_200, Scene::Lend(1, 1)),
        (1_300, Scene::Forget),
        (1_400, Scene::Refund(1_300, [5, 50])),
        (2_300, Scene::Look),
    ];
    insta::assert_snapshot!(film(&[requests(10, 1_000), bucket(tokens(100, 1_000))], &script), @r"
       0ms look                              10/10 lent 0 owed 0 full in 0s | 100/100 lent 0 owed 0 full in 0s
       0ms take 2, 30                    yes 8/10 lent 0 owed 0 full in 1s | 70/100 lent 0 owed 0 full in 300ms
     100ms lend 5, 40                    yes 3/10 lent 5 owed 0 full in 900ms | 40/100 lent 40 owed 0 full in 200ms
     100ms take 4, 1                     no  3/10 lent 5 owed 0 full in 900ms | 40/100 lent 40 owed 0 full in 200ms
     200ms settle [3, 20], used [2, 15]      4/10 lent 2 owed 0 full in 1s | 55/100 lent 20 owed 0 full in 250ms
     200ms recall 1, 5                       5/10 lent 1 owed 0 full in 1s | 60/100 lent 15 owed 0 full in 250ms
     300ms record 7, 60                      0/10 lent 1 owed 1 full in 1s | 10/100 lent 15 owed 0 full in 750ms
     400ms settle [1, 15], used [1, 15]      0/10 lent 0 owed 2 full in 1s | 20/100 lent 0 owed 0 full in 800ms
     500ms refund [1, 10] of 300ms           0/10 lent 0 owed 1 full in 900ms | 40/100 lent 0 owed 0 full in 600ms
    1100ms look                              1/10 lent 0 owed 0 full in 300ms | 100/100 lent 0 owed 0 full in 0s
    1100ms reset                             10/10 lent 0 owed 0 full in 0s | 100/100 lent 0 owed 0 full in 0s
    1200ms lend 1, 1                     yes 9/10 lent 1 owed 0 full in 0s | 99/100 lent 1 owed 0 full in 0s
    1300ms forget                            0/10 lent 0 owed 0 full in 1s | 0/100 lent 0 owed 0 full in 1s
    1400ms refund [5, 50] of 1300ms          0/10 lent 0 owed 0 full in 900ms | 10/100 lent 0 owed 0 full in 900ms
    2300ms look                              10/10 lent 0 owed 0 full in 0s | 100/100 lent 0 owed 0 full in 0s
    ");
}

#[test]
fn usage_names_the_limit_and_what_it_applies_to() {
    let limits = [requests(10, 1_000), bucket(tokens(100, 1_000))];
    let usage = ledger(&limits).usage(START);
    assert_eq!(usage.iter().map(|usage| usage.limit.clone()).collect::<Vec<_>>(), limits);
    assert!(usage.iter().all(|usage| usage.scope == Scope::Global));
}

#[test]
fn a_ledger_is_full_when_nothing_is_lent_and_nothing_used() {
    for limit in [requests(10, 1_000), bucket(requests(10, 1_000))] {
        let mut ledger = ledger(&[limit, tokens(100, 60_000)]);
        assert!(ledger.is_full(START));
        ledger.lend(START, &amounts(1, 0)).expect("it fits");
        assert!(!ledger.is_full(START), "one is lent");
        ledger.settle(START, &amounts(1, 0), &amounts(1, 0));
        assert!(!ledger.is_full(START), "one is used");
        assert!(ledger.is_full(after(1_000)));
        ledger.take(after(1_000), &call(0, 1)).expect("it fits");
        assert!(!ledger.is_full(after(2_000)), "of the second limit, one is used");
    }
    assert!(ledger(&[]).is_full(START));
}

#[test]
fn a_ledger_without_limits_is_empty_and_lets_everything_pass() {
    let mut none = ledger(&[]);
    assert!(none.is_empty());
    assert!(!ledger(&[requests(1, 1)]).is_empty());
    none.take(START, &call(u64::MAX, u64::MAX)).expect("there is no limit");
    assert_eq!(none.lendable(START, Dimension::Requests), None);
    assert_eq!(none.shortest_window(), None);
    assert_eq!(none.earliest(START, &amounts(9, 9)), START);
    assert_eq!(none.next_gain(START), None);
    assert!(none.covers_loans(START));
}

#[test]
fn the_shortest_window_is_that_of_any_limit() {
    let limits = [requests(10, 60_000), tokens(5, 1_000), tokens(9, 3_000)];
    assert_eq!(ledger(&limits).shortest_window(), Some(Span::from_secs(1)));
}

#[test]
fn the_next_gain_is_that_of_the_limit_that_gains_first() {
    let mut ledger = ledger(&[requests(10, 1_000), bucket(tokens(100, 1_000))]);
    assert_eq!(ledger.next_gain(START), None, "nothing is used, nothing can be gained");
    ledger.take(START, &call(3, 0)).expect("it fits");
    assert_eq!(ledger.next_gain(START), Some(after(1_000)), "the window ends");
    ledger.take(after(100), &call(0, 2)).expect("it fits");
    assert_eq!(ledger.next_gain(after(100)), Some(after(110)), "a token drips in before");
    ledger.record(after(110), &amounts(0, 120));
    assert_eq!(ledger.next_gain(after(110)), Some(after(330)), "21 are owed: the 22nd is a gain");
    assert_eq!(ledger.next_gain(after(2_000)), None, "all is there again");
}

/// A loan gains nothing by itself: only what is used comes back with time.
#[test]
fn what_is_only_lent_has_no_next_gain() {
    let mut ledger = ledger(&[requests(10, 1_000)]);
    ledger.lend(START, &amounts(10, 0)).expect("it fits");
    assert_eq!(ledger.next_gain(START), None);
}

#[test]
fn a_queue_passes_when_the_slowest_limit_has_let_it_pass_beside_the_loans() {
    for (limit, passed) in [(requests(10, 1_000), 1_000), (bucket(requests(10, 1_000)), 300)] {
        let mut ledger = ledger(&[tokens(100, 1_000), limit]);
        let queue = amounts(6, 6);
        assert_eq!(ledger.earliest(START, &queue), START, "it fits at once");
        ledger.lend(START, &amounts(4, 0)).expect("it fits");
        assert_eq!(ledger.earliest(START, &queue), START, "it fits beside the loan");
        ledger.take(START, &call(3, 0)).expect("it fits");
        assert_eq!(ledger.earliest(START, &queue), after(passed), "three are missing");
        assert_eq!(ledger.earliest(START, &amounts(0, 100)), START, "it needs no request");
    }
}

#[test]
fn a_loan_that_a_debt_eats_into_is_no_longer_covered() {
    for limit in [requests(10, 1_000), bucket(requests(10, 1_000))] {
        let mut ledger = ledger(&[tokens(100, 1_000), limit]);
        ledger.lend(START, &amounts(6, 6)).expect("it fits");
        assert!(ledger.covers_loans(START));
        ledger.record(START, &amounts(4, 0));
        assert!(ledger.covers_loans(START), "exactly");
        ledger.record(START, &amounts(1, 0));
        assert!(!ledger.covers_loans(START), "LEASE-1: one of six is gone");
        assert_eq!(ledger.usage(START)[1].available, 0);
        ledger.recall(&amounts(1, 0));
        assert!(ledger.covers_loans(START), "five of five");
    }
}

#[test]
fn what_may_be_lent_is_the_least_that_any_limit_on_it_has_left() {
    let limits = [requests(10, 1_000), bucket(requests(20, 60_000)), tokens(100, 1_000)];
    let mut ledger = ledger(&limits);
    let lendable = |ledger: &Ledger, now| {
        [Dimension::Requests, Dimension::Tokens, Dimension::Bytes]
            .map(|dimension| ledger.lendable(now, dimension))
    };
    assert_eq!(lendable(&ledger, START), [Some(10), Some(100), None]);
    ledger.lend(START, &amounts(3, 30)).expect("it fits");
    assert_eq!(lendable(&ledger, START), [Some(7), Some(70), None]);
    ledger.take(START, &call(7, 0)).expect("it fits");
    assert_eq!(lendable(&ledger, START), [Some(0), Some(70), None]);
    assert_eq!(lendable(&ledger, after(1_000)), [Some(7), Some(70), None]);
    ledger.take(after(1_000), &call(7, 0)).expect("it fits");
    assert_eq!(lendable(&ledger, after(2_000)), [Some(3), Some(70), None], "of the minute's 20");
}

/// In whichever order the limits stand.
#[test]
fn the_limit_that_waits_longest_binds() {
    let (short, long) = (requests(3, 1_000), tokens(30, 60_000));
    for limits in [[short.clone(), long.clone()], [long.clone(), short.clone()]] {
        let mut ledger = ledger(&limits);
        ledger.take(START, &call(3, 30)).expect("it fits");
        let refused = ledger.check(START, &call(1, 1)).expect_err("both are used up");
        assert_eq!((refused.dimension, refused.limit), (Dimension::Tokens, 30));
        assert_eq!(refused.retry_after, Some(Span::from_secs(60)));
        assert_eq!(ledger.take(START, &call(1, 1)), Err(refused), "a take is told the same");
    }
}

#[test]
fn a_limit_that_can_never_hold_the_call_is_named_before_any_wait() {
    let (short, long) = (requests(3, 1_000), tokens(30, 60_000));
    for limits in [[short.clone(), long.clone()], [long.clone(), short.clone()]] {
        let mut ledger = ledger(&limits);
        ledger.take(START, &call(1, 30)).expect("it fits");
        let refused = ledger.check(START, &call(4, 1)).expect_err("four of three");
        assert_eq!((refused.dimension, refused.reason), (Dimension::Requests, Reason::NeverFits));
        assert_eq!((refused.retry_after, refused.requested), (None, 4));
    }
    let never = ledger(&[short, long]).check(START, &call(4, 31)).expect_err("neither ever fits");
    assert_eq!(never.dimension, Dimension::Requests, "of two that never fit, the first");
}

#[test]
fn of_two_limits_that_wait_as_long_the_first_is_named() {
    for (limits, first) in [
        ([requests(3, 1_000), tokens(30, 1_000)], Dimension::Requests),
        ([tokens(30, 1_000), requests(3, 1_000)], Dimension::Tokens),
    ] {
        let mut ledger = ledger(&limits);
        ledger.take(START, &call(3, 30)).expect("it fits");
        assert_eq!(ledger.check(START, &call(1, 1)).expect_err("used up").dimension, first);
    }
}

/// A loan may come back at any moment, so that a call which fits without it is not told `never`.
#[test]
fn what_does_not_fit_beside_a_loan_may_pass_when_the_loan_is_back() {
    for limit in [requests(10, 1_000), bucket(requests(10, 1_000))] {
        let mut ledger = ledger(&[limit]);
        ledger.lend(START, &amounts(1, 0)).expect("it fits");
        let refused = ledger.check(START, &call(10, 0)).expect_err("nine are left");
        assert_eq!((refused.reason, refused.retry_after), (Reason::LimitReached, Some(MOMENT)));
        assert_eq!((refused.used, refused.limit, refused.requested), (1, 10, 10));
        let never = ledger.check(START, &call(11, 0)).expect_err("more than there is");
        assert_eq!((never.reason, never.retry_after), (Reason::NeverFits, None));
        ledger.recall(&amounts(1, 0));
        ledger.check(START, &call(10, 0)).expect("the loan is back");
    }
}

#[test]
fn what_would_have_to_wait_without_the_loan_is_told_that_wait() {
    let mut ledger = ledger(&[requests(10, 1_000)]);
    ledger.take(START, &call(3, 0)).expect("it fits");
    ledger.lend(START, &amounts(5, 0)).expect("it fits");
    let refused = ledger.check(after(400), &call(8, 0)).expect_err("two are left");
    assert_eq!(refused.retry_after, Some(Span::from_millis(600)));
    assert_eq!(refused.used, 8, "what is lent counts as used");
}

#[test]
fn a_refusal_counts_what_is_owed_as_used() {
    let mut ledger = ledger(&[requests(10, 1_000)]);
    ledger.record(START, &amounts(13, 0));
    let refused = ledger.check(START, &call(1, 0)).expect_err("three are owed");
    assert_eq!((refused.used, refused.limit), (13, 10));
}

#[test]
fn a_call_that_needs_nothing_of_a_limit_passes_however_much_is_owed() {
    let mut ledger = ledger(&[requests(10, 1_000), tokens(100, 1_000)]);
    ledger.record(START, &amounts(13, 0));
    ledger.take(START, &call(0, 100)).expect("it needs no request");
    assert!(ledger.check_lend(START, &amounts(0, 1)).is_err());
}

#[test]
fn whoever_starts_from_nothing_owes_what_was_owed() {
    let limits = [requests(10, 1_000), bucket(tokens(100, 1_000)), requests(50, 60_000)];
    let mut before = ledger(&limits);
    before.record(START, &amounts(13, 140));
    let debts = before.debts(START);
    assert_eq!(debts, [3, 40, 0]);

    let mut next = ledger(&limits);
    next.make_empty_owing(START, &debts);
    assert_eq!(next.debts(START), [3, 40, 0]);
    assert_eq!(available(&next, START), [0, 0, 0], "and has nothing");
    assert_eq!(next.debts(after(100)), [3, 30, 0], "a bucket pays off as it drips");
    next.refund(after(100), START, &amounts(13, 140));
    assert_eq!(next.debts(after(100)), [3, 30, 0], "what the one before charged is not given back");
}

#[test]
fn a_reset_frees_what_was_spent_and_not_what_is_lent() {
    for limit in [requests(10, 1_000), bucket(requests(10, 1_000))] {
        let mut ledger = ledger(&[limit]);
        ledger.lend(START, &amounts(4, 0)).expect("it fits");
        ledger.record(START, &amounts(6, 0));
        ledger.reset(after(1));
        assert_eq!(available(&ledger, after(1)), [6]);
        ledger.settle(after(2), &amounts(4, 0), &amounts(3, 0));
        assert_eq!(available(&ledger, after(2)), [7]);
    }
}

#[test]
fn only_a_charge_from_after_the_reset_is_given_back() {
    let mut ledger = ledger(&[requests(10, 1_000)]);
    ledger.take(START, &call(4, 0)).expect("it fits");
    ledger.reset(after(5));
    ledger.take(after(5), &call(3, 0)).expect("it fits");
    ledger.take(after(6), &call(2, 0)).expect("it fits");
    ledger.refund(after(7), START, &amounts(4, 0));
    assert_eq!(available(&ledger, after(7)), [5], "a charge from before");
    ledger.refund(after(7), after(5), &amounts(3, 0));
    assert_eq!(available(&ledger, after(7)), [5], "at that instant: it may be from before");
    ledger.refund(after(7), after(6), &amounts(2, 0));
    assert_eq!(available(&ledger, after(7)), [7], "a charge from after");
}
