//! Fixed windows against a brute-force count of what a service may count: ALG-1 to ALG-7.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Carry, Decision, FixedWindow, WindowState, Windows};
use tidegate_units::{Instant, Span};

#[path = "windows/model.rs"]
mod model;

use model::{Step, advance, check_earliest, most_counted, most_in_a_span, play, steps};

const WINDOW: Span = Span::from_nanos(1_000);
/// Far from the origin, so that stepping back has somewhere to go.
const START: Instant = Instant::from_nanos(1 << 40);

fn nanos(nanos: u64) -> Span {
    Span::from_nanos(nanos)
}

/// A rule with its guard.
fn rule() -> impl Strategy<Value = (FixedWindow, Span)> {
    let guard = prop_oneof![Just(0_u64), 0..1_000_u64, Just(999)];
    (1_u64..9, 0..3_000_u64, guard).prop_map(|(amount, phase, guard)| {
        (FixedWindow::new(amount, WINDOW, nanos(phase)).guard(nanos(guard)), nanos(guard))
    })
}

/// The state after `steps`, every seventh of which is recorded whether it fits or not.
fn after(rule: &FixedWindow, steps: &[Step]) -> (WindowState, Instant) {
    let (mut state, mut now) = (rule.full(), START);
    for (index, step) in steps.iter().enumerate() {
        now = advance(now, step.nanos);
        if index % 7 == 0 {
            rule.record(&mut state, now, step.cost * 3);
        }
        let _ = rule.take(&mut state, now, step.cost);
    }
    (state, now)
}

