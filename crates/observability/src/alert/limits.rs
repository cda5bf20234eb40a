//! Limits that are nearly used up, used up, or overspent.
//!
//! What counts is what was spent; what is lent and not settled may still come back.
//!
//! A limit per second that is full is a limit that does its work: calls wait a moment, and the queue is there
//! for that. So a limit is worth a warning only from a minute on, and one of less than an hour only when it
//! was high for twice its window, at most ten minutes: then it is not one burst. A longer limit is a quota: it
//! comes back so late that there is time to do something, and when it is used up nothing works any more.

use tidegate_units::Dimension;

use super::AlertSettings;
use super::reading::{Reading, Step, clear_of};
use super::words::{about, percent, stated, subject};
use crate::monitor::number::float;
use crate::sample::{LimitSample, ScopeKind};
use crate::status::AlertKind;

/// Limits with shorter windows are full whenever they are used well.
const WINDOW_MIN: u64 = 60_000;
/// From here on a limit is a quota.
pub(crate) const WINDOW_LONG: u64 = 3_600_000;
/// The longest that a limit of less than an hour must be high before somebody is warned.
const HOLD_MAX: u64 = 600_000;

/// Reads what is near a threshold of a limit.
pub(super) fn read(limit: &LimitSample, settings: &AlertSettings, readings: &mut Vec<Reading>) {
    if limit.capacity == 0 || limit.dimension == Dimension::Slots {
        return;
    }
    readings.extend(breach(limit, settings));
    if limit.recovery_ms() >= WINDOW_MIN {
        readings.extend(approaching(limit, settings));
    }
    if limit.recovery_ms() >= WINDOW_LONG && spent(limit) >= limit.capacity {
        readings.push(used_up(limit));
    }
}

/// What was spent of a limit.
pub(crate) fn spent(limit: &LimitSample) -> u64 {
    limit.used()
}

fn approaching(limit: &LimitSample, settings: &AlertSettings) -> Option<Reading> {
    let threshold = float(u64::from(settings.approaching.as_per_mille())) / 1_000.0;
    let level = float(spent(limit)) / float(limit.capacity);
    if level < clear_of(threshold) {
        return None;
    }
    let hold = settings.hold.as_millis();
    let twice = limit.recovery_ms().saturating_mul(2).min(HOLD_MAX);
    let hold_ms = if limit.recovery_ms() < WINDOW_LONG { hold.max(twice) } else { hold };
    let text = format!(
        "{} has used {} % of {}; all of it is back in {}",
        subject(limit),
        percent(spent(limit), limit.capacity),
        stated(limit),
        about(limit.resets_after_ms)
    );
    let warning = Step { level: threshold, hold_ms };
    Some(Reading { level, warning, ..reading(AlertKind::Approaching, limit, text) })
}

/// A debt. That of a short limit is paid back before anybody could look, unless it goes on.
fn breach(limit: &LimitSample, settings: &AlertSettings) -> Option<Reading> {
    if limit.debt == 0 {
        return None;
    }
    let hold_ms = if limit.recovery_ms() < WINDOW_MIN { settings.hold.as_millis() } else { 0 };
    let text = format!(
        "{} has spent {} {} more than {} allows: calls cost more than was estimated",
        subject(limit),
        limit.debt,
        limit.dimension,
        stated(limit)
    );
    let critical = Step { level: (float(limit.amount) / 10.0).max(1.0), hold_ms };
    Some(Reading {
        level: float(limit.debt),
        warning: Step { level: 1.0, hold_ms },
        critical: Some(critical),
        ..reading(AlertKind::Breach, limit, text)
    })
}

/// A quota of which nothing is left.
fn used_up(limit: &LimitSample) -> Reading {
    let text = format!(
        "{} has used up {}; all of it is back in {}",
        subject(limit),
        stated(limit),
        about(limit.resets_after_ms)
    );
    let critical = Some(Step { level: 1.0, hold_ms: 0 });
    Reading { critical, ..reading(AlertKind::QuotaExhausted, limit, text) }
}

/// What all readings of a limit have in common.
fn reading(kind: AlertKind, limit: &LimitSample, text: String) -> Reading {
    Reading {
        id: id(kind, limit),
        kind,
        service: limit.service.clone(),
        level: 1.0,
        warning: Step { level: 1.0, hold_ms: 0 },
        critical: None,
        of_part: !matches!(limit.scope, ScopeKind::Global | ScopeKind::Service),
        text,
    }
}

/// The kind, and which limit it is. Amounts are no part of it: a limit that is raised stays the same one.
fn id(kind: AlertKind, limit: &LimitSample) -> String {
    let service = limit.service.as_ref().map_or("*", |service| service.as_str());
    let part = match limit.scope {
        ScopeKind::Global | ScopeKind::Service => String::new(),
        scope => format!("{}={}:", scope.name(), limit.of),
    };
    format!("{}:{service}:{part}{}:{}", kind.name(), limit.dimension, limit.per)
}
