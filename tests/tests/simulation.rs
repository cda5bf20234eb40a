//! The machines of a whole program on virtual time, with everything that can go wrong: callers who
//! withdraw, grants that nobody claims, refunds, failing limiters, clocks that step back.
//!
//! First safety: for every seed, no window at the services holds more than any limit (LEASE-1,
//! LEASE-2, LEASE-5, LIM-1, LIM-4, SUP-1, SUP-3), every request is answered exactly once (LIM-3), in
//! the order of their deadlines (LIM-2). Limits change on the way, of one service and of all: none is passed by
//! what was granted since it holds (LIM-5, SUP-4). Then liveness: once faults stop, everybody is served, and when a
//! window has passed the books are full again.
//!
//! A failing seed is printed; `TIDEGATE_SEED=N cargo test -p tidegate-tests --test simulation` plays
//! it alone, `TIDEGATE_SEEDS=N` plays so many.

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use tidegate_algorithms::Carry;
use tidegate_scheduler::{Call, LimiterConfig, Request, Settlement, Ticket};
use tidegate_simulator::World;
use tidegate_simulator::world::Granted;
use tidegate_supervisor::{RestartPolicy, SupervisorConfig};
use tidegate_tests::{Arrival, Eras, bucket, window};
use tidegate_units::{
    Amounts, Cost, Dimension, Instant, Limit, Outcome, QueuePolicy, ServiceName, Span, WallOrigin,
};

const SERVICES: usize = 3;

struct Simulation {
    seed: u64,
    draws: Pcg64,
    world: World,
    own: Vec<Eras>,
    shared: Eras,
    /// What reached each service.
    reached: Vec<Vec<Arrival>>,
    /// What reached any.
    reached_any: Vec<Arrival>,
    /// Who waits where, with the tokens asked for and the turn of asking.
    waiting: BTreeMap<Ticket, (usize, Cost, Instant)>,
    /// Permits that are out, each with what its call will turn out not to have used.
    open: Vec<(usize, Amounts, Granted)>,
    tickets: u64,
    answers: u64,
    failures: u64,
    changes: u64,
    /// Time as the services see it, which does not step when the program's clock does.
    real: Instant,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut draws = Pcg64::seed_from_u64(seed);
        let mut below = |end: u64| draws.next_u64() % end;
        let second = Span::from_secs(1);
        let mut own = Vec::new();
        for service in 0..SERVICES {
            let requests = 2 + below(30);
            let tokens = 100 + below(5_000);
            own.push(match service {
                0 => vec![window(Dimension::Requests, requests, second)],
                1 => vec![
                    bucket(Dimension::Requests, requests, second),
                    window(Dimension::Tokens, tokens, second * 2),
                ],
                _ => Vec::new(),
            });
        }
        let shared = vec![
            window(Dimension::Requests, 3 + below(40), second),
            bucket(Dimension::Tokens, 200 + below(8_000), second),
        ];
        let names = ["a", "b", "c"].map(|name| name.parse::<ServiceName>().expect("a name"));
        let limiters = names
            .iter()
            .zip(&own)
            .map(|(service, limits)| LimiterConfig {
                shared: shared.clone(),
                queue: QueuePolicy { capacity: 20, backfill: Span::ZERO, ..QueuePolicy::default() },
                ..LimiterConfig::new(service.clone(), limits.clone())
            })
            .collect();
        let restarts = RestartPolicy { restarts_max: 1_000, ..RestartPolicy::default() };
        let config = SupervisorConfig {
            limits: shared.clone(),
            services: names.to_vec(),
            restarts,
            wall_origin: WallOrigin::default(),
        };
        let start = Instant::ZERO + Span::from_secs(100);
        Self {
            seed,
            world: World::new(start, &config, limiters),
            draws,
            own: own.into_iter().map(Eras::new).collect(),
            shared: Eras::new(shared),
            reached: vec![Vec::new(); SERVICES],
            reached_any: Vec::new(),
            waiting: BTreeMap::new(),
            open: Vec::new(),
            tickets: 0,
            answers: 0,
            failures: 0,
            changes: 0,
            real: start,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.draws.next_u64() % end.max(1)
    }

