//! The report: its JSON form, its table, and whether targets were met.
//!
//! A ratio is ours over the peer's, medians of one run, so smaller is better; a target is the largest
//! ratio that will do.

use std::fmt;

use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, Table, TableStyle};
use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// The name and version of the JSON form.
const SCHEMA: &str = "tidegate.bench/1";

const HEADER: [&str; 7] =
    ["series", "ours, median (min)", "peer", "peer, median (min)", "ratio", "target", "verdict"];

/// Everything that was measured in one run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    schema: &'static str,
    machine: Machine,
    commit: String,
    quick: bool,
    pub(super) series: Vec<Series>,
}

/// One thing that was measured, beside the same thing done by a peer where one does it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    part: String,
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) ours: Value,
    pub(super) peer: Option<String>,
    pub(super) peer_value: Option<Value>,
    pub(super) ratio: Option<f64>,
    pub(super) target: Option<f64>,
}

/// The least and the middle of the samples.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Value {
    pub(super) min: f64,
    pub(super) median: f64,
}

/// A ratio against its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    Missed,
    NoTarget,
}

impl Report {
    pub(super) fn new(machine: Machine, commit: String, quick: bool, series: Vec<Series>) -> Self {
        Self { schema: SCHEMA, machine, commit, quick, series }
    }

    /// For a terminal.
    pub(super) fn table(&self) -> String {
        self.styled(UTF8_FULL_CONDENSED)
    }

    /// For a document.
    pub(super) fn markdown(&self) -> String {
        let Machine { os, cpu, cores, rustc } = &self.machine;
        let commit = &self.commit;
        format!(
            "# Benches\n\nCommit {commit}; {cpu}, {cores} cores, {os}; {rustc}.\n\n{}\n\n{}\n",
            self.styled(ASCII_MARKDOWN),
            self.summary()
        )
    }

    /// How many targets were met.
    pub(super) fn summary(&self) -> String {
        let count = |verdict| self.series.iter().filter(|one| one.verdict() == verdict).count();
        let (met, missed) = (count(Verdict::Met), count(Verdict::Missed));
        let quick = if self.quick { " A quick run: too few samples to judge by." } else { "" };
        format!("{met} of {} targets met, {missed} missed.{quick}", met + missed)
    }

    fn styled(&self, style: TableStyle) -> String {
        let mut table = Table::new();
        table.load_style(style).set_header(HEADER).add_rows(self.series.iter().map(Series::row));
        for column in [1, 3, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.trim_fmt()
    }
}

impl Series {
    pub(super) fn verdict(&self) -> Verdict {
        match (self.ratio, self.target) {
            (Some(ratio), Some(target)) if ratio <= target => Verdict::Met,
            (Some(_), Some(_)) => Verdict::Missed,
            _ => Verdict::NoTarget,
        }
    }

    fn row(&self) -> [String; 7] {
        let dash = || "–".to_owned();
        let ratio = |ratio: Option<f64>| ratio.map_or_else(dash, |ratio| format!("{ratio:.2}"));
        [
            self.name.clone(),
            self.ours.show(&self.unit),
            self.peer.clone().unwrap_or_else(dash),
            self.peer_value.map_or_else(dash, |value| value.show(&self.unit)),
            ratio(self.ratio),
            self.target.map_or_else(dash, |target| format!("≤ {target:.2}")),
            self.verdict().to_string(),
        ]
    }
}

impl Value {
    pub(super) fn show(self, unit: &str) -> String {
        format!("{} ({}) {unit}", number(self.median), number(self.min))
    }
}

/// Three significant digits, about.
fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NoTarget => "–",
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const LINES: [&str; 3] = [
        r#"{"part":"direct","name":"direct/allow/1t/gate","unit":"ns","ours":{"min":7.1,"median":7.3},"peer":"governor","peer_value":{"min":22.4,"median":22.6},"ratio":0.32,"target":0.35}"#,
        r#"{"part":"direct","name":"direct/deny/1t/gate","unit":"ns","ours":{"min":9.9,"median":10.4},"peer":"governor","peer_value":{"min":11.1,"median":11.2},"ratio":0.93,"target":0.5}"#,
        r#"{"part":"handle","name":"handle/wait/1t","unit":"ns","ours":{"min":1210.0,"median":1432.5},"peer":null,"peer_value":null,"ratio":null,"target":null}"#,
    ];

    pub(in crate::bench) fn example() -> Report {
        let series = LINES.map(|line| serde_json::from_str(line).expect("the form is right"));
        let machine = Machine {
            os: "linux".to_owned(),
            cpu: "Some CPU".to_owned(),
            cores: 2,
            rustc: "rustc 1.95.0".to_owned(),
        };
        Report::new(machine, "0123456789ab".to_owned(), true, series.into())
    }

    #[test]
    fn the_document() {
        insta::assert_snapshot!(example().markdown(), @"
        # Benches

        Commit 0123456789ab; Some CPU, 2 cores, linux; rustc 1.95.0.

        | series               | ours, median (min) | peer     | peer, median (min) | ratio | target | verdict |
        |----------------------|--------------------|----------|--------------------|-------|--------|---------|
        | direct/allow/1t/gate |     7.30 (7.10) ns | governor |     22.6 (22.4) ns |  0.32 | ≤ 0.35 | met     |
        | direct/deny/1t/gate  |     10.4 (9.90) ns | governor |     11.2 (11.1) ns |  0.93 | ≤ 0.50 | missed  |
        | handle/wait/1t       |     1432 (1210) ns | –        |                  – |     – |      – | –       |

        1 of 2 targets met, 1 missed. A quick run: too few samples to judge by.
        ");
    }

    #[test]
    fn the_table() {
        insta::assert_snapshot!(example().table(), @"
        ┌──────────────────────┬────────────────────┬──────────┬────────────────────┬───────┬────────┬─────────┐
        │ series               ┆ ours, median (min) ┆ peer     ┆ peer, median (min) ┆ ratio ┆ target ┆ verdict │
        ╞══════════════════════╪════════════════════╪══════════╪════════════════════╪═══════╪════════╪═════════╡
        │ direct/allow/1t/gate ┆     7.30 (7.10) ns ┆ governor ┆     22.6 (22.4) ns ┆  0.32 ┆ ≤ 0.35 ┆ met     │
        │ direct/deny/1t/gate  ┆     10.4 (9.90) ns ┆ governor ┆     11.2 (11.1) ns ┆  0.93 ┆ ≤ 0.50 ┆ missed  │
        │ handle/wait/1t       ┆     1432 (1210) ns ┆ –        ┆                  – ┆     – ┆      – ┆ –       │
        └──────────────────────┴────────────────────┴──────────┴────────────────────┴───────┴────────┴─────────┘
        ");
    }

    #[test]
    fn a_series_is_written_as_it_was_read() {
        let mut report = example();
        report.series.truncate(1);
        let json = serde_json::to_string(&report).expect("it is all numbers and text");
        assert!(json.starts_with(r#"{"schema":"tidegate.bench/1","machine":{"os":"linux","cpu":"#));
        assert!(json.ends_with(&format!(r#""quick":true,"series":[{}]}}"#, LINES[0])), "{json}");
    }

    #[test]
    fn a_ratio_equal_to_its_target_meets_it() {
        let mut series = example().series.swap_remove(0);
        series.ratio = series.target;
        assert_eq!(series.verdict(), Verdict::Met);
    }
}
