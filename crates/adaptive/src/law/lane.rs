//! The law in one dimension: what is known of its capacity, and how fast to send.
//!
//! Between two refusals the service's books were empty at both ends, so what it accepted meanwhile
//! *is* its capacity, to about one part in the number of calls. The pace is lowered to what was
//! measured, not by a factor; then it creeps past it, slower the nearer it is and faster the longer
//! nothing refuses.

use libm::exp2;
use tidegate_units::policy::adaptive::Bounds;
use tidegate_units::{Cost, Dimension, Instant, Priority, Span};

use super::history::{History, Sum};
use super::mirror::Mirror;
use super::window::Windows;
use crate::number::float;
use crate::pacer::Pacer;
use crate::{Hint, LearnedPace, LearnedWindow};

/// How many calls without a refusal are thought to show that there is room for more, at first.
const REACH: f64 = 150.0;
/// The same where the capacity may be far off.
const REACH_SHORT: f64 = 70.0;
/// The same where it has been confirmed again and again.
const REACH_MAX: f64 = 400.0;
/// How far below and above the capacity the pace goes, as a part of it.
const SPREAD: f64 = 0.04;
const SPREAD_MAX: f64 = 0.2;
/// The part of the capacity by which a probe may exceed it before the capacity is taken for outdated.
const EXCESS_MAX: f64 = 1.0;
/// Refusals within so many calls of the last are one dry spell.
const DRY_CALLS: f64 = 8.0;
/// Calls after which a pace that was halved is what it was.
const BRAKE_CALLS: f64 = 20.0;
/// Above this share of early refusals, somebody else uses the limit too.
const CONTENDED: f64 = 0.35;
/// How long a contended lane takes to rise by its capacity, and to give up its caution.
const CONTENTION_RISE_S: f64 = 50.0;
const CONTENTION_END_S: f64 = 250.0;
/// After so many refusals in a row what came before was shut, not empty.
const WINDOW_LIKE: u32 = 3;
/// Over how long the present rate is measured.
const RECENT: Span = Span::from_secs(3);
/// A capacity that was there so long ago may come back, and is looked for more often.
const BEST_KEPT: Span = Span::from_secs(30 * 60);
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
            amount => Some(float(amount) + self.surplus),
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
        (4.0 / self.calls_per_second()).max(2.0)
    }

    /// The pace at `now` for calls of a class, per second.
    pub(super) fn rate(&self, now: Instant, class: Priority) -> f64 {
        let call = (self.call_size, class);
        let told = self.mirror.as_ref().and_then(|mirror| mirror.rate(now, call, &self.history));
        let told = told.or_else(|| self.windows.rate(now, &self.history));
        told.map_or_else(|| self.blind_rate(now), |rate| rate.clamp(self.min, self.max))
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
        let short = |window: &LearnedWindow| window.length <= Span::from_secs(60);
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
            Some(mirror) => mirror.covers_at(now, needed, &self.history),
            None => self.windows.covers_at(now, needed, &self.history),
        }
    }

    /// The service told about this limit.
    pub(super) fn hear(&mut self, now: Instant, sent_at: Instant, hint: &Hint) {
        if self.mirror.is_none() {
            self.mirror = Mirror::new(hint);
        }
        if let Some(mirror) = &mut self.mirror {
            mirror.hear(now, sent_at, hint, &self.history);
            self.capacity = mirror.refill().clamp(self.min, self.max);
            self.confirm(now, 0.25);
        }
    }

    /// The pace where the service says nothing.
    fn blind_rate(&self, now: Instant) -> f64 {
        let factor = match self.phase {
            Phase::Start { .. } => 1.0,
            Phase::Cruise => {
                let swing = 2.0 * (self.sends / self.reach).min(1.0) - 1.0;
                1.0 + self.spread * swing * swing * swing
            }
            Phase::Probe { since, excess, .. } => 1.0 + self.excess_at(now, since, excess),
            Phase::Brake => 0.5 + 0.5 * (self.sends / BRAKE_CALLS).min(1.0),
            Phase::Contention if self.drained => 1.0,
            Phase::Contention => {
                let since = self.event_at.map_or(0.0, |at| now.since(at).as_secs_f64());
                0.5 + 0.5 * since / CONTENTION_RISE_S
            }
        };
        (self.capacity * factor).clamp(self.min, self.max)
    }

    fn excess_at(&self, now: Instant, since: Instant, excess: f64) -> f64 {
        let doublings = now.since(since).as_secs_f64() / self.doubling();
        (excess * exp2(doublings.min(16.0))).min(EXCESS_MAX)
    }

    /// Lets time pass: the level rises, and phases that end by themselves do. `waiting` says whether
    /// anybody waits for the pace.
    pub(super) fn advance(&mut self, now: Instant, slowed: f64, waiting: bool) {
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
        match self.phase {
            Phase::Start { doubled_at } => self.start(now, doubled_at, waiting),
            Phase::Cruise if self.sends >= self.reach => self.probe(now),
            Phase::Probe { since, excess, far } => {
                let present = self.excess_at(now, since, excess);
                if present >= EXCESS_MAX {
                    self.capacity = (self.capacity * 1.5).min(self.max);
                    let excess = 0.33;
                    self.phase = Phase::Probe { since: now, excess, far };
                } else if present > 0.25 && far.is_none() {
                    let far = Some(self.mark(now));
                    self.phase = Phase::Probe { since, excess, far };
                }
            }
            Phase::Brake if self.sends >= BRAKE_CALLS => {
                self.phase = Phase::Cruise;
                self.sends = 0.5 * self.reach;
            }
            Phase::Contention => {
                let since = self.event_at.map_or(0.0, |at| now.since(at).as_secs_f64());
                if since > CONTENTION_END_S && !self.drained {
                    self.capacity = self.blind_rate(now);
                    self.early = 0.0;
                    self.probe(now);
                }
            }
            Phase::Cruise | Phase::Brake => {}
        }
    }

    /// Doubles the capacity, unless it is far from being used up.
    fn start(&mut self, now: Instant, doubled_at: Instant, waiting: bool) {
        let pause = (4.0 / self.calls_per_second()).clamp(2.0, 8.0);
        let used = self.capacity < 2.0 * self.recent_rate(now) + 0.7 * self.call_size;
        if waiting && used && now.since(doubled_at).as_secs_f64() >= pause {
            self.capacity = (self.capacity * 2.0).min(self.max);
            self.phase = Phase::Start { doubled_at: now };
        }
    }

    fn probe(&mut self, now: Instant) {
        self.phase = Phase::Probe { since: now, excess: self.spread, far: None };
    }

    /// What was accepted per second of late.
    fn recent_rate(&self, now: Instant) -> f64 {
        let from = if now.as_nanos() > RECENT.as_nanos() { now - RECENT } else { Instant::ZERO };
        let recent = self.history.since(from).unwrap_or_default();
        recent.amount / RECENT.as_secs_f64()
    }

    fn mark(&self, now: Instant) -> Mark {
        Mark { at: now, accepted: self.history.total() }
    }

    /// What was accepted since `mark`, per second, and in how many calls.
    fn accepted_since(&self, now: Instant, mark: Mark) -> (f64, f64) {
        let accepted = self.history.total().minus(mark.accepted);
        (accepted.amount / now.since(mark.at).as_secs_f64().max(1e-3), accepted.calls)
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

    /// A call took so much more than was expected, or less.
    pub(super) fn correct(&mut self, now: Instant, more: f64) {
        self.history.sent(now, Sum { calls: 0.0, amount: more });
        self.pacer.spend(more);
    }

    /// Nobody waits: the pace is not used up.
    pub(super) fn idle(&mut self, now: Instant) {
        self.drained = true;
        match self.phase {
            Phase::Probe { .. } => {
                self.phase = Phase::Cruise;
                self.sends = 0.5 * self.reach;
            }
            Phase::Cruise => self.sends = self.sends.min(0.5 * self.reach),
            Phase::Start { .. } => self.phase = Phase::Start { doubled_at: now },
            Phase::Brake | Phase::Contention => {}
        }
    }

    /// A call that was sent at `sent_at` was refused, and has taken nothing. Answers what follows, if
    /// that is news.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        (sent_at, asked): (Instant, Option<Span>),
        amount: f64,
    ) -> Option<Congestion> {
        self.history.refused(sent_at, Sum { calls: 1.0, amount });
        if self.event_at.is_some_and(|event_at| sent_at <= event_at) {
            return None;
        }
        let (before, pace) = (self.event_at, self.blind_rate(now));
        self.event_at = Some(now);
        let known = self.windows.is_known();
        let told = self.sees(now) || known;
        let streak = if told { 0 } else { self.measure(now, (before, pace)) };
        let opens_at = self.windows.refused(now, (sent_at, streak), asked, &self.history);
        if let Some(mirror) = &mut self.mirror {
            mirror.refused(sent_at);
        }
        self.sends = 0.0;
        // So long that the refused call, and one of the usual size, would have passed.
        let room = 2.0 * amount.max(self.call_size) + 2.0 * self.call_deviation;
        let wait = (room / self.capacity).clamp(0.02, 4.0);
        let wait = (wait * exp2(f64::from(streak.min(16)))).min(8.0);
        let wait = opens_at.map_or(Span::from_secs_f64(wait), |at| at.since(now));
        let streak = streak.max(u32::from(known));
        Some(Congestion { wait, streak })
    }

    /// Learns from a refusal what the capacity is. Answers how many there were in a row.
    fn measure(&mut self, now: Instant, before: (Option<Instant>, f64)) -> u32 {
        let Some(anchor) = self.anchor else {
            self.capacity = (0.85 * self.recent_rate(now)).max(self.min);
            self.confirm(now, 0.0);
            self.restart(now, REACH_SHORT);
            return 0;
        };
        let (accepted_rate, calls) = self.accepted_since(now, anchor);
        if std::mem::take(&mut self.drained) {
            self.capacity = (0.95 * self.capacity).max(self.min);
            self.restart(now, REACH_SHORT);
            return 0;
        }
        if calls < DRY_CALLS {
            self.streak += 1;
            self.phase = Phase::Brake;
            self.reach = REACH_SHORT;
            return self.streak;
        }
        self.confirm(now, 1.0);
        self.learn(now, before, (accepted_rate, calls));
        0
    }

    fn learn(
        &mut self,
        now: Instant,
        (before, pace): (Option<Instant>, f64),
        (rate, calls): (f64, f64),
    ) {
        let contended = self.phase == Phase::Contention;
        let (mut found, mut surprised) = (rate, false);
        let weight_of = calls * self.evenness();
        if let Phase::Probe { far: Some(far), .. } = self.phase
            && now.since(far.at).as_secs_f64() > self.doubling()
        {
            let lately = self.accepted_since(now, far).0;
            let more = rate > 1.15 * self.capacity && lately > 1.8 * rate;
            surprised = more && weight_of >= 16.0 && self.streak < WINDOW_LIKE;
            if surprised {
                found = f64::midpoint(rate, lately);
            }
        }
        if contended {
            found = pace;
        }
        let off = found / self.capacity - 1.0;
        let sure =
            contended || (off.abs() > 0.1 && off.abs() * weight_of > 1.6 && weight_of >= 6.0);
        let weight = if sure { 1.0 } else { weight_of / (weight_of + 30.0) };
        self.capacity = (self.capacity + weight * (found - self.capacity)).max(self.min);
        self.judge_earliness(now, before, contended);
        self.unsure = surprised;
        let seen = (weight_of >= 16.0).then_some(if surprised { rate } else { found });
        self.choose_reach(now, seen, off, surprised);
        self.restart(now, self.reach);
        if self.early > CONTENDED {
            self.phase = Phase::Contention;
        }
    }

    /// Refusals that come much earlier than was thought are made by others.
    fn judge_earliness(&mut self, now: Instant, before: Option<Instant>, contended: bool) {
        let soon = before.is_some_and(|at| now.since(at) < Span::from_secs(60));
        let early = match self.phase {
            _ if std::mem::take(&mut self.unsure) => false,
            Phase::Brake => false,
            _ if contended => soon,
            _ => self.sends < 0.5 * self.reach,
        };
        self.early += 0.25 * (f64::from(u8::from(early)) - self.early);
        let factor = if early { 1.5 } else { 0.8 };
        self.spread = (self.spread * factor).clamp(SPREAD, SPREAD_MAX);
    }

    fn choose_reach(&mut self, now: Instant, seen: Option<f64>, off: f64, surprised: bool) {
        if let Some(seen) = seen {
            if seen > self.best || now.since(self.best_at) > BEST_KEPT {
                (self.best, self.best_at) = (seen, now);
            } else if seen > 0.9 * self.best {
                self.best_at = now;
            }
        }
        let dropped = self.capacity < 0.75 * self.best;
        if surprised || dropped {
            self.reach = REACH_SHORT;
        } else if off.abs() > 0.06 {
            self.reach = (0.6 * self.reach).max(REACH);
        } else if off.abs() < 0.03 {
            self.reach = (1.5 * self.reach).min(REACH_MAX);
        }
    }

    /// Measures from here on.
    fn restart(&mut self, now: Instant, reach: f64) {
        self.anchor = Some(self.mark(now));
        self.drained = false;
        self.streak = 0;
        self.reach = reach;
        self.phase = Phase::Cruise;
    }
}
