//! Stopping: what waits is served until a deadline or dropped at once, and nothing new is taken.

use tidegate_units::Instant;

use super::{Event, Limiter};

impl Limiter {
    /// Takes no more calls. Who waits is still served, until `until`; whoever waits then is told that
    /// it was stopped, and [`Event::Drained`] says that nobody waits any more.
    ///
    /// A second call may move the end, and is answered too.
    pub fn stop(&mut self, now: Instant, until: Instant) {
        self.stopping = Some(until);
        self.drained = false;
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
        let Some(until) = self.stopping else {
            return;
        };
        if until <= now {
            for slot in self.queue.slots() {
                if let Some(entry) = self.take_out(now, slot) {
                    self.counts.refused += 1;
                    self.events.push_back(Event::Stopped { ticket: entry.request.ticket });
                }
            }
        }
        if self.queue.is_empty() && !self.drained {
            self.drained = true;
            self.events.push_back(Event::Drained);
        }
    }
}
