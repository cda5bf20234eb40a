//! A sample as rows of the catalogue: what every way of writing it out starts from.
//!
//! Made anew for each sample, so that what is gone from the sample is gone from what is written. There are
//! never more series than [`SERIES_MAX`]. Where a sample would make more, every metric keeps as many as the
//! others (those that need less leave the rest to those that need more), its first rows by label. What is
//! beyond counts in `other`, for counters and histograms; gauges do not add up, and are left out. A sample
//! as large as that is a mistake somewhere, and the figure to watch is `tidegate_metrics_series_dropped`.

mod collect;
mod labels;
mod room;

use std::collections::BTreeMap;

use crate::catalogue::{self, Kind, Metric, SERIES_MAX};
use crate::sample::Sample;
use crate::status::Alert;
use crate::tally::waits::{BOUNDS_MS, Waits};

/// What was read for one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// Of a counter.
    Count(u64),
    /// Of a gauge.
    Level(f64),
    /// Of a histogram.
    Waits(Waits),
}

impl Value {
    /// Both of them as one row: sums for what adds up, the larger where nothing does.
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Count(sum), Self::Count(more)) => *sum = sum.saturating_add(more),
            (Self::Waits(sum), Self::Waits(more)) => sum.add(&more),
            (Self::Level(level), Self::Level(more)) => *level = level.max(more),
            (Self::Count(_) | Self::Level(_) | Self::Waits(_), _) => {}
        }
    }
}

/// A metric and its rows, by the values of its labels.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) metric: &'static Metric,
    pub(crate) rows: BTreeMap<Vec<String>, Value>,
}

impl Family {
    const fn new(metric: &'static Metric) -> Self {
        Self { metric, rows: BTreeMap::new() }
    }

    /// How many series a row of it is: a histogram has its buckets, the one without bound, sum and count.
    const fn series_per_row(&self) -> usize {
        match self.metric.kind {
            Kind::Counter | Kind::Gauge => 1,
            Kind::Histogram => BOUNDS_MS.len() + 3,
        }
    }

    fn series(&self) -> usize {
        self.rows.len() * self.series_per_row()
    }
}

/// The rows of every metric that has any.
#[derive(Debug)]
pub(crate) struct Readings {
    families: Vec<Family>,
    dropped: u64,
}

impl Readings {
    /// What a sample and the warnings beside it say.
    pub(crate) fn of(sample: &Sample, alerts: &[Alert]) -> Self {
        let families = catalogue::ALL.iter().map(Family::new).collect();
        let mut readings = Self { families, dropped: 0 };
        collect::everything(&mut readings, sample, alerts);
        readings.dropped += room::make(&mut readings.families);
        let dropped = readings.dropped;
        readings.count(&catalogue::SERIES_DROPPED, &[], dropped);
        readings
    }

    /// Those that have rows, in the order of the catalogue.
    pub(crate) fn families(&self) -> impl Iterator<Item = &Family> {
        self.families.iter().filter(|family| !family.rows.is_empty())
    }

    /// A whole number: of a counter, or of a gauge that counts.
    fn count(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        let value = match metric.kind {
            Kind::Counter => Value::Count(value),
            Kind::Gauge | Kind::Histogram => Value::Level(float(value)),
        };
        self.put(metric, labels, value);
    }

    /// A level of a gauge; one that is no number is left out.
    fn level(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        if value.is_finite() {
            self.put(metric, labels, Value::Level(value));
        }
    }

    /// A row, or a part of `other` where there are far too many already, so that memory has a bound too.
    fn put(&mut self, metric: &Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let Some(family) = self.families.iter_mut().find(|it| it.metric.name == metric.name) else {
            return;
        };
        let labels: Vec<String> = labels.iter().map(|label| labels::cut(label)).collect();
        if let Some(there) = family.rows.get_mut(&labels) {
            there.merge(value);
        } else if family.rows.len() < SERIES_MAX {
            family.rows.insert(labels, value);
        } else {
            self.dropped += room::fold(family, &labels, value);
        }
    }
}

/// Exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "gauges are floats; the loss is stated"
)]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_of_one_name_are_one() {
        let mut readings = Readings::of(&Sample::default(), &[]);
        for value in [3, 4] {
            readings.count(&catalogue::EXPIRED, &["a"], value);
            readings.count(&catalogue::BACKING_OFF, &["a"], value);
        }
        let value = |metric: &Metric| {
            let family = readings.families().find(|family| family.metric == metric);
            family.expect("it has a row").rows.values().copied().collect::<Vec<_>>()
        };
        assert_eq!(value(&catalogue::EXPIRED), [Value::Count(7)]);
        assert_eq!(value(&catalogue::BACKING_OFF), [Value::Level(4.0)]);
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let mut readings = Readings::of(&Sample::default(), &[]);
        readings.level(&catalogue::PACE, &["a", "requests"], f64::NAN);
        readings.level(&catalogue::PACE, &["a", "tokens"], f64::INFINITY);
        assert!(readings.families().all(|family| *family.metric != catalogue::PACE));
    }
}