    fn place(&mut self, places: usize) -> usize {
        let places = u64::try_from(places).expect("few");
        usize::try_from(self.below(places)).expect("few")
    }

    fn service(&mut self) -> usize {
        self.place(SERVICES)
    }

    /// One thing that may happen, faults among them if they are on.
    fn step(&mut self, faults: bool) {
        match self.below(100) {
            0..30 => self.pass_time(),
            30..50 => self.try_to_take(),
            50..75 => self.wait_in_line(),
            75..85 => self.close_a_permit(),
            85..90 => self.withdraw(),
            95.. => {
                let messages = self.place(4);
                self.world.deliver(messages);
            }
            90..92 if faults => {
                let service = self.service();
                self.failures += 1;
                self.world.fail(service);
            }
            92 if faults => {
                let back = Span::from_millis(self.below(300));
                self.world.advance(self.world.now() - back);
            }
            93..95 => self.change_any(),
            _ => {}
        }
        self.take_answers(faults);
        if self.world.shared_limits_hold() {
            self.shared.hold(self.reached_any.len());
        }
    }

    /// Any of what a place may limit, raised, lowered, over another window, of another kind, or gone.
    fn limits(&mut self) -> Vec<Limit> {
        let mut limits = Vec::new();
        for dimension in [Dimension::Requests, Dimension::Tokens] {
            let amount = match dimension {
                Dimension::Requests => 2 + self.below(40),
                _ => 100 + self.below(8_000),
            };
            let length = Span::from_millis(500 * (1 + self.below(4)));
            match self.below(5) {
                0 => {}
                1 | 2 => limits.push(bucket(dimension, amount, length)),
                _ => limits.push(window(dimension, amount, length)),
            }
        }
        limits
    }

    fn carry(&mut self) -> Carry {
        let carries = [Carry::AsIs, Carry::Proportional, Carry::Additive, Carry::Reset];
        carries[self.place(carries.len())]
    }

    fn change_any(&mut self) {
        let (carry, limits) = (self.carry(), self.limits());
        if self.below(2) == 0 {
            self.change_shared(&limits, carry);
        } else {
            let service = self.service();
            self.change_own(service, &limits, carry);
            self.refuse_a_change(service);
        }
    }

    fn change_own(&mut self, service: usize, limits: &[Limit], carry: Carry) {
        let arrived = self.reached[service].len();
        self.own[service].changed(arrived, limits.to_vec(), carry == Carry::Reset);
        self.own[service].hold(arrived);
        self.world.reconfigure(service, limits, carry).expect("they may be limited");
        self.changes += 1;
    }

    fn change_shared(&mut self, limits: &[Limit], carry: Carry) {
        let arrived = self.reached_any.len();
        self.shared.changed(arrived, limits.to_vec(), carry == Carry::Reset);
        self.world.reconfigure_shared(limits, carry).expect("they may be limited");
        self.changes += 1;
        if self.world.shared_limits_hold() {
            self.shared.hold(arrived);
        }
    }

    /// Nobody has counted bytes: nothing changes.
    fn refuse_a_change(&mut self, service: usize) {
        let before = self.world.state(service);
        let bytes = [window(Dimension::Bytes, 1, Span::from_secs(1))];
        self.world.reconfigure(service, &bytes, Carry::Reset).expect_err("LIM-5");
        assert_eq!(self.world.state(service), before, "LIM-5, seed {}", self.seed);
        let before = self.world.supervisor_state();
        self.world.reconfigure_shared(&bytes, Carry::Reset).expect_err("SUP-4");
        assert_eq!(self.world.supervisor_state(), before, "SUP-4, seed {}", self.seed);
    }

    /// What was owed when limits were lowered can take very long to be paid back.
    fn forget_debts(&mut self) {
        for service in 0..SERVICES {
            let limits = self.own[service].limits().to_vec();
            self.change_own(service, &limits, Carry::Reset);
            self.take_answers(false);
        }
        let limits = self.shared.limits().to_vec();
        self.change_shared(&limits, Carry::Reset);
        assert!(self.world.shared_limits_hold(), "SUP-4, seed {}", self.seed);
        self.take_answers(false);
    }

    fn pass_time(&mut self) {
        let span = match self.below(10) {
            0 => Span::from_millis(self.below(3_000)),
            1..4 => Span::from_millis(self.below(100)),
            _ => Span::from_micros(self.below(20_000)),
        };
        self.advance_to(self.world.now() + span, true);
    }

