//! The text that is scraped.

use std::collections::BTreeSet;
use std::path::Path;

use metrics_exporter_prometheus::PrometheusBuilder;
use tidegate_observability::catalogue::{self, Kind};
use tidegate_observability::prometheus::{self, Publisher};
use tidegate_observability::{Exporter, Sample, UsageRow};

use crate::{promtool, rich};

#[test]
fn a_rich_sample_is_this_text() {
    insta::assert_snapshot!(prometheus::render(&rich::sample(), &rich::alerts()));
}

#[test]
fn every_metric_of_the_catalogue_is_in_a_rich_sample() {
    let text = prometheus::render(&rich::sample(), &rich::alerts());
    for metric in catalogue::ALL {
        let kind = format!("# TYPE {} {}\n", metric.name, metric.kind.name());
        assert!(text.contains(&kind), "{} is missing", metric.name);
    }
}

#[test]
fn the_tool_of_prometheus_has_nothing_to_say_about_it() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for sample in [rich::sample(), Sample::default()] {
        let text = prometheus::render(&sample, &rich::alerts());
        let Some(output) = promtool::run(here, &["check", "metrics"], &text) else { return };
        let words = promtool::words(&output);
        assert!(output.status.success() && words.is_empty(), "{words}");
    }
}

#[test]
fn what_is_gone_from_the_sample_is_gone_from_the_text() {
    let exporter = Exporter::new();
    assert!(exporter.render(&rich::sample()).contains("claude-sonnet"));
    let mut later = rich::sample();
    later.services.pop();
    later.services[0].models.rows.clear();
    let text = exporter.render(&later);
    assert!(!text.contains("claude-sonnet") && !text.contains("search"), "{text}");
}

/// The value as a reader of the format sees it.
fn unescaped(value: &str) -> String {
    let mut characters = value.chars();
    let mut read = String::new();
    while let Some(character) = characters.next() {
        read.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                other => panic!("{other:?} behind a backslash in {value}"),
            },
            '"' | '\n' => panic!("{character:?} is not escaped in {value}"),
            plain => plain,
        });
    }
    read
}

#[test]
fn whatever_a_key_is_called_it_reads_back_as_that() {
    let hostile = [
        "\"",
        "\\",
        "\\\\",
        "\\\"",
        "\"\\",
        "a\\nb",
        "a\nb",
        "\n\\",
        "\\\n",
        "\\\\\"",
        "x\\y\\",
        "},{",
        "a=\"b\"",
        "naïve 🦀",
        " ",
        "\u{202e}",
        "\r",
    ];
    let mut service = rich::service();
    let row = |name: &&str| UsageRow { name: (*name).to_owned(), ..rich::row("agent", "") };
    service.keys.rows = hostile.iter().map(row).collect();
    let text = prometheus::render(&Sample { services: vec![service], ..Sample::default() }, &[]);
    let found: BTreeSet<String> = text
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("tidegate_key_refused_total{")?;
            let (_, rest) = rest.split_once("key=\"agent\",value=\"")?;
            Some(unescaped(rest.rsplit_once("\"}")?.0))
        })
        .collect();
    let expected: BTreeSet<String> = hostile.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_recorder_of_the_host_shows_the_same_counters_and_gauges() {
    // Without the key whose backslash the recorder's own text spoils.
    let mut sample = rich::sample();
    sample.services[0].keys.rows[0].name = "planner".to_owned();
    let recorder = PrometheusBuilder::new().build_recorder();
    Publisher::new().publish(&sample, &rich::alerts(), &recorder);
    let lines = |text: String| -> BTreeSet<String> {
        let histograms = catalogue::ALL.iter().filter(|metric| metric.kind == Kind::Histogram);
        let names: Vec<_> = histograms.map(|metric| metric.name).collect();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines = lines.filter(|line| !names.iter().any(|name| line.starts_with(name)));
        lines.map(str::to_owned).collect()
    };
    let theirs = lines(recorder.handle().render());
    assert_eq!(theirs, lines(prometheus::render(&sample, &rich::alerts())));
    assert!(theirs.len() > 100);
}
