//! One program that uses Tidegate.

use std::collections::HashMap;

use tidegate_adaptive::{Hint, Reset};
use tidegate_scheduler::{Call, Labels, LimiterConfig, Request, Settlement, Ticket};
use tidegate_supervisor::SupervisorConfig;
use tidegate_units::{
    AdaptivePolicy, Amounts, Cost, Dimension, Instant, Key, Limit, LimitError, Outcome,
    QueuePolicy, RateOf, ServiceName, Span,
};

use super::{Order, Setup, Told, told};
use crate::driver::journey::{Happening, Journey};
use crate::scenario::ClockSkew;
use crate::world::{Answered, Granted};
use crate::{Configured, DimensionLimit, LimitHeader, ProviderLimits, World, number};

/// The only service.
const SERVICE: usize = 0;
/// What the keys of calls name.
const KEY_NAME: &str = "client";
/// Per how long a first guess is stated: so long that little of it is lost to whole numbers.
const GUESS_PER: Span = Span::from_secs(3_600);

/// The program.
pub(super) struct Client {
    world: World,
    limits: ProviderLimits,
    clock_skew: ClockSkew,
    order: Order,
    /// A pace is learned, so that the limiter has to hear more of each call.
    learns: bool,
    /// How long a call waits; `None`: for as long as it takes.
    patience: Option<Span>,
    /// The dimensions that somebody counts.
    counted: Vec<Dimension>,
    granted: HashMap<usize, Sent>,
}

/// A call under way.
#[derive(Debug, Default)]
struct Sent {
    at: Instant,
    /// When its cost was recorded.
    recorded: Instant,
    call: Call,
}

impl Client {
    pub(super) fn new(
        journey: &Journey,
        client: usize,
        limits: &ProviderLimits,
        Setup { told, order, configured }: Setup<'_>,
    ) -> Result<Self, LimitError> {
        let share = journey.tenants().share(client);
        let calls = journey.tenants().calls_of(client, journey.requests().len());
        let service: ServiceName = "provider".parse().unwrap_or_else(|_| unreachable!());
        let limiter = match (configured, told) {
            (Some(configured), _) => as_configured(service.clone(), configured),
            (None, Told::Limits) => plain(service.clone(), self::told(limits, share)?, calls),
            (None, Told::Nothing { .. }) => plain(service.clone(), Vec::new(), calls),
        };
        let stated = configured.and_then(|configured| configured.service.adaptive.as_ref());
        let adaptive = adaptive((limits, share), told, stated);
        let limiter = LimiterConfig { adaptive, ..limiter };
        let limiter = in_order(limiter, order);
        let config = SupervisorConfig {
            limits: limiter.shared.clone(),
            services: vec![service],
            ..SupervisorConfig::default()
        };
        let mut counted: Vec<Dimension> = limits.iter().map(|(dimension, _)| dimension).collect();
        counted.extend(limiter.dimensions());
        Ok(Self {
            learns: limiter.adaptive.is_some(),
            patience: configured.map(|configured| configured.service.queue.timeout),
            world: World::new(Instant::ZERO, &config, vec![limiter]),
            limits: limits.clone(),
            clock_skew: journey.clock_skew(),
            order,
            counted,
            granted: HashMap::new(),
        })
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.world.next_deadline()
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, journey: &mut Journey, now: Instant) {
        self.world.advance(now);
        self.take_answers(journey);
    }

    /// How fast it sends, per second.
    pub(super) fn pace(&mut self, journey: &mut Journey, now: Instant, of: Dimension) -> f64 {
        self.world.advance(now);
        let paces = self.world.paces(SERVICE);
        self.take_answers(journey);
        paces.iter().find(|pace| pace.dimension == of).map_or(0.0, |pace| pace.per_second)
    }

