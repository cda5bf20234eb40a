//! Keyed limiters against an oracle per key, floods and threads: KEY-1, KEY-2, KEY-4.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use proptest::prelude::*;
use tidegate_algorithms::{
    Algorithm, Answer, CompactKeyed, Decision, Gcra, GcraState, KeyRule, Keyed, Timed,
};
use tidegate_units::{Dimension, Instant, Limit, ManualClock, Span};

/// Half of how far ticks of a nanosecond reach in a compact table.
const HALF_RANGE: u64 = 1 << 38;

/// `amount` per `window`, as a bucket of `burst`.
fn bucket(amount: u64, window: Span, burst: u64) -> Limit {
    let limit = Limit::new(Dimension::Requests, amount, window).expect("in range");
    limit.burst(burst).expect("in range").guard(Span::ZERO).expect("in range")
}

/// Either kind of table.
trait Table {
    fn ask(&self, key: u64, cost: u64, now: Instant) -> Answer;
    fn sweep_some(&self, now: Instant) -> usize;
}

impl Table for Keyed<u64> {
    fn ask(&self, key: u64, cost: u64, now: Instant) -> Answer {
        self.check_n(&key, cost, now)
    }
    fn sweep_some(&self, now: Instant) -> usize {
        self.sweep(now)
    }
}

impl Table for CompactKeyed {
    fn ask(&self, key: u64, cost: u64, now: Instant) -> Answer {
        self.check_n(&key, cost, now)
    }
    fn sweep_some(&self, now: Instant) -> usize {
        self.sweep(now)
    }
}

/// Let time pass (or step back), then ask, and perhaps sweep.
#[derive(Debug, Clone, Copy)]
struct Step {
    nanos: i64,
    key: u64,
    cost: u64,
    sweep: bool,
}

/// Steps around `interval` long; some back, some over gaps about as long as ticks reach.
fn steps(interval: i64, keys: u64) -> impl Strategy<Value = Vec<Step>> {
    let range = i64::try_from(2 * HALF_RANGE).expect("small");
    let near = -2 * interval..=2 * interval;
    let nanos = prop_oneof![
        6 => 0..=interval,
        4 => Just(0),
        3 => -2 * interval..=0,
        2 => 0..=interval * 8,
        1 => (1..=5_i64, near).prop_map(move |(halves, off)| halves * (range / 2) + off),
    ];
    let cost = prop_oneof![8 => Just(1_u64), 2 => 2..5_u64, 1 => Just(0), 1 => Just(9)];
    let step = (nanos, 0..keys, cost, proptest::bool::weighted(0.1))
        .prop_map(|(nanos, key, cost, sweep)| Step { nanos, key, cost, sweep });
    proptest::collection::vec(step, 1..150)
}

fn advance(now: Instant, nanos: i64) -> Instant {
    let span = Span::from_nanos(nanos.unsigned_abs());
    if nanos < 0 { now - span } else { now + span }
}

/// What each key was admitted, at the latest instant of its admissions by then.
fn admitted(table: &impl Table, steps: &[Step]) -> HashMap<u64, Vec<(Instant, u64)>> {
    let mut all: HashMap<u64, Vec<(Instant, u64)>> = HashMap::new();
    let mut now = Instant::from_nanos(1 << 30);
    for step in steps {
        now = advance(now, step.nanos);
        if step.sweep {
            let _ = table.sweep_some(now);
        }
        if table.ask(step.key, step.cost, now).is_admitted() && step.cost > 0 {
            let of_key = all.entry(step.key).or_default();
            let furthest = of_key.last().map_or(now, |(last, _)| now.max(*last));
            of_key.push((furthest, step.cost));
        }
    }
    all
}

/// Whether some interval holds more than the rule lets through.
fn breaks(admitted: &[(Instant, u64)], rule: &KeyRule) -> bool {
    (0..admitted.len()).any(|first| {
        let mut sum = 0;
        admitted[first..].iter().any(|(at, cost)| {
            sum += cost;
            sum > rule.worst_case(at.since(admitted[first].0) + Span::from_nanos(1))
        })
    })
}

