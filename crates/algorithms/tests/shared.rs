//! The bucket on one word against the algorithm that it stands for, and against a count of what
//! threads were given: SHARED-1 to SHARED-3.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, Carry, Decision, Gcra, Shared};
use tidegate_units::{Clock, Instant, ManualClock, Span};

const WINDOW: u64 = 1_000;
/// Far from the origin, so that stepping back has somewhere to go.
const START: Instant = Instant::from_nanos(1 << 40);
/// So late that the ticks of a rule which is put in force then are not counted from zero.
const LATE: Instant = Instant::from_nanos(1 << 52);

#[derive(Debug, Clone, Copy)]
enum Step {
    Take(u64),
    TakeLazily(u64),
    Record(u64),
    Refund { ago: u64, amount: u64 },
    Reconfigure { amount: u64, capacity: u64, carry: Carry },
}

fn carries() -> impl Strategy<Value = Carry> {
    prop_oneof![Just(Carry::AsIs), Just(Carry::Proportional), Just(Carry::Additive)]
}

/// Steps, each after some nanoseconds; now and then the clock is set back.
fn steps(step: impl Strategy<Value = Step> + 'static) -> impl Strategy<Value = Vec<(i64, Step)>> {
    let nanos = prop_oneof![6 => 0_i64..200, 2 => Just(0), 1 => 0_i64..5_000, 1 => -800_i64..0];
    proptest::collection::vec((nanos, step), 1..80)
}

fn advance(now: Instant, nanos: i64) -> Instant {
    let span = Span::from_nanos(nanos.unsigned_abs());
    if nanos < 0 { now - span } else { now + span }
}

fn exact_steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u64..5).prop_map(Step::Take),
        1 => (0_u64..9).prop_map(Step::Record),
        1 => (0_u64..2_000, 0_u64..9).prop_map(|(ago, amount)| Step::Refund { ago, amount }),
        1 => (1_u64..20, 1_u64..20, carries())
            .prop_map(|(amount, capacity, carry)| Step::Reconfigure { amount, capacity, carry }),
    ]
}

