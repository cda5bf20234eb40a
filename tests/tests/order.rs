//! Who is next: classes, keys, deadlines, small calls past large ones, full queues, foretold waits.
//!
//! ORD-1, ORD-2 and LIM-2, on the machines of a program, as callers see them.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use tidegate_scheduler::{LimiterConfig, Settlement, Ticket};
use tidegate_tests::stage::{Stage, agent, service, smooth};
use tidegate_units::{
    Amounts, Cost, Dimension, Instant, KeyPolicy, Outcome, Overflow, Priority, QueuePolicy, Reason,
    ScopedPolicies, Share, Span,
};

const SECOND: Span = Span::from_secs(1);
const LONG: Span = Span::from_secs(3_600);

/// Ten calls a second, one at a time.
fn ten_a_second() -> LimiterConfig {
    service(vec![smooth(Dimension::Requests, 10, 1)])
}

/// A hundred tokens a second, a hundred at once.
fn tokens() -> LimiterConfig {
    service(vec![smooth(Dimension::Requests, 1_000, 1_000), smooth(Dimension::Tokens, 100, 100)])
}

fn with_queue(config: LimiterConfig, queue: QueuePolicy) -> LimiterConfig {
    LimiterConfig { queue, ..config }
}

fn ask_class(stage: &mut Stage, class: Priority) -> Ticket {
    let request = stage.request(Cost::request(), LONG).priority(class);
    stage.ask(request)
}

fn ask_key(stage: &mut Stage, key: &str, cost: Cost) -> Ticket {
    let request = stage.request(cost, LONG).labels(agent(key));
    stage.ask(request)
}

/// Takes what there is at the start, so that everybody who comes has to wait.
fn use_up(stage: &mut Stage) {
    let at_once = stage.ask_for(Cost::request());
    assert!(stage.is_granted(at_once));
    stage.granted.clear();
}

/// How many of the first so many who were granted are of a kind.
fn count(stage: &Stage, first: usize, kind: impl Fn(&Stage, Ticket) -> bool) -> usize {
    stage.granted.iter().take(first).filter(|(ticket, _)| kind(stage, *ticket)).count()
}

fn of_class(class: Priority) -> impl Fn(&Stage, Ticket) -> bool {
    move |stage, ticket| stage.asked[&ticket].priority == class
}

fn of_key(key: &str) -> impl Fn(&Stage, Ticket) -> bool {
    let labels = agent(key);
    move |stage, ticket| stage.asked[&ticket].labels.as_deref() == Some(&labels)
}

#[test]
fn strict_classes_are_first_and_every_other_has_its_share() {
    let mut stage = Stage::new(ten_a_second());
    use_up(&mut stage);
    for class in Priority::ALL.into_iter().rev() {
        for _ in 0..if class == Priority::Critical { 10 } else { 150 } {
            ask_class(&mut stage, class);
        }
    }
    stage.pass_until_granted(210);
    assert_eq!(count(&stage, 10, of_class(Priority::Critical)), 10, "LIM-2: strict ones first");
    stage.granted.drain(..10);
    let shares = QueuePolicy::default().shares;
    for first in 0..=200 {
        for class in &Priority::ALL[1..] {
            let served = count(&stage, first, of_class(*class));
            let least = first * usize::from(shares[class.index()].as_per_mille()) / 1_000;
            assert!(served + 1 >= least, "ORD-2: {class} had {served} of {first}");
        }
    }
    let high = count(&stage, 200, of_class(Priority::High));
    assert!(high >= 150, "LIM-2: what nobody is owed is the most urgent's: {high}");
}

