//! The machines of a whole program on virtual time, with everything that can go wrong: callers who
//! withdraw, grants that nobody claims, refunds, failing limiters, clocks that step back.
//!
//! First safety: for every seed, no window at the services holds more than any limit (LEASE-1,
//! LEASE-2, LEASE-5, LIM-1, LIM-4, SUP-1, SUP-3), every request is answered exactly once (LIM-3), in
//! the order of arrival (LIM-2). Then liveness: once faults stop, everybody is served, and when a
//! window has passed the books are full again.
//!
//! A failing seed is printed; `TIDEGATE_SEED=N cargo test -p tidegate-tests --test simulation` plays
//! it alone, `TIDEGATE_SEEDS=N` plays so many.

use std::collections::BTreeMap;

use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};
use tidegate_scheduler::{LimiterConfig, Request, Settlement, Ticket};
use tidegate_simulator::World;
use tidegate_simulator::world::Granted;
use tidegate_supervisor::{RestartPolicy, SupervisorConfig};
use tidegate_tests::{Arrival, excess};
use tidegate_units::{
    Amounts, Cost, Dimension, EnforcedAs, Instant, Limit, Outcome, Priority, ServiceName, Span,
    WallOrigin,
};

const SERVICES: usize = 3;

struct Simulation {
    seed: u64,
    draws: Pcg64,
    world: World,
    own: Vec<Vec<Limit>>,
    shared: Vec<Limit>,
    /// What reached each service, and what has been spent on it and is not known to be unused.
    reached: Vec<Vec<Arrival>>,
    /// Who waits where, with the tokens asked for and the turn of asking.
    waiting: BTreeMap<Ticket, (usize, Cost)>,
    /// Permits that are out, each with what its call will turn out not to have used.
    open: Vec<(usize, Amounts, Granted)>,
    tickets: u64,
    answers: u64,
    last_granted: Vec<Option<Ticket>>,
    failures: u64,
    /// Time as the services see it, which does not step when the program's clock does.
    real: Instant,
}

fn bucket(dimension: Dimension, amount: u64, window: Span) -> Limit {
    let limit = Limit::new(dimension, amount, window).expect("a limit");
    // Smaller than the amount for some, larger for others.
    let burst = if amount.is_multiple_of(3) { amount * 2 } else { amount / 2 + 1 };
    limit.burst(burst).expect("a burst").guard(Span::ZERO).expect("no guard")
}

