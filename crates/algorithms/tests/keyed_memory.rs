//! What keyed limiters allocate: KEY-3.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tidegate_algorithms::{CompactKeyed, Keyed};
use tidegate_units::{Instant, Limit, Span};

thread_local! {
    /// What this thread has allocated and not freed, now and at most.
    static HELD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator, counting the bytes of each thread.
struct Counting;

fn hold(more: usize, less: usize) {
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = (now + more).saturating_sub(less);
        held.set((now, most.max(now)));
    });
}

#[expect(unsafe_code, reason = "an allocator can only be wrapped by unsafe methods")]
// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is held by what `make` makes, and the most that was held at any moment until `try_out` returned.
fn measured<T>(make: impl FnOnce() -> T, try_out: impl FnOnce(&T)) -> (usize, usize, T) {
    HELD.set((0, 0));
    let table = make();
    let held = HELD.get().0;
    try_out(&table);
    (held, HELD.get().1, table)
}

fn limit() -> Limit {
    "1000 requests per second".parse().expect("a limit")
}

/// A million keys, so that entries come and go.
fn flood(mut ask: impl FnMut(u64, Instant)) {
    (0..1_000_000).for_each(|key| ask(key, Instant::ZERO + Span::from_micros(1) * key));
}

#[test]
fn a_compact_table_never_takes_more_than_it_said() {
    let (held, most, table) = measured(
        || CompactKeyed::new(&limit(), 10_000),
        |table| flood(|key, now| assert!(table.check(&key, now).is_admitted())),
    );
    assert_eq!(most, held, "KEY-3: a decision allocates nothing");
    assert!(held + size_of::<CompactKeyed>() <= table.bytes(), "KEY-3");
    assert!(table.bytes() < 16 * 10_000 + 2_000, "{} bytes", table.bytes());
    assert_eq!(table.capacity_keys(), 10_000);
}

#[test]
fn an_exact_table_never_takes_more_than_it_said() {
    let (held, most, table) = measured(
        || Keyed::<u64>::new(&limit(), 10_000),
        |table| {
            flood(|key, now| {
                let _ = table.check(&key, now);
            });
        },
    );
    assert!(held + size_of::<Keyed<u64>>() <= table.bytes(), "KEY-3");
    // A copy of one shard's entries while it is rebuilt: 16 bytes each, of one of 64 shards.
    assert!(most <= held + 2 * table.capacity_keys() / 64 * 16 + 1_024, "KEY-3: {most} of {held}");
    assert_eq!(HELD.get().0, held, "KEY-3: after a million keys as before");
    assert!(table.len() <= table.capacity_keys());
    assert!(table.bytes() < 100 * 10_000, "{} bytes", table.bytes());
}

#[test]
fn a_key_that_is_known_costs_no_allocation() {
    let names: Keyed<String> = Keyed::new(&limit(), 100);
    let _ = names.check("ada", Instant::ZERO);
    let before = HELD.get();
    for _ in 0..1_000 {
        let _ = names.check("ada", Instant::ZERO);
    }
    assert_eq!(HELD.get(), before);
}