/// The most that windows admit within `span`, by trying every start and every division between the
/// guard zones and what comes before them.
fn most_by_brute_force(amount: u64, window: u64, guard: u64, span: u64) -> u64 {
    let from = |start: u64| -> u64 {
        let end = start + span;
        // For each way to leave something ahead to the next window, the most so far.
        let amounts = usize::try_from(amount).expect("small");
        let mut best = vec![None; amounts + 1];
        best[0] = Some(0_u64);
        for number in 0..=(end / window) {
            let (opens, closes) = (number * window, (number + 1) * window);
            let touches = |from: u64, to: u64| from.max(start) < to.min(end);
            let early = touches(opens, closes - guard);
            let late = touches(closes - guard, closes);
            let mut next = vec![None; amounts + 1];
            for (carried, so_far) in best.iter().enumerate() {
                let Some(so_far) = so_far else { continue };
                for unguarded in 0..=(if early { amounts - carried } else { 0 }) {
                    let room = amounts - carried - unguarded;
                    let left_ahead = if late { room } else { 0 };
                    for (guarded, next) in next.iter_mut().enumerate().take(left_ahead + 1) {
                        let total = so_far + u64::try_from(unguarded + guarded).expect("small");
                        *next = (*next).max(Some(total));
                    }
                }
            }
            best = next;
        }
        best.into_iter().flatten().max().unwrap_or(0)
    };
    (0..window).map(from).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_at_the_service_counts_more_than_the_amount(
        (rule, guard) in rule(), steps in steps(WINDOW), backwards in any::<u64>(),
    ) {
        for backwards in [0, backwards & backwards >> 7] {
            let spent = play(&rule, START, &steps, backwards, 0);
            prop_assert!(most_counted(rule.windows(), guard, &spent) <= rule.capacity(), "ALG-4");
        }
    }

    /// ALG-5: with what was given back taken out of the history, the rest still keeps the limit.
    #[test]
    fn a_refund_never_mints(
        (rule, guard) in rule(), steps in steps(WINDOW), backwards in any::<u64>(), refunds in any::<u64>(),
    ) {
        for backwards in [0, backwards & backwards >> 7] {
            let spent = play(&rule, START, &steps, backwards, refunds);
            prop_assert!(most_counted(rule.windows(), guard, &spent) <= rule.capacity(), "ALG-5");
        }
    }

    #[test]
    fn no_span_sees_more_than_the_worst_case(
        (rule, _) in rule(), steps in steps(WINDOW), span in 0..5_000_u64,
    ) {
        let spent = play(&rule, START, &steps, 0, 0);
        prop_assert!(most_in_a_span(&spent, nanos(span)) <= rule.worst_case(nanos(span)), "ALG-6");
    }

    #[test]
    fn the_worst_case_is_the_most_that_there_is(
        amount in 1_u64..4, window in 1_u64..8, guard in 0_u64..8, span in 0_u64..30,
    ) {
        let rule = FixedWindow::new(amount, nanos(window), Span::ZERO).guard(nanos(guard));
        let most = most_by_brute_force(amount, window, guard.min(window - 1), span);
        prop_assert_eq!(rule.worst_case(nanos(span)), most, "ALG-6");
    }

    /// ALG-6: everything just before the guard zone, and everything again at each start.
    #[test]
    fn the_worst_case_is_reached(
        amount in 1_u64..9, phase in 0..1_000_u64, guard in 0..1_000_u64, span in 1..9_000_u64,
    ) {
        let rule = FixedWindow::new(amount, WINDOW, nanos(phase)).guard(nanos(guard));
        let mut state = rule.full();
        let boundary = START - nanos((START.as_nanos() - phase) % 1_000);
        let first = boundary - nanos(guard + 1);
        let starts = (0..10).map(|window| boundary + WINDOW * window);
        let mut passed = 0;
        for at in std::iter::once(first).chain(starts).filter(|at| at.since(first) < nanos(span)) {
            prop_assert_eq!(rule.take(&mut state, at, amount), Decision::Admit);
            passed += amount;
        }
        prop_assert_eq!(passed, rule.worst_case(nanos(span)), "ALG-6");
    }

    #[test]
    fn the_level_never_falls_while_nothing_is_recorded(
        (rule, _) in rule(), steps in steps(WINDOW), waits in proptest::collection::vec(0..700_u64, 1..20),
    ) {
        let (state, mut now) = after(&rule, &steps);
        for wait in waits {
            let then = now + nanos(wait);
            prop_assert!(rule.available(&state, then) >= rule.available(&state, now), "ALG-3");
            prop_assert!(rule.debt(&state, then) <= rule.debt(&state, now), "ALG-3");
            now = then;
        }
    }

    #[test]
    fn the_end_of_a_queue_and_of_all_use_is_when_it_comes(
        (rule, _) in rule(), steps in steps(WINDOW), total in 1_u64..40,
    ) {
        let (state, now) = after(&rule, &steps);
        check_earliest(&rule, &state, now, total);
        let reset = rule.reset_at(&state, now);
        prop_assert_eq!(rule.available(&state, reset), rule.capacity());
        if reset > now {
            prop_assert!(rule.available(&state, reset - nanos(1)) < rule.capacity());
        }
    }

    #[test]
    fn a_change_there_and_back_mints_nothing(
        (rule, _) in rule(), steps in steps(WINDOW), amount in 1_u64..20, guard in 0..1_000_u64,
        wait in 0..1_500_u64,
    ) {
        let (state, now) = after(&rule, &steps);
        let other = FixedWindow::new(amount, WINDOW, nanos(phase_of(&rule))).guard(nanos(guard));
        for carry in [Carry::AsIs, Carry::Proportional, Carry::Additive] {
            let there = rule.reconfigured(&state, now, &other, carry);
            let back = other.reconfigured(&there, now, &rule, carry);
            for then in [now, now + nanos(wait)] {
                prop_assert!(rule.available(&back, then) <= rule.available(&state, then), "ALG-7");
                prop_assert!(rule.debt(&back, then) >= rule.debt(&state, then), "ALG-7");
            }
        }
    }

    #[test]
    fn whatever_is_decoded_does_not_panic(
        amount in any::<u64>(), window in any::<u64>(), phase in any::<u64>(), guard in any::<u64>(),
        state in proptest::collection::vec(any::<u64>(), 7), times in proptest::collection::vec(any::<u64>(), 1..20),
    ) {
        let text = format!(
            r#"{{"amount":{amount},"guard":{guard},"windows":{{"window":{window},"phase":{phase}}}}}"#
        );
        let rule: FixedWindow = serde_json::from_str(&text).expect("anything is taken as in range");
        let order = { let mut order = state[4..].to_vec(); order.sort_unstable(); order };
        let text = format!(
            r#"{{"number":{},"used":{},"ahead":{},"seen":{},"before":{},"unguarded":{},"last":{}}}"#,
            state[0], state[1], state[2].min(state[1]), state[3], order[0], order[1], order[2],
        );
        let state: WindowState = serde_json::from_str(&text).expect("a state");
        poke(&rule, state, &times);
        poke(&rule, rule.full(), &times);
    }
}

