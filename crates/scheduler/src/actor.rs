//! The actor of one service: reads the gate, stamps the time, calls the machine, does what it asks.
//!
//! Every call into the machine goes through one guard. If the machine panics, the actor closes the
//! gate, puts a new and *empty* machine in its place, queues everybody who still waits again with
//! their old deadlines, and tells the supervisor, who decides when it may grant again. The mailbox
//! and the address live on, so that no caller notices more than a wait.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::prelude::*;
use tidegate_algorithms::Reading;
use tidegate_observability::BreakerPhase;
use tidegate_units::{Amounts, Instant, Scope};
use tokio::sync::oneshot;

use crate::front::{Front, Grant};
use crate::limiter::{Event, Limiter, LimiterConfig, LimiterState, TICK_MIN};
use crate::messages::{
    Acquire, Answer, Borrow, Drain, Explain, ExplainWaiting, Failed, Inspect, Lent, Recall,
    Reconfigure, ReconfigureError, Relimit, Reply, Reset, Resume, Settle, Stop, Unavailable,
};
use crate::{Report, Request, Settlement, Ticket};

mod paces;
mod watched;

/// The ways to the supervisor.
#[derive(Debug, Clone)]
pub struct Lender {
    /// For permits of the shared limits.
    pub borrow: Recipient<Borrow>,
    /// For what was done with them.
    pub settle: Recipient<Settle>,
    /// For failures.
    pub failed: Recipient<Failed>,
}

/// Runs the [`Limiter`] of one service.
#[derive(Debug)]
pub struct LimiterActor {
    /// What the first machine was made from; its successors keep the gate, and the last one's limits.
    config: LimiterConfig,
    front: Arc<Front>,
    lender: Lender,
    machine: Limiter,
    waiting: BTreeMap<Ticket, Waiting>,
    timer: Option<(Instant, SpawnHandle)>,
    /// Who wants to know that nobody waits any more.
    drained: Vec<oneshot::Sender<()>>,
    /// When those who do not wait were last told why.
    explained_at: Option<Instant>,
    /// What handles have said and the machine has not heard yet.
    backlog: VecDeque<Settlement>,
    /// Where the breaker stood when that was last told.
    breaker: Option<BreakerPhase>,
}

/// A caller who has not been answered.
#[derive(Debug)]
struct Waiting {
    request: Request,
    reply: Reply,
}

impl LimiterActor {
    /// An actor around a machine that has been prepared for its start.
    pub fn new(config: LimiterConfig, machine: Limiter, front: Arc<Front>, lender: Lender) -> Self {
        Self {
            config,
            front,
            lender,
            machine,
            waiting: BTreeMap::new(),
            timer: None,
            drained: Vec::new(),
            explained_at: None,
            backlog: VecDeque::new(),
            breaker: None,
        }
    }

    /// Starts the actor on the arbiter of this thread, with room for everybody who may wait from the
    /// first message on.
    pub fn launch(self) -> Addr<Self> {
        let mut ctx = Context::new();
        ctx.set_mailbox_capacity(self.config.queue.capacity.saturating_add(MAILBOX_SPARE));
        ctx.run(self)
    }

