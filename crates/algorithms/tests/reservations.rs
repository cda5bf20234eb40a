//! Promises against a history that is replayed from the start at every step: RES-1 to RES-4.

#[path = "oracle/buckets.rs"]
mod buckets;
#[path = "oracle/windows.rs"]
mod windows;

use std::fmt::Debug;

use proptest::prelude::*;
use tidegate_algorithms::reservations::PENDING_MAX;
use tidegate_algorithms::{
    Algorithm, Book, Counter, Decision, Gcra, LeakyBucket, Ledger, Reservation, Reservations,
    ReserveError, SlidingCounter, SlidingLog, TokenBucket,
};
use tidegate_units::{Amounts, Cost, Dimension, EnforcedAs, Instant, Limit, Scope, Span};

use buckets::breaks_a_bucket;
use windows::most_in_a_window;

const WINDOW: Span = Span::from_micros(10);

/// What may happen to a table of reservations.
#[derive(Debug, Clone, Copy)]
enum Act {
    Wait { nanos: u64 },
    StepBack { nanos: u64 },
    Reserve { cost: u64, within: u64 },
    Take { cost: u64 },
    Cancel { which: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let window = WINDOW.as_nanos();
    let cost = || prop_oneof![8 => 1_u64..4, 1 => 0_u64..9];
    let act = prop_oneof![
        4 => (0..window / 3).prop_map(|nanos| Act::Wait { nanos }),
        1 => (0..3 * window).prop_map(|nanos| Act::Wait { nanos }),
        1 => (0..2 * window).prop_map(|nanos| Act::StepBack { nanos }),
        6 => (cost(), 0..4 * window).prop_map(|(cost, within)| Act::Reserve { cost, within }),
        3 => cost().prop_map(|cost| Act::Take { cost }),
        4 => (0_usize..40).prop_map(|which| Act::Cancel { which }),
    ];
    proptest::collection::vec(act, 1..50)
}

/// A table, and all that was ever promised and not cancelled, in that order.
struct Play<'a, B: Book> {
    fresh: B,
    costs: &'a dyn Fn(u64) -> B::Cost,
    table: Reservations<B>,
    promised: Vec<Reservation<B::Cost>>,
    now: Instant,
    latest: Instant,
}

impl<B: Book<Cost: Debug + PartialEq> + Debug> Play<'_, B> {
    /// The history without what was cancelled, from the start. Every promise has room at its instant
    /// in it: RES-2.
    fn replay(&self) -> B {
        let mut book = self.fresh.clone();
        let mut previous = Instant::ZERO;
        for promise in &self.promised {
            assert!(promise.at >= previous, "nobody overtakes");
            assert_eq!(book.decide(promise.at, &promise.cost), Decision::Admit, "RES-2");
            book.record(promise.at, &promise.cost);
            previous = promise.at;
        }
        book
    }

    /// The first instant at which there is room, as the replayed history has it.
    fn first_room(&self, cost: &B::Cost) -> Option<Instant> {
        let last = self.promised.last().map_or(self.latest, |last| last.at.max(self.latest));
        match self.replay().decide(last, cost) {
            Decision::Admit => Some(last),
            Decision::Later { retry_after } => Some(last + retry_after),
            Decision::Never => None,
        }
    }

    /// What is left of the table when the instant is all that has changed.
    fn untouched(&self) -> String {
        let mut table = self.table.clone();
        table.mature(self.now);
        format!("{table:?}")
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Wait { nanos } => self.now = self.now + Span::from_nanos(nanos),
            Act::StepBack { nanos } => self.now = self.now - Span::from_nanos(nanos),
            Act::Reserve { cost, within } => self.reserve(cost, Span::from_nanos(within)),
            Act::Take { cost } => self.take(cost),
            Act::Cancel { which } => self.cancel(which),
        }
        self.latest = self.latest.max(self.now);
        self.table.mature(self.now);
        let pending: Vec<_> = self.table.pending().cloned().collect();
        let due = self.promised.partition_point(|promise| promise.at <= self.latest);
        assert_eq!(pending, self.promised[due..], "RES-3");
    }

    fn reserve(&mut self, cost: u64, within: Span) {
        let cost = (self.costs)(cost);
        let room = self.first_room(&cost);
        let before = self.untouched();
        match self.table.reserve(self.now, cost.clone(), within) {
            Ok(promise) => {
                assert_eq!(Some(promise.at), room);
                assert!(promise.at <= self.latest + within);
                assert_eq!(promise.cost, cost);
                self.promised.push(promise);
                return;
            }
            Err(ReserveError::TooLate { wait, within: accepted }) => {
                assert_eq!((Some(self.now + wait), accepted), (room, within));
                assert!(self.now + wait > self.latest + within);
            }
            Err(ReserveError::Never) => assert_eq!(room, None),
            Err(other) => unreachable!("{other}"),
        }
        assert_eq!(before, format!("{:?}", self.table), "RES-4");
    }

    fn take(&mut self, cost: u64) {
        let cost = (self.costs)(cost);
        let room = self.first_room(&cost);
        let before = self.untouched();
        match self.table.take(self.now, cost.clone()) {
            Decision::Admit => {
                assert_eq!(room, Some(self.latest), "nobody overtakes");
                self.promised.push(Reservation { id: u64::MAX, at: self.latest, cost });
                return;
            }
            Decision::Later { retry_after } => {
                assert_eq!(room, Some(self.now + retry_after));
                let at = |at: Instant| self.table.clone().take(at, cost.clone());
                let just_before = self.now + retry_after - Span::from_nanos(1);
                assert_ne!(at(just_before), Decision::Admit, "1 ns early");
                assert_eq!(at(self.now + retry_after), Decision::Admit, "the wait is exact");
            }
            Decision::Never => assert_eq!(room, None),
        }
        assert_eq!(before, format!("{:?}", self.table), "RES-4");
    }

    fn cancel(&mut self, which: usize) {
        let Some(index) = which.checked_rem(self.promised.len()) else {
            return;
        };
        let promise = self.promised[index].clone();
        let given = self.table.cancel(self.now, promise.id);
        if promise.at <= self.latest {
            assert_eq!(given, None, "what is due is not taken back");
            return;
        }
        assert_eq!(given, Some(promise.cost), "RES-2: all of it");
        self.promised.remove(index);
        assert_eq!(self.table.cancel(self.now, promise.id), None, "and only once");
    }
}

