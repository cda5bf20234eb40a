//! The one observer: a thread that takes every event from the channel and passes it on.
//!
//! It remembers what is worth it, calls what the host wants called, and tells subscribers. A callback that
//! takes its time holds up this thread and nobody else; events that do not fit the channel meanwhile are
//! dropped and counted. After the first event of a burst it rests for a moment, so that senders under load
//! do not wake it with each.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};
use tidegate_observability::{Event, EventKind, Events, Monitor};
use tidegate_units::{AlertPolicy, Priority};

use crate::subscription::{Subscriber, Subscription, subscription};

/// How long it rests between two looks at the channel while there is something in it.
const REST: Duration = Duration::from_millis(10);
/// The most who listen at a time.
const SUBSCRIBERS_MAX: usize = 256;

/// What a host wants called, and for what.
pub(crate) struct Callback {
    pub(crate) wants: fn(&EventKind) -> bool,
    pub(crate) call: Box<dyn FnMut(&Event) + Send>,
}

impl Callback {
    /// Whether it wants to hear of calls that begin to wait.
    pub(crate) fn wants_waits(&self) -> bool {
        let (class, model, key, queued) = (Priority::Normal, None, None, 1);
        (self.wants)(&EventKind::Waiting { class, model, key, queued })
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

/// What is remembered, and who listens.
#[derive(Debug)]
pub(crate) struct Seen {
    monitor: Mutex<Monitor>,
    subscribers: Mutex<Vec<Subscriber>>,
}

impl Seen {
    pub(crate) fn new(alerts: AlertPolicy) -> Self {
        Self { monitor: Mutex::new(Monitor::with(alerts)), subscribers: Mutex::default() }
    }

    pub(crate) fn monitor(&self) -> MutexGuard<'_, Monitor> {
        self.monitor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The monitor, unless somebody else has it.
    pub(crate) fn monitor_if_free(&self) -> Option<MutexGuard<'_, Monitor>> {
        match self.monitor.try_lock() {
            Ok(monitor) => Some(monitor),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more who listens; `None` if too many do.
    pub(crate) fn subscribe(&self) -> Option<Subscription> {
        let mut subscribers = self.subscribers();
        let (subscriber, subscription) = subscription();
        (subscribers.len() < SUBSCRIBERS_MAX).then(|| {
            subscribers.push(subscriber);
            subscription
        })
    }

    fn tell(&self, event: &Event) {
        self.monitor().note(event);
        self.subscribers().retain(|subscriber| subscriber.tell(event));
    }
}

/// The thread, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Observer {
    _stop: Sender<()>,
}

impl Observer {
    pub(crate) fn start(
        events: Events,
        seen: Arc<Seen>,
        mut callbacks: Vec<Callback>,
    ) -> std::io::Result<Self> {
        let (sender, stop) = bounded(0);
        let run = move || {
            while let Some(event) = next(&events, &stop) {
                pass_on(&event, &seen, &mut callbacks);
                for event in events.try_iter() {
                    pass_on(&event, &seen, &mut callbacks);
                }
                if let Err(RecvTimeoutError::Disconnected) = stop.recv_timeout(REST) {
                    break;
                }
            }
            for event in events.try_iter() {
                pass_on(&event, &seen, &mut callbacks);
            }
            // Who listens learns that this was all.
            seen.subscribers().clear();
        };
        thread::Builder::new().name("tidegate-observer".to_owned()).spawn(run)?;
        Ok(Self { _stop: sender })
    }
}

/// Waits for an event; `None` when there is nothing more to wait for.
fn next(events: &Events, stop: &Receiver<()>) -> Option<Event> {
    select! {
        recv(events) -> event => event.ok(),
        recv(stop) -> _ => None,
    }
}

/// A callback that panics is called again the next time; its panic has been reported by then.
fn pass_on(event: &Event, seen: &Seen, callbacks: &mut [Callback]) {
    seen.tell(event);
    for callback in callbacks.iter_mut().filter(|it| (it.wants)(&event.kind)) {
        let _ = catch_unwind(AssertUnwindSafe(|| (callback.call)(event)));
    }
}
