//! What is lent from windows never breaks one, whenever borrowers spend and report: LEASE-1, LEASE-2.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Decision, FixedWindow, WindowState, Windowed, Windows};
use tidegate_units::{Instant, Span};

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "windows/model.rs"]
mod model;

use model::most_counted;

const BORROWERS: usize = 3;
const WINDOW: Span = Span::from_nanos(1_000);
const START: Instant = Instant::from_nanos(1 << 40);

/// What may happen between a lender and its borrowers.
#[derive(Debug, Clone, Copy)]
enum Action {
    /// This many thousandths of a window pass.
    Wait(u64),
    Lend {
        borrower: usize,
        amount: u64,
    },
    /// Without telling anyone.
    Spend {
        borrower: usize,
        amount: u64,
    },
    /// What was spent; the rest is kept.
    Report(usize),
    /// What was spent, and all that was not.
    Return(usize),
    /// The lender grants a call itself.
    Take(u64),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let who = 0..BORROWERS;
    let action = prop_oneof![
        6 => (0..600_u64).prop_map(Action::Wait),
        5 => (who.clone(), 1_u64..6).prop_map(|(borrower, amount)| Action::Lend { borrower, amount }),
        8 => (who.clone(), 1_u64..4).prop_map(|(borrower, amount)| Action::Spend { borrower, amount }),
        3 => who.clone().prop_map(Action::Report),
        2 => who.prop_map(Action::Return),
        3 => (1_u64..4).prop_map(Action::Take),
    ];
    proptest::collection::vec(action, 1..150)
}

/// Reserves inside the level and records late, as a ledger does.
struct Lender<W: Windows> {
    rule: Windowed<W>,
    state: WindowState,
    lent: u64,
    /// What each borrower may still spend, and what it spent and has not reported.
    borrowers: [(u64, u64); BORROWERS],
    /// What was really spent, and when.
    spent: Vec<(Instant, u64)>,
}

impl<W: Windows> Lender<W> {
    fn fits(&self, now: Instant, amount: u64) -> bool {
        self.rule.decide(&self.state, now, amount + self.lent) == Decision::Admit
    }

    fn settle(&mut self, now: Instant, lent: u64, used: u64) {
        self.lent -= lent;
        self.rule.record(&mut self.state, now, used);
    }

    fn act(&mut self, now: Instant, action: Action) {
        match action {
            Action::Lend { borrower, amount } if self.fits(now, amount) => {
                self.lent += amount;
                self.borrowers[borrower].0 += amount;
            }
            Action::Spend { borrower, amount } if self.borrowers[borrower].0 >= amount => {
                self.borrowers[borrower].0 -= amount;
                self.borrowers[borrower].1 += amount;
                self.spent.push((now, amount));
            }
            Action::Report(borrower) => {
                let used = std::mem::take(&mut self.borrowers[borrower].1);
                self.settle(now, used, used);
            }
            Action::Return(borrower) => {
                let (unspent, used) = std::mem::take(&mut self.borrowers[borrower]);
                self.settle(now, unspent + used, used);
            }
            Action::Take(amount) if self.fits(now, amount) => {
                self.settle(now, 0, amount);
                self.spent.push((now, amount));
            }
            _ => {}
        }
        assert!(self.rule.available(&self.state, now) >= self.lent, "LEASE-1 after {action:?}");
        assert_eq!(self.rule.debt(&self.state, now), 0, "LEASE-1 after {action:?}");
    }
}

/// Plays a history over windows of about `window` and answers every spend that really happened.
fn play<W: Windows>(rule: &Windowed<W>, window: Span, actions: &[Action]) -> Vec<(Instant, u64)> {
    let state = rule.full();
    let borrowers = [(0, 0); BORROWERS];
    let mut lender = Lender { rule: rule.clone(), state, lent: 0, borrowers, spent: Vec::new() };
    let mut now = START;
    for action in actions {
        if let Action::Wait(thousandths) = action {
            now = now + window.div(1_000) * *thousandths;
        }
        lender.act(now, *action);
    }
    lender.spent
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_fixed_window_is_broken_by_borrowers(
        actions in actions(), amount in 1_u64..12, phase in 0..1_000_u64, guard in 0..1_000_u64,
    ) {
        let guard = Span::from_nanos(guard);
        let rule = FixedWindow::new(amount, WINDOW, Span::from_nanos(phase)).guard(guard);
        let spent = play(&rule, WINDOW, &actions);
        prop_assert!(most_counted(rule.windows(), guard, &spent) <= amount, "LEASE-2");
    }
}

