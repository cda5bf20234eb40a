//! What the documents say is what the catalogue says. A part that is stale is rewritten, and the test fails
//! once: run it again.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use tidegate_observability::{AlertKind, catalogue, prometheus};

const DOCUMENT: &str = "docs/metrics.md";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a file with what it should be, and makes it so.
fn compare(path: &str, expected: &str) {
    let file = root().join(path);
    if fs::read_to_string(&file).unwrap_or_default() != expected {
        fs::write(&file, expected).expect("the file can be written");
        panic!("{path} was stale; it is rewritten now, run this again");
    }
}

/// The document with `table` between the marks of that name.
fn updated(document: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{table}\n{end}{after}"))
}

fn table(head: &str, rows: impl Iterator<Item = String>) -> String {
    let columns = head.matches('|').count() - 1;
    let mut table = format!("{head}\n|{}\n", "---|".repeat(columns));
    for row in rows {
        writeln!(table, "| {row} |").expect("a string takes everything");
    }
    table
}

fn metrics() -> String {
    let rows = catalogue::ALL.iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| format!("`{label}`"));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let (kind, unit) = (metric.kind.name(), metric.unit.name());
        format!("`{}` | {kind} | {unit} | {labels} | {}", metric.name, metric.help)
    });
    table("| Name | Kind | Unit | Labels | What it means |", rows)
}

fn events() -> String {
    let rows = catalogue::EVENTS.iter().map(|(name, meaning)| format!("`{name}` | {meaning}"));
    table("| Event | What it means |", rows)
}

fn alerts() -> String {
    let row = |kind: AlertKind| format!("`{}` | {}", kind.name(), catalogue::alert_meaning(kind));
    table("| Warning | What it means |", AlertKind::ALL.into_iter().map(row))
}

#[test]
fn the_tables_of_metrics_events_and_warnings_are_those_of_the_catalogue() {
    let mut document = fs::read_to_string(root().join(DOCUMENT)).expect("it is there");
    for (name, table) in [("metrics", metrics()), ("events", events()), ("alerts", alerts())] {
        let place = updated(&document, name, &table);
        document = place.unwrap_or_else(|| panic!("{DOCUMENT} has no marks for {name}"));
    }
    compare(DOCUMENT, &document);
}

#[test]
fn only_what_stands_between_the_marks_is_rewritten() {
    let stale = "# A\n\n<!-- b:begin -->\nold\n<!-- b:end -->\n\nrest\n";
    let expected = "# A\n\n<!-- b:begin -->\n\nnew\n\n<!-- b:end -->\n\nrest\n";
    assert_eq!(updated(stale, "b", "new\n").as_deref(), Some(expected));
    assert_eq!(updated(expected, "b", "new\n").as_deref(), Some(expected));
    assert_eq!(updated("# A\n", "b", "new\n"), None);
}

#[test]
fn the_rules_are_those_that_are_made_of_the_catalogue() {
    compare("docs/prometheus-rules.yml", &prometheus::rules_yaml());
}

#[test]
fn so_is_the_dashboard() {
    compare("docs/grafana-dashboard.json", &prometheus::dashboard_json());
}
