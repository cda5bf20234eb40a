//! Samples as the text that Prometheus scrapes.

use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tidegate_units::Outcome;

use crate::catalogue::{self, Kind, Metric};
use crate::{LimitSample, Sample, ServiceSample};

/// Renders samples. Holds a recorder of its own, so that several may live in one process.
///
/// ```
/// use tidegate_observability::{Exporter, Sample};
///
/// let text = Exporter::new().render(&Sample { events_dropped: 3, ..Sample::default() });
/// assert!(text.contains("tidegate_events_dropped_total 3"));
/// ```
pub struct Exporter {
    recorder: PrometheusRecorder,
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Default for Exporter {
    fn default() -> Self {
        Self::new()
    }
}

impl Exporter {
    /// An exporter that has seen nothing.
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in catalogue::ALL {
            let (name, help) = (KeyName::from(metric.name), SharedString::from(metric.help));
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, Some(Unit::Count), help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
            }
        }
        Self { recorder }
    }

    /// The text for one sample.
    pub fn render(&self, sample: &Sample) -> String {
        for service in &sample.services {
            self.service(service);
        }
        for limit in sample.limits() {
            self.limit(limit);
        }
        self.set(&catalogue::DROPPED, &[], sample.events_dropped);
        self.recorder.handle().render()
    }

    fn service(&self, sample: &ServiceSample) {
        let service = sample.service.as_str();
        let by = |way| [service, way];
        self.set(&catalogue::GRANTED, &by("gate"), sample.granted_by_gate);
        self.set(&catalogue::GRANTED, &by("queue"), sample.granted_by_queue);
        self.set(&catalogue::REFUSED, &[service], sample.refused);
        self.set(&catalogue::EXPIRED, &[service], sample.expired);
        self.set(&catalogue::WITHDRAWN, &[service], sample.withdrawn);
        for outcome in Outcome::ALL {
            let count = sample.outcomes[outcome.index()];
            self.set(&catalogue::OUTCOMES, &by(outcome.name()), count);
        }
        self.set(&catalogue::QUEUED, &[service], sample.queued);
        self.set(&catalogue::FAILURES, &[service], sample.failures);
        self.set(&catalogue::RESTARTS, &[service], sample.restarts);
    }

    fn limit(&self, sample: &LimitSample) {
        let scope = sample.service.as_ref().map_or("global", |service| service.as_str());
        let labels = [scope, sample.dimension.name(), &sample.per];
        self.set(&catalogue::LIMIT, &labels, sample.capacity);
        self.set(&catalogue::AVAILABLE, &labels, sample.available);
        self.set(&catalogue::LENT, &labels, sample.lent);
        self.set(&catalogue::DEBT, &labels, sample.debt);
    }

    fn set(&self, metric: &Metric, values: &[&str], value: u64) {
        let names = metric.labels.iter();
        let labels: Vec<Label> =
            names.zip(values).map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
        let key = Key::from_parts(metric.name, labels);
        let metadata = Metadata::new(module_path!(), Level::INFO, None);
        match metric.kind {
            Kind::Counter => self.recorder.register_counter(&key, &metadata).absolute(value),
            Kind::Gauge => self.recorder.register_gauge(&key, &metadata).set(float(value)),
        }
    }
}

/// Exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "gauges are floats; the loss is stated"
)]
fn float(value: u64) -> f64 {
    value as f64
}
