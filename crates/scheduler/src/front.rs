//! What handles share with the actor of a service: the gate, and the way back.
//!
//! Taking from the gate is all that happens on the granting path. The way back is a list behind a
//! lock, which is taken when a permit is closed, never when one is granted. It is bounded: when it is
//! full, what is owed is summed up and what is given back is forgone, which wastes and never mints.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tidegate_adaptive::pause::asked;
use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Gate, Layout, Ledger, Packed, Taken};
use tidegate_observability::{EventKind, EventSender, Refusals};
use tidegate_units::policy::scoped::matches;
use tidegate_units::{
    Amounts, Clock, Code, Cost, Dimension, Instant, Limit, Outcome, Priority, Reason, Rejection,
    Scope, ScopedPolicies, ServiceName, Share, Span,
};
use tokio::sync::Notify;

use crate::messages::Unavailable;
use crate::{Labels, LimiterConfig, Settlement, Shortage, Ticket};

mod grant;
mod way_back;

use way_back::WayBack;

pub use grant::{Grant, difference};

/// The most settlements that wait for the actor.
pub const SETTLEMENTS_MAX: usize = 65_536;

/// Everything that a handle touches without asking the actor.
#[derive(Debug)]
pub struct Front {
    gate: Gate,
    service: ServiceName,
    /// `None` where the limits have more dimensions than fit the gate.
    layout: Option<Layout>,
    dimensions: Vec<Dimension>,
    clock: Arc<dyn Clock>,
    tickets: AtomicU64,
    way_back: Mutex<WayBack>,
    /// Settlements that were forgone because the list was full.
    forgone: AtomicU64,
    wake: Notify,
    stopped: OnceLock<Unavailable>,
    /// A pause or a debt waits for the actor.
    closing: AtomicBool,
    /// No more calls are taken, for good.
    stopping: AtomicBool,
    /// Until when the service wants to be left alone, in nanoseconds.
    paused_until: AtomicU64,
    /// Why there is too little in the gate; looked at only by callers who were not granted.
    shortage: Mutex<Option<Arc<Shortage>>>,
    /// What never fits; looked at only by callers who were not granted.
    when_full: Mutex<Arc<WhenFull>>,
    /// What each class leaves in the gate to those above it.
    floors: [AtomicU64; Priority::ALL.len()],
    floor_shares: [Share; Priority::ALL.len()],
    /// The parts of the service that have limits of their own: calls for them go to the actor.
    scoped: ScopedPolicies,
    /// The actor wants to hear of every call that ends, not only of those that have news.
    hears_all: bool,
    /// The actor wants to know how long calls take.
    times_calls: bool,
    learns: Learns,
    events: EventSender,
    /// Requests that were refused without asking the actor; touched only by callers who were.
    turned_away: Mutex<Refusals>,
}

/// What the actor learns from the ends of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Learns {
    Nothing,
    /// How many may be under way.
    Slots,
    /// How fast they may be sent: who comes next waits until the actor has heard of a refusal.
    Pace,
}

/// The limits with nothing used: they tell what never fits.
#[derive(Debug)]
struct WhenFull {
    own: Ledger,
    shared: Ledger,
}

impl WhenFull {
    fn new(service: &ServiceName, own: &[Limit], shared: &[Limit]) -> Self {
        let own = Ledger::new(Scope::Service(service.clone()), own);
        Self { own, shared: Ledger::new(Scope::Global, shared) }
    }
}

