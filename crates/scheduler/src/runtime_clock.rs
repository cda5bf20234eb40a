//! The clock of the tokio runtime: real time, or virtual time in a test that has paused it.

use tidegate_units::{Clock, Instant, Span};

/// Reads tokio's clock, counted from when this value was made. On a runtime whose time is paused it
/// follows the virtual time, in step with the timers of actors on the same arbiter.
#[derive(Debug, Clone, Copy)]
pub struct RuntimeClock {
    origin: tokio::time::Instant,
}

impl RuntimeClock {
    /// A clock whose origin is now.
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Default for RuntimeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Instant {
        let elapsed = tokio::time::Instant::now().saturating_duration_since(self.origin);
        Instant::ZERO + Span::from(elapsed)
    }
}
