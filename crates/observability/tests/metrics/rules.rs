//! Rules and dashboard: what they name is there, and what they ask can be asked.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tidegate_observability::{AlertKind, catalogue, prometheus};

use crate::promtool;

/// The words of an expression that name a metric or a figure. What stands in quotes or after a `{`, as a
/// label, begins with neither.
fn names(expression: &str) -> BTreeSet<String> {
    let unquoted: String = expression.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = unquoted.split(|c: char| !word(c)).map(str::to_owned);
    let figure = |word: &str| word.trim_matches(':').contains(':');
    words.filter(|word| word.starts_with("tidegate_") || figure(word)).collect()
}

/// The values of a key in the rule file, one a line.
fn values(key: &str) -> Vec<String> {
    let rules = prometheus::rules_yaml();
    let lines = rules.lines().filter_map(|line| {
        let value = line.trim_start().trim_start_matches("- ").strip_prefix(key)?;
        Some(value.trim().trim_matches('\'').replace("''", "'"))
    });
    lines.collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&prometheus::dashboard_json()).expect("it is JSON")
}

/// Each expression of the dashboard.
fn expressions() -> Vec<String> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().expect("text").to_owned()).collect()
}

fn is_known(name: &str, records: &[String]) -> bool {
    if name.contains(':') {
        return records.iter().any(|record| record == name);
    }
    let metric = catalogue::find(name);
    metric.is_some_and(|metric| metric.kind != catalogue::Kind::Histogram || metric.name != name)
}

#[test]
fn rules_and_dashboard_name_what_there_is() {
    let records = values("record:");
    let (rules, panels) = (values("expr:"), expressions());
    let variables = dashboard()["templating"]["list"].to_string();
    let variables = variables.replace("\\\"", " ").replace('"', " ");
    assert!(rules.len() > 15 && panels.len() > 30, "{} and {}", rules.len(), panels.len());
    for expression in rules.iter().chain(&panels).chain([&variables]) {
        let names = names(expression);
        assert!(!names.is_empty() || expression.contains("ALERTS{"), "{expression}");
        for name in names {
            assert!(is_known(&name, &records), "`{name}` in {expression}");
        }
    }
}

#[test]
fn a_name_that_is_not_in_the_catalogue_is_found() {
    let records = ["service:tidegate_a:rate5m".to_owned()];
    let found = names(r#"rate(tidegate_x_total{service="tidegate_y"}[5m]) / a:b:c"#);
    assert_eq!(found.iter().collect::<Vec<_>>(), ["a:b:c", "tidegate_x_total"]);
    assert!(!is_known("tidegate_x_total", &records) && !is_known("a:b:c", &records));
    assert!(!is_known("tidegate_wait_seconds", &records), "a histogram is asked for its buckets");
    assert!(is_known("tidegate_wait_seconds_bucket", &records));
    assert!(is_known("service:tidegate_a:rate5m", &records));
}

#[test]
fn every_kind_of_warning_has_a_rule() {
    let kinds: BTreeSet<String> = values("kind:").into_iter().collect();
    let all: BTreeSet<String> = AlertKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    assert_eq!(kinds, all);
}

#[test]
fn the_dashboard_is_one_that_can_be_imported() {
    let dashboard = dashboard();
    assert_eq!(dashboard["schemaVersion"], 39);
    let source = &dashboard["templating"]["list"][0];
    assert_eq!((&source["name"], &source["type"]), (&"datasource".into(), &"datasource".into()));
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()));
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
            let targets = panel["targets"].as_array().expect("a panel asks something");
            let names: BTreeSet<_> = targets.iter().map(|it| it["refId"].to_string()).collect();
            assert!(!targets.is_empty() && names.len() == targets.len(), "{}", panel["title"]);
        }
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics")
}

/// Where the cases find the rules when they are tried by hand.
const DOCUMENT: &str = "../../../../docs/prometheus-rules.yml";

fn cases() -> String {
    let cases = fs::read_to_string(here().join("rules.test.yml")).expect("it is there");
    assert!(cases.contains(DOCUMENT), "they name the rules");
    cases
}

/// A file for the tool, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&file, text).expect("it can be written");
        Self(file)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("it is text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is in the folder of build products, and is written anew the next time.
        let _ = fs::remove_file(&self.0);
    }
}

fn good(output: &Output) {
    let words = promtool::words(output);
    assert!(output.status.success() && !words.contains("duplicate"), "{words}");
}

#[test]
fn the_tool_of_prometheus_takes_the_rules() {
    let rules = Scratch::new("rules.yml", &prometheus::rules_yaml());
    let checked = promtool::run(&here(), &["check", "rules", "--lint-fatal", rules.path()], "");
    if let Some(output) = checked {
        good(&output);
    }
}

#[test]
fn and_every_expression_of_the_dashboard() {
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, expression) in expressions().iter().enumerate() {
        let expression = expression.replace("$__rate_interval", "5m").replace('\'', "''");
        let rule = format!("      - record: panel:{number}\n        expr: '{expression}'\n");
        rules.write_str(&rule).expect("a string takes everything");
    }
    let rules = Scratch::new("dashboard.yml", &rules);
    if let Some(output) = promtool::run(&here(), &["check", "rules", rules.path()], "") {
        good(&output);
    }
}

#[test]
fn warnings_fire_when_they_should_and_not_before() {
    // The rules of today, whatever the document says.
    let rules = Scratch::new("tried.yml", &prometheus::rules_yaml());
    let cases = cases().replace(DOCUMENT, rules.path());
    let cases = Scratch::new("tried.test.yml", &cases);
    if let Some(output) = promtool::run(&here(), &["test", "rules", cases.path()], "") {
        good(&output);
    }
}

#[test]
fn every_rule_is_seen_to_fire_and_not_to_fire() {
    let cases = cases();
    for alert in values("alert:") {
        let asked = format!("alertname: {alert}\n");
        let answers = cases.split(asked.as_str()).skip(1);
        let quiet = |answer: &&str| answer.trim_start().starts_with("exp_alerts: []");
        let (quiet, fires): (Vec<_>, Vec<_>) = answers.partition(quiet);
        assert!(!quiet.is_empty() && !fires.is_empty(), "{alert}");
    }
}