fn window(dimension: Dimension, amount: u64, window: Span) -> Limit {
    let limit = Limit::new(dimension, amount, window).expect("a limit");
    limit.guard(Span::ZERO).expect("no guard")
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
                service: service.clone(),
                limits: limits.clone(),
                shared: shared.clone(),
                queue_capacity: 20,
                wall_origin: WallOrigin::default(),
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
            own,
            shared,
            reached: vec![Vec::new(); SERVICES],
            waiting: BTreeMap::new(),
            open: Vec::new(),
            tickets: 0,
            answers: 0,
            last_granted: vec![None; SERVICES],
            failures: 0,
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
            _ => {}
        }
        self.take_answers(faults);
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
            let waits = self.waiting.values().any(|(at, _)| *at == service);
            assert!(!waits, "LIM-2: a try overtook somebody who waits, seed {}", self.seed);
            self.reach(service, &cost, granted);
        }
    }

    fn wait_in_line(&mut self) {
        let (service, cost) = (self.service(), self.cost());
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.waiting.insert(ticket, (service, cost.clone()));
        let patience = Span::from_millis(self.below(4_000));
        let deadline = self.world.now() + patience;
        self.world.acquire(service, Request { ticket, cost, priority: Priority::Normal, deadline });
    }

    /// A call goes to its service as soon as it is granted, and may take less than was estimated.
    fn reach(&mut self, service: usize, cost: &Cost, granted: Granted) {
        let estimate = cost.amount(Dimension::Tokens);
        let unused = if self.below(3) == 0 { self.below(estimate + 1) } else { 0 };
        if cost.amount(Dimension::Requests) > 0 {
            self.reached[service].push(Arrival { at: self.real, tokens: estimate - unused });
        }
        self.open.push((service, Amounts::of(Dimension::Tokens, unused), granted));
    }

    fn take_answers(&mut self, faults: bool) {
        while let Some(answered) = self.world.poll_answer() {
            self.answers += 1;
            let ticket = answered.ticket;
            let Some((service, cost)) = self.waiting.remove(&ticket) else {
                panic!("LIM-3: {ticket:?} was answered twice, seed {}", self.seed);
            };
            assert_eq!(service, answered.service);
            let Some(Ok(granted)) = answered.answer else {
                continue;
            };
            let before = self.last_granted[service].replace(ticket);
            assert!(
                before < Some(ticket),
                "LIM-2: {ticket:?} after {before:?}, seed {}",
                self.seed
            );
            if faults && self.below(10) == 0 {
                // The caller is gone: the grant goes back.
                let Granted { charged, recorded } = granted;
                self.world.settle(service, Settlement::Unclaimed { recorded, refund: charged });
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
            },
        );
    }

    fn withdraw(&mut self) {
        if let Some((ticket, (service, _))) = self.waiting.pop_first() {
            self.answers += 1;
            self.world.settle(service, Settlement::Withdrawn { ticket });
        }
    }

    fn check_windows(&self) {
        for (service, reached) in self.reached.iter().enumerate() {
            for limit in &self.own[service] {
                self.check_limit(limit, reached);
            }
        }
        let mut all = self.reached.concat();
        all.sort_unstable();
        for limit in &self.shared {
            self.check_limit(limit, &all);
        }
    }

    fn check_limit(&self, limit: &Limit, reached: &[Arrival]) {
        let over = match limit.shape() {
            EnforcedAs::TokenBucket => over_bucket(limit, reached),
            _ => excess(limit, reached),
        };
        assert_eq!(over, 0, "LEASE-2: {limit} was passed, seed {}", self.seed);
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
            self.waiting.insert(ticket, (service, cost.clone()));
            let deadline = self.world.now() + Span::from_secs(5);
            let priority = Priority::Normal;
            self.world.acquire(service, Request { ticket, cost, priority, deadline });
        }
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
                if self.shared.iter().any(|limit| limit.dimension() == dimension) {
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

/// By how much any interval goes beyond what a bucket lets through.
fn over_bucket(limit: &Limit, reached: &[Arrival]) -> u64 {
    let window = u128::from(limit.window().as_nanos());
    let full = u128::from(limit.burst_amount()) * window;
    // A bucket filled with what arrives, in units of 1 / window.
    let (mut level, mut at) = (0_u128, Instant::ZERO);
    let mut over = 0;
    for arrival in reached {
        let leaked = u128::from(arrival.at.since(at).as_nanos()) * u128::from(limit.amount());
        let amount = if limit.dimension().is_tokens() { arrival.tokens } else { 1 };
        level = level.saturating_sub(leaked) + u128::from(amount) * window;
        at = arrival.at;
        over = over.max(level.saturating_sub(full).div_ceil(window));
    }
    u64::try_from(over).unwrap_or(u64::MAX)
}

fn play(seed: u64) -> (u64, u64) {
    let mut simulation = Simulation::new(seed);
    // Every other program is one whose messages take their time.
    simulation.world.hold_up_mail(seed % 2 == 1);
    for _ in 0..400 {
        simulation.step(true);
    }
    simulation.check_windows();
    simulation.world.hold_up_mail(false);
    for _ in 0..100 {
        simulation.step(false);
    }
    simulation.check_liveness();
    simulation.check_windows();
    let reached = simulation.reached.iter().map(Vec::len).sum::<usize>();
    (u64::try_from(reached).unwrap_or(u64::MAX), simulation.failures)
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
    let played: Vec<(u64, u64)> = seeds.map(play).collect();
    let reached: u64 = played.iter().map(|(reached, _)| reached).sum();
    let failures: u64 = played.iter().map(|(_, failures)| failures).sum();
    assert!(reached > 20 * u64::try_from(played.len()).expect("few"), "only {reached} calls");
    assert!(failures > 0 || played.len() < 10, "no limiter failed");
}

#[test]
fn the_same_seed_plays_the_same() {
    assert_eq!(play(42), play(42));
}
