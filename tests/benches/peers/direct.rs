//! One limit by itself, against the limiters that others offer: granting, on one thread and on two,
//! and refusing.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::QuantaUpkeepClock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde_json::Value;
use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Algorithm, Direct, Gate, Gcra, Layout, Packed, Striped, TokenBucket};
use tidegate_units::{
    Amounts, Clock, CoarseClock, Cost, Dimension, Limit, MonotonicClock, Span, TscClock,
};
use tokio::sync::Semaphore;

use crate::measure::{Contender, Plan, Timing, interleaved, line};

/// Permits a second, and in a bucket: more than a benchmark can take.
const PLENTY: u64 = 1_000_000_000;
/// How often governor's clock of its own is moved on, and ours.
const UPKEEP: Span = Span::from_millis(1);

/// A limiter that never says no.
pub(crate) fn governor() -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(NonZeroU32::MAX))
}

/// A bucket that a benchmark does not empty, or that is empty for an hour.
fn bucket(plenty: bool) -> Limit {
    let text = if plenty { "1_000_000_000 requests per second" } else { "1 request per hour" };
    let limit: Limit = text.parse().expect("a limit");
    limit.burst(if plenty { PLENTY } else { 1 }).expect("a bucket")
}

/// A gate and the clock of nobody: as full as it can be.
struct Open {
    layout: Layout,
    gate: Gate,
    cost: Packed,
}

impl Open {
    fn new(dimensions: &[Dimension]) -> Self {
        let layout = Layout::new(dimensions).expect("few dimensions");
        let gate = Gate::closed(Guards::from(&layout));
        let cost = layout.pack(&Cost::request().tokens(1)).expect("small");
        let open = Self { layout, gate, cost };
        open.fill();
        open
    }

    /// Enough for a sample.
    fn fill(&self) {
        let largest = |dimension| (dimension, self.layout.max(dimension));
        let all: Amounts = self.layout.dimensions().map(largest).collect();
        self.gate.close();
        self.gate.open(self.layout.pack_amounts(&all));
    }
}

/// Uses an answer up, so that asking is not optimised away.
pub(crate) fn taken<T>(answer: T) {
    let _ = black_box(answer);
}

fn many<'a>(mut operation: impl FnMut() + 'a) -> Contender<'a> {
    Contender::new(move |times| (0..times).for_each(|_| operation()))
}

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let mut lines = one_thread(plan);
    lines.extend(two_threads(plan));
    lines.extend(refusals(plan));
    lines
}

/// Names, peers and targets of what was measured, in the order of the contenders.
struct Rows<'a> {
    group: &'a str,
    timings: &'a [Timing],
    peers: &'a [&'a str],
}

impl Rows<'_> {
    /// Ours at `index` against the first peer, which targets are set by.
    fn ours(&self, name: &str, index: usize, target: Option<f64>) -> Value {
        self.against(name, index, 0, target)
    }

    fn against(&self, name: &str, index: usize, peer: usize, target: Option<f64>) -> Value {
        let peer = Some((self.peers[peer], &self.timings[peer]));
        line("direct", &format!("{}/{name}", self.group), &self.timings[index], peer, target)
    }

    /// Ours at `index` against every peer but the first.
    fn others(&self, name: &str, index: usize) -> Vec<Value> {
        let row = |peer: usize| {
            let name = format!("{name}, {}", self.peers[peer]);
            self.against(&name, index, peer, None)
        };
        (1..self.peers.len()).map(row).collect()
    }
}

const PEERS: [&str; 5] =
    ["governor", "governor with upkeep", "ratelimit", "leaky-bucket", "tokio Semaphore"];

/// Everybody else's way to say yes.
struct Peers {
    governor: DefaultDirectRateLimiter,
    upkept: RateLimiter<
        governor::state::NotKeyed,
        governor::state::InMemoryState,
        QuantaUpkeepClock,
        governor::middleware::NoOpMiddleware<governor::clock::QuantaInstant>,
    >,
    ratelimit: ratelimit::Ratelimiter,
    leaky: leaky_bucket::RateLimiter,
    semaphore: Semaphore,
}

