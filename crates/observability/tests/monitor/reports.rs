//! Reports: their numbers are those of the counters, and nothing in a name does harm.

use proptest::prelude::*;
use tidegate_observability::{
    Monitor, Report, ReportBy, ReportFormat, ReportQuery, Sample, ServiceSample, Spent, UnixMillis,
    UsageCount, UsageRow, UsageSample, Waits,
};
use tidegate_units::{Amounts, Dimension, Outcome, Priority, Span};

use crate::samples::BEGAN;

const HOUR: u64 = 3_600_000;

fn tokens(reserved: u64, refunded: u64, owed: u64) -> Spent {
    let of = |amount| Amounts::of(Dimension::Tokens, amount);
    let mut spent = Spent { reserved: of(reserved), refunded: of(refunded), owed: of(owed) };
    spent.reserved.set(Dimension::Requests, 3);
    spent
}

fn row(kind: &str, name: &str, ok: u64) -> UsageRow {
    let count = UsageCount {
        outcomes: [ok, 1, 0, 0, 0, 0, 0],
        refused: 2,
        spent: tokens(ok * 100, ok * 10, 1),
    };
    UsageRow { kind: kind.to_owned(), name: name.to_owned(), count }
}

fn usage(rows: Vec<UsageRow>) -> UsageSample {
    let mut total = UsageCount { outcomes: [1, 0, 0, 0, 0, 0, 1], ..UsageCount::default() };
    for row in &rows {
        total.add(&row.count);
    }
    let other = UsageCount { outcomes: [1, 0, 0, 0, 0, 0, 1], ..UsageCount::default() };
    UsageSample { rows, other, total }
}

/// Two services with names of all kinds in them.
fn made() -> Vec<ServiceSample> {
    let mut first = ServiceSample::new("anthropic".parse().expect("a name"));
    first.granted_by_gate = 40;
    first.granted_by_queue = 15;
    first.waited = 12;
    first.refused = 5;
    first.outcomes = [40, 6, 2, 1, 0, 3, 1];
    let mut waits = Waits::default();
    for millis in [3, 30, 45, 200, 700] {
        waits.record(Span::from_millis(millis));
    }
    first.waits.insert(Priority::Normal, waits);
    first.spent = tokens(52_000, 2_000, 300);
    let odd = ["claude-opus-4", "=1+1", "a|b_c", "two\r\nlines, \"quoted\"", "\u{1b}[31mred"];
    first.models = usage(odd.map(|name| row("model", name, 7)).to_vec());
    first.keys = usage(vec![row("agent", "planner", 4), row("user", "-2", 1)]);
    let mut second = ServiceSample::new("sqlite".parse().expect("a name"));
    second.granted_by_gate = 9;
    second.outcomes = [8, 0, 0, 0, 1, 0, 0];
    vec![first, second]
}

/// A monitor that saw half of it an hour earlier, and the sample with all of it, not yet observed.
fn seen() -> (Monitor, Sample) {
    let mut monitor = Monitor::new();
    let mut early = made().remove(1);
    early.granted_by_gate = 4;
    early.outcomes = [4, 0, 0, 0, 0, 0, 0];
    let at = |at, services| Sample { at: UnixMillis(at), services, ..Sample::default() };
    monitor.observe(&at(BEGAN, vec![early]));
    (monitor, at(BEGAN + HOUR + 60_000, made()))
}

fn report(by: ReportBy, hours: u32, service: Option<&str>) -> Report {
    let (monitor, sample) = seen();
    monitor.report(&sample, &ReportQuery { by, hours, service: service.map(str::to_owned) })
}

#[test]
fn reports_by_service_read_well() {
    let report = report(ReportBy::Service, 24, None);
    insta::assert_snapshot!("service_table", report.render(ReportFormat::Table));
    insta::assert_snapshot!("service_markdown", report.render(ReportFormat::Markdown));
    insta::assert_snapshot!("service_csv", report.render(ReportFormat::Csv));
    insta::assert_snapshot!("service_json", report.render(ReportFormat::Json));
}

#[test]
fn names_that_callers_made_up_do_no_harm() {
    let report = report(ReportBy::Model, 24, None);
    insta::assert_snapshot!("model_table", report.render(ReportFormat::Table));
    insta::assert_snapshot!("model_markdown", report.render(ReportFormat::Markdown));
    insta::assert_snapshot!(
        "model_csv",
        format!("{:?}", report.render(ReportFormat::Csv)).replace("\\n", "\\n\n")
    );
}