impl Front {
    /// The front of a service with these limits; its gate is closed.
    pub fn new(config: &LimiterConfig, clock: Arc<dyn Clock>, events: EventSender) -> Self {
        let dimensions = config.dimensions();
        let layout = config.layout();
        let guards = layout.as_ref().map_or(Guards::NONE, Guards::from);
        let when_full = WhenFull::new(&config.service, &config.limits, &config.shared);
        let learns = match (&config.adaptive, &config.in_flight) {
            (Some(_), _) => Learns::Pace,
            (None, Some(_)) => Learns::Slots,
            (None, None) => Learns::Nothing,
        };
        let any = learns != Learns::Nothing;
        let front = Self {
            gate: Gate::closed(guards),
            service: config.service.clone(),
            layout,
            dimensions,
            clock,
            tickets: AtomicU64::new(0),
            way_back: Mutex::new(WayBack::default()),
            forgone: AtomicU64::new(0),
            wake: Notify::new(),
            stopped: OnceLock::new(),
            closing: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            paused_until: AtomicU64::new(0),
            shortage: Mutex::new(None),
            when_full: Mutex::new(Arc::new(when_full)),
            floors: Default::default(),
            floor_shares: config.queue.floors,
            scoped: config.scoped.clone(),
            hears_all: config.concurrency.is_some() || config.breaker.is_some() || any,
            times_calls: config.breaker.is_some_and(|it| it.slow_after.is_some()) || any,
            learns,
            events,
            turned_away: Mutex::new(Refusals::default()),
        };
        front.set_floors(&config.limits);
        front
    }

    /// Works out what each class leaves to those above it under these limits.
    fn set_floors(&self, limits: &[Limit]) {
        let Some(layout) = &self.layout else {
            return;
        };
        for (floor, share) in self.floors.iter().zip(self.floor_shares) {
            let mut kept = Amounts::NONE;
            for limit in limits {
                let room = layout.max(limit.dimension());
                let kept_of = share.of(limit.shaped_capacity()).min(room);
                let before = kept.get(limit.dimension());
                kept.set(
                    limit.dimension(),
                    if before == 0 { kept_of } else { before.min(kept_of) },
                );
            }
            floor.store(layout.pack_amounts(&kept).into_bits(), Ordering::Relaxed);
        }
    }

    /// Whether a call with these labels is for a part of the service with limits of its own. Only the
    /// actor can grant it.
    pub fn is_scoped(&self, labels: &Labels) -> bool {
        let any = |patterns: &[(String, _)], name: Option<&str>| {
            name.is_some_and(|name| patterns.iter().any(|(pattern, _)| matches(pattern, name)))
        };
        any(&self.scoped.models, labels.model.as_deref())
            || any(&self.scoped.endpoints, labels.endpoint.as_deref())
            || labels.keys.iter().any(|key| {
                let policy = self.scoped.each.get(&key.name());
                policy.is_some_and(|it| !it.limits.is_empty() || it.concurrency.is_some())
            })
    }

    /// Whether the actor has to hear that a call has ended of which there is nothing else to say.
    #[inline]
    pub fn hears_all(&self) -> bool {
        self.hears_all
    }

    /// Whether the actor wants to know how long calls take.
    #[inline]
    pub fn times_calls(&self) -> bool {
        self.times_calls
    }

    /// Whether the service has asked for a pause at any time, so that the actor may have to hear of calls of
    /// which there is nothing else to say.
    #[inline]
    pub fn was_paused(&self) -> bool {
        self.paused_until.load(Ordering::Acquire) > 0
    }

    /// Whether the actor learns from what calls take, and wants to know what was thought.
    pub fn learns(&self) -> bool {
        self.learns != Learns::Nothing
    }

    /// The service.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The gate.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The dimensions that a permit is charged in.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// The present instant, on the clock that all machines are told.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Takes `cost` from the gate, if that leaves in it what the class leaves to those above it. Answers from when on the cost may be recorded, or `None` if the
    /// actor has to be asked. Wakes the actor if this is the first take since it looked away; that
    /// is at most once per tick.
    #[inline]
    pub fn take(&self, cost: &Cost, class: Priority) -> Option<Instant> {
        match self.gate.take_above(self.pack(cost)?, self.floor(class)) {
            Taken::Granted { recorded_from, first } => {
                if first {
                    self.wake.notify_one();
                }
                Some(recorded_from)
            }
            Taken::Refused => None,
        }
    }

    /// Whether the gate could hold `cost` at all. What it cannot hold is granted by the actor only.
    pub fn fits(&self, cost: &Cost) -> bool {
        self.pack(cost).is_some()
    }

