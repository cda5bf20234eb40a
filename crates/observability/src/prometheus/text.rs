//! Rows as text.

use metrics::{Key, Label};
use metrics_exporter_prometheus::LabelSet;
use metrics_exporter_prometheus::formatting::{
    write_help_line, write_metric_line, write_type_line,
};

use crate::catalogue::Metric;
use crate::readings::{Family, Readings, Value};
use crate::tally::waits::Waits;

/// Metric after metric, each with its help and its kind, and an empty line behind it.
pub(super) fn of(readings: &Readings) -> String {
    let mut text = String::new();
    for family in readings.families() {
        self::family(&mut text, family);
        text.push('\n');
    }
    text
}

fn family(text: &mut String, family: &Family) {
    let metric = family.metric;
    write_help_line(text, metric.name, None, None, metric.help);
    write_type_line(text, metric.name, None, None, metric.kind.name());
    for (values, value) in &family.rows {
        let labels = labels(metric, values);
        match value {
            Value::Count(count) => line(text, metric.name, &labels, count),
            Value::Level(level) => line(text, metric.name, &labels, level),
            Value::Waits(waits) => histogram(text, metric.name, &labels, waits),
        }
    }
}

/// What is below each bound, whatever is beyond the last, the sum and the count.
fn histogram(text: &mut String, name: &str, labels: &LabelSet, waits: &Waits) {
    let bounds = waits.cumulative().map(|(bound, count)| (bound.as_secs_f64().to_string(), count));
    let all = waits.count();
    for (bound, count) in bounds.chain([("+Inf".to_owned(), all)]) {
        let bound = Some(("le", bound));
        write_metric_line(text, name, Some("bucket"), labels, bound, count, None);
    }
    let sum = waits.sum().as_secs_f64();
    write_metric_line::<&str, _>(text, name, Some("sum"), labels, None, sum, None);
    write_metric_line::<&str, _>(text, name, Some("count"), labels, None, all, None);
}

fn line(text: &mut String, name: &str, labels: &LabelSet, value: impl std::fmt::Display) {
    write_metric_line::<&str, _>(text, name, None, labels, None, value, None);
}

/// Backslashes are doubled here: the writer escapes quotes and line feeds, but takes a backslash before
/// another character for one that escapes already, and would make one label of two.
fn labels(metric: &Metric, values: &[String]) -> LabelSet {
    let label =
        |(name, value): (&&'static str, &String)| Label::new(*name, value.replace('\\', r"\\"));
    let labels: Vec<Label> = metric.labels.iter().zip(values).map(label).collect();
    LabelSet::from_key_and_global(&Key::from_parts(metric.name, labels), &<_>::default())
}
