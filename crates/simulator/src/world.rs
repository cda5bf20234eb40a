//! The machines of one program, without actors: a supervisor, its limiters, their gates, and the
//! messages between them, on a clock that the caller moves.
//!
//! What the actors do with channels and timers, this does in a loop: the same calls on the same
//! machines, in one fixed order. A message takes no time, unless its delivery is held up on purpose.

mod mail;
mod waiting;

use std::collections::VecDeque;

use tidegate_adaptive::{Controller, Hint, Pace};
use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Carry, Gate, Layout, Packed, Reading, Taken};
use tidegate_scheduler::limiter::Event as LimiterEvent;
use tidegate_scheduler::{
    Explanation, Limiter, LimiterConfig, LimiterState, RefusedLimits, Request, Settlement, Ticket,
};
use tidegate_supervisor::supervisor::Event as SupervisorEvent;
use tidegate_supervisor::{Supervisor, SupervisorConfig, SupervisorState};
use tidegate_units::{Amounts, Cost, Instant, Limit, Priority, Rejection, ServiceName};

use mail::Mail;
use waiting::Waiting;

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
    /// Whether it was taken from the gate.
    pub by_gate: bool,
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
    /// What each class leaves in the gate.
    floors: [Packed; Priority::ALL.len()],
    /// The reading that the limiter knows.
    accounted: Reading,
    waiting: Waiting,
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

    /// Takes from the gate of a service for a call of class normal, as a handle does first. Answers
    /// from when on it may be recorded.
    pub fn take(&mut self, service: usize, cost: &Cost) -> Option<Granted> {
        self.take_as(service, cost, Priority::Normal)
    }

    /// Takes from the gate of a service, if that leaves in it what this class leaves to those above it.
    pub fn take_as(&mut self, service: usize, cost: &Cost, class: Priority) -> Option<Granted> {
        let plant = self.plants.get(service)?;
        let layout = plant.layout.as_ref()?;
        match plant.gate.take_above(layout.pack(cost)?, plant.floors[class.index()]) {
            Taken::Granted { recorded_from, first } => {
                let charged = Amounts::charged(cost, layout.dimensions());
                if first {
                    self.enter(service, Limiter::wake);
                }
                Some(Granted { charged, recorded: recorded_from, by_gate: true })
            }
            Taken::Refused => None,
        }
    }

    /// Waits in line at a service, as a handle does second.
    pub fn acquire(&mut self, service: usize, request: Request) {
        if let Some(plant) = self.plants.get_mut(service) {
            plant.waiting.add(request.clone());
            self.enter(service, |limiter, now| limiter.acquire(now, request));
        }
    }

    /// Closes a permit, or gives up waiting.
    pub fn settle(&mut self, service: usize, settlement: Settlement) {
        if let Settlement::Withdrawn { ticket } = &settlement
            && let Some(plant) = self.plants.get_mut(service)
        {
            plant.waiting.remove(*ticket);
        }
        self.enter(service, |limiter, now| limiter.settle(now, settlement));
    }

    /// Has `controller` set the pace of a service.
    pub fn set_controller(&mut self, service: usize, controller: Box<dyn Controller>) {
        self.enter(service, |limiter, now| limiter.set_controller(now, controller));
    }

    /// A service told about its limits before the call that was sent at `sent_at` has ended.
    pub fn hinted(&mut self, service: usize, sent_at: Instant, hints: &[Hint]) {
        self.enter(service, |limiter, now| limiter.hinted(now, sent_at, hints));
    }

    /// The paces of a service, with its gate accounted for.
    pub fn paces(&mut self, service: usize) -> Vec<Pace> {
        self.enter(service, |_, _| {});
        self.plants[service].limiter.paces(self.now)
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
                    self.handle_at(&to, |limiter, now| {
                        limiter.lent(now, life, &amounts, short, more_at);
                    });
                }
                Mail::Recall { to } => self.handle_at(&to, Limiter::recall),
                Mail::Relimit { to, limits } => {
                    self.handle_at(&to, |limiter, now| limiter.relimit_shared(now, &limits));
                }
                Mail::Resume { to, life } => {
                    self.handle_at(&to, |limiter, now| limiter.resume(now, life));
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
        let reading = plant.gate.close();
        plant.gate.settled(now);
        let past = plant.limiter.past(now, reading);
        plant.limiter = Limiter::rebuilt(plant.config.clone(), now, &past);
        for request in plant.waiting.in_order() {
            plant.limiter.acquire_again(now, request);
        }
        let (from, life) = (plant.config.service.clone(), plant.limiter.life());
        self.mail.push_back(Mail::Failed { from, life });
        self.pump(service);
        self.deliver_unless_held_up();
    }

    /// Lets a service take no more calls, and serve those who wait until then.
    pub fn stop(&mut self, service: usize, until: Instant) {
        self.enter(service, |limiter, now| limiter.stop(now, until));
    }

    /// Changes the limits of a service.
    ///
    /// # Errors
    ///
    /// As [`Limiter::reconfigure`].
    pub fn reconfigure(
        &mut self,
        service: usize,
        limits: &[Limit],
        carry: Carry,
    ) -> Result<(), RefusedLimits> {
        let mut answer = Ok(());
        self.enter(service, |limiter, now| answer = limiter.reconfigure(now, limits, carry));
        answer
    }

    /// Changes the limits that all services share.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::reconfigure`].
    pub fn reconfigure_shared(
        &mut self,
        limits: &[Limit],
        carry: Carry,
    ) -> Result<(), RefusedLimits> {
        self.supervisor.reconfigure(self.now, limits, carry)?;
        self.pump_supervisor();
        self.deliver_unless_held_up();
        Ok(())
    }

    /// Whether the shared limits hold everywhere: every limiter has heard of the last change, and what
    /// is lent is covered.
    pub fn shared_limits_hold(&self) -> bool {
        let unheard = self.mail.iter().any(|mail| matches!(mail, Mail::Relimit { .. }));
        !unheard && self.supervisor.covers_loans(self.now)
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

    /// What would become of a request if it came now.
    pub fn explain(&mut self, service: usize, request: &Request) -> Explanation {
        self.enter(service, |_, _| {});
        self.plants[service].limiter.explain(self.now, request)
    }

    /// Why a request still waits.
    pub fn explain_waiting(&mut self, service: usize, ticket: Ticket) -> Option<Explanation> {
        self.enter(service, |_, _| {});
        self.plants[service].limiter.explain_waiting(self.now, ticket)
    }

    /// Where the shared limits stand.
    pub fn supervisor_state(&self) -> SupervisorState {
        self.supervisor.state(self.now)
    }

    /// Has a machine do something, and delivers what it says.
    fn enter(&mut self, service: usize, input: impl FnOnce(&mut Limiter, Instant)) {
        self.handle(service, input);
        self.deliver_unless_held_up();
    }

    /// What an actor does for every message: gate, clock, machine, events.
    fn handle(&mut self, service: usize, input: impl FnOnce(&mut Limiter, Instant)) {
        let now = self.now;
        let plant = &mut self.plants[service];
        plant.accounted = plant.gate.read();
        plant.limiter.gate_read(now, plant.accounted);
        plant.gate.settled(now);
        input(&mut plant.limiter, now);
        self.pump(service);
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
            LimiterEvent::Granted { ticket, charged, recorded, .. } => {
                self.answer(
                    service,
                    ticket,
                    Some(Ok(Granted { charged, recorded, by_gate: false })),
                );
            }
            LimiterEvent::Refused { ticket, rejection } => {
                self.answer(service, ticket, Some(Err(rejection)));
            }
            LimiterEvent::Unanswered { ticket } | LimiterEvent::Stopped { ticket } => {
                self.answer(service, ticket, None);
            }
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
            LimiterEvent::Limits { own, .. } => plant.set_floors(&own),
            // Nobody here waits to be told.
            LimiterEvent::Drained => {}
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
        self.plants[service].waiting.remove(ticket);
        self.answers.push_back(Answered { service, ticket, answer });
    }

    fn pump_supervisor(&mut self) {
        while let Some(event) = self.supervisor.poll_event() {
            self.mail.push_back(match event {
                SupervisorEvent::Lend { service, life, amounts, short, more_at } => {
                    Mail::Lent { to: service, life, amounts, short, more_at }
                }
                SupervisorEvent::Recall { service } => Mail::Recall { to: service },
                SupervisorEvent::Relimit { service, limits } => {
                    Mail::Relimit { to: service, limits }
                }
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

    /// Delivers a message to a limiter.
    fn handle_at(&mut self, name: &ServiceName, input: impl FnOnce(&mut Limiter, Instant)) {
        if let Some(service) = self.plants.iter().position(|it| it.config.service == *name) {
            self.handle(service, input);
        }
    }
}

impl Plant {
    fn new(config: LimiterConfig) -> Self {
        let layout = config.layout();
        let gate = Gate::closed(layout.as_ref().map_or(Guards::NONE, Guards::from));
        let limiter = Limiter::new(config.clone());
        let accounted = gate.read();
        let floors = [Packed::default(); Priority::ALL.len()];
        let limits = config.limits.clone();
        let mut plant =
            Self { config, limiter, layout, gate, floors, accounted, waiting: Waiting::default() };
        plant.set_floors(&limits);
        plant
    }

    /// Works out what each class leaves to those above it under these limits, as a handle does.
    fn set_floors(&mut self, limits: &[Limit]) {
        let Some(layout) = &self.layout else {
            return;
        };
        for (floor, share) in self.floors.iter_mut().zip(self.config.queue.floors) {
            let mut kept = Amounts::NONE;
            for limit in limits {
                let dimension = limit.dimension();
                let of_limit = share.of(limit.shaped_capacity()).min(layout.max(dimension));
                let before = Some(kept.get(dimension)).filter(|before| *before > 0);
                kept.set(dimension, before.map_or(of_limit, |before| before.min(of_limit)));
            }
            *floor = layout.pack_amounts(&kept);
        }
    }
}
