//! Samples for Prometheus: as the text that it scrapes, and into a recorder that the host has already.
//!
//! The text has no memory: it is made of one sample, and a row that is gone from the sample is gone from the
//! text. [`Publisher`] is for a program that collects its own metrics through the crate `metrics`.

mod dashboard;
mod publish;
mod rules;
mod text;

pub use dashboard::dashboard_json;
pub use publish::{Publisher, describe};
pub use rules::rules_yaml;

use crate::readings::Readings;
use crate::sample::Sample;
use crate::status::Alert;

/// The type of the text, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text for a sample and the warnings beside it, in the
/// [exposition format](https://prometheus.io/docs/instrumenting/exposition_formats/) 0.0.4. At most
/// [`SERIES_MAX`](crate::catalogue::SERIES_MAX) series, whatever the sample holds.
///
/// ```
/// use tidegate_observability::{Sample, prometheus};
///
/// let text = prometheus::render(&Sample { events_dropped: 3, ..Sample::default() }, &[]);
/// assert!(text.contains("tidegate_events_dropped_total 3"));
/// ```
pub fn render(sample: &Sample, alerts: &[Alert]) -> String {
    text::of(&Readings::of(sample, alerts))
}

/// Renders samples, for those who hold something that does. It remembers nothing.
///
/// ```
/// use tidegate_observability::{Exporter, Sample};
///
/// let text = Exporter::new().render(&Sample { uptime_ms: 1_500, ..Sample::default() });
/// assert!(text.contains("tidegate_uptime_seconds 1.5"));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Exporter;

impl Exporter {
    /// An exporter.
    pub const fn new() -> Self {
        Self
    }

    /// The text for one sample, without warnings.
    pub fn render(&self, sample: &Sample) -> String {
        render(sample, &[])
    }
}
