//! Samples into a recorder that the host has already.
//!
//! Counters and gauges are set to what a sample says. A histogram can only be added to, so what waited since
//! the sample before is added: each wait as one inside the bounds between which it was counted, so chosen
//! that their sum is that of the waits, unless some were beyond the last bound. A recorder keeps what it was
//! given for good, so a gauge that is gone from the sample is set to 0.

use std::collections::BTreeMap;

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString};

use crate::catalogue::{self, Kind, Metric, Unit};
use crate::readings::{Readings, Value};
use crate::sample::Sample;
use crate::status::Alert;
use crate::tally::waits::Waits;

/// What a wait beyond the last bound counts as, in seconds.
const BEYOND: f64 = 600.0;

/// Name, kind, unit and help of every metric, for a recorder that shows them.
pub fn describe(recorder: &dyn Recorder) {
    for metric in catalogue::ALL {
        let (name, help) = (KeyName::from(metric.name), SharedString::from(metric.help));
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, unit(metric), help),
            Kind::Gauge => recorder.describe_gauge(name, unit(metric), help),
            Kind::Histogram => recorder.describe_histogram(name, unit(metric), help),
        }
    }
}

/// A share has no unit of theirs, which counts in hundredths.
const fn unit(metric: &Metric) -> Option<metrics::Unit> {
    match metric.unit {
        Unit::Seconds => Some(metrics::Unit::Seconds),
        Unit::Count => Some(metrics::Unit::Count),
        Unit::Amount | Unit::PerSecond | Unit::Ratio | Unit::Flag => None,
    }
}

/// Which row of which metric.
type Row = (&'static str, Vec<String>);

/// Puts samples into a recorder, one after the other. Remembers what it put there the last time, which has
/// the same bound as a sample's series.
///
/// ```
/// use metrics_exporter_prometheus::PrometheusBuilder;
/// use tidegate_observability::{Sample, prometheus};
///
/// let recorder = PrometheusBuilder::new().build_recorder();
/// let mut publisher = prometheus::Publisher::new();
/// let sample = Sample { events_dropped: 3, ..Sample::default() };
/// publisher.publish(&sample, &[], &recorder);
/// assert!(recorder.handle().render().contains("tidegate_events_dropped_total 3"));
/// ```
#[derive(Debug, Default)]
pub struct Publisher {
    waits: BTreeMap<Row, Waits>,
    gauges: BTreeMap<Row, &'static Metric>,
}

impl Publisher {
    /// A publisher that has put nothing anywhere. One for each recorder.
    pub const fn new() -> Self {
        Self { waits: BTreeMap::new(), gauges: BTreeMap::new() }
    }

    /// Puts a sample and the warnings beside it into `recorder`.
    pub fn publish(&mut self, sample: &Sample, alerts: &[Alert], recorder: &dyn Recorder) {
        let readings = Readings::of(sample, alerts);
        let (mut waits, mut gauges) = (BTreeMap::new(), BTreeMap::new());
        for family in readings.families() {
            for (labels, value) in &family.rows {
                let row = (family.metric.name, labels.clone());
                match value {
                    Value::Count(count) => counter(recorder, family.metric, labels, *count),
                    Value::Level(level) => {
                        gauge(recorder, family.metric, labels, *level);
                        gauges.insert(row, family.metric);
                    }
                    Value::Waits(now) => {
                        let before = self.waits.get(&row).copied().unwrap_or_default();
                        histogram(recorder, family.metric, labels, &now.since(&before));
                        waits.insert(row, *now);
                    }
                }
            }
        }
        let gone = self.gauges.iter().filter(|(row, _)| !gauges.contains_key(*row));
        gone.for_each(|((_, labels), metric)| gauge(recorder, metric, labels, 0.0));
        (self.waits, self.gauges) = (waits, gauges);
    }
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn key(metric: &Metric, values: &[String]) -> Key {
    let labels = metric.labels.iter().zip(values);
    let labels = labels.map(|(name, value)| Label::new(*name, value.clone()));
    Key::from_parts(metric.name, labels.collect::<Vec<_>>())
}

fn counter(recorder: &dyn Recorder, metric: &Metric, labels: &[String], count: u64) {
    recorder.register_counter(&key(metric, labels), &METADATA).absolute(count);
}

fn gauge(recorder: &dyn Recorder, metric: &Metric, labels: &[String], level: f64) {
    recorder.register_gauge(&key(metric, labels), &METADATA).set(level);
}

fn histogram(recorder: &dyn Recorder, metric: &Metric, labels: &[String], waits: &Waits) {
    let histogram = recorder.register_histogram(&key(metric, labels), &METADATA);
    for (wait, count) in representatives(waits) {
        histogram.record_many(wait, usize::try_from(count).unwrap_or(usize::MAX));
    }
}

/// Waits, each inside its bounds, and how many there are of each.
fn representatives(waits: &Waits) -> Vec<(f64, u64)> {
    let mut between = Vec::new();
    let (mut below, mut lower) = (0, 0.0);
    let last = (BEYOND, waits.count());
    let bounds = waits.cumulative().map(|(bound, count)| (bound.as_secs_f64(), count));
    for (upper, reached) in bounds.chain([last]) {
        if reached > below {
            between.push((lower, upper, reached - below));
        }
        (below, lower) = (reached, upper);
    }
    let part = part(&between, waits.sum().as_secs_f64());
    between
        .into_iter()
        .map(|(lower, upper, count)| (lower + (upper - lower) * part, count))
        .collect()
}

/// How far each wait is from its lower bound to its upper, so that their sum is `sum`. Never quite at the
/// lower, which belongs to the bounds below.
fn part(between: &[(f64, f64, u64)], sum: f64) -> f64 {
    let total = |of: fn(&(f64, f64, u64)) -> f64| {
        between.iter().map(|row| of(row) * crate::readings::float(row.2)).sum::<f64>()
    };
    let (least, width) = (total(|row| row.0), total(|row| row.1 - row.0));
    if width > 0.0 { ((sum - least) / width).clamp(1e-6, 1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use tidegate_units::Span;

    use super::*;
    use crate::tally::waits::BOUNDS_MS;

    #[test]
    fn what_stands_for_waits_is_between_their_bounds_and_has_their_sum() {
        let mut waits = Waits::default();
        for millis in [3, 4, 5, 60, 70, 9_000] {
            waits.record(Span::from_millis(millis));
        }
        let stands = representatives(&waits);
        let counts: Vec<u64> = stands.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [3, 2, 1]);
        for ((wait, _), (low, high)) in stands.iter().zip([(2, 5), (50, 100), (7_500, 10_000)]) {
            let within = Span::from_secs_f64(*wait);
            assert!(within > Span::from_millis(low) && within <= Span::from_millis(high), "{wait}");
        }
        let sum: f64 =
            stands.iter().map(|(wait, count)| wait * crate::readings::float(*count)).sum();
        assert!((sum - 9.142).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn no_wait_at_all_stands_in_the_lowest_bounds() {
        let mut waits = Waits::default();
        waits.record(Span::ZERO);
        let [(wait, 1)] = representatives(&waits)[..] else { panic!("one wait") };
        assert!(wait > 0.0 && wait <= 0.001);
        assert_eq!(representatives(&Waits::default()), []);
    }

    #[test]
    fn waits_beyond_the_last_bound_stand_beyond_it() {
        let mut waits = Waits::default();
        waits.record(Span::from_secs(40_000));
        let last = Span::from_millis(BOUNDS_MS[BOUNDS_MS.len() - 1]).as_secs_f64();
        assert!(representatives(&waits)[0].0 > last);
    }
}
