//! The limiter of one service: who is granted a permit, and when.
//!
//! A pure machine. Inputs are method calls with the present instant; what follows from them is read
//! with [`Limiter::poll_event`] until it is empty; [`Limiter::next_deadline`] says when to call
//! [`Limiter::handle_timeout`]. Extra calls are harmless.
//!
//! Before every input the caller reads the gate, *then* the clock, and passes the reading to
//! [`Limiter::gate_read`]: so what callers took is recorded no earlier than they took it.
//!
//! # Invariants
//!
//! - LIM-1: a permit is granted only if the service's own ledger and the slice of the shared limits
//!   both cover it; a refused or withdrawn request has consumed nothing.
//! - LIM-2: first come, first served: nobody is granted while somebody waits longer. The gate is
//!   open only while nobody waits.
//! - LIM-3: every request is answered exactly once: granted, refused, or withdrawn by its caller.
//! - LIM-4: after a restart the ledger is empty, never full.

use std::collections::VecDeque;

use serde::Serialize;
use tidegate_adaptive::Pause;
use tidegate_algorithms::{Ledger, LimitUsage, Packed, Reading};
use tidegate_units::{
    Amounts, Code, Cost, Dimension, Instant, Limit, Outcome, Reason, Rejection, Scope, ServiceName,
    Span,
};

use crate::gate_book::{GateBook, Seen};
use crate::queue::Queue;
use crate::slice::Slice;
use crate::{Report, Request, Settlement, Shortage, Ticket};

/// The longest time between two looks at a gate that is in use; a 256th of the shortest window where
/// that is less. What callers took is recorded late by at most this.
pub const TICK_MAX: Span = Span::from_millis(50);
/// The shortest such time: what timers can tell apart.
pub const TICK_MIN: Span = Span::from_millis(1);

/// What a limiter is made from.
#[derive(Debug, Clone)]
pub struct LimiterConfig {
    /// The service.
    pub service: ServiceName,
    /// Its own limits.
    pub limits: Vec<Limit>,
    /// The limits that it shares with all services, kept by the supervisor.
    pub shared: Vec<Limit>,
    /// The most requests that may wait.
    pub queue_capacity: usize,
}

impl LimiterConfig {
    /// The dimensions that a permit is charged in: requests first, whether they are limited or not,
    /// so that calls are counted.
    pub fn gate_dimensions(&self) -> Vec<Dimension> {
        let mut dimensions = vec![Dimension::Requests];
        for limit in self.limits.iter().chain(&self.shared) {
            if !dimensions.contains(&limit.dimension()) {
                dimensions.push(limit.dimension());
            }
        }
        dimensions
    }
}

/// What the limiter wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Tell the caller that it may go ahead.
    Granted {
        /// Whose request.
        ticket: Ticket,
        /// What was charged in each dimension that has a limit.
        charged: Amounts,
        /// When it was recorded.
        recorded: Instant,
    },
    /// Tell the caller why not.
    Refused {
        /// Whose request.
        ticket: Ticket,
        /// Why.
        rejection: Rejection,
    },
    /// Close the gate, then read the clock, then call [`Limiter::gate_closed`].
    CloseGate,
    /// Open the gate, which is closed and empty, with this in it.
    OpenGate(Packed),
    /// Add this to the open gate.
    FillGate(Packed),
    /// Let the gate cool; if somebody took from it since the last reading, call
    /// [`Limiter::gate_stays_warm`].
    CoolGate,
    /// Tell the supervisor what was used, before anything else that is said to it.
    Report(Report),
    /// Tell the caller that the limiter could not say in time.
    Unanswered {
        /// Whose request.
        ticket: Ticket,
    },
    /// Ask the supervisor for permits of the shared limits.
    Borrow {
        /// To grant whoever is next; the supervisor keeps this until it can be met.
        need: Amounts,
        /// What could be used beyond that; lent only if it is free.
        want: Amounts,
    },
}

/// What the limiter has done, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Requests granted from the gate, by the amount of `requests`.
    pub granted_by_gate: u64,
    /// Requests granted from the queue.
    pub granted_by_queue: u64,
    /// Requests refused.
    pub refused: u64,
    /// Of those, how many waited in vain until their deadline.
    pub expired: u64,
    /// Callers that stopped waiting.
    pub withdrawn: u64,
    /// Grants that nobody was there to take.
    pub unclaimed: u64,
    /// Permits closed, by [`Outcome::index`]; only those that reported something.
    pub outcomes: [u64; Outcome::ALL.len()],
}

