//! What can be seen from outside.
//!
//! - [`catalogue`] lists every metric: its name, its kind and what it means.
//! - [`sample`] is what the machines say about themselves at one moment; [`prometheus`] renders it.
//!   Nothing is counted on the way of a call: figures are taken when somebody asks, after gates have
//!   been accounted for, so that they are exact and cost callers nothing.
//! - [`event`] is the bounded channel for what happens seldom and matters: failures and restarts.

pub mod catalogue;
pub mod event;
pub mod prometheus;
pub mod sample;

pub use event::{Event, EventSender, Events};
pub use prometheus::Exporter;
pub use sample::{LimitSample, Sample, ServiceSample};
