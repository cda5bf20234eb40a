//! Ten times as much as the limit lets through, for a virtual hour, in four classes.
//!
//! The limit has no burst, so that a call waits even where its class is alone. What is asked: that the
//! most urgent class hardly notices the others (ORD-2, LIM-2), that the least urgent still gets its
//! share (ORD-2), that refusals come at once and say when to come back, and that nothing grows.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use tidegate_scheduler::{LimiterConfig, Request, Ticket};
use tidegate_simulator::World;
use tidegate_simulator::random::{Random, Stream};
use tidegate_supervisor::{RestartPolicy, SupervisorConfig};
use tidegate_tests::stage::{service, smooth};
use tidegate_units::{
    Cost, Dimension, Instant, Overflow, Priority, QueuePolicy, Reason, Span, WallOrigin,
};

/// What the limit lets through in a second.
const RATE: u64 = 10;
const HOUR: Span = Span::from_secs(3_600);
/// What each class offers, in hundredths of the limit: ten times of it together.
const LOAD: [(Priority, u32); 4] = [
    (Priority::High, 30),
    (Priority::Normal, 300),
    (Priority::Low, 300),
    (Priority::Background, 370),
];
const CAPACITY: usize = 200;

/// How much more may be held after an hour than after ten minutes: what containers round up to.
const GROWTH: usize = 32 * 1_024;

