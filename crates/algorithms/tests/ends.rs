//! Where numbers end: the last instants of the clock, the largest amounts, a clock far behind.

use tidegate_algorithms::{
    Algorithm, Carry, Decision, Gcra, LeakyBucket, SlidingCounter, SlidingLog, TokenBucket,
};
use tidegate_units::{Instant, Span};

const LAST: Instant = Instant::MAX;

/// How many single permits pass at one instant, counted no further than to `stop`.
fn burst<A: Algorithm>(algorithm: &A, state: &mut A::State, now: Instant, stop: u64) -> u64 {
    let admits = |_: &u64| algorithm.take(state, now, 1) == Decision::Admit;
    u64::try_from((0..stop).take_while(admits).count()).expect("small")
}

/// ALG-1 and ALG-4: what was spent on the last instants of the clock is not forgotten on the very last.
fn keeps_its_limit_until_the_end<A: Algorithm>(algorithm: &A) {
    let mut state = algorithm.full();
    let before = LAST - Span::from_nanos(5);
    assert_eq!(burst(algorithm, &mut state, before, 10), 3);
    assert_eq!(burst(algorithm, &mut state, LAST, 10), 0, "{algorithm:?}");
    let wait = Span::from_nanos(1);
    assert_eq!(algorithm.decide(&state, LAST, 1), Decision::Later { retry_after: wait });

    let mut state = algorithm.full();
    assert_eq!(burst(algorithm, &mut state, LAST, 10), 3, "{algorithm:?}");
}

#[test]
fn the_end_of_the_clock_mints_nothing() {
    let second = Span::from_secs(1);
    keeps_its_limit_until_the_end(&TokenBucket::new(3, second, 3));
    keeps_its_limit_until_the_end(&LeakyBucket::new(3, second, 3));
    keeps_its_limit_until_the_end(&Gcra::new(3, second, 3));
    keeps_its_limit_until_the_end(&SlidingLog::new(3, second));
    keeps_its_limit_until_the_end(&SlidingCounter::new(3, second, 10));
}

/// What passes at `now` when everything is asked for in large pieces.
fn most_at_once<A: Algorithm>(algorithm: &A, now: Instant) -> u128 {
    let mut state = algorithm.full();
    let pieces = [u64::MAX, u64::MAX / 2, u64::MAX / 2, u64::MAX / 2, 1, 1, 1];
    let admitted = |cost: &u64| algorithm.take(&mut state, now, *cost) == Decision::Admit;
    pieces.into_iter().filter(admitted).map(u128::from).sum()
}

#[test]
fn the_largest_numbers_let_no_more_than_the_capacity_through() {
    let numbers = [1, 1 << 40, u64::MAX / 2, u64::MAX];
    for (amount, window) in numbers.into_iter().flat_map(|one| numbers.map(|other| (one, other))) {
        let window = Span::from_nanos(window);
        for now in [0, 1 << 40, u64::MAX - 1, u64::MAX].map(Instant::from_nanos) {
            let most = u128::from(u64::MAX);
            assert!(most_at_once(&TokenBucket::new(amount, window, u64::MAX), now) <= most);
            assert!(most_at_once(&LeakyBucket::new(amount, window, u64::MAX), now) <= most);
            assert!(most_at_once(&Gcra::new(amount, window, u64::MAX), now) <= most);
            assert!(most_at_once(&SlidingLog::new(amount, window), now) <= amount.into());
            assert!(most_at_once(&SlidingCounter::new(amount, window, 7), now) <= amount.into());
        }
    }
}

/// A queue behind charges from the future waits for those of its own that count as long as they.
fn waits_out_a_clock_that_is_behind<A: Algorithm>(algorithm: &A) {
    let mut state = algorithm.full();
    algorithm.record(&mut state, Instant::from_nanos(1_000), 1);
    let mut now = Instant::from_nanos(500);
    let promised = algorithm.earliest(&state, now, 3);
    for _ in 0..3 {
        if let Decision::Later { retry_after } = algorithm.decide(&state, now, 1) {
            now = now + retry_after;
        }
        assert_eq!(algorithm.take(&mut state, now, 1), Decision::Admit);
    }
    assert_eq!(promised, now, "{algorithm:?}");
}

