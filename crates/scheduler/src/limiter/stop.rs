//! Stopping: what waits is served until a deadline or dropped at once, and nothing new is taken.

use tidegate_units::Instant;

use super::{Event, Limiter};

/// Until when those who wait are still served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopping {
    until: Instant,
    /// Nobody waits any more, and that was said.
    drained: bool,
}

impl Stopping {
    pub(super) fn new(until: Instant) -> Self {
        Self { until, drained: false }
    }

    pub(super) fn until(self) -> Instant {
        self.until
    }

    /// When somebody who still waits has to be told.
    pub(super) fn next_deadline(self) -> Option<Instant> {
        (!self.drained).then_some(self.until)
    }
}

impl Limiter {
    /// Takes no more calls. Who waits is still served, until `until`; whoever waits then is told that
    /// it was stopped, and [`Event::Drained`] says that nobody waits any more.
    ///
    /// A second call may move the end, and is answered too.
    pub fn stop(&mut self, now: Instant, until: Instant) {
        self.stopping = Some(Stopping::new(until));
        if self.gate.has_anything() {
            self.close_gate();
        }
        self.plan(now);
    }

    /// Whether it takes no more calls.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Ends a stop that is due, or has nobody left to wait for.
    pub(super) fn end_stop(&mut self, now: Instant) {
        let Some(stopping) = self.stopping else {
            return;
        };
        if stopping.until <= now {
            for slot in self.queue.slots() {
                if let Some(entry) = self.take_out(now, slot) {
                    self.counts.refused += 1;
                    self.events.push_back(Event::Stopped { ticket: entry.request.ticket });
                }
            }
        }
        if self.queue.is_empty() && !stopping.drained {
            self.stopping = Some(Stopping { drained: true, ..stopping });
            self.events.push_back(Event::Drained);
        }
    }
}
