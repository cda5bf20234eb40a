//! A limiter used alone, on threads and as futures: DIRECT-1 to DIRECT-3.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use tidegate_algorithms::{Carry, Direct, Refused, UntilReady};
use tidegate_units::{Clock, EnforcedAs, Instant, Limit, ManualClock, MonotonicClock, Span};

/// A bucket of `burst` that gets `amount` a second, with no guard.
fn bucket(amount: u64, burst: u64) -> Limit {
    let limit: Limit = format!("{amount} requests per second").parse().expect("a limit");
    limit.burst(burst).and_then(|limit| limit.guard(Span::ZERO)).expect("a bucket")
}

fn window(amount: u64) -> Limit {
    let limit: Limit = format!("{amount} requests per second").parse().expect("a limit");
    limit.guard(Span::ZERO).expect("no guard")
}

/// A clock that a test keeps a hand on.
#[derive(Debug, Clone)]
struct Hand(Arc<ManualClock>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(ManualClock::at(Instant::from_nanos(1 << 40))))
    }
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll(future: &mut UntilReady<'_, impl Clock + 'static>) -> Poll<Result<(), Refused>> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_check_takes_or_says_when() {
    let clock = Hand::new();
    for limit in [bucket(10, 5), window(5)] {
        let direct = Direct::with_clock(&limit, clock.clone());
        assert_eq!(direct.check_n(6), Err(Refused::Never { cost: 6, capacity: 5 }));
        assert_eq!(direct.check_n(5), Ok(()));
        let Err(Refused::Later { retry_after }) = direct.check() else {
            panic!("there is none left");
        };
        clock.0.advance(retry_after - Span::from_nanos(1));
        assert_eq!(direct.check(), Err(Refused::Later { retry_after: Span::from_nanos(1) }));
        clock.0.advance(Span::from_nanos(1));
        assert_eq!(direct.check(), Ok(()));
        clock.0.advance(Span::from_secs(2));
        assert_eq!(direct.check_lazily(1), Ok(()));
        assert_eq!(direct.limit(), limit);
    }
}

/// What peers let through twice: a window is a window.
#[test]
fn n_per_window_means_n() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&window(10), clock.clone());
    let admitted = |span: Span| {
        let before = clock.now();
        let mut count = 0;
        while clock.now().since(before) < span {
            count += u64::from(direct.check().is_ok());
            clock.0.advance(Span::from_millis(10));
        }
        count
    };
    assert_eq!(admitted(Span::from_secs(1)), 10);
    assert_eq!(admitted(Span::from_secs(3)), 30);
    assert_eq!(direct.worst_case(Span::from_secs(1)), 10);
    assert_eq!(Direct::with_clock(&bucket(10, 10), clock).worst_case(Span::from_secs(1)), 19);
}

#[test]
fn debts_refunds_and_balances() {
    let clock = Hand::new();
    for limit in [bucket(10, 10), window(10)] {
        let direct = Direct::with_clock(&limit, clock.clone());
        direct.record(15);
        assert_eq!((direct.available(), direct.check().is_ok()), (0, false));
        assert_eq!(direct.refund(Span::ZERO, 8), 8);
        assert_eq!(direct.available(), 3);
        let lower = limit.clone();
        let lower = if limit.shape() == EnforcedAs::TokenBucket { lower } else { window(9) };
        direct.reconfigure(&lower, Carry::AsIs).expect("the same form");
        assert_eq!(direct.limit(), lower);
        assert!(direct.available() <= 3);
    }
}

#[test]
fn a_word_cannot_take_over_a_window() {
    let direct = Direct::with_clock(&bucket(10, 10), Hand::new());
    let refused = direct.reconfigure(&window(5), Carry::AsIs).expect_err("another form");
    insta::assert_snapshot!(refused, @"a limiter for a token bucket cannot count `5 requests per 1s`: make it a bucket that fills within 52 days, or start a new limiter");
    assert_eq!(direct.limit(), bucket(10, 10));
    // A window is counted behind a lock, where any limit can be.
    let direct = Direct::with_clock(&window(5), Hand::new());
    assert_eq!(direct.reconfigure(&bucket(10, 10), Carry::AsIs), Ok(()));
}

