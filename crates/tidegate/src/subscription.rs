//! What happens, as it happens, for whoever wants to hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tidegate_observability::Event;
use tokio::sync::Notify;

/// The most events that wait for one subscriber.
pub const SUBSCRIPTION_MAX: usize = 1_024;

/// Events of a [`Tidegate`](crate::Tidegate) from when it was made on. At most [`SUBSCRIPTION_MAX`] wait to be
/// taken, half of them such as every call can cause; what does not fit is missed, and counted. Nobody else
/// waits for whoever is slow.
#[derive(Debug)]
pub struct Subscription {
    receiver: Receiver<Event>,
    missed: Arc<AtomicU64>,
    arrived: Arc<Notify>,
}

/// The other end.
#[derive(Debug)]
pub(crate) struct Subscriber {
    sender: Sender<Event>,
    missed: Arc<AtomicU64>,
    arrived: Arc<Notify>,
}

pub(crate) fn subscription() -> (Subscriber, Subscription) {
    let (sender, receiver) = bounded(SUBSCRIPTION_MAX);
    let (missed, arrived) = (Arc::<AtomicU64>::default(), Arc::<Notify>::default());
    let subscriber =
        Subscriber { sender, missed: Arc::clone(&missed), arrived: Arc::clone(&arrived) };
    (subscriber, Subscription { receiver, missed, arrived })
}

impl Subscriber {
    /// Passes an event on. Answers whether anybody is still there.
    pub(crate) fn tell(&self, event: &Event) -> bool {
        if event.kind.is_frequent() && self.sender.len() >= SUBSCRIPTION_MAX / 2 {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        match self.sender.try_send(event.clone()) {
            Ok(()) => self.arrived.notify_one(),
            Err(TrySendError::Full(_)) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Disconnected(_)) => return false,
        }
        true
    }
}

impl Drop for Subscriber {
    /// Whoever waits for the next event learns that there is none.
    fn drop(&mut self) {
        let (sender, _) = bounded(0);
        drop(std::mem::replace(&mut self.sender, sender));
        self.arrived.notify_one();
    }
}

impl Subscription {
    /// The next event, if there is one already.
    pub fn try_next(&self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// The next event, for a thread that can wait; `None` when none came in time, or none will ever come.
    pub fn next_within(&self, patience: Duration) -> Option<Event> {
        self.receiver.recv_timeout(patience).ok()
    }

    /// The next event; `None` when Tidegate has stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&self) -> Option<Event> {
        loop {
            let arrived = self.arrived.notified();
            match self.receiver.try_recv() {
                Ok(event) => return Some(event),
                Err(crossbeam_channel::TryRecvError::Disconnected) => {
                    // Others may wait for the same.
                    self.arrived.notify_one();
                    return None;
                }
                Err(crossbeam_channel::TryRecvError::Empty) => arrived.await,
            }
        }
    }

    /// How many events were missed because too many waited already.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use tidegate_observability::{EventKind, UnixMillis};
    use tidegate_units::Outcome;

    use super::*;

    fn event(at: u64) -> Event {
        Event { at: UnixMillis(at), service: None, kind: EventKind::LimiterResumed }
    }

    #[test]
    fn what_does_not_fit_is_missed_and_counted() {
        let (subscriber, subscription) = subscription();
        let throttled = EventKind::Throttled { outcome: Outcome::Overloaded, retry_after_ms: None };
        for _ in 0..600 {
            assert!(subscriber.tell(&Event { kind: throttled.clone(), ..event(0) }));
        }
        assert_eq!(subscription.missed(), 88, "what every call can cause has half of the room");
        for at in 0..518 {
            assert!(subscriber.tell(&event(at)));
        }
        assert_eq!(subscription.missed(), 88 + 6);
        assert_eq!(subscription.try_next(), Some(Event { kind: throttled, ..event(0) }));
        drop(subscription);
        assert!(!subscriber.tell(&event(2_000)), "nobody is there");
    }

    #[tokio::test]
    async fn a_subscription_ends_with_its_sender() {
        let (subscriber, subscription) = subscription();
        subscriber.tell(&event(1));
        drop(subscriber);
        assert_eq!(subscription.next().await, Some(event(1)));
        assert_eq!(subscription.next().await, None);
    }
}
