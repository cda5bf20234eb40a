//! Additive increase, multiplicative decrease: the pace falls by a tenth when a call is refused, and
//! climbs back little by little while calls succeed.
//!
//! The oldest law of congestion control: simple, robust, and never still. It swings between the
//! limit and nine tenths of it, and each swing costs a refusal. Where that is too much, use the
//! default controller.
//!
//! The pace climbs only while somebody waits for it: one that is not used up tells nothing. Overload,
//! contention and failures one after another halve it for a few seconds and leave it as it is.
//!
//! Source: D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for congestion
//! avoidance in computer networks", Computer Networks and ISDN Systems 17 (1989).
//!
//! # Invariants
//!
//! - PACE-1 to PACE-4: see [`crate::controller`].
//! - PACE-5: the pace never leaves its bounds but for being slowed down for a while.

use tidegate_units::{
    AdaptivePolicy, Amounts, Cost, Dimension, Increase, Instant, Outcome, Priority, Span,
};

use crate::opening::Opening;
use crate::slowdown::Slowdown;
use crate::{Answer, Controller, Hint, LearnedPace, Pace};

mod swing;

use swing::Swing;

/// The pace of a service by additive increase and multiplicative decrease.
///
/// ```
/// use tidegate_adaptive::{Aimd, Controller};
/// use tidegate_units::{AdaptivePolicy, Instant, Span};
///
/// let start = Instant::ZERO;
/// let mut aimd = Aimd::new(&AdaptivePolicy::default(), start);
/// let pace = |aimd: &Aimd| aimd.paces(start)[0].per_second;
/// assert!((pace(&aimd) - 1.0).abs() < 1e-9);
///
/// aimd.record_rate_limit(start + Span::from_secs(5));
/// assert!((pace(&aimd) - 0.9).abs() < 1e-9);
/// aimd.record_success(start + Span::from_secs(10));
/// assert!((pace(&aimd) - 0.95).abs() < 1e-9, "five seconds, a hundredth each");
/// ```
#[derive(Debug, Clone)]
pub struct Aimd {
    swings: Vec<Swing>,
    opening: Opening,
    slowdown: Slowdown,
    climb: Climb,
    decrease: f64,
}

/// By how much a pace climbs, and since when.
#[derive(Debug, Clone, Copy)]
struct Climb {
    increase: Increase,
    /// Whether somebody waits; `None`: never told, as by those who report by hand.
    waits: Option<bool>,
    /// How long somebody has waited since the pace last climbed or fell.
    waited: Span,
    at: Instant,
}

impl Climb {
    fn advance(&mut self, now: Instant) {
        if self.waits != Some(false) {
            self.waited = self.waited + now.since(self.at);
        }
        self.at = self.at.max(now);
    }

    /// How much of the first pace a success at `now` adds.
    fn take(&mut self, now: Instant) -> f64 {
        self.advance(now);
        let share = f64::from(self.increase.share().as_per_mille()) / 1e3;
        let waited = std::mem::take(&mut self.waited);
        match self.increase {
            Increase::PerSecond(_) => share * waited.as_secs_f64(),
            Increase::PerSuccess(_) if self.waits == Some(false) => 0.0,
            Increase::PerSuccess(_) => share,
        }
    }

    /// The time until `now` was no success.
    fn forget(&mut self, now: Instant) {
        self.advance(now);
        self.waited = Span::ZERO;
    }
}

impl Aimd {
    /// At the first pace that `policy` states.
    pub fn new(policy: &AdaptivePolicy, now: Instant) -> Self {
        let paced = policy.dimensions.iter().take(AdaptivePolicy::DIMENSIONS_MAX);
        let increase = policy.increase;
        Self {
            swings: paced.map(|it| Swing::new(*it, policy.bounds(*it), now)).collect(),
            opening: Opening::new(),
            slowdown: Slowdown::new(),
            climb: Climb { increase, waits: None, waited: Span::ZERO, at: now },
            decrease: f64::from(policy.decrease.as_per_mille()) / 1e3,
        }
    }

    /// A call succeeded, for those who report by hand.
    pub fn record_success(&mut self, now: Instant) {
        let share = self.climb.take(now);
        let slow = self.slowdown.rest();
        self.slowdown.succeeded();
        for swing in &mut self.swings {
            swing.climb(now, share, slow);
        }
    }

    /// A call was refused for a rate, for those who report by hand.
    ///
    /// When it was sent is not known, so refusals within the time that one takes are one event.
    pub fn record_rate_limit(&mut self, now: Instant) {
        self.lower(now, now - self.opening.round_trip(), &[]);
    }

    /// A call that was sent at `sent_at` was refused (PACE-3).
    fn lower(&mut self, now: Instant, sent_at: Instant, hints: &[Hint]) {
        self.climb.forget(now);
        let slow = self.slowdown.rest();
        for swing in &mut self.swings {
            if is_meant(swing.dimension(), hints) {
                swing.lower(now, sent_at, self.decrease, slow);
            }
        }
    }