/// The clock of a process knows no midnight; its origin does.
#[cfg(feature = "calendar")]
#[test]
fn a_day_ends_at_midnight() {
    use tidegate_units::WallOrigin;

    let limit: Limit = "5 requests per day in Europe/Berlin".parse().expect("a limit");
    let limit = limit.guard(Span::ZERO).expect("no guard");
    let clock = Hand::new();
    // 2026-11-21 at 22:59:59 in London is a second before midnight in Berlin.
    let origin = WallOrigin::when(clock.now(), 1_795_301_999_000_000_000);
    let direct = Direct::since(&limit, clock.clone(), origin);
    assert_eq!(direct.check_n(5), Ok(()));
    assert_eq!(direct.check(), Err(Refused::Later { retry_after: Span::from_secs(1) }));
    clock.0.advance(Span::from_secs(1));
    assert_eq!(direct.check_n(5), Ok(()));
}

/// DIRECT-2: neither a check nor a newcomer overtakes.
#[test]
fn nobody_overtakes_who_waits() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 3), clock.clone());
    direct.check_n(2).expect("it fits");
    let mut large = direct.until_ready_n(2);
    assert!(poll(&mut large).is_pending());
    assert!(direct.check().is_err(), "one is left, but it is not for us");
    assert!(direct.check_lazily(1).is_err());
    let mut small = direct.until_ready();
    assert!(poll(&mut small).is_pending());
    assert_eq!(direct.waiting(), 2);
    assert_eq!(
        direct.check(),
        Err(Refused::Later { retry_after: Span::from_millis(300) }),
        "behind both of them"
    );
}

#[test]
fn who_will_not_wait_behind_others_is_told_what_never_fits() {
    for limit in [bucket(10, 3), window(3)] {
        let direct = Direct::with_clock(&limit, Hand::new());
        direct.check_n(3).expect("it fits");
        let mut waiting = direct.until_ready();
        assert!(poll(&mut waiting).is_pending());
        for check in [Direct::check_n, Direct::check_lazily] {
            assert_eq!(check(&direct, 4), Err(Refused::Never { cost: 4, capacity: 3 }));
            assert!(matches!(check(&direct, 3), Err(Refused::Later { .. })));
        }
    }
}

/// DIRECT-2: a line that was served and is not empty is still a line; an empty one is none.
#[test]
fn nobody_overtakes_whom_a_serving_left_in_the_line() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 3), clock.clone());
    direct.check_n(3).expect("it fits");
    let mut large = direct.until_ready_n(3);
    assert!(poll(&mut large).is_pending());
    clock.0.advance(Span::from_millis(200));
    assert_eq!(direct.refund(Span::ZERO, 0), 0, "which serves the line");
    assert_eq!((direct.available(), direct.waiting()), (2, 1));
    assert!(direct.check().is_err() && direct.check_lazily(1).is_err(), "two are not for us");
    clock.0.advance(Span::from_millis(200));
    assert_eq!(direct.refund(Span::ZERO, 0), 0);
    assert_eq!(poll(&mut large), Poll::Ready(Ok(())));
    clock.0.advance(Span::from_millis(300));
    assert_eq!((direct.check(), direct.check_lazily(1)), (Ok(()), Ok(())), "nobody waits");
}

/// A task that moved to another executor is woken there.
#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let direct = Direct::with_clock(&bucket(10, 3), Hand::new());
    direct.check_n(3).expect("it fits");
    let mut waiting = pin!(direct.until_ready());
    let woken = [Arc::new(Woken::default()), Arc::new(Woken::default())];
    for waker in &woken {
        let waker = Waker::from(Arc::clone(waker));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(direct.refund(Span::ZERO, 1), 1);
    assert_eq!(woken.map(|woken| woken.0.load(Ordering::SeqCst)), [0, 1]);
}