    /// Calls into the machine and does everything that it asks for.
    fn enter(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Limiter, Instant)) {
        if self.front.stopped().is_some() {
            return;
        }
        self.backlog.extend(self.front.drain());
        let entered = catch_unwind(AssertUnwindSafe(|| {
            // First the gate, then the clock: nothing is recorded earlier than it was taken.
            let reading = self.front.gate().read();
            let now = self.front.now();
            self.machine.gate_read(now, reading);
            self.front.gate().settled(now);
            while let Some(settlement) = self.backlog.pop_front() {
                if let Settlement::Withdrawn { ticket } = &settlement {
                    self.waiting.remove(ticket);
                }
                self.machine.settle(now, settlement);
            }
            // A burst is over; what it took is given back.
            if self.backlog.capacity() > BACKLOG_KEPT {
                self.backlog.shrink_to(BACKLOG_KEPT);
            }
            input(&mut self.machine, now);
            self.do_events(now, reading);
            self.explain(now);
            self.tell_breaker(now);
        }));
        if let Err(panic) = entered {
            self.rebuild(&*panic);
        }
        self.arm(ctx);
    }

    /// Tells those who do not wait why there is too little in the gate; while many wait, not with every
    /// one of them.
    fn explain(&mut self, now: Instant) {
        let recently = self.explained_at.is_some_and(|at| now.since(at) < TICK_MIN && now >= at);
        if !(recently && self.machine.is_crowded()) {
            self.front.explain(self.machine.shortage(now));
            self.explained_at = Some(now);
        }
    }

    /// Does what the machine asks for. `accounted` is the reading that the machine knows.
    fn do_events(&mut self, now: Instant, accounted: Reading) {
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Granted { ticket, charged, recorded, call } => {
                    let grant = Grant::new(Arc::clone(&self.front), charged, recorded, call);
                    self.answer(ticket, Answer::Granted(grant));
                }
                Event::Refused { ticket, rejection } => {
                    self.tell_refused(now, ticket, &rejection);
                    self.answer(ticket, Answer::Refused(rejection));
                }
                Event::Unanswered { ticket } => {
                    self.answer(ticket, Answer::Unavailable(Unavailable::Restarting));
                }
                Event::Stopped { ticket } => {
                    self.answer(ticket, Answer::Unavailable(Unavailable::Gone));
                }
                Event::Drained => self.drained(),
                Event::CloseGate => self.close_gate(),
                Event::OpenGate(amounts) => {
                    self.front.gate().open(amounts);
                    self.front.shut_if_closing();
                }
                Event::FillGate(amounts) => self.front.gate().fill(amounts),
                Event::CoolGate => {
                    // Only if nobody took since; to look again here would find what was put in meanwhile.
                    if !self.front.gate().cool(accounted) {
                        self.machine.gate_stays_warm(now);
                    }
                }
                Event::Report(report) => self.report(now, report),
                Event::Limits { own, shared } => {
                    self.front.relimit(&own, &shared);
                    self.tell_limits(now, &own);
                }
                Event::Borrow { need, want } => self.borrow(now, need, want),
            }
        }
    }

    fn drained(&mut self) {
        for drained in self.drained.drain(..) {
            // Whoever asked may be gone.
            let _ = drained.send(());
        }
    }

    /// Answers a caller. If it is gone already, a grant goes back by itself.
    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        if let Some(waiting) = self.waiting.remove(&ticket) {
            waiting.reply.send(answer);
        }
    }

    fn close_gate(&mut self) {
        let reading = self.front.gate().close();
        let now = self.front.now();
        self.machine.gate_closed(now, reading);
        self.front.gate().settled(now);
    }

    fn report(&mut self, now: Instant, report: Report) {
        let (service, life) = (self.config.service.clone(), self.machine.life());
        let settle = Settle { service, life, report };
        if let Err(bounced) = self.lender.settle.try_send(settle) {
            self.machine.report_bounced(now, bounced.into_inner().report);
        }
    }

    fn borrow(&mut self, now: Instant, need: Amounts, want: Amounts) {
        let (service, life) = (self.config.service.clone(), self.machine.life());
        let borrow = Borrow { service, life, need, want };
        if self.lender.borrow.try_send(borrow).is_err() {
            self.machine.borrow_bounced(now);
        }
    }

    /// Arms one timer for the machine's next deadline.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let next = self.machine.next_deadline().filter(|_| self.front.stopped().is_none());
        if self.timer.map(|(at, _)| at) == next {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if let Some(at) = next {
            let wait = at.since(self.front.now()).to_duration();
            let timer = ctx.run_later(wait, move |actor, ctx| {
                // A timer that was cancelled in the poll in which it was due fires all the same.
                if actor.timer.map(|(armed, _)| armed) != Some(at) {
                    return;
                }
                actor.timer = None;
                actor.enter(ctx, Limiter::handle_timeout);
            });
            self.timer = Some((at, timer));
        }
    }

    /// The machine has panicked: closes the gate, and starts again from nothing known.
    fn rebuild(&mut self, panic: &(dyn Any + Send)) {
        let reading = self.front.gate().close();
        let now = self.front.now();
        self.front.gate().settled(now);
        let past = self.machine.past(now, reading);
        self.machine = Limiter::rebuilt(self.config.clone(), now, &past);
        let again = catch_unwind(AssertUnwindSafe(|| {
            for waiting in self.waiting.values() {
                self.machine.acquire_again(now, waiting.request.clone());
            }
            self.do_events(now, reading);
        }));
        if again.is_err() {
            // Somebody who waits makes the machine fail: nobody is queued a third time.
            self.machine = Limiter::rebuilt(self.config.clone(), now, &past);
            self.fail_all(Unavailable::Restarting);
        }
        let (service, life) = (self.config.service.clone(), self.machine.life());
        let failed = Failed { service, life, why: message_of(panic) };
        if self.lender.failed.try_send(failed).is_err() {
            // Without a supervisor nobody would ever say that it may grant again.
            self.stop(Unavailable::GivenUp);
        }
    }

    fn fail_all(&mut self, why: Unavailable) {
        for (_, waiting) in std::mem::take(&mut self.waiting) {
            waiting.reply.send(Answer::Unavailable(why));
        }
    }

    fn stop(&mut self, why: Unavailable) {
        self.front.stop(why);
        self.fail_all(why);
        // Nobody waits any more.
        self.drained();
    }
}

