//! The machines of one program, without actors: a supervisor, its limiters, their gates, and the
//! messages between them, on a clock that the caller moves.
//!
//! What the actors do with channels and timers, this does in a loop: the same calls on the same
//! machines, in one fixed order. A message takes no time, unless its delivery is held up on purpose.

use std::collections::VecDeque;

use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Gate, Layout, Reading, Taken};
use tidegate_scheduler::limiter::Event as LimiterEvent;
use tidegate_scheduler::{
    Limiter, LimiterConfig, LimiterState, Report, Request, Settlement, Ticket,
};
use tidegate_supervisor::supervisor::Event as SupervisorEvent;
use tidegate_supervisor::{Supervisor, SupervisorConfig, SupervisorState};
use tidegate_units::{Amounts, Cost, Instant, Rejection, ServiceName};

/// What a waiting caller was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// At which service, by its place.
    pub service: usize,
    /// Whose request.
    pub ticket: Ticket,
    /// The permit, or why not; `None` if the limiter could not say.
    pub answer: Option<Result<Granted, Rejection>>,
}

/// A permit: what it was charged, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// In each dimension that has a limit.
    pub charged: Amounts,
    /// When, or the last instant of which that is not known to be so.
    pub recorded: Instant,
}

/// A supervisor and its limiters.
#[derive(Debug)]
pub struct World {
    now: Instant,
    supervisor: Supervisor,
    plants: Vec<Plant>,
    mail: VecDeque<Mail>,
    /// Messages stay under way until [`World::deliver`] is called.
    held_up: bool,
    answers: VecDeque<Answered>,
}

/// One service.
#[derive(Debug)]
struct Plant {
    config: LimiterConfig,
    limiter: Limiter,
    layout: Option<Layout>,
    gate: Gate,
    /// The reading that the limiter knows.
    accounted: Reading,
    waiting: Vec<Request>,
}

/// A message that has not been delivered.
#[derive(Debug)]
enum Mail {
    Borrow {
        from: ServiceName,
        life: u64,
        need: Amounts,
        want: Amounts,
    },
    Settle {
        from: ServiceName,
        life: u64,
        report: Report,
    },
    Failed {
        from: ServiceName,
        life: u64,
    },
    Lent {
        to: ServiceName,
        life: u64,
        amounts: Amounts,
        short: Option<Rejection>,
        more_at: Option<Instant>,
    },
    Recall {
        to: ServiceName,
    },
    Resume {
        to: ServiceName,
        life: u64,
    },
}

impl World {
    /// Machines of which nothing has been used, at `now`. Every limiter should hold `config`'s limits
    /// as its shared ones.
    pub fn new(now: Instant, config: &SupervisorConfig, limiters: Vec<LimiterConfig>) -> Self {
        let plants = limiters.into_iter().map(Plant::new).collect();
        let supervisor = Supervisor::new(config);
        let (mail, answers) = (VecDeque::new(), VecDeque::new());
        let mut world = Self { now, supervisor, plants, mail, held_up: false, answers };
        for service in 0..world.plants.len() {
            world.enter(service, Limiter::wake);
        }
        world
    }

    /// The present instant.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Takes from the gate of a service, as a handle does first. Answers from when on it may be
    /// recorded.
    pub fn take(&mut self, service: usize, cost: &Cost) -> Option<Granted> {
        let plant = self.plants.get(service)?;
        let layout = plant.layout.as_ref()?;
        match plant.gate.take(layout.pack(cost)?) {
            Taken::Granted { recorded_from, first } => {
                let charged = Amounts::charged(cost, layout.dimensions());
                if first {
                    self.enter(service, Limiter::wake);
                }
                Some(Granted { charged, recorded: recorded_from })
            }
            Taken::Refused => None,
        }
    }

    /// Waits in line at a service, as a handle does second.
    pub fn acquire(&mut self, service: usize, request: Request) {
        if let Some(plant) = self.plants.get_mut(service) {
            plant.waiting.push(request.clone());
            self.enter(service, |limiter, now| limiter.acquire(now, request));
        }
    }

    /// Closes a permit, or gives up waiting.
    pub fn settle(&mut self, service: usize, settlement: Settlement) {
        if let Settlement::Withdrawn { ticket } = &settlement
            && let Some(plant) = self.plants.get_mut(service)
        {
            plant.waiting.retain(|waiting| waiting.ticket != *ticket);
        }
        self.enter(service, |limiter, now| limiter.settle(now, settlement));
    }

