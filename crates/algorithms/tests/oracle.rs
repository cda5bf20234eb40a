//! Every algorithm against a brute-force count: ALG-1 to ALG-5.

use proptest::prelude::*;
use tidegate_algorithms::{
    Algorithm, Balance, Decision, Gcra, LeakyBucket, SlidingLog, TokenBucket,
};
use tidegate_units::{Instant, Span};

/// One step of a trace: let time pass (or step back), then ask.
#[derive(Debug, Clone, Copy)]
struct Step {
    nanos: i64,
    cost: u64,
}

fn steps(window: u64) -> impl Strategy<Value = Vec<Step>> {
    let window = i64::try_from(window).expect("small");
    let nanos = prop_oneof![
        4 => 0..=window / 4,
        1 => Just(0),
        1 => 0..=window * 3,
    ];
    let step = (nanos, prop_oneof![8 => 1_u64..4, 1 => 0_u64..9])
        .prop_map(|(nanos, cost)| Step { nanos, cost });
    proptest::collection::vec(step, 1..60)
}

/// The same, with a clock that now and then steps back.
fn steps_with_a_bad_clock(window: u64) -> impl Strategy<Value = Vec<Step>> {
    let back = i64::try_from(window).expect("small");
    (steps(window), proptest::collection::vec(any::<bool>(), 60)).prop_map(move |(steps, bad)| {
        let turn = |(step, bad): (Step, bool)| {
            if bad { Step { nanos: -(step.nanos % back), ..step } } else { step }
        };
        steps.into_iter().zip(bad).map(turn).collect()
    })
}

fn advance(now: Instant, nanos: i64) -> Instant {
    let span = Span::from_nanos(nanos.unsigned_abs());
    if nanos < 0 { now - span } else { now + span }
}

/// What was admitted, and when: at the latest instant of an admission by then. With a clock that
/// steps back between admissions, that is the only time of which anybody can be sure.
fn run<A: Algorithm>(algorithm: &A, steps: &[Step]) -> Vec<(Instant, u64)> {
    let mut state = algorithm.full();
    // Far from the origin, so that stepping back has somewhere to go.
    let mut now = Instant::from_nanos(1 << 40);
    let mut furthest = Instant::ZERO;
    let mut admitted = Vec::new();
    for step in steps {
        now = advance(now, step.nanos);
        let before = state.clone();
        let decision = algorithm.take(&mut state, now, step.cost);
        match decision {
            Decision::Admit if step.cost == 0 => {}
            Decision::Admit => {
                furthest = furthest.max(now);
                admitted.push((furthest, step.cost));
            }
            Decision::Later { retry_after } => {
                assert_eq!(before, state, "a refusal changes nothing");
                assert_tight(algorithm, &state, now, step.cost, retry_after);
            }
            Decision::Never => assert!(step.cost > algorithm.capacity()),
        }
        assert_eq!(algorithm.debt(&state, now.max(furthest)), 0, "ALG-1");
    }
    admitted
}

/// ALG-2: refused just before the promised instant and at some points on the way; admitted at it.
fn assert_tight<A: Algorithm>(
    algorithm: &A,
    state: &A::State,
    now: Instant,
    cost: u64,
    retry_after: Span,
) {
    assert!(!retry_after.is_zero());
    for part in [0, 1, 2, 3] {
        let early = now + retry_after.div(4) * part;
        let refused = !matches!(algorithm.decide(state, early, cost), Decision::Admit);
        assert!(refused || early >= now + retry_after, "ALG-2: admitted {part}/4 of the way");
    }
    let just_before = now + retry_after - Span::from_nanos(1);
    assert_ne!(algorithm.decide(state, just_before, cost), Decision::Admit, "ALG-2: 1 ns early");
    assert_eq!(algorithm.decide(state, now + retry_after, cost), Decision::Admit, "ALG-2");
}

