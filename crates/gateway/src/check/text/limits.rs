//! The table of limits.

use comfy_table::Table;
use tidegate_units::{EnforcedAs, Limit, Span};

use crate::check::listing::LimitLine;
use crate::columns;

/// Every limit, with what it lets through in the worst case.
pub(super) fn limits(lines: &[LimitLine]) -> Table {
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
            line.part.to_string(),
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
