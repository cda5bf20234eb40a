//! A report as comma-separated values (RFC 4180).
//!
//! Names come from callers, and a spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula
//! and runs it. Such a name is written with an apostrophe before it, as OWASP advises against CSV injection.

use super::Report;
use super::cells::{columns, rows};

/// Lines that end in CR LF, a heading first; nothing where nothing is known.
pub(super) fn write(report: &Report) -> String {
    let columns = columns(report);
    let mut text = line(columns.iter().map(|column| field(&column.head, false)));
    for row in rows(report) {
        let cells = columns
            .iter()
            .map(|column| field(&column.cell(row).unwrap_or_default(), column.is_text));
        text.push_str(&line(cells));
    }
    text
}

fn line(fields: impl Iterator<Item = String>) -> String {
    format!("{}\r\n", fields.collect::<Vec<_>>().join(","))
}

/// A field, quoted where it must be. Spaces before a formula do not keep it from being one.
fn field(text: &str, is_text: bool) -> String {
    let begins = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
    let is_formula = is_text && begins.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
