//! How fast to send where the service says nothing of its limit: near the capacity, past it to find
//! out whether there is more, and slower after refusals.

use libm::exp2;
use tidegate_units::{Instant, Span};

use super::{Lane, Phase};

/// The part of the capacity by which a probe may exceed it before the capacity is taken for outdated.
const EXCESS_MAX: f64 = 1.0;
/// Calls after which a pace that was halved is what it was.
const BRAKE_CALLS: f64 = 20.0;
/// How long a contended lane takes to rise from half of its capacity to all of it.
const CONTENTION_RISE_S: f64 = 50.0;
/// After so long without a refusal the others are thought to be gone.
const CONTENTION_END_S: f64 = 250.0;

/// Below this part of what was there before, it is looked for more often.
pub(super) const LOST: f64 = 0.75;
/// And after so long at the latest.
const OVERDUE: Span = Span::from_secs(60);

impl Lane {
    /// The pace where the service says nothing.
    pub(super) fn blind_rate(&self, now: Instant) -> f64 {
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

    /// Lets phases end that do by themselves.
    pub(super) fn go_on(&mut self, now: Instant, thrives: bool) {
        if !thrives && matches!(self.phase, Phase::Probe { .. } | Phase::Start { .. }) {
            return self.idle(now);
        }
        match self.phase {
            Phase::Start { doubled_at } => self.start(now, doubled_at),
            Phase::Cruise if self.sends >= self.reach || self.is_overdue(now) => self.probe(now),
            Phase::Probe { since, excess, far } => {
                let present = self.excess_at(now, since, excess);
                if present >= EXCESS_MAX && self.capacity > 2.0 * self.recent_rate(now) {
                    // Something else holds calls back: this is not what is found out.
                    self.phase = Phase::Probe { since: now, excess: 0.5, far };
                } else if present >= EXCESS_MAX {
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

    /// Whether a capacity that was there before was not looked for in a while.
    fn is_overdue(&self, now: Instant) -> bool {
        let lost = self.capacity < LOST * self.best;
        lost && self.event_at.is_some_and(|at| now.since(at) > OVERDUE)
    }

    /// Doubles the capacity, unless it is far from being used up.
    fn start(&mut self, now: Instant, doubled_at: Instant) {
        let pause = (4.0 / self.calls_per_second()).clamp(2.0, 8.0);
        let used = self.capacity < 2.0 * self.recent_rate(now) + 0.7 * self.call_size;
        if used && now.since(doubled_at).as_secs_f64() >= pause {
            self.capacity = (self.capacity * 2.0).min(self.max);
            self.phase = Phase::Start { doubled_at: now };
        }
    }

    fn probe(&mut self, now: Instant) {
        self.phase = Phase::Probe { since: now, excess: self.spread, far: None };
    }

    /// Nobody waits: the pace is not used up.
    pub(in crate::law) fn idle(&mut self, now: Instant) {
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
}
