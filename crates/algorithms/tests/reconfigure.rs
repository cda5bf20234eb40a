//! Limits that change while a ledger is in use: which takes over from which, and that nothing is
//! minted on the way: ALG-7, LEASE-1, LEASE-2.

use proptest::prelude::*;
use tidegate_algorithms::{Carry, Ledger, LimitUsage};
use tidegate_units::{Amounts, Cost, Dimension, EnforcedAs, Instant, Limit, Scope, Span};

const START: Instant = Instant::from_nanos(1 << 40);
/// Every way that mints nothing.
const CARRIES: [Carry; 3] = [Carry::AsIs, Carry::Proportional, Carry::Additive];

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

fn bucket(amount: u64, burst: u64, millis: u64) -> Limit {
    requests(amount, millis).burst(burst).expect("a burst")
}

fn ledger(limits: &[Limit]) -> Ledger {
    Ledger::new(Scope::Global, limits)
}

fn calls(amount: u64) -> Cost {
    Cost::request().requests(amount)
}

fn lease(amount: u64) -> Amounts {
    Amounts::of(Dimension::Requests, amount)
}

fn after(millis: u64) -> Instant {
    START + Span::from_millis(millis)
}

fn available(ledger: &Ledger, now: Instant) -> Vec<u64> {
    ledger.usage(now).iter().map(|usage| usage.available).collect()
}

fn lent(ledger: &Ledger, now: Instant) -> Vec<u64> {
    ledger.usage(now).iter().map(|usage| usage.lent).collect()
}

fn debt(usage: &LimitUsage) -> u64 {
    usage.debt
}

#[test]
fn a_limit_takes_over_from_the_one_of_its_window_wherever_that_stands() {
    let mut ledger = ledger(&[requests(10, 1_000), requests(100, 60_000), tokens(50, 1_000)]);
    ledger.take(START, &calls(4).tokens(5)).expect("it fits");
    let changed = [tokens(60, 1_000), requests(200, 60_000), requests(20, 1_000)];
    ledger.reconfigure(START, &changed, Carry::Additive);
    assert_eq!(ledger.limits().cloned().collect::<Vec<_>>(), changed);
    assert_eq!(available(&ledger, START), [55, 196, 16]);
    // Each is still counted over its own window.
    assert_eq!(available(&ledger, after(1_000)), [60, 196, 20]);
}

/// The second has forgotten what the minute has not: a minute that took over from it would mint.
#[test]
fn a_window_that_remembers_longer_is_taken_over_by_its_like() {
    let mut ledger = ledger(&[requests(10, 1_000), requests(100, 60_000)]);
    ledger.take(START, &calls(4)).expect("it fits");
    let changed = [requests(200, 60_000), requests(20, 1_000)];
    ledger.reconfigure(after(1_000), &changed, Carry::Additive);
    assert_eq!(available(&ledger, after(1_000)), [196, 20]);
}

#[test]
fn a_limit_of_another_window_takes_over_from_what_is_left() {
    let mut ledger = ledger(&[requests(10, 1_000), requests(100, 60_000)]);
    ledger.take(START, &calls(4)).expect("it fits");
    ledger.take(after(1_000), &calls(4)).expect("it fits");
    // The minute keeps its own; the two seconds go on from the second, which remembers no more.
    ledger.reconfigure(after(1_000), &[requests(9, 2_000), requests(90, 60_000)], Carry::Additive);
    assert_eq!(available(&ledger, after(1_000)), [5, 82]);
}

#[test]
fn a_limit_that_stays_is_not_mistaken_for_another_of_its_window() {
    let (small, large) = (bucket(10, 20, 1_000), bucket(20, 10, 1_000));
    let mut ledger = ledger(&[small, large.clone()]);
    ledger.take(START, &calls(6)).expect("it fits");
    ledger.reconfigure(START, &[large], Carry::Proportional);
    assert_eq!(available(&ledger, START), [4], "as if nothing had changed");
    ledger.refund(START, START, &lease(2));
    assert_eq!(available(&ledger, START), [6], "refunds too");
}