#[test]
fn an_idle_share_is_lent_and_taken_back_within_a_call() {
    let mut stage = Stage::new(ten_a_second());
    use_up(&mut stage);
    for _ in 0..60 {
        ask_class(&mut stage, Priority::Background);
    }
    stage.pass_until_granted(40);
    assert_eq!(count(&stage, 40, of_class(Priority::Background)), 40, "lent");
    for _ in 0..30 {
        ask_class(&mut stage, Priority::High);
    }
    stage.pass_until_granted(70);
    stage.granted.drain(..40);
    // Of 30 the background is owed less than one: what it had is not held against it, nor saved up.
    let high = count(&stage, 30, of_class(Priority::High));
    assert!(high >= 29, "ORD-2: taken back within a call, {high} of 30");
    // And it is owed its share again from then on.
    for _ in 0..100 {
        ask_class(&mut stage, Priority::High);
    }
    stage.pass_until_granted(120);
    let background = count(&stage, 120, of_class(Priority::Background));
    assert!(
        (1..=4).contains(&background),
        "ORD-2: not punished for what it was lent: {background}"
    );
}

fn weighted() -> LimiterConfig {
    let weights = [("a".to_owned(), 3)].into();
    let each = [("agent".parse().expect("a name"), KeyPolicy { weights, ..KeyPolicy::default() })];
    let scoped = ScopedPolicies { each: each.into(), ..ScopedPolicies::default() };
    LimiterConfig { scoped, ..ten_a_second() }
}

#[test]
fn keys_take_turns_by_weight_at_every_moment() {
    let mut stage = Stage::new(weighted());
    use_up(&mut stage);
    for _ in 0..100 {
        ask_key(&mut stage, "b", Cost::request());
        ask_key(&mut stage, "a", Cost::request());
    }
    stage.pass_until_granted(120);
    for first in 0..=120 {
        let a = count(&stage, first, of_key("a"));
        assert!((4 * a).abs_diff(3 * first) <= 4, "ORD-1: {a} of {first} for weight 3 of 4");
    }
}

#[test]
fn turns_are_charged_in_what_is_scarce() {
    let mut stage = Stage::new(tokens());
    stage.ask_for(Cost::request().tokens(100));
    stage.granted.clear();
    for _ in 0..20 {
        ask_key(&mut stage, "large", Cost::request().tokens(100));
    }
    for _ in 0..150 {
        ask_key(&mut stage, "small", Cost::request().tokens(10));
    }
    stage.pass_until_granted(110);
    let large = count(&stage, 110, of_key("large"));
    assert!((9..=11).contains(&large), "ORD-1: {large} large and {} small", 110 - large);
}

#[test]
fn who_takes_twice_what_it_said_has_half_as_many_turns() {
    let mut stage = Stage::new(tokens());
    stage.ask_for(Cost::request().tokens(100));
    stage.granted.clear();
    for _ in 0..100 {
        ask_key(&mut stage, "more", Cost::request().tokens(50));
        ask_key(&mut stage, "as-said", Cost::request().tokens(50));
    }
    for served in 1..=60 {
        stage.pass_until_granted(served);
        let (ticket, _) = stage.granted[served - 1];
        let debt = if of_key("more")(&stage, ticket) { 50 } else { 0 };
        let debt = Amounts::of(Dimension::Tokens, debt);
        stage.close_with(ticket, Outcome::Ok, (Amounts::NONE, debt));
    }
    let more = count(&stage, 60, of_key("more"));
    assert!((19..=21).contains(&more), "ORD-1: {more} of 60, a third was due");
}

#[test]
fn idleness_is_not_saved_up_and_diligence_not_punished() {
    let mut stage = Stage::new(ten_a_second());
    use_up(&mut stage);
    ask_key(&mut stage, "late", Cost::request());
    for _ in 0..80 {
        ask_key(&mut stage, "busy", Cost::request());
    }
    stage.pass_until_granted(50);
    for _ in 0..30 {
        ask_key(&mut stage, "late", Cost::request());
    }
    stage.pass_until_granted(90);
    stage.granted.drain(..50);
    for first in 0..=40 {
        let late = count(&stage, first, of_key("late"));
        assert!((2 * late).abs_diff(first) <= 2, "ORD-1: {late} of {first}, a half was due");
    }
}

