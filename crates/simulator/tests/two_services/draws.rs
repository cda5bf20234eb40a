//! Services, requests and ends of calls, as they are drawn from a seed.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use tidegate_scheduler::{Call, Labels, LimiterConfig, Request, Settlement, Ticket};
use tidegate_simulator::world::Granted;
use tidegate_units::{
    Amounts, BreakerPolicy, Concurrency, Cost, Dimension, EnforcedAs, Instant, Key, KeyPolicy,
    Limit, Outcome, Overflow, Priority, Share, Span,
};

pub(super) fn buckets(texts: &[&str]) -> Vec<Limit> {
    let bucket = |text: &&str| {
        let limit = text.parse::<Limit>().expect("a limit").enforced_as(EnforcedAs::TokenBucket);
        limit.guard(Span::ZERO).expect("no guard")
    };
    texts.iter().map(bucket).collect()
}

pub(super) fn agent(value: &str) -> Labels {
    Labels::of(Key::new("agent", value).expect("a key"))
}

pub(super) fn number(few: usize) -> u64 {
    u64::try_from(few).expect("few")
}

pub(super) fn place(number: u64) -> usize {
    usize::try_from(number).expect("few")
}

/// What is drawn from a seed.
pub(super) struct Draws(Pcg64);

/// How calls end; all but by a quota that is used up, which stops a service for an hour.
const OUTCOMES: [Outcome; 6] = [
    Outcome::Ok,
    Outcome::RateLimited,
    Outcome::Overloaded,
    Outcome::Contention,
    Outcome::Failed,
    Outcome::Cancelled,
];

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(Pcg64::seed_from_u64(seed))
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end.max(1)
    }

    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[place(self.below(number(choices.len())))].clone()
    }

    pub(super) fn limiter(&mut self, name: &str) -> LimiterConfig {
        let limits = buckets(&["20 requests per second", "200 tokens per 10s"]);
        let mut config = LimiterConfig::new(name.parse().expect("a name"), limits);
        let slots = |slots| Concurrency { slots, lease: Span::from_secs(2) };
        config.concurrency = self.one_in(2).then(|| slots(5));
        config.breaker = self.one_in(2).then(|| BreakerPolicy {
            failures: 2,
            failure_rate: Share::per_mille(300),
            open: Span::from_secs(1),
            probes: 2,
            ..BreakerPolicy::default()
        });
        let each = KeyPolicy {
            limits: buckets(&["5 requests per second"]),
            concurrency: Some(slots(2)),
            ..KeyPolicy::default()
        };
        config.scoped.each.insert("agent".parse().expect("a name"), each);
        config.queue.capacity = 15;
        config.queue.overflow = self.of(&Overflow::ALL);
        config.queue.backfill = self.of(&[Span::ZERO, Span::from_millis(500)]);
        config.queue.floors[Priority::Background.index()] = Share::per_mille(300);
        config
    }

    fn cost(&mut self) -> Cost {
        match self.below(6) {
            0 => Cost::ZERO,
            1 => Cost::request().tokens(55),
            2 => Cost::request().tokens(180),
            _ => Cost::request().tokens(self.below(9)),
        }
    }

    pub(super) fn request(&mut self, ticket: Ticket, now: Instant) -> Request {
        let deadline = now + Span::from_millis(self.below(8_000));
        let mut request = Request::new(ticket, self.cost(), deadline);
        request = request.priority(self.of(&Priority::ALL));
        if self.one_in(2) {
            request = request.labels(agent(self.of(&["a", "b", "c"])));
        }
        if self.one_in(6) {
            request.not_before = Some(now + Span::from_millis(self.below(2_000)));
        }
        request
    }

    /// How a call has ended.
    pub(super) fn settlement(&mut self, granted: Granted, call: Call) -> Settlement {
        let Granted { charged, recorded, by_gate } = granted;
        if self.one_in(6) && !by_gate {
            return Settlement::Unclaimed { recorded, refund: charged, call };
        }
        let debt = if self.one_in(5) { self.below(30) } else { 0 };
        Settlement::Closed {
            outcome: self.of(&OUTCOMES),
            recorded,
            refund: Amounts::NONE,
            debt: Amounts::of(Dimension::Tokens, debt),
            pause: self.one_in(20).then(|| Span::from_millis(self.below(900))),
            call,
        }
    }
}
