//! A recorder of the host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tidegate_observability::catalogue;
use tidegate_observability::prometheus::{self, Publisher};
use tidegate_units::{Priority, Span};

use crate::rich;

/// Remembers what it was told, and how often.
#[derive(Default)]
struct Heard(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

struct Series(Arc<Mutex<BTreeMap<String, Vec<f64>>>>, String);

impl Series {
    fn hear(&self, value: f64) {
        self.0.lock().expect("unpoisoned").entry(self.1.clone()).or_default().push(value);
    }
}

impl CounterFn for Series {
    fn increment(&self, _: u64) {
        panic!("counters are set");
    }
    fn absolute(&self, value: u64) {
        self.hear(value.to_string().parse().expect("a number"));
    }
}

impl GaugeFn for Series {
    fn increment(&self, _: f64) {
        panic!("gauges are set");
    }
    fn decrement(&self, _: f64) {
        panic!("gauges are set");
    }
    fn set(&self, value: f64) {
        self.hear(value);
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.hear(value);
    }
}

impl Heard {
    fn series(&self, key: &Key) -> Arc<Series> {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let labels = labels.collect::<Vec<_>>().join(",");
        Arc::new(Series(Arc::clone(&self.0), format!("{}{{{labels}}}", key.name())))
    }

    fn of(&self, series: &str) -> Vec<f64> {
        self.0.lock().expect("unpoisoned").get(series).cloned().unwrap_or_default()
    }
}

impl Recorder for Heard {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        let series = Series(Arc::clone(&self.0), format!("{} {help}", name.as_str()));
        series.hear(0.0);
    }
    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe_counter(name, unit, help);
    }
    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.describe_counter(name, unit, help);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.series(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}

const WAIT: &str = "tidegate_wait_seconds{service=anthropic,class=high}";

#[test]
fn counters_and_gauges_are_set_and_waits_are_added_once() {
    let (heard, mut publisher) = (Heard::default(), Publisher::new());
    let mut sample = rich::sample();
    publisher.publish(&sample, &[], &heard);
    assert_eq!(heard.of(WAIT).len(), 5);
    publisher.publish(&sample, &[], &heard);
    assert_eq!(heard.of(WAIT).len(), 5, "nobody has waited since");
    sample.services[0].granted_by_gate = 140;
    let waits = sample.services[0].waits.get_mut(&Priority::High).expect("somebody waited");
    waits.record(Span::from_secs(2));
    waits.record(Span::from_secs(2));
    publisher.publish(&sample, &[], &heard);
    assert_eq!(
        heard.of("tidegate_granted_total{service=anthropic,way=gate}"),
        [100.0, 100.0, 140.0]
    );
    assert_eq!(heard.of("tidegate_uptime_seconds{}"), [61.25; 3]);
    let since: Vec<f64> = heard.of(WAIT).split_off(5);
    assert!(since.iter().all(|wait| (wait - 2.0).abs() < 1e-9), "{since:?}");
    assert_eq!(since.len(), 2);
}

#[test]
fn a_warning_that_is_over_is_set_to_none() {
    let (heard, mut publisher) = (Heard::default(), Publisher::new());
    publisher.publish(&rich::sample(), &rich::alerts(), &heard);
    for _ in 0..2 {
        publisher.publish(&rich::sample(), &[], &heard);
    }
    let alerts = "tidegate_alerts{service=anthropic,kind=approaching,severity=critical}";
    assert_eq!(heard.of(alerts), [2.0, 0.0], "once is enough");
}

#[test]
fn every_metric_is_described() {
    let heard = Heard::default();
    prometheus::describe(&heard);
    for metric in catalogue::ALL {
        assert_eq!(heard.of(&format!("{} {}", metric.name, metric.help)), [0.0]);
    }
}