#[test]
fn inside_a_key_the_earliest_deadline_is_first_and_then_first_come() {
    let mut stage = Stage::new(ten_a_second());
    use_up(&mut stage);
    let asked: Vec<Ticket> = [50, 30, 40, 30, 20]
        .map(|seconds| {
            let request = stage.request(Cost::request(), SECOND * seconds);
            stage.ask(request)
        })
        .into();
    stage.pass(SECOND * 2);
    let order: Vec<Ticket> = stage.granted.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(order, [4, 1, 3, 2, 0].map(|place| asked[place]), "LIM-2");
}

/// A large call waits; small ones come all the time. Answers when the large one was granted, and how
/// many before it.
fn past_a_large_one(seed: u64, backfill: Span, others: bool) -> (Instant, usize) {
    let mut draws = Pcg64::seed_from_u64(seed);
    let mut below = |end: u64| draws.next_u64() % end;
    let queue = QueuePolicy { backfill, ..QueuePolicy::default() };
    let mut stage = Stage::new(with_queue(tokens(), queue));
    stage.ask_for(Cost::request().tokens(10 + below(90)));
    stage.granted.clear();
    let head = stage.ask_for(Cost::request().tokens(90 + below(11)));
    for _ in 0..100 {
        let (cost, wait) = (1 + below(60), Span::from_millis(below(100)));
        if others {
            ask_key(&mut stage, "small", Cost::request().tokens(cost));
        }
        stage.pass(wait);
    }
    let at = stage.granted_at(head).expect("not starved");
    let place = stage.granted.iter().position(|(ticket, _)| *ticket == head).expect("granted");
    (at, place)
}

#[test]
fn small_calls_pass_a_large_one_that_starts_as_late_as_is_allowed_at_most() {
    let mut passed = 0;
    for seed in 0..300 {
        let backfill = Span::from_millis(10 * (seed % 80));
        let (promised, _) = past_a_large_one(seed, backfill, false);
        let (at, before) = past_a_large_one(seed, backfill, true);
        assert!(at <= promised + backfill, "LIM-2: {at:?} after {promised:?}, seed {seed}");
        passed += before;
    }
    assert!(passed > 100, "only {passed} were let past");
}

#[test]
fn without_backfill_nobody_is_let_past() {
    for seed in 0..100 {
        let (promised, _) = past_a_large_one(seed, Span::ZERO, false);
        let (at, before) = past_a_large_one(seed, Span::ZERO, true);
        assert_eq!((at, before), (promised, 0), "LIM-2: seed {seed}");
    }
}

/// A full queue of a normal call, then a low one, then another normal one; then one comes of a class.
fn overfull(overflow: Overflow, class: Priority) -> (Stage, [Ticket; 4]) {
    let queue = QueuePolicy { capacity: 3, overflow, ..QueuePolicy::default() };
    let mut stage = Stage::new(with_queue(ten_a_second(), queue));
    use_up(&mut stage);
    let classes = [Priority::Normal, Priority::Low, Priority::Normal, class];
    let asked = classes.map(|class| ask_class(&mut stage, class));
    (stage, asked)
}

#[test]
fn a_full_queue_drops_whom_its_policy_says() {
    use Overflow::{DropOldest, DropOldestOfLowestClass, NewestFirst, RefuseNewest};
    use Priority::{Background, High, Low, Normal};
    let cases = [
        (RefuseNewest, High, 3),
        (DropOldest, High, 0),
        (DropOldest, Low, 1),
        (DropOldest, Background, 3),
        (DropOldestOfLowestClass, High, 1),
        (DropOldestOfLowestClass, Low, 3),
        (NewestFirst, Normal, 0),
    ];
    for (overflow, class, dropped) in cases {
        let (mut stage, asked) = overfull(overflow, class);
        let refusal = stage.refusal(asked[dropped]);
        let reason = if dropped == 3 { Reason::QueueFull } else { Reason::Displaced };
        assert_eq!(refusal.reason, reason, "{overflow:?} {class}");
        assert!(refusal.retry_after.is_some() && refusal.queue_position.is_some(), "{refusal:?}");
        assert_eq!(
            stage.told.len(),
            2,
            "one dropped, one served at the start: {overflow:?} {class}"
        );
        stage.pass(SECOND * 5);
        assert_eq!(stage.granted.len(), 3, "LIM-3: {overflow:?} {class}");
    }
}