#[test]
fn limits_that_stay_keep_their_history_and_their_refunds() {
    let stays = requests(10, 1_000);
    for carry in CARRIES {
        let mut ledger = ledger(&[stays.clone(), tokens(100, 1_000)]);
        ledger.take(START, &calls(3).tokens(30)).expect("it fits");
        ledger.take(after(400), &calls(3).tokens(30)).expect("it fits");
        ledger.reconfigure(after(500), &[stays.clone(), tokens(200, 1_000)], carry);
        assert_eq!(available(&ledger, after(500))[0], 4);
        assert_eq!(available(&ledger, after(1_000))[0], 7, "the first three have expired");
        ledger.refund(after(1_000), after(400), &lease(2));
        assert_eq!(available(&ledger, after(1_000))[0], 9, "{carry:?}");
    }
    let mut ledger = ledger(std::slice::from_ref(&stays));
    ledger.take(START, &calls(10)).expect("it fits");
    ledger.reconfigure(START, std::slice::from_ref(&stays), Carry::Reset);
    assert_eq!(available(&ledger, START), [10], "a reset is one even without a change");
}

#[test]
fn what_is_lent_stays_lent_and_may_be_more_than_is_covered() {
    for old in [requests(10, 1_000), bucket(10, 10, 1_000)] {
        let mut ledger = ledger(&[old, tokens(100, 1_000)]);
        ledger.lend(START, &lease(6)).expect("it fits");
        ledger.reconfigure(
            START,
            &[requests(4, 1_000), requests(40, 60_000), tokens(50, 1_000)],
            Carry::Additive,
        );
        assert_eq!(lent(&ledger, START), [6, 6, 0], "a new limit on it knows of the loan too");
        assert_eq!(available(&ledger, START), [0, 34, 50]);
        assert!(!ledger.covers_loans(START));
        assert!(ledger.check(START, &calls(1)).is_err());
        ledger.recall(&lease(3));
        assert!(ledger.covers_loans(START), "three of four");
        ledger.settle(START, &lease(3), &lease(3));
        assert_eq!(available(&ledger, START), [1, 37, 50]);
    }
}

#[test]
fn what_was_lent_without_a_limit_can_be_fenced_off() {
    let mut ledger = ledger(&[tokens(100, 1_000)]);
    ledger.lend(START, &lease(6)).expect("nobody counts requests");
    ledger.reconfigure(START, &[requests(10, 1_000)], Carry::Additive);
    assert_eq!(lent(&ledger, START), [0]);
    ledger.fence(&lease(6));
    assert_eq!((lent(&ledger, START), available(&ledger, START)), (vec![6], vec![4]));
}

#[test]
fn charges_from_before_a_change_are_not_given_back() {
    for (old, new) in [
        (requests(10, 1_000), requests(20, 1_000)),
        (bucket(10, 10, 1_000), bucket(20, 20, 1_000)),
        (bucket(10, 10, 1_000), requests(20, 1_000)),
    ] {
        let mut ledger = ledger(&[old]);
        ledger.take(START, &calls(5)).expect("it fits");
        ledger.reconfigure(after(1), &[new], Carry::Additive);
        ledger.take(after(2), &calls(5)).expect("it fits");
        let before = available(&ledger, after(3));
        ledger.refund(after(3), START, &lease(5));
        assert_eq!(available(&ledger, after(3)), before, "from before");
        ledger.refund(after(3), after(2), &lease(5));
        assert!(available(&ledger, after(3)) > before, "from after");
    }
}

#[test]
fn a_limit_that_was_added_gives_nothing_back_for_what_it_never_counted() {
    for added in [requests(10, 1_000), bucket(10, 10, 1_000)] {
        let mut ledger = ledger(&[]);
        ledger.take(START, &calls(5)).expect("there is no limit");
        ledger.reconfigure(after(1), &[added], Carry::Additive);
        assert_eq!(available(&ledger, after(1)), [10], "nothing is known to have been used");
        ledger.take(after(2), &calls(10)).expect("it fits");
        ledger.refund(after(2), START, &lease(5));
        assert_eq!(available(&ledger, after(2)), [0]);
    }
}

#[test]
fn a_clock_that_stepped_back_makes_no_charge_look_younger_than_the_change() {
    for change in [true, false] {
        let mut ledger = ledger(&[requests(10, 1_000)]);
        ledger.take(after(100), &calls(1)).expect("it fits");
        if change {
            ledger.reconfigure(after(50), &[requests(5, 1_000)], Carry::AsIs);
        } else {
            ledger.reset(after(50));
        }
        let rest = available(&ledger, after(60))[0];
        ledger.take(after(60), &calls(rest)).expect("it fits");
        ledger.refund(after(100), after(100), &lease(1));
        assert_eq!(available(&ledger, after(100)), [0]);
    }
}