/// Plays a history and answers what was promised and not cancelled.
fn play<B: Book<Cost: Debug + PartialEq> + Debug>(
    book: B,
    costs: &dyn Fn(u64) -> B::Cost,
    acts: &[Act],
) -> Vec<(Instant, B::Cost)> {
    // Far from the origin, so that stepping back has somewhere to go.
    let now = Instant::from_nanos(1 << 40);
    let mut table = Reservations::new(book.clone());
    table.mature(now);
    let mut play = Play { fresh: book, costs, table, promised: Vec::new(), now, latest: now };
    for act in acts {
        play.act(*act);
    }
    play.replay();
    play.promised.into_iter().map(|promise| (promise.at, promise.cost)).collect()
}

fn play_counter<A: Algorithm>(algorithm: A, acts: &[Act]) -> Vec<(Instant, u64)> {
    play(Counter::full(algorithm), &|cost| cost, acts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn promises_keep_a_window_limit(acts in acts(), amount in 1_u64..8, segments in 1_u64..=64) {
        for spent in [
            play_counter(SlidingLog::new(amount, WINDOW), &acts),
            play_counter(SlidingCounter::new(amount, WINDOW, segments), &acts),
        ] {
            prop_assert!(most_in_a_window(&spent, WINDOW) <= amount.into(), "RES-1");
        }
    }

    #[test]
    fn promises_keep_a_bucket_limit(acts in acts(), amount in 1_u64..8, capacity in 1_u64..8) {
        for spent in [
            play_counter(TokenBucket::new(amount, WINDOW, capacity), &acts),
            play_counter(LeakyBucket::new(amount, WINDOW, capacity), &acts),
            play_counter(Gcra::new(amount, WINDOW, capacity), &acts),
        ] {
            prop_assert!(!breaks_a_bucket(&spent, amount, WINDOW, capacity), "RES-1");
        }
    }

    #[test]
    fn promises_keep_all_limits_of_a_ledger(
        acts in acts(), requests in 1_u64..4, tokens in 1_u64..9,
    ) {
        let window = Span::from_millis(1);
        let limit = |dimension, amount, shape| {
            let limit = Limit::new(dimension, amount, window).expect("a limit");
            limit.enforced_as(shape).guard(Span::ZERO).expect("no guard")
        };
        let limits = [
            limit(Dimension::Requests, requests, EnforcedAs::SlidingWindow),
            limit(Dimension::Tokens, tokens, EnforcedAs::TokenBucket),
        ];
        // The same history, stretched to the shortest window that a limit may have.
        let stretched: Vec<Act> = acts.iter().map(|act| stretch(*act, 100)).collect();
        let costs = |cost| Cost::request().tokens(cost);
        let spent = play(Ledger::new(Scope::Global, &limits), &costs, &stretched);
        let of = |dimension| -> Vec<(Instant, u64)> {
            spent.iter().map(|(at, cost)| (*at, cost.amount(dimension))).collect()
        };
        prop_assert!(most_in_a_window(&of(Dimension::Requests), window) <= requests.into(), "RES-1");
        prop_assert!(!breaks_a_bucket(&of(Dimension::Tokens), tokens, window, tokens), "RES-1");
    }
}

fn stretch(act: Act, by: u64) -> Act {
    match act {
        Act::Wait { nanos } => Act::Wait { nanos: nanos * by },
        Act::StepBack { nanos } => Act::StepBack { nanos: nanos * by },
        Act::Reserve { cost, within } => Act::Reserve { cost, within: within * by },
        other => other,
    }
}

#[test]
fn what_a_full_bucket_would_have_spilled_does_not_come_back() {
    let millis = Span::from_millis;
    let bucket = TokenBucket::new(10, Span::from_secs(1), 2);
    let mut table = Reservations::new(Counter::full(bucket));
    let now = Instant::ZERO;
    table.reserve(now, 2, Span::MAX).expect("at once");
    let one = table.reserve(now, 1, Span::MAX).expect("later");
    let two = table.reserve(now, 2, Span::MAX).expect("later still");
    assert_eq!([one.at, two.at], [now + millis(100), now + millis(300)]);
    // Without the first promise the bucket is full after 200 ms, and spills for 100 ms.
    table.cancel(now, one.id).expect("not due");
    assert_eq!(table.reserve(now, 1, Span::MAX).expect("room").at, now + millis(400));
}

#[test]
fn a_table_that_is_full_says_when_to_come_again() {
    let millis = Span::from_millis;
    let mut table = Reservations::new(Counter::full(TokenBucket::new(1, millis(1), 1)));
    let now = Instant::ZERO;
    table.reserve(now, 1, Span::MAX).expect("at once");
    for _ in 0..PENDING_MAX {
        table.reserve(now, 1, Span::MAX).expect("room in the table");
    }
    let full = table.reserve(now, 1, Span::MAX).expect_err("no room");
    assert_eq!(full, ReserveError::Full { wait: millis(1) });
    assert_eq!(table.pending().len(), PENDING_MAX);
    assert!(table.reserve(now + millis(1), 1, Span::MAX).is_ok());
}

#[test]
fn refusals_read_as_sentences() {
    let refusals = [
        ReserveError::Never,
        ReserveError::TooLate { wait: Span::from_secs(3), within: Span::from_millis(1_500) },
        ReserveError::Full { wait: Span::from_millis(20) },
    ];
    insta::assert_snapshot!(refusals.map(|refusal| refusal.to_string()).join("\n"), @r"
    a cost that never fits: reserve at most what the limit lets through at once, or raise the limit
    a wait of 3s: at most 1.5s was accepted, accept more or try again later
    4096 reservations are not due yet, which is the most: the next is due in 20ms
    ");
}

#[test]
fn what_is_due_is_given_back_by_a_refund() {
    let millis = Span::from_millis;
    let bucket = TokenBucket::new(10, Span::from_secs(1), 4);
    let mut table = Reservations::new(Counter::full(bucket));
    let now = Instant::from_nanos(5);
    let due = table.reserve(now, 4, Span::ZERO).expect("at once");
    let later = table.reserve(now, 1, Span::MAX).expect("later");
    assert_eq!(table.cancel(now, due.id), None);
    let given = table.amend(now, |book| book.algorithm.refund(&mut book.state, now, due.at, 3));
    assert_eq!(given, 3);
    let pending: Vec<_> = table.pending().map(|promise| (promise.id, promise.at)).collect();
    assert_eq!(pending, [(later.id, now + millis(100))], "RES-3");
    // Without the refund it would have taken until 400 ms.
    assert_eq!(table.reserve(now, 3, Span::MAX).expect("room").at, later.at);
    assert_eq!(table.present().algorithm.available(&table.present().state, now), 3);
}

#[test]
fn what_only_a_loan_keeps_from_fitting_is_never_promised() {
    let limits = ["4 requests per minute".parse().expect("a limit")];
    let mut ledger = Ledger::new(Scope::Global, &limits);
    ledger.lend(Instant::ZERO, &Amounts::of(Dimension::Requests, 3)).expect("it fits");
    let mut table = Reservations::new(ledger);
    let refused = table.reserve(Instant::ZERO, Cost::request().requests(2), Span::MAX);
    assert_eq!(refused, Err(ReserveError::Never));
    assert!(table.reserve(Instant::ZERO, Cost::request(), Span::ZERO).is_ok());
}

#[test]
fn the_last_instants_of_the_clock_promise_nothing_twice() {
    let mut table = Reservations::new(Counter::full(TokenBucket::new(1, Span::from_secs(1), 1)));
    let now = Instant::MAX - Span::from_nanos(2);
    assert_eq!(table.take(now, 1), Decision::Admit);
    assert_eq!(table.reserve(now, 1, Span::MAX), Err(ReserveError::Never));
    assert_eq!(table.take(Instant::MAX, 1), Decision::Never);
}
