//! Every interleaving of few threads at a shared bucket: SHARED-1 to SHARED-3, STRIPED-1.
//!
//! Runs only under `RUSTFLAGS="--cfg loom"`.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use tidegate_algorithms::{Carry, Decision, Gcra, Shared, Striped};
use tidegate_units::{Instant, ManualClock, Span};

const NOW: Instant = Instant::from_nanos(1 << 40);

fn bucket(capacity: u64) -> Gcra {
    Gcra::new(1, Span::from_nanos(100), capacity)
}

fn shared(capacity: u64) -> Arc<Shared> {
    Arc::new(Shared::new(bucket(capacity)).expect("it fits"))
}

fn takes(shared: &Shared, times: u64) -> u64 {
    (0..times).map(|_| u64::from(shared.take(NOW, 1) == Decision::Admit)).sum()
}

/// SHARED-1: exactly as many as the bucket holds.
#[test]
fn two_threads_share_out_what_there_is() {
    loom::model(|| {
        let shared = shared(3);
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || takes(&other, 2));
        let mine = takes(&shared, 2);
        assert_eq!(mine + thread.join().unwrap(), 3);
        assert_eq!(shared.available(NOW), 0);
    });
}

/// SHARED-3: nobody reads the clock for the first permits, and still no more are given.
#[test]
fn nor_do_they_get_more_without_a_clock() {
    loom::model(|| {
        let shared = Arc::new(Shared::new(bucket(16)).expect("it fits"));
        shared.record(NOW, 13);
        let other = Arc::clone(&shared);
        let lazily = |shared: &Shared| {
            let clock = ManualClock::at(NOW);
            (0..2).map(|_| u64::from(shared.take_lazily(&clock, 1) == Decision::Admit)).sum::<u64>()
        };
        let thread = thread::spawn(move || lazily(&other));
        let mine = lazily(&shared);
        assert_eq!(mine + thread.join().unwrap(), 3);
    });
}

/// SHARED-2: whoever takes while the limit is lowered took under the old limit or under the new one.
#[test]
fn a_limit_is_lowered_in_one_moment() {
    loom::model(|| {
        let shared = shared(4);
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            assert!(other.reconfigure(NOW, bucket(1), Carry::Additive));
        });
        let before = takes(&shared, 2);
        thread.join().unwrap();
        // What was used stays used: of one, or of four.
        let after = takes(&shared, 2);
        assert!(before >= 1 && before + after <= before.max(1), "{before} and {after}");
    });
}

/// SHARED-2: no moment is read by the rule of another epoch, whose ticks begin elsewhere. By such a
/// rule a bucket of which all is used would look full, or look used up for days.
#[test]
fn what_is_used_up_stays_so_for_as_long_while_the_limit_is_changed() {
    // Days after the origin of the first rule; the next begins to count a day before this.
    const LATE: Instant = Instant::from_nanos(1 << 50);
    loom::model(|| {
        let shared = shared(2);
        assert_eq!(shared.take(LATE, 2), Decision::Admit);
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            assert!(other.reconfigure(LATE, bucket(2), Carry::AsIs));
        });
        let refused = Decision::Later { retry_after: Span::from_nanos(100) };
        assert_eq!(shared.take(LATE, 1), refused);
        assert_eq!(shared.decide(LATE, 1), refused);
        thread.join().unwrap();
        assert_eq!(shared.take(LATE, 1), refused);
    });
}

/// SHARED-1 with debts and refunds: they add up in every order.
#[test]
fn debts_and_refunds_add_up() {
    loom::model(|| {
        let shared = shared(5);
        let other = Arc::clone(&shared);
        shared.record(NOW, 2);
        let thread = thread::spawn(move || {
            other.record(NOW, 2);
            other.refund(NOW, NOW, 1)
        });
        let mine = takes(&shared, 1);
        assert_eq!(thread.join().unwrap(), 1);
        assert_eq!(mine, 1);
        assert_eq!(shared.available(NOW), 1);
    });
}

/// STRIPED-1: two threads on one stripe, one of which has just got it to itself.
#[test]
fn what_is_borrowed_for_a_stripe_is_not_lost_or_doubled() {
    loom::model(|| {
        let clock = ManualClock::at(NOW);
        let striped = Arc::new(Striped::new(bucket(4), 1, 2, clock).expect("it fits"));
        let other = Arc::clone(&striped);
        let admitted = |decision| u64::from(decision == Decision::Admit);
        let thread = thread::spawn(move || {
            let local = other.local().expect("there is one");
            admitted(local.take(1))
        });
        let mine = admitted(striped.take(1));
        let theirs = thread.join().unwrap();
        let rest = (0..9).map(|_| admitted(striped.take(1))).sum::<u64>();
        // 2 can be had at one instant of the 4 that a bucket holds: 2 are kept for what is borrowed.
        assert_eq!(mine + theirs + rest, 2);
    });
}