/// Whether any interval holds more than a bucket lets through.
fn breaks_a_bucket(admitted: &[(Instant, u64)], amount: u64, window: u64, capacity: u64) -> bool {
    (0..admitted.len()).any(|first| {
        let mut sum = 0;
        admitted[first..].iter().any(|(at, cost)| {
            sum += u128::from(*cost) * u128::from(window);
            let elapsed = u128::from(at.since(admitted[first].0).as_nanos());
            sum > u128::from(capacity) * u128::from(window) + elapsed * u128::from(amount)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every answer and every balance is the same as the algorithm's, with debts, refunds and changes
    /// of the limit in between.
    #[test]
    fn the_word_decides_as_the_algorithm_does(
        steps in steps(exact_steps()), amount in 1_u64..40, capacity in 1_u64..20,
        start in prop_oneof![Just(START), Just(LATE)],
    ) {
        let mut gcra = Gcra::new(amount, Span::from_nanos(WINDOW), capacity).in_small_numbers();
        let shared = Shared::new(gcra).expect("it fits");
        let mut state = gcra.full();
        let mut now = start;
        for (nanos, step) in steps {
            now = advance(now, nanos);
            match step {
                Step::Take(cost) | Step::TakeLazily(cost) => {
                    prop_assert_eq!(shared.decide(now, cost), gcra.decide(&state, now, cost));
                    prop_assert_eq!(shared.take(now, cost), gcra.take(&mut state, now, cost));
                }
                Step::Record(cost) => {
                    shared.record(now, cost);
                    gcra.record(&mut state, now, cost);
                }
                Step::Refund { ago, amount } => {
                    let recorded = now - Span::from_nanos(ago);
                    let given = gcra.refund(&mut state, now, recorded, amount);
                    prop_assert_eq!(shared.refund(now, recorded, amount), given);
                }
                Step::Reconfigure { amount, capacity, carry } => {
                    let to = Gcra::new(amount, Span::from_nanos(WINDOW), capacity);
                    prop_assert!(shared.reconfigure(now, to, carry));
                    let to = to.in_small_numbers();
                    state = gcra.reconfigured(&state, now, &to, carry);
                    gcra = to;
                    prop_assert_eq!(shared.limit(), gcra);
                }
            }
            prop_assert_eq!(shared.available(now), gcra.available(&state, now));
            for total in [1, 7, 50] {
                prop_assert_eq!(shared.earliest(now, total), gcra.earliest(&state, now, total));
            }
        }
    }

    /// SHARED-3, SHARED-1: with as few readings of the clock as it likes, no interval of the true time
    /// holds more than a bucket lets through. And the promise of a refusal is kept.
    #[test]
    fn what_is_granted_without_a_clock_would_have_been_granted_with_one(
        steps in steps((0_u64..4).prop_map(Step::TakeLazily)),
        amount in 1_u64..40, capacity in 1_u64..200,
    ) {
        let gcra = Gcra::new(amount, Span::from_nanos(WINDOW), capacity).in_small_numbers();
        let shared = Shared::new(gcra).expect("it fits");
        let clock = ManualClock::at(START);
        let mut admitted = Vec::new();
        for (nanos, step) in steps {
            // A clock that steps back unread is like one that stood still.
            clock.advance(Span::from_nanos(u64::try_from(nanos).unwrap_or(0)));
            let Step::TakeLazily(cost) = step else { continue };
            match shared.take_lazily(&clock, cost) {
                Decision::Admit if cost == 0 => {}
                Decision::Admit => admitted.push((clock.now(), cost)),
                Decision::Later { retry_after } => {
                    let at = clock.now() + retry_after;
                    let early = at - Span::from_nanos(1);
                    prop_assert_ne!(shared.decide(early, cost), Decision::Admit);
                    prop_assert_eq!(shared.decide(at, cost), Decision::Admit);
                }
                Decision::Never => prop_assert!(cost > capacity),
            }
        }
        prop_assert!(!breaks_a_bucket(&admitted, amount, WINDOW, capacity));
    }

    /// The price of not reading the clock is known: the bucket seems smaller by at most an eighth or
    /// [`tidegate_algorithms::shared::UNREAD_MAX`] permits.
    #[test]
    fn what_is_not_granted_for_want_of_a_clock_is_bounded(
        gaps in proptest::collection::vec(0_u64..100, 1..200), capacity in 1_u64..400,
    ) {
        let gcra = Gcra::new(40, Span::from_nanos(WINDOW), capacity);
        let exact = Shared::new(gcra).expect("it fits");
        let lazy = Shared::new(gcra).expect("it fits");
        let clock = ManualClock::at(START);
        for gap in gaps {
            clock.advance(Span::from_nanos(gap));
            if lazy.take_lazily(&clock, 1) == Decision::Admit {
                prop_assert_eq!(exact.take(clock.now(), 1), Decision::Admit);
            }
            let short = exact.available(clock.now()) - lazy.available(clock.now());
            prop_assert!(short <= (capacity / 8).min(15) + 1, "{} of {}", short, capacity);
        }
    }

    #[test]
    fn extreme_numbers_do_not_panic(
        amount in any::<u64>(), window in any::<u64>(), capacity in any::<u64>(),
        times in proptest::collection::vec(any::<u64>(), 1..20), cost in any::<u64>(),
    ) {
        let gcra = Gcra::new(amount, Span::from_nanos(window), capacity);
        let Some(shared) = Shared::new(gcra) else { return Ok(()) };
        for nanos in times {
            let now = Instant::from_nanos(nanos);
            let clock = ManualClock::at(now);
            let _ = (shared.take(now, cost), shared.take_lazily(&clock, cost % 7));
            shared.record(now, cost / 2);
            let _ = shared.refund(now, Instant::from_nanos(nanos / 2), cost / 3);
            let _ = (shared.available(now), shared.decide(now, cost));
            let _ = shared.reconfigure(now, Gcra::new(cost, Span::from_nanos(nanos), 3), Carry::AsIs);
        }
    }
}

#[test]
fn a_permit_that_is_no_whole_part_of_a_nanosecond_is_a_little_longer() {
    let minute = Span::from_secs(60);
    for amount in [17, 999_983, 1_000_003, 6_000_000_007, 1_000_000_000_000] {
        let (told, kept) =
            (Gcra::new(amount, minute, 1), Gcra::new(amount, minute, 1).in_small_numbers());
        let day = Span::from_secs(86_400);
        assert!(kept.worst_case(day) <= told.worst_case(day), "{amount}");
        // By less than a sixteenth of a nanosecond a permit.
        let permits = u128::from(told.worst_case(day));
        let lost = permits - u128::from(kept.worst_case(day));
        assert!(lost * 60_000_000_000 * 16 <= permits * u128::from(amount), "{amount}: {lost}");
    }
}

#[test]
fn years_go_by_and_the_limit_holds() {
    let second = Span::from_secs(1);
    let shared = Shared::new(Gcra::new(16 * 16 + 1, second, 7)).expect("it fits");
    let mut now = Instant::ZERO;
    for _ in 0..400 {
        now = now + Span::from_secs(86_400 * 30);
        assert_eq!(shared.take(now, 7), Decision::Admit, "after {now:?}");
        assert_ne!(shared.take(now, 1), Decision::Admit);
        assert_eq!(shared.available(now + second), 7);
    }
    assert!(now > Instant::from_nanos(32 * 365 * 86_400 * 1_000_000_000));
}

#[test]
fn what_takes_years_to_fill_does_not_fit_one_word() {
    let year = Span::from_secs(366 * 86_400);
    assert!(Shared::new(Gcra::new(1, year, 1)).is_some());
    assert!(Shared::new(Gcra::new(1, year, 3)).is_none());
    let shared = Shared::new(Gcra::new(5, Span::from_secs(1), 5)).expect("it fits");
    assert!(!shared.reconfigure(START, Gcra::new(1, year, 3), Carry::Reset));
    assert_eq!(shared.limit().capacity(), 5, "nothing has changed");
}

/// The word has no room for it, which must not make it none.
#[test]
fn a_debt_that_is_too_large_for_a_word_is_the_largest_there_is() {
    let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 8)).expect("it fits");
    for _ in 0..2 {
        shared.record(START, u64::MAX);
        assert_eq!(shared.available(START), 0);
        assert!(matches!(shared.take(START, 1), Decision::Later { .. }));
    }
}

/// A clock that stands still and counts how often it is read.
#[derive(Debug, Default)]
struct Counted(AtomicU64);

impl Clock for Counted {
    fn now(&self) -> Instant {
        self.0.fetch_add(1, Ordering::SeqCst);
        START
    }
}

#[test]
fn while_there_is_plenty_the_clock_is_read_for_one_permit_in_sixteen() {
    let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 800)).expect("it fits");
    let clock = Counted::default();
    for _ in 0..160 {
        assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
    }
    assert_eq!(clock.0.into_inner(), 10);
    assert_eq!(shared.available(START), 640);
}