#[test]
fn a_ledger_whose_past_is_not_known_gives_nothing_of_it_back() {
    let mut ledger = ledger(&[requests(10, 1_000)]);
    ledger.make_empty(after(10));
    ledger.refund(after(20), after(5), &lease(8));
    assert_eq!(available(&ledger, after(20)), [0], "it may have been charged to a larger limit");
}

#[test]
fn a_limit_that_is_gone_binds_no_more_and_knows_nothing_when_it_is_back() {
    let mut ledger = ledger(&[requests(2, 1_000), tokens(100, 1_000)]);
    ledger.take(START, &calls(2).tokens(10)).expect("it fits");
    ledger.reconfigure(START, &[tokens(100, 1_000)], Carry::Additive);
    assert_eq!(ledger.dimensions(), [Dimension::Tokens]);
    ledger.take(START, &calls(50)).expect("nobody counts requests");
    ledger.reconfigure(START, &[requests(2, 1_000), tokens(100, 1_000)], Carry::Additive);
    assert_eq!(available(&ledger, START), [2, 90]);
    ledger.reconfigure(START, &[], Carry::Additive);
    assert!(ledger.is_empty());
}

#[test]
fn lowered_below_what_was_used_the_rest_is_owed() {
    let mut ledger = ledger(&[requests(10, 1_000)]);
    ledger.take(START, &calls(8)).expect("it fits");
    ledger.reconfigure(START, &[requests(5, 1_000)], Carry::Additive);
    assert_eq!(ledger.usage(START).iter().map(debt).sum::<u64>(), 3);
    let refused = ledger.check(after(1), &calls(1)).expect_err("owed");
    assert_eq!(refused.retry_after, Some(Span::from_millis(999)));
    assert_eq!(ledger.check(after(1), &calls(6)).expect_err("never").retry_after, None);
}

/// What may happen to a ledger, one borrower and its limit.
#[derive(Debug, Clone, Copy)]
enum Action {
    Wait {
        millis: u64,
    },
    Take {
        amount: u64,
    },
    Lend {
        amount: u64,
    },
    /// The borrower spends some of what it holds, without telling anyone.
    Spend {
        amount: u64,
    },
    /// The borrower reports, the rest goes back, and the limit is another from here on.
    Change {
        amount: u64,
        millis: u64,
        carry: usize,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        6 => (0_u64..700).prop_map(|millis| Action::Wait { millis }),
        4 => (1_u64..8).prop_map(|amount| Action::Take { amount }),
        4 => (1_u64..8).prop_map(|amount| Action::Lend { amount }),
        6 => (1_u64..8).prop_map(|amount| Action::Spend { amount }),
        2 => (1_u64..20, 0_usize..3, 0_u64..3).prop_map(|(amount, carry, millis)| {
            Action::Change { amount, millis: [1_000, 1_500, 2_000][usize::try_from(millis).expect("few")], carry }
        }),
    ];
    proptest::collection::vec(action, 1..120)
}

/// One limit, from when on it was in force, and what was spent while it was.
#[derive(Debug)]
struct Era {
    limit: Limit,
    spent: Vec<(Instant, u64)>,
}

fn play(first: &Limit, actions: &[Action], to: impl Fn(u64, u64) -> Limit) -> Vec<Era> {
    let mut ledger = ledger(std::slice::from_ref(first));
    let mut eras = vec![Era { limit: first.clone(), spent: Vec::new() }];
    let (mut now, mut unspent, mut unreported) = (START, 0, 0);
    for action in actions {
        let spent = &mut eras.last_mut().expect("one at least").spent;
        match *action {
            Action::Wait { millis } => now = now + Span::from_millis(millis),
            Action::Take { amount } => {
                if ledger.take(now, &calls(amount)).is_ok() {
                    spent.push((now, amount));
                }
            }
            Action::Lend { amount } => {
                if ledger.lend(now, &lease(amount)).is_ok() {
                    unspent += amount;
                }
            }
            Action::Spend { amount } => {
                let amount = amount.min(unspent);
                (unspent, unreported) = (unspent - amount, unreported + amount);
                spent.push((now, amount));
            }
            Action::Change { amount, millis, carry } => {
                ledger.settle(now, &lease(unreported), &lease(unreported));
                ledger.recall(&lease(unspent));
                (unspent, unreported) = (0, 0);
                let limit = to(amount, millis);
                ledger.reconfigure(now, std::slice::from_ref(&limit), CARRIES[carry]);
                eras.push(Era { limit, spent: Vec::new() });
            }
        }
        assert!(ledger.covers_loans(now), "LEASE-1 after {action:?}");
    }
    eras
}