    /// Lets every timer on the way fire at its time.
    fn advance_to(&mut self, end: Instant, faults: bool) {
        let mut turns = 0;
        while let Some(next) = self.world.next_deadline().filter(|next| *next <= end) {
            self.advance(next);
            self.take_answers(faults);
            turns += 1;
            assert!(turns < 100_000, "seed {}: timers fire without end", self.seed);
        }
        self.advance(end);
    }

    fn advance(&mut self, to: Instant) {
        let to = to.max(self.world.now());
        self.real = self.real + to.since(self.world.now());
        self.world.advance(to);
    }

    fn cost(&mut self) -> Cost {
        let tokens = if self.below(4) == 0 { self.below(400) } else { self.below(60) };
        // A call may take nothing at all of what is limited.
        if self.below(30) == 0 { Cost::ZERO } else { Cost::request().tokens(tokens) }
    }

    fn try_to_take(&mut self) {
        let (service, cost) = (self.service(), self.cost());
        if let Some(granted) = self.world.take(service, &cost) {
            let waits = self.waiting.values().any(|(at, ..)| *at == service);
            assert!(!waits, "LIM-2: a try overtook somebody who waits, seed {}", self.seed);
            self.reach(service, &cost, granted);
        }
    }

    fn wait_in_line(&mut self) {
        let (service, cost) = (self.service(), self.cost());
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let patience = Span::from_millis(self.below(4_000));
        let deadline = self.world.now() + patience;
        self.waiting.insert(ticket, (service, cost.clone(), deadline));
        self.world.acquire(service, Request::new(ticket, cost, deadline));
    }

    /// A call goes to its service as soon as it is granted, and may take less than was estimated.
    fn reach(&mut self, service: usize, cost: &Cost, granted: Granted) {
        let estimate = cost.amount(Dimension::Tokens);
        let unused = if self.below(3) == 0 { self.below(estimate + 1) } else { 0 };
        if cost.amount(Dimension::Requests) > 0 {
            let arrival = Arrival { at: self.real, tokens: estimate - unused };
            self.reached[service].push(arrival);
            self.reached_any.push(arrival);
        }
        self.open.push((service, Amounts::of(Dimension::Tokens, unused), granted));
    }

    fn take_answers(&mut self, faults: bool) {
        while let Some(answered) = self.world.poll_answer() {
            self.answers += 1;
            let ticket = answered.ticket;
            let Some((service, cost, deadline)) = self.waiting.remove(&ticket) else {
                panic!("LIM-3: {ticket:?} was answered twice, seed {}", self.seed);
            };
            assert_eq!(service, answered.service);
            let Some(Ok(granted)) = answered.answer else {
                continue;
            };
            let rank = (deadline, ticket);
            let earlier = self
                .waiting
                .iter()
                .find(|(other, (at, _, deadline))| *at == service && (*deadline, **other) < rank);
            assert_eq!(earlier, None, "LIM-2: {rank:?} was granted first, seed {}", self.seed);
            if faults && self.below(10) == 0 {
                // The caller is gone: the grant goes back.
                let Granted { charged: refund, recorded, .. } = granted;
                let call = Call::default();
                self.world.settle(service, Settlement::Unclaimed { recorded, refund, call });
            } else {
                self.reach(service, &cost, granted);
            }
        }
    }

    /// A call has ended, now or much later: what it did not use is given back.
    fn close_a_permit(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let index = self.place(self.open.len());
        let (service, refund, granted) = self.open.swap_remove(index);
        let pause = (self.below(20) == 0).then(|| Span::from_millis(self.below(300)));
        self.world.settle(
            service,
            Settlement::Closed {
                outcome: Outcome::Ok,
                recorded: granted.recorded,
                refund,
                debt: Amounts::NONE,
                pause,
                call: Call { by_gate: granted.by_gate, ..Call::default() },
            },
        );
    }

    fn withdraw(&mut self) {
        if let Some((ticket, (service, ..))) = self.waiting.pop_first() {
            self.answers += 1;
            self.world.settle(service, Settlement::Withdrawn { ticket });
        }
    }