#[test]
fn reports_by_key_and_by_hour_read_well() {
    insta::assert_snapshot!(
        "key_table",
        report(ReportBy::Key, 24, None).render(ReportFormat::Table)
    );
    insta::assert_snapshot!(
        "hour_table",
        report(ReportBy::Hour, 24, Some("sqlite")).render(ReportFormat::Table)
    );
    insta::assert_snapshot!(
        "nothing_table",
        report(ReportBy::Hour, 24, Some("no such")).render(ReportFormat::Table)
    );
}

#[test]
fn a_report_covers_the_hours_that_are_asked() {
    assert_eq!(report(ReportBy::Service, 1, Some("sqlite")).total.granted, Some(5));
    assert_eq!(report(ReportBy::Service, 2, Some("sqlite")).total.granted, Some(9));
    assert_eq!(report(ReportBy::Service, 0, None).from, UnixMillis(BEGAN + HOUR));
    assert_eq!(report(ReportBy::Service, 900, None).from, UnixMillis(BEGAN + HOUR - 743 * HOUR));
}

#[test]
fn a_formula_is_none_behind_spaces_either() {
    let mut made = made().remove(0);
    made.models = usage([" =1", "\t@x", "x=1"].map(|name| row("model", name, 7)).to_vec());
    let sample = Sample { services: vec![made], ..Sample::default() };
    let query = ReportQuery { by: ReportBy::Model, ..ReportQuery::default() };
    let csv = Monitor::new().report(&sample, &query).render(ReportFormat::Csv);
    assert!(csv.contains("\r\n' =1,") && csv.contains("\r\n'\t@x,"), "{csv}");
    assert!(csv.contains("\r\nx=1,"), "{csv}");
}

#[test]
fn a_report_survives_its_text() {
    for by in ["service", "model", "key", "hour"] {
        let report = report(by.parse().expect("a word"), 24, None);
        let text = report.render("json".parse().expect("a word"));
        assert_eq!(serde_json::from_str::<Report>(&text).expect("it is its own"), report);
    }
}

/// Reads RFC 4180, as a check on what writes it.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut fields, mut field, mut quoted) =
        (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut fields));
            }
            c => field.push(c),
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever names are: rows sum up to the total, the total is what the counters say, and every table has
    /// as many cells in each line.
    #[test]
    fn tables_hold_whatever_names_are(names in prop::collection::btree_set(any::<String>(), 0..6)) {
        let mut made = made().remove(0);
        made.models = usage(names.iter().map(|name| row("model", name, 5)).collect());
        let sample = Sample { at: UnixMillis(BEGAN), services: vec![made.clone()], ..Sample::default() };
        let mut monitor = Monitor::new();
        monitor.observe(&sample);
        let query = ReportQuery { by: ReportBy::Model, ..ReportQuery::default() };
        let report = monitor.report(&sample, &query);
        prop_assert_eq!(report.total.outcomes, made.models.total.outcomes);
        let tokens = made.models.total.spent.used(Dimension::Tokens);
        prop_assert_eq!(report.total.used.get(&Dimension::Tokens).copied().unwrap_or(0), tokens);
        let ok: u64 = report.rows.iter().map(|row| row.outcomes[Outcome::Ok.index()]).sum();
        prop_assert_eq!(ok, made.models.total.outcomes[0]);

        let table = report.render(ReportFormat::Table);
        prop_assert_eq!(table.lines().count(), report.rows.len() + 3 + usize::from(!report.rows.is_empty()));
        prop_assert!(!table.contains(char::from(0x1b)));
        let csv = parse_csv(&report.render(ReportFormat::Csv));
        prop_assert_eq!(csv.len(), report.rows.len() + 2);
        for (line, row) in csv.iter().skip(1).zip(&report.rows) {
            prop_assert_eq!(line.len(), csv[0].len());
            let name = &line[0];
            let guarded = format!("'{}", row.name);
            prop_assert!(*name == row.name || *name == guarded);
            prop_assert!(!name.trim_start().starts_with(['=', '+', '-', '@']));
        }
        for line in report.render(ReportFormat::Markdown).lines() {
            let bars = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            prop_assert_eq!(bars, csv[0].len() + 1);
        }
    }
}
