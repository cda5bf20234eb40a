//! A virtual day of one service with everything that it can have: limits on requests and tokens,
//! slots, a breaker, models and agents with limits of their own, classes, keys, every queue; and with
//! everything that can go wrong: callers who withdraw or are gone, permits that are never closed,
//! calls that take for ever, failing calls, failing limiters, clocks that step back, pauses, limits
//! that change, mail that is late.
//!
//! First safety, as it is seen by the service: no window of any limit holds more than it may, for the
//! service, its models and its agents (LIM-1, LIM-4, LIM-5); never are more calls under way, of those
//! whose lease has not ended, than there are slots (LIM-6, SLOT-1); nothing passes an open breaker
//! (BREAK-1); the gate is open only while nobody waits, and inside a key and class the earliest
//! deadline is first (LIM-2); nobody is answered twice (LIM-3). Then liveness: once faults stop
//! everybody who comes is served, every slot comes back (SLOT-2), and all books are full again.
//!
//! A failing seed is printed; `TIDEGATE_SEED=N cargo test -p tidegate-tests --test day` plays it
//! alone, `TIDEGATE_SEEDS=N` plays so many.

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use tidegate_algorithms::Carry;
use tidegate_scheduler::breaker::BreakerState;
use tidegate_scheduler::{Call, Labels, LimiterConfig, Request, Settlement, Ticket};
use tidegate_simulator::World;
use tidegate_simulator::world::Granted;
use tidegate_supervisor::{RestartPolicy, SupervisorConfig};
use tidegate_tests::stage::{agent, model};
use tidegate_tests::{Arrival, Eras, bucket, window};
use tidegate_units::{
    Amounts, Cost, Dimension, Instant, Key, Limit, Outcome, Priority, Scope, Span, WallOrigin,
};

#[path = "day/checks.rs"]
mod checks;
#[path = "day/config.rs"]
mod config;

use config::config;

/// Days that once went on for ever: two calls were next in turn, each by what the other waited for.
const ONCE_WITHOUT_END: [u64; 2] = [19, 50];

const DAY: Span = Span::from_secs(86_400);
const SECOND: Span = Span::from_secs(1);
const MINUTE: Span = Span::from_secs(60);

/// A place with limits: the service, or what its part is called.
type Place = &'static str;

/// The service itself.
const ALL: Place = "";
const MODELS: [Place; 2] = ["large", "small"];
const AGENTS: [Place; 3] = ["ann", "bob", "cid"];
const TENANTS: [Place; 2] = ["red", "blue"];

/// Somebody who waits.
#[derive(Debug, Clone)]
struct Waiting {
    request: Request,
    places: Vec<Place>,
    whose: Place,
}

/// A permit that is out.
#[derive(Debug, Clone)]
struct Permit {
    granted: Granted,
    call: Call,
    places: Vec<Place>,
    tokens: u64,
    at: Instant,
    /// The how-manyth it is.
    name: u64,
}

struct Day {
    seed: u64,
    draws: Pcg64,
    world: World,
    config: LimiterConfig,
    eras: Eras,
    shared: Eras,
    reached: BTreeMap<Place, Vec<Arrival>>,
    waiting: BTreeMap<Ticket, Waiting>,
    open: Vec<Permit>,
    /// Since when calls are under way, by place; leaked ones too.
    under_way: BTreeMap<Place, Vec<(Instant, u64)>>,
    /// Until when a breaker is open.
    shut: BTreeMap<Place, Instant>,
    tickets: u64,
    /// The clock of the program, where it had come to.
    latest: Instant,
    /// Time as the service sees it.
    real: Instant,
    /// Of a hundred calls, how many fail.
    failing: u64,
    granted: u64,
    faults: BTreeMap<&'static str, u64>,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut draws = Pcg64::seed_from_u64(seed);
        let config = config(|end| draws.next_u64() % end, seed);
        let supervisor = SupervisorConfig {
            limits: config.shared.clone(),
            services: vec![config.service.clone()],
            restarts: RestartPolicy { restarts_max: 1_000_000, ..RestartPolicy::default() },
            wall_origin: WallOrigin::default(),
        };
        let start = Instant::ZERO + SECOND * 1_000;
        Self {
            seed,
            draws,
            world: World::new(start, &supervisor, vec![config.clone()]),
            eras: Eras::new(config.limits.clone()),
            shared: Eras::new(config.shared.clone()),
            config,
            reached: BTreeMap::new(),
            waiting: BTreeMap::new(),
            open: Vec::new(),
            under_way: BTreeMap::new(),
            shut: BTreeMap::new(),
            tickets: 0,
            latest: start,
            real: start,
            failing: 0,
            granted: 0,
            faults: BTreeMap::new(),
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.draws.next_u64() % end.max(1)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        let place = self.below(u64::try_from(all.len()).expect("few"));
        all[usize::try_from(place).expect("few")]
    }