#[cfg(feature = "calendar")]
mod calendar {
    use super::*;
    use tidegate_algorithms::{CalendarWindow, Carry, Ledger};
    use tidegate_units::{Amounts, Cost, Dimension, Limit, Scope, WallOrigin};

    const DAY: Span = Span::from_secs(86_400);
    const HOUR: Span = Span::from_secs(3_600);

    fn origin(days: u64) -> WallOrigin {
        WallOrigin::when(Instant::ZERO, (DAY * days).as_nanos())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_day_is_broken_by_borrowers(
            actions in actions(), amount in 1_u64..12, days in 17_000_u64..21_000, hours in 0_u64..20,
        ) {
            for zone in ["UTC", "America/Sao_Paulo", "Europe/Berlin"] {
                let limit: Limit = format!("9 requests per day in {zone}").parse().expect("a limit");
                let calendar = limit.calendar().expect("a calendar").clone();
                let rule = CalendarWindow::new(amount, calendar, origin(days)).guard(HOUR * hours);
                let spent = play(&rule, DAY, &actions);
                prop_assert!(most_counted(rule.windows(), HOUR * hours, &spent) <= amount, "LEASE-2");
            }
        }
    }

    #[test]
    fn a_ledger_counts_days_by_the_wall() {
        let limits = ["10 requests per day in UTC".parse().expect("a limit")];
        let ten = Cost::request().requests(10);
        // Midnight, as the process began at 22:00.
        let midnight = Instant::ZERO + HOUR * 2;
        let started = WallOrigin::when(Instant::ZERO, (DAY * 20_000 + HOUR * 22).as_nanos());
        let mut ledger = Ledger::since(Scope::Global, &limits, started);
        ledger.take(Instant::ZERO, &ten).expect("it fits");
        let refused = ledger.take(Instant::ZERO, &Cost::request()).expect_err("all is used");
        assert_eq!(refused.retry_after, Some(HOUR * 2));
        ledger.take(midnight, &ten).expect("a new day");

        let emptied = |now| {
            let mut ledger = Ledger::since(Scope::Global, &limits, started);
            ledger.make_empty(now);
            ledger.lendable(now + HOUR * 3, Dimension::Requests)
        };
        assert_eq!(emptied(midnight - HOUR), Some(10), "what was used yesterday is over");
        assert_eq!(emptied(midnight), Some(0));
        assert_eq!(emptied(midnight - Span::from_millis(100)), Some(0), "it may arrive today");
    }

    #[test]
    fn a_wall_clock_that_is_set_while_permits_are_out_mints_nothing() {
        let limits = ["10 requests per day in UTC".parse().expect("a limit")];
        let mut ledger = Ledger::since(Scope::Global, &limits, origin(20_000));
        let four = Amounts::of(Dimension::Requests, 4);
        let now = Instant::ZERO + HOUR;
        ledger.take(now, &Cost::request().requests(6)).expect("it fits");
        ledger.lend(now, &four).expect("it fits");
        // A day back: the day that was reached already is not over for two days.
        ledger.set_wall_origin(origin(19_999));
        assert!(ledger.covers_loans(now + HOUR * 30));
        assert!(ledger.take(now + HOUR * 30, &Cost::request()).is_err());
        // A day forward: yesterday's charge is not given back to today.
        ledger.set_wall_origin(origin(20_001));
        ledger.settle(now, &four, &four);
        ledger.refund(now, now - HOUR, &Amounts::of(Dimension::Requests, 6));
        assert_eq!(ledger.lendable(now, Dimension::Requests), Some(6));
    }

    #[test]
    fn a_limit_that_becomes_one_per_day_counts_by_the_same_wall() {
        let day = ["20 requests per day in UTC".parse().expect("a limit")];
        let any: [Limit; 1] = ["10 requests per day".parse().expect("a limit")];
        let mut ledger = Ledger::since(Scope::Global, &any, origin(20_000));
        let now = Instant::ZERO + HOUR * 20;
        ledger.take(now, &Cost::request().requests(8)).expect("it fits");
        ledger.reconfigure(now, &day, Carry::Additive);
        assert_eq!(ledger.lendable(now + HOUR, Dimension::Requests), Some(12));
        assert_eq!(ledger.lendable(now + HOUR * 4, Dimension::Requests), Some(20), "midnight");
    }
}