    /// Whether messages stay under way until [`World::deliver`] is called. What is under way when
    /// they no longer do is delivered with the next message.
    pub fn hold_up_mail(&mut self, held_up: bool) {
        self.held_up = held_up;
    }

    /// Delivers up to so many of the messages that are under way, oldest first.
    pub fn deliver(&mut self, messages: usize) {
        for _ in 0..messages {
            let Some(mail) = self.mail.pop_front() else {
                return;
            };
            match mail {
                Mail::Borrow { from, life, need, want } => {
                    self.supervisor.borrow(self.now, &from, life, need, want);
                }
                Mail::Settle { from, life, report } => {
                    self.supervisor.settle(self.now, &from, life, &report);
                }
                Mail::Failed { from, life } => self.supervisor.failed(self.now, &from, life),
                Mail::Lent { to, life, amounts, short, more_at } => {
                    self.enter_named(&to, |limiter, now| {
                        limiter.lent(now, life, &amounts, short, more_at);
                    });
                }
                Mail::Recall { to } => self.enter_named(&to, Limiter::recall),
                Mail::Resume { to, life } => {
                    self.enter_named(&to, |limiter, now| limiter.resume(now, life));
                }
            }
            self.pump_supervisor();
        }
    }

    /// The machine of a service panics: what its actor does then.
    pub fn fail(&mut self, service: usize) {
        let now = self.now;
        let Some(plant) = self.plants.get_mut(service) else {
            return;
        };
        plant.gate.close();
        plant.gate.settled(now);
        plant.limiter = Limiter::rebuilt(plant.config.clone(), now, &plant.limiter.past(now));
        for request in plant.waiting.clone() {
            plant.limiter.acquire(now, request);
        }
        let (from, life) = (plant.config.service.clone(), plant.limiter.life());
        self.mail.push_back(Mail::Failed { from, life });
        self.pump(service);
        self.deliver_unless_held_up();
    }

    /// The next answer to somebody who waited.
    pub fn poll_answer(&mut self) -> Option<Answered> {
        self.answers.pop_front()
    }

    /// When the next machine has something to do by itself.
    pub fn next_deadline(&self) -> Option<Instant> {
        let limiters = self.plants.iter().filter_map(|plant| plant.limiter.next_deadline());
        limiters.chain(self.supervisor.next_deadline()).min()
    }

    /// Moves the clock, which may stand or step back, and lets every machine do what is due.
    pub fn advance(&mut self, now: Instant) {
        self.now = now;
        if self.supervisor.next_deadline().is_some_and(|at| at <= now) {
            self.supervisor.handle_timeout(now);
            self.pump_supervisor();
            self.deliver_unless_held_up();
        }
        for service in 0..self.plants.len() {
            if self.plants[service].limiter.next_deadline().is_some_and(|at| at <= now) {
                self.enter(service, Limiter::handle_timeout);
            }
        }
    }

    /// Where a service stands, with its gate accounted for.
    pub fn state(&mut self, service: usize) -> LimiterState {
        self.enter(service, |_, _| {});
        self.plants[service].limiter.state(self.now)
    }

    /// Where the shared limits stand.
    pub fn supervisor_state(&self) -> SupervisorState {
        self.supervisor.state(self.now)
    }

    /// What an actor does for every message: gate, clock, machine, events.
    fn enter(&mut self, service: usize, input: impl FnOnce(&mut Limiter, Instant)) {
        let now = self.now;
        let plant = &mut self.plants[service];
        plant.accounted = plant.gate.read();
        plant.limiter.gate_read(now, plant.accounted);
        plant.gate.settled(now);
        input(&mut plant.limiter, now);
        self.pump(service);
        self.deliver_unless_held_up();
    }

    fn pump(&mut self, service: usize) {
        while let Some(event) = self.plants[service].limiter.poll_event() {
            self.do_event(service, event);
        }
    }