/// KEY-1 for both kinds, however small the table.
fn no_key_breaks_its_limit(limit: &Limit, keys: usize, seed: u64, steps: &[Step]) {
    let rule = KeyRule::new(limit);
    let exact: Keyed<u64> = Keyed::with_seed(rule, keys, seed);
    for (key, admitted) in admitted(&exact, steps) {
        assert!(!breaks(&admitted, &rule), "KEY-1: exact, key {key}: {admitted:?}");
    }
    let compact = CompactKeyed::with_seed(rule, keys, seed);
    for (key, admitted) in admitted(&compact, steps) {
        assert!(!breaks(&admitted, &rule), "KEY-1: compact, key {key}: {admitted:?}");
    }
}

/// A refusal with a time is kept to the nanosecond.
fn refusals_are_tight(table: &impl Table, steps: &[Step]) {
    let mut now = Instant::from_nanos(1 << 30);
    for step in steps {
        now = now + Span::from_nanos(step.nanos.unsigned_abs());
        if let Decision::Later { retry_after } = table.ask(step.key, step.cost, now).decision {
            let early = now + (retry_after - Span::from_nanos(1));
            assert!(!table.ask(step.key, step.cost, early).is_admitted(), "1 ns early");
            now = now + retry_after;
            assert!(table.ask(step.key, step.cost, now).is_admitted(), "not at {retry_after}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// With room for all, an exact table says what an algorithm of its own for each key would say, to
    /// the nanosecond, whatever the clock does.
    #[test]
    fn an_exact_table_is_one_gcra_per_key(
        steps in steps(333_333, 20), burst in 1..8_u64,
        // A permit is a whole number of quarters or thirds of a nanosecond; others are rounded up.
        amount in proptest::sample::select(vec![1_u64, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16]),
    ) {
        let limit = bucket(amount, Span::from_millis(1), burst);
        let table: Keyed<u64> = Keyed::new(&limit, 20);
        let gcra = Gcra::new(amount, Span::from_millis(1), burst);
        let mut states: HashMap<u64, GcraState> = HashMap::new();
        let mut now = Instant::from_nanos(1 << 30);
        for step in &steps {
            now = advance(now, step.nanos);
            let state = states.entry(step.key).or_insert_with(|| gcra.full());
            let expected = gcra.take(state, now, step.cost);
            prop_assert_eq!(table.ask(step.key, step.cost, now).decision, expected);
        }
        prop_assert_eq!(table.overflowed(), 0);
    }

    /// Ticks of a nanosecond, which reach round every nine minutes.
    #[test]
    fn no_key_of_a_fast_limit_is_admitted_more(
        steps in steps(1_000, 12), burst in 1..6_u64, keys in 1..12_usize, seed in any::<u64>(),
    ) {
        no_key_breaks_its_limit(&bucket(1_000, Span::from_millis(1), burst), keys, seed, &steps);
    }

    /// Ticks of several microseconds.
    #[test]
    fn no_key_of_a_slow_limit_is_admitted_more(
        steps in steps(100_000_000, 12), burst in 1..6_u64, keys in 1..12_usize, seed in any::<u64>(),
    ) {
        no_key_breaks_its_limit(&bucket(10, Span::from_secs(1), burst), keys, seed, &steps);
    }

    /// KEY-1 for limits in windows: no window holds more than the amount.
    #[test]
    fn no_window_of_a_key_holds_more_than_its_amount(
        steps in steps(10_000_000, 4), amount in 1..30_u64, burst in 1..30_u64, keys in 1..6_usize,
    ) {
        let limit = Limit::new(Dimension::Requests, amount, Span::from_millis(200)).expect("in range");
        let rule = KeyRule::new(&limit).with_burst(burst);
        let window = limit.shaped_window();
        for admitted in [
            admitted(&Keyed::<u64>::with_rule(rule, keys), &steps),
            admitted(&CompactKeyed::with_rule(rule, keys), &steps),
        ] {
            for times in admitted.values() {
                for (end, _) in times {
                    let inside = |at: &Instant| at <= end && end.since(*at) < window;
                    let held: u64 =
                        times.iter().filter(|(at, _)| inside(at)).map(|(_, cost)| cost).sum();
                    prop_assert!(held <= amount, "KEY-1: {} of {}", held, amount);
                }
            }
        }
    }

    #[test]
    fn a_refusal_says_when_to_the_nanosecond(steps in steps(100_000, 6), burst in 4..8_u64) {
        let limit = bucket(7, Span::from_millis(1), burst);
        refusals_are_tight(&Keyed::<u64>::new(&limit, 1_000), &steps);
        refusals_are_tight(&CompactKeyed::new(&limit, 1_000), &steps);
    }

    #[test]
    fn a_batch_is_one_after_the_other(steps in steps(1_000, 50), burst in 1..4_u64) {
        let rule = KeyRule::new(&bucket(1_000, Span::from_millis(1), burst));
        let asked: Vec<(&u64, u64)> = steps.iter().map(|step| (&step.key, step.cost)).collect();
        let now = Instant::from_nanos(5);
        let mut answers = Vec::new();
        let exact = [(); 2].map(|()| Keyed::<u64>::with_seed(rule, 10, 1));
        exact[0].check_many(&asked, now, &mut answers);
        for ((key, cost), answer) in asked.iter().zip(&answers) {
            prop_assert_eq!(exact[1].check_n(*key, *cost, now), *answer);
        }
        let compact = [(); 2].map(|()| CompactKeyed::with_seed(rule, 10, 1));
        compact[0].check_many(&asked, now, &mut answers);
        prop_assert_eq!(answers.len(), asked.len());
        for ((key, cost), answer) in asked.iter().zip(&answers) {
            prop_assert_eq!(compact[1].check_n(*key, *cost, now), *answer);
        }
    }

    #[test]
    fn extreme_numbers_do_not_panic(
        amount in 1..=Limit::AMOUNT_MAX, burst in 1..=Limit::AMOUNT_MAX,
        window in Limit::WINDOW_MIN.as_nanos()..=Limit::WINDOW_MAX.as_nanos(),
        times in proptest::collection::vec(any::<u64>(), 1..30), cost in any::<u64>(),
    ) {
        let limit = bucket(amount, Span::from_nanos(window), burst);
        let exact: Keyed<u64> = Keyed::new(&limit, 2);
        let compact = CompactKeyed::new(&limit, 2);
        for nanos in times {
            let now = Instant::from_nanos(nanos);
            for cost in [1, cost] {
                let _ = (exact.ask(nanos % 7, cost, now), compact.ask(nanos % 7, cost, now));
            }
            let _ = (exact.sweep(now), compact.sweep(now), compact.len(now));
        }
    }
}

/// A slow compact bucket against the exact one: late by at most two ticks per permit, never early.
#[test]
fn a_compact_table_is_late_by_two_ticks_per_permit_at_most() {
    let limit = bucket(10, Span::from_secs(1), 5);
    let (exact, compact) = (Keyed::<u64>::new(&limit, 1), CompactKeyed::new(&limit, 1));
    let now = Instant::from_nanos(123_456_789);
    let wait = |table: &dyn Fn(u64) -> Answer, cost| match table(cost).decision {
        Decision::Later { retry_after } => retry_after,
        other => panic!("{other:?}"),
    };
    assert!(exact.check_n(&1, 5, now).is_admitted() && compact.check_n(&1, 5, now).is_admitted());
    for cost in 1..=5 {
        let ours = wait(&|cost| compact.check_n(&1, cost, now), cost);
        let true_wait = wait(&|cost| exact.check_n(&1, cost, now), cost);
        // A tick of this limit is 2^14 ns.
        assert!(ours + Span::from_nanos(1 << 14) > true_wait);
        assert!(ours <= true_wait + Span::from_nanos((2 * cost) << 14), "{ours} for {true_wait}");
    }
}

/// KEY-2: made-up keys fill the table and the shared bucket, and neither refill nor evict anybody.
fn a_flood_refills_nobody(table: &impl Table, most: u64) {
    const VICTIMS: u64 = 50;
    let now = Instant::from_nanos(1 << 30);
    for victim in 0..VICTIMS {
        assert!(table.ask(victim, 2, now).is_admitted());
    }
    let mut admitted = 0;
    for key in 0..1_000_000 {
        admitted += u64::from(table.ask(VICTIMS + key, 2, now).is_admitted());
        let answer = table.ask(key % VICTIMS, 1, now);
        assert!(!answer.is_admitted() && !answer.overflowed, "KEY-2: after {key} made-up keys");
    }
    assert!(admitted <= most, "{admitted} of {most}");
    // When all is over, everybody is where they were.
    let later = now + Span::from_millis(2_010);
    for victim in 0..VICTIMS {
        assert!(table.ask(victim, 2, later).is_admitted());
        assert!(!table.ask(victim, 1, later).is_admitted());
    }
}

#[test]
fn a_flood_of_keys_starves_itself() {
    let limit = bucket(2, Span::from_secs(2), 2);
    let exact: Keyed<u64> = Keyed::new(&limit, 1_000);
    a_flood_refills_nobody(&exact, u64::try_from(exact.capacity_keys()).expect("few") + 64);
    assert!(exact.overflowed() > 0 && exact.len() <= exact.capacity_keys(), "KEY-3");
    let compact = CompactKeyed::new(&limit, 1_000);
    a_flood_refills_nobody(&compact, 2_000 + 64);
    assert!(compact.overflowed() > 0);
}

#[test]
fn keys_that_do_not_fit_share_one_bucket_and_are_told() {
    let limit = bucket(1, Span::from_secs(1), 1);
    let table: Keyed<u64> = Keyed::new(&limit, 2);
    let now = Instant::ZERO;
    let answers: Vec<_> = (0..4).map(|key| table.check(&key, now)).collect();
    let said: Vec<_> = answers.iter().map(|it| (it.is_admitted(), it.overflowed)).collect();
    assert_eq!(said, [(true, false), (true, false), (true, true), (false, true)]);
    assert_eq!((table.len(), table.capacity_keys(), table.overflowed()), (2, 2, 1));
    // A second later there is room, and what the shared bucket gave is paid back.
    let later = now + Span::from_secs(1);
    assert_eq!(table.check(&2, later), Answer { decision: Decision::Admit, overflowed: false });
    assert!(!table.check(&2, later).is_admitted());
}

/// However unevenly a hash spreads them over the shards.
#[test]
fn as_many_keys_as_were_asked_for_have_room() {
    const KEYS: u64 = 50_000;
    let rule = KeyRule::new(&bucket(1, Span::from_secs(1), 1));
    let keys = usize::try_from(KEYS).expect("small");
    for seed in 0..3 {
        let table: Keyed<u64> = Keyed::with_seed(rule, keys, seed);
        assert!((0..KEYS).all(|key| table.check(&key, Instant::ZERO).is_admitted()));
        assert_eq!((table.len(), table.overflowed()), (keys, 0), "seed {seed}");
    }
}

/// With another, one table in a hundred has more keys in two lines than fit there: they share a bucket.
const SEED: u64 = 7;

/// 64 shards of 2048 places, of which a call looks at two.
#[test]
fn a_sweep_looks_at_some_places_and_the_next_goes_on_from_there() {
    let rule = KeyRule::new(&bucket(1, Span::from_secs(1), 1));
    let table: Keyed<u64> = Keyed::with_seed(rule, 50_000, SEED);
    assert!((0..50_000).all(|key| table.check(&key, Instant::ZERO).is_admitted()));
    let later = Instant::ZERO + Span::from_secs(1);
    assert!((0..32).all(|_| (1..=4_096).contains(&table.sweep(later))));
    assert!(table.is_empty(), "{} are left", table.len());
}

#[test]
fn sweeping_drops_what_is_full_again_and_nothing_else() {
    let limit = bucket(1, Span::from_secs(1), 1);
    let rule = KeyRule::new(&limit);
    let exact = Keyed::<u64>::with_seed(rule, 100, SEED);
    let compact = CompactKeyed::with_seed(rule, 100, SEED);
    for key in 0..100 {
        let now = Instant::ZERO + Span::from_millis(10) * key;
        assert!(exact.check(&key, now).is_admitted() && compact.check(&key, now).is_admitted());
    }
    let now = Instant::ZERO + Span::from_millis(1_499);
    let mut dropped = 0;
    (0..10).for_each(|_| dropped += exact.sweep(now));
    assert_eq!((dropped, exact.len()), (50, 50));
    let live = compact.len(now);
    assert!((50..=51).contains(&live), "{live}: an interval is a tick or two longer");
    assert_eq!(compact.sweep(now), 100 - live);
    for key in 50..100 {
        assert!(!exact.check(&key, now).is_admitted(), "KEY-2: {key}");
        assert!(!compact.check(&key, now).is_admitted(), "KEY-2: {key}");
    }
    assert!(compact.is_empty(Instant::MAX) && !exact.is_empty());
    assert!(compact.sharing_probability(now) < 1e-6);
}

/// A whole trip around the range, with a key that is live all the time.
#[test]
fn what_is_old_is_never_taken_for_what_is_to_come() {
    let compact = CompactKeyed::new(&bucket(1_000, Span::from_millis(1), 1), 100);
    let mut now = Instant::ZERO;
    for step in 0..400_u64 {
        // Keys that never come back, and one that does.
        assert!(compact.check(&(1_000 + step), now).is_admitted());
        assert!(compact.check(&1, now).is_admitted(), "step {step} at {now:?}");
        assert!(!compact.check(&1, now + Span::from_nanos(999)).is_admitted());
        now = now + Span::from_nanos(HALF_RANGE / 40 + 1);
    }
    assert!(compact.is_empty(now));
    for gap in [1, 2, 3, 4, 7, 16] {
        now = now + Span::from_nanos(gap * HALF_RANGE);
        assert!(compact.check(&1, now).is_admitted(), "a gap of {gap} halves");
        assert!(!compact.check(&1, now).is_admitted(), "a gap of {gap} halves");
    }
}

/// Four threads ask for the same keys while the clock moves: nobody gets a permit too many.
fn threads_share_every_key(table: &(impl Table + Send + Sync), burst: u64) -> Vec<u64> {
    const THREADS: usize = 4;
    const KEYS: usize = 24;
    const ROUNDS: u64 = 400;
    let totals: Vec<AtomicU64> = (0..KEYS).map(|_| AtomicU64::new(0)).collect();
    let barrier = Arc::new(Barrier::new(THREADS));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (totals, barrier) = (&totals, Arc::clone(&barrier));
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    barrier.wait();
                    // Full again, all of them: every slot is up for whoever comes first.
                    let now = Instant::from_nanos(round * burst * 1_000);
                    for turn in 0..KEYS * 4 {
                        let key = (turn * (1 + 2 * thread) + thread) % KEYS;
                        let number = u64::try_from(key).expect("small");
                        if table.ask(number, 1, now).is_admitted() {
                            totals[key].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let most = ROUNDS * burst;
    for (key, total) in totals.iter().enumerate() {
        let total = total.load(Ordering::Relaxed);
        assert!(total <= most, "KEY-1, KEY-4: key {key}: {total} of {most}");
    }
    totals.into_iter().map(AtomicU64::into_inner).collect()
}

#[test]
fn threads_get_no_permit_too_many() {
    let limit = bucket(1_000, Span::from_millis(1), 3);
    let exact: Keyed<u64> = Keyed::new(&limit, 24);
    let totals = threads_share_every_key(&exact, 3);
    assert!(totals.iter().all(|total| *total == 1_200), "and none too few: {totals:?}");
    // With room to spare, and with hardly any.
    threads_share_every_key(&CompactKeyed::new(&limit, 1_000), 3);
    threads_share_every_key(&CompactKeyed::new(&limit, 13), 3);
    threads_share_every_key(&CompactKeyed::new(&limit, 4), 3);
    threads_share_every_key(&Keyed::<u64>::new(&limit, 8), 3);
}

#[test]
fn a_table_with_a_clock_goes_by_it() {
    let limit = bucket(1, Span::from_secs(1), 1);
    let names = Timed::new(Keyed::<String>::new(&limit, 10), ManualClock::default());
    let users = Timed::new(CompactKeyed::new(&limit, 10), ManualClock::default());
    let mut answers = Vec::new();
    for _ in 0..3 {
        assert!(names.check("ada").is_admitted() && users.check("ada").is_admitted());
        names.check_many(&[("ada", 1), ("grace", 1)], &mut answers);
        assert_eq!(answers.iter().filter(|answer| answer.is_admitted()).count(), 1);
        users.check_many(&[("ada", 1), ("grace", 1)], &mut answers);
        assert_eq!(answers.iter().filter(|answer| answer.is_admitted()).count(), 1);
        names.clock().advance(Span::from_millis(1_001));
        users.clock().advance(Span::from_millis(1_001));
    }
    assert_eq!((names.sweep(), names.limiter().len()), (2, 0));
    assert_eq!(users.sweep(), 2);
}
