//! What granting a permit from the gate does not do: allocate, which a message would, read a clock, or
//! wake the actor more than once per tick.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tidegate::{ServiceConfig, Tidegate};
use tidegate_units::{Clock, Instant, MonotonicClock};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static CLOCK_READS: Cell<u64> = const { Cell::new(0) };
}

/// Reads by whichever thread: an actor that is woken reads the clock.
static ALL_CLOCK_READS: AtomicU64 = AtomicU64::new(0);

const GRANTS: u64 = 100_000;

/// The system's allocator, counting the allocations of each thread.
struct Counting;

#[expect(unsafe_code, reason = "an allocator can only be wrapped by unsafe methods")]
// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A real clock that counts who reads it on each thread.
#[derive(Debug)]
struct CountingClock(MonotonicClock);

impl Clock for CountingClock {
    fn now(&self) -> Instant {
        CLOCK_READS.with(|count| count.set(count.get() + 1));
        ALL_CLOCK_READS.fetch_add(1, Ordering::Relaxed);
        self.0.now()
    }
}

#[test]
fn a_grant_from_the_gate_neither_allocates_nor_reads_a_clock() {
    let limits = ["1_000_000_000 requests per minute", "1_000_000_000 tokens per minute"]
        .map(|text| text.parse().expect("a limit"));
    let [requests, tokens] = limits.clone();
    let tidegate = Tidegate::builder()
        .service("service", ServiceConfig::limited(limits))
        .expect("a name")
        .global_limit(requests)
        .global_limit(tokens)
        .clock(Arc::new(CountingClock(MonotonicClock::new())))
        .start()
        .expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    handle.request().acquire_blocking().expect("the actor is there").done();
    let cost = tidegate::Cost::request().tokens(100);
    while !handle.has_capacity(&cost) {
        std::thread::yield_now();
    }
    let before = (ALLOCATIONS.get(), CLOCK_READS.get());
    let all_before = ALL_CLOCK_READS.load(Ordering::Relaxed);
    for _ in 0..GRANTS {
        handle.request().tokens(10).try_acquire().expect("there is enough").done();
    }
    assert_eq!((ALLOCATIONS.get(), CLOCK_READS.get()), before);
    // A few ticks of 50 ms may have passed, on a machine that does other things too.
    let woken = ALL_CLOCK_READS.load(Ordering::Relaxed) - all_before;
    assert!(woken < GRANTS / 100, "{GRANTS} grants made the actors read the clock {woken} times");
}
