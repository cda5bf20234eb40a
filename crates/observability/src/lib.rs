//! What can be seen from outside.
//!
//! - [`tally`] is what limiters count, [`sample`] what everybody says about themselves at one moment. Nothing
//!   is counted on the way of a call: figures are taken when somebody asks, after gates have been accounted
//!   for, so that they are exact and cost callers nothing.
//! - [`event`] is the bounded channel for what happens.
//! - [`monitor`] looks at one sample after another, and [`status`] is what it says; [`alert`] is when somebody
//!   is warned.
//! - [`history`] is what happened when, and is saved and restored; [`report`] is what is made of it to be
//!   read.
//! - `webhook`, behind a feature, posts warnings.
//! - [`catalogue`] lists every metric: its name, its kind and what it means; [`prometheus`] writes a sample
//!   as the text that is scraped, `otlp` (a feature) pushes the same to a collector.

mod advice;
pub mod alert;
pub mod catalogue;
pub mod event;
mod forecast;
pub mod history;
pub mod monitor;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod pace_watch;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(any(feature = "prometheus", feature = "otlp"))]
mod readings;
pub mod report;
pub mod sample;
pub mod status;
pub mod tally;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use alert::AlertSettings;
pub use event::{Event, EventKind, EventSender, Events};
pub use history::{History, UnknownHistory};
pub use monitor::Monitor;
pub use monitor::counts::Counts;
pub use pace_watch::PaceWatch;
#[cfg(feature = "prometheus")]
pub use prometheus::Exporter;
pub use report::{Report, ReportBy, ReportFormat, ReportQuery, ReportRow};
pub use sample::{
    BreakerPhase, LimitSample, PaceSample, PartSample, RetrySample, Sample, ScopeKind,
    ServiceSample, SlotsSample, UnixMillis, UsageSample,
};
pub use status::{Alert, AlertKind, ServiceStatus, Severity, Status, UpstreamCount};
pub use tally::Tally;
pub use tally::refusals::{RefusalCount, Refusals};
pub use tally::usage::{Spent, UsageCount, UsageRow, UsageTable};
pub use tally::waits::Waits;
#[cfg(feature = "webhook")]
pub use webhook::{Webhook, WebhookCounts, WebhookError};
