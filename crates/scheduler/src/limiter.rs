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
//! - LIM-2: nobody is granted who is behind somebody else in the order of the line, but for those who
//!   are let past a large call, which starts no later for it than it was promised and the queue
//!   allows. The gate is open only while nobody stands in line.
//! - LIM-3: every request is answered exactly once: granted, refused, or withdrawn by its caller.
//! - LIM-4: after a restart the ledger is empty, never full.
//! - LIM-5: a change of limits takes effect at one instant, with nothing lent; a change that is
//!   refused changes nothing.
//! - LIM-6: no more calls are under way than there are slots, and a slot whose holder is gone comes
//!   back.

use std::collections::VecDeque;

use tidegate_adaptive::{Controller, Pause, build_for};
use tidegate_algorithms::{Ledger, Reading};
use tidegate_observability::Tally;
use tidegate_units::{Amounts, Cost, Dimension, Instant, Limit, Reason, Rejection, Scope, Span};

use crate::breaker::{Breaker, Change as BreakerChange};
use crate::bulkhead::Bulkhead;
use crate::gate_book::GateBook;
use crate::order::{Order, Rules, Slot};
use crate::queue::Queue;
use crate::scopes::{ScopeId, Scopes, slots_taken};
use crate::slice::Slice;
use crate::tariff::Tariff;
use crate::{Report, Request, Shortage, Ticket};

mod admit;
mod backfill;
mod close;
mod explain;
mod line;
mod model;
mod pace;
mod plan;
mod reconfigure;
mod sample;
mod state;
mod stop;
mod succession;

use plan::sooner;
use reconfigure::Change;
use stop::Stopping;

pub use model::{Counts, Event, LimiterConfig};
pub use reconfigure::{LIMITS_MAX, RefusedLimits};
pub use sample::{limit_sample, phase};
pub use state::{LimiterState, PARTS_SHOWN, PartState, SlotsState};
pub use succession::Past;

/// The longest time between two looks at a gate that is in use; a 256th of the shortest window where
/// that is less. What callers took is recorded late by at most this.
pub const TICK_MAX: Span = Span::from_millis(50);
/// The shortest such time: what timers can tell apart.
pub const TICK_MIN: Span = Span::from_millis(1);

/// So many in line are a crowd.
const CROWD: usize = 64;

/// The machine.
#[derive(Debug)]
pub struct Limiter {
    /// What it was made from. The limits may be others by now, the gate's layout never is.
    config: LimiterConfig,
    ledger: Ledger,
    /// The shared limits with nothing used: to tell at once what can never fit.
    shared_when_full: Ledger,
    slice: Slice,
    gate: GateBook,
    gate_dimensions: Vec<Dimension>,
    /// Everybody who waits.
    queue: Queue,
    /// Who waits for the service.
    line: Order,
    /// Who waits for a part of it.
    scopes: Scopes,
    rules: Rules,
    tariff: Tariff,
    /// Who has come and has not been judged.
    newcomers: VecDeque<Ticket>,
    bulkhead: Option<Bulkhead>,
    breaker: Option<Breaker>,
    /// No more calls are taken.
    stopping: Option<Stopping>,
    pause: Pause,
    /// What sets the pace, if one is kept to.
    controller: Option<Box<dyn Controller>>,
    suspended: bool,
    life: u64,
    tick: Span,
    /// When the head of the queue can be granted, as far as the own ledger is concerned.
    head_ready_at: Option<Instant>,
    /// Until then nobody at all can be granted, for want of what binds.
    dry_until: Option<Instant>,
    /// For whom the supervisor has been asked, as far as it has not been told otherwise.
    borrowed_for: Option<Ticket>,
    /// Why the head waits.
    blocked_by: Option<Rejection>,
    tick_at: Option<Instant>,
    report_at: Option<Instant>,
    /// Before this no more is borrowed ahead of need.
    borrow_ahead_at: Instant,
    /// When the supervisor will have more to lend, as far as it has said.
    more_to_borrow_at: Option<Instant>,
    /// [`Event::CloseGate`] is under way; planning goes on in [`Limiter::gate_closed`].
    closing: bool,
    /// The supervisor waits for what the gate holds.
    recalled: bool,
    /// Own limits that take effect when the gate is closed.
    change: Option<Change>,
    /// Shared limits that do.
    shared_change: Option<Vec<Limit>>,
    /// When the gate was last read.
    read_at: Instant,
    /// The latest instant seen: no charge is from later, though the clock steps back.
    latest: Instant,
    /// Charges until then were made by a machine that has failed, and are not given back.
    forgot_at: Option<Instant>,
    events: VecDeque<Event>,
    counts: Counts,
    tally: Tally,
}

impl Limiter {
    /// A limiter of which nothing has been used.
    pub fn new(config: LimiterConfig) -> Self {
        let (own, shared) = (config.limits.clone(), config.shared.clone());
        Self::limited(config, &own, &shared)
    }

