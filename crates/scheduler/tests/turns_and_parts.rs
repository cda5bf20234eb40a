//! Whose turn it is when calls leave, bounds fill up and breakers give up: the machine of one limiter
//! and its gate, step by step.
//!
//! LIM-2, LIM-3, ORD-1 and ORD-2 where the one who is next is no longer who it was; SLOT-1 and BREAK-5
//! at parts that share a place or wait behind a breaker.

use std::collections::BTreeMap;
use std::sync::Arc;

use tidegate_algorithms::Gate;
use tidegate_algorithms::gate::Guards;
use tidegate_scheduler::breaker::BreakerState;
use tidegate_scheduler::scopes::KEYS_MAX;
use tidegate_scheduler::{
    Call, Event, Labels, Limiter, LimiterConfig, Request, Settlement, Ticket,
};
use tidegate_units::{
    BreakerPolicy, Concurrency, Cost, EnforcedAs, Instant, Key, KeyPolicy, Limit, Outcome,
    Priority, Reason, Rejection, Share, Span,
};

const START: Instant = Instant::from_nanos(1 << 40);
const HOUR: u64 = 3_600_000;

fn at(millis: u64) -> Instant {
    START + Span::from_millis(millis)
}

/// A bucket without a guard, so that what is granted can be told from it to the millisecond.
fn bucket(text: &str) -> Limit {
    let limit = text.parse::<Limit>().expect("a limit").enforced_as(EnforcedAs::TokenBucket);
    limit.guard(Span::ZERO).expect("no guard")
}

/// A service with one limit, whose calls are let past nobody.
fn service(limit: &str) -> LimiterConfig {
    let mut config = LimiterConfig::new("service".parse().expect("a name"), vec![bucket(limit)]);
    config.queue.backfill = Span::ZERO;
    config
}

fn each(config: &mut LimiterConfig, name: &str, policy: KeyPolicy) {
    config.scoped.each.insert(name.parse().expect("a name"), policy);
}

fn one_slot() -> KeyPolicy {
    KeyPolicy { concurrency: Some(Concurrency::slots(1)), ..KeyPolicy::default() }
}

fn labels(keys: &[(&str, &str)]) -> Labels {
    let keys = keys.iter().map(|(name, value)| Key::new(name, value).expect("a key"));
    Labels { keys: keys.collect(), ..Labels::default() }
}

fn agent(value: &str) -> Labels {
    labels(&[("agent", value)])
}

fn tokens(amount: u64) -> Cost {
    Cost::request().tokens(amount)
}

fn request(ticket: u64, cost: Cost) -> Request {
    Request::new(Ticket(ticket), cost, at(HOUR))
}

/// One limiter, its gate, and what callers were told.
struct Stage {
    limiter: Limiter,
    gate: Gate,
    now: Instant,
    /// Who was granted when, in this order.
    granted: Vec<(u64, Instant)>,
    refused: BTreeMap<u64, (Instant, Rejection)>,
}

impl Stage {
    fn new(config: LimiterConfig) -> Self {
        let layout = config.layout();
        let gate = Gate::closed(layout.as_ref().map_or(Guards::NONE, Guards::from));
        let (granted, refused) = (Vec::new(), BTreeMap::new());
        let mut stage = Self { limiter: Limiter::new(config), gate, now: START, granted, refused };
        stage.enter(Limiter::wake);
        stage
    }

    /// What an actor does for every message: gate, machine, events.
    fn enter(&mut self, input: impl FnOnce(&mut Limiter, Instant)) {
        let (now, reading) = (self.now, self.gate.read());
        self.limiter.gate_read(now, reading);
        self.gate.settled(now);
        input(&mut self.limiter, now);
        while let Some(event) = self.limiter.poll_event() {
            match event {
                Event::OpenGate(amounts) => self.gate.open(amounts),
                Event::FillGate(amounts) => self.gate.fill(amounts),
                Event::CloseGate => {
                    self.limiter.gate_closed(now, self.gate.close());
                    self.gate.settled(now);
                }
                Event::CoolGate if !self.gate.cool(reading) => self.limiter.gate_stays_warm(now),
                Event::Granted { ticket, .. } => {
                    assert!(!self.was_answered(ticket.0), "LIM-3: {ticket:?}");
                    self.granted.push((ticket.0, now));
                }
                Event::Refused { ticket, rejection } => {
                    assert!(!self.was_answered(ticket.0), "LIM-3: {ticket:?}");
                    self.refused.insert(ticket.0, (now, rejection));
                }
                _ => {}
            }
        }
    }

