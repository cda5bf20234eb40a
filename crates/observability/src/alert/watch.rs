//! How a level becomes a warning, and how a warning ends.
//!
//! A level has two thresholds: at the upper one it is high, below the lower one it is clear, and between them
//! it is neither. It is raised once it was high for long enough in all since it was last clear, and resolved
//! once it was clear for long enough in all since it was last high. So a level that flutters around either
//! threshold, or across both but for short, raises one warning and ends it once. A warning becomes critical in
//! the same way, once, and stays so until it is over: what goes up and down again does not call anybody twice.
//!
//! What lies between two samples counts by both of them, and at most a minute of it: of a longer silence
//! nothing is known. What is missing from a sample, be it a service, a model or a limit, is clear.
//!
//! # Invariants
//!
//! - ALERT-1: for each id, raised and resolved take turns, whatever the samples are; between them at most one
//!   escalation is told.
//! - ALERT-2: there are never more than [`ALERTS_MAX`] levels under watch; what does not fit is counted, and
//!   parts of services leave half of the room to services.

use std::collections::BTreeMap;

use super::reading::{Reading, Step};
use crate::sample::UnixMillis;
use crate::status::{Alert, Severity};

/// The most levels that are high or near it at once: more says nothing more to a reader.
pub const ALERTS_MAX: usize = 1_000;
/// How many of them may be about models, endpoints and keys.
const PARTS_MAX: usize = ALERTS_MAX / 2;
/// The most time between two samples of which anything is known.
const GAP_MAX: u64 = 60_000;

/// The levels that are high, or were not long enough ago.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    entries: BTreeMap<String, Entry>,
    /// How many of them are about parts.
    parts: usize,
    alerts: Vec<Alert>,
    dropped: u64,
}

/// What is known of one level.
#[derive(Debug, Clone, Default)]
struct Entry {
    high: Held,
    critical: Held,
    clear: Held,
    since: UnixMillis,
    of_part: bool,
    seen: bool,
    alert: Option<Alert>,
}

/// For how long something was so, in all.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    for_ms: u64,
    was: bool,
}

impl Held {
    /// Time passed, and now it is so or not.
    fn pass(&mut self, elapsed: u64, is: bool) {
        if is && self.was {
            self.for_ms = self.for_ms.saturating_add(elapsed);
        }
        self.was = is;
    }
}

impl Watch {
    /// Looks at what is read now, `elapsed` milliseconds after the last look. Answers what was raised, what
    /// became critical, and what is over.
    pub(crate) fn look(
        &mut self,
        (elapsed, at): (u64, UnixMillis),
        resolve_after_ms: u64,
        readings: Vec<Reading>,
    ) -> Vec<Alert> {
        let elapsed = elapsed.min(GAP_MAX);
        let mut news = Vec::new();
        for reading in worst_of_each(readings) {
            if let Some(entry) = self.entries.get_mut(&reading.id) {
                news.extend(entry.read(elapsed, at, &reading));
            } else if reading.level >= reading.warning.level {
                news.extend(self.begin(at, reading));
            }
        }
        let parts = &mut self.parts;
        self.entries.retain(|_, entry| {
            let (stays, over) = entry.end(elapsed, at, resolve_after_ms);
            news.extend(over);
            *parts -= usize::from(!stays && entry.of_part);
            stays
        });
        // What is warned of says how it stands now, not how it stood when it was raised.
        if !news.is_empty() || !self.alerts.is_empty() {
            self.collect();
        }
        news
    }

    /// What is warned of, the worst first.
    pub(crate) fn alerts(&self) -> &[Alert] {
        &self.alerts
    }

    /// How often a level found no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Begins to watch a level that is high, if there is room.
    fn begin(&mut self, at: UnixMillis, reading: Reading) -> Option<Alert> {
        let of_part = reading.of_part;
        if self.entries.len() >= ALERTS_MAX || of_part && self.parts >= PARTS_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        let mut entry = Entry { since: at, of_part, ..Entry::default() };
        let news = entry.read(0, at, &reading);
        self.parts += usize::from(of_part);
        self.entries.insert(reading.id, entry);
        news
    }

    fn collect(&mut self) {
        self.alerts = self.entries.values().filter_map(|entry| entry.alert.clone()).collect();
        self.alerts.sort_by(|a, b| (b.severity, a.since, &a.id).cmp(&(a.severity, b.since, &b.id)));
    }
}

impl Entry {
    /// Takes in a level that is not clear; answers a warning that is new, or worse than it was.
    fn read(&mut self, elapsed: u64, at: UnixMillis, reading: &Reading) -> Option<Alert> {
        self.seen = true;
        let reaches = |step: Step| reading.level >= step.level;
        let high = reaches(reading.warning);
        if high && !self.high.was && self.high.for_ms == 0 {
            self.since = at;
        }
        if high {
            self.clear = Held::default();
        }
        self.clear.was = false;
        self.high.pass(elapsed, high);
        self.critical.pass(elapsed, reading.critical.is_some_and(reaches));
        if let Some(alert) = &mut self.alert {
            alert.value = reading.level;
            alert.text.clone_from(&reading.text);
        }
        let worst = |held: Held, step: Step| held.was && held.for_ms >= step.hold_ms;
        let severity = if reading.critical.is_some_and(|step| worst(self.critical, step)) {
            Severity::Critical
        } else if worst(self.high, reading.warning) {
            Severity::Warning
        } else {
            return None;
        };
        if self.alert.as_ref().is_some_and(|alert| alert.severity >= severity) {
            return None;
        }
        self.alert = Some(alert(reading, severity, self.since));
        self.alert.clone()
    }

    /// Whether the level is still watched, and the warning that is over, if one is. What was not read since
    /// the last time is clear.
    fn end(&mut self, elapsed: u64, at: UnixMillis, after_ms: u64) -> (bool, Option<Alert>) {
        if std::mem::take(&mut self.seen) {
            return (true, None);
        }
        self.high.was = false;
        self.critical.was = false;
        self.clear.pass(elapsed, true);
        let Some(alert) = &self.alert else {
            return (false, None);
        };
        if self.clear.for_ms < after_ms {
            return (true, None);
        }
        (false, Some(Alert { resolved_at: Some(at), ..alert.clone() }))
    }
}

/// One reading for each id: two limits may be the same but for how they are enforced.
fn worst_of_each(readings: Vec<Reading>) -> impl Iterator<Item = Reading> {
    let mut worst: BTreeMap<String, Reading> = BTreeMap::new();
    for reading in readings.into_iter().filter(|reading| reading.level.is_finite()) {
        let known = worst.get(&reading.id);
        if known.is_none_or(|known| known.level < reading.level) {
            worst.insert(reading.id.clone(), reading);
        }
    }
    worst.into_values()
}

fn alert(reading: &Reading, severity: Severity, since: UnixMillis) -> Alert {
    let critical = reading.critical.filter(|_| severity == Severity::Critical);
    Alert {
        id: reading.id.clone(),
        kind: reading.kind,
        severity,
        service: reading.service.clone(),
        value: reading.level,
        threshold: critical.unwrap_or(reading.warning).level,
        since,
        resolved_at: None,
        text: reading.text.clone(),
    }
}
