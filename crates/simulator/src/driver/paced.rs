//! Tidegate's machines, told the provider's limit: what a handle, its limiter and the supervisor do.

use std::collections::HashMap;

use tidegate_adaptive::{Controller, Law};
use tidegate_scheduler::{Call, Labels, LimiterConfig, Request, Settlement, Ticket};
use tidegate_supervisor::SupervisorConfig;
use tidegate_units::{
    AdaptivePolicy, Amounts, Cost, Dimension, EnforcedAs, Instant, Key, Limit, LimitError, Outcome,
    QueuePolicy, ServiceName, Span,
};

use crate::driver::journey::{Happening, Journey, Next};
use crate::world::{Answered, Granted};
use crate::{DimensionLimit, ProviderLimits, World, number};

/// The only service.
const SERVICE: usize = 0;
/// What the keys of calls name.
const KEY_NAME: &str = "client";

/// Who of those who wait is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As classes and keys say.
    Fair,
    /// Who came first: the machines are told nothing else.
    FirstCome,
}

/// What the machines are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paced {
    pub(super) order: Order,
    /// `None`: the limits. Else nothing, but for a first guess that is so many times the capacity.
    pub(super) learning: Option<f64>,
}

pub(super) fn run(
    journey: &mut Journey,
    limits: &ProviderLimits,
    paced: Paced,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), LimitError> {
    let mut client = Client::new(journey, limits, paced)?;
    loop {
        match journey.next(client.world.next_deadline()) {
            Next::Call { now, call, happening } => {
                client.world.advance(now);
                client.happens(journey, call, happening);
            }
            Next::Deadline { now } => client.world.advance(now),
            Next::End => return Ok(()),
        }
        client.take_answers(journey);
        progress(journey.arrived(), journey.requests().len());
    }
}

/// One program that uses Tidegate.
struct Client {
    world: World,
    order: Order,
    learns: bool,
    /// Tokens are limited, so that what was generated has to be settled.
    counts_tokens: bool,
    /// For every call under way, when its cost was recorded, and what the limiter knows of it.
    granted: HashMap<usize, (Instant, Call)>,
}

impl Client {
    fn new(journey: &Journey, limits: &ProviderLimits, paced: Paced) -> Result<Self, LimitError> {
        let Paced { order, learning } = paced;
        let told = if learning.is_some() { Vec::new() } else { told(limits)? };
        let counts_tokens = limits.limit(Dimension::Tokens).is_some();
        let service: ServiceName = "provider".parse().unwrap_or_else(|_| unreachable!());
        let dimensions = limits.iter().map(|(dimension, _)| dimension).collect();
        let adaptive = AdaptivePolicy { dimensions, ..AdaptivePolicy::default() };
        let limiter = LimiterConfig {
            adaptive: learning.map(|_| adaptive),
            queue: queue(journey.requests().len(), order),
            ..LimiterConfig::new(service.clone(), told)
        };
        let config = SupervisorConfig { services: vec![service], ..SupervisorConfig::default() };
        let controllers = vec![learning.map(|factor| law(limits, factor))];
        let world = World::paced(Instant::ZERO, &config, vec![limiter], controllers);
        let learns = learning.is_some();
        Ok(Self { world, order, learns, counts_tokens, granted: HashMap::new() })
    }

    fn happens(&mut self, journey: &mut Journey, call: usize, happening: Happening) {
        match happening {
            Happening::Arrived | Happening::Again => self.ask(journey, call),
            Happening::Done => self.close(journey, call, Outcome::Ok, None),
            Happening::Refused { retry_after } => {
                self.close(journey, call, Outcome::RateLimited, retry_after);
                if journey.refused(call).is_some() {
                    self.ask(journey, call);
                }
            }
            Happening::Overloaded => {
                self.close(journey, call, Outcome::Overloaded, None);
                if journey.refused(call).is_some() {
                    self.ask(journey, call);
                }
            }
        }
    }

    /// First the gate, then the line.
    fn ask(&mut self, journey: &mut Journey, call: usize) {
        let cost = Cost::request().tokens(journey.requests()[call].context_tokens);
        journey.tally.decisions += 1;
        if let Some(granted) = self.world.take(SERVICE, &cost) {
            self.go(journey, call, &granted);
            return;
        }
        self.world.acquire(SERVICE, self.request(journey, call, cost));
    }