    fn do_event(&mut self, service: usize, event: LimiterEvent) {
        let now = self.now;
        let plant = &mut self.plants[service];
        let (from, life) = (plant.config.service.clone(), plant.limiter.life());
        match event {
            LimiterEvent::Granted { ticket, charged, recorded } => {
                self.answer(service, ticket, Some(Ok(Granted { charged, recorded })));
            }
            LimiterEvent::Refused { ticket, rejection } => {
                self.answer(service, ticket, Some(Err(rejection)));
            }
            LimiterEvent::Unanswered { ticket } => self.answer(service, ticket, None),
            LimiterEvent::CloseGate => {
                plant.limiter.gate_closed(now, plant.gate.close());
                plant.gate.settled(now);
            }
            LimiterEvent::OpenGate(amounts) => plant.gate.open(amounts),
            LimiterEvent::FillGate(amounts) => plant.gate.fill(amounts),
            LimiterEvent::CoolGate => {
                if !plant.gate.cool(plant.accounted) {
                    plant.limiter.gate_stays_warm(now);
                }
            }
            LimiterEvent::Report(report) => {
                self.mail.push_back(Mail::Settle { from, life, report });
            }
            LimiterEvent::Borrow { need, want } => {
                self.mail.push_back(Mail::Borrow { from, life, need, want });
            }
        }
    }

    fn answer(
        &mut self,
        service: usize,
        ticket: Ticket,
        answer: Option<Result<Granted, Rejection>>,
    ) {
        self.plants[service].waiting.retain(|waiting| waiting.ticket != ticket);
        self.answers.push_back(Answered { service, ticket, answer });
    }

    fn pump_supervisor(&mut self) {
        while let Some(event) = self.supervisor.poll_event() {
            self.mail.push_back(match event {
                SupervisorEvent::Lend { service, life, amounts, short, more_at } => {
                    Mail::Lent { to: service, life, amounts, short, more_at }
                }
                SupervisorEvent::Recall { service } => Mail::Recall { to: service },
                SupervisorEvent::Resume { service, life } => Mail::Resume { to: service, life },
                // Nothing is granted any more: the limiter was suspended when it failed.
                SupervisorEvent::GiveUp { .. } => continue,
            });
        }
    }

    fn deliver_unless_held_up(&mut self) {
        while !self.held_up && !self.mail.is_empty() {
            self.deliver(1);
        }
    }

    /// Like [`World::enter`], without delivering: that goes on where this is called from.
    fn enter_named(&mut self, name: &ServiceName, input: impl FnOnce(&mut Limiter, Instant)) {
        let now = self.now;
        let Some(service) = self.plants.iter().position(|it| it.config.service == *name) else {
            return;
        };
        let plant = &mut self.plants[service];
        plant.accounted = plant.gate.read();
        plant.limiter.gate_read(now, plant.accounted);
        plant.gate.settled(now);
        input(&mut plant.limiter, now);
        self.pump(service);
    }
}