/// DIRECT-3: in the thread that gives something back.
#[test]
fn a_refund_serves_who_waits() {
    let direct = Direct::with_clock(&bucket(10, 3), Hand::new());
    direct.check_n(3).expect("it fits");
    let mut waiting = direct.until_ready_n(2);
    assert!(poll(&mut waiting).is_pending());
    assert_eq!(direct.refund(Span::ZERO, 1), 1);
    assert!(poll(&mut waiting).is_pending(), "one of two");
    assert_eq!(direct.refund(Span::ZERO, 1), 1);
    assert_eq!(poll(&mut waiting), Poll::Ready(Ok(())));
    assert_eq!((direct.waiting(), direct.available()), (0, 0));
}

/// The clock has moved on since somebody took its place: what fits by now is not for who comes later.
#[test]
fn a_newcomer_is_told_to_wait_though_all_of_the_line_would_fit_by_now() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 3), clock.clone());
    direct.check_n(3).expect("it fits");
    let mut waiting = direct.until_ready();
    assert!(poll(&mut waiting).is_pending());
    clock.0.advance(Span::from_millis(300));
    let moment = Refused::Later { retry_after: Span::from_nanos(1) };
    assert_eq!(direct.check(), Err(moment), "DIRECT-2: and never a wait of nothing");
}

#[test]
fn a_refund_of_what_was_taken_a_while_ago_is_less_what_has_dripped_in() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 5), clock.clone());
    direct.check_n(3).expect("it fits");
    clock.0.advance(Span::from_millis(200));
    direct.check_n(2).expect("it fits");
    assert_eq!(direct.available(), 2);
    assert_eq!(direct.refund(Span::from_millis(200), 3), 1, "two have come back by themselves");
    assert_eq!(direct.available(), 3);
}

/// DIRECT-3: the next in line is served when the one before leaves, in the thread that leaves.
#[test]
fn who_stops_waiting_lets_the_next_go_at_once() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 3), clock.clone());
    direct.check_n(2).expect("it fits");
    let mut large = Box::pin(direct.until_ready_n(3));
    let waker = Waker::noop();
    assert!(large.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut small = pin!(direct.until_ready());
    assert!(small.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(large);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert_eq!(small.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(Ok(())));
    assert_eq!((direct.waiting(), direct.available()), (0, 0));
    assert!(direct.check().is_err());
}

/// A waker may own the very task that waits; dropping it must not find the line locked.
#[test]
fn a_waker_may_own_who_waits() {
    struct Owner(std::sync::Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let direct = Direct::with_clock(&bucket(10, 1), Hand::new());
    direct.check().expect("it fits");
    let mut first = Box::pin(direct.until_ready());
    let waiting = direct.clone();
    let task = Arc::new(Owner(std::sync::Mutex::new(None)));
    let waker = Waker::from(Arc::clone(&task));
    let mut future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
        let _ = waiting.until_ready().await;
    });
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    *task.0.lock().expect("no panic") = Some(future);
    drop(task);
    // Another place holds the last of the wakers that own the task, until it is polled by another.
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(direct.waiting(), 1, "the task is gone, and its place with it");
}

/// DIRECT-3: granted, and gone before it knew.
#[test]
fn a_permit_that_nobody_takes_is_given_back() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 3), clock.clone());
    direct.check_n(3).expect("it fits");
    let mut gone = Box::pin(direct.until_ready_n(3));
    assert!(gone.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.0.advance(Span::from_millis(300));
    // Anybody's departure serves the line.
    let mut other = direct.until_ready();
    assert!(poll(&mut other).is_pending());
    drop(other);
    assert_eq!((direct.waiting(), direct.available()), (0, 0), "it has been granted");
    drop(gone);
    assert_eq!(direct.available(), 3, "and given back");
}