/// Room for so many settlements is kept between two looks.
const BACKLOG_KEPT: usize = 1_024;

/// What a panic said, cut short.
fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").chars().take(200).collect()
}

/// The most messages that wait for the actor beside the requests that may wait in its queue.
const MAILBOX_SPARE: usize = 256;

impl Actor for LimiterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        listen(ctx, Arc::clone(&self.front));
        self.enter(ctx, Limiter::wake);
    }
}

/// Enters the machine whenever a handle has something to say.
fn listen(ctx: &mut Context<LimiterActor>, front: Arc<Front>) {
    let woken = async move {
        front.woken().await;
        front
    };
    let woken = fut::wrap_future::<_, LimiterActor>(woken);
    ctx.spawn(woken.map(|front, actor, ctx| {
        actor.enter(ctx, Limiter::wake);
        if actor.front.stopped().is_none() {
            listen(ctx, front);
        }
    }));
}

impl Handler<Acquire> for LimiterActor {
    type Result = ();

    fn handle(&mut self, acquire: Acquire, ctx: &mut Context<Self>) {
        let Acquire { request, reply } = acquire;
        if let Some(why) = self.front.stopped() {
            return reply.send(Answer::Unavailable(why));
        }
        if reply.is_gone() {
            // Who asked gave up before this was read.
            return;
        }
        let ticket = request.ticket;
        self.waiting.insert(ticket, Waiting { request: request.clone(), reply });
        self.enter(ctx, |machine, now| machine.acquire(now, request));
        self.tell_if_waiting(ticket);
    }
}

impl Handler<Lent> for LimiterActor {
    type Result = ();

    fn handle(&mut self, lent: Lent, ctx: &mut Context<Self>) {
        let Lent { life, amounts, short, more_at } = lent;
        self.enter(ctx, |machine, now| machine.lent(now, life, &amounts, short, more_at));
    }
}

impl Handler<Recall> for LimiterActor {
    type Result = ();

    fn handle(&mut self, _: Recall, ctx: &mut Context<Self>) {
        self.enter(ctx, Limiter::recall);
    }
}

impl Handler<Resume> for LimiterActor {
    type Result = ();

    fn handle(&mut self, resume: Resume, ctx: &mut Context<Self>) {
        self.enter(ctx, |machine, now| machine.resume(now, resume.life));
    }
}

impl Handler<Stop> for LimiterActor {
    type Result = ();

    fn handle(&mut self, stop: Stop, ctx: &mut Context<Self>) {
        self.stop(stop.why);
        self.arm(ctx);
        // One that was given up stays to say so.
        if stop.why == Unavailable::Gone {
            ctx.stop();
        }
    }
}