/// What outlives a limiter that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    life: u64,
    counts: Counts,
}

/// What others may see of a limiter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimiterState {
    /// The service.
    pub service: ServiceName,
    /// Requests that wait.
    pub queued: usize,
    /// Where each of the service's own limits stands.
    pub limits: Vec<LimitUsage>,
    /// Permits lent to the gate.
    pub in_gate: Amounts,
    /// Permits of the shared limits that are borrowed and not in the gate.
    pub borrowed: Amounts,
    /// How long the service still wants to be left alone.
    pub paused_for: Option<Span>,
    /// Nothing is granted until the supervisor says so.
    pub suspended: bool,
    /// What was done so far.
    pub counts: Counts,
}

impl LimiterState {
    /// What can be said of a limiter that no longer runs.
    pub fn stopped(service: ServiceName) -> Self {
        Self {
            service,
            queued: 0,
            limits: Vec::new(),
            in_gate: Amounts::NONE,
            borrowed: Amounts::NONE,
            paused_for: None,
            suspended: true,
            counts: Counts::default(),
        }
    }
}

/// The machine.
#[derive(Debug)]
pub struct Limiter {
    config: LimiterConfig,
    ledger: Ledger,
    /// The shared limits with nothing used: to tell at once what can never fit.
    shared_when_full: Ledger,
    slice: Slice,
    gate: GateBook,
    gate_dimensions: Vec<Dimension>,
    queue: Queue,
    pause: Pause,
    suspended: bool,
    life: u64,
    tick: Span,
    /// When the head of the queue can be granted, as far as the own ledger is concerned.
    head_ready_at: Option<Instant>,
    /// Why the head waits.
    blocked_by: Option<Rejection>,
    tick_at: Option<Instant>,
    report_at: Option<Instant>,
    /// Before this no more is borrowed ahead of need.
    borrow_ahead_at: Instant,
    /// [`Event::CloseGate`] is under way; planning goes on in [`Limiter::gate_closed`].
    closing: bool,
    /// The supervisor waits for what the gate holds.
    recalled: bool,
    events: VecDeque<Event>,
    counts: Counts,
}