#[test]
fn a_wait_that_cannot_be_short_enough_is_refused_at_once() {
    let direct = Direct::with_clock(&bucket(10, 3), Hand::new());
    direct.check_n(3).expect("it fits");
    let mut first = direct.until_ready_n(2);
    assert!(poll(&mut first).is_pending());
    let refused = |within| poll(&mut direct.until_ready_within(1, Span::from_millis(within)));
    let retry_after = Span::from_millis(300);
    assert_eq!(refused(299), Poll::Ready(Err(Refused::Later { retry_after })));
    assert_eq!(direct.waiting(), 1);
    assert!(refused(300).is_pending());
    assert_eq!(
        poll(&mut direct.until_ready_n(4)),
        Poll::Ready(Err(Refused::Never { cost: 4, capacity: 3 }))
    );
}

#[test]
fn who_does_not_wait_for_ever_is_served_until_the_deadline() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(10, 3), clock.clone());
    direct.check_n(3).expect("it fits");
    let mut waiting = direct.until_ready_within(1, Span::from_millis(100));
    assert!(poll(&mut waiting).is_pending());
    assert_eq!(direct.refund(Span::ZERO, 0), 0, "which serves the line");
    assert!(poll(&mut waiting).is_pending(), "there is time");
    clock.0.advance(Span::from_millis(100));
    assert_eq!(direct.refund(Span::ZERO, 0), 0);
    assert_eq!(poll(&mut waiting), Poll::Ready(Ok(())), "just in time");
}

#[test]
fn a_wait_shows_what_it_waits_for() {
    let direct = Direct::with_clock(&bucket(10, 3), Hand::new());
    let wait = direct.until_ready_within(2, Span::from_millis(5));
    let shown = format!("{wait:?}");
    assert!(shown.starts_with("UntilReady { cost: 2, within: Some("), "{shown}");
}

#[test]
fn who_waits_is_planned_again_when_the_limit_changes() {
    let clock = Hand::new();
    let direct = Direct::with_clock(&bucket(1, 3), clock);
    direct.check_n(3).expect("it fits");
    let mut waiting = direct.until_ready_n(3);
    assert!(poll(&mut waiting).is_pending());
    direct.reconfigure(&bucket(1, 10), Carry::Additive).expect("a bucket");
    assert_eq!(poll(&mut waiting), Poll::Ready(Ok(())), "7 are left of 10");
    let mut waiting = direct.until_ready_n(9);
    assert!(poll(&mut waiting).is_pending());
    direct.reconfigure(&bucket(1, 5), Carry::Additive).expect("a bucket");
    let never = Refused::Never { cost: 9, capacity: 5 };
    assert_eq!(poll(&mut waiting), Poll::Ready(Err(never)));
}

/// On the real clock, with the real dispatcher: everybody is served, and nobody too early.
#[test]
fn threads_wait_for_their_turn() {
    let clock = MonotonicClock::new();
    let direct = Direct::with_clock(&bucket(2_000, 5), clock);
    let start = clock.now();
    let served: usize = thread::scope(|scope| {
        let waits: Vec<_> = (0..8)
            .map(|_| {
                let direct = direct.clone();
                scope.spawn(move || (0..50).filter(|_| direct.until_ready().wait().is_ok()).count())
            })
            .collect();
        waits.into_iter().map(|wait| wait.join().expect("no panic")).sum()
    });
    assert_eq!((served, direct.waiting()), (400, 0));
    // 5 at once and the other 395 at 2000 a second.
    assert!(clock.now().since(start) >= Span::from_micros(197_500), "DIRECT-1");
}

#[test]
fn a_deadline_that_passes_while_waiting_is_told() {
    let direct = Direct::new(&bucket(10, 1));
    direct.check().expect("it fits");
    let waiting = direct.until_ready_within(1, Span::from_millis(150));
    let other = direct.clone();
    // Somebody spends without asking, and the wait gets too long.
    let spoil = thread::spawn(move || {
        while other.waiting() == 0 {
            thread::yield_now();
        }
        other.record(100);
    });
    assert!(matches!(waiting.wait(), Err(Refused::Later { .. })));
    spoil.join().expect("no panic");
    assert_eq!(direct.waiting(), 0);
}