#[test]
fn the_wait_of_a_queue_holds_when_the_clock_has_stepped_back() {
    let window = Span::from_nanos(1_000);
    waits_out_a_clock_that_is_behind(&SlidingLog::new(2, window));
    waits_out_a_clock_that_is_behind(&SlidingCounter::new(2, window, 10));
    waits_out_a_clock_that_is_behind(&TokenBucket::new(2, window, 2));
    waits_out_a_clock_that_is_behind(&LeakyBucket::new(2, window, 2));
    waits_out_a_clock_that_is_behind(&Gcra::new(2, window, 2));
}

#[test]
fn a_clock_that_is_behind_gives_nothing_back_of_a_later_charge() {
    fn check<A: Algorithm>(algorithm: &A) {
        let at = Instant::from_nanos;
        let mut state = algorithm.full();
        algorithm.record(&mut state, at(100), 1);
        // By now the first charge is forgotten; then the clock steps back to when it was not.
        algorithm.record(&mut state, at(1_250), 1);
        assert_eq!(algorithm.refund(&mut state, at(1_000), at(100), 1), 0, "{algorithm:?}");

        // Nor when the latest charge has been given back, and with it the entry that says how late.
        let mut state = algorithm.full();
        for charged in [100, 600, 1_150] {
            algorithm.record(&mut state, at(charged), 1);
        }
        assert_eq!(algorithm.refund(&mut state, at(1_150), at(1_150), 1), 1, "{algorithm:?}");
        assert_eq!(algorithm.refund(&mut state, at(1_000), at(100), 1), 0, "{algorithm:?}");
    }
    let window = Span::from_nanos(1_000);
    check(&SlidingLog::new(5, window));
    check(&SlidingCounter::new(5, window, 100));
}

#[test]
fn a_refund_counts_what_drained_until_the_latest_charge() {
    let at = Instant::from_nanos;
    let bucket = LeakyBucket::new(1, Span::from_nanos(5), 5);
    let mut state = bucket.full();
    bucket.record(&mut state, at(0), 1);
    bucket.record(&mut state, at(1), 3);
    // The clock is back at 0, but a fifth of the first permit had drained by 1.
    let _ = bucket.refund(&mut state, at(0), at(0), 1);
    let mut without = bucket.full();
    bucket.record(&mut without, at(1), 3);
    assert_eq!(bucket.reset_at(&state, at(1)), bucket.reset_at(&without, at(1)));
}

#[test]
fn a_change_on_a_clock_that_is_behind_forgets_nothing_earlier() {
    let at = Instant::from_nanos;
    let window = Span::from_nanos(1_000);
    let (coarse, fine) = (SlidingCounter::new(4, window, 10), SlidingCounter::new(4, window, 50));
    let mut state = coarse.full();
    coarse.record(&mut state, at(99), 3);
    let state = coarse.reconfigured(&state, at(10), &fine, Carry::Additive);
    assert_eq!(fine.available(&state, at(1_098)), 1, "ALG-7");
    assert_eq!(fine.available(&state, at(1_099)), 4);
}

#[test]
fn a_refund_takes_nobodys_word_for_how_late_it_is() {
    fn check<A: Algorithm>(algorithm: &A) {
        let at = Instant::from_nanos;
        let mut state = algorithm.full();
        algorithm.record(&mut state, at(10), 2);
        assert_eq!(algorithm.refund(&mut state, at(9_000), at(10), 1), 0, "all has dripped in");
        assert_eq!(algorithm.available(&state, at(20)), 0, "ALG-4: {algorithm:?}");
    }
    let window = Span::from_nanos(1_000);
    check(&TokenBucket::new(1, window, 2));
    check(&LeakyBucket::new(1, window, 2));
    check(&Gcra::new(1, window, 2));
}