thread_local! {
    /// What this thread has allocated and not freed.
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting the bytes of each thread.
struct Counting;

fn hold(more: usize, less: usize) {
    let _ = HELD.try_with(|held| held.set((held.get() + more).saturating_sub(less)));
}

#[expect(unsafe_code, reason = "an allocator can only be wrapped by unsafe methods")]
// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size(), 0);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(0, layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What became of the calls.
#[derive(Debug, Default)]
struct Hour {
    /// How long those waited who were granted.
    waits: BTreeMap<Priority, Vec<Span>>,
    offered: BTreeMap<Priority, u64>,
    refused: BTreeMap<String, u64>,
    refused_high: u64,
    most_queued: usize,
    /// Bytes held after ten minutes, and at the end.
    held: (usize, usize),
}

struct Play {
    world: World,
    waiting: BTreeMap<Ticket, (Priority, Instant)>,
    hour: Hour,
}

fn config(strict: Priority) -> LimiterConfig {
    let queue = QueuePolicy {
        capacity: CAPACITY,
        strict: Some(strict),
        overflow: Overflow::DropOldest,
        timeout: Span::from_secs(30),
        ..QueuePolicy::default()
    };
    LimiterConfig { queue, ..service(vec![smooth(Dimension::Requests, RATE, 1)]) }
}

/// The arrivals of an hour, each class drawn on its own so that one is the same with and without the
/// others.
fn arrivals(seed: u64, classes: &[(Priority, u32)]) -> Vec<(Instant, Priority)> {
    let start = Instant::ZERO + Span::from_secs(100);
    let mut arrivals = Vec::new();
    for (class, load) in classes {
        let class_seed = seed * 10 + u64::try_from(class.index()).expect("few");
        let mut draws = Random::new(class_seed, Stream::Arrivals);
        let mean = 100.0 / f64::from(*load) / f64::from(u32::try_from(RATE).expect("few"));
        let mut at = 0.0;
        loop {
            at += draws.exponential() * mean;
            let after = std::time::Duration::from_secs_f64(at);
            let after = Span::from_nanos(u64::try_from(after.as_nanos()).expect("an hour"));
            if after >= HOUR {
                break;
            }
            arrivals.push((start + after, *class));
        }
    }
    arrivals.sort_unstable();
    arrivals
}

impl Play {
    fn new(strict: Priority) -> Self {
        let config = config(strict);
        let supervisor = SupervisorConfig {
            limits: Vec::new(),
            services: vec![config.service.clone()],
            restarts: RestartPolicy::default(),
            wall_origin: WallOrigin::default(),
        };
        let start = Instant::ZERO + Span::from_secs(100);
        let world = World::new(start, &supervisor, vec![config]);
        let mut hour = Hour::default();
        for class in Priority::ALL {
            // Set aside at once, so that what the test remembers is not taken for growth.
            hour.waits.insert(class, Vec::with_capacity(40_000));
        }
        Self { world, waiting: BTreeMap::new(), hour }
    }

    fn run(mut self, arrivals: &[(Instant, Priority)]) -> Hour {
        for (ticket, (at, class)) in (0..).zip(arrivals) {
            self.pass_to(*at);
            if at.since(Instant::ZERO) < Span::from_secs(700) {
                self.hour.held.0 = HELD.get();
            }
            *self.hour.offered.entry(*class).or_default() += 1;
            if self.world.take_as(0, &Cost::request(), *class).is_some() {
                self.hour.waits.entry(*class).or_default().push(Span::ZERO);
                continue;
            }
            let deadline = *at + Span::from_secs(30);
            let request = Request::new(Ticket(ticket), Cost::request(), deadline).priority(*class);
            self.waiting.insert(request.ticket, (*class, *at));
            self.world.acquire(0, request);
            self.listen();
            self.hour.most_queued = self.hour.most_queued.max(self.waiting.len());
        }
        self.hour.held.1 = HELD.get();
        self.pass_to(self.world.now() + Span::from_secs(60));
        assert!(self.waiting.is_empty(), "LIM-3");
        assert_eq!(self.world.state(0).queued, 0);
        self.hour
    }

    fn pass_to(&mut self, end: Instant) {
        while let Some(next) = self.world.next_deadline().filter(|next| *next <= end) {
            self.world.advance(next.max(self.world.now()));
            self.listen();
        }
        self.world.advance(end);
        self.listen();
    }

    fn listen(&mut self) {
        let now = self.world.now();
        while let Some(answered) = self.world.poll_answer() {
            let (class, came) =
                self.waiting.remove(&answered.ticket).expect("LIM-3: answered once");
            match answered.answer {
                Some(Ok(_)) => self.hour.waits.entry(class).or_default().push(now.since(came)),
                Some(Err(rejection)) => {
                    self.hour.refused_high += u64::from(class == Priority::High);
                    *self.hour.refused.entry(format!("{:?}", rejection.reason)).or_default() += 1;
                    // Who is refused before it waits is told at once, and when to come back.
                    let at_once =
                        matches!(rejection.reason, Reason::QueueFull | Reason::DeadlineTooClose);
                    assert!(!at_once || came == now, "{rejection:?} after {:?}", now.since(came));
                    assert!(rejection.retry_after.is_some(), "{rejection:?}");
                    assert!(rejection.queue_position.is_some(), "{rejection:?}");
                }
                None => panic!("LIM-3: the limiter is well"),
            }
        }
    }
}

impl Hour {
    fn percentile(&self, class: Priority, hundredths: usize) -> Span {
        let mut waits = self.waits[&class].clone();
        waits.sort_unstable();
        waits[(waits.len() * hundredths / 100).min(waits.len() - 1)]
    }

    fn granted(&self, class: Priority) -> u64 {
        let granted = self.waits.get(&class).map_or(0, Vec::len);
        u64::try_from(granted).expect("few")
    }

    fn granted_all(&self) -> u64 {
        Priority::ALL.into_iter().map(|class| self.granted(class)).sum()
    }
}

/// The hour of class high alone and with the others, and what there is to tell of them.
fn hours(strict: Priority) -> (Hour, Hour, String) {
    let alone = Play::new(strict).run(&arrivals(1, &LOAD[..1]));
    let hour = Play::new(strict).run(&arrivals(1, &LOAD));
    let wait = |hour: &Hour, part| hour.percentile(Priority::High, part).as_millis();
    let waits = [50, 90, 99].map(|part| (part, wait(&alone, part), wait(&hour, part)));
    let granted = Priority::ALL.map(|class| hour.granted(class));
    let told = format!(
        "ms alone and with the others {waits:?}; granted {granted:?}; refused {:?}; queued {}",
        hour.refused, hour.most_queued,
    );
    (alone, hour, told)
}

/// What holds whoever is strict; `shared` is granted by share.
fn check(hour: &Hour, shared: u64, told: &str) {
    assert_eq!(hour.refused_high, 0, "{told}");
    // Nothing is wasted: an hour of the limit, give or take the first and the last second.
    assert!(hour.granted_all() >= RATE * 3_600 - 10, "{told}");
    for (class, share) in [(Priority::Normal, 100), (Priority::Low, 50), (Priority::Background, 20)]
    {
        let least = shared * share / 1_000 - 1;
        assert!(hour.granted(class) >= least, "ORD-2: {class} {told}");
    }
    assert!(hour.most_queued <= CAPACITY, "{told}");
    let (before, after) = hour.held;
    assert!(after <= before + GROWTH, "{before} bytes after ten minutes, {after} after an hour");
}

/// Strict is the class above all others: what it waits for is the end of the call before it.
#[test]
fn a_strict_class_hardly_notices_ten_times_too_much() {
    let (alone, hour, told) = hours(Priority::High);
    insta::assert_snapshot!(told, @r#"ms alone and with the others [(50, 0, 63), (90, 82, 134), (99, 188, 246)]; granted [0, 10710, 23592, 1321, 577]; refused {"Displaced": 324372}; queued 200"#);
    let (before, after) =
        (alone.percentile(Priority::High, 99), hour.percentile(Priority::High, 99));
    assert!(after <= before + before.div(2), "LIM-2: {told}");
    check(&hour, hour.granted_all() - hour.granted(Priority::High), &told);
}

/// Where it is not, the others have their shares, 17 in 100 by default, and wait for a gap to have them.
#[test]
fn who_leaves_others_their_shares_hardly_notices_either() {
    let (alone, hour, told) = hours(Priority::Critical);
    insta::assert_snapshot!(told, @r#"ms alone and with the others [(50, 0, 63), (90, 82, 134), (99, 188, 246)]; granted [0, 10710, 22841, 1857, 792]; refused {"Displaced": 324372}; queued 200"#);
    let (before, after) =
        (alone.percentile(Priority::High, 99), hour.percentile(Priority::High, 99));
    assert!(after <= before + before.div(2), "ORD-2: {told}");
    check(&hour, hour.granted_all(), &told);
}