impl Limiter {
    /// A limiter of which nothing has been used.
    pub fn new(config: LimiterConfig) -> Self {
        let ledger = Ledger::new(Scope::Service(config.service.clone()), &config.limits);
        let shared_when_full = Ledger::new(Scope::Global, &config.shared);
        let gate_dimensions = config.gate_dimensions();
        let shortest = config.limits.iter().chain(&config.shared).map(Limit::window).min();
        let tick = shortest.map_or(TICK_MAX, |window| window.div(256)).clamp(TICK_MIN, TICK_MAX);
        Self {
            queue: Queue::new(config.queue_capacity, gate_dimensions.clone()),
            slice: Slice::new(shared_when_full.dimensions()),
            gate: GateBook::new(&gate_dimensions),
            gate_dimensions,
            ledger,
            shared_when_full,
            config,
            pause: Pause::default(),
            suspended: false,
            life: 0,
            tick,
            head_ready_at: None,
            blocked_by: None,
            tick_at: None,
            report_at: None,
            borrow_ahead_at: Instant::ZERO,
            closing: false,
            recalled: false,
            events: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// A limiter whose past is not known, because the one before it has failed at `now`: its ledger
    /// is empty (LIM-4), and it grants nothing until [`Limiter::resume`].
    pub fn rebuilt(config: LimiterConfig, now: Instant, before: &Past) -> Self {
        let mut limiter = Self::new(config);
        limiter.life = before.life + 1;
        limiter.ledger.make_empty(now);
        limiter.slice.forget(now);
        limiter.suspended = true;
        limiter.counts = before.counts;
        limiter
    }

    /// Starts from what an earlier run may have used: every limit whose window is not surely over by
    /// now, `idle` after that run ended, starts empty.
    pub fn start_after(&mut self, now: Instant, idle: Span) {
        if self.config.limits.iter().any(|limit| limit.shaped_window() > idle) {
            self.ledger.make_empty(now);
        }
    }

    /// The dimensions that a permit is charged in.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.gate_dimensions
    }

    /// A caller wants a permit. Answered by [`Event::Granted`] or [`Event::Refused`], now or later.
    pub fn acquire(&mut self, now: Instant, request: Request) {
        let shape = self.shared_when_full.check(now, &request.cost);
        let own = self.ledger.check(now, &request.cost);
        let never = [shape, own].into_iter().filter_map(Result::err);
        if let Some(rejection) = never.into_iter().find(|it| it.reason == Reason::NeverFits) {
            self.refuse(request.ticket, rejection);
            return;
        }
        if self.queue.is_full() {
            let wait = self.wait_behind_all(now, &request.cost);
            let rejection = self.describe(now, &request, Some(wait)).because(Reason::QueueFull);
            self.refuse(request.ticket, rejection);
            return;
        }
        self.queue.push(request);
        self.plan(now);
    }

    /// A caller took from a gate that had cooled, or would like to find more in it: looks at
    /// everything again.
    pub fn wake(&mut self, now: Instant) {
        self.plan(now);
    }

    /// A permit was closed, or a caller is gone.
    pub fn settle(&mut self, now: Instant, settlement: Settlement) {
        match settlement {
            Settlement::Closed { outcome, recorded, refund, debt, pause } => {
                self.counts.outcomes[outcome.index()] += 1;
                self.give_back(now, recorded, &refund);
                self.owe(now, &debt);
                if let Some(wait) = pause {
                    self.pause.ask(now, wait);
                }
            }
            Settlement::Unclaimed { recorded, refund } => {
                self.counts.unclaimed += 1;
                self.give_back(now, recorded, &refund);
            }
            Settlement::Withdrawn { ticket } => {
                if self.queue.remove(ticket).is_some() {
                    self.counts.withdrawn += 1;
                }
            }
        }
        self.plan(now);
    }

    /// What the gate held when it was read, just before `now`.
    pub fn gate_read(&mut self, now: Instant, reading: Reading) {
        let was_open = self.gate.is_open();
        let seen = self.gate.read(reading);
        self.account(now, &seen);
        if was_open && !reading.is_open() {
            // Somebody shut it: a pause is on its way.
            self.close_gate();
        }
    }

    /// What was left in the gate when it was closed, just before `now`.
    pub fn gate_closed(&mut self, now: Instant, reading: Reading) {
        self.closing = false;
        let seen = self.gate.closed(reading);
        self.account(now, &seen);
        if self.recalled {
            self.give_back_slice(now);
        }
        self.plan(now);
    }

    /// The gate did not cool, because somebody took from it.
    pub fn gate_stays_warm(&mut self) {
        self.gate.stay_warm();
    }

    /// The supervisor has lent `amounts` to this life of the limiter; `short` says why it is not all
    /// that was needed.
    ///
    /// A loan that was made to a life which has failed is not for this one: its lender counts it as
    /// spent already.
    pub fn lent(&mut self, now: Instant, life: u64, amounts: &Amounts, short: Option<Rejection>) {
        if life != self.life {
            return;
        }
        self.slice.lent(amounts, self.gate.inside());
        if let Some(rejection) = short {
            // The need stays on the supervisor's list.
            self.slice.set_borrowing(true);
            self.blocked_by = Some(rejection);
        }
        self.plan(now);
    }

    /// The request to the supervisor did not arrive; it is made again at the next tick.
    pub fn borrow_bounced(&mut self, now: Instant) {
        self.slice.set_borrowing(false);
        self.tick_at = Some(now + self.tick);
    }

    /// The report did not arrive; what it said is said again with the next one.
    pub fn report_bounced(&mut self, now: Instant, report: Report) {
        self.slice.report_bounced(report);
        self.report_at = Some(now + self.tick);
    }

    /// The supervisor wants back what is not spent, for somebody else. Answered by a report, even if
    /// there is nothing to give.
    pub fn recall(&mut self, now: Instant) {
        self.recalled = true;
        if self.gate.has_anything() {
            self.close_gate();
        } else {
            self.give_back_slice(now);
        }
        self.plan(now);
    }

    /// Grants again, after [`Limiter::rebuilt`], if it is this life that may.
    pub fn resume(&mut self, now: Instant, life: u64) {
        if life != self.life {
            return;
        }
        self.suspended = false;
        self.plan(now);
    }

    /// Time has come to [`Limiter::next_deadline`].
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(ticket) = self.queue.expired(now) {
            self.expire(now, ticket);
        }
        if self.tick_at.is_some_and(|at| at <= now) {
            self.tick_at = None;
            if self.gate.is_warm() && self.gate.tick() {
                self.events.push_back(Event::CoolGate);
            }
        }
        if self.report_at.is_some_and(|at| at <= now) {
            self.report(now);
        }
        self.plan(now);
    }