fn phase_of(rule: &FixedWindow) -> u64 {
    rule.windows().start_of(1).as_nanos() % WINDOW.as_nanos()
}

fn poke(rule: &FixedWindow, mut state: WindowState, times: &[u64]) {
    for (index, at) in times.iter().enumerate() {
        let now = Instant::from_nanos(*at);
        let _ = rule.take(&mut state, now, at % 10);
        if index % 3 == 0 {
            rule.record(&mut state, now, *at);
        }
        let _ = rule.refund(&mut state, now, Instant::from_nanos(at / 2), at / 3);
        let _ = (rule.available(&state, now), rule.debt(&state, now));
        let _ = (rule.reset_at(&state, now), rule.earliest(&state, now, *at));
        let _ = (rule.worst_case(nanos(*at)), rule.empty(now));
        state = rule.reconfigured(&state, now, rule, Carry::Additive);
    }
}

#[test]
fn a_film_of_a_window_with_a_guard() {
    let (second, guard) = (Span::from_secs(1), Span::from_millis(100));
    let rule = FixedWindow::new(10, second, Span::ZERO).guard(guard);
    let mut state = rule.full();
    let steps = [
        (0, 6),
        (500, 5),
        (899, 1),
        (900, 3),
        (900, 1),
        (1_000, 8),
        (1_000, 7),
        (3_950, 10),
        (4_000, 1),
    ];
    let film: Vec<String> = steps
        .into_iter()
        .map(|(millis, cost)| {
            let now = Instant::ZERO + Span::from_millis(millis);
            let said = match rule.take(&mut state, now, cost) {
                Decision::Admit => format!("admit, {} left", rule.available(&state, now)),
                Decision::Later { retry_after } => format!("later, in {retry_after}"),
                Decision::Never => "never".to_owned(),
            };
            format!("{millis:>5}ms take {cost}: {said}")
        })
        .collect();
    insta::assert_snapshot!(film.join("\n"), @r"
       0ms take 6: admit, 4 left
     500ms take 5: later, in 500ms
     899ms take 1: admit, 3 left
     900ms take 3: admit, 0 left
     900ms take 1: later, in 100ms
    1000ms take 8: later, in 1s
    1000ms take 7: admit, 0 left
    3950ms take 10: admit, 0 left
    4000ms take 1: later, in 1s
    ");
}

#[test]
fn a_debt_is_paid_by_window_after_window() {
    let second = Span::from_secs(1);
    let rule = FixedWindow::new(10, second, Span::ZERO);
    let mut state = rule.full();
    rule.record(&mut state, Instant::ZERO, 25);
    let debts = [0, 999, 1_000, 2_000, 3_000].map(|millis| {
        let at = Instant::ZERO + Span::from_millis(millis);
        (rule.debt(&state, at), rule.available(&state, at))
    });
    assert_eq!(debts, [(15, 0), (15, 0), (5, 0), (0, 5), (0, 10)]);
    let later = |retry_after| Decision::Later { retry_after };
    assert_eq!(rule.decide(&state, Instant::ZERO, 5), later(second * 2));
    assert_eq!(rule.decide(&state, Instant::ZERO, 6), later(second * 3));
    assert_eq!(rule.decide(&state, Instant::ZERO, 11), Decision::Never);
}

#[test]
fn a_debt_of_ages_is_counted_at_once() {
    let rule = FixedWindow::new(1, Span::from_nanos(10), Span::ZERO);
    let mut state = rule.full();
    rule.record(&mut state, Instant::ZERO, 1_000_000_000_000_000_001);
    assert_eq!(
        rule.reset_at(&state, Instant::ZERO),
        Instant::from_nanos(10_000_000_000_000_000_010)
    );
    assert_eq!(rule.debt(&state, Instant::from_nanos(9_999_999_999_999_999_999)), 1);
}

#[test]
fn a_refund_after_the_boundary_gives_nothing() {
    let rule = FixedWindow::new(10, WINDOW, Span::ZERO).guard(nanos(100));
    let mut state = rule.full();
    let early = START - nanos(START.as_nanos() % 1_000);
    let late = early + nanos(950);
    assert_eq!(rule.take(&mut state, early, 3), Decision::Admit);
    assert_eq!(rule.take(&mut state, late, 7), Decision::Admit);
    // In its window a late charge is given back from the next one too.
    assert_eq!(rule.refund(&mut state, late, late, 2), 2);
    let next = early + WINDOW;
    assert_eq!(rule.available(&state, next), 5);
    assert_eq!(rule.refund(&mut state, next, early, 3), 0, "ALG-5");
    assert_eq!(rule.refund(&mut state, next, late, 5), 0, "ALG-5");
    assert_eq!(rule.available(&state, next), 5);
}

/// Windows that lie elsewhere are numbered otherwise: the balance counts as spent in the present one.
#[test]
fn windows_of_another_length_begin_with_the_balance() {
    let (short, long) = (Span::from_secs(1), Span::from_secs(2));
    let [before, after] = [short, long].map(|window| FixedWindow::new(10, window, Span::ZERO));
    let now = Instant::ZERO + Span::from_millis(4_500);
    let mut state = before.full();
    assert_eq!(before.take(&mut state, now, 6), Decision::Admit);
    let state = before.reconfigured(&state, now, &after, Carry::Additive);
    let last = Instant::ZERO + Span::from_secs(6) - nanos(1);
    assert_eq!((after.available(&state, last), after.available(&state, last + nanos(1))), (4, 10));
}

/// While the windows stay where they are, it is known what was used in the present one.
#[test]
fn a_lowered_amount_counts_what_was_used_in_this_window() {
    let [large, small] = [20, 10].map(|amount| FixedWindow::new(amount, WINDOW, Span::ZERO));
    let mut state = large.full();
    assert_eq!(large.take(&mut state, START, 6), Decision::Admit);
    // Of 20, 14 are available, so that 10 would be by the balance alone.
    let state = large.reconfigured(&state, START, &small, Carry::AsIs);
    assert_eq!(small.available(&state, START), 4);
}

#[test]
fn a_longer_guard_takes_all_that_was_used_for_guarded() {
    let without = FixedWindow::new(10, WINDOW, Span::ZERO);
    let with = without.guard(nanos(100));
    let boundary = START + WINDOW - nanos(START.as_nanos() % 1_000);
    let available = |changed: Instant| {
        let mut state = without.full();
        assert_eq!(without.take(&mut state, boundary - nanos(150), 7), Decision::Admit);
        let state = without.reconfigured(&state, changed, &with, Carry::Additive);
        with.available(&state, boundary)
    };
    assert_eq!(available(boundary - nanos(101)), 10, "nothing was in the guard zone yet");
    assert_eq!(available(boundary - nanos(100)), 3);
}

#[test]
fn a_state_that_cannot_be_is_refused() {
    let refusal = |ahead: u64, unguarded: u64| {
        let text = format!(
            r#"{{"number":1,"used":5,"ahead":{ahead},"seen":9,"last":7,"before":1,"unguarded":{unguarded}}}"#
        );
        serde_json::from_str::<WindowState>(&text).map_err(|error| error.to_string())
    };
    assert!(refusal(5, 7).is_ok());
    let refused = [refusal(6, 7), refusal(5, 8), refusal(5, 0)];
    let texts: Vec<String> = refused.into_iter().map(|it| it.expect_err("refused")).collect();
    insta::assert_snapshot!(texts.join("\n"), @r"
    6 ahead of 5 used: at most what was used counts in the next window too
    charges out of order: use `before` <= `unguarded` <= `last`
    charges out of order: use `before` <= `unguarded` <= `last`
    ");
}

#[test]
fn zeros_and_guards_that_are_too_long_are_cut() {
    let rule = FixedWindow::new(0, Span::ZERO, Span::ZERO).guard(WINDOW);
    assert_eq!((rule.capacity(), rule.worst_case(nanos(5))), (1, 5));
    let rule = FixedWindow::new(2, WINDOW, WINDOW * 3 + nanos(7)).guard(WINDOW * 2);
    assert_eq!(rule, FixedWindow::new(2, WINDOW, nanos(7)).guard(nanos(999)));
}
