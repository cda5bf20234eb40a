//! How often a limiter may fail, and how long it rests each time.

use std::collections::VecDeque;

use serde::Serialize;
use tidegate_units::{Backoff, Instant, Span};

/// When to restart a limiter that has failed, and when to give it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The most failures within `within` that are answered by a restart; one more and the service is
    /// given up.
    pub restarts_max: usize,
    /// The period in which failures are counted.
    pub within: Span,
    /// The rest before a restart, longer with every failure in the period.
    pub backoff: Backoff,
}

impl Default for RestartPolicy {
    /// Five in a minute, after 10 ms to 1 s.
    fn default() -> Self {
        let backoff = Backoff { base: Span::from_millis(10), max: Span::from_secs(1) };
        Self { restarts_max: 5, within: Span::from_secs(60), backoff }
    }
}

/// How a limiter fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It grants.
    Running,
    /// It has failed and rests.
    Down {
        /// When it may grant again.
        until: Instant,
    },
    /// It has failed too often.
    GivenUp,
}

/// The failures of one limiter.
#[derive(Debug)]
pub(crate) struct Failures {
    pub(crate) health: Health,
    recent: VecDeque<Instant>,
    pub(crate) total: u64,
    pub(crate) restarts: u64,
}

impl Default for Failures {
    fn default() -> Self {
        Self { health: Health::Running, recent: VecDeque::new(), total: 0, restarts: 0 }
    }
}

impl Failures {
    /// The limiter has failed at `now`: rests, or is given up.
    pub(crate) fn failed(&mut self, now: Instant, policy: &RestartPolicy) {
        self.total += 1;
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|at| now.since(*at) >= policy.within) {
            self.recent.pop_front();
        }
        let recent = self.recent.len();
        self.health = if recent > policy.restarts_max {
            self.recent.clear();
            Health::GivenUp
        } else {
            let before = u32::try_from(recent.saturating_sub(1)).unwrap_or(u32::MAX);
            Health::Down { until: now + policy.backoff.delay(before) }
        };
    }

    /// Whether it may grant again as of `now`, having rested. Answers so once.
    pub(crate) fn rested(&mut self, now: Instant) -> bool {
        let rested = matches!(self.health, Health::Down { until } if until <= now);
        if rested {
            self.health = Health::Running;
            self.restarts += 1;
        }
        rested
    }

    /// When it will have rested.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        match self.health {
            Health::Down { until } => Some(until),
            Health::Running | Health::GivenUp => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_rest_longer_and_longer_until_they_are_too_many() {
        let policy = RestartPolicy { restarts_max: 2, ..RestartPolicy::default() };
        let mut failures = Failures::default();
        let at = |millis| Instant::ZERO + Span::from_millis(millis);
        failures.failed(at(0), &policy);
        assert_eq!(failures.health, Health::Down { until: at(10) });
        assert!(!failures.rested(at(9)));
        assert!(failures.rested(at(10)));
        assert!(!failures.rested(at(10)), "once");
        failures.failed(at(20), &policy);
        assert_eq!(failures.health, Health::Down { until: at(40) });
        failures.failed(at(50), &policy);
        assert_eq!(failures.health, Health::GivenUp);
        assert_eq!((failures.total, failures.restarts), (3, 1));
    }

    #[test]
    fn failures_long_ago_do_not_count() {
        let policy = RestartPolicy { restarts_max: 1, ..RestartPolicy::default() };
        let mut failures = Failures::default();
        for minute in 0..10 {
            let now = Instant::ZERO + Span::from_secs(60) * minute;
            failures.failed(now, &policy);
            assert_eq!(failures.health, Health::Down { until: now + policy.backoff.base });
        }
    }
}