    /// A limiter with a gate for `config`, under these limits.
    fn limited(config: LimiterConfig, own: &[Limit], shared: &[Limit]) -> Self {
        let scope = Scope::Service(config.service.clone());
        let ledger = Ledger::since(scope, own, config.wall_origin);
        let shared_when_full = Ledger::new(Scope::Global, shared);
        let gate_dimensions = config.dimensions();
        let tariff = Tariff::new(&gate_dimensions, own.iter().chain(shared));
        let rules = Rules::new(&config.queue);
        let scopes = (rules, &tariff);
        let scopes = Scopes::new(&config.service, &config.scoped, scopes, config.wall_origin);
        let slots = config.in_flight.as_ref().zip(config.concurrency.map(|it| it.slots));
        let controller = build_for(config.adaptive.as_ref(), slots, Instant::ZERO);
        Self {
            queue: Queue::new(&config.queue, &tariff),
            line: Order::new(rules, tariff.clone()),
            scopes,
            rules,
            tariff,
            newcomers: VecDeque::new(),
            bulkhead: config.concurrency.map(Bulkhead::new),
            breaker: config.breaker.map(Breaker::new),
            stopping: None,
            slice: Slice::new(shared_when_full.dimensions()),
            gate: GateBook::new(config.layout()),
            gate_dimensions,
            ledger,
            shared_when_full,
            config,
            pause: Pause::default(),
            controller,
            suspended: false,
            life: 0,
            tick: tick(own.iter().chain(shared)),
            head_ready_at: None,
            dry_until: None,
            borrowed_for: None,
            blocked_by: None,
            tick_at: None,
            report_at: None,
            borrow_ahead_at: Instant::ZERO,
            more_to_borrow_at: None,
            closing: false,
            recalled: false,
            change: None,
            shared_change: None,
            read_at: Instant::ZERO,
            latest: Instant::ZERO,
            forgot_at: None,
            events: VecDeque::new(),
            counts: Counts::default(),
            tally: Tally::default(),
        }
    }