/// The most that any window `(end - window, end]` holds.
fn most_in_a_window(admitted: &[(Instant, u64)], window: Span) -> u64 {
    let ending = |end: Instant| {
        let inside = |at: Instant| at <= end && end.since(at) < window;
        admitted.iter().filter(|(at, _)| inside(*at)).map(|(_, cost)| cost).sum()
    };
    admitted.iter().map(|(at, _)| ending(*at)).max().unwrap_or(0)
}

/// Whether any interval holds more than a bucket of `capacity` lets through.
fn breaks_a_bucket(admitted: &[(Instant, u64)], amount: u64, window: Span, capacity: u64) -> bool {
    let from = |first: usize| {
        let mut sum = 0;
        admitted[first..].iter().any(|(at, cost)| {
            sum += u128::from(*cost) * u128::from(window.as_nanos());
            let elapsed = u128::from(at.since(admitted[first].0).as_nanos());
            let full = u128::from(capacity) * u128::from(window.as_nanos());
            sum > full + elapsed * u128::from(amount)
        })
    };
    (0..admitted.len()).any(from)
}

const WINDOW: u64 = 1_000;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_window_of_a_log_holds_more_than_its_amount(
        steps in steps_with_a_bad_clock(WINDOW), amount in 1_u64..8,
    ) {
        let window = Span::from_nanos(WINDOW);
        let admitted = run(&SlidingLog::new(amount, window), &steps);
        prop_assert!(most_in_a_window(&admitted, window) <= amount, "ALG-4");
    }

    #[test]
    fn no_interval_of_a_bucket_holds_more_than_burst_and_refill(
        steps in steps_with_a_bad_clock(WINDOW), amount in 1_u64..8, capacity in 1_u64..8,
    ) {
        let window = Span::from_nanos(WINDOW);
        for admitted in [
            run(&TokenBucket::new(amount, window, capacity), &steps),
            run(&Gcra::new(amount, window, capacity), &steps),
            run(&LeakyBucket::new(amount, window, capacity), &steps),
        ] {
            prop_assert!(!breaks_a_bucket(&admitted, amount, window, capacity), "ALG-4");
        }
    }

    #[test]
    fn all_buckets_decide_alike(
        steps in steps(WINDOW), amount in 1_u64..8, capacity in 1_u64..8, debts in any::<u64>(),
    ) {
        let window = Span::from_nanos(WINDOW);
        let bucket = TokenBucket::new(amount, window, capacity);
        let life = life(&bucket, &steps, debts);
        prop_assert_eq!(&life, &self::life(&Gcra::new(amount, window, capacity), &steps, debts));
        let leaky = LeakyBucket::new(amount, window, capacity);
        prop_assert_eq!(&life, &self::life(&leaky, &steps, debts));
    }

    #[test]
    fn a_level_never_falls_while_nothing_is_recorded(
        steps in steps(WINDOW), amount in 1_u64..8, later in 0..3 * WINDOW,
    ) {
        let window = Span::from_nanos(WINDOW);
        let log = SlidingLog::new(amount, window);
        let bucket = TokenBucket::new(amount, window, amount);
        let (mut one, mut other) = (log.full(), bucket.full());
        let mut now = Instant::from_nanos(1 << 40);
        for step in &steps {
            now = advance(now, step.nanos);
            let _ = log.take(&mut one, now, step.cost);
            let _ = bucket.take(&mut other, now, step.cost);
            let then = now + Span::from_nanos(later);
            prop_assert!(log.available(&one, then) >= log.available(&one, now), "ALG-3");
            prop_assert!(bucket.available(&other, then) >= bucket.available(&other, now), "ALG-3");
        }
    }

    /// ALG-5: with charges that were refunded taken out of the history, what is left still keeps the
    /// limit, whenever the refunds come.
    #[test]
    fn a_refund_never_mints(
        steps in steps(WINDOW), amount in 1_u64..8, refunds in any::<u64>(),
    ) {
        let window = Span::from_nanos(WINDOW);
        let log = SlidingLog::new(amount, window);
        let bucket = TokenBucket::new(amount, window, amount);
        let gcra = Gcra::new(amount, window, amount);
        prop_assert!(most_in_a_window(&run_with_refunds(&log, &steps, refunds), window) <= amount);
        for spent in [
            run_with_refunds(&bucket, &steps, refunds),
            run_with_refunds(&gcra, &steps, refunds),
            run_with_refunds(&LeakyBucket::new(amount, window, amount), &steps, refunds),
        ] {
            prop_assert!(!breaks_a_bucket(&spent, amount, window, amount));
        }
    }

    /// The wait that a queue is told: pieces that each fit have all passed by then, and not before.
    #[test]
    fn the_earliest_instant_of_a_queue_is_when_it_has_passed(
        before in steps(WINDOW), amount in 1_u64..8, total in 1_u64..30,
    ) {
        let window = Span::from_nanos(WINDOW);
        check_earliest(&SlidingLog::new(amount, window), &before, total);
        check_earliest(&TokenBucket::new(amount, window, amount), &before, total);
    }

    #[test]
    fn extreme_numbers_do_not_panic(
        amount in any::<u64>(), window in any::<u64>(), capacity in any::<u64>(),
        times in proptest::collection::vec(any::<u64>(), 1..20), cost in any::<u64>(),
    ) {
        let window = Span::from_nanos(window);
        poke(&TokenBucket::new(amount, window, capacity), &times, cost);
        poke(&Gcra::new(amount, window, capacity), &times, cost);
        poke(&LeakyBucket::new(amount, window, capacity), &times, cost);
        poke(&SlidingLog::new(amount, window), &times, cost);
    }
}

