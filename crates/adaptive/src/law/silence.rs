//! How long nothing at all is sent, and that one call goes alone afterwards.

use tidegate_units::{Instant, Span};

use crate::pause::PAUSE_MAX;

/// How long a refusal is thought to take until one was seen.
const ROUND_TRIP: f64 = 0.2;

/// The silence after refusals.
#[derive(Debug, Clone)]
pub(super) struct Silence {
    until: Instant,
    probe: Probe,
    /// The time that a refusal takes: its mean, and its mean deviation from that, in seconds.
    round_trip: f64,
    deviation: f64,
}

/// The call that goes alone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Probe {
    None,
    /// The next call is one.
    Wanted,
    /// It was sent, and will have been refused by then, if it is.
    Out {
        until: Instant,
    },
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            until: Instant::ZERO,
            probe: Probe::None,
            round_trip: ROUND_TRIP,
            deviation: ROUND_TRIP / 4.0,
        }
    }
}

impl Silence {
    /// From when on calls may be sent again: `now`, if they may.
    pub(super) fn until(&self, now: Instant) -> Instant {
        let probed = match self.probe {
            Probe::Out { until } => until,
            Probe::None | Probe::Wanted => now,
        };
        self.until.max(probed).max(now)
    }

    /// Nothing is sent for so long.
    pub(super) fn ask(&mut self, now: Instant, wait: Span) {
        self.until = self.until.max(now + wait.min(PAUSE_MAX));
    }

    /// One call goes alone when the silence is over (PACE-4).
    pub(super) fn probe_first(&mut self) {
        self.probe = Probe::Wanted;
    }

    /// Whether the next call goes alone.
    pub(super) fn wants_probe(&self) -> bool {
        self.probe == Probe::Wanted
    }

    /// A call was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        match self.probe {
            Probe::Wanted => {
                let wait = self.round_trip + 4.0 * self.deviation;
                self.probe = Probe::Out { until: now + Span::from_secs_f64(wait) };
            }
            Probe::Out { until } if until <= now => self.probe = Probe::None,
            Probe::Out { .. } | Probe::None => {}
        }
    }

    /// A refusal took so long, from sending to its answer.
    pub(super) fn round_trip(&mut self, took: Span) {
        // A call that lay in a stalled program says nothing about the network.
        let took = took.as_secs_f64().min(10.0);
        let off = took - self.round_trip;
        self.round_trip += off / 8.0;
        self.deviation += (off.abs() - self.deviation) / 4.0;
    }
}
