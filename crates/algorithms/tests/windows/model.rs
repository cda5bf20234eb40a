//! What a service may count, in the least convenient case, and traces to be counted.

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Decision, WindowState, Windowed, Windows};
use tidegate_units::{Instant, Span};

/// Let time pass, or step back; then ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) nanos: i64,
    pub(crate) cost: u64,
}

/// Steps of up to a third of `window`, and now and then of several.
pub(crate) fn steps(window: Span) -> impl Strategy<Value = Vec<Step>> {
    let window = i64::try_from(window.as_nanos()).expect("small");
    let nanos = prop_oneof![5 => 0..=window / 3, 1 => Just(0), 1 => 0..=window * 4];
    let cost = prop_oneof![8 => 1_u64..4, 1 => 0_u64..12];
    proptest::collection::vec((nanos, cost).prop_map(|(nanos, cost)| Step { nanos, cost }), 1..60)
}

pub(crate) fn advance(now: Instant, nanos: i64) -> Instant {
    let span = Span::from_nanos(nanos.unsigned_abs());
    if nanos < 0 { now - span } else { now + span }
}

/// What was admitted and stays spent, and when: at the latest instant of an admission or
/// a refund by then. Every
/// step whose bit is set in `backwards` is one back in time; where it is set in `refunds`, some charge
/// is given back, of which half are known only to have come after the one before.
pub(crate) fn play<W: Windows>(
    rule: &Windowed<W>,
    start: Instant,
    steps: &[Step],
    backwards: u64,
    refunds: u64,
) -> Vec<(Instant, u64)> {
    let mut state = rule.full();
    let (mut now, mut furthest, mut previous) = (start, Instant::ZERO, Instant::ZERO);
    let mut spent: Vec<(Instant, u64, Instant, u64)> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let bit = |mask: u64| mask >> (index % 64) & 1 == 1;
        now = advance(now, if bit(backwards) { -step.nanos / 2 } else { step.nanos });
        let before = state.clone();
        match rule.take(&mut state, now, step.cost) {
            Decision::Admit if step.cost == 0 => {}
            Decision::Admit => {
                furthest = furthest.max(now);
                let vague = (previous + Span::from_nanos(1)).min(now);
                let known = if index % 2 == 0 { now } else { vague };
                spent.push((furthest, step.cost, known, step.cost));
                previous = now.max(previous);
            }
            Decision::Later { retry_after } => {
                assert_eq!(before, state, "a refusal changes nothing");
                assert_tight(rule, &state, now, step.cost, retry_after);
            }
            Decision::Never => assert!(step.cost > rule.capacity()),
        }
        assert_eq!(rule.debt(&state, now.max(furthest)), 0, "ALG-1");
        if bit(refunds) && !spent.is_empty() {
            furthest = furthest.max(now);
            let chosen = index % spent.len();
            let (_, left, recorded, asked) = &mut spent[chosen];
            *left -= rule.refund(&mut state, now, *recorded, *asked);
            *asked = 0;
        }
    }
    spent.into_iter().map(|(at, cost, _, _)| (at, cost)).collect()
}

/// ALG-2: refused at some points on the way and just before the promised instant; admitted at it.
pub(crate) fn assert_tight<W: Windows>(
    rule: &Windowed<W>,
    state: &WindowState,
    now: Instant,
    cost: u64,
    retry_after: Span,
) {
    assert!(!retry_after.is_zero());
    let just_before = now + retry_after - Span::from_nanos(1);
    for early in [now, now + retry_after.div(3), now + retry_after.div(2), just_before] {
        assert_ne!(rule.decide(state, early, cost), Decision::Admit, "ALG-2: at {early:?}");
    }
    assert_eq!(rule.decide(state, now + retry_after, cost), Decision::Admit, "ALG-2");
}

/// The most that a service can count in one window, when each call arrives up to the guard late.
pub(crate) fn most_counted<W: Windows>(windows: &W, guard: Span, spent: &[(Instant, u64)]) -> u64 {
    let numbers = spent.iter().flat_map(|(at, _)| {
        let number = windows.number_at(windows.own_time(*at));
        [number, number + 1]
    });
    let in_window = |number: u64| -> u64 {
        let start = windows.callers_time(windows.start_of(number));
        let end = windows.callers_time(windows.start_of(number + 1));
        let inside = |at: Instant| at + guard >= start && at < end;
        spent.iter().filter(|(at, _)| inside(*at)).map(|(_, cost)| cost).sum()
    };
    numbers.map(in_window).max().unwrap_or(0)
}

/// The most that is spent in any half-open `span` that begins with a charge.
pub(crate) fn most_in_a_span(spent: &[(Instant, u64)], span: Span) -> u64 {
    let from = |start: Instant| -> u64 {
        let inside = |at: Instant| at >= start && at.since(start) < span;
        spent.iter().filter(|(at, _)| inside(*at)).map(|(_, cost)| cost).sum()
    };
    spent.iter().map(|(at, _)| from(*at)).max().unwrap_or(0)
}

/// The promised end of a queue is when pieces of one, each taken as soon as it fits, have passed.
pub(crate) fn check_earliest<W: Windows>(
    rule: &Windowed<W>,
    state: &WindowState,
    mut now: Instant,
    total: u64,
) {
    let mut state = state.clone();
    let promised = rule.earliest(&state, now, total);
    for _ in 0..total {
        if let Decision::Later { retry_after } = rule.decide(&state, now, 1) {
            now = now + retry_after;
        }
        assert_eq!(rule.take(&mut state, now, 1), Decision::Admit);
    }
    assert_eq!(now, promised, "the end of a queue of {total}");
}
