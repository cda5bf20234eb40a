//! The law in one dimension: what is known of its capacity, and how fast to send.
//!
//! The service is thought to let through its capacity in the long run. Where it says what is left of
//! its limit, that is mirrored; where it turns out to count in windows, those are spent evenly; and
//! where neither is so, the capacity is measured by refusals.

use tidegate_units::policy::adaptive::Bounds;
use tidegate_units::{Cost, Dimension, Instant, Priority, Span};

use super::history::{History, Sum};
use super::mirror::Mirror;
use super::window::Windows;
use crate::number::float;
use crate::pacer::Pacer;
use crate::{Hint, LearnedPace, LearnedWindow};
use measure::{REACH, REACH_SHORT, SPREAD};

mod measure;
mod phases;

/// No call is paid off for longer than this, whatever it is said to have taken.
const OWED_MAX: Span = Span::from_secs(60);
/// So many measurements are half of what could be known.
const HALF_KNOWN: f64 = 3.0;

/// How the pace moves at present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Phase {
    /// Nothing has refused yet: the capacity doubles from time to time.
    Start {
        /// When it was last doubled.
        doubled_at: Instant,
    },
    /// Near the known capacity.
    Cruise,
    /// Past it, since then.
    Probe {
        /// Since when.
        since: Instant,
        /// By which part at that time.
        excess: f64,
        /// Since when by more than a quarter, and what was sent until then.
        far: Option<Mark>,
    },
    /// Refused twice in a row: at half the pace, and back.
    Brake,
    /// Others use the limit too.
    Contention,
}

/// A moment, and what had been accepted until then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    at: Instant,
    accepted: Sum,
}

/// What a refusal means for the service as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Congestion {
    /// For how long nothing is sent.
    pub(super) wait: Span,
    /// How many refusals in a row there were.
    pub(super) streak: u32,
}

/// One dimension.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) dimension: Dimension,
    /// What passes per second, as far as is known.
    pub(super) capacity: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) phase: Phase,
    /// Calls sent since the last event.
    sends: f64,
    reach: f64,
    spread: f64,
    anchor: Option<Mark>,
    pub(super) event_at: Option<Instant>,
    streak: u32,
    /// The moving average of refusals that came early.
    early: f64,
    /// The queue was empty since the anchor: what was accepted is less than what would have been.
    drained: bool,
    /// The capacity was measured while it changed.
    unsure: bool,
    /// The best of the latest measurements.
    best: f64,
    best_at: Instant,
    /// What the service says of its limit, where it does.
    mirror: Option<Mirror>,
    /// Whether it counts in windows, where it says nothing.
    pub(super) windows: Windows,
    pub(super) history: History,
    pub(super) pacer: Pacer,
    /// What a call costs, on average.
    pub(super) call_size: f64,
    /// By how much one differs from that, on average.
    call_deviation: f64,
    /// From how many calls that is known, at most fifty.
    sized: f64,
    /// What a call turns out to cost beyond its estimate, on average.
    pub(super) surplus: f64,
    /// How many measurements there were, and when the last was.
    measured: f64,
    /// When the capacity was last confirmed or corrected.
    pub(super) learned_at: Option<Instant>,
}

impl Lane {
    pub(super) fn new(now: Instant, dimension: Dimension, bounds: Bounds) -> Self {
        Self {
            dimension,
            capacity: bounds.start,
            min: bounds.min,
            max: bounds.max,
            phase: Phase::Start { doubled_at: now },
            sends: 0.0,
            reach: REACH,
            spread: SPREAD,
            anchor: None,
            event_at: None,
            streak: 0,
            early: 0.0,
            drained: false,
            unsure: false,
            best: 0.0,
            best_at: now,
            mirror: None,
            windows: Windows::default(),
            history: History::new(now),
            pacer: Pacer::new(now),
            call_size: 1.0,
            call_deviation: 0.0,
            sized: 0.0,
            surplus: 0.0,
            measured: 0.0,
            learned_at: None,
        }
    }

    /// What a call of `cost` is expected to take here; `None` if it takes nothing.
    pub(super) fn amount(&self, cost: &Cost) -> Option<f64> {
        match cost.amount(self.dimension) {
            0 => None,
            amount => Some((float(amount) + self.surplus).max(1.0)),
        }
    }

    /// Calls per second at capacity.
    fn calls_per_second(&self) -> f64 {
        (self.capacity / self.call_size.max(1.0)).max(1e-6)
    }

    /// How much a call says, where calls of one size say 1: the level at which a service refuses varies
    /// by the size of a call.
    fn evenness(&self) -> f64 {
        self.call_size / (self.call_size + 2.0 * self.call_deviation).max(1e-9)
    }

    /// How long it takes an excess to double.
    fn doubling(&self) -> f64 {
        (4.0 / self.calls_per_second()).clamp(2.0, 5.0)
    }

    /// The pace at `now` for calls of a class, per second.
    pub(super) fn rate(&self, now: Instant, class: Priority) -> f64 {
        let call = (self.call_size, class);
        let told = self.mirror.as_ref().and_then(|mirror| mirror.rate(now, call, &self.history));
        let told = told.or_else(|| self.windows.rate(now, &self.history));
        told.map_or_else(|| self.blind_rate(now), |rate| rate.clamp(self.min, self.max))
    }

    /// How near to its capacity this is: what was accepted of late over what passes; where the service
    /// says what is left, whether that is less than a call of `amount` takes.
    pub(super) fn fullness(&self, now: Instant, amount: f64) -> f64 {
        if let Some(left) = self.mirror.as_ref().and_then(|it| it.left(now, &self.history)) {
            return if left < 2.0 * amount + 1.0 { 1.0 } else { 0.0 };
        }
        match self.anchor {
            Some(anchor) => (self.accepted_since(now, anchor).0 / self.capacity.max(1e-9)).max(0.0),
            None => 1.0,
        }
    }