#[test]
fn the_newest_is_first_where_the_queue_says_so() {
    let queue = QueuePolicy { overflow: Overflow::NewestFirst, ..QueuePolicy::default() };
    let mut stage = Stage::new(with_queue(ten_a_second(), queue));
    use_up(&mut stage);
    let asked = [0; 4].map(|_| stage.ask_for(Cost::request()));
    stage.pass(SECOND * 2);
    let order: Vec<Ticket> = stage.granted.iter().map(|(ticket, _)| *ticket).collect();
    assert_eq!(order, [3, 2, 1, 0].map(|place: usize| asked[place]));
}

#[test]
fn a_queue_is_bounded_in_what_it_holds_of_a_dimension() {
    let max_cost = Amounts::of(Dimension::Tokens, 150);
    let queue = QueuePolicy { max_cost, ..QueuePolicy::default() };
    let mut stage = Stage::new(with_queue(tokens(), queue));
    stage.ask_for(Cost::request().tokens(100));
    let fits = stage.ask_for(Cost::request().tokens(90));
    let too_much = stage.ask_for(Cost::request().tokens(61));
    let small = stage.ask_for(Cost::request().tokens(60));
    assert_eq!(stage.refusal(too_much).reason, Reason::QueueFull);
    stage.pass(SECOND * 5);
    assert!(stage.is_granted(fits) && stage.is_granted(small));
}

#[test]
fn who_would_be_served_too_late_is_told_at_once_and_costs_nothing() {
    // With a share a class that has had nothing would be next.
    let shares = [Share::NONE; Priority::ALL.len()];
    let queue = QueuePolicy { shares, ..QueuePolicy::default() };
    let mut stage = Stage::new(with_queue(ten_a_second(), queue));
    use_up(&mut stage);
    for _ in 0..20 {
        stage.ask_for(Cost::request());
    }
    let low = stage.request(Cost::request(), SECOND).priority(Priority::Low);
    let low = stage.ask(low);
    let refusal = stage.refusal(low);
    assert_eq!(refusal.reason, Reason::DeadlineTooClose);
    // Twenty, give or take a call.
    assert!((19..=21).contains(&refusal.queue_position.expect("a place")), "{refusal:?}");
    assert_eq!((refusal.dimension, refusal.limit), (Dimension::Requests, 1));
    let wait = refusal.retry_after.expect("when");
    assert!(wait >= SECOND * 2 && wait < Span::from_millis(2_200), "{wait}");
    stage.pass(Span::from_millis(2_000));
    assert_eq!(stage.granted.len(), 20, "LIM-1: the refused took nothing");
}

/// A queue of random calls, and one more that is told how long it would wait, or waits.
/// It is the last of its key, or anywhere in it.
fn newcomer(seed: u64, told: bool, is_last: bool) -> (Span, Span) {
    let mut draws = Pcg64::seed_from_u64(seed);
    let mut below = |end: u64| draws.next_u64() % end;
    let waiting = usize::try_from(1 + below(60)).expect("few");
    let (keys, classes) = (1 + below(5), 1 + below(5));
    let capacity = if told { waiting } else { waiting + 1 };
    let queue = QueuePolicy { capacity, backfill: Span::ZERO, ..QueuePolicy::default() };
    let mut stage = Stage::new(with_queue(tokens(), queue));
    stage.ask_for(Cost::request().tokens(100));
    let mut last = Ticket(0);
    let mut largest = std::collections::BTreeMap::new();
    for _ in 0..=waiting {
        let class = Priority::ALL[usize::try_from(below(classes)).expect("few")];
        let key = ["a", "b", "c", "d", "e"][usize::try_from(below(keys)).expect("few")];
        let tokens = 1 + below(100);
        let of: &mut u64 = largest.entry((class, key)).or_default();
        *of = tokens.max(*of);
        let within = LONG + if is_last { Span::ZERO } else { SECOND * below(100) };
        let request = stage.request(Cost::request().tokens(tokens), within);
        last = stage.ask(request.priority(class).labels(agent(key)));
    }
    let came = stage.now();
    // A hundred tokens a second: ten milliseconds each.
    let bound = Span::from_millis(10) * largest.values().sum::<u64>();
    let wait = if told {
        stage.refusal(last).retry_after.expect("when")
    } else {
        stage.pass(SECOND * 200);
        stage.granted_at(last).expect("granted").since(came)
    };
    (wait, bound)
}

