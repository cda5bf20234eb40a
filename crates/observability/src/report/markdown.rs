//! A report as a table in Markdown, as GitHub and others read it.

use super::cells::{columns, printable, rows};
use super::{Report, ReportRow};

/// A table with numbers on the right, the total in bold.
pub(super) fn write(report: &Report) -> String {
    let columns = columns(report);
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(columns.iter().map(|column| escaped(&column.head)).collect());
    let rule = columns.iter().map(|column| if column.is_text { "---" } else { "---:" }.to_owned());
    text.push_str(&line(rule.collect()));
    for row in rows(report) {
        let cell = |column: &super::cells::Column| {
            column.cell(row).map(|cell| escaped(&cell)).unwrap_or_default()
        };
        let cells = columns.iter().map(cell).map(|cell| emphasised(cell, row, report));
        text.push_str(&line(cells.collect()));
    }
    text
}

fn emphasised(cell: String, row: &ReportRow, report: &Report) -> String {
    if std::ptr::eq(row, &raw const report.total) && !cell.is_empty() {
        format!("**{cell}**")
    } else {
        cell
    }
}

/// Text that means itself, whatever is in it.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in printable(text).chars() {
        if matches!(c, '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '#') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}
