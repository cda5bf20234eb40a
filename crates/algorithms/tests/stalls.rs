//! Threads that stop half-way, clocks with far origins, and callers who misbehave: SHARED-1, SHARED-2,
//! DIRECT-1 to DIRECT-3.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use tidegate_algorithms::{Carry, Decision, Direct, Gcra, Keyed, Refused, Shared, UntilReady};
use tidegate_units::{Clock, Dimension, Instant, Limit, ManualClock, MonotonicClock, Span};

const NOW: Instant = Instant::from_nanos(1 << 50);
const SECOND: Span = Span::from_secs(1);
const DAY: Span = Span::from_secs(86_400);

fn limit(amount: u64, window: Span, burst: u64) -> Limit {
    let limit = Limit::new(Dimension::Requests, amount, window).expect("a limit");
    limit.burst(burst).and_then(|limit| limit.guard(Span::ZERO)).expect("a bucket")
}

fn hand() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

fn poll(
    future: &mut UntilReady<'_, impl Clock + 'static>,
    waker: &Waker,
) -> Poll<Result<(), Refused>> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A clock on which the thread `stalled` stops after it has read it, until it is let go.
#[derive(Debug, Clone)]
struct Stalling {
    hand: Arc<ManualClock>,
    has_read: Arc<AtomicBool>,
    go: Arc<AtomicBool>,
}

impl Stalling {
    fn new() -> Self {
        Self { hand: hand(), has_read: Arc::default(), go: Arc::default() }
    }
}

impl Clock for Stalling {
    fn now(&self) -> Instant {
        let now = self.hand.now();
        if thread::current().name() == Some("stalled") {
            self.has_read.store(true, Ordering::SeqCst);
            while !self.go.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        }
        now
    }
}

/// Lets one thread stall in `stalled` while this one does `meanwhile`; answers what they took.
fn stall(
    direct: &Direct<Stalling>,
    clock: &Stalling,
    stalled: impl FnOnce(&Direct<Stalling>) -> u64 + Send + 'static,
    meanwhile: impl FnOnce() -> u64,
) -> u64 {
    let other = direct.clone();
    let thread = thread::Builder::new().name("stalled".to_owned());
    let thread = thread.spawn(move || stalled(&other)).expect("a thread");
    while !clock.has_read.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    let taken = meanwhile();
    clock.go.store(true, Ordering::SeqCst);
    taken + thread.join().expect("no panic")
}

#[test]
fn who_read_the_clock_long_ago_does_not_settle_what_was_granted_since() {
    for lazily in [true, false] {
        let clock = Stalling::new();
        let direct = Direct::with_clock(&limit(1_000_000, SECOND, 1_000), clock.clone());
        direct.check_lazily(1).expect("it is full");
        let stalled = move |direct: &Direct<Stalling>| {
            let taken = if lazily { direct.check_lazily(16) } else { direct.check_n(16) };
            if taken.is_ok() { 16 } else { 0 }
        };
        let mut taken = stall(&direct, &clock, stalled, || {
            clock.hand.advance(SECOND);
            (0..15).filter(|_| direct.check_lazily(1).is_ok()).count().try_into().expect("few")
        });
        while direct.check().is_ok() {
            taken += 1;
        }
        assert!(taken <= 1_000, "{taken} at one instant");
    }
}

#[test]
fn instants_of_callers_do_not_settle_what_was_granted_unread() {
    let clock = ManualClock::at(NOW);
    let shared = Shared::new(Gcra::new(1_000_000, SECOND, 1_000)).expect("it fits");
    assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
    clock.advance(SECOND);
    let mut taken = (0..15).filter(|_| shared.take_lazily(&clock, 1) == Decision::Admit).count();
    // Each of these comes with an instant from before; what is taken by it was spent then.
    assert_eq!(shared.take(NOW, 1), Decision::Admit);
    shared.record(NOW, 0);
    shared.refund(NOW, NOW, 0);
    assert!(shared.reconfigure(NOW, shared.limit(), Carry::Additive));
    while shared.take_now(&clock, 1) == Decision::Admit {
        taken += 1;
    }
    assert!(taken <= 1_000, "{taken} at one instant");
}

#[test]
fn how_far_a_bucket_reaches_is_not_believed_of_another_rule() {
    let clock = ManualClock::at(NOW);
    let (slow, fast) = (Gcra::new(1_000, DAY, 1_000), Gcra::new(1_000, SECOND, 1_000));
    for changes in 1..64 {
        let shared = Shared::new(slow).expect("it fits");
        assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
        for _ in 0..changes {
            assert!(shared.reconfigure(NOW, fast, Carry::Reset));
        }
        assert_eq!(shared.take(NOW, 1_000), Decision::Admit);
        let extra = (0..100).filter(|_| shared.take_lazily(&clock, 1) == Decision::Admit).count();
        assert_eq!(extra, 0, "after {changes} changes");
    }
}

#[test]
fn a_bucket_is_not_blocked_by_how_far_another_rule_reached() {
    let clock = hand();
    let (day, second) = (limit(1_000, DAY, 1_000), limit(1_000, SECOND, 1_000));
    let direct = Direct::with_clock(&day, Arc::clone(&clock));
    direct.check_lazily(1).expect("it is full");
    for limit in [&second, &day, &second, &second] {
        direct.reconfigure(limit, Carry::Additive).expect("a bucket");
    }
    clock.advance(Span::from_secs(10));
    assert_eq!(direct.available(), 1_000);
    direct.check_lazily(1).expect("it is full");
    assert_eq!(direct.check(), Ok(()));
}

