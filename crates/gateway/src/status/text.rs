//! A status as tables.

use std::fmt::Write;

use tidegate_observability::{LimitSample, ServiceStatus, Status};

use crate::columns;
use crate::figures::{amount, span_ms, words};

/// Everything: services, their limits, warnings, what services have counted.
pub(crate) fn text(status: &Status) -> String {
    let mut text = format!("Tidegate {}, up {}\n", status.version, span_ms(status.uptime_ms));
    let _ = write!(text, "\n{}\n", services(status));
    let limits = limits(status);
    if !limits.is_empty() {
        let header = words(&["limit of", "counts", "per", "used", "of", "free", "resets in"]);
        let _ = write!(text, "\n{}\n", columns::table(header, limits, 3));
    }
    if !status.upstream.is_empty() {
        let _ = write!(text, "\nCounted at the services\n{}\n", upstream(status));
    }
    for alert in &status.alerts {
        let _ = write!(text, "\n{alert}");
    }
    text
}

fn services(status: &Status) -> comfy_table::Table {
    let header = words(&[
        "service",
        "state",
        "operations",
        "throttled",
        "refused",
        "queued",
        "per second",
        "refused there",
    ]);
    columns::table(header, status.services.iter().map(service), 2)
}

fn service(service: &ServiceStatus) -> Vec<String> {
    let ServiceStatus { sample, statistics, trends, .. } = service;
    let minute = &trends.minute;
    vec![
        sample.service.to_string(),
        state(service),
        amount(statistics.total_operations),
        format!("{:.1} %", statistics.throttle_rate * 100.0),
        amount(sample.refused),
        format!("{}/{}", sample.queued, sample.queue_capacity),
        format!("{:.2}", minute.granted_per_second),
        format!("{:.2}/s", minute.refused_upstream_per_second),
    ]
}

/// How it is, in a few words.
pub(crate) fn state(service: &ServiceStatus) -> String {
    use tidegate_observability::BreakerPhase;

    let sample = &service.sample;
    match (sample.running, sample.breaker, sample.paused_for_ms) {
        (false, ..) => "down".to_owned(),
        (_, Some(BreakerPhase::Open), _) => "breaker open".to_owned(),
        (_, Some(BreakerPhase::HalfOpen), _) => "probing".to_owned(),
        (_, _, Some(wait)) => format!("paused {}", span_ms(wait)),
        _ if sample.queued > 0 => "waiting".to_owned(),
        _ => "ok".to_owned(),
    }
}

fn limits(status: &Status) -> Vec<Vec<String>> {
    let own = status.services.iter().flat_map(|service| service.sample.all_limits());
    own.chain(&status.shared).map(limit).collect()
}

fn limit(limit: &LimitSample) -> Vec<String> {
    vec![
        owner(limit),
        limit.dimension.to_string(),
        limit.per.clone(),
        amount(limit.used()),
        amount(limit.capacity),
        amount(limit.available.saturating_add(limit.lent)),
        span_ms(limit.resets_after_ms),
    ]
}

/// What a limit applies to.
pub(crate) fn owner(limit: &LimitSample) -> String {
    match (&limit.service, limit.of.as_str()) {
        (None, _) => "all services".to_owned(),
        (Some(service), "") => service.to_string(),
        (Some(service), of) => format!("{service} {of}"),
    }
}

fn upstream(status: &Status) -> comfy_table::Table {
    let header = words(&[
        "service",
        "arrived",
        "done",
        "rate-limited",
        "overloaded",
        "contended",
        "failed",
        "bears per second",
    ]);
    let rows = status.upstream.iter().map(|(name, count)| {
        let capacity =
            count.capacity_per_second.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
        let counts = [
            count.arrived,
            count.admitted,
            count.rate_limited,
            count.overloaded,
            count.contended,
            count.failed,
        ];
        let mut row = vec![name.to_string()];
        row.extend(counts.map(amount));
        row.push(capacity);
        row
    });
    columns::table(header, rows, 1)
}
