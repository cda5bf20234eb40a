//! One limit for every key: ours, exact and compact, against governor's map of limiters.
//!
//! Keys are drawn evenly, from tables that hold all of them. Nobody is refused.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::QuantaUpkeepClock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde_json::Value;
use tidegate_algorithms::{CompactKeyed, Keyed, Timed};
use tidegate_units::{Dimension, Limit, Span, TscClock};

use crate::direct::taken;
use crate::measure::{Contender, Plan, Timing, interleaved, line};

/// Name, how many keys, and the ratio to governor that is wanted.
const SIZES: [(&str, u64, f64); 4] = [
    ("1k", 1_000, 0.60),
    ("100k", 100_000, 0.45),
    ("1m", 1_000_000, 0.28),
    ("10m", 10_000_000, 0.28),
];

/// Sizes that a quick run has time for.
const QUICK: usize = 2;

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let sizes = if plan.is_quick() { &SIZES[..QUICK] } else { &SIZES };
    sizes.iter().flat_map(|(name, keys, target)| size(plan, name, *keys, *target)).collect()
}

/// Never reached, as governor's is not.
fn limit() -> Limit {
    Limit::new(Dimension::Requests, Limit::AMOUNT_MAX, Span::from_secs(60))
        .and_then(|limit| limit.burst(Limit::AMOUNT_MAX))
        .expect("in range")
}

fn size(plan: &Plan, name: &str, keys: u64, target: f64) -> Vec<Value> {
    let quota = Quota::per_second(NonZeroU32::MAX);
    let peer: DefaultKeyedRateLimiter<u64> = RateLimiter::dashmap(quota);
    let upkeep = QuantaUpkeepClock::from_interval(Duration::from_millis(1)).expect("a thread");
    let tuned =
        RateLimiter::dashmap_with_clock_and_hasher(quota, upkeep, ahash::RandomState::new());
    let clock = TscClock::new();
    let room = usize::try_from(keys).expect("few enough");
    let compact = Timed::new(CompactKeyed::new(&limit(), room), clock.clone());
    let exact = Timed::new(Keyed::<u64>::new(&limit(), room), clock);
    (0..keys).for_each(|key| {
        taken(peer.check_key(&key));
        taken(tuned.check_key(&key));
        taken(compact.check(&key));
        taken(exact.check(&key));
    });
    let mut lines = Vec::new();
    for threads in [1, 2] {
        let timings = interleaved(
            plan,
            &mut [
                drawing(threads, keys, |key| taken(peer.check_key(&key))),
                drawing(threads, keys, |key| taken(tuned.check_key(&key))),
                drawing(threads, keys, |key| taken(compact.check(&key))),
                drawing(threads, keys, |key| taken(exact.check(&key))),
            ],
        );
        lines.extend(report(&format!("keyed/{threads}t/{name}"), &timings, target));
    }
    lines
}

fn report(name: &str, timings: &[Timing], target: f64) -> [Value; 4] {
    let plain = Some(("governor", &timings[0]));
    let tuned = Some(("governor, ahash, upkeep", &timings[1]));
    let one = |what: &str, ours, peer, target| {
        line("keyed", &format!("{name}/{what}"), ours, peer, target)
    };
    [
        one("compact", &timings[2], plain, Some(target)),
        one("compact-or-tuned", &timings[2], tuned, None),
        one("exact", &timings[3], plain, None),
        one("exact-or-tuned", &timings[3], tuned, None),
    ]
}

/// A contender that asks for keys drawn evenly, on so many threads.
fn drawing<'a>(threads: u64, keys: u64, ask: impl Fn(u64) + Sync + 'a) -> Contender<'a> {
    let seed = ahash::RandomState::with_seed(7).hash_one(keys);
    Contender::new(move |times| {
        let draw = |thread: u64| {
            let mut state = seed.wrapping_add(thread) | 1;
            for _ in 0..times / threads {
                // Steele and Vigna's multiplier, of which the high bits are even enough.
                state = state.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1);
                let wide = u128::from(state) * u128::from(keys);
                ask(u64::try_from(wide >> u64::BITS).unwrap_or(0));
            }
        };
        if threads == 1 {
            draw(0);
        } else {
            std::thread::scope(|scope| {
                (0..threads).for_each(|thread| {
                    scope.spawn(move || draw(thread));
                });
            });
        }
    })
}
