//! How much was used of each long limit, minute by minute, net of what came back.
//!
//! When a calendar period ends everything is back at once. That is no negative use, and is left out: it is a
//! fall after which the end of the period is further away than before, or after which hardly anything is used.

use std::collections::{BTreeMap, VecDeque};

use tidegate_units::{Dimension, ServiceName};

use super::is_long;
use crate::alert::spent;
use crate::monitor::number::float;
use crate::sample::{LimitSample, Sample, ScopeKind};

/// The most minutes.
const MINUTES_MAX: usize = 60;
/// The most limits that are followed; 500 bytes each.
const LIMITS_MAX: usize = 2_000;
/// A minute in milliseconds.
const MINUTE: u64 = 60_000;

/// Which limit it is, whatever it allows.
type Key = (Option<ServiceName>, ScopeKind, String, Dimension, String);

/// Every long limit.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    limits: BTreeMap<Key, Usage>,
}

impl Tracks {
    /// Looks at all limits of a sample.
    pub(crate) fn look(&mut self, now: u64, sample: &Sample) {
        for limit in sample.limits().filter(|limit| is_long(limit)) {
            let key = key(limit);
            if self.limits.len() < LIMITS_MAX || self.limits.contains_key(&key) {
                self.limits.entry(key).or_default().look(now, limit);
            }
        }
        // A limit that is gone for an hour may be back, but as another one.
        let stale = MINUTE * 60;
        self.limits.retain(|_, usage| usage.looked_at.saturating_add(stale) > now);
    }

    /// How a limit was used.
    pub(crate) fn of(&self, limit: &LimitSample) -> Option<&Usage> {
        self.limits.get(&key(limit))
    }
}

fn key(limit: &LimitSample) -> Key {
    let LimitSample { service, scope, of, dimension, per, .. } = limit;
    (service.clone(), *scope, of.clone(), *dimension, per.clone())
}

/// How a limit was used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage {
    /// What was used in each, per minute, the last one last.
    minutes: VecDeque<f64>,
    /// When the minute under way began.
    began: u64,
    /// What was used in it so far.
    net: f64,
    looked_at: u64,
    last: Option<Level>,
}

/// Where a limit stood.
#[derive(Debug, Clone, Copy)]
struct Level {
    spent: u64,
    capacity: u64,
    resets_after_ms: u64,
}

impl Usage {
    /// Looks at the limit.
    pub(crate) fn look(&mut self, now: u64, limit: &LimitSample) {
        let spent = spent(limit).saturating_add(limit.debt);
        let level =
            Level { spent, capacity: limit.capacity, resets_after_ms: limit.resets_after_ms };
        match self.last {
            None => self.began = now,
            Some(last) if !begins_anew(last, level) => {
                self.net += float(level.spent) - float(last.spent);
            }
            Some(_) => {}
        }
        self.last = Some(level);
        self.looked_at = now;
        let passed = now.saturating_sub(self.began);
        if passed < MINUTE {
            return;
        }
        // Of a silence only the mean is known; it counts for as many minutes as it lasted.
        let each = self.net * float(MINUTE) / float(passed);
        let count = usize::try_from(passed / MINUTE).unwrap_or(MINUTES_MAX).min(MINUTES_MAX);
        self.minutes.extend(std::iter::repeat_n(each, count));
        while self.minutes.len() > MINUTES_MAX {
            self.minutes.pop_front();
        }
        (self.began, self.net) = (now, 0.0);
    }

    /// What was used in each minute, the last one last.
    pub(super) fn minutes(&self) -> Vec<f64> {
        self.minutes.iter().copied().collect()
    }
}

/// Whether what is used is not comparable with what was: a period has ended, or the limit was changed.
fn begins_anew(last: Level, now: Level) -> bool {
    let fell = now.spent < last.spent;
    let resets_later = now.resets_after_ms > last.resets_after_ms.saturating_add(MINUTE);
    let emptied = now.spent < last.spent / 10 && last.spent > last.capacity / 10;
    last.capacity != now.capacity || fell && (resets_later || emptied)
}
