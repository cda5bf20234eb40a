//! What a ledger lends never breaks a window, whenever borrowers spend: LEASE-1, 2, 3, 5, LEDGER-1.

use proptest::prelude::*;
use tidegate_algorithms::Ledger;
use tidegate_units::{Amounts, Cost, Dimension, EnforcedAs, Instant, Limit, Reason, Scope, Span};

const BORROWERS: usize = 4;

/// What may happen between a ledger and its borrowers.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// Time passes.
    Wait { nanos: u64 },
    /// A borrower asks for more.
    Lend { borrower: usize, requests: u64, tokens: u64 },
    /// A borrower spends some of what it holds, without telling anyone.
    Spend { borrower: usize, tokens: u64 },
    /// A borrower reports what it has spent, and keeps the rest.
    Report { borrower: usize },
    /// A borrower reports what it has spent and gives the rest back.
    Return { borrower: usize },
    /// A borrower is gone: everything it held counts as spent (LEASE-5).
    Lose { borrower: usize },
    /// The owner grants a call itself.
    Take { tokens: u64 },
}

fn actions(window: u64) -> impl Strategy<Value = Vec<Action>> {
    let who = 0..BORROWERS;
    let action = prop_oneof![
        6 => (0..window / 2).prop_map(|nanos| Action::Wait { nanos }),
        5 => (who.clone(), 1_u64..6, 0_u64..400)
            .prop_map(|(borrower, requests, tokens)| Action::Lend { borrower, requests, tokens }),
        8 => (who.clone(), 0_u64..120)
            .prop_map(|(borrower, tokens)| Action::Spend { borrower, tokens }),
        3 => who.clone().prop_map(|borrower| Action::Report { borrower }),
        2 => who.clone().prop_map(|borrower| Action::Return { borrower }),
        1 => who.prop_map(|borrower| Action::Lose { borrower }),
        3 => (0_u64..200).prop_map(|tokens| Action::Take { tokens }),
    ];
    proptest::collection::vec(action, 1..150)
}

/// What a borrower holds: what it may still spend, and what it spent and has not reported.
#[derive(Debug, Clone, Default)]
struct Borrower {
    unspent: Amounts,
    spent: Amounts,
}

impl Borrower {
    fn held(&self) -> Amounts {
        let mut held = self.unspent.clone();
        held.add(&self.spent);
        held
    }
}

fn amounts(requests: u64, tokens: u64) -> Amounts {
    [(Dimension::Requests, requests), (Dimension::Tokens, tokens)].into_iter().collect()
}

/// Plays a history and answers every spend that really happened, with its real time.
fn play(limits: &[Limit], actions: &[Action]) -> Vec<(Instant, Amounts)> {
    let mut ledger = Ledger::new(Scope::Global, limits);
    let mut borrowers = vec![Borrower::default(); BORROWERS];
    let mut now = Instant::from_nanos(1 << 30);
    let mut spent = Vec::new();
    for action in actions {
        act(*action, &mut ledger, &mut borrowers, &mut now, &mut spent);
        assert!(ledger.covers_loans(now), "LEASE-1 after {action:?}");
        assert!(ledger.usage(now).iter().all(|usage| usage.debt == 0), "LEASE-1: no debt");
    }
    spent
}