impl Plant {
    fn new(config: LimiterConfig) -> Self {
        let layout = config.layout();
        let gate = Gate::closed(layout.as_ref().map_or(Guards::NONE, Guards::from));
        let limiter = Limiter::new(config.clone());
        let accounted = gate.read();
        Self { config, limiter, layout, gate, accounted, waiting: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_units::Span;

    use super::*;

    /// Services with these limits of their own, and these shared ones.
    fn world_of(own: &[&str], shared: &[&str]) -> World {
        let parse = |text: &&str| {
            let limit: tidegate_units::Limit = text.parse().expect("a limit");
            limit.guard(Span::ZERO).expect("no guard")
        };
        let shared: Vec<_> = shared.iter().map(parse).collect();
        let name = |index| format!("service-{index}").parse::<ServiceName>().expect("a name");
        let limiter = |(index, limit): (usize, &&str)| LimiterConfig {
            service: name(index),
            limits: if limit.is_empty() { Vec::new() } else { vec![parse(limit)] },
            shared: shared.clone(),
            queue_capacity: 10,
        };
        let limiters: Vec<_> = own.iter().enumerate().map(limiter).collect();
        let services = limiters.iter().map(|limiter| limiter.service.clone()).collect();
        let limits = shared.clone();
        let config = SupervisorConfig { services, limits, ..SupervisorConfig::default() };
        World::new(Instant::ZERO, &config, limiters)
    }

    fn world(limit: &str) -> World {
        world_of(&[limit], &[])
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    /// Lets every timer until then fire at its time.
    fn run_until(world: &mut World, end: Instant) {
        while let Some(next) = world.next_deadline().filter(|next| *next <= end) {
            world.advance(next.max(world.now()));
        }
        world.advance(end);
    }

    fn wait(world: &mut World, service: usize, ticket: u64, tokens: u64, deadline: Instant) {
        let cost = Cost::request().tokens(tokens);
        let priority = tidegate_units::Priority::Normal;
        world.acquire(service, Request { ticket: Ticket(ticket), cost, priority, deadline });
    }

    fn granted(world: &mut World) -> Vec<u64> {
        let answers = std::iter::from_fn(|| world.poll_answer());
        answers.filter(|it| matches!(it.answer, Some(Ok(_)))).map(|it| it.ticket.0).collect()
    }

    #[test]
    fn a_gate_that_cools_while_it_is_filled_mints_nothing() {
        let mut world = world("1000 requests per second");
        for round in 0..40 {
            for _ in 0..100 {
                let _ = world.take(0, &Cost::request());
            }
            run_until(&mut world, at(150 * (round + 1)));
        }
        run_until(&mut world, at(20_000));
        let taken = (0..5_000).filter(|_| world.take(0, &Cost::request()).is_some()).count();
        assert_eq!(taken, 1_000);
        assert_eq!(world.state(0).counts.granted_by_gate, 40 * 100 + 1_000);
    }

    #[test]
    fn a_take_of_nothing_does_not_keep_others_from_being_recorded() {
        let mut world = world("10 requests per minute");
        assert!(world.take(0, &Cost::ZERO).is_some());
        run_until(&mut world, at(1_000));
        for _ in 0..10 {
            assert!(world.take(0, &Cost::request()).is_some());
        }
        run_until(&mut world, at(61_100));
        assert!(world.take(0, &Cost::request()).is_some(), "a minute after they were taken");
    }

    #[test]
    fn a_hopeless_refusal_leaves_the_gate_open() {
        let mut world = world("100 tokens per minute");
        assert!(world.take(0, &Cost::request().tokens(80)).is_some());
        wait(&mut world, 0, 1, 50, at(1_000));
        assert!(granted(&mut world).is_empty(), "it could only be served in a minute");
        assert!(world.take(0, &Cost::request().tokens(10)).is_some(), "nobody waits");
    }

    #[test]
    fn an_idle_service_gets_all_that_it_may_have_of_what_nobody_wants() {
        let mut world = world_of(&["10 requests per second"], &["15 requests per second"]);
        for round in 1..4 {
            let taken = (0..20).filter(|_| world.take(0, &Cost::request()).is_some()).count();
            assert_eq!(taken, 10, "round {round}");
            run_until(&mut world, at(round * 2_500));
        }
    }

    #[test]
    fn the_need_of_somebody_who_left_holds_nobody_up() {
        let mut world = world_of(&["", ""], &["100 tokens per minute"]);
        wait(&mut world, 0, 1, 50, at(1_000));
        assert_eq!(granted(&mut world), [1]);
        wait(&mut world, 0, 2, 90, at(5_000));
        wait(&mut world, 0, 3, 10, at(30_000));
        wait(&mut world, 1, 4, 10, at(30_000));
        run_until(&mut world, at(5_100));
        let mut served = granted(&mut world);
        served.sort_unstable();
        assert_eq!(served, [3, 4], "as soon as the one that needs 90 has given up");
    }

    #[test]
    fn a_failure_forgets_neither_pauses_nor_debts() {
        let mut world = world("100 tokens per second");
        let granted = world.take(0, &Cost::request().tokens(10)).expect("it fits");
        world.settle(
            0,
            Settlement::Closed {
                outcome: tidegate_units::Outcome::RateLimited,
                recorded: granted.recorded,
                refund: Amounts::NONE,
                debt: Amounts::of(tidegate_units::Dimension::Tokens, 1_900),
                pause: Some(Span::from_secs(60)),
            },
        );
        world.fail(0);
        run_until(&mut world, at(20));
        let state = world.state(0);
        assert!(state.paused_for.is_some_and(|left| left > Span::from_secs(59)));
        // Ten were granted and 1900 more taken, of which the limit holds 100.
        assert!(state.limits[0].debt >= 1_810, "{:?}", state.limits[0]);
    }

    #[test]
    fn what_is_taken_after_a_pause_is_recorded_within_a_tick() {
        let mut world = world("1000 requests per minute");
        let one = Cost::request();
        assert!(world.take(0, &one).is_some());
        // Long enough for the gate to cool; the first permit comes back only after a minute.
        for millis in [100, 200, 300, 1_000] {
            world.advance(Instant::ZERO + Span::from_millis(millis));
        }
        for _ in 0..10 {
            assert!(world.take(0, &one).is_some());
        }
        let look = world.next_deadline().expect("somebody looks at the gate");
        assert!(look.since(world.now()) <= tidegate_scheduler::limiter::TICK_MAX);
    }
}