#[test]
fn the_largest_debt_is_not_forgotten() {
    let direct = Direct::with_clock(&limit(1_000, SECOND, 1_000), hand());
    direct.check_lazily(1).expect("it is full");
    direct.record(u64::MAX);
    assert!((0..100).all(|_| direct.check_lazily(1).is_err() && direct.check().is_err()));
}

#[test]
fn a_debt_counts_though_the_clock_began_in_1970() {
    let clock = ManualClock::at(Instant::from_nanos(1_795_301_999_000_000_000));
    let direct = Direct::with_clock(&limit(10, SECOND, 10), clock);
    direct.record(1_000);
    assert_eq!(direct.available(), 0);
    assert_eq!(direct.check(), Err(Refused::Later { retry_after: Span::from_millis(99_100) }));
}

#[test]
fn keys_are_counted_though_the_clock_began_in_1970() {
    let now = Instant::from_nanos(1_795_301_999_000_000_000);
    for text in ["100 requests per minute", "1000 requests per hour", "17 requests per minute"] {
        let keyed: Keyed<String> = Keyed::new(&text.parse().expect("a limit"), 100);
        assert!(keyed.check("ada", now).is_admitted(), "{text}");
    }
}

#[test]
fn a_wait_is_told_by_one_rule_while_it_changes() {
    let one = Gcra::new(1, Span::from_millis(1), 1_000);
    let other = Gcra::new(16, Span::from_nanos(15_000_001), 1_000);
    let shared = Shared::new(one).expect("it fits");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..20_000 {
                let to = if round % 2 == 0 { other } else { one };
                assert!(shared.reconfigure(NOW, to, Carry::Additive));
            }
            stop.store(true, Ordering::SeqCst);
        });
        while !stop.load(Ordering::SeqCst) {
            assert_eq!(shared.earliest(NOW, 1), NOW, "it is full under both");
        }
    });
}

#[test]
fn what_was_granted_before_a_change_is_not_given_back_after_it() {
    let clock = hand();
    let (large, small) = (limit(100, SECOND, 100), limit(10, SECOND, 10));
    let direct = Direct::with_clock(&large, Arc::clone(&clock));
    direct.record(100);
    let mut waiting = direct.until_ready_n(10);
    assert!(poll(&mut waiting, Waker::noop()).is_pending());
    clock.advance(SECOND);
    // Serves the line.
    direct.refund(Span::ZERO, 0);
    let mut taken = (0..200).filter(|_| direct.check().is_ok()).count();
    direct.reconfigure(&small, Carry::Proportional).expect("a bucket");
    drop(waiting);
    direct.reconfigure(&large, Carry::Proportional).expect("a bucket");
    taken += (0..200).filter(|_| direct.check().is_ok()).count();
    assert!(taken <= 100, "{taken}");
}

#[test]
fn however_many_are_granted_unseen_all_of_it_goes_back() {
    let clock = hand();
    let direct = Direct::with_clock(&limit(1, SECOND, 1_000), Arc::clone(&clock));
    direct.record(1_000);
    let mut waiting: Vec<_> = (0..1_000).map(|_| direct.until_ready()).collect();
    assert!(waiting.iter_mut().all(|one| poll(one, Waker::noop()).is_pending()));
    clock.advance(Span::from_secs(1_000));
    direct.refund(Span::ZERO, 0);
    assert_eq!((direct.waiting(), direct.available()), (0, 0));
    drop(waiting);
    assert_eq!(direct.available(), 1_000);
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Panics, and what it throws panics again when it is dropped.
struct Panics;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "a bomb");
    }
}

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new(Bomb));
    }
}

#[test]
fn a_waker_that_panics_holds_up_nobody() {
    let clock = hand();
    let direct = Direct::with_clock(&limit(10, SECOND, 10), Arc::clone(&clock));
    direct.record(10);
    let (bad, count) = (Waker::from(Arc::new(Panics)), Arc::new(Woken::default()));
    let good = Waker::from(Arc::clone(&count));
    let (mut one, mut two) = (direct.until_ready(), direct.until_ready());
    assert!(poll(&mut one, &bad).is_pending());
    assert!(poll(&mut two, &good).is_pending());
    clock.advance(SECOND);
    direct.refund(Span::ZERO, 0);
    assert_eq!((direct.waiting(), count.0.load(Ordering::SeqCst)), (0, 1));
    assert!(poll(&mut one, &good).is_ready() && poll(&mut two, &good).is_ready());
}

/// On the real clock: the thread that serves is late by some microseconds, always.
#[test]
fn who_waits_as_long_as_it_was_told_gets_its_permit() {
    let direct = Direct::with_clock(&limit(200, SECOND, 1), MonotonicClock::new());
    for _ in 0..10 {
        while direct.check().is_ok() {}
        if let Err(Refused::Later { retry_after }) = direct.check() {
            assert_eq!(direct.until_ready_within(1, retry_after).wait(), Ok(()));
        }
    }
}