    fn note(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// What a call is for, on whose behalf, and which limits hold for it.
    fn labels(&mut self) -> (Labels, Vec<Place>, Place) {
        let mut places = vec![ALL];
        let mut labels = Labels::default();
        let mut whose = ALL;
        if self.below(3) == 0 {
            let tenant = self.pick(&TENANTS);
            labels.keys.push(Key::new("tenant", tenant).expect("a key"));
            whose = tenant;
        }
        if self.below(3) == 0 {
            let named = self.pick(&MODELS);
            labels.model = model(named).model;
            places.push(named);
        }
        if self.below(3) == 0 {
            let named = self.pick(&AGENTS);
            labels.keys.extend(agent(named).keys);
            places.push(named);
        }
        (labels, places, whose)
    }

    fn cost(&mut self) -> Cost {
        let tokens = if self.below(5) == 0 { self.below(400) } else { self.below(60) };
        if self.below(50) == 0 { Cost::ZERO } else { Cost::request().tokens(tokens) }
    }

    /// One thing that may happen, faults among them if they are on.
    fn step(&mut self, faults: bool) {
        match self.below(1_000) {
            0..300 => self.pass_time(),
            300..400 => self.try_to_take(),
            400..680 => self.wait_in_line(),
            680..930 => self.close_a_permit(faults),
            930..955 => self.withdraw(),
            955..975 if faults => self.leak_a_permit(),
            975..978 if faults => {
                self.note("failure");
                self.world.fail(0);
            }
            978..982 if faults => self.step_back(),
            982..986 => self.change_limits(),
            986..990 if faults => self.failing = if self.failing == 0 { 80 } else { 0 },
            990..994 if faults => {
                let held_up = self.below(2) == 0;
                self.world.hold_up_mail(held_up);
            }
            994.. => self.world.deliver(3),
            _ => {}
        }
        self.listen(faults);
    }

    fn pass_time(&mut self) {
        let most = match self.below(100) {
            0..85 => SECOND,
            85..97 => MINUTE,
            _ => MINUTE * 20,
        };
        let span = Span::from_nanos(self.below(most.as_nanos()));
        self.advance_by(span, true);
    }

    /// Lets every timer on the way fire at its time.
    fn advance_by(&mut self, span: Span, faults: bool) {
        let end = self.world.now() + span;
        let mut turns = 0;
        while let Some(next) = self.world.next_deadline().filter(|next| *next <= end) {
            turns = if next > self.world.now() { 0 } else { turns + 1 };
            assert!(turns < 100, "seed {}: timers fire without end", self.seed);
            self.advance(next);
            self.listen(faults);
        }
        self.advance(end);
        self.listen(faults);
    }

    fn advance(&mut self, to: Instant) {
        let to = to.max(self.world.now());
        self.real = self.real + to.since(self.world.now());
        self.latest = self.latest.max(to);
        self.world.advance(to);
    }

    fn step_back(&mut self) {
        self.note("clock");
        let back = Span::from_millis(self.below(5_000));
        self.world.advance(self.world.now() - back);
    }

    fn change_limits(&mut self) {
        let carry = self.pick(&[Carry::AsIs, Carry::Proportional, Carry::Additive, Carry::Reset]);
        let requests = window(Dimension::Requests, 5 + self.below(40), MINUTE);
        let limits = vec![requests, bucket(Dimension::Tokens, 500 + self.below(4_000), MINUTE)];
        self.change(&limits, carry);
    }

    fn change(&mut self, limits: &[Limit], carry: Carry) {
        self.note("change");
        let arrived = self.reached.get(ALL).map_or(0, Vec::len);
        self.eras.changed(arrived, limits.to_vec(), carry == Carry::Reset);
        self.eras.hold(arrived);
        self.world.reconfigure(0, limits, carry).expect("they may be limited");
    }

    fn try_to_take(&mut self) {
        let (cost, class) = (self.cost(), self.pick(&Priority::ALL));
        if let Some(granted) = self.world.take_as(0, &cost, class) {
            // Those who wait for a part or back off keep nobody from the gate.
            let in_line = |waiting: &&Waiting| {
                waiting.places.len() == 1 && waiting.request.not_before.is_none()
            };
            let waits = self.waiting.values().find(in_line);
            assert!(waits.is_none(), "LIM-2: a try overtook {waits:?}, seed {}", self.seed);
            let call = Call { by_gate: true, priority: class, ..Call::default() };
            self.reach(&cost, granted, call, vec![ALL]);
        }
    }

    fn wait_in_line(&mut self) {
        let (cost, class) = (self.cost(), self.pick(&Priority::ALL));
        let patience = Span::from_millis(self.below(120_000));
        let (labels, places, whose) = self.labels();
        let mut request = self.request(cost, patience).priority(class).labels(labels);
        if self.below(20) == 0 {
            request.not_before = Some(self.world.now() + Span::from_millis(self.below(10_000)));
        }
        self.acquire(request, places, whose);
    }

    fn request(&mut self, cost: Cost, patience: Span) -> Request {
        self.tickets += 1;
        Request::new(Ticket(self.tickets), cost, self.world.now() + patience)
    }

    fn acquire(&mut self, request: Request, places: Vec<Place>, whose: Place) {
        let waiting = Waiting { request: request.clone(), places, whose };
        self.waiting.insert(request.ticket, waiting);
        self.world.acquire(0, request);
    }

    /// A call goes to the service as soon as it is granted, and may take less than was estimated.
    fn reach(&mut self, cost: &Cost, granted: Granted, call: Call, places: Vec<Place>) {
        self.granted += 1;
        let estimate = cost.amount(Dimension::Tokens);
        let unused = if self.below(3) == 0 { self.below(estimate + 1) } else { 0 };
        let since = self.world.now();
        for place in &places {
            let shut = self.shut.get(place).copied().unwrap_or(Instant::ZERO);
            assert!(self.latest >= shut, "BREAK-1: at {place:?}, seed {}", self.seed);
            if cost.amount(Dimension::Requests) > 0 {
                let arrival = Arrival { at: self.real, tokens: estimate - unused };
                self.reached.entry(place).or_default().push(arrival);
            }
            self.under_way.entry(place).or_default().push((since, self.granted));
        }
        let (tokens, at) = (unused, self.world.now());
        self.check_slots(&places);
        self.open.push(Permit { granted, call, places, tokens, at, name: self.granted });
    }

    fn listen(&mut self, faults: bool) {
        while let Some(answered) = self.world.poll_answer() {
            let Some(waiting) = self.waiting.remove(&answered.ticket) else {
                panic!("LIM-3: {:?} was answered twice, seed {}", answered.ticket, self.seed);
            };
            let Some(Ok(granted)) = answered.answer else { continue };
            self.check_order(&waiting);
            let Waiting { request, places, .. } = waiting;
            let (priority, labels) = (request.priority, request.labels);
            let call = Call { priority, labels, ..Call::default() };
            if faults && self.below(20) == 0 {
                self.note("unclaimed");
                let Granted { charged: refund, recorded, .. } = granted;
                self.world.settle(0, Settlement::Unclaimed { recorded, refund, call });
            } else {
                self.reach(&request.cost, granted, call, places);
            }
        }
    }

    fn close_a_permit(&mut self, faults: bool) {
        if self.open.is_empty() {
            return;
        }
        // Most calls end in the order in which they began; some take very long.
        let place = if self.below(4) == 0 { self.below(u64::MAX) } else { 0 };
        let place = place % u64::try_from(self.open.len()).expect("few");
        let permit = self.open.remove(usize::try_from(place).expect("few"));
        let outcome = if faults && self.below(100) < self.failing {
            self.pick(&[Outcome::Failed, Outcome::Overloaded])
        } else if self.below(20) == 0 {
            self.pick(&[Outcome::RateLimited, Outcome::Cancelled])
        } else {
            Outcome::Ok
        };
        let pause = (faults && self.below(100) == 0).then(|| SECOND * self.below(30));
        self.close(permit, outcome, pause);
    }

    fn close(&mut self, mut permit: Permit, outcome: Outcome, pause: Option<Span>) {
        for place in &permit.places {
            if let Some(calls) = self.under_way.get_mut(place) {
                calls.retain(|(_, name)| *name != permit.name);
            }
        }
        if self.config.breaker.is_some_and(|it| it.slow_after.is_some()) {
            permit.call.took = Some(self.world.now().since(permit.at));
        }
        let settlement = Settlement::Closed {
            outcome,
            recorded: permit.granted.recorded,
            refund: Amounts::of(Dimension::Tokens, permit.tokens),
            debt: Amounts::NONE,
            pause,
            call: permit.call,
        };
        self.world.settle(0, settlement);
        self.look_at_breakers();
    }

    /// Notes which breakers are open, and until when.
    fn look_at_breakers(&mut self) {
        self.listen(false);
        let state = self.world.state(0);
        let now = self.latest;
        let mut seen = vec![(ALL, state.breaker)];
        for part in state.parts {
            if let Scope::Model(model) = &part.scope {
                let pattern = &model.1;
                seen.push((if &**pattern == "small" { "small" } else { "large" }, part.breaker));
            }
        }
        for (place, breaker) in seen {
            if let Some(BreakerState::Open { until }) = breaker {
                if self.shut.get(place).is_none_or(|shut| *shut < now) {
                    self.note("opening");
                }
                self.shut.insert(place, self.world.now() + until);
            }
        }
    }

    fn leak_a_permit(&mut self) {
        if !self.open.is_empty() {
            self.note("leak");
            let place = self.below(u64::try_from(self.open.len()).expect("few"));
            self.open.remove(usize::try_from(place).expect("few"));
        }
    }

    fn withdraw(&mut self) {
        let tickets: Vec<Ticket> = self.waiting.keys().copied().collect();
        if !tickets.is_empty() {
            let ticket = self.pick(&tickets);
            self.waiting.remove(&ticket);
            self.world.settle(0, Settlement::Withdrawn { ticket });
        }
    }
}

fn play(seed: u64) -> (u64, BTreeMap<&'static str, u64>) {
    let mut day = Day::new(seed);
    let end = day.real + DAY;
    while day.real < end {
        day.step(true);
    }
    day.check_windows();
    day.failing = 0;
    day.world.hold_up_mail(false);
    day.world.deliver(usize::MAX);
    day.listen(false);
    for _ in 0..200 {
        day.step(false);
    }
    let limits = day.eras.limits().to_vec();
    day.change(&limits, Carry::Reset);
    day.listen(false);
    day.check_liveness();
    day.check_windows();
    (day.granted, day.faults)
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_day_breaks_a_limit_or_leaves_anybody_waiting() {
    let seeds: Vec<u64> = match number_from("TIDEGATE_SEED") {
        Some(seed) => vec![seed],
        None => (0..number_from("TIDEGATE_SEEDS").unwrap_or(8)).chain(ONCE_WITHOUT_END).collect(),
    };
    let alone = seeds.len() < 4;
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut granted = 0;
    for seed in seeds {
        let (served, seen) = play(seed);
        granted += served;
        for (fault, count) in seen {
            *faults.entry(fault).or_default() += count;
        }
    }
    for fault in ["failure", "clock", "change", "unclaimed", "leak", "opening"] {
        assert!(alone || faults.contains_key(fault), "no {fault} in {faults:?}");
    }
    assert!(alone || granted > 500, "only {granted} calls");
}