impl Peers {
    fn new() -> Self {
        let upkeep = QuantaUpkeepClock::from_interval(UPKEEP.to_duration()).expect("a thread");
        let quota = Quota::per_second(NonZeroU32::MAX);
        let ratelimit = ratelimit::Ratelimiter::builder(PLENTY);
        let leaky = usize::try_from(PLENTY).expect("64 bits");
        Self {
            governor: governor(),
            upkept: RateLimiter::direct_with_clock(quota, upkeep),
            ratelimit: ratelimit
                .max_tokens(PLENTY)
                .initial_available(PLENTY)
                .build()
                .expect("in range"),
            leaky: leaky_bucket::RateLimiter::builder()
                .max(leaky)
                .initial(leaky)
                .refill(leaky)
                .interval(Duration::from_secs(1))
                .build(),
            semaphore: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }

    fn semaphore(&self) {
        self.semaphore.try_acquire().expect("plenty").forget();
    }
}

fn one_thread(plan: &Plan) -> Vec<Value> {
    let peers = Peers::new();
    let (one, two) =
        (Open::new(&[Dimension::Requests]), Open::new(&[Dimension::Requests, Dimension::Tokens]));
    let direct = Direct::new(&bucket(true));
    let coarse = CoarseClock::start(UPKEEP).expect("a thread");
    let coarse = Direct::with_clock(&bucket(true), coarse);
    let gcra = Gcra::new(PLENTY, Span::from_secs(1), PLENTY);
    let striped = Striped::new(gcra, 2, 64, TscClock::new()).expect("plenty");
    let local = striped.local().expect("one of two");
    let clock = MonotonicClock::new();
    let algorithm = TokenBucket::new(PLENTY, Span::from_secs(1), PLENTY);
    let mut state = algorithm.full();
    let timings = interleaved(
        plan,
        &mut [
            many(|| taken(peers.governor.check())),
            many(|| taken(peers.upkept.check())),
            many(|| taken(peers.ratelimit.try_wait())),
            many(|| taken(peers.leaky.try_acquire(1))),
            many(|| peers.semaphore()),
            many(|| taken(direct.check())),
            many(|| taken(direct.check_lazily(1))),
            many(|| taken(coarse.check())),
            Contender::new(|times| {
                one.fill();
                (0..times).for_each(|_| taken(one.gate.take(one.cost)));
            }),
            Contender::new(|times| {
                two.fill();
                (0..times).for_each(|_| taken(two.gate.take(two.cost)));
            }),
            many(|| taken(striped.take(1))),
            many(|| taken(local.take(1))),
            many(|| taken(algorithm.take(&mut state, clock.now(), 1))),
        ],
    );
    let rows = Rows { group: "direct/allow/1t", timings: &timings, peers: &PEERS };
    let mut lines = vec![
        rows.ours("exact", 5, Some(0.90)),
        rows.ours("lazy", 6, Some(0.50)),
        rows.ours("coarse", 7, Some(0.50)),
        rows.ours("gate", 8, Some(0.35)),
        rows.ours("gate-2-dimensions", 9, Some(0.35)),
        rows.ours("striped", 10, None),
        rows.ours("thread-local", 11, None),
        rows.ours("token-bucket-and-system-clock", 12, None),
    ];
    lines.extend(rows.others("exact", 5));
    lines.push(rows.against("coarse, governor with upkeep", 7, 1, None));
    lines
}

fn two_threads(plan: &Plan) -> Vec<Value> {
    let peers = Peers::new();
    let open = Open::new(&[Dimension::Requests]);
    let direct = Direct::new(&bucket(true));
    let coarse = CoarseClock::start(UPKEEP).expect("a thread");
    let coarse = Direct::with_clock(&bucket(true), coarse);
    let gcra = Gcra::new(PLENTY, Span::from_secs(1), PLENTY);
    let striped = Striped::new(gcra, 4, 64, TscClock::new()).expect("plenty");
    let timings = interleaved(
        plan,
        &mut [
            Contender::on_two_threads(|| taken(peers.governor.check())),
            Contender::on_two_threads(|| taken(peers.upkept.check())),
            Contender::on_two_threads(|| taken(peers.ratelimit.try_wait())),
            Contender::on_two_threads(|| taken(peers.leaky.try_acquire(1))),
            Contender::on_two_threads(|| peers.semaphore()),
            Contender::on_two_threads(|| taken(direct.check())),
            Contender::on_two_threads(|| taken(direct.check_lazily(1))),
            Contender::on_two_threads(|| taken(coarse.check())),
            Contender::on_two_threads(|| taken(open.gate.take(open.cost))),
            Contender::on_two_threads(|| taken(striped.take(1))),
            Contender::by_two_threads(|times| {
                let local = striped.local().expect("two of four");
                (0..times).for_each(|_| taken(local.take(1)));
            }),
        ],
    );
    let rows = Rows { group: "direct/allow/2t", timings: &timings, peers: &PEERS };
    let mut lines = vec![
        rows.ours("exact", 5, None),
        rows.ours("lazy", 6, None),
        rows.ours("coarse", 7, None),
        rows.ours("gate", 8, Some(0.40)),
        rows.ours("striped", 9, None),
        rows.ours("thread-local", 10, Some(0.12)),
    ];
    lines.extend(rows.others("exact", 5));
    lines
}

fn refusals(plan: &Plan) -> Vec<Value> {
    let upkeep = QuantaUpkeepClock::from_interval(UPKEEP.to_duration()).expect("a thread");
    let quota = Quota::per_hour(NonZeroU32::MIN);
    let peer = RateLimiter::direct(quota);
    let upkept = RateLimiter::direct_with_clock(quota, upkeep);
    let direct = Direct::new(&bucket(false));
    let coarse = CoarseClock::start(UPKEEP).expect("a thread");
    let coarse = Direct::with_clock(&bucket(false), coarse);
    taken((peer.check(), upkept.check(), direct.check(), coarse.check()));
    let open = Open::new(&[Dimension::Requests]);
    open.gate.close();
    let timings = interleaved(
        plan,
        &mut [
            many(|| taken(peer.check())),
            many(|| taken(upkept.check())),
            many(|| taken(direct.check())),
            many(|| taken(coarse.check())),
            many(|| taken(open.gate.take(open.cost))),
        ],
    );
    let rows = Rows { group: "direct/deny/1t", timings: &timings, peers: &PEERS[..2] };
    vec![
        rows.ours("exact", 2, None),
        rows.ours("coarse", 3, None),
        rows.against("coarse, governor with upkeep", 3, 1, None),
        rows.ours("gate", 4, None),
    ]
}
