//! A report as rows of cells, which every table is written from.

use tidegate_units::{Dimension, Outcome};

use super::{Report, ReportBy, ReportRow};

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) head: String,
    /// Text stands left and is written by others, so it may hold anything; numbers stand right.
    pub(super) is_text: bool,
    cell: Cell,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Name,
    Service,
    Granted,
    Refused,
    Throttled,
    Outcome(Outcome),
    Reserved(Dimension),
    Used(Dimension),
    WaitP50,
    WaitP99,
}

/// The columns of a report: those of a group only where it has them.
pub(super) fn columns(report: &Report) -> Vec<Column> {
    let of_calls = matches!(report.by, ReportBy::Service | ReportBy::Hour);
    let mut columns = vec![column(report.by.name(), Cell::Name)];
    if of_calls {
        columns.push(column("granted", Cell::Granted));
    } else {
        columns.push(column("service", Cell::Service));
    }
    columns.push(column("refused", Cell::Refused));
    if of_calls {
        columns.push(column("throttled %", Cell::Throttled));
    }
    for outcome in Outcome::ALL {
        let head = if outcome == Outcome::RateLimited { "429" } else { outcome.name() };
        columns.push(column(&head.replace('_', " "), Cell::Outcome(outcome)));
    }
    for dimension in report.total.used.keys() {
        columns.push(column(&format!("{dimension} reserved"), Cell::Reserved(*dimension)));
        columns.push(column(&format!("{dimension} used"), Cell::Used(*dimension)));
    }
    if of_calls {
        columns.push(column("wait p50 ms", Cell::WaitP50));
        columns.push(column("wait p99 ms", Cell::WaitP99));
    }
    columns
}

fn column(head: &str, cell: Cell) -> Column {
    let is_text = matches!(cell, Cell::Name | Cell::Service);
    Column { head: head.to_owned(), is_text, cell }
}

impl Column {
    /// What stands here in a row; `None`: nothing is known.
    pub(super) fn cell(&self, row: &ReportRow) -> Option<String> {
        let tenths = |value: Option<f64>| value.map(|value| format!("{value:.1}"));
        match self.cell {
            Cell::Name => Some(row.name.clone()),
            Cell::Service => row.service.clone(),
            Cell::Granted => row.granted.map(|count| count.to_string()),
            Cell::Refused => Some(row.refused.to_string()),
            Cell::Throttled => tenths(row.throttle_rate.map(|rate| rate * 100.0)),
            Cell::Outcome(outcome) => Some(row.outcomes[outcome.index()].to_string()),
            Cell::Reserved(dimension) => Some(amount(row.reserved.get(&dimension))),
            Cell::Used(dimension) => Some(amount(row.used.get(&dimension))),
            Cell::WaitP50 => tenths(row.wait_p50_ms),
            Cell::WaitP99 => tenths(row.wait_p99_ms),
        }
    }
}

fn amount(amount: Option<&u64>) -> String {
    amount.copied().unwrap_or(0).to_string()
}

/// The rows of a report, the total last.
pub(super) fn rows(report: &Report) -> impl Iterator<Item = &ReportRow> {
    report.rows.iter().chain([&report.total])
}

/// Text without control characters, which a terminal or a page might obey: they are spelled out.
pub(super) fn printable(text: &str) -> String {
    let spelled = |c: char| {
        // What turns the direction of text about hides what is written.
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns { c.escape_default().collect() } else { String::from(c) }
    };
    text.chars().map(spelled).collect()
}
