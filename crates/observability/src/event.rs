//! What happens, as it happens, on a bounded channel that never blocks who sends.
//!
//! Two kinds of events share it. What is rare and matters may fill it to the brim; what every call can cause
//! (a wait, a refusal) is sent only while it is at most half full, so that a flood of refusals cannot crowd
//! out the news that a limiter has failed. What does not fit is dropped, and counted.
//!
//! # Invariants
//!
//! - OBS-2: sending never waits; every event is delivered, or counted as dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use serde::{Deserialize, Serialize};
use tidegate_units::{
    Dimension, Instant, Outcome, Priority, Rejection, Scope, ServiceName, WallOrigin,
};

use crate::sample::{BreakerPhase, UnixMillis};
use crate::status::Alert;

mod text;

/// The most events that wait for somebody to take them.
pub const EVENTS_MAX: usize = 1_024;
/// How many of them may be such as every call can cause.
const FREQUENT_MAX: usize = EVENTS_MAX / 2;

/// Something that a person or a program may want to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the wall.
    pub at: UnixMillis,
    /// Which service it is about; `None`: all of them.
    pub service: Option<ServiceName>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A call was not granted at once, and waits.
    Waiting {
        /// Its class.
        class: Priority,
        /// The model that it asks, if it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// On whose behalf it is, if it said: the name of the first key and its value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// How many wait by then, this one included.
        queued: u64,
    },
    /// A call was refused.
    Refused {
        /// Its class.
        class: Priority,
        /// The model that it asks, if it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// On whose behalf it is, if it said: the name of the first key and its value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Why.
        rejection: Rejection,
    },
    /// The service itself refused a call that was granted here.
    Throttled {
        /// How: for a rate, for overload, for a quota.
        outcome: Outcome,
        /// How long it wants to be left alone, if it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// The pace of a service has changed by a twentieth or more since this was last said.
    PaceChanged {
        /// What is paced.
        dimension: Dimension,
        /// How fast calls were sent, per second.
        from_per_second: f64,
        /// How fast they are now.
        to_per_second: f64,
    },
    /// A circuit breaker opened, closed, or lets a few calls try.
    BreakerChanged {
        /// What it guards.
        scope: Scope,
        /// Where it stands now.
        to: BreakerPhase,
    },
    /// Limits were changed while the program runs.
    LimitsChanged {
        /// What they apply to.
        scope: Scope,
        /// The limits that hold from now on.
        limits: Vec<String>,
    },
    /// A warning was raised, or is over.
    Alert {
        /// Which.
        alert: Alert,
    },
    /// The limiter of a service has failed. Callers wait; nothing is granted.
    LimiterFailed {
        /// What its panic said.
        why: String,
    },
    /// It was restarted, and grants again.
    LimiterResumed,
    /// It failed too often and was stopped for good.
    LimiterGivenUp,
}

impl EventKind {
    /// Whether every call can cause one.
    pub const fn is_frequent(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::Refused { .. } | Self::Throttled { .. })
    }
}

/// Where events come out. Dropping it is fine: what is sent then is dropped, and counted.
pub type Events = Receiver<Event>;

/// Where events go in. Never blocks: what does not fit is dropped and counted.
#[derive(Debug, Clone)]
pub struct EventSender {
    sender: Sender<Event>,
    dropped: Arc<AtomicU64>,
    /// Whether anybody wants to hear of calls that begin to wait.
    waits_wanted: Arc<AtomicBool>,
    origin: WallOrigin,
}

/// A channel for at most [`EVENTS_MAX`] events, for clocks with this origin.
pub fn channel(origin: WallOrigin) -> (EventSender, Events) {
    let (sender, receiver) = bounded(EVENTS_MAX);
    let (dropped, waits_wanted) = (Arc::default(), Arc::default());
    (EventSender { sender, dropped, waits_wanted, origin }, receiver)
}

impl EventSender {
    /// A sender that nobody listens to, for what runs alone; what it is given is not counted as lost.
    pub fn to_nobody() -> Self {
        let (sender, _) = bounded(0);
        let (dropped, waits_wanted) = (Arc::default(), Arc::default());
        Self { sender, dropped, waits_wanted, origin: WallOrigin::default() }
    }

    /// Sends an event, or drops and counts it.
    pub fn send(&self, now: Instant, service: Option<&ServiceName>, kind: EventKind) {
        let at = UnixMillis::of(self.origin, now);
        match self.sender.try_send(Event { at, service: service.cloned(), kind }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Sends an event such as every call can cause, or counts it without having made it.
    pub fn send_frequent(
        &self,
        now: Instant,
        service: &ServiceName,
        kind: impl FnOnce() -> EventKind,
    ) {
        if self.sender.len() < FREQUENT_MAX.min(self.sender.capacity().unwrap_or(0)) {
            self.send(now, Some(service), kind());
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Somebody wants to hear of calls that begin to wait. Until then nobody is told: under load that is
    /// every call.
    pub fn want_waits(&self) {
        self.waits_wanted.store(true, Ordering::Relaxed);
    }

    /// Whether somebody does.
    pub fn are_waits_wanted(&self) -> bool {
        self.waits_wanted.load(Ordering::Relaxed)
    }

    /// How many were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> ServiceName {
        "anthropic".parse().expect("a name")
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (sender, events) = channel(WallOrigin::default());
        for _ in 0..EVENTS_MAX + 3 {
            sender.send(Instant::ZERO, Some(&service()), EventKind::LimiterResumed);
        }
        assert_eq!(sender.dropped(), 3);
        assert_eq!(events.len(), EVENTS_MAX);
        drop(events);
        sender.send(Instant::ZERO, Some(&service()), EventKind::LimiterResumed);
        assert_eq!(sender.dropped(), 4);
    }

    #[test]
    fn a_flood_leaves_room_for_what_matters() {
        let (sender, events) = channel(WallOrigin::default());
        let throttled =
            || EventKind::Throttled { outcome: Outcome::RateLimited, retry_after_ms: None };
        for _ in 0..2_000 {
            sender.send_frequent(Instant::ZERO, &service(), throttled);
        }
        assert_eq!((events.len(), sender.dropped()), (512, 1_488));
        sender.send(Instant::ZERO, Some(&service()), EventKind::LimiterGivenUp);
        assert_eq!((events.len(), sender.dropped()), (513, 1_488));
    }
}