/// The most by which a foretold wait was off, in hundredths of a largest call of each key and class,
/// and where.
fn worst_foretold(is_last: bool) -> (u64, u64) {
    let off = |seed| {
        let (told, bound) = newcomer(seed, true, is_last);
        let (waited, _) = newcomer(seed, false, is_last);
        let off = told.as_nanos().abs_diff(waited.as_nanos());
        (off * 100 / bound.as_nanos(), seed)
    };
    (0..400).map(off).max().unwrap_or_default()
}

#[test]
fn the_wait_of_the_last_of_a_key_is_foretold_within_two_calls_of_each_key_and_class() {
    let (off, seed) = worst_foretold(true);
    assert!(off <= 200, "off by {off} in a hundred, seed {seed}");
}

#[test]
fn the_wait_of_one_in_the_middle_of_its_key_is_foretold_within_as_much() {
    let (off, seed) = worst_foretold(false);
    assert!(off <= 200, "off by {off} in a hundred, seed {seed}");
}

#[test]
fn a_pause_tells_those_at_once_who_cannot_be_served_in_time() {
    let mut stage = Stage::new(ten_a_second());
    let first = stage.ask_for(Cost::request());
    let ask = |stage: &mut Stage, seconds| {
        let request = stage.request(Cost::request(), SECOND * seconds);
        stage.ask(request)
    };
    let (hasty, patient) = (ask(&mut stage, 10), ask(&mut stage, 40));
    let granted = stage.permit(first);
    let (call, pause) = (stage.call(first, granted.by_gate), Some(SECOND * 20));
    let (outcome, recorded) = (Outcome::RateLimited, granted.recorded);
    let (refund, debt) = (Amounts::NONE, Amounts::NONE);
    stage.settle(Settlement::Closed { outcome, recorded, refund, debt, pause, call });
    let refusal = stage.refusal(hasty);
    assert_eq!(refusal.reason, Reason::Paused);
    assert_eq!(refusal.retry_after, Some(SECOND * 20));
    stage.pass(Span::from_millis(19_999));
    assert!(!stage.is_granted(patient));
    stage.pass(Span::from_millis(1));
    assert!(stage.is_granted(patient));
}

fn with_floors() -> LimiterConfig {
    let floors = [0, 0, 0, 0, 500].map(Share::per_mille);
    let queue = QueuePolicy { floors, ..QueuePolicy::default() };
    with_queue(service(vec![smooth(Dimension::Requests, 10, 10)]), queue)
}

#[test]
fn a_class_leaves_a_part_of_the_burst_in_the_gate() {
    let mut stage = Stage::new(with_floors());
    let mut take = |class| stage.world.take_as(0, &Cost::request(), class).is_some();
    let background: usize = (0..10).map(|_| usize::from(take(Priority::Background))).sum();
    assert_eq!(background, 5, "half of the burst is left");
    let normal: usize = (0..10).map(|_| usize::from(take(Priority::Normal))).sum();
    assert_eq!(normal, 5, "and there for others");
}

#[test]
fn a_class_that_leaves_a_part_of_the_burst_is_delayed_by_that_once_at_most() {
    let mut stage = Stage::new(with_floors());
    let asked: Vec<Ticket> = (0..30).map(|_| ask_class(&mut stage, Priority::Background)).collect();
    assert_eq!(stage.granted.len(), 5, "half of the burst is left");
    let start = stage.now();
    stage.pass(SECOND * 10);
    let last = stage.granted_at(asked[29]).expect("granted");
    // Thirty calls at ten a second from a burst of ten, and half a burst that was left.
    assert!(last.since(start) <= Span::from_millis(2_600), "{}", last.since(start));
}