fn act(
    action: Action,
    ledger: &mut Ledger,
    borrowers: &mut [Borrower],
    now: &mut Instant,
    spent: &mut Vec<(Instant, Amounts)>,
) {
    match action {
        Action::Wait { nanos } => *now = *now + Span::from_nanos(nanos),
        Action::Lend { borrower, requests, tokens } => {
            let asked = amounts(requests, tokens);
            let before = ledger.usage(*now);
            match ledger.lend(*now, &asked) {
                Ok(()) => borrowers[borrower].unspent.add(&asked),
                Err(_) => assert_eq!(before, ledger.usage(*now), "LEDGER-1"),
            }
        }
        Action::Spend { borrower, tokens } => {
            let cost = amounts(1, tokens);
            let borrower = &mut borrowers[borrower];
            if borrower.unspent.covers(&cost) {
                borrower.unspent.subtract(&cost);
                borrower.spent.add(&cost);
                spent.push((*now, cost));
            }
        }
        Action::Report { borrower } => {
            let used = std::mem::take(&mut borrowers[borrower].spent);
            ledger.settle(*now, &used, &used);
        }
        Action::Return { borrower } => {
            let borrower = std::mem::take(&mut borrowers[borrower]);
            ledger.settle(*now, &borrower.held(), &borrower.spent);
        }
        Action::Lose { borrower } => {
            let held = std::mem::take(&mut borrowers[borrower]).held();
            ledger.settle(*now, &held, &held);
        }
        Action::Take { tokens } => {
            if ledger.take(*now, &Cost::request().tokens(tokens)).is_ok() {
                spent.push((*now, amounts(1, tokens)));
            }
        }
    }
}

fn most_in_a_window(spent: &[(Instant, Amounts)], dimension: Dimension, window: Span) -> u64 {
    let ending = |end: Instant| -> u64 {
        let inside = |at: Instant| at <= end && end.since(at) < window;
        spent.iter().filter(|(at, _)| inside(*at)).map(|(_, cost)| cost.get(dimension)).sum()
    };
    spent.iter().map(|(at, _)| ending(*at)).max().unwrap_or(0)
}

fn breaks_a_bucket(spent: &[(Instant, Amounts)], limit: &Limit) -> bool {
    let window = u128::from(limit.window().as_nanos());
    (0..spent.len()).any(|first| {
        let mut sum = 0;
        spent[first..].iter().any(|(at, cost)| {
            sum += u128::from(cost.get(limit.dimension())) * window;
            let elapsed = u128::from(at.since(spent[first].0).as_nanos());
            sum > u128::from(limit.burst_amount()) * window + elapsed * u128::from(limit.amount())
        })
    })
}

const WINDOW: Span = Span::from_millis(1);

fn limit(dimension: Dimension, amount: u64, shape: EnforcedAs) -> Limit {
    let limit = Limit::new(dimension, amount, WINDOW).expect("a limit");
    limit.enforced_as(shape).guard(Span::ZERO).expect("no guard")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_is_broken_by_borrowers(
        actions in actions(WINDOW.as_nanos()), requests in 1_u64..12, tokens in 1_u64..900,
    ) {
        let limits = [
            limit(Dimension::Requests, requests, EnforcedAs::SlidingWindow),
            limit(Dimension::Tokens, tokens, EnforcedAs::Unknown),
        ];
        let spent = play(&limits, &actions);
        prop_assert!(most_in_a_window(&spent, Dimension::Requests, WINDOW) <= requests, "LEASE-2");
        prop_assert!(most_in_a_window(&spent, Dimension::Tokens, WINDOW) <= tokens, "LEASE-2");
    }

    #[test]
    fn no_bucket_is_broken_by_borrowers(
        actions in actions(WINDOW.as_nanos()), requests in 1_u64..12, tokens in 1_u64..900,
    ) {
        let limits = [
            limit(Dimension::Requests, requests, EnforcedAs::TokenBucket),
            limit(Dimension::Tokens, tokens, EnforcedAs::TokenBucket),
        ];
        let spent = play(&limits, &actions);
        prop_assert!(limits.iter().all(|limit| !breaks_a_bucket(&spent, limit)), "LEASE-2");
    }

    /// LEASE-3: a borrower who always wants more gets, from a bucket that never fills up, exactly as
    /// much as a caller who is charged at once.
    #[test]
    fn recording_late_loses_nothing_while_saturated(
        waits in proptest::collection::vec(1..WINDOW.as_nanos() / 3, 1..200), amount in 4_u64..50,
    ) {
        let limits = [limit(Dimension::Requests, amount, EnforcedAs::TokenBucket)];
        let mut now = Instant::from_nanos(1 << 30);
        let mut leased = Ledger::new(Scope::Global, &limits);
        let mut direct = leased.clone();
        leased.make_empty(now);
        direct.make_empty(now);
        let (mut lent, mut lent_total, mut direct_total) = (Amounts::NONE, 0, 0);
        for wait in waits {
            now = now + Span::from_nanos(wait);
            // What was lent last time has been spent meanwhile, and is recorded only now.
            leased.settle(now, &lent, &lent);
            let more = leased.lendable(now, Dimension::Requests).expect("a limit");
            lent = Amounts::of(Dimension::Requests, more);
            prop_assert!(leased.lend(now, &lent).is_ok());
            lent_total += more;
            let fits = direct.lendable(now, Dimension::Requests).expect("a limit");
            prop_assert!(direct.take(now, &Cost::request().requests(fits)).is_ok());
            direct_total += fits;
        }
        prop_assert_eq!(lent_total, direct_total);
    }
}

