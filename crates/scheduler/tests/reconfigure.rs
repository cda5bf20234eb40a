//! The step of a limiter's machine in which limits change: LIM-5.

use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Carry, Gate, Layout, Ledger};
use tidegate_scheduler::{Event, Limiter, LimiterConfig, RefusedLimits, Request, Ticket};
use tidegate_units::{
    Amounts, Cost, Dimension, Instant, Limit, QueuePolicy, Rejection, Scope, Span,
};

const START: Instant = Instant::from_nanos(1 << 40);

fn limits(text: &str) -> Vec<Limit> {
    vec![text.parse().expect("a limit")]
}

fn config(own: &str, shared: &[Limit]) -> LimiterConfig {
    let service = "service".parse().expect("a name");
    LimiterConfig {
        shared: shared.to_vec(),
        queue: QueuePolicy { capacity: 5, ..QueuePolicy::default() },
        ..LimiterConfig::new(service, limits(own))
    }
}

/// A limiter and its gate.
struct Plant {
    limiter: Limiter,
    layout: Layout,
    gate: Gate,
}

impl Plant {
    fn new(own: &str, shared: &[Limit]) -> Self {
        let config = config(own, shared);
        let layout = config.layout().expect("few dimensions");
        let gate = Gate::closed(Guards::from(&layout));
        Self { limiter: Limiter::new(config), layout, gate }
    }

    /// What an actor does, but for closing the gate. Answers what else was asked for.
    fn enter(&mut self, now: Instant, input: impl FnOnce(&mut Limiter)) -> Vec<Event> {
        self.limiter.gate_read(now, self.gate.read());
        input(&mut self.limiter);
        self.events()
    }

    fn events(&mut self) -> Vec<Event> {
        let mut others = Vec::new();
        while let Some(event) = self.limiter.poll_event() {
            match event {
                Event::OpenGate(amounts) => self.gate.open(amounts),
                Event::FillGate(amounts) => self.gate.fill(amounts),
                other => others.push(other),
            }
        }
        others
    }

    fn take_one(&self) {
        let _ = self.gate.take(self.layout.pack(&Cost::request()).expect("small"));
    }

    fn close(&mut self) -> Vec<Event> {
        let reading = self.gate.close();
        self.limiter.gate_closed(START, reading);
        self.events()
    }

    fn own(&self) -> Vec<String> {
        let usage = self.limiter.state(START).limits;
        usage.iter().map(|usage| format!("{}, {} left", usage.limit, usage.available)).collect()
    }
}

#[test]
fn a_change_waits_for_the_gate_and_is_the_only_one_that_does() {
    let mut plant = Plant::new("10 requests per minute", &[]);
    plant.enter(START, |limiter| limiter.wake(START));
    plant.take_one();
    let lower = limits("4 requests per minute");
    let events = plant.enter(START, |limiter| {
        limiter.reconfigure(START, &lower, Carry::Additive).expect("less");
    });
    assert_eq!(events, [Event::CloseGate]);
    assert_eq!(plant.own(), ["10 requests per 1m, 0 left"], "the rest is in the gate");
    let refused = plant.limiter.reconfigure(START, &lower, Carry::Reset).expect_err("not now");
    assert!(matches!(refused, RefusedLimits::UnderWay { .. }), "{refused}");
    // Taken before the gate was closed, and counted.
    plant.take_one();
    assert_eq!(plant.close(), [Event::Limits { own: lower, shared: Vec::new() }]);
    let left = plant.layout.unpack(plant.gate.read().remaining());
    assert_eq!(left.to_string(), "2 requests");
}

#[test]
fn a_machine_that_fails_before_the_gate_is_closed_leaves_the_change_to_the_next() {
    let before = limits("9 requests per minute");
    let mut plant = Plant::new("10 requests per minute", &before);
    plant.enter(START, |limiter| {
        limiter.lent(START, 0, &Amounts::of(Dimension::Requests, 5), None, None);
    });
    assert!(plant.gate.has(plant.layout.pack(&Cost::request()).expect("small")));
    let (own, shared) = (limits("4 requests per minute"), limits("3 requests per minute"));
    plant.limiter.reconfigure(START, &own, Carry::Additive).expect("less");
    plant.limiter.relimit_shared(START, &shared);
    let past = plant.limiter.past(START, plant.gate.read());
    plant.limiter = Limiter::rebuilt(config("10 requests per minute", &before), START, &past);
    assert_eq!(plant.limiter.poll_event(), Some(Event::Limits { own, shared }));
    assert_eq!(plant.own(), ["4 requests per 1m, 0 left"], "LIM-4");
}

#[test]
fn a_shorter_window_is_looked_at_more_often() {
    let mut plant = Plant::new("1000 requests per minute", &[]);
    plant.enter(START, |limiter| limiter.wake(START));
    let mut next = |limit: &str| {
        plant.enter(START, |limiter| {
            limiter.reconfigure(START, &limits(limit), Carry::Reset).expect("requests");
        });
        plant.close();
        plant.take_one();
        plant.enter(START, |limiter| limiter.wake(START));
        plant.limiter.next_deadline()
    };
    assert_eq!(next("1000 requests per 1m"), Some(START + Span::from_millis(50)));
    assert_eq!(next("1000 requests per 512ms"), Some(START + Span::from_millis(2)));
}

#[test]
fn nobody_is_told_of_a_limit_that_is_no_more() {
    let old = limits("1 request per minute");
    let mut plant = Plant::new("10 requests per minute", &old);
    let deadline = START + Span::from_secs(1);
    let request = Request::new(Ticket(1), Cost::request(), deadline);
    plant.enter(START, |limiter| limiter.acquire(START, request));
    let mut ledger = Ledger::new(Scope::Global, &old);
    ledger.take(START, &Cost::request()).expect("the first");
    let short: Rejection = ledger.check(START, &Cost::request()).expect_err("the second");
    plant.enter(START, |limiter| limiter.lent(START, 0, &Amounts::NONE, Some(short), None));
    let changed = limits("7 requests per minute");
    plant.enter(START, |limiter| limiter.relimit_shared(START, &changed));
    let events = plant.enter(deadline, |limiter| limiter.handle_timeout(deadline));
    let refused = events.iter().find_map(|event| match event {
        Event::Refused { rejection, .. } => Some(rejection),
        _ => None,
    });
    assert_ne!(refused.expect("it expired").limit, 1);
}
