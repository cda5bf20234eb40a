//! Every interleaving of a few threads at a compact table of one or two lines of two slots: KEY-1,
//! KEY-2 and KEY-4.
//!
//! Run by `cargo xtask test` with `RUSTFLAGS="--cfg loom"`; without it this file is empty.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use tidegate_algorithms::{CompactKeyed, KeyRule};
use tidegate_units::{Dimension, Instant, Limit, Span};

/// In nanoseconds, which are ticks here.
const INTERVAL: u64 = 1_000;

/// A table of one line for each key, for buckets of one permit.
fn table(keys: usize, burst: u64) -> Arc<CompactKeyed> {
    let limit = Limit::new(Dimension::Requests, 1_000, Span::from_millis(1)).expect("in range");
    let limit = limit.burst(burst).expect("in range").guard(Span::ZERO).expect("in range");
    Arc::new(CompactKeyed::with_seed(KeyRule::new(&limit), keys, 7))
}

fn admitted(table: &CompactKeyed, key: &str, now: u64) -> u64 {
    u64::from(table.check(key, Instant::from_nanos(now)).is_admitted())
}

/// Explores all interleavings with at most so many switches that no thread asked for.
fn model(preemptions: usize, explored: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(explored);
}

/// Each of `asks` on a thread of its own, and the last one on this; answers how many were admitted.
fn race(table: &Arc<CompactKeyed>, asks: &[(&'static str, u64)]) -> u64 {
    let Some(((key, now), others)) = asks.split_last() else { return 0 };
    let threads: Vec<_> = others
        .iter()
        .map(|&(key, now)| {
            let table = Arc::clone(table);
            thread::spawn(move || admitted(&table, key, now))
        })
        .collect();
    let own = admitted(table, key, *now);
    own + threads.into_iter().map(|thread| thread.join().expect("no panic")).sum::<u64>()
}

#[test]
fn of_two_newcomers_with_one_key_one_is_admitted() {
    model(3, || {
        let table = table(1, 1);
        assert_eq!(race(&table, &[("a", 10), ("a", 10)]), 1, "KEY-4");
        assert_eq!(admitted(&table, "a", 10), 0, "KEY-4");
    });
}

#[test]
fn of_three_newcomers_with_one_key_two_find_two_permits() {
    model(2, || {
        let table = table(1, 2);
        assert_eq!(race(&table, &[("a", 10), ("a", 10), ("a", 10)]), 2, "KEY-4");
        assert_eq!(admitted(&table, "a", 10), 0, "KEY-4");
    });
}

/// The first slot is spent for the later caller and live for the other: each would take another one.
#[test]
fn newcomers_who_see_different_free_slots_share_one_bucket() {
    model(3, || {
        let table = table(1, 1);
        assert_eq!(admitted(&table, "other", 0), 1);
        let took = race(&table, &[("a", INTERVAL - 1), ("a", INTERVAL)]);
        assert_eq!(took, 1, "KEY-4");
        assert_eq!(admitted(&table, "a", INTERVAL), 0, "KEY-4");
    });
}

/// The same with three, where one may stall while its slot is taken and given up.
#[test]
fn three_newcomers_who_see_different_free_slots_share_one_bucket() {
    model(2, || {
        let table = table(1, 1);
        assert_eq!(admitted(&table, "other", 0), 1);
        let took = race(&table, &[("a", INTERVAL - 1), ("a", INTERVAL), ("a", INTERVAL)]);
        assert!(took <= 1, "KEY-4");
        assert_eq!(took + admitted(&table, "a", INTERVAL), 1, "KEY-4");
    });
}

/// A sweep frees the first slot between their looks: each takes another one. There are two permits, and
/// they want three.
#[test]
fn newcomers_who_take_different_slots_share_one_bucket() {
    model(3, || {
        let table = table(1, 2);
        assert_eq!(admitted(&table, "other", 0), 1);
        let sweeper = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let now = Instant::from_nanos(INTERVAL);
                table.sweep(now);
                u64::from(table.check_n("a", 2, now).is_admitted())
            })
        };
        let took = admitted(&table, "a", INTERVAL - 1);
        let also = 2 * sweeper.join().expect("no panic");
        assert!(took + also <= 2, "KEY-4: {took} and {also}");
    });
}