/// All that a bucket answers on its way through a trace in which some charges are recorded unasked.
fn life<A: Algorithm>(
    bucket: &A,
    steps: &[Step],
    debts: u64,
) -> Vec<(Decision, Balance, [Instant; 2])> {
    let mut state = bucket.full();
    let mut now = Instant::from_nanos(1 << 40);
    let mut answers = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        now = advance(now, step.nanos);
        if debts >> (index % 64) & 1 == 1 {
            bucket.record(&mut state, now, step.cost);
        }
        let decision = bucket.take(&mut state, now, step.cost);
        let instants = [bucket.reset_at(&state, now), bucket.earliest(&state, now, 20)];
        answers.push((decision, bucket.balance(&state, now), instants));
    }
    answers
}

/// Takes permits and refunds some of them later; answers what stayed spent. Half of the refunds know
/// only that their charge was recorded after the one before it.
fn run_with_refunds<A: Algorithm>(
    algorithm: &A,
    steps: &[Step],
    refunds: u64,
) -> Vec<(Instant, u64)> {
    let mut state = algorithm.full();
    let mut now = Instant::from_nanos(1 << 40);
    let mut spent: Vec<(Instant, u64, Instant)> = Vec::new();
    let mut previous = Instant::ZERO;
    for (index, step) in steps.iter().enumerate() {
        now = advance(now, step.nanos);
        if algorithm.take(&mut state, now, step.cost) == Decision::Admit {
            let vague = (previous + Span::from_nanos(1)).min(now);
            spent.push((now, step.cost, if index % 2 == 0 { now } else { vague }));
            previous = now;
        }
        if refunds >> (index % 64) & 1 == 1 && !spent.is_empty() {
            let (_, cost, recorded) = spent.remove(index % spent.len());
            let _ = algorithm.refund(&mut state, now, recorded, cost);
        }
    }
    spent.into_iter().map(|(at, cost, _)| (at, cost)).collect()
}

fn check_earliest<A: Algorithm>(algorithm: &A, before: &[Step], total: u64) {
    let mut state = algorithm.full();
    let mut now = Instant::from_nanos(1 << 40);
    for step in before {
        now = advance(now, step.nanos);
        let _ = algorithm.take(&mut state, now, step.cost);
    }
    let promised = algorithm.earliest(&state, now, total);
    for _ in 0..total {
        if let Decision::Later { retry_after } = algorithm.decide(&state, now, 1) {
            now = now + retry_after;
        }
        assert_eq!(algorithm.take(&mut state, now, 1), Decision::Admit);
    }
    assert_eq!(now, promised);
}

