//! What is made of one sample after another, and of what happens between them: warnings, rates, history.
//!
//! A pure machine: [`Monitor::observe`] takes a sample every second or so, [`Monitor::note`] each event;
//! [`Monitor::status`] and the others answer from what is remembered. Times are those of the samples.

use std::collections::VecDeque;

use crate::event::{Event, EventKind};
use crate::sample::{Sample, ServiceSample};
use crate::status::{Alert, SCHEMA, Series, ServiceStatus, Statistics, Status, Trends};

/// The most events that are shown as recent.
pub const RECENT_MAX: usize = 100;

/// What is remembered.
#[derive(Debug, Default)]
pub struct Monitor {
    recent: VecDeque<Event>,
}

impl Monitor {
    /// A monitor that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at a sample; answers which warnings are new, and which are over.
    pub fn observe(&mut self, sample: &Sample) -> Vec<Alert> {
        let _ = sample;
        Vec::new()
    }

    /// Remembers an event. Calls that merely begin to wait are too many to be remembered.
    pub fn note(&mut self, event: &Event) {
        if matches!(event.kind, EventKind::Waiting { .. }) {
            return;
        }
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_back();
        }
        self.recent.push_front(event.clone());
    }

    /// Where everything stands by this sample.
    pub fn status(&self, sample: &Sample) -> Status {
        let service = |sample: &ServiceSample| ServiceStatus {
            sample: sample.clone(),
            statistics: Statistics::of(sample),
            trends: Trends::default(),
            forecasts: Vec::new(),
            advice: Vec::new(),
        };
        Status {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at: sample.at,
            uptime_ms: sample.uptime_ms,
            services: sample.services.iter().map(service).collect(),
            shared: sample.shared.clone(),
            alerts: Vec::new(),
            recent: self.recent.iter().cloned().collect(),
            events_dropped: sample.events_dropped,
        }
    }

    /// What a service did second by second.
    pub fn series(&self, service: &str) -> Option<Series> {
        let _ = service;
        None
    }
}
