//! What happens seldom and matters, on a bounded channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tidegate_units::ServiceName;

/// The most events that wait for somebody to take them.
pub const EVENTS_MAX: usize = 1_024;

/// Something that a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The limiter of a service has failed. Callers wait; nothing is granted.
    LimiterFailed {
        /// Which.
        service: ServiceName,
        /// What its panic said.
        why: String,
    },
    /// It was restarted, and grants again.
    LimiterResumed {
        /// Which.
        service: ServiceName,
    },
    /// It failed too often and was stopped for good.
    LimiterGivenUp {
        /// Which.
        service: ServiceName,
    },
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LimiterFailed { service, why } => {
                write!(f, "the limiter of `{service}` failed and rests: {why}")
            }
            Self::LimiterResumed { service } => {
                write!(f, "the limiter of `{service}` was restarted from empty and grants again")
            }
            Self::LimiterGivenUp { service } => {
                write!(f, "the limiter of `{service}` failed too often and was stopped")
            }
        }
    }
}

/// Where events come out. Dropping it is fine: what is sent then is dropped, and counted.
pub type Events = Receiver<Event>;

/// Where events go in. Never blocks: what does not fit is dropped and counted.
#[derive(Debug, Clone)]
pub struct EventSender {
    sender: Sender<Event>,
    dropped: Arc<AtomicU64>,
}

/// A channel for at most [`EVENTS_MAX`] events.
pub fn channel() -> (EventSender, Events) {
    let (sender, receiver) = bounded(EVENTS_MAX);
    (EventSender { sender, dropped: Arc::default() }, receiver)
}

impl EventSender {
    /// Sends an event, or drops and counts it.
    pub fn send(&self, event: Event) {
        match self.sender.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
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
        let (sender, events) = channel();
        for _ in 0..EVENTS_MAX + 3 {
            sender.send(Event::LimiterResumed { service: service() });
        }
        assert_eq!(sender.dropped(), 3);
        assert_eq!(events.len(), EVENTS_MAX);
        drop(events);
        sender.send(Event::LimiterResumed { service: service() });
        assert_eq!(sender.dropped(), 4);
    }

    #[test]
    fn events_read_as_sentences() {
        let events = [
            Event::LimiterFailed { service: service(), why: "index out of bounds".to_owned() },
            Event::LimiterResumed { service: service() },
            Event::LimiterGivenUp { service: service() },
        ];
        let lines: Vec<String> = events.iter().map(Event::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        the limiter of `anthropic` failed and rests: index out of bounds
        the limiter of `anthropic` was restarted from empty and grants again
        the limiter of `anthropic` failed too often and was stopped
        ");
    }
}