    /// Lets every timer until then fire at its time.
    fn run_until(&mut self, end: Instant) {
        while let Some(due) = self.limiter.next_deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.enter(Limiter::handle_timeout);
        }
        self.now = end;
    }

    fn ask(&mut self, request: Request) {
        self.enter(|limiter, now| limiter.acquire(now, request));
    }

    fn settle(&mut self, settlement: Settlement) {
        self.enter(|limiter, now| limiter.settle(now, settlement));
    }

    /// A call ends for which these labels were given.
    fn close(&mut self, ticket: u64, labels: Labels, outcome: Outcome) {
        let recorded = self.granted_at(ticket).expect("it was granted");
        let call = Call { labels: Some(Arc::new(labels)), ..Call::default() };
        self.settle(Settlement::closed(outcome, recorded, call));
    }

    fn granted_at(&self, ticket: u64) -> Option<Instant> {
        self.granted.iter().find(|(granted, _)| *granted == ticket).map(|(_, at)| *at)
    }

    fn was_answered(&self, ticket: u64) -> bool {
        self.granted_at(ticket).is_some() || self.refused.contains_key(&ticket)
    }
}

#[test]
fn a_small_call_is_let_past_as_soon_as_a_dry_limit_has_something_again() {
    let mut config = service("60 tokens per minute");
    config.queue.backfill = Span::from_secs(10);
    let mut stage = Stage::new(config);
    // One at once, one after a minute, one after two.
    for ticket in 0..3 {
        stage.ask(request(ticket, tokens(60)));
    }
    stage.run_until(at(90_000));
    assert_eq!(stage.granted_at(1), Some(at(60_000)));
    // The one in front is half paid for, and this one is later than it by a second.
    stage.ask(Request::new(Ticket(3), tokens(1), at(HOUR + 1)));
    assert_eq!(stage.granted_at(3), Some(at(90_000)), "it need not wait for the one in front");
    stage.run_until(at(200_000));
    let promised = at(120_000) + Span::from_secs(10);
    let large = stage.granted_at(2).expect("in its turn");
    assert!(large <= promised, "LIM-2: later than the queue allows: {large:?}");
}

#[test]
fn a_class_does_not_owe_for_a_large_call_that_left() {
    let mut stage = Stage::new(service("100 tokens per second"));
    let (high, low) = (Priority::High, Priority::Background);
    stage.ask(request(1, tokens(100)));
    stage.ask(request(2, tokens(1)).priority(high));
    stage.ask(request(3, tokens(100)).priority(low));
    stage.ask(request(4, tokens(1)).priority(low));
    for ticket in 100..900 {
        stage.ask(request(ticket, tokens(10)).priority(high));
    }
    stage.settle(Settlement::Withdrawn { ticket: Ticket(3) });
    stage.run_until(at(100_000));
    // Two in a hundred are its share: a call of one token is owed after fifty others.
    let served = stage.granted_at(4).expect("everybody was served");
    assert!(served <= at(600), "ORD-2: after {} others", served.since(START));
    assert!(!stage.was_answered(3), "LIM-3: it was withdrawn");
}

#[test]
fn who_waits_at_a_part_is_told_that_a_probe_was_given_up() {
    let mut config = service("1000 requests per second");
    let limits = vec![bucket("1 request per 1h")];
    each(&mut config, "agent", KeyPolicy { limits, ..KeyPolicy::default() });
    config.breaker = Some(BreakerPolicy {
        failures: 1,
        failure_rate: Share::NONE,
        open: Span::from_secs(5),
        ..BreakerPolicy::default()
    });
    let mut stage = Stage::new(config);
    let patient = |ticket| Request::new(Ticket(ticket), Cost::request(), at(2 * HOUR));
    stage.ask(patient(1).labels(agent("a")));
    stage.close(1, agent("a"), Outcome::Failed);
    stage.run_until(at(6_000));
    stage.ask(patient(2).labels(agent("a")));
    stage.ask(patient(3).labels(agent("b")));
    assert_eq!(stage.granted_at(3), Some(at(6_000)), "it is the probe");
    assert!(!stage.was_answered(2), "it waits for its agent");
    stage.run_until(at(12_000));
    let breaker = stage.limiter.state(stage.now).breaker;
    assert!(matches!(breaker, Some(BreakerState::Open { .. })), "BREAK-5: {breaker:?}");
    let (told, rejection) = stage.refused.get(&2).expect("it is told at once");
    assert_eq!((*told, rejection.reason), (at(11_000), Reason::BreakerOpen));
}

