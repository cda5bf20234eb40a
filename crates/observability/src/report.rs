//! What was used and what became of it, for a stretch of hours: by service, model, key or hour.
//!
//! Reports are made of the history and of the sample at hand, so that their sums are what the counters say.
//! A report is data; [`Report::render`] writes it as text for people, for documents, for spreadsheets and for
//! programs.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tidegate_units::{Dimension, Outcome};

use crate::sample::UnixMillis;

mod cells;
mod csv;
pub(crate) mod gather;
mod hours;
mod markdown;
mod table;

/// The version of the form of a [`Report`].
pub const SCHEMA: &str = "tidegate.report/1";
/// The most hours that a report covers: 31 days.
pub const HOURS_MAX: u32 = 744;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportQuery {
    /// What each row is about.
    pub by: ReportBy,
    /// How many hours back, the present one included: 1 to [`HOURS_MAX`]; more or fewer become the nearest.
    pub hours: u32,
    /// Only of this service; `None`: of all.
    pub service: Option<String>,
}

impl Default for ReportQuery {
    /// By service, over a day.
    fn default() -> Self {
        Self { by: ReportBy::Service, hours: 24, service: None }
    }
}

/// What each row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportBy {
    /// A service.
    Service,
    /// A model, as far as calls said which.
    Model,
    /// A value of a key, as far as calls said any.
    Key,
    /// An hour.
    Hour,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportFormat {
    /// Aligned text.
    Table,
    /// A table in Markdown.
    Markdown,
    /// Comma-separated values (RFC 4180).
    Csv,
    /// The [`Report`] itself.
    Json,
}

/// A word that is none of those that are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no way to {what}: use {known}")]
pub struct InvalidReport {
    text: String,
    what: &'static str,
    known: &'static str,
}

impl FromStr for ReportBy {
    type Err = InvalidReport;

    fn from_str(text: &str) -> Result<Self, InvalidReport> {
        match text {
            "service" => Ok(Self::Service),
            "model" => Ok(Self::Model),
            "key" => Ok(Self::Key),
            "hour" => Ok(Self::Hour),
            _ => Err(invalid(text, "group a report", "`service`, `model`, `key` or `hour`")),
        }
    }
}

impl ReportBy {
    /// The name used in queries and headings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Model => "model",
            Self::Key => "key",
            Self::Hour => "hour",
        }
    }
}

impl FromStr for ReportFormat {
    type Err = InvalidReport;

    fn from_str(text: &str) -> Result<Self, InvalidReport> {
        match text {
            "table" => Ok(Self::Table),
            "markdown" => Ok(Self::Markdown),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(invalid(text, "write a report", "`table`, `markdown`, `csv` or `json`")),
        }
    }
}

impl ReportFormat {
    /// The content type of what is written.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
        }
    }
}

fn invalid(text: &str, what: &'static str, known: &'static str) -> InvalidReport {
    InvalidReport { text: text.chars().take(40).collect(), what, known }
}

/// What was used and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What each row is about.
    pub by: ReportBy,
    /// Only of this service.
    pub service: Option<String>,
    /// Where the first hour begins.
    pub from: UnixMillis,
    /// When it was made.
    pub to: UnixMillis,
    /// The rows: hours by time, everything else by name.
    pub rows: Vec<ReportRow>,
    /// All rows together.
    pub total: ReportRow,
}

/// What one service, model, key or hour came to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReportRow {
    /// Which one; of hours when it began, in UTC.
    pub name: String,
    /// Of which service, where the name alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Permits granted; not known by model and key.
    pub granted: Option<u64>,
    /// Requests refused.
    pub refused: u64,
    /// The share of operations not granted at once, 0 to 1; not known by model and key.
    pub throttle_rate: Option<f64>,
    /// How calls ended, by [`Outcome::index`].
    #[serde(with = "crate::sample::outcomes")]
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Charged when calls were granted, by dimension.
    pub reserved: BTreeMap<Dimension, u64>,
    /// What calls used, by dimension.
    pub used: BTreeMap<Dimension, u64>,
    /// Half of those granted from the queue waited at most so long, in milliseconds.
    pub wait_p50_ms: Option<f64>,
    /// 99 in a hundred at most so long.
    pub wait_p99_ms: Option<f64>,
}

impl Report {
    /// The report as text.
    pub fn render(&self, format: ReportFormat) -> String {
        match format {
            ReportFormat::Table => table::write(self),
            ReportFormat::Markdown => markdown::write(self),
            ReportFormat::Csv => csv::write(self),
            ReportFormat::Json => json(self),
        }
    }
}

fn json(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report);
    format!("{}\n", text.expect("every key of it is text, and nothing in it refuses"))
}
