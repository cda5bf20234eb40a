//! The control law: finds the pace that a service bears, though nobody says what it is.
//!
//! A service of which nothing is known is called faster and faster until it refuses. From then on
//! every refusal is a measurement: what was accepted since the last one, over the time between, is the
//! capacity. The pace stays just below what was measured, creeps past it to find out whether there is
//! more, and is lowered to the measurement when it is refused. Where the service reports how much of
//! its limit is left, that is used instead, and refusals are avoided altogether.
//!
//! Requests and tokens are paced side by side, each in a lane of its own; what a refusal says of
//! the service as a whole (how long to be silent, one probe after) is kept here.
//!
//! # Invariants
//!
//! PACE-1 to PACE-4 of [`crate::controller`], PACE-7 and PACE-8 of what the service says.

use tidegate_units::{AdaptivePolicy, Amounts, Cost, Dimension, Instant, Outcome, Priority};

use crate::number::{float, whole};
use crate::{Answer, Controller, Hint, LearnedPace, Pace};
use lane::Lane;
use silence::Silence;
use strain::Strain;

mod history;
mod lane;
mod mirror;
mod silence;
mod strain;
mod window;

/// Of several lanes those are blamed for a refusal that are about as full as the fullest.
const BLAMED: f64 = 0.93;

/// The law of one service.
///
/// ```
/// use tidegate_adaptive::{Answer, Controller, Law};
/// use tidegate_units::{AdaptivePolicy, Amounts, Cost, Instant, Outcome, Priority, Span};
///
/// let now = Instant::ZERO + Span::from_secs(100);
/// let policy = AdaptivePolicy { start: vec!["4 requests per second".parse()?], ..Default::default() };
/// let mut law = Law::new(&policy, now);
/// let call = Cost::request();
/// assert_eq!(law.earliest(now, &call, Priority::Normal), now);
/// law.sent(now, &call);
/// // Four per second: the next one a quarter of a second later.
/// let next = law.earliest(now, &call, Priority::Normal);
/// assert_eq!(next, now + Span::from_millis(250));
///
/// // The service refuses, and asks for two seconds of silence.
/// let later = now + Span::from_millis(100);
/// let none = Amounts::NONE;
/// law.answered(later, &Answer {
///     sent_at: now,
///     cost: &call,
///     debt: &none,
///     refund: &none,
///     outcome: Outcome::RateLimited,
///     retry_after: Some(Span::from_secs(2)),
///     hints: &[],
/// });
/// assert!(law.earliest(later, &call, Priority::Normal) >= later + Span::from_secs(2));
/// # Ok::<(), tidegate_units::policy::adaptive::InvalidRate>(())
/// ```
#[derive(Debug, Clone)]
pub struct Law {
    lanes: Vec<Lane>,
    silence: Silence,
    strain: Strain,
    /// Calls that lie in the gate and have been paid for.
    in_gate: u64,
    /// Whether anybody waits.
    waiting: bool,
}

impl Law {
    /// A law that paces the dimensions of `policy` between its bounds.
    pub fn new(policy: &AdaptivePolicy, now: Instant) -> Self {
        let paced = policy.dimensions.iter().take(AdaptivePolicy::DIMENSIONS_MAX);
        let lanes = paced.map(|it| Lane::new(now, *it, policy.bounds(*it)));
        Self {
            lanes: lanes.collect(),
            silence: Silence::default(),
            strain: Strain::default(),
            in_gate: 0,
            waiting: false,
        }
    }

    fn advance(&mut self, now: Instant) {
        let slowed = self.strain.factor(now);
        let thrives = self.waiting && slowed >= 1.0;
        for lane in &mut self.lanes {
            lane.advance(now, slowed, thrives);
        }
    }

    fn slowed_rate(&self, now: Instant, lane: &Lane, class: Priority) -> f64 {
        (lane.rate(now, class) * self.strain.factor(now)).max(lane.min)
    }

    /// How near to its capacity the lane is that is nearest to it, of those that a call goes through.
    fn fullest(&self, now: Instant, cost: &Cost) -> f64 {
        let fullness = |lane: &Lane| Some(lane.fullness(now, lane.amount(cost)?));
        self.lanes.iter().filter_map(fullness).fold(0.0, f64::max)
    }

    /// A limit was reached.
    fn refused(&mut self, now: Instant, answer: &Answer<'_>) {
        self.silence.round_trip(now.since(answer.sent_at));
        if let Some(wait) = answer.retry_after {
            self.silence.ask(now, wait);
            self.silence.probe_first();
        }
        let fullest = self.fullest(now, answer.cost);
        let mut congestion: Option<lane::Congestion> = None;
        for lane in &mut self.lanes {
            let Some(amount) = lane.amount(answer.cost) else {
                continue;
            };
            if lane.fullness(now, amount) < BLAMED * fullest {
                lane.spared(answer.sent_at, amount);
                continue;
            }
            if let Some(found) = lane.refused(now, (answer.sent_at, answer.retry_after), amount) {
                congestion = Some(match congestion {
                    Some(other) if other.wait > found.wait => other,
                    _ => found,
                });
            }
        }
        if let Some(congestion) = congestion {
            self.silence.ask(now, congestion.wait);
            if congestion.streak > 0 {
                self.silence.probe_first();
            }
        }
    }

    /// A call has ended that was not refused: it took what it took.
    fn taken_into_account(&mut self, now: Instant, answer: &Answer<'_>) {
        for lane in &mut self.lanes {
            if lane.amount(answer.cost).is_none() {
                continue;
            }
            let debt = float(answer.debt.get(lane.dimension));
            let more = lane.believable(debt - float(answer.refund.get(lane.dimension)));
            if lane.dimension.is_tokens() {
                lane.correct(now, more - lane.surplus);
                lane.surplus += (more - lane.surplus) / 50.0;
            } else {
                lane.correct(now, more);
            }
        }
    }
}