/// In a second line, too.
#[test]
fn newcomers_in_two_lines_share_one_bucket() {
    model(3, || {
        let table = table(2, 1);
        for key in ["b", "c", "d"] {
            let _ = admitted(&table, key, 0);
        }
        let took = race(&table, &[("a", INTERVAL - 1), ("a", INTERVAL)]);
        assert_eq!(took, 1, "KEY-4");
        assert_eq!(admitted(&table, "a", INTERVAL), 0, "KEY-4");
    });
}

#[test]
fn two_keys_that_race_for_the_last_slot_refill_nobody() {
    model(3, || {
        let table = table(1, 1);
        assert_eq!(admitted(&table, "other", 0), 1);
        // One gets the slot, the other the shared bucket; of which the one that gets the slot may take
        // notice before it has it, and wait for its turn.
        assert!((1..=2).contains(&race(&table, &[("a", 1), ("b", 1)])));
        for key in ["other", "a", "b"] {
            assert_eq!(admitted(&table, key, 1), 0, "KEY-2: {key}");
        }
    });
}

/// One caller sees no room and takes from the shared bucket while another finds a slot.
#[test]
fn nobody_uses_a_slot_and_the_shared_bucket() {
    model(3, || {
        let table = table(1, 1);
        assert_eq!(admitted(&table, "b", 0) + admitted(&table, "c", 0), 2);
        let took = race(&table, &[("a", INTERVAL - 1), ("a", INTERVAL)]);
        // Each may give way to the other.
        assert!(took + admitted(&table, "a", INTERVAL) <= 1, "KEY-1");
        assert_eq!(admitted(&table, "a", 3 * INTERVAL), 1);
    });
}

/// A sweep, a caller whose clock stands behind it, and another key that wants the slot.
#[test]
fn what_is_dropped_is_not_refilled_for_those_behind() {
    model(3, || {
        let table = table(1, 1);
        assert_eq!(admitted(&table, "a", 0), 1);
        let sweeper = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.sweep(Instant::from_nanos(INTERVAL)))
        };
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || admitted(&table, "b", INTERVAL))
        };
        assert_eq!(admitted(&table, "a", INTERVAL - 1), 0, "KEY-2");
        assert_eq!(other.join().expect("no panic"), 1);
        let _ = sweeper.join().expect("no panic");
        assert_eq!(admitted(&table, "a", INTERVAL), 1);
        assert_eq!(admitted(&table, "a", INTERVAL), 0, "KEY-1");
    });
}

/// A charge in place, while a sweep passes by.
#[test]
fn a_sweep_loses_no_charge() {
    model(3, || {
        let table = table(1, 1);
        assert_eq!(admitted(&table, "a", 0), 1);
        let sweeper = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.sweep(Instant::from_nanos(INTERVAL)))
        };
        assert_eq!(race(&table, &[("a", INTERVAL), ("a", INTERVAL)]), 1, "KEY-1");
        let _ = sweeper.join().expect("no panic");
        assert_eq!(admitted(&table, "a", INTERVAL), 0, "KEY-1");
    });
}

/// What a slot in two words does, a tag and a tick: while one thread charges its own spent slot, another
/// puts its tag there. The charge then stands on the wrong key, and the right one finds a full bucket.
#[test]
#[should_panic(expected = "one permit too many")]
fn a_slot_in_two_words_would_mint() {
    use loom::sync::atomic::{AtomicU64, Ordering};

    /// Takes one permit of `key`, whose bucket holds one; `None` where another key has the slot.
    fn take(slot: &(AtomicU64, AtomicU64), key: u64, now: u64) -> Option<bool> {
        let (tag, full_at) = (slot.0.load(Ordering::SeqCst), slot.1.load(Ordering::SeqCst));
        if tag != key {
            let spent = full_at <= now;
            let claimed = slot.0.compare_exchange(tag, key, Ordering::SeqCst, Ordering::SeqCst);
            if !spent || claimed.is_err() {
                return None;
            }
        } else if full_at > now {
            return Some(false);
        }
        let charged = now + INTERVAL;
        let swap = slot.1.compare_exchange(full_at, charged, Ordering::SeqCst, Ordering::SeqCst);
        swap.is_ok().then_some(true)
    }

    loom::model(|| {
        let slot = Arc::new((AtomicU64::new(1), AtomicU64::new(0)));
        let own = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || take(&slot, 1, 1) == Some(true))
        };
        let _ = take(&slot, 2, 1);
        let admitted = own.join().expect("no panic");
        let is_remembered = slot.0.load(Ordering::SeqCst) == 1;
        assert!(!admitted || is_remembered, "one permit too many");
    });
}