#[test]
fn a_refusal_names_the_limit_that_binds_longest() {
    let limits = [
        "10 requests per second".parse().expect("a limit"),
        "100 tokens per minute".parse().expect("a limit"),
    ];
    let mut ledger = Ledger::new(Scope::Global, &limits);
    ledger.take(Instant::ZERO, &Cost::request().requests(10).tokens(90)).expect("it fits");
    let refused = ledger.check(Instant::ZERO, &Cost::request().tokens(20)).expect_err("both full");
    assert_eq!(refused.dimension, Dimension::Tokens);
    assert_eq!((refused.used, refused.limit, refused.requested), (90, 100, 20));
    // The window that Tidegate keeps to is longer than the service's by the guard.
    assert_eq!(refused.retry_after, Some(Span::from_millis(60_250)));

    let never = ledger.check(Instant::ZERO, &Cost::request().tokens(101)).expect_err("too large");
    assert_eq!((never.reason, never.retry_after), (Reason::NeverFits, None));
}

#[test]
fn what_is_lent_can_not_be_lent_again_until_it_is_recalled() {
    let limits = ["3 requests per minute".parse().expect("a limit")];
    let mut ledger = Ledger::new(Scope::Global, &limits);
    let two = Amounts::of(Dimension::Requests, 2);
    ledger.lend(Instant::ZERO, &two).expect("it fits");
    assert!(ledger.lend(Instant::ZERO, &two).is_err());
    assert_eq!(ledger.lendable(Instant::ZERO, Dimension::Requests), Some(1));
    assert_eq!(ledger.lendable(Instant::ZERO, Dimension::Tokens), None, "no limit on tokens");
    ledger.recall(&two);
    assert!(ledger.is_full(Instant::ZERO));
}

#[test]
fn a_charge_from_before_a_reset_is_not_given_back_again() {
    let limits = [limit(Dimension::Requests, 10, EnforcedAs::SlidingWindow)];
    let mut ledger = Ledger::new(Scope::Global, &limits);
    let ten = Cost::request().requests(10);
    let before = Instant::from_nanos(5);
    ledger.take(before, &ten).expect("it fits");
    ledger.reset(before + Span::from_nanos(1));
    let after = before + Span::from_nanos(2);
    ledger.take(after, &ten).expect("all was forgotten");
    ledger.refund(after, before, &Amounts::of(Dimension::Requests, 10));
    assert!(ledger.take(after, &ten).is_err(), "the new charge stays");
}

#[test]
fn an_emptied_ledger_grants_nothing_before_time_has_passed() {
    let limits = [
        "3 requests per minute".parse().expect("a limit"),
        limit(Dimension::Tokens, 10, EnforcedAs::TokenBucket),
    ];
    let mut ledger = Ledger::new(Scope::Global, &limits);
    let now = Instant::from_nanos(5);
    ledger.make_empty(now);
    assert_eq!(ledger.lendable(now, Dimension::Requests), Some(0));
    assert_eq!(ledger.lendable(now, Dimension::Tokens), Some(0));
    assert!(ledger.is_full(now + Span::from_secs(61)));
}
