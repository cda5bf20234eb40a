//! The gate and the algorithms by themselves, against governor's check.

use std::hint::black_box;
use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::Value;
use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Algorithm, Gate, Layout, TokenBucket};
use tidegate_units::{Amounts, Clock, Cost, Dimension, MonotonicClock, Span};

use crate::measure::{Contender, Plan, interleaved, line};

/// A limiter that never says no.
pub(crate) fn governor() -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(NonZeroU32::MAX))
}

fn open_gate(dimensions: &[Dimension]) -> (Layout, Gate) {
    let layout = Layout::new(dimensions).expect("few dimensions");
    let gate = Gate::closed(Guards::from(&layout));
    fill(&layout, &gate);
    (layout, gate)
}

/// As full as it can be: enough for a sample.
fn fill(layout: &Layout, gate: &Gate) {
    let all: Amounts =
        layout.dimensions().map(|dimension| (dimension, layout.max(dimension))).collect();
    gate.close();
    gate.open(layout.pack_amounts(&all));
}

/// Uses an answer up, so that asking is not optimised away.
pub(crate) fn taken<T>(answer: T) {
    let _ = black_box(answer);
}

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let mut lines = one_thread(plan);
    lines.extend(two_threads(plan));
    lines.extend(refusals(plan));
    lines
}

fn one_thread(plan: &Plan) -> Vec<Value> {
    let peer = governor();
    let (one_layout, one) = open_gate(&[Dimension::Requests]);
    let (two_layout, two) = open_gate(&[Dimension::Requests, Dimension::Tokens]);
    let cost = Cost::request().tokens(1);
    let single = one_layout.pack(&cost).expect("small");
    let double = two_layout.pack(&cost).expect("small");
    let clock = MonotonicClock::new();
    let bucket = TokenBucket::new(1_000_000_000, Span::from_secs(1), 1_000_000_000);
    let mut state = bucket.full();
    let timings = interleaved(
        plan,
        &mut [
            Contender::new(|times| {
                (0..times).for_each(|_| taken(peer.check()));
            }),
            Contender::new(|times| {
                fill(&one_layout, &one);
                (0..times).for_each(|_| taken(one.take(single)));
            }),
            Contender::new(|times| {
                fill(&two_layout, &two);
                (0..times).for_each(|_| taken(two.take(double)));
            }),
            Contender::new(|times| {
                (0..times).for_each(|_| {
                    taken(bucket.take(&mut state, clock.now(), 1));
                });
            }),
        ],
    );
    let peer = Some(("governor", &timings[0]));
    vec![
        line("direct", "direct/allow/1t/gate", &timings[1], peer, Some(0.35)),
        line("direct", "direct/allow/1t/gate-2-dimensions", &timings[2], peer, Some(0.35)),
        line("direct", "direct/allow/1t/token-bucket-and-clock", &timings[3], peer, None),
    ]
}

fn two_threads(plan: &Plan) -> Vec<Value> {
    let peer = governor();
    let (layout, gate) = open_gate(&[Dimension::Requests]);
    let cost = layout.pack(&Cost::request()).expect("small");
    let timings = interleaved(
        plan,
        &mut [
            Contender::on_two_threads(|| taken(peer.check())),
            Contender::on_two_threads(|| taken(gate.take(cost))),
        ],
    );
    let peer = Some(("governor", &timings[0]));
    vec![line("direct", "direct/allow/2t/gate", &timings[1], peer, Some(0.40))]
}

fn refusals(plan: &Plan) -> Vec<Value> {
    let peer = RateLimiter::direct(Quota::per_hour(NonZeroU32::MIN));
    taken(peer.check());
    let (layout, gate) = open_gate(&[Dimension::Requests]);
    gate.close();
    let cost = layout.pack(&Cost::request()).expect("small");
    let timings = interleaved(
        plan,
        &mut [
            Contender::new(|times| {
                (0..times).for_each(|_| taken(peer.check()));
            }),
            Contender::new(|times| {
                (0..times).for_each(|_| taken(gate.take(cost)));
            }),
        ],
    );
    let peer = Some(("governor", &timings[0]));
    vec![line("direct", "direct/deny/1t/gate", &timings[1], peer, None)]
}