impl Handler<Drain> for LimiterActor {
    type Result = ResponseFuture<()>;

    /// A machine that fails before it has heard is followed by one that has to be told.
    fn handle(&mut self, drain: Drain, ctx: &mut Context<Self>) -> Self::Result {
        let (sender, receiver) = oneshot::channel();
        self.drained.push(sender);
        self.front.begin_stop();
        let mut heard = false;
        for _ in 0..2 {
            if !heard {
                self.enter(ctx, |machine, now| {
                    heard = true;
                    machine.stop(now, now + drain.within);
                });
            }
        }
        if self.front.stopped().is_some() {
            self.drained.clear();
        }
        Box::pin(async move {
            // An actor that ended has nobody waiting either.
            let _ = receiver.await;
        })
    }
}

impl Handler<Inspect> for LimiterActor {
    type Result = MessageResult<Inspect>;

    /// Settles the gate first, so that what is answered is exact.
    fn handle(&mut self, _: Inspect, ctx: &mut Context<Self>) -> Self::Result {
        let mut state = None;
        self.enter(ctx, |machine, now| state = Some(machine.state(now)));
        MessageResult(state.unwrap_or_else(|| LimiterState::stopped(self.config.service.clone())))
    }
}

impl Handler<Explain> for LimiterActor {
    type Result = MessageResult<Explain>;

    /// Settles the gate first, so that what is answered is exact.
    fn handle(&mut self, explain: Explain, ctx: &mut Context<Self>) -> Self::Result {
        let mut answer = None;
        self.enter(ctx, |machine, now| answer = Some(machine.explain(now, &explain.request)));
        MessageResult(answer)
    }
}

impl Handler<ExplainWaiting> for LimiterActor {
    type Result = MessageResult<ExplainWaiting>;

    fn handle(&mut self, explain: ExplainWaiting, ctx: &mut Context<Self>) -> Self::Result {
        let mut answer = Vec::new();
        self.enter(ctx, |machine, now| {
            let waiting = machine.waiting(explain.most.min(ExplainWaiting::MOST)).into_iter();
            let why = waiting.filter_map(|ticket| machine.explain_waiting(now, ticket));
            answer = why.collect();
        });
        MessageResult(answer)
    }
}

impl Handler<Reset> for LimiterActor {
    type Result = ();

    fn handle(&mut self, _: Reset, ctx: &mut Context<Self>) {
        self.enter(ctx, Limiter::reset);
    }
}

impl Handler<Reconfigure> for LimiterActor {
    type Result = Result<(), ReconfigureError>;

    /// The gate is closed and the change made before this returns.
    fn handle(&mut self, change: Reconfigure, ctx: &mut Context<Self>) -> Self::Result {
        let Reconfigure { limits, carry } = change;
        let mut answer = None;
        self.enter(ctx, |machine, now| {
            answer = Some(machine.reconfigure(now, &limits, carry));
        });
        let Some(answer) = answer else {
            let scope = Scope::Service(self.config.service.clone());
            let why = self.front.stopped().unwrap_or(Unavailable::Restarting);
            return Err(ReconfigureError::Unavailable { scope, why });
        };
        Ok(answer?)
    }
}

impl Handler<Relimit> for LimiterActor {
    type Result = ();

    /// A machine that fails before it has heard is followed by one that has to be told.
    fn handle(&mut self, relimit: Relimit, ctx: &mut Context<Self>) {
        let mut heard = false;
        for _ in 0..2 {
            if !heard {
                self.enter(ctx, |machine, now| {
                    heard = true;
                    machine.relimit_shared(now, &relimit.limits);
                });
            }
        }
    }
}

#[cfg(feature = "faults")]
impl Handler<crate::messages::InjectPanic> for LimiterActor {
    type Result = ();

    fn handle(&mut self, _: crate::messages::InjectPanic, ctx: &mut Context<Self>) {
        self.enter(ctx, |_, _| panic!("a panic was asked for"));
    }
}
