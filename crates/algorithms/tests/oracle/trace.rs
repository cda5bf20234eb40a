//! Traces of a program that asks again and again, and the rules they are run under.

use proptest::prelude::*;
use tidegate_units::{Instant, Span};

/// Where traces start: far from the origin, so that stepping back has somewhere to go.
pub(crate) const START: Instant = Instant::from_nanos(1 << 40);

/// The numbers that a rule is made of; each kind takes those that it knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) amount: u64,
    pub(crate) window: Span,
    pub(crate) capacity: u64,
    pub(crate) segments: u64,
}

impl Rule {
    /// Whether a bucket of this rule runs over while whole permits are taken from it on whole
    /// nanoseconds: it must hold one permit and what drips in within a nanosecond.
    pub(crate) fn spills(self) -> bool {
        let window = u128::from(self.window.as_nanos());
        u128::from(self.capacity) * window < window + u128::from(self.amount)
    }
}

/// One step of a trace: let time pass (or step back), then ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) nanos: i64,
    pub(crate) cost: u64,
}

impl Step {
    pub(crate) fn from(self, now: Instant) -> Instant {
        let span = Span::from_nanos(self.nanos.unsigned_abs());
        if self.nanos < 0 { now - span } else { now + span }
    }
}

/// Small rules, of windows that are and are not divided evenly.
pub(crate) fn rules() -> impl Strategy<Value = Rule> {
    let windows = prop_oneof![4 => Just(1_000_u64), 1 => 1_u64..80, 1 => Just(9_973)];
    (1_u64..8, windows, 1_u64..8, 1_u64..=64).prop_map(|(amount, window, capacity, segments)| {
        Rule { amount, window: Span::from_nanos(window), capacity, segments }
    })
}

/// Rules of all sizes, up to where the slow way to count could overflow.
pub(crate) fn large_rules() -> impl Strategy<Value = Rule> {
    let size = || (0_u32..60).prop_flat_map(|bits| (1_u64 << bits)..=(2 << bits));
    (size(), size(), size(), 1_u64..=64).prop_map(|(amount, window, capacity, segments)| Rule {
        amount,
        window: Span::from_nanos(window),
        capacity,
        segments,
    })
}

/// Steps that keep a rule busy, with a pause now and then, and seldom a very long one.
pub(crate) fn steps(rule: Rule) -> impl Strategy<Value = Vec<Step>> {
    let window = i64::try_from(rule.window.as_nanos()).expect("below 2^62");
    let most = rule.amount.max(rule.capacity);
    let nanos = prop_oneof![
        16 => 0..=window / 4,
        4 => Just(0),
        4 => 0..=window.saturating_mul(3),
        1 => 0..=i64::MAX / 100,
    ];
    let cost = prop_oneof![8 => 1..=most.div_ceil(2), 1 => 0..=most.saturating_add(1)];
    let step = (nanos, cost).prop_map(|(nanos, cost)| Step { nanos, cost });
    proptest::collection::vec(step, 1..60)
}

/// The same, with a clock that now and then steps back.
pub(crate) fn steps_with_a_bad_clock(rule: Rule) -> impl Strategy<Value = Vec<Step>> {
    let back = i64::try_from(rule.window.as_nanos()).expect("below 2^62");
    let bad = proptest::collection::vec(prop::bool::weighted(0.3), 60);
    (steps(rule), bad).prop_map(move |(steps, bad)| {
        let turn = |(step, bad): (Step, bool)| {
            if bad { Step { nanos: -(step.nanos % back), ..step } } else { step }
        };
        steps.into_iter().zip(bad).map(turn).collect()
    })
}

/// A rule and steps for it.
pub(crate) fn traces() -> impl Strategy<Value = (Rule, Vec<Step>)> {
    rules().prop_flat_map(|rule| (Just(rule), steps(rule)))
}

/// A small or a large rule and steps for it, on a clock that steps back.
pub(crate) fn bad_traces() -> impl Strategy<Value = (Rule, Vec<Step>)> {
    prop_oneof![2 => rules().boxed(), 1 => large_rules().boxed()]
        .prop_flat_map(|rule| (Just(rule), steps_with_a_bad_clock(rule)))
}