    /// The dimensions that a permit is charged in.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.gate_dimensions
    }

    /// A caller wants a permit. Answered by [`Event::Granted`], [`Event::Refused`] or
    /// [`Event::Stopped`], now or later. A ticket that waits already is not taken twice.
    pub fn acquire(&mut self, now: Instant, request: Request) {
        let ticket = request.ticket;
        if self.stopping.is_some() {
            self.counts.refused += 1;
            self.events.push_back(Event::Stopped { ticket });
            return;
        }
        self.acquire_again(now, request);
    }

    /// The same for a caller who waited already when the limiter before this one failed: it is taken
    /// in though no new ones are.
    pub fn acquire_again(&mut self, now: Instant, request: Request) {
        let ticket = request.ticket;
        let scopes = self.scopes.of(now, request.labels.as_deref(), &self.tariff);
        let refused = self.never(now, &request.cost, &scopes);
        let refused = refused.or_else(|| self.breakers_allow(now, &scopes).err());
        if let Some(rejection) = refused {
            self.refuse(now, &request, rejection);
            return;
        }
        let not_before = request.not_before.filter(|until| *until > now);
        let Some(slot) = self.queue.insert(now, request, scopes, &self.tariff) else {
            return;
        };
        self.use_parts(slot);
        self.newcomers.push_back(ticket);
        match not_before {
            Some(until) => self.queue.put_off(slot, until),
            None => self.route(now, slot),
        }
        if self.is_dry(now, slot) {
            // Nothing has changed for those ahead, and there is nothing for this one to be let past to.
            if !self.judge_newcomers(now) {
                return;
            }
        }
        self.plan(now);
    }

    /// Counts a call among those to whom its parts matter.
    fn use_parts(&mut self, slot: Slot) {
        for id in self.queue.get(slot).map(|entry| entry.scopes.clone()).unwrap_or_default() {
            self.scopes.get_mut(id).users += 1;
        }
    }

    /// Whether a call that has just come cannot change who is granted what.
    fn is_dry(&self, now: Instant, slot: Slot) -> bool {
        let dry = self.dry_until.is_some_and(|until| until > now);
        dry && !self.closing && self.line.next() != Some(slot)
    }

    /// A caller took from a gate that had cooled, or would like to find more in it: looks at
    /// everything again.
    pub fn wake(&mut self, now: Instant) {
        self.plan(now);
    }

    /// What the gate held when it was read, just before `now`.
    pub fn gate_read(&mut self, now: Instant, reading: Reading) {
        self.latest = self.latest.max(now);
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
        self.latest = self.latest.max(now);
        let seen = self.gate.closed(reading);
        self.account(now, &seen);
        self.make_changes(now);
        if self.recalled {
            self.give_back_slice(now);
        }
        self.plan(now);
    }

    /// The gate did not cool, because somebody took from it.
    pub fn gate_stays_warm(&mut self, now: Instant) {
        self.gate.stay_warm();
        sooner(&mut self.tick_at, now + self.tick);
    }

    /// The supervisor has lent `amounts` to this life of the limiter; `short` says why it is not all
    /// that was needed, `more_at` when there will be more.
    ///
    /// A loan that was made to a life which has failed is not for this one: its lender counts it as
    /// spent already.
    pub fn lent(
        &mut self,
        now: Instant,
        life: u64,
        amounts: &Amounts,
        short: Option<Rejection>,
        more_at: Option<Instant>,
    ) {
        if life != self.life {
            return;
        }
        self.slice.lent(amounts, self.gate.inside());
        self.more_to_borrow_at = more_at;
        if let Some(rejection) = short {
            // The need stays on the supervisor's list.
            self.slice.set_borrowing(true);
            // What never fits under limits that have changed meanwhile is about to be refused.
            self.blocked_by = Some(rejection).filter(|it| it.reason != Reason::NeverFits);
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
        // Whoever's deadline is this very instant may still be granted.
        while let Some(slot) = self.queue.ends_before(now) {
            self.expire(now, slot);
        }
        self.heal(now);
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
        let before = self.queue.len();
        while !self.closing
            && let Some(slot) = self.queue.expired(now)
        {
            self.expire(now, slot);
        }
        if self.queue.len() < before {
            self.plan(now);
        }
    }

    /// When to call [`Limiter::handle_timeout`], if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        let own = [
            self.queue.next_deadline(),
            self.head_ready_at,
            self.tick_at,
            self.report_at,
            self.stopping.and_then(Stopping::next_deadline),
        ];
        let parts = [self.scopes.next_ready(), self.scopes.next_timeout()];
        let slots = self.bulkhead.as_ref().and_then(Bulkhead::next_deadline);
        let breaker = self.breaker.as_ref().and_then(Breaker::next_deadline);
        let times = own.into_iter().chain(parts).chain([slots, breaker]);
        times.flatten().min()
    }

    /// What to do next, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Why callers may find too little in the gate; `None` while there is something of everything.
    pub fn shortage(&self, now: Instant) -> Option<Shortage> {
        let inside = self.gate.inside();
        let short = |dimension: Dimension| inside.get(dimension) == 0;
        let layout = self.gate.layout();
        if self.gate.is_open() && !layout.is_some_and(|it| it.dimensions().any(short)) {
            return None;
        }
        Some(Shortage {
            scope: self.ledger.scope().clone(),
            own: self.ledger.usage(now),
            shared: self.shared_when_full.limits().cloned().collect(),
            queued: u64::try_from(self.line.len()).unwrap_or(u64::MAX),
            slots: self.bulkhead.as_ref().map(|it| slots_taken(self.ledger.scope(), it)),
            pace: self.pace_shortage(now),
            breaker: self.breakers_allow(now, &[]).err(),
            paused_until: self.pause.until(now),
            more_at: self.ledger.next_gain(now).unwrap_or(now),
        })
    }

    /// Whether so many stand in line that one more makes no difference to those who do not.
    pub fn is_crowded(&self) -> bool {
        self.line.len() >= CROWD
    }

    /// Frees the slots of holders who are gone, and lets breakers do what is due.
    fn heal(&mut self, now: Instant) {
        let own = self.bulkhead.as_mut().map_or(0, |bulkhead| bulkhead.heal(now));
        let of_parts = self.scopes.heal(now);
        self.counts.healed += own + of_parts;
        if of_parts > 0 {
            for id in self.scopes.waited_for() {
                self.let_go_on_from(now, id);
            }
        }
        let own = self.breaker.as_mut().map(|breaker| breaker.handle_timeout(now));
        if own == Some(BreakerChange::Opened) {
            self.refuse_all_of(now, None);
        }
        for id in self.scopes.handle_timeout(now) {
            self.refuse_all_of(now, Some(id));
        }
    }

    /// Why a call can never be granted, if that is so.
    fn never(&self, now: Instant, cost: &Cost, at: &[ScopeId]) -> Option<Rejection> {
        let shared = self.shared_when_full.check(now, cost);
        let own = self.ledger.check(now, cost);
        let parts = at.iter().map(|id| self.scopes.get(*id).ledger.check(now, cost));
        let refused = [shared, own].into_iter().chain(parts).filter_map(Result::err);
        refused.into_iter().find(|rejection| rejection.reason == Reason::NeverFits)
    }

    /// Forgets what was used of the service's own limits, at the user's word.
    pub fn reset(&mut self, now: Instant) {
        self.ledger.reset(now);
        self.scopes.reset(now);
        for id in self.scopes.waited_for() {
            self.let_go_on_from(now, id);
        }
        self.plan(now);
    }
}

/// How often to look at a gate that is in use, under these limits.
fn tick<'l>(limits: impl Iterator<Item = &'l Limit>) -> Span {
    let shortest = limits.map(Limit::window).min();
    shortest.map_or(TICK_MAX, |window| window.div(256)).clamp(TICK_MIN, TICK_MAX)
}