    /// The service could not do it, whatever the rate (PACE-2).
    fn slow_down(&mut self, now: Instant, sent_at: Instant) {
        self.climb.forget(now);
        let before = self.slowdown.rest();
        for swing in &mut self.swings {
            swing.settle(now, before);
        }
        self.slowdown.begin(now, sent_at);
    }

    fn charge(&mut self, now: Instant, amounts: &Amounts, sign: f64) {
        let slow = self.slowdown.rest();
        for swing in &mut self.swings {
            swing.charge(now, amounts.get(swing.dimension()), sign, slow);
        }
    }
}

/// Whether a refusal with these hints is for `dimension`: the service names what is used up, or
/// nothing, and then it may be anything.
fn is_meant(dimension: Dimension, hints: &[Hint]) -> bool {
    let mut used_up = hints.iter().filter(|hint| hint.remaining == Some(0)).peekable();
    used_up.peek().is_none() || used_up.any(|hint| hint.dimension == dimension)
}

impl Controller for Aimd {
    fn earliest(&self, now: Instant, cost: &Cost, _: Priority) -> Instant {
        let slow = self.slowdown.rest();
        let taking = self.swings.iter().filter(|swing| cost.amount(swing.dimension()) > 0);
        let paced = taking.map(|swing| swing.earliest(now, slow)).max();
        self.opening.earliest(now).max(paced.unwrap_or(now))
    }

    fn lendable(&self, now: Instant, dimension: Dimension) -> Option<u64> {
        // What passes the gate is heard of as requests only, so it can pass nothing else that is paced.
        let [swing] = &self.swings[..] else { return Some(0) };
        if swing.dimension() != Dimension::Requests {
            return Some(0);
        }
        let most = match self.opening.is_open(now) {
            true => u64::MAX,
            // It is the probe then, whoever takes it.
            false if self.opening.lends_one(now) => 1,
            false => return Some(0),
        };
        let ready = || swing.ready(now, self.slowdown.rest()).min(most);
        (dimension == Dimension::Requests).then(ready)
    }

    fn lent(&mut self, now: Instant, amounts: &Amounts) {
        self.opening.lent(now);
        self.charge(now, amounts, 1.0);
    }

    fn recalled(&mut self, now: Instant, amounts: &Amounts) {
        if !amounts.is_none() {
            self.opening.recalled();
        }
        self.charge(now, amounts, -1.0);
    }

    /// What was lent counted as sent then, but for a probe, which is out from now on.
    fn taken(&mut self, now: Instant, amounts: &Amounts) {
        if amounts.get(Dimension::Requests) > 0 {
            self.opening.recalled();
            self.opening.sent(now);
        }
    }

    fn sent(&mut self, now: Instant, cost: &Cost) {
        self.opening.sent(now);
        let paced = self.swings.iter().map(Swing::dimension);
        let charged = Amounts::charged(cost, paced);
        self.charge(now, &charged, 1.0);
    }

    fn hinted(&mut self, _: Instant, sent_at: Instant, _: &[Hint]) {
        self.opening.heard(sent_at);
    }

    fn answered(&mut self, now: Instant, answer: &Answer<'_>) {
        let Answer { sent_at, outcome, retry_after, .. } = *answer;
        self.charge(now, answer.debt, 1.0);
        self.charge(now, answer.refund, -1.0);
        match outcome {
            Outcome::Ok => self.record_success(now),
            Outcome::RateLimited => self.lower(now, sent_at, answer.hints),
            Outcome::Overloaded | Outcome::Contention => self.slow_down(now, sent_at),
            Outcome::Failed if self.slowdown.failed() => self.slow_down(now, sent_at),
            Outcome::Failed | Outcome::QuotaExhausted | Outcome::Cancelled => {}
        }
        self.opening.answered(now, (sent_at, outcome, retry_after));
    }

    fn waits(&mut self, now: Instant, anybody: bool) {
        if self.climb.waits.is_none() {
            // Whether anybody waited before the owner began to tell is not known.
            self.climb.forget(now);
        }
        self.climb.advance(now);
        self.climb.waits = Some(anybody);
    }

    fn silent_until(&self, now: Instant) -> Option<Instant> {
        Some(self.opening.earliest(now)).filter(|until| *until > now)
    }

    fn paces(&self, now: Instant) -> Vec<Pace> {
        let slow = self.slowdown.rest();
        self.swings.iter().map(|swing| swing.pace(now, slow)).collect()
    }

    fn learned(&self, now: Instant) -> Vec<LearnedPace> {
        self.swings.iter().filter_map(|swing| swing.learned(now)).collect()
    }

    fn restore(&mut self, now: Instant, learned: &[LearnedPace]) {
        let slow = self.slowdown.rest();
        for pace in learned.iter().filter(|pace| pace.is_sound()) {
            let mine = self.swings.iter_mut().find(|swing| swing.dimension() == pace.dimension);
            if let Some(swing) = mine {
                swing.restore(now, pace, self.decrease, slow);
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