#[test]
fn of_few_permits_each_is_granted_by_the_clock() {
    let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 7)).expect("it fits");
    let clock = Counted::default();
    for _ in 0..7 {
        assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
    }
    assert_eq!(clock.0.into_inner(), 7);
}

/// The whole bucket was asked for while one permit of it was granted unread.
#[test]
fn a_wait_that_was_told_after_an_unread_grant_is_long_enough() {
    let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 8)).expect("it fits");
    let clock = ManualClock::at(START);
    assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
    assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit, "unread");
    let retry_after = Span::from_millis(200);
    assert_eq!(shared.take_lazily(&clock, 8), Decision::Later { retry_after });
    clock.advance(retry_after);
    assert_eq!(shared.take_lazily(&clock, 8), Decision::Admit);
}

/// SHARED-1: a permit was granted unread when the bucket had long been full again, and spilled; the
/// refusal that finds out remembers it.
#[test]
fn a_refusal_does_not_forget_what_was_granted_unread() {
    let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 8)).expect("it fits");
    let clock = ManualClock::at(START);
    assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
    clock.advance(Span::from_secs(1));
    assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit, "unread");
    for _ in 0..2 {
        let retry_after = Span::from_millis(100);
        assert_eq!(shared.take_lazily(&clock, 8), Decision::Later { retry_after }, "9 of 8");
    }
}