    fn check_windows(&self) {
        let places = self.own.iter().zip(&self.reached).chain([(&self.shared, &self.reached_any)]);
        for (place, (eras, reached)) in places.enumerate() {
            let passed = eras.passed(reached);
            assert_eq!(passed, None, "LEASE-2: a limit was passed at {place}, seed {}", self.seed);
        }
    }

    /// Everybody who waits and everybody who comes is served in time, and the books balance.
    fn check_liveness(&mut self) {
        self.advance_to(self.world.now() + Span::from_secs(10), false);
        self.take_answers(false);
        assert!(self.waiting.is_empty(), "LIM-3: {:?}, seed {}", self.waiting, self.seed);
        let before: usize = self.reached.iter().map(Vec::len).sum();
        for service in 0..SERVICES {
            let (ticket, cost) = (Ticket(self.tickets), Cost::request().tokens(1));
            self.tickets += 1;
            let deadline = self.world.now() + Span::from_secs(5);
            self.waiting.insert(ticket, (service, cost.clone(), deadline));
            self.world.acquire(service, Request::new(ticket, cost, deadline));
        }
        self.take_answers(false);
        self.advance_to(self.world.now() + Span::from_secs(5), false);
        self.take_answers(false);
        let served = self.reached.iter().map(Vec::len).sum::<usize>() - before;
        assert_eq!(served, SERVICES, "somebody was not served, seed {}", self.seed);
        self.advance_to(self.world.now() + Span::from_secs(10), false);
        self.check_books();
    }

    fn check_books(&mut self) {
        let mut borrowed = Amounts::NONE;
        for service in 0..SERVICES {
            let state = self.world.state(service);
            assert_eq!(state.queued, 0);
            for usage in &state.limits {
                let in_gate = state.in_gate.get(usage.limit.dimension());
                assert_eq!(usage.lent, in_gate, "nothing is minted, seed {}", self.seed);
                let full = usage.available + usage.lent;
                assert_eq!(full, usage.capacity, "full again, seed {}: {usage:?}", self.seed);
            }
            for (dimension, amount) in state.in_gate.iter() {
                if self.shared.limits().iter().any(|limit| limit.dimension() == dimension) {
                    borrowed.add(&Amounts::of(dimension, amount));
                }
            }
            borrowed.add(&state.borrowed);
        }
        let supervisor = self.world.supervisor_state();
        for usage in &supervisor.limits {
            let full = usage.available + usage.lent;
            assert_eq!(full, usage.capacity, "full again, seed {}: {usage:?}", self.seed);
            let held = borrowed.get(usage.limit.dimension());
            assert_eq!(usage.lent, held, "no permit is lost, seed {}: {usage:?}", self.seed);
        }
    }
}

fn play(seed: u64) -> [u64; 3] {
    let mut simulation = Simulation::new(seed);
    // Every other program is one whose messages take their time.
    simulation.world.hold_up_mail(seed % 2 == 1);
    for _ in 0..400 {
        simulation.step(true);
    }
    simulation.check_windows();
    simulation.world.hold_up_mail(false);
    simulation.world.deliver(usize::MAX);
    simulation.take_answers(true);
    for _ in 0..100 {
        simulation.step(false);
    }
    simulation.forget_debts();
    simulation.check_liveness();
    simulation.check_windows();
    let reached = u64::try_from(simulation.reached_any.len()).unwrap_or(u64::MAX);
    [reached, simulation.failures, simulation.changes]
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_seed_breaks_a_limit_or_leaves_anybody_waiting() {
    let seeds = match number_from("TIDEGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_from("TIDEGATE_SEEDS").unwrap_or(1_500),
    };
    let played: Vec<[u64; 3]> = seeds.map(play).collect();
    let sum = |index: usize| played.iter().map(|figures| figures[index]).sum::<u64>();
    let [reached, failures, changes] = [0, 1, 2].map(sum);
    assert!(reached > 20 * u64::try_from(played.len()).expect("few"), "only {reached} calls");
    assert!(failures > 0 || played.len() < 10, "no limiter failed");
    assert!(changes > 0 || played.len() < 10, "no limit was changed");
}

#[test]
fn the_same_seed_plays_the_same() {
    assert_eq!(play(42), play(42));
}