    fn request(&self, journey: &Journey, call: usize, cost: Cost) -> Request {
        let request = Request::new(Ticket(number::count(call)), cost, Instant::MAX);
        match self.order {
            Order::Fair => request.priority(journey.class(call)).labels(labels(journey, call)),
            Order::FirstCome => request,
        }
    }

    fn go(&mut self, journey: &mut Journey, call: usize, granted: &Granted) {
        let now = self.world.now();
        let Request { priority, labels, .. } = self.request(journey, call, Cost::ZERO);
        let tokens = journey.requests()[call].context_tokens;
        let cost = self.learns.then(|| Cost::request().tokens(tokens));
        let of = Call { by_gate: granted.by_gate, priority, labels, cost, ..Call::default() };
        self.granted.insert(call, (granted.recorded, of));
        journey.send(now, call);
    }

    fn take_answers(&mut self, journey: &mut Journey) {
        while let Some(Answered { ticket, answer, .. }) = self.world.poll_answer() {
            let call = number::place(ticket.0);
            match answer {
                Some(Ok(granted)) => self.go(journey, call, &granted),
                // Larger than the limit can ever hold: nobody could get it through.
                Some(Err(_)) | None => journey.fail(),
            }
        }
    }

    /// Settles a call; what was generated counts from when it is known, as it does at the provider.
    fn close(&mut self, journey: &Journey, call: usize, outcome: Outcome, pause: Option<Span>) {
        let (recorded, of) = self.granted.remove(&call).unwrap_or_default();
        let generated = journey.requests()[call].generated_tokens;
        let debt = match outcome {
            Outcome::Ok if self.counts_tokens => Amounts::of(Dimension::Tokens, generated),
            _ => Amounts::NONE,
        };
        let refund = Amounts::NONE;
        let closed = Settlement::Closed { outcome, recorded, refund, debt, pause, call: of };
        self.world.settle(SERVICE, closed);
    }
}

/// The law, on every dimension that is limited, from a guess that is `factor` times the capacity.
fn law(limits: &ProviderLimits, factor: f64) -> Box<dyn Controller> {
    let guess =
        |(dimension, limit): (_, &DimensionLimit)| (dimension, limit.rate_per_second() * factor);
    let paced: Vec<(Dimension, f64)> = limits.iter().map(guess).collect();
    Box::new(Law::new(Instant::ZERO, &paced))
}

/// A line that is long enough for everybody.
fn queue(calls: usize, order: Order) -> QueuePolicy {
    let queue = QueuePolicy { capacity: calls.max(1), ..QueuePolicy::default() };
    match order {
        Order::Fair => queue,
        // Nobody small passes who came before.
        Order::FirstCome => QueuePolicy { backfill: Span::ZERO, ..queue },
    }
}

/// On whose behalf a call is made. A key that no limiter takes, which no trace that was read has,
/// is left out.
fn labels(journey: &Journey, call: usize) -> Labels {
    let name = journey.requests()[call].key.as_deref();
    let key = name.and_then(|name| Key::new(KEY_NAME, name).ok());
    key.map(Labels::of).unwrap_or_default()
}

/// The provider's limits, as a user who knows them would write them down.
pub(super) fn told(limits: &ProviderLimits) -> Result<Vec<Limit>, LimitError> {
    limits.iter().map(|(dimension, limit)| limit_of(dimension, limit)).collect()
}

/// One of them. A rate in millionths per second becomes so many per million seconds, which is exact.
fn limit_of(dimension: Dimension, limit: &DimensionLimit) -> Result<Limit, LimitError> {
    match limit {
        DimensionLimit::Bucket { rate, .. } => {
            let window = Span::from_secs(1_000_000);
            let burst = limit.at_once().floor().max(1);
            Limit::new(dimension, rate.micros_per_second().max(1), window)?.burst(burst)
        }
        DimensionLimit::Window { amount, window } => {
            let limit = Limit::new(dimension, (*amount).max(1), *window)?;
            Ok(limit.enforced_as(EnforcedAs::FixedWindow))
        }
    }
}
