//! A report as aligned text.

use super::Report;
use super::cells::{Column, columns, printable, rows};

/// What stands where nothing is known.
const UNKNOWN: &str = "-";

/// Columns wide enough for what they hold, two spaces apart; a rule above the total.
pub(super) fn write(report: &Report) -> String {
    let columns = columns(report);
    let head: Vec<String> = columns.iter().map(|column| column.head.clone()).collect();
    let cell =
        |column: &Column, row| printable(&column.cell(row).unwrap_or_else(|| UNKNOWN.to_owned()));
    let body = rows(report).map(|row| columns.iter().map(|it| cell(it, row)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
    let width = |place: usize| lines.iter().map(|line| line[place].chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|place| width(place).unwrap_or(0)).collect();
    let rule = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == 1 || index + 1 == lines.len() && index > 1 {
            text.push_str(&"-".repeat(rule));
            text.push('\n');
        }
        let cells = line.iter().zip(&columns).zip(&widths).map(|((cell, column), width)| {
            if column.is_text { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