fn poke<A: Algorithm>(algorithm: &A, times: &[u64], cost: u64) {
    let mut state = algorithm.full();
    for (index, nanos) in times.iter().enumerate() {
        let now = Instant::from_nanos(*nanos);
        let _ = algorithm.take(&mut state, now, cost % 10);
        if index % 3 == 0 {
            algorithm.record(&mut state, now, cost);
        }
        let _ = algorithm.refund(&mut state, now, Instant::from_nanos(nanos / 2), cost / 3);
        let _ = (algorithm.available(&state, now), algorithm.debt(&state, now));
        let _ = (algorithm.reset_at(&state, now), algorithm.earliest(&state, now, cost));
    }
    let _ = algorithm.empty(Instant::from_nanos(times[0]));
}

#[test]
fn a_debt_is_paid_before_anything_passes() {
    let second = Span::from_secs(1);
    let bucket = TokenBucket::new(10, second, 10);
    let mut state = bucket.full();
    bucket.record(&mut state, Instant::ZERO, 25);
    assert_eq!(bucket.debt(&state, Instant::ZERO), 15);
    assert_eq!(bucket.available(&state, Instant::ZERO), 0);
    let later = Span::from_millis(1_600);
    assert_eq!(bucket.decide(&state, Instant::ZERO, 1), Decision::Later { retry_after: later });

    let log = SlidingLog::new(10, second);
    let mut state = log.full();
    log.record(&mut state, Instant::ZERO, 25);
    assert_eq!(log.debt(&state, Instant::ZERO), 15);
    assert_eq!(log.decide(&state, Instant::ZERO, 1), Decision::Later { retry_after: second });
}

#[test]
fn a_log_of_a_million_stays_small_and_exact() {
    let window = Span::from_secs(60);
    let amount = 1_000_000;
    let log = SlidingLog::new(amount, window);
    let mut state = log.full();
    // A charge of one every 10 µs: six million distinct instants in a window.
    let mut now = Instant::ZERO;
    let mut admitted: Vec<(Instant, u64)> = Vec::new();
    for _ in 0..1_200_000 {
        now = now + Span::from_micros(10);
        if log.take(&mut state, now, 1) == Decision::Admit {
            admitted.push((now, 1));
        }
    }
    let bytes = serde_json::to_string(&state).expect("it serialises").len();
    assert!(bytes < 200_000, "{bytes} bytes for a million charges");
    assert_eq!(admitted.len(), 1_000_000, "the first million fits into the window");
    assert_eq!(log.available(&state, now), 0);
    // When the window has passed, all of it is back but for what merging kept a little longer.
    let last = admitted.last().expect("some").0;
    assert_eq!(log.available(&state, last + window), amount);
}

#[test]
fn a_film_of_a_bucket() {
    let bucket = TokenBucket::new(10, Span::from_secs(1), 3);
    let mut state = bucket.full();
    let film: Vec<String> = [(0, 1), (0, 2), (0, 1), (40, 1), (100, 1), (100, 4), (1_000, 3)]
        .into_iter()
        .map(|(millis, cost)| {
            let now = Instant::ZERO + Span::from_millis(millis);
            let said = match bucket.take(&mut state, now, cost) {
                Decision::Admit => format!("admit, {} left", bucket.available(&state, now)),
                Decision::Later { retry_after } => format!("later, in {retry_after}"),
                Decision::Never => "never".to_owned(),
            };
            format!("{millis:>5}ms take {cost}: {said}")
        })
        .collect();
    insta::assert_snapshot!(film.join("\n"), @r"
        0ms take 1: admit, 2 left
        0ms take 2: admit, 0 left
        0ms take 1: later, in 100ms
       40ms take 1: later, in 60ms
      100ms take 1: admit, 0 left
      100ms take 4: never
     1000ms take 3: admit, 0 left
    ");
}
