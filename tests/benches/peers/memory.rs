//! What a key takes in memory: ours against governor's map of limiters.

use std::alloc::{GlobalAlloc, Layout, System};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde_json::{Value, json};
use tidegate_algorithms::{CompactKeyed, Keyed};
use tidegate_units::{Instant, Limit};

use crate::direct::taken;
use crate::measure::Plan;

/// What is allocated now.
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting bytes.
struct Counting;

#[expect(unsafe_code, reason = "an allocator can only be wrapped by unsafe methods")]
// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that are allocated now.
pub(crate) fn held_bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let keys: u64 = if plan.is_quick() { 100_000 } else { 1_000_000 };
    let numbers = measure(keys, |key| key);
    let texts = measure(keys, |key| format!("tenant-{key:018}"));
    [("u64", numbers, 0.6), ("string-25", texts, 0.2)]
        .into_iter()
        .flat_map(|(name, [peer, compact, exact], target)| {
            [
                line(&format!("memory/{name}/compact"), compact, peer, Some(target)),
                line(&format!("memory/{name}/exact"), exact, peer, None),
            ]
        })
        .collect()
}

/// Bytes per key of governor's, a compact and an exact table that hold `keys` keys.
fn measure<K: std::hash::Hash + Eq + Clone>(keys: u64, key: impl Fn(u64) -> K) -> [f64; 3] {
    let limit: Limit = "1 request per minute".parse().expect("a limit");
    let room = usize::try_from(keys).expect("few enough");
    let now = Instant::ZERO;
    let peer = held(keys, || {
        let peer: DefaultKeyedRateLimiter<K> =
            RateLimiter::dashmap(Quota::per_hour(NonZeroU32::MIN));
        (0..keys).for_each(|index| taken(peer.check_key(&key(index))));
        peer
    });
    let compact = held(keys, || {
        let compact = CompactKeyed::new(&limit, room);
        (0..keys).for_each(|index| taken(compact.check(&key(index), now)));
        compact
    });
    let exact = held(keys, || {
        let exact: Keyed<K> = Keyed::new(&limit, room);
        (0..keys).for_each(|index| taken(exact.check(&key(index), now)));
        exact
    });
    [peer, compact, exact]
}

/// Bytes per key that something holds once it is built.
fn held<T>(keys: u64, build: impl FnOnce() -> T) -> f64 {
    let before = held_bytes();
    let table = build();
    let bytes = held_bytes() - before;
    drop(table);
    let count = |number| u32::try_from(number).map_or(f64::INFINITY, f64::from);
    count(u64::try_from(bytes).unwrap_or(u64::MAX)) / count(keys)
}

fn line(name: &str, ours: f64, peer: f64, target: Option<f64>) -> Value {
    let value = |bytes: f64| {
        let bytes = (bytes * 10.0).round() / 10.0;
        json!({ "min": bytes, "median": bytes })
    };
    json!({
        "part": "memory",
        "name": name,
        "unit": "bytes",
        "ours": value(ours),
        "peer": "governor",
        "peer_value": value(peer),
        "ratio": (ours / peer * 1_000.0).round() / 1_000.0,
        "target": target,
    })
}
