//! A configuration for people: its limits, its queues, and what to make of them.

use comfy_table::Table;
use tidegate_units::{EnforcedAs, Limit, Span};

use super::listing::{LimitLine, Listing, QueueLine};
use crate::columns;

/// Everything that is printed.
pub(crate) fn text(listing: &Listing) -> String {
    let mut parts = Vec::new();
    if !listing.limits.is_empty() {
        parts.push(limits(&listing.limits).to_string());
    }
    if !listing.queues.is_empty() {
        parts.push(queues(listing).to_string());
    }
    parts.push(sentence(listing));
    parts.join("\n\n")
}

fn limits(lines: &[LimitLine]) -> Table {
    let header = [
        "scope",
        "limit",
        "enforced as",
        "guard",
        "Tidegate keeps to",
        "lets through in a\nwindow's length",
        "provider allows in\na window's length",
    ];
    let row = |line: &LimitLine| {
        let limit = &line.limit;
        vec![
            scope(line),
            limit.to_string(),
            enforced_as(limit),
            limit.guard_span().to_string(),
            held_to(limit),
            line.worst_case.to_string(),
            line.provider_allows.to_string(),
        ]
    };
    columns::table(header.map(str::to_owned).into(), lines.iter().map(row), 5)
}

fn queues(listing: &Listing) -> Table {
    let header = ["queue", "limits of its own", "waiting calls", "longest wait"];
    let row = |queue: &QueueLine| {
        let QueueLine { service, capacity, timeout, .. } = queue;
        let own = listing.limits.iter().filter(|line| line.service.as_ref() == Some(service));
        vec![
            format!("service {service}"),
            own.count().to_string(),
            format!("up to {capacity}"),
            timeout.to_string(),
        ]
    };
    columns::table(header.map(str::to_owned).into(), listing.queues.iter().map(row), 1)
}

fn scope(line: &LimitLine) -> String {
    match &line.service {
        Some(service) => format!("service {service}"),
        None => "all services".to_owned(),
    }
}

fn enforced_as(limit: &Limit) -> String {
    if let Some(calendar) = limit.calendar() {
        return format!("calendar {}", calendar.period());
    }
    match limit.shape() {
        EnforcedAs::TokenBucket => format!("token-bucket of {}", limit.burst_amount()),
        other => other.to_string(),
    }
}

fn held_to(limit: &Limit) -> String {
    if let Some(calendar) = limit.calendar() {
        let each = format!("{} each {}", limit.amount(), calendar.period());
        return match limit.guard_span() {
            Span::ZERO => each,
            guard => format!("{each}, its last {guard} in two"),
        };
    }
    match limit.shape() {
        EnforcedAs::TokenBucket => {
            format!(
                "a bucket of {}, {} per {}",
                limit.shaped_burst(),
                limit.amount(),
                limit.window()
            )
        }
        _ => format!("{} in any {}", limit.amount(), limit.shaped_window()),
    }
}

/// What all of it comes to.
fn sentence(listing: &Listing) -> String {
    let file = &listing.file;
    if listing.limits.is_empty() {
        return format!("{file} is valid but limits nothing: every call passes.");
    }
    let services = counted(listing.queues.len(), "service");
    let limits = counted(listing.limits.len(), "limit");
    let has_calendar = listing.limits.iter().any(|line| line.limit.calendar().is_some());
    let touched = if has_calendar {
        " A window's length may touch two or three calendar periods, and each holds its amount."
    } else {
        ""
    };
    let beyond = listing.limits.iter().filter(|line| line.worst_case > line.provider_allows);
    match beyond.count() {
        0 => format!(
            "{file} is valid: {limits}, {services}; none lets more through than its provider allows.{touched}"
        ),
        beyond => format!(
            "{file} is valid: {limits}, {services}; {beyond} may let more through than the provider \
             allows.{touched}"
        ),
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