/// SHARED-3: the clock was read, if only to refuse, and a permit was granted by that reading; then the
/// clock steps back. What is left is what would be if the permit had been granted with the clock.
#[test]
fn a_clock_that_steps_back_after_an_unread_grant_mints_nothing() {
    let second = Span::from_secs(1);
    let [lazy, exact] =
        [0, 1].map(|_| Shared::new(Gcra::new(10, second, 8)).expect("it fits one word"));
    let clock = ManualClock::at(START);
    assert_eq!(lazy.take_lazily(&clock, 1), exact.take(START, 1));
    clock.advance(second);
    assert_eq!(lazy.take_lazily(&clock, 9), Decision::Never);
    assert_eq!(lazy.take_lazily(&clock, 1), exact.take(START + second, 1));
    let back = START + Span::from_millis(500);
    assert_eq!((lazy.available(back), exact.available(back)), (2, 2));
    assert_eq!(lazy.decide(back, 3), exact.decide(back, 3));
}

#[test]
fn what_is_given_back_after_an_unread_grant_is_all_there_again() {
    let shared = Shared::new(Gcra::new(10, Span::from_secs(1), 8)).expect("it fits");
    let clock = ManualClock::at(START);
    for _ in 0..2 {
        assert_eq!(shared.take_lazily(&clock, 1), Decision::Admit);
    }
    assert_eq!(shared.refund_now(&clock, START, 2), 2);
    assert_eq!(shared.available(START), 8);
}

/// A clock that a test's threads push on as they go, so that every admission has a true instant.
#[derive(Debug)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.fetch_add(3, Ordering::SeqCst))
    }
}

/// SHARED-1 on real threads: everything that was admitted is counted.
fn stress(take: impl Fn(&Shared, &Ticking) -> Decision + Sync) {
    let (amount, window, capacity) = (7, 100, 50);
    let shared = Shared::new(Gcra::new(amount, Span::from_nanos(window), capacity)).expect("fits");
    let clock = Ticking(AtomicU64::new(1 << 30));
    let admitted = Mutex::new(0_u64);
    let start = clock.now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut count = 0;
                for _ in 0..50_000 {
                    clock.now();
                    count += u64::from(take(&shared, &clock) == Decision::Admit);
                }
                *admitted.lock().expect("no panic") += count;
            });
        }
    });
    let elapsed = clock.now().since(start).as_nanos();
    let allowed = capacity + elapsed * amount / window;
    let admitted = admitted.into_inner().expect("no panic");
    assert!(admitted <= allowed, "excess of {}", admitted - allowed);
    assert!(admitted * 100 >= allowed * 95, "{admitted} of {allowed}: too little gets through");
}

#[test]
fn threads_get_no_more_than_the_bucket_gives() {
    stress(|shared, clock| shared.take(clock.now(), 1));
}

#[test]
fn threads_that_seldom_read_the_clock_get_no_more_either() {
    stress(|shared, clock| shared.take_lazily(clock, 1));
}

#[test]
fn threads_get_no_more_while_the_limit_is_changed_to_and_fro() {
    let window = Span::from_nanos(100);
    let limits = [Gcra::new(7, window, 50), Gcra::new(3, window, 20)];
    let shared = Shared::new(limits[0]).expect("it fits");
    let clock = Ticking(AtomicU64::new(1 << 30));
    let start = clock.now();
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..50_000 {
                    let taken = shared.take(clock.now(), 1) == Decision::Admit;
                    admitted.fetch_add(u64::from(taken), Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            for round in 0..2_000 {
                assert!(shared.reconfigure(clock.now(), limits[round % 2], Carry::AsIs));
            }
        });
    });
    let elapsed = clock.now().since(start).as_nanos();
    assert!(admitted.into_inner() <= 50 + elapsed * 7 / 100);
}