    /// A call was refused for another reason than this limit, and has taken nothing.
    pub(super) fn spared(&mut self, sent_at: Instant, amount: f64) {
        self.history.refused(sent_at, Sum { calls: 1.0, amount });
    }

    /// How far ahead of the pace an urgent call may be sent: by one, where the service says what is left.
    pub(super) fn ahead(&self, now: Instant) -> f64 {
        if self.sees(now) { self.call_size } else { 0.0 }
    }

    /// Whether the service says what is left of its limit.
    fn sees(&self, now: Instant) -> bool {
        self.mirror.as_ref().is_some_and(|mirror| mirror.left(now, &self.history).is_some())
    }

    /// So much more is known of the capacity.
    fn confirm(&mut self, now: Instant, more: f64) {
        self.measured = (self.measured + more).min(1_000.0);
        self.learned_at = Some(now);
    }

    /// How much of the capacity is known rather than guessed: 0 to 1.
    pub(super) fn confidence(&self) -> f64 {
        self.measured / (self.measured + HALF_KNOWN)
    }

    /// What there is to keep for a later run.
    pub(super) fn learned(&self, now: Instant) -> Option<LearnedPace> {
        let window =
            |(length, next): (Span, Instant)| LearnedWindow { length, ends_in: next.since(now) };
        Some(LearnedPace {
            dimension: self.dimension,
            per_second: self.capacity,
            confidence: self.confidence(),
            age: now.since(self.learned_at?),
            window: self.windows.known(now).map(window),
        })
    }

    /// Begins with what an earlier run knew: no further than its confidence goes.
    pub(super) fn restore(&mut self, now: Instant, learned: &LearnedPace) {
        let sure = learned.confidence.clamp(0.0, 1.0);
        let capacity = self.capacity + sure * (learned.per_second - self.capacity);
        self.capacity = capacity.clamp(self.min, self.max);
        self.measured = (HALF_KNOWN * sure / (1.0 - sure).max(1e-3)).min(1_000.0);
        self.learned_at = Some(now);
        self.restart(now, REACH_SHORT);
        self.drained = true;
        // Of a long window too much would be lost, if nothing is sent until its end.
        // And one that ends later than it can was not learned from any service.
        let short = |window: &LearnedWindow| {
            window.length <= Span::from_secs(60) && window.ends_in <= window.length
        };
        if let Some(window) = learned.window.filter(|window| sure > 0.5 && short(window)) {
            let holds = learned.per_second * window.length.as_secs_f64();
            self.windows.restore(now, (window.length, now + window.ends_in), holds);
        }
    }

    /// When a call that takes `amount` may be sent, as far as the service has said; `None`: at once.
    pub(super) fn covered_at(&self, now: Instant, amount: f64) -> Option<Instant> {
        let needed = match self.dimension {
            Dimension::Requests => 1.0,
            _ => 1.2 * amount + 0.3 * self.call_size,
        };
        match &self.mirror {
            Some(mirror) if self.sees(now) => mirror.covers_at(now, needed, &self.history),
            _ => self.windows.covers_at(now, needed, &self.history),
        }
    }

    /// The service told about this limit.
    pub(super) fn hear(&mut self, now: Instant, sent_at: Instant, hint: &Hint) {
        if self.mirror.is_none() {
            self.mirror = Mirror::new(hint);
        }
        if let Some(mirror) = &mut self.mirror {
            let sizes = (self.call_size, self.call_deviation);
            mirror.hear(now, (sent_at, hint), sizes, &self.history);
            let refill = mirror.refill().clamp(self.min, self.max);
            if self.sees(now) {
                self.capacity = refill;
                self.confirm(now, 0.25);
            }
        }
    }

    /// Lets time pass: the level rises, and phases that end by themselves do. `thrives` says
    /// whether somebody waits for the pace and the service is well.
    pub(super) fn advance(&mut self, now: Instant, slowed: f64, thrives: bool) {
        self.pacer.advance(now, self.rate(now, Priority::Normal) * slowed);
        if self.sees(now) {
            return;
        }
        if let Some(capacity) = self.windows.capacity() {
            self.windows.advance(now, &self.history);
            self.learned_at = Some(now);
            self.capacity = capacity.clamp(self.min, self.max);
            return;
        }
        self.go_on(now, thrives);
    }

    /// So many calls were sent, which are expected to take `amount` together.
    pub(super) fn sent(&mut self, now: Instant, calls: f64, amount: f64) {
        self.sends += calls;
        self.windows.sent(now, self.sends, self.history.total());
        self.history.sent(now, Sum { calls, amount });
        if calls > 0.0 {
            self.sized = (self.sized + calls).min(50.0);
            let weight = (calls / self.sized).min(1.0);
            let off = amount / calls - self.call_size;
            self.call_size += weight * off;
            self.call_deviation += weight * (off.abs() - self.call_deviation);
        }
    }

    /// A call that was sent says nothing about the pace.
    pub(super) fn unsent(&mut self) {
        self.sends = (self.sends - 1.0).max(0.0);
    }

    /// What a call is said to have taken beyond its estimate, within reason.
    pub(super) fn believable(&self, more: f64) -> f64 {
        let most = self.capacity * OWED_MAX.as_secs_f64();
        more.clamp(-most, most)
    }

    /// A call took so much more than was expected, or less.
    pub(super) fn correct(&mut self, now: Instant, more: f64) {
        self.history.sent(now, Sum { calls: 0.0, amount: more });
        self.pacer.spend(more);
    }
}
