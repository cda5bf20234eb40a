//! The rows of a report, from the hours that are remembered and what came since.

use std::collections::BTreeMap;

use tidegate_units::{Dimension, ServiceName};

use super::{HOURS_MAX, Report, ReportBy, ReportQuery, ReportRow, SCHEMA, hours};
use crate::history::{Hour, Told};
use crate::monitor::books::{Delta, Usage};
use crate::monitor::counts::Counts;
use crate::monitor::number::float;
use crate::sample::UnixMillis;
use crate::tally::usage::{Spent, UsageCount};

/// An hour in milliseconds.
const HOUR: u64 = 3_600_000;
/// The row of those that are not told apart.
const OTHERS: &str = "(others)";

/// Gathers what a report is made of: first what is added, then [`Gathering::report`].
#[derive(Debug)]
pub(crate) struct Gathering<'q> {
    query: &'q ReportQuery,
    at: UnixMillis,
    from: UnixMillis,
    counts: BTreeMap<Name, Counts>,
    usage: BTreeMap<Name, UsageCount>,
}

/// What a row is of: its place in the order, its name, and its service where the name does not say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    others: bool,
    what: String,
    service: Option<String>,
}

impl<'q> Gathering<'q> {
    /// Begins a report that ends at `at`.
    pub(crate) fn new(query: &'q ReportQuery, at: UnixMillis) -> Self {
        let back = u64::from(query.hours.clamp(1, HOURS_MAX) - 1).saturating_mul(HOUR);
        let from = UnixMillis((at.0 - at.0 % HOUR).saturating_sub(back));
        Self { query, at, from, counts: BTreeMap::new(), usage: BTreeMap::new() }
    }

    /// From when on hours belong to it.
    pub(crate) fn from(&self) -> UnixMillis {
        self.from
    }

    /// Adds an hour that is remembered.
    pub(crate) fn add_hour(&mut self, at: UnixMillis, service: &ServiceName, hour: &Hour) {
        if !self.is_asked(service) {
            return;
        }
        match self.query.by {
            ReportBy::Model => self.add_told(service, &hour.models),
            ReportBy::Key => self.add_told(service, &hour.keys),
            ReportBy::Service | ReportBy::Hour => self.add_counts(at, service, &hour.counts),
        }
    }

    /// Adds what came since.
    pub(crate) fn add_delta(&mut self, service: &ServiceName, delta: &Delta) {
        if !self.is_asked(service) {
            return;
        }
        match self.query.by {
            ReportBy::Model => self.add_usage(service, &delta.models),
            ReportBy::Key => self.add_usage(service, &delta.keys),
            ReportBy::Service | ReportBy::Hour => self.add_counts(self.at, service, &delta.counts),
        }
    }

    /// The report.
    pub(crate) fn report(self) -> Report {
        let (mut counts, mut usage) = (Counts::default(), UsageCount::default());
        let mut rows = Vec::new();
        for (name, of_row) in &self.counts {
            counts.add(of_row);
            rows.push(row_of_counts(name, of_row));
        }
        for (name, of_row) in &self.usage {
            usage.add(of_row);
            rows.push(row_of_usage(name, of_row));
        }
        let name = Name { others: false, what: "total".to_owned(), service: None };
        let total = match self.query.by {
            ReportBy::Service | ReportBy::Hour => row_of_counts(&name, &counts),
            ReportBy::Model | ReportBy::Key => row_of_usage(&name, &usage),
        };
        Report {
            schema: SCHEMA.to_owned(),
            by: self.query.by,
            service: self.query.service.clone(),
            from: self.from,
            to: self.at,
            rows,
            total,
        }
    }

    fn is_asked(&self, service: &ServiceName) -> bool {
        self.query.service.as_ref().is_none_or(|asked| asked == service.as_str())
    }

    fn add_counts(&mut self, at: UnixMillis, service: &ServiceName, counts: &Counts) {
        if counts.is_none() {
            return;
        }
        let name = match self.query.by {
            ReportBy::Hour => hours::in_utc(at),
            _ => service.as_str().to_owned(),
        };
        let name = Name { others: false, what: name, service: None };
        self.counts.entry(name).or_default().add(counts);
    }

    fn add_told(&mut self, service: &ServiceName, told: &Told) {
        for (kind, names) in &told.rows {
            for (name, count) in names {
                self.add_row(service, Some((kind, name)), count);
            }
        }
        self.add_row(service, None, &told.other);
    }

    fn add_usage(&mut self, service: &ServiceName, usage: &Usage) {
        for row in &usage.rows {
            self.add_row(service, Some((&row.kind, &row.name)), &row.count);
        }
        self.add_row(service, None, &usage.other);
    }

    fn add_row(&mut self, service: &ServiceName, row: Option<(&str, &str)>, count: &UsageCount) {
        if count.is_none() {
            return;
        }
        let name = match (self.query.by, row) {
            (_, None) => OTHERS.to_owned(),
            (ReportBy::Key, Some((kind, name))) => format!("{kind}={name}"),
            (_, Some((_, name))) => name.to_owned(),
        };
        let service = Some(service.as_str().to_owned());
        self.usage
            .entry(Name { others: row.is_none(), what: name, service })
            .or_default()
            .add(count);
    }
}

fn row_of_counts(name: &Name, counts: &Counts) -> ReportRow {
    let wait = |share| counts.waits.quantile(share).map(|wait| float(wait.as_nanos()) / 1e6);
    let (reserved, used) = amounts(&counts.spent);
    ReportRow {
        name: name.what.clone(),
        service: name.service.clone(),
        granted: Some(counts.granted()),
        refused: counts.refused,
        throttle_rate: Some(counts.throttle_rate()),
        outcomes: counts.outcomes,
        reserved,
        used,
        wait_p50_ms: wait(0.5),
        wait_p99_ms: wait(0.99),
    }
}

fn row_of_usage(name: &Name, count: &UsageCount) -> ReportRow {
    let (reserved, used) = amounts(&count.spent);
    ReportRow {
        name: name.what.clone(),
        service: name.service.clone(),
        refused: count.refused,
        outcomes: count.outcomes,
        reserved,
        used,
        ..ReportRow::default()
    }
}

type ByDimension = BTreeMap<Dimension, u64>;

/// What was reserved and what was used.
fn amounts(spent: &Spent) -> (ByDimension, ByDimension) {
    let used = spent.dimensions().into_iter().map(|it| (it, spent.used(it))).collect();
    (spent.reserved.iter().collect(), used)
}