/// A service with more keys in use than it keeps parts for; the ticket of key `k5` is 5.
fn crowded() -> Stage {
    let mut config = service("1000000 requests per second");
    each(&mut config, "agent", one_slot());
    each(&mut config, "tenant", one_slot());
    let mut stage = Stage::new(config);
    for ticket in (0_u64..).take(KEYS_MAX) {
        stage.ask(request(ticket, Cost::request()).labels(agent(&format!("k{ticket}"))));
    }
    assert_eq!(stage.granted.len(), KEYS_MAX);
    stage
}

#[test]
fn two_new_keys_that_share_a_place_take_one_slot_of_it() {
    let mut stage = crowded();
    let both = labels(&[("agent", "x"), ("agent", "y")]);
    stage.ask(request(20_000, Cost::request()).labels(both.clone()));
    assert!(stage.was_answered(20_000), "there is a slot for those without a part");
    stage.ask(request(20_001, Cost::request()).labels(agent("z")));
    assert!(!stage.was_answered(20_001), "SLOT-1: it is taken");
    stage.close(20_000, both, Outcome::Ok);
    assert_eq!(stage.granted_at(20_001), Some(stage.now), "SLOT-2: and given back");
}

#[test]
fn a_key_does_not_take_the_place_of_another_of_its_own_call() {
    let mut stage = crowded();
    // Only this one is idle, where there is room for no other.
    stage.close(5, agent("k5"), Outcome::Ok);
    let both = labels(&[("agent", "k5"), ("tenant", "new")]);
    stage.ask(request(20_000, Cost::request()).labels(both.clone()));
    assert!(stage.was_answered(20_000));
    stage.ask(request(20_001, Cost::request()).labels(agent("k5")));
    stage.ask(request(20_002, Cost::request()).labels(labels(&[("tenant", "newer")])));
    let waiting = [20_001, 20_002].map(|ticket| !stage.was_answered(ticket));
    assert_eq!(waiting, [true; 2], "SLOT-1: the call holds a slot of both");
    stage.close(20_000, both, Outcome::Ok);
    let granted = [20_001, 20_002].map(|ticket| stage.granted_at(ticket));
    assert_eq!(granted, [Some(stage.now); 2], "SLOT-2");
}

#[test]
fn keys_are_served_by_their_weights_in_calls_of_any_size() {
    /// Weight and size of a call, by the first figure of the ticket.
    const KEYS: [(&str, u64, u64); 3] = [("a", 3, 20), ("b", 1, 10), ("c", 1, 40)];
    let mut config = service("100 tokens per second");
    let weights = [("a".into(), 3)].into();
    each(&mut config, "agent", KeyPolicy { weights, ..KeyPolicy::default() });
    let mut stage = Stage::new(config);
    stage.ask(request(999, tokens(100)));
    for call in 0..400 {
        for (key, start) in KEYS.iter().zip([1_000, 2_000, 3_000]) {
            stage.ask(request(start + call, tokens(key.2)).labels(agent(key.0)));
        }
    }
    stage.run_until(at(50_000));
    let mut served = [0_u64; 3];
    for (ticket, _) in stage.granted.iter().filter(|(ticket, _)| *ticket >= 1_000) {
        let place = usize::try_from(ticket / 1_000 - 1).expect("one of three");
        served[place] += KEYS[place].2;
        for (first, second) in [(0, 1), (0, 2), (1, 2)] {
            let ((_, weight, size), (_, other_weight, other_size)) = (KEYS[first], KEYS[second]);
            let apart = (served[first] * other_weight).abs_diff(served[second] * weight);
            let most = size * other_weight + other_size * weight;
            assert!(apart <= most, "ORD-1: {served:?} tokens at ticket {ticket}");
        }
    }
    assert_eq!(served, [3_000, 1_000, 1_000], "all that there was, by weight");
}
