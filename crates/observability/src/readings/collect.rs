//! From a sample to rows.

mod limits;
mod merged;
mod usage;

use tidegate_units::{Outcome, Priority, Span};

use super::{Readings, Value};
use crate::catalogue::{self, OTHER};
use crate::sample::{PaceSample, PartSample, Sample, ServiceSample};
use crate::status::Alert;

pub(super) fn everything(readings: &mut Readings, sample: &Sample, alerts: &[Alert]) {
    readings.count(&catalogue::BUILD, &[env!("CARGO_PKG_VERSION")], 1);
    readings.level(&catalogue::UPTIME, &[], seconds(sample.uptime_ms));
    readings.count(&catalogue::EVENTS_DROPPED, &[], sample.events_dropped);
    warnings(readings, alerts);
    for it in &sample.services {
        let parts = merged::parts(&it.parts);
        service(readings, it, &parts);
        let of_parts = parts.iter().flat_map(|part| &part.limits);
        for limit in it.limits.iter().chain(of_parts) {
            limits::limit(readings, limit);
        }
    }
    for limit in &sample.shared {
        limits::limit(readings, limit);
    }
}

/// How many there are of each kind, of those that are not over.
fn warnings(readings: &mut Readings, alerts: &[Alert]) {
    let mut counts = std::collections::BTreeMap::new();
    for alert in alerts.iter().filter(|alert| alert.resolved_at.is_none()) {
        let service = alert.service.as_ref().map_or("", |service| service.as_str());
        let count: &mut u64 =
            counts.entry((service, alert.kind.name(), alert.severity.name())).or_default();
        *count += 1;
    }
    for ((service, kind, severity), count) in counts {
        readings.count(&catalogue::ALERTS, &[service, kind, severity], count);
    }
}

fn service(readings: &mut Readings, sample: &ServiceSample, parts: &[PartSample]) {
    let name = sample.service.as_str();
    state(readings, name, sample);
    requests(readings, name, sample);
    refusals(readings, name, sample);
    queue(readings, name, sample);
    for part in parts {
        let labels = [name, part.scope.name(), &part.of];
        readings.count(&catalogue::PART_WAITING, &labels, part.waiting);
    }
    limits::float(readings, name, sample);
    limits::parts(readings, name, sample, parts);
    for pace in &sample.paces {
        self::pace(readings, name, pace);
    }
    again(readings, name, sample);
    usage::service(readings, name, &sample.spent);
    usage::models(readings, name, &sample.models);
    usage::keys(readings, name, &sample.keys);
}

fn state(readings: &mut Readings, name: &str, sample: &ServiceSample) {
    // Of one that was told to stop there is no row, so that nobody is woken by it.
    if !sample.stopping {
        readings.count(&catalogue::RUNNING, &[name], u64::from(sample.running));
    }
    readings.count(&catalogue::FAILURES, &[name], sample.failures);
    readings.count(&catalogue::RESTARTS, &[name], sample.restarts);
    readings.count(&catalogue::FORGONE, &[name], sample.forgone);
    let pause = seconds(sample.paused_for_ms.unwrap_or(0));
    readings.level(&catalogue::PAUSE, &[name], pause);
    if let Some(last) = sample.last_granted {
        readings.level(&catalogue::LAST_GRANTED, &[name], seconds(last.0));
    }
}

fn requests(readings: &mut Readings, name: &str, sample: &ServiceSample) {
    readings.count(&catalogue::GRANTED, &[name, "gate"], sample.granted_by_gate);
    readings.count(&catalogue::GRANTED, &[name, "queue"], sample.granted_by_queue);
    readings.count(&catalogue::UNCLAIMED, &[name], sample.unclaimed);
    readings.count(&catalogue::WAITED, &[name], sample.waited);
    readings.count(&catalogue::EXPIRED, &[name], sample.expired);
    readings.count(&catalogue::WITHDRAWN, &[name], sample.withdrawn);
    for outcome in Outcome::ALL {
        readings.count(&catalogue::OUTCOMES, &[name, outcome.name()], sample.ended(outcome));
    }
}

/// The rows, and the rest of all that were refused, so that the sum is what was counted.
fn refusals(readings: &mut Readings, name: &str, sample: &ServiceSample) {
    let mut told_apart = 0_u64;
    for row in &sample.refusals {
        let window = match row.window_ms {
            0 => String::new(),
            millis => Span::from_millis(millis).to_string(),
        };
        let (reason, scope) = (catalogue::reason_name(row.reason), row.scope.name());
        let labels = [name, reason, scope, &row.of, row.dimension.name(), &window];
        readings.count(&catalogue::REFUSED, &labels, row.count);
        told_apart = told_apart.saturating_add(row.count);
    }
    let rest = sample.refused.saturating_sub(told_apart).max(sample.refusals_other);
    readings.count(&catalogue::REFUSED, &[name, OTHER, "", "", "", ""], rest);
}

fn queue(readings: &mut Readings, name: &str, sample: &ServiceSample) {
    for class in Priority::ALL {
        let queued = sample.queued_by_class.get(&class).copied().unwrap_or(0);
        readings.count(&catalogue::QUEUED, &[name, class.name()], queued);
    }
    readings.count(&catalogue::BACKING_OFF, &[name], sample.backing_off);
    readings.count(&catalogue::QUEUE_CAPACITY, &[name], sample.queue_capacity);
    for (class, waits) in &sample.waits {
        readings.put(&catalogue::WAIT, &[name, class.name()], Value::Waits(*waits));
    }
}

fn pace(readings: &mut Readings, name: &str, pace: &PaceSample) {
    let labels = [name, pace.dimension.name()];
    readings.level(&catalogue::PACE, &labels, pace.per_second);
    readings.level(&catalogue::PACE_CONFIDENCE, &labels, pace.confidence);
    if let Some(learned) = pace.learned_per_second {
        readings.level(&catalogue::PACE_LEARNED, &labels, learned);
    }
    if let Some(configured) = pace.configured_per_second {
        readings.level(&catalogue::PACE_CONFIGURED, &labels, configured);
    }
}

fn again(readings: &mut Readings, name: &str, sample: &ServiceSample) {
    readings.count(&catalogue::RETRIES, &[name], sample.retries.retries);
    readings.count(&catalogue::HEDGES, &[name], sample.retries.hedges);
    readings.count(&catalogue::RETRIES_DENIED, &[name], sample.retries.denied);
    readings.count(&catalogue::RETRY_BUDGET, &[name], sample.retries.budget);
}

pub(super) fn seconds(millis: u64) -> f64 {
    super::float(millis) / 1_000.0
}