    /// Something happens to one of its calls.
    pub(super) fn happens(&mut self, journey: &mut Journey, call: usize, happening: Happening) {
        match happening {
            Happening::Arrived | Happening::Again => self.ask(journey, call),
            Happening::Told => self.hear(journey, call),
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
        self.take_answers(journey);
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
        let deadline = self.patience.map_or(Instant::MAX, |patience| self.world.now() + patience);
        let request = Request::new(Ticket(number::count(call)), cost, deadline);
        match self.order {
            Order::Fair => request.priority(journey.class(call)).labels(labels(journey, call)),
            Order::FirstCome => request,
        }
    }

    fn go(&mut self, journey: &mut Journey, call: usize, granted: &Granted) {
        let at = self.world.now();
        let Request { priority, labels, .. } = self.request(journey, call, Cost::ZERO);
        let tokens = journey.requests()[call].context_tokens;
        let cost = self.learns.then(|| Cost::request().tokens(tokens));
        let of = Call { by_gate: granted.by_gate, priority, labels, cost, ..Call::default() };
        self.granted.insert(call, Sent { at, recorded: granted.recorded, call: of });
        journey.send(at, call);
    }

    fn take_answers(&mut self, journey: &mut Journey) {
        while let Some(Answered { ticket, answer, .. }) = self.world.poll_answer() {
            let call = number::place(ticket.0);
            match answer {
                Some(Ok(granted)) => self.go(journey, call, &granted),
                // Larger than the limit can ever hold, or nobody could wait for it so long.
                Some(Err(_)) | None => journey.fail(),
            }
        }
    }

    /// The headers of a call that is not done come in.
    fn hear(&mut self, journey: &mut Journey, call: usize) {
        let hints = self.hints(journey, call);
        let Some(sent) = self.granted.get(&call).filter(|_| self.learns && !hints.is_empty())
        else {
            return;
        };
        self.world.hinted(SERVICE, sent.at, &hints);
    }

    /// Settles a call; what was generated counts from when it is known, as it does at the provider.
    fn close(&mut self, journey: &mut Journey, call: usize, outcome: Outcome, pause: Option<Span>) {
        let hints = self.hints(journey, call);
        let Sent { at, recorded, call: of } = self.granted.remove(&call).unwrap_or_default();
        let took = self.learns.then(|| self.world.now().since(at));
        let of = Call { hints, took, ..of };
        let generated = journey.requests()[call].generated_tokens;
        let debt: Amounts = match outcome {
            Outcome::Ok => {
                let generated = |dimension: &Dimension| (*dimension, generated);
                let tokens = [Dimension::Tokens, Dimension::OutputTokens];
                tokens.iter().filter(|it| self.counted.contains(it)).map(generated).collect()
            }
            _ => Amounts::NONE,
        };
        let refund = Amounts::NONE;
        let closed = Settlement::Closed { outcome, recorded, refund, debt, pause, call: of };
        self.world.settle(SERVICE, closed);
    }

    /// What the headers of a call say, as an adapter of this provider reads them.
    fn hints(&self, journey: &mut Journey, call: usize) -> Box<[Hint]> {
        let Some(headers) = journey.take_headers(call).filter(|_| self.learns) else {
            return Box::default();
        };
        let now = self.world.now();
        let hint = |dimension, header: Option<LimitHeader>| {
            let (header, limit) = (header?, self.limits.limit(dimension)?);
            let reset = self.clock_skew.until(now, header.reset_at);
            Some(Hint {
                limit: Some(header.limit),
                remaining: Some(header.remaining),
                reset: Some(match limit {
                    DimensionLimit::Bucket { .. } => Reset::Full(reset),
                    DimensionLimit::Window { .. } => Reset::WindowEnd(reset),
                }),
                window: Some(limit.stated_window()),
                ..Hint::of(dimension)
            })
        };
        let requests = hint(Dimension::Requests, headers.requests);
        requests.into_iter().chain(hint(Dimension::Tokens, headers.tokens)).collect()
    }
}

/// How the pace of a client is learned that sends this share of everything; `None` if it is told limits.
/// What is stated counts, but for which controller it is.
fn adaptive(
    (limits, share): (&ProviderLimits, f64),
    told: Told,
    stated: Option<&AdaptivePolicy>,
) -> Option<AdaptivePolicy> {
    let Told::Nothing { controller, guess } = told else {
        return None;
    };
    if let Some(stated) = stated {
        return Some(AdaptivePolicy { controller, ..stated.clone() });
    }
    let start = |(dimension, limit): (Dimension, &DimensionLimit)| {
        let rate = limit.rate_per_second() * share * guess;
        let amount = number::nearest(rate * GUESS_PER.as_secs_f64()).max(1);
        RateOf::new(dimension, amount, GUESS_PER).ok()
    };
    Some(AdaptivePolicy {
        controller,
        dimensions: limits.iter().map(|(dimension, _)| dimension).collect(),
        start: limits.iter().filter_map(start).collect(),
        ..AdaptivePolicy::default()
    })
}

/// A service with these limits, and a line that is long enough for everybody.
fn plain(service: ServiceName, limits: Vec<Limit>, calls: usize) -> LimiterConfig {
    let queue = QueuePolicy { capacity: calls.max(1), ..QueuePolicy::default() };
    LimiterConfig { queue, ..LimiterConfig::new(service, limits) }
}

/// The service as a program in use would have it.
fn as_configured(service: ServiceName, configured: &Configured) -> LimiterConfig {
    let Configured { service: config, shared } = configured;
    LimiterConfig {
        shared: shared.clone(),
        queue: config.queue.clone(),
        concurrency: config.concurrency,
        breaker: config.breaker,
        scoped: config.scoped.clone(),
        ..LimiterConfig::new(service, config.limits.clone())
    }
}

/// The same with another order of those who wait.
fn in_order(limiter: LimiterConfig, order: Order) -> LimiterConfig {
    match order {
        Order::Fair => limiter,
        // Nobody small passes who came before.
        Order::FirstCome => {
            let queue = QueuePolicy { backfill: Span::ZERO, ..limiter.queue };
            LimiterConfig { queue, ..limiter }
        }
    }
}

/// On whose behalf a call is made. A key that no limiter takes, which no trace that was read has,
/// is left out.
fn labels(journey: &Journey, call: usize) -> Labels {
    let name = journey.requests()[call].key.as_deref();
    let key = name.and_then(|name| Key::new(KEY_NAME, name).ok());
    key.map(Labels::of).unwrap_or_default()
}