    /// Why a call of `cost` will never be granted, if that is so.
    pub fn never(&self, cost: &Cost) -> Option<Rejection> {
        let when_full = self.when_full();
        let shapes = [&when_full.own, &when_full.shared];
        shapes.into_iter().find_map(|shape| shape.check(Instant::ZERO, cost).err())
    }

    /// Whether the gate would grant `cost` now.
    pub fn has(&self, cost: &Cost, class: Priority) -> bool {
        self.pack(cost).is_some_and(|packed| self.gate.has_above(packed, self.floor(class)))
    }

    #[inline]
    fn floor(&self, class: Priority) -> Packed {
        Packed::from_bits(self.floors[class.index()].load(Ordering::Relaxed))
    }

    #[inline]
    fn pack(&self, cost: &Cost) -> Option<Packed> {
        self.layout.as_ref()?.pack(cost)
    }

    /// Why [`Front::take`] did not grant `cost`, as far as is known without asking the actor. Wakes
    /// the actor, so that the next one may find more.
    pub fn refuse(&self, cost: &Cost) -> Rejection {
        self.wake.notify_one();
        let now = self.now();
        let paused_until = Instant::from_nanos(self.paused_until.load(Ordering::Acquire));
        if paused_until > now {
            return self.not_at_hand(cost, paused_until.since(now)).because(Reason::Paused);
        }
        let shortage = self.shortage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match shortage {
            Some(shortage) => shortage.refuse(now, cost),
            // The gate ran out since the actor looked.
            None => self.not_at_hand(cost, Span::from_millis(1)),
        }
    }

