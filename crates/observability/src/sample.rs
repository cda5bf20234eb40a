//! What the machines say about themselves at one moment.

use tidegate_units::{Dimension, Outcome, Scope, ServiceName, Span};

/// Everything, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sample {
    /// Each service.
    pub services: Vec<ServiceSample>,
    /// Each limit, the shared ones among them.
    pub limits: Vec<LimitSample>,
    /// Events dropped so far.
    pub events_dropped: u64,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSample {
    /// Its name.
    pub service: ServiceName,
    /// Permits granted from the gate so far.
    pub granted_by_gate: u64,
    /// Permits granted from the queue so far.
    pub granted_by_queue: u64,
    /// Requests refused so far.
    pub refused: u64,
    /// Of those, the ones that waited in vain.
    pub expired: u64,
    /// Callers that stopped waiting so far.
    pub withdrawn: u64,
    /// How calls ended so far, by [`Outcome::index`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Requests that wait.
    pub queued: u64,
    /// Failures of its limiter so far.
    pub failures: u64,
    /// Restarts of its limiter so far.
    pub restarts: u64,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSample {
    /// What it applies to.
    pub scope: Scope,
    /// What it counts.
    pub dimension: Dimension,
    /// Its window.
    pub window: Span,
    /// The most that passes at once.
    pub capacity: u64,
    /// What would pass now and is not lent.
    pub available: u64,
    /// What is lent.
    pub lent: u64,
    /// What was spent beyond it.
    pub debt: u64,
}
