//! Rows as a request of OTLP.

use std::collections::BTreeMap;

use prost::Message;

use super::wire::{
    AnyValue, Data, Gauge, Histogram, HistogramDataPoint, InstrumentationScope, KeyValue, Metric,
    Number, NumberDataPoint, Request, Resource, ResourceMetrics, ScopeMetrics, Sum, Text,
};
use crate::catalogue::Kind;
use crate::readings::{Family, Readings, Value};
use crate::sample::Sample;
use crate::status::Alert;
use crate::tally::waits::Waits;

/// Values count from the start, and not from the push before.
const CUMULATIVE: i32 = 2;

/// From when on values count, and when they were read: nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

/// A sample and the warnings beside it as an `ExportMetricsServiceRequest`, in bytes.
///
/// ```
/// use tidegate_observability::{Sample, otlp};
///
/// assert!(!otlp::encode(&Sample::default(), &[], &Default::default()).is_empty());
/// ```
pub fn encode(sample: &Sample, alerts: &[Alert], attributes: &BTreeMap<String, String>) -> Vec<u8> {
    let nanos = |millis: u64| millis.saturating_mul(1_000_000);
    // The same in every push: a start that moves by a rounding is a new series to who reads it.
    let start = match sample.started_at.0 {
        0 => sample.at.0.saturating_sub(sample.uptime_ms),
        started => started,
    };
    let start = nanos(start);
    let times = Times { start, now: nanos(sample.at.0) };
    let readings = Readings::of(sample, alerts);
    let metrics = readings.families().map(|family| metric(family, times)).collect();
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let attributes = attributes.iter().map(|(key, value)| attribute(key, value)).collect();
    let resource_metrics = ResourceMetrics {
        resource: Some(Resource { attributes }),
        scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics }],
    };
    Request { resource_metrics: vec![resource_metrics] }.encode_to_vec()
}

fn metric(family: &Family, times: Times) -> Metric {
    let metric = family.metric;
    let data = match metric.kind {
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers(family, times) }),
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers(family, times),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: histograms(family, times),
            aggregation_temporality: CUMULATIVE,
        }),
    };
    Metric {
        name: metric.name.to_owned(),
        description: metric.help.to_owned(),
        unit: metric.unit.ucum().to_owned(),
        data: Some(data),
    }
}

fn numbers(family: &Family, times: Times) -> Vec<NumberDataPoint> {
    let rows = family.rows.iter().filter_map(|(labels, value)| {
        let value = match value {
            Value::Count(count) => Number::AsInt(i64::try_from(*count).unwrap_or(i64::MAX)),
            Value::Level(level) => Number::AsDouble(*level),
            Value::Waits(_) => return None,
        };
        Some(NumberDataPoint {
            start_time_unix_nano: times.start,
            time_unix_nano: times.now,
            value: Some(value),
            attributes: attributes(family, labels),
        })
    });
    rows.collect()
}

fn histograms(family: &Family, times: Times) -> Vec<HistogramDataPoint> {
    let rows = family.rows.iter().filter_map(|(labels, value)| match value {
        Value::Waits(waits) => Some(histogram(waits, attributes(family, labels), times)),
        Value::Count(_) | Value::Level(_) => None,
    });
    rows.collect()
}

/// Here buckets count what is between two bounds; the last is beyond them all.
fn histogram(waits: &Waits, attributes: Vec<KeyValue>, times: Times) -> HistogramDataPoint {
    let (bounds, reached): (Vec<_>, Vec<_>) =
        waits.cumulative().map(|(bound, count)| (bound.as_secs_f64(), count)).unzip();
    let count = waits.count();
    let lower = std::iter::once(0).chain(reached.iter().copied());
    let upper = reached.iter().copied().chain([count]);
    HistogramDataPoint {
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count,
        sum: Some(waits.sum().as_secs_f64()),
        bucket_counts: upper.zip(lower).map(|(upper, lower)| upper - lower).collect(),
        explicit_bounds: bounds,
        attributes,
    }
}

/// Labels that apply; one that does not is empty, and an attribute that is empty says something else.
fn attributes(family: &Family, labels: &[String]) -> Vec<KeyValue> {
    let labels = family.metric.labels.iter().zip(labels);
    labels
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| attribute(key, value))
        .collect()
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(Text::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value) }
}
