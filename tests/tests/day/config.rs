//! A service with everything that it can have, other figures for every seed.

use tidegate_scheduler::LimiterConfig;
use tidegate_tests::stage::service;
use tidegate_tests::{bucket, window};
use tidegate_units::{
    Amounts, BreakerPolicy, Concurrency, Dimension, KeyPolicy, Overflow, Priority, QueuePolicy,
    ScopePolicy, ScopedPolicies, Share, Span,
};

use super::{MINUTE, SECOND};

fn slots(slots: u64, lease: u64) -> Concurrency {
    Concurrency { slots: u32::try_from(slots).expect("few"), lease: SECOND * lease }
}

/// The service of a seed; `below` draws.
pub(super) fn config(mut below: impl FnMut(u64) -> u64, seed: u64) -> LimiterConfig {
    let limits = vec![
        window(Dimension::Requests, 5 + below(40), MINUTE),
        bucket(Dimension::Tokens, 500 + below(4_000), MINUTE),
    ];
    let shared = vec![window(Dimension::Requests, 20 + below(40), MINUTE)];
    let breaker = BreakerPolicy {
        failures: 3,
        slow_after: (seed.is_multiple_of(3)).then_some(MINUTE),
        open: SECOND * (1 + below(60)),
        probes: 1 + u32::try_from(below(3)).expect("few"),
        ..BreakerPolicy::default()
    };
    let large = ScopePolicy {
        limits: vec![
            window(Dimension::Requests, 2 + below(10), MINUTE),
            window(Dimension::Tokens, 400 + below(500), MINUTE * 2),
        ],
        concurrency: Some(slots(1 + below(3), 20 + below(60))),
        breaker: None,
    };
    let small = ScopePolicy {
        limits: vec![bucket(Dimension::Requests, 6 + below(12), MINUTE)],
        concurrency: None,
        breaker: Some(breaker),
    };
    let each = KeyPolicy {
        limits: vec![window(Dimension::Requests, 3 + below(10), MINUTE)],
        concurrency: (below(2) == 0).then(|| slots(1 + below(2), 30)),
        weights: [("ann".to_owned(), 3)].into(),
    };
    let overflows = [
        Overflow::RefuseNewest,
        Overflow::DropOldest,
        Overflow::DropOldestOfLowestClass,
        Overflow::NewestFirst,
    ];
    let queue = QueuePolicy {
        capacity: usize::try_from(3 + below(30)).expect("few"),
        overflow: overflows[usize::try_from(seed % 4).expect("few")],
        max_cost: if below(3) == 0 { Amounts::of(Dimension::Tokens, 2_000) } else { Amounts::NONE },
        backfill: if below(2) == 0 { Span::ZERO } else { SECOND * below(20) },
        strict: [None, Some(Priority::Critical), Some(Priority::High)]
            [usize::try_from(below(3)).expect("few")],
        floors: if below(3) == 0 {
            [0, 0, 100, 200, 300].map(Share::per_mille)
        } else {
            [Share::NONE; 5]
        },
        ..QueuePolicy::default()
    };
    LimiterConfig {
        shared: if seed.is_multiple_of(2) { shared } else { Vec::new() },
        queue,
        concurrency: (below(4) > 0).then(|| slots(2 + below(6), 30 + below(90))),
        breaker: (below(3) > 0).then_some(breaker),
        scoped: ScopedPolicies {
            models: vec![("large*".to_owned(), large), ("small".to_owned(), small)],
            endpoints: Vec::new(),
            each: [("agent".parse().expect("a name"), each)].into(),
        },
        ..service(limits)
    }
}