impl Controller for Law {
    fn earliest(&self, now: Instant, cost: &Cost, class: Priority) -> Instant {
        let mut at = self.silence.until(now);
        for lane in &self.lanes {
            let Some(amount) = lane.amount(cost) else {
                continue;
            };
            let ahead = if class <= Priority::High { lane.ahead(now) } else { 0.0 };
            at = at.max(lane.pacer.ready_ahead_at(now, self.slowed_rate(now, lane, class), ahead));
            at = at.max(lane.covered_at(now, amount).unwrap_or(now));
        }
        at
    }

    fn lendable(&self, now: Instant, dimension: Dimension) -> Option<u64> {
        let [lane] = self.lanes.as_slice() else {
            return Some(0);
        };
        let alone = lane.dimension == Dimension::Requests;
        if alone && dimension != Dimension::Requests {
            return None;
        }
        if !alone || self.silence.until(now) > now {
            return Some(0);
        }
        if self.silence.wants_probe() {
            return Some(1_u64.saturating_sub(self.in_gate));
        }
        if lane.covered_at(now, 1.0).is_some() {
            return Some(0);
        }
        let level = lane.pacer.level_at(now, self.slowed_rate(now, lane, Priority::Normal));
        let more = if level < 0.0 { 0 } else { whole(level) + 1 };
        Some(more.saturating_sub(self.in_gate))
    }

    fn lent(&mut self, now: Instant, amounts: &Amounts) {
        self.advance(now);
        self.in_gate = self.in_gate.saturating_add(amounts.get(Dimension::Requests));
        for lane in &mut self.lanes {
            lane.pacer.spend(float(amounts.get(lane.dimension)));
        }
    }

    fn recalled(&mut self, now: Instant, amounts: &Amounts) {
        self.advance(now);
        self.in_gate = self.in_gate.saturating_sub(amounts.get(Dimension::Requests));
        for lane in &mut self.lanes {
            lane.pacer.give_back(float(amounts.get(lane.dimension)));
        }
    }

    fn taken(&mut self, now: Instant, amounts: &Amounts) {
        let calls = float(amounts.get(Dimension::Requests));
        if calls <= 0.0 {
            return;
        }
        self.advance(now);
        self.in_gate = self.in_gate.saturating_sub(amounts.get(Dimension::Requests));
        self.silence.sent(now);
        for lane in &mut self.lanes {
            lane.sent(now, calls, float(amounts.get(lane.dimension)));
        }
    }

    fn sent(&mut self, now: Instant, cost: &Cost) {
        self.advance(now);
        self.silence.sent(now);
        for lane in &mut self.lanes {
            if let Some(amount) = lane.amount(cost) {
                lane.pacer.spend(amount);
                lane.sent(now, 1.0, amount);
            }
        }
    }

    fn hinted(&mut self, now: Instant, sent_at: Instant, hints: &[Hint]) {
        self.advance(now);
        for lane in &mut self.lanes {
            let about = hints.iter().filter(|hint| hint.dimension == lane.dimension);
            if let Some(tightest) = about.min_by_key(|hint| hint.remaining.unwrap_or(u64::MAX)) {
                lane.hear(now, sent_at, tightest);
            }
        }
    }

    fn answered(&mut self, now: Instant, answer: &Answer<'_>) {
        self.advance(now);
        self.hinted(now, answer.sent_at, answer.hints);
        if !matches!(answer.outcome, Outcome::Ok | Outcome::RateLimited) {
            // It does not show that the service bears the pace.
            self.lanes.iter_mut().for_each(Lane::unsent);
        }
        match answer.outcome {
            Outcome::RateLimited => self.refused(now, answer),
            Outcome::Overloaded => {
                self.strain.trouble(now);
                if let Some(wait) = answer.retry_after {
                    self.silence.ask(now, wait);
                }
            }
            Outcome::Failed | Outcome::QuotaExhausted => self.strain.trouble(now),
            Outcome::Ok => {
                self.strain.succeeded(now);
                self.taken_into_account(now, answer);
            }
            Outcome::Contention | Outcome::Cancelled => self.taken_into_account(now, answer),
        }
    }

    fn waits(&mut self, now: Instant, anybody: bool) {
        self.advance(now);
        self.waiting = anybody;
        if !anybody {
            for lane in &mut self.lanes {
                lane.idle(now);
            }
        }
    }

    fn silent_until(&self, now: Instant) -> Option<Instant> {
        Some(self.silence.until(now)).filter(|until| *until > now)
    }

    fn paces(&self, now: Instant) -> Vec<Pace> {
        let pace = |lane: &Lane| Pace {
            dimension: lane.dimension,
            per_second: self.slowed_rate(now, lane, Priority::Normal),
            learned_per_second: lane.learned_at.map(|_| lane.capacity),
            confidence: lane.confidence(),
            learned_at: lane.learned_at,
        };
        self.lanes.iter().map(pace).collect()
    }

    fn learned(&self, now: Instant) -> Vec<LearnedPace> {
        self.lanes.iter().filter_map(|lane| lane.learned(now)).collect()
    }

    fn restore(&mut self, now: Instant, learned: &[LearnedPace]) {
        for pace in learned.iter().filter(|pace| pace.is_sound()) {
            let mut lanes = self.lanes.iter_mut();
            if let Some(lane) = lanes.find(|lane| lane.dimension == pace.dimension) {
                lane.restore(now, pace);
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
