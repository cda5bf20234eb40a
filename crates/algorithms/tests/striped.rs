//! A bucket in stripes lets through what the whole bucket does: STRIPED-1.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tidegate_algorithms::striped::STRIPES_MAX;
use tidegate_algorithms::{Algorithm, Decision, Gcra, Striped};
use tidegate_units::{Clock, Instant, ManualClock, Span};

fn bucket(capacity: u64) -> Gcra {
    Gcra::new(7, Span::from_nanos(100), capacity)
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos((1 << 40) + nanos)
}

/// A clock that goes on by some nanoseconds whenever it is read.
#[derive(Debug)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Instant {
        at(self.0.fetch_add(3, Ordering::SeqCst))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Stripes are taken in turn by locals, for a thread has but one of the others.
    #[test]
    fn no_interval_sees_more_than_the_whole_bucket_allows(
        steps in proptest::collection::vec((0_u64..200, 0_usize..3, 1_u64..4), 1..100),
        capacity in 20_u64..60, lease in 0_u64..7,
    ) {
        let clock = ManualClock::at(at(0));
        let striped = Striped::new(bucket(capacity), 3, lease, &clock).expect("it fits");
        let locals = [striped.local(), striped.local()].map(|local| local.expect("there are 3"));
        let mut admitted = Vec::new();
        for (nanos, which, cost) in steps {
            clock.advance(Span::from_nanos(nanos));
            let decision = match locals.get(which) {
                Some(local) => local.take(cost),
                None => striped.take(cost),
            };
            if decision == Decision::Admit {
                admitted.push((clock.now(), cost));
            }
        }
        for (first, (start, _)) in admitted.iter().enumerate() {
            let mut sum = 0;
            for (end, cost) in &admitted[first..] {
                sum += cost;
                let span = end.since(*start) + Span::from_nanos(1);
                prop_assert!(sum <= bucket(capacity).worst_case(span));
            }
        }
    }
}

#[test]
fn what_lies_in_other_stripes_is_found_when_the_bucket_is_empty() {
    let clock = ManualClock::at(at(0));
    let striped = Striped::new(bucket(30), 2, 10, &clock).expect("it fits");
    let local = striped.local().expect("one of two");
    assert_eq!(local.take(1), Decision::Admit, "and 9 of the other 9 are borrowed");
    drop(local);
    let admitted = (0..20).filter(|_| striped.take(1) == Decision::Admit).count();
    assert_eq!(admitted, 9);
    assert_eq!(striped.take(10), Decision::Later { retry_after: Span::from_nanos(143) });
    assert_eq!(striped.take(11), Decision::Never);
    assert_eq!(striped.worst_case(Span::from_nanos(1)), 30);
}

/// A clock that stands still and counts how often it is read.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Clock for Counted {
    fn now(&self) -> Instant {
        self.0.fetch_add(1, Ordering::SeqCst);
        at(0)
    }
}

/// A permit for who asks, and ten on top.
#[test]
fn a_lease_is_one_reading_of_the_clock() {
    let clock = Counted::default();
    let striped = Striped::new(bucket(100), 2, 10, &clock).expect("it fits");
    for takes in 1..=22 {
        assert_eq!(striped.take(1), Decision::Admit);
        assert_eq!(clock.0.load(Ordering::SeqCst), 1 + u64::from(takes > 11), "{takes}");
    }
    let clock = Counted::default();
    let striped = Striped::new(bucket(100), 2, 10, &clock).expect("it fits");
    let local = striped.local().expect("one of two");
    for takes in 1..=22 {
        assert_eq!(local.take(1), Decision::Admit);
        assert_eq!(clock.0.load(Ordering::SeqCst), 1 + u64::from(takes > 11), "{takes}");
    }
}

/// Far fewer threads than stripes: each finds its own one dry, reads the clock once and leaves half.
#[test]
fn every_thread_has_a_stripe_of_its_own_while_there_are_enough() {
    let clock = Counted::default();
    let striped = Striped::new(bucket(2_000), STRIPES_MAX, 7, &clock).expect("it fits");
    for thread in 1..=8 {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(striped.take(1), Decision::Admit);
                }
            });
        });
        assert_eq!(clock.0.load(Ordering::SeqCst), thread);
    }
}

/// The rest of a lease stays in the stripe, and only what is missing of one is borrowed.
#[test]
fn what_is_left_of_a_lease_is_topped_up_and_not_lost() {
    let clock = ManualClock::at(at(0));
    let striped = Striped::new(bucket(40), 1, 10, &clock).expect("it fits");
    assert_eq!(striped.take(4), Decision::Admit, "and 10 are borrowed of the other 26");
    assert_eq!(striped.take(7), Decision::Admit);
    assert_eq!(striped.take(8), Decision::Admit, "3 are left, so 7 are borrowed of 8");
    assert_eq!((striped.take(10), striped.take(1)), (Decision::Admit, Decision::Admit));
    assert!(matches!(striped.take(1), Decision::Later { .. }), "30 have passed");
}

#[test]
fn a_stripe_is_claimed_once() {
    let clock = ManualClock::at(at(0));
    let striped = Striped::new(bucket(30), 2, 5, &clock).expect("it fits");
    let locals = (striped.local(), striped.local());
    assert!(locals.0.is_some() && locals.1.is_some());
    assert!(striped.local().is_none());
    assert_eq!(striped.take(1), Decision::Admit, "from the bucket itself");
    drop(locals);
    assert!(striped.local().is_some());
}

#[test]
fn what_cannot_be_striped_is_refused_with_the_range() {
    let clock = || ManualClock::at(at(0));
    let slow = Gcra::new(1, Span::from_secs(86_400 * 366), 1_000);
    let refusals = [
        Striped::new(bucket(30), 0, 5, clock()).expect_err("none"),
        Striped::new(bucket(30), STRIPES_MAX + 1, 0, clock()).expect_err("too many"),
        Striped::new(bucket(30), 3, 10, clock()).expect_err("nothing left"),
        Striped::new(slow, 2, 10, clock()).expect_err("too slow"),
    ];
    let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn threads_get_no_more_than_the_whole_bucket_gives() {
    let clock = Ticking(AtomicU64::new(0));
    let striped = Striped::new(bucket(400), 3, 20, &clock).expect("it fits");
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (striped, clock, admitted) = (&striped, &clock, &admitted);
            scope.spawn(move || {
                let local = if thread == 0 { striped.local() } else { None };
                for _ in 0..50_000 {
                    clock.now();
                    let decision = match &local {
                        Some(local) => local.take(1),
                        None => striped.take(1),
                    };
                    admitted.fetch_add(u64::from(decision == Decision::Admit), Ordering::Relaxed);
                }
            });
        }
    });
    let elapsed = clock.now().since(at(0));
    let allowed = bucket(400).worst_case(elapsed + Span::from_nanos(1));
    let admitted = admitted.into_inner();
    assert!(admitted <= allowed, "excess of {}", admitted - allowed);
    assert!(admitted * 100 >= allowed * 90, "{admitted} of {allowed}: too little gets through");
}