    /// When to call [`Limiter::handle_timeout`], if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        let waiting = self.queue.next_deadline();
        let times = [waiting, self.head_ready_at, self.tick_at, self.report_at];
        times.into_iter().flatten().min()
    }

    /// What to do next, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What others may see.
    pub fn state(&self, now: Instant) -> LimiterState {
        LimiterState {
            service: self.config.service.clone(),
            queued: self.queue.len(),
            limits: self.ledger.usage(now),
            in_gate: self.gate.inside().clone(),
            borrowed: self.slice.all_held().clone(),
            paused_for: self.pause.until(now).map(|until| until.since(now)),
            suspended: self.suspended,
            counts: self.counts,
        }
    }

    /// Why callers may find too little in the gate; `None` while there is something of everything.
    pub fn shortage(&self, now: Instant) -> Option<Shortage> {
        let inside = self.gate.inside();
        let short = |dimension: &Dimension| inside.get(*dimension) == 0;
        if self.gate.is_open() && !self.gate_dimensions.iter().any(short) {
            return None;
        }
        Some(Shortage {
            scope: self.ledger.scope().clone(),
            own: self.ledger.usage(now),
            shared: self.config.shared.clone(),
            queued: u64::try_from(self.queue.len()).unwrap_or(u64::MAX),
            paused_until: self.pause.until(now),
            more_at: self.ledger.next_gain(now).unwrap_or(now),
        })
    }

    /// Which life of the service's limiter this is: one more after every failure. Messages to and
    /// from the supervisor carry it, so that what was under way when a limiter failed is told apart
    /// from what concerns its successor.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// What is known of this limiter to the one that takes its place.
    pub fn past(&self) -> Past {
        Past { life: self.life, counts: self.counts }
    }

    /// Forgets what was used of the service's own limits, at the user's word.
    pub fn reset(&mut self, now: Instant) {
        self.ledger.reset();
        self.plan(now);
    }

    // What follows from an input.

    /// Grants to whoever is next, or finds out what they wait for; fills the gate if nobody waits.
    fn plan(&mut self, now: Instant) {
        self.head_ready_at = None;
        if self.closing {
            return;
        }
        let paused_until = self.pause.until(now);
        if self.suspended || paused_until.is_some() {
            self.head_ready_at = paused_until.filter(|_| !self.suspended);
            if self.gate.has_anything() {
                self.close_gate();
                return;
            }
        } else {
            self.grant_in_order(now);
            if !self.closing && self.queue.is_empty() {
                self.blocked_by = None;
                self.fill_gate(now);
            }
        }
        self.refuse_hopeless(now);
        self.arm_ticks(now);
    }

    fn grant_in_order(&mut self, now: Instant) {
        while let Some(head) = self.queue.head() {
            let own = self.ledger.check(now, &head.cost);
            if own.is_ok() && self.slice.covers(&head.cost) {
                self.grant_head(now);
            } else if self.gate.has_anything() {
                self.close_gate();
                return;
            } else if let Err(rejection) = own {
                self.head_ready_at = rejection.retry_after.map(|wait| now + wait);
                self.blocked_by = Some(rejection);
                return;
            } else {
                let need = self.slice.shared_part(&head.cost);
                self.borrow(now, need);
                return;
            }
        }
    }

    fn grant_head(&mut self, now: Instant) {
        let Some(request) = self.queue.head().map(|head| head.ticket) else {
            return;
        };
        let Some(request) = self.queue.remove(request) else {
            return;
        };
        let taken = self.ledger.take(now, &request.cost);
        debug_assert!(taken.is_ok(), "LIM-1: the head was checked at this instant");
        self.slice.spend(&request.cost);
        self.counts.granted_by_queue += 1;
        let charged = Amounts::charged(&request.cost, self.gate_dimensions.iter().copied());
        self.events.push_back(Event::Granted { ticket: request.ticket, charged, recorded: now });
    }

    /// Asks for all that the head needs, and for the rest of the queue if it is free.
    ///
    /// What is held already goes back first: two services that each kept a part of what both need
    /// would have it recalled in turn, and neither would ever hold enough.
    fn borrow(&mut self, now: Instant, need: Amounts) {
        if self.slice.is_borrowing() {
            return;
        }
        self.slice.give_back();
        self.report(now);
        let shared = self.slice.dimensions().iter();
        let queued: Amounts =
            shared.map(|dimension| (*dimension, self.queue.total().get(*dimension))).collect();
        let want = queued.less(&need);
        self.slice.set_borrowing(true);
        self.events.push_back(Event::Borrow { need, want });
    }

    /// Puts everything that may be spent into the gate.
    fn fill_gate(&mut self, now: Instant) {
        if self.gate.layout().is_none() {
            return;
        }
        let more: Amounts = self
            .gate_dimensions
            .iter()
            .map(|dimension| (*dimension, self.spendable(now, *dimension)))
            .collect();
        if !more.is_none() {
            self.put_in_gate(now, &more);
        }
        let low = self.slice.is_needed() && self.slice.is_low(self.gate.inside());
        if low && !self.slice.is_borrowing() && self.borrow_ahead_at <= now {
            self.borrow_ahead(now);
        }
    }

    /// How much of `dimension` the gate can be given.
    fn spendable(&self, now: Instant, dimension: Dimension) -> u64 {
        let own = self.ledger.lendable(now, dimension);
        let shared = self.slice.held(dimension);
        let limits = [own, shared].into_iter().flatten();
        limits.fold(self.gate.room(dimension), u64::min)
    }

    fn put_in_gate(&mut self, now: Instant, more: &Amounts) {
        let lent = self.ledger.lend(now, more);
        debug_assert!(lent.is_ok(), "LEASE-1: no more than may be lent: {more}");
        self.slice.put_in_gate(more);
        let opens = self.gate.put(more);
        let Some(layout) = self.gate.layout() else {
            return;
        };
        let packed = layout.pack_amounts(more);
        let event = if opens { Event::OpenGate(packed) } else { Event::FillGate(packed) };
        self.events.push_back(event);
    }

    /// Asks for as much of the shared limits as the own ones would let through.
    fn borrow_ahead(&mut self, now: Instant) {
        self.borrow_ahead_at = now + self.tick * 4;
        self.report(now);
        let own = |dimension: Dimension| {
            let room = self.gate.room(dimension);
            self.ledger.lendable(now, dimension).map_or(room, |own| own.min(room))
        };
        let shared = self.slice.dimensions().iter();
        let want: Amounts = shared.map(|dimension| (*dimension, own(*dimension))).collect();
        if !want.is_none() {
            self.slice.set_borrowing(true);
            self.events.push_back(Event::Borrow { need: Amounts::NONE, want });
        }
    }

    /// Refuses the newest who wait as long as they would be served too late. Whoever came before them
    /// was judged when it came.
    fn refuse_hopeless(&mut self, now: Instant) {
        while !self.closing
            && let Some(newest) = self.queue.newest()
        {
            let served_at = self.ledger.earliest(now, self.queue.total());
            let served_at = self.pause.until(now).map_or(served_at, |until| until.max(served_at));
            if served_at <= newest.deadline {
                return;
            }
            let request = newest.clone();
            let mut rejection = self.describe(now, &request, Some(served_at.since(now)));
            if self.pause.until(now).is_none() {
                rejection = rejection.because(Reason::DeadlineTooClose);
            }
            self.queue.remove(request.ticket);
            self.refuse(request.ticket, rejection);
        }
    }

    fn expire(&mut self, now: Instant, ticket: Ticket) {
        let Some(request) = self.queue.get(ticket).cloned() else {
            return;
        };
        let rejection = self.describe(now, &request, None);
        self.queue.remove(ticket);
        self.counts.expired += 1;
        if self.suspended {
            self.counts.refused += 1;
            self.events.push_back(Event::Unanswered { ticket });
        } else if rejection.reason == Reason::Paused {
            self.refuse(ticket, rejection);
        } else {
            self.refuse(ticket, rejection.because(Reason::DeadlinePassed));
        }
    }

    fn refuse(&mut self, ticket: Ticket, rejection: Rejection) {
        self.counts.refused += 1;
        self.events.push_back(Event::Refused { ticket, rejection });
    }

    /// What stands between a request and its permit, with its place in the queue.
    fn describe(&self, now: Instant, request: &Request, wait: Option<Span>) -> Rejection {
        let mut rejection = self.obstacle(now, &request.cost);
        rejection.retry_after = wait.or(rejection.retry_after);
        rejection.queue_position = Some(self.queue.ahead_of(request.ticket));
        rejection
    }

    fn obstacle(&self, now: Instant, cost: &Cost) -> Rejection {
        let own = self.ledger.check(now, cost).err();
        let head = || {
            self.blocked_by.clone().map(|mut rejection| {
                rejection.requested = cost.amount(rejection.dimension);
                rejection
            })
        };
        let first_limit = || Rejection {
            code: Code::limit_reached(Dimension::Requests),
            reason: Reason::LimitReached,
            scope: self.ledger.scope().clone(),
            dimension: Dimension::Requests,
            limit: self.ledger.limits().next().map_or(0, Limit::amount),
            window: self.ledger.shortest_window().unwrap_or(Span::ZERO),
            used: 0,
            requested: cost.amount(Dimension::Requests),
            retry_after: None,
            queue_position: None,
        };
        let rejection = own.or_else(head).unwrap_or_else(first_limit);
        match self.pause.until(now) {
            Some(until) => {
                let rejection = Rejection {
                    scope: self.ledger.scope().clone(),
                    retry_after: Some(until.since(now)),
                    ..rejection
                };
                rejection.because(Reason::Paused)
            }
            None => rejection,
        }
    }

    /// How long a call that comes now would wait behind everybody who waits.
    fn wait_behind_all(&self, now: Instant, cost: &Cost) -> Span {
        let mut total = self.queue.total().clone();
        total.add(&Amounts::charged(cost, self.gate_dimensions.iter().copied()));
        self.ledger.earliest(now, &total).since(now)
    }

    fn close_gate(&mut self) {
        if !self.closing {
            self.closing = true;
            self.events.push_back(Event::CloseGate);
        }
    }

    /// Records what callers took from the gate, and takes back what came out of it.
    fn account(&mut self, now: Instant, seen: &Seen) {
        self.ledger.settle(now, &seen.used, &seen.used);
        self.ledger.recall(&seen.rest);
        self.slice.used_in_gate(&seen.used);
        self.slice.out_of_gate(&seen.rest);
        self.counts.granted_by_gate += seen.used.get(Dimension::Requests);
    }

    fn give_back(&mut self, now: Instant, recorded: Instant, refund: &Amounts) {
        self.ledger.refund(now, recorded, refund);
        self.slice.refund(recorded, refund);
    }

    fn owe(&mut self, now: Instant, debt: &Amounts) {
        self.ledger.record(now, debt);
        self.slice.debt(debt);
        if !self.ledger.covers_loans(now) {
            self.close_gate();
        }
    }

    fn give_back_slice(&mut self, now: Instant) {
        self.recalled = false;
        self.slice.give_back();
        self.borrow_ahead_at = now + self.tick * 4;
        self.report_at = None;
        let report = self.slice.report(now);
        self.events.push_back(Event::Report(report));
    }

    fn report(&mut self, now: Instant) {
        self.report_at = None;
        if self.slice.has_news() {
            let report = self.slice.report(now);
            self.events.push_back(Event::Report(report));
        }
    }

    /// Sees to it that the gate is looked at while it is in use or not yet as full as it can be, and
    /// that the supervisor hears what was spent.
    fn arm_ticks(&mut self, now: Instant) {
        let soon = now + self.tick;
        if self.slice.has_news() {
            sooner(&mut self.report_at, soon);
        }
        if !self.queue.is_empty() || self.closing || self.suspended {
            return;
        }
        if self.gate.is_warm() {
            sooner(&mut self.tick_at, soon);
        } else if let Some(gain) = self.ledger.next_gain(now) {
            sooner(&mut self.tick_at, gain.max(soon));
        }
        if self.slice.is_needed() && self.slice.is_low(self.gate.inside()) {
            sooner(&mut self.tick_at, self.borrow_ahead_at.max(soon));
        }
    }
}

/// Arms a timer for `at`, unless it is armed for an earlier instant already.
fn sooner(timer: &mut Option<Instant>, at: Instant) {
    *timer = Some(timer.map_or(at, |armed| armed.min(at)));
}
