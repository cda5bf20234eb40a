//! The actor of the supervisor: stamps the time, calls the machine, sends what it asks for, and
//! starts one limiter actor per service on the same arbiter.
//!
//! Should the supervisor's own machine panic, nobody knows any more what is lent to whom. Then every
//! service is stopped, and callers are told so: closed, never open.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::prelude::*;
use tidegate_algorithms::Carry;
use tidegate_observability::{EventKind, EventSender};
use tidegate_scheduler::actor::{Lender, LimiterActor};
use tidegate_scheduler::front::Front;
use tidegate_scheduler::messages::{
    Borrow, Failed, Lent, Recall, ReconfigureError, Relimit, Resume, Settle, Stop, Unavailable,
};
use tidegate_scheduler::{Limiter, LimiterConfig};
use tidegate_units::{Clock, Instant, Limit, Scope, ServiceName, Span};

use crate::supervisor::{Event, Supervisor, SupervisorConfig, SupervisorState};

/// The most messages that wait for the supervisor: a limiter has one request and one report under
/// way, seldom two.
const MAILBOX_PER_SERVICE: usize = 8;

/// One service as the rest of the program reaches it.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its limiter.
    pub limiter: Addr<LimiterActor>,
    /// Its gate, and the way back.
    pub front: Arc<Front>,
}

/// What [`start`] has started.
#[derive(Debug, Clone)]
pub struct Started {
    /// The supervisor.
    pub supervisor: Addr<SupervisorActor>,
    /// One limiter per service.
    pub services: BTreeMap<ServiceName, Service>,
}

/// Runs the [`Supervisor`].
#[derive(Debug)]
pub struct SupervisorActor {
    machine: Supervisor,
    services: BTreeMap<ServiceName, Service>,
    clock: Arc<dyn Clock>,
    events: EventSender,
    timer: Option<(Instant, SpawnHandle)>,
}

/// To the supervisor: where does everything stand?
#[derive(Debug, Message)]
#[rtype(result = "SupervisorState")]
pub struct Inspect;

/// To the supervisor: stop every service.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll;

/// To the supervisor: put these limits in the place of those that all services share. When it has
/// answered, every limiter has a message in its mailbox that says so.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ReconfigureError>")]
pub struct ReconfigureShared {
    /// The new limits.
    pub limits: Vec<Limit>,
    /// What becomes of the balance.
    pub carry: Carry,
}

/// Starts the supervisor and its limiters on the current arbiter.
///
/// `idle` is how long certainly nothing has been spent before now; `None` if nothing ever was.
///
/// # Panics
///
/// When there is no arbiter on this thread.
pub fn start(
    config: &SupervisorConfig,
    limiters: Vec<LimiterConfig>,
    clock: &Arc<dyn Clock>,
    events: EventSender,
    idle: Option<Span>,
) -> Started {
    let mut ctx = Context::new();
    ctx.set_mailbox_capacity(limiters.len().max(1).saturating_mul(MAILBOX_PER_SERVICE));
    let address: Addr<SupervisorActor> = ctx.address();
    let lender = Lender {
        borrow: address.clone().recipient(),
        settle: address.clone().recipient(),
        failed: address.clone().recipient(),
    };
    let now = clock.now();
    let mut machine = Supervisor::new(config);
    if let Some(idle) = idle {
        machine.start_after(now, idle);
    }
    let start_one = |config: LimiterConfig| {
        let front = Arc::new(Front::new(&config, Arc::clone(clock), events.clone()));
        let mut machine = Limiter::new(config.clone());
        if let Some(idle) = idle {
            machine.start_after(now, idle);
        }
        let service = config.service.clone();
        let actor = LimiterActor::new(config, machine, Arc::clone(&front), lender.clone());
        (service, Service { limiter: actor.launch(), front })
    };
    let services: BTreeMap<_, _> = limiters.into_iter().map(start_one).collect();
    let clock = Arc::clone(clock);
    let reached = services.clone();
    let actor = SupervisorActor { machine, services: reached, clock, events, timer: None };
    Started { supervisor: ctx.run(actor), services }
}