    /// A caller who does not wait was refused.
    pub fn turned_away(&self, rejection: &Rejection, class: Priority, labels: Option<&Labels>) {
        let labels = labels.filter(|labels| !labels.is_empty());
        if let Some(labels) = labels {
            self.note_turned_away(labels);
        }
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).add(rejection);
        self.events.send_frequent(self.now(), &self.service, || EventKind::Refused {
            class,
            model: labels.and_then(Labels::model_text),
            key: labels.and_then(Labels::key_text),
            rejection: rejection.clone(),
        });
    }

    /// Tells the actor for whom somebody was refused, while there is ample room: a flood of refusals must not
    /// take the place of what calls give back.
    fn note_turned_away(&self, labels: &Labels) {
        let mut way_back = self.lock();
        let first = way_back.list.is_empty();
        if way_back.list.len() < SETTLEMENTS_MAX / 2 {
            way_back.list.push(Settlement::TurnedAway { labels: Arc::new(labels.clone()) });
        } else {
            self.forgone.fetch_add(1, Ordering::Relaxed);
        }
        drop(way_back);
        // Who comes after finds the list begun, and leaves the actor to whoever began it.
        if first {
            self.wake.notify_one();
        }
    }

    /// Requests that were refused without asking the actor.
    pub fn all_turned_away(&self) -> Refusals {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where to say what happens.
    pub fn events(&self) -> &EventSender {
        &self.events
    }

    /// A refusal without figures, in the first dimension that `cost` is limited in.
    fn not_at_hand(&self, cost: &Cost, retry_after: Span) -> Rejection {
        let when_full = self.when_full();
        let mut limits = when_full.own.limits().chain(when_full.shared.limits());
        let limit = limits.find(|limit| cost.amount(limit.dimension()) > 0);
        let dimension = limit.map_or(Dimension::Requests, Limit::dimension);
        let rejection = Rejection {
            code: Code::limit_reached(dimension),
            reason: Reason::NoneAtHand,
            scope: when_full.own.scope().clone(),
            dimension,
            limit: limit.map_or(0, Limit::shaped_capacity),
            window: limit.map_or(Span::ZERO, Limit::window),
            used: 0,
            requested: cost.amount(dimension),
            retry_after: Some(retry_after),
            queue_position: None,
        };
        rejection.because(Reason::NoneAtHand)
    }

    /// The actor says why there is too little in the gate, or that there is not.
    pub fn explain(&self, shortage: Option<Shortage>) {
        let mut held = self.shortage.lock().unwrap_or_else(PoisonError::into_inner);
        *held = shortage.map(Arc::new);
    }

    /// The actor says which limits hold from now on.
    pub fn relimit(&self, own: &[Limit], shared: &[Limit]) {
        let when_full = Arc::new(WhenFull::new(&self.service, own, shared));
        *self.when_full.lock().unwrap_or_else(PoisonError::into_inner) = when_full;
        self.set_floors(own);
    }

    fn when_full(&self) -> Arc<WhenFull> {
        Arc::clone(&self.when_full.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A name for a request.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells the actor something, without waiting for it. If the service wants a pause, or a call took
    /// more than was lent for it, the gate is shut on the spot.
    pub fn settle(&self, settlement: Settlement) {
        let closes = self.must_close(&settlement);
        self.tell_if_throttled(&settlement);
        let mut way_back = self.lock();
        // Whoever came first since the actor looked has woken it.
        let first = way_back.list.is_empty();
        if way_back.list.len() < SETTLEMENTS_MAX {
            way_back.list.push(settlement);
        } else {
            way_back.sum_up(&settlement);
            self.forgone.fetch_add(1, Ordering::Relaxed);
        }
        if closes {
            self.closing.store(true, Ordering::SeqCst);
        }
        drop(way_back);
        if closes {
            self.gate.shut();
        }
        if first {
            self.wake.notify_one();
        }
    }

    /// The service itself has refused a call: that is news.
    fn tell_if_throttled(&self, settlement: &Settlement) {
        let Settlement::Closed { outcome, pause, .. } = settlement else {
            return;
        };
        let refused =
            matches!(outcome, Outcome::RateLimited | Outcome::Overloaded | Outcome::QuotaExhausted);
        if refused {
            self.events.send_frequent(self.now(), &self.service, || EventKind::Throttled {
                outcome: *outcome,
                retry_after_ms: pause.map(Span::as_millis),
            });
        }
    }

    /// Everything that was settled since the last call.
    pub fn drain(&self) -> Vec<Settlement> {
        let mut way_back = self.lock();
        self.closing.store(false, Ordering::SeqCst);
        let WayBack { mut list, overflow } = std::mem::take(&mut *way_back);
        drop(way_back);
        list.extend(overflow);
        list
    }

    /// Whether nobody should pass before the actor has heard of this. Notes a pause.
    fn must_close(&self, settlement: &Settlement) -> bool {
        let Settlement::Closed { outcome, pause, debt, .. } = settlement else {
            return false;
        };
        let pause = asked(*outcome, *pause);
        if let Some(wait) = pause {
            let until = self.now() + wait;
            self.paused_until.fetch_max(until.as_nanos(), Ordering::AcqRel);
        }
        let slows = self.learns == Learns::Pace && *outcome == Outcome::RateLimited;
        pause.is_some() || slows || !debt.is_none()
    }

    /// To be called after the gate was opened: shuts it again if there was a reason to since the last
    /// [`Front::drain`], and whoever had it found the gate still closed.
    pub fn shut_if_closing(&self) {
        if self.closing.load(Ordering::SeqCst) || self.is_stopping() {
            self.gate.shut();
        }
    }

    /// No more calls are taken, from this instant on: the gate is shut for all threads, before the
    /// actor has heard of it. Who waits already is the actor's to serve.
    pub fn begin_stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.gate.shut();
    }

    /// Whether no more calls are taken.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Settlements that were forgone because the actor did not keep up.
    pub fn forgone(&self) -> u64 {
        self.forgone.load(Ordering::Relaxed)
    }

    /// Waits until a handle has something to say. One waiter only: the actor.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Why the limiter was stopped for good, if it was.
    pub fn stopped(&self) -> Option<Unavailable> {
        self.stopped.get().copied()
    }

    /// The limiter stops for good: the gate is closed, handles are told why.
    pub fn stop(&self, why: Unavailable) {
        let _ = self.stopped.set(why);
        self.gate.close();
        self.wake.notify_one();
    }

    /// A lock that a panic elsewhere cannot poison: the list is valid after every statement.
    fn lock(&self) -> MutexGuard<'_, WayBack> {
        self.way_back.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