/// The most in any window of this length that ends with one of `last`.
fn most(window: Span, spent: &[(Instant, u64)], last: &[(Instant, u64)]) -> u64 {
    let within = |end: Instant| {
        let counts = spent.iter().filter(|(at, _)| *at <= end && end.since(*at) < window);
        counts.map(|(_, amount)| amount).sum()
    };
    last.iter().filter(|(_, amount)| *amount > 0).map(|(at, _)| within(*at)).max().unwrap_or(0)
}

/// By how much a bucket of this rate and size would have run over.
fn over(limit: &Limit, spent: &[(Instant, u64)]) -> u128 {
    let window = u128::from(limit.window().as_nanos());
    let (mut level, mut at, mut over) = (0, START, 0);
    for (when, amount) in spent {
        let leaked = u128::from(when.since(at).as_nanos()) * u128::from(limit.amount());
        level = u128::saturating_sub(level, leaked) + u128::from(*amount) * window;
        at = *when;
        over = over.max(level.saturating_sub(u128::from(limit.burst_amount()) * window));
    }
    over
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Of what was granted after a change, no window passes the new limit, though it reach back into
    /// the time before: as far as the shortest limit so far remembers.
    #[test]
    fn no_window_passes_the_limit_in_force(actions in actions(), first in 1_u64..20) {
        let eras = play(&requests(first, 1_500), &actions, requests);
        let (mut before, mut shortest) = (Vec::new(), eras[0].limit.window());
        for Era { limit, spent } in &eras {
            before.extend_from_slice(spent);
            shortest = shortest.min(limit.window());
            prop_assert!(most(limit.window(), spent, spent) <= limit.amount(), "{limit} alone");
            prop_assert!(most(shortest, &before, spent) <= limit.amount(), "{limit} across");
        }
    }

    /// The same of buckets: each is kept to alone, and two in a row together fit the larger.
    #[test]
    fn no_bucket_runs_over(actions in actions(), first in 1_u64..20) {
        let to = |amount, millis| bucket(amount, (amount * millis) % 17 + 1, millis);
        let eras = play(&to(first, 1_500), &actions, to);
        for era in &eras {
            prop_assert_eq!(over(&era.limit, &era.spent), 0, "{} alone", era.limit);
        }
        for pair in eras.windows(2) {
            let [old, new] = pair else { unreachable!("pairs") };
            let rate = |limit: &Limit| limit.amount() * 6_000_000_000 / limit.window().as_nanos();
            let faster = if rate(&old.limit) > rate(&new.limit) { &old.limit } else { &new.limit };
            let burst = old.limit.burst_amount().max(new.limit.burst_amount());
            let larger = faster.clone().burst(burst).expect("a burst");
            let both = [old.spent.clone(), new.spent.clone()].concat();
            prop_assert_eq!(over(&larger, &both), 0, "{} then {}", old.limit, new.limit);
        }
    }

    /// A limit of another kind begins where the other stood, or lower.
    #[test]
    fn another_kind_of_limit_mints_nothing(used in 0_u64..12, carry in 0_usize..3) {
        for (old, new) in [(requests(10, 1_000), bucket(10, 10, 1_000)), (bucket(10, 10, 1_000), requests(10, 1_000))] {
            prop_assert_ne!(old.shape() == EnforcedAs::TokenBucket, new.shape() == EnforcedAs::TokenBucket);
            let mut ledger = ledger(std::slice::from_ref(&old));
            ledger.record(START, &lease(used));
            let (before, owed) = (available(&ledger, START), ledger.debts(START));
            ledger.reconfigure(START, &[new], CARRIES[carry]);
            prop_assert_eq!(available(&ledger, START), before);
            prop_assert_eq!(ledger.debts(START), owed);
        }
    }
}