impl SupervisorActor {
    /// Calls into the machine and does everything that it asks for.
    fn enter(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Supervisor, Instant)) {
        let now = self.clock.now();
        let entered = catch_unwind(AssertUnwindSafe(|| {
            input(&mut self.machine, now);
            while let Some(event) = self.machine.poll_event() {
                self.do_event(now, event);
            }
        }));
        if entered.is_err() {
            self.stop_all(Unavailable::GivenUp);
        }
        self.arm(ctx);
    }

    fn do_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Lend { service, life, amounts, short, more_at } => {
                let lent = Lent { life, amounts: amounts.clone(), short, more_at };
                if self.limiter(&service).is_some_and(|it| it.try_send(lent).is_err()) {
                    self.machine.lend_bounced(now, &service, &amounts);
                }
            }
            Event::Recall { service } => {
                if self.limiter(&service).is_some_and(|it| it.try_send(Recall).is_err()) {
                    self.machine.recall_bounced(now, &service);
                }
            }
            // Bounded by the number of restarts and of changes; these must arrive even when the mailbox
            // is full.
            Event::Relimit { service, limits } => self.tell(&service, Relimit { limits }),
            Event::Resume { service, life } => {
                self.tell(&service, Resume { life });
                self.events.send(now, Some(&service), EventKind::LimiterResumed);
            }
            Event::GiveUp { service } => {
                self.tell(&service, Stop { why: Unavailable::GivenUp });
                self.events.send(now, Some(&service), EventKind::LimiterGivenUp);
            }
        }
    }

    fn limiter(&self, service: &ServiceName) -> Option<&Addr<LimiterActor>> {
        self.services.get(service).map(|service| &service.limiter)
    }

    /// Sends what must arrive, past the bound of the mailbox.
    #[expect(
        clippy::disallowed_methods,
        reason = "not a request: at most one per failure or change, and lost it would leave a service closed or under other limits"
    )]
    fn tell<M>(&self, service: &ServiceName, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        LimiterActor: Handler<M>,
    {
        if let Some(limiter) = self.limiter(service) {
            limiter.do_send(message);
        }
    }

    fn stop_all(&self, why: Unavailable) {
        for (service, reached) in &self.services {
            reached.front.stop(why);
            self.tell(service, Stop { why });
        }
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let next = self.machine.next_deadline();
        if self.timer.map(|(at, _)| at) == next {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if let Some(at) = next {
            let wait = at.since(self.clock.now()).to_duration();
            let timer = ctx.run_later(wait, move |actor, ctx| {
                // A timer that was cancelled in the poll in which it was due fires all the same.
                if actor.timer.map(|(armed, _)| armed) != Some(at) {
                    return;
                }
                actor.timer = None;
                actor.enter(ctx, Supervisor::handle_timeout);
            });
            self.timer = Some((at, timer));
        }
    }
}

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.arm(ctx);
    }
}

impl Handler<Borrow> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, borrow: Borrow, ctx: &mut Context<Self>) {
        let Borrow { service, life, need, want } = borrow;
        self.enter(ctx, |machine, now| machine.borrow(now, &service, life, need, want));
    }
}

impl Handler<Settle> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, settle: Settle, ctx: &mut Context<Self>) {
        let Settle { service, life, report } = settle;
        self.enter(ctx, |machine, now| machine.settle(now, &service, life, &report));
    }
}

impl Handler<Failed> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, failed: Failed, ctx: &mut Context<Self>) {
        let Failed { service, life, why } = failed;
        let failed = EventKind::LimiterFailed { why };
        self.events.send(self.clock.now(), Some(&service), failed);
        self.enter(ctx, |machine, now| machine.failed(now, &service, life));
    }
}

impl Handler<Inspect> for SupervisorActor {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.machine.state(self.clock.now()))
    }
}

impl Handler<ReconfigureShared> for SupervisorActor {
    type Result = Result<(), ReconfigureError>;

    fn handle(&mut self, change: ReconfigureShared, ctx: &mut Context<Self>) -> Self::Result {
        let ReconfigureShared { limits, carry } = change;
        let mut answer = None;
        self.enter(ctx, |machine, now| {
            answer = Some(machine.reconfigure(now, &limits, carry));
        });
        let scope = Scope::Global;
        match answer {
            Some(answer) => Ok(answer?),
            None => Err(ReconfigureError::Unavailable { scope, why: Unavailable::GivenUp }),
        }
    }
}

impl Handler<StopAll> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, _: StopAll, ctx: &mut Context<Self>) {
        self.stop_all(Unavailable::Gone);
        ctx.stop();
    }
}
