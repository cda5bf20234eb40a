//! Two services under shared limits, with everything on at once: slots, limits of each agent, breakers,
//! floors, every way to shorten a full queue; callers who withdraw or do not claim what they were granted,
//! debts, pauses, failing limiters, messages that are late.
//!
//! For every seed, everybody is answered exactly once (LIM-3), no timer fires without end, no more calls
//! are under way than there are slots (LIM-6). When it has become quiet nobody waits, every slot is back,
//! and both services still serve. That no limit is passed is shown by the simulation of the whole.
//!
//! A failing seed is printed; `TIDEGATE_SEED=N cargo test -p tidegate-simulator --test two_services` plays
//! it alone, `TIDEGATE_SEEDS=N` plays so many.

#[path = "two_services/draws.rs"]
mod draws;

use std::collections::BTreeMap;

use draws::{Draws, agent, buckets, number, place};
use tidegate_scheduler::{Call, LimiterConfig, Request, Settlement, SlotsState, Ticket};
use tidegate_simulator::World;
use tidegate_simulator::world::Granted;
use tidegate_supervisor::{RestartPolicy, SupervisorConfig};
use tidegate_units::{Cost, Instant, Span};

const SERVICES: usize = 2;
const STEPS: usize = 400;

struct Play {
    seed: u64,
    draws: Draws,
    world: World,
    /// What was asked for where, by ticket.
    asked: Vec<(usize, Request)>,
    /// How often each was answered, or had withdrawn.
    answers: BTreeMap<Ticket, u32>,
    /// Calls under way.
    open: Vec<(usize, Granted, Call)>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let limits = buckets(&["30 requests per second", "300 tokens per 10s"]);
        let limiters: Vec<_> = ["one", "two"]
            .into_iter()
            .map(|name| LimiterConfig { shared: limits.clone(), ..draws.limiter(name) })
            .collect();
        let config = SupervisorConfig {
            services: limiters.iter().map(|limiter| limiter.service.clone()).collect(),
            limits,
            restarts: RestartPolicy { restarts_max: 1_000, ..RestartPolicy::default() },
            ..SupervisorConfig::default()
        };
        let world = World::new(Instant::ZERO, &config, limiters);
        let (asked, answers, open) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { seed, draws, world, asked, answers, open }
    }

    fn step(&mut self) {
        let pause = self.draws.of(&[700, 50, 7, 0, 0, 0, 0, 0]);
        self.pass(Span::from_millis(pause));
        let service = self.draws.of(&[0, 1]);
        match self.draws.below(20) {
            0..9 => {
                let request = self.draws.request(self.next_ticket(), self.world.now());
                self.ask(service, request);
            }
            9..11 => self.take(service),
            11..17 => self.close(),
            17 => self.withdraw(),
            18 => self.world.hold_up_mail(self.draws.one_in(2)),
            _ if self.draws.one_in(4) => self.world.fail(service),
            _ => self.world.deliver(3),
        }
        self.hear();
        self.check_slots();
    }

    /// Lets every timer on the way fire at its time.
    fn pass(&mut self, span: Span) {
        let end = self.world.now() + span;
        let mut turns = 0;
        while let Some(next) = self.world.next_deadline().filter(|next| *next <= end) {
            turns += 1;
            assert!(turns < 100_000, "timers fire without end, seed {}", self.seed);
            self.world.advance(next.max(self.world.now()));
        }
        self.world.advance(end);
        self.hear();
    }

    fn next_ticket(&self) -> Ticket {
        Ticket(number(self.asked.len()))
    }

    fn ask(&mut self, service: usize, request: Request) {
        self.asked.push((service, request.clone()));
        self.world.acquire(service, request);
    }

    fn take(&mut self, service: usize) {
        let cost = Cost::request().tokens(self.draws.below(10));
        if let Some(granted) = self.world.take(service, &cost) {
            self.open.push((service, granted, Call { by_gate: true, ..Call::default() }));
        }
    }

    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let choice = place(self.draws.below(number(self.open.len())));
        let (service, granted, call) = self.open.swap_remove(choice);
        let settlement = self.draws.settlement(granted, call);
        self.world.settle(service, settlement);
    }

    /// Somebody stops waiting, unless it was answered in time.
    fn withdraw(&mut self) {
        let ticket = Ticket(self.draws.below(self.next_ticket().0));
        if self.asked.is_empty() || self.answers.contains_key(&ticket) {
            return;
        }
        let service = self.asked[place(ticket.0)].0;
        self.world.settle(service, Settlement::Withdrawn { ticket });
        self.hear();
        self.answers.entry(ticket).or_insert(1);
    }

    fn hear(&mut self) {
        while let Some(answered) = self.world.poll_answer() {
            let ticket = answered.ticket;
            *self.answers.entry(ticket).or_default() += 1;
            assert_eq!(self.answers[&ticket], 1, "LIM-3: {ticket:?}, seed {}", self.seed);
            if let Some(Ok(granted)) = answered.answer {
                let (service, request) = self.asked[place(ticket.0)].clone();
                let (priority, labels) = (request.priority, request.labels);
                let call = Call { priority, labels, ..Call::default() };
                self.open.push((service, granted, call));
            }
        }
    }

    fn check_slots(&mut self) {
        for service in 0..SERVICES {
            let all = self.slots(service);
            let fit = all.iter().all(|slots| slots.held <= slots.slots);
            assert!(fit, "LIM-6: {all:?} at {service}, seed {}", self.seed);
        }
    }

    /// Of a service and its parts.
    fn slots(&mut self, service: usize) -> Vec<SlotsState> {
        let state = self.world.state(service);
        let parts = state.parts.iter().filter_map(|part| part.slots);
        parts.chain(state.slots).collect()
    }

    /// Nobody comes any more, and messages arrive: everything comes to rest.
    fn come_to_rest(&mut self) {
        self.world.hold_up_mail(false);
        self.world.deliver(usize::MAX);
        self.pass(Span::from_secs(100));
        assert_eq!(self.answers.len(), self.asked.len(), "LIM-3: seed {}", self.seed);
        for service in 0..SERVICES {
            let state = self.world.state(service);
            let waiting = state.queued + state.parts.iter().map(|part| part.waiting).sum::<usize>();
            assert_eq!(waiting, 0, "somebody waits at {service}, seed {}", self.seed);
            let held: u64 = self.slots(service).iter().map(|slots| slots.held).sum();
            assert_eq!(held, 0, "LIM-6: slots are lost at {service}, seed {}", self.seed);
        }
    }

    fn still_serves(&mut self, service: usize) {
        let (ticket, cost) = (self.next_ticket(), Cost::request().tokens(5));
        let request = Request::new(ticket, cost, self.world.now() + Span::from_secs(30));
        self.open.clear();
        self.ask(service, request.labels(agent("a")));
        self.pass(Span::from_secs(30));
        assert_eq!(self.open.len(), 1, "{service} serves nobody, seed {}", self.seed);
    }
}

/// Answers how many asked.
fn play(seed: u64) -> usize {
    let mut play = Play::new(seed);
    for _ in 0..STEPS {
        play.step();
    }
    let asked = play.asked.len();
    play.come_to_rest();
    for service in 0..SERVICES {
        play.still_serves(service);
    }
    asked
}

fn number_from(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_seed_leaves_anybody_waiting_or_a_service_that_serves_nobody() {
    let seeds = match number_from("TIDEGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_from("TIDEGATE_SEEDS").unwrap_or(200),
    };
    for seed in seeds {
        let asked = play(seed);
        assert!(asked > STEPS / 4, "only {asked} asked, seed {seed}");
    }
}
