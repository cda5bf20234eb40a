//! The thread that serves the lines of all limiters of this process: it sleeps until the first is due.
//!
//! Not the callers: one that is not driven would hold up all behind it. The thread is started when
//! somebody waits, and ends when nobody has for a while.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tidegate_units::{Clock, Instant, MonotonicClock};

/// How long the thread stays when there is nothing to do.
const IDLE: Duration = Duration::from_secs(5);

/// Something that wants to be called at a given instant.
pub(super) trait Called: Send + Sync {
    /// It is `at`, or later.
    fn call(self: Arc<Self>, at: Instant);
}

struct Dispatcher {
    clock: MonotonicClock,
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    /// In the order of their instants; the number tells calls of the same instant apart.
    due: BTreeMap<(Instant, u64), Weak<dyn Called>>,
    number: u64,
    running: bool,
}

static DISPATCHER: OnceLock<Dispatcher> = OnceLock::new();

fn dispatcher() -> &'static Dispatcher {
    DISPATCHER.get_or_init(|| Dispatcher {
        clock: MonotonicClock::new(),
        calls: Mutex::default(),
        changed: Condvar::new(),
    })
}

/// The present instant on the dispatcher's clock.
pub(super) fn now() -> Instant {
    dispatcher().clock.now()
}

/// Has `called` called at `at`, if it still exists by then. `false` if there is no thread to do it.
pub(super) fn call(at: Instant, called: Weak<dyn Called>) -> bool {
    let dispatcher = dispatcher();
    let mut calls = dispatcher.lock();
    let first = calls.due.first_key_value().is_none_or(|((due, _), _)| at < *due);
    calls.number += 1;
    let number = calls.number;
    calls.due.insert((at, number), called);
    if !calls.running {
        let thread = std::thread::Builder::new().name("tidegate-line".to_owned());
        calls.running = thread.spawn(move || dispatcher.run()).is_ok();
        if !calls.running {
            calls.due.remove(&(at, number));
        }
        return calls.running;
    }
    if first {
        dispatcher.changed.notify_one();
    }
    true
}

impl Dispatcher {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut calls = self.lock();
        loop {
            let now = self.clock.now();
            let wait = match calls.due.first_entry() {
                Some(entry) if entry.key().0 <= now => {
                    let ((at, _), called) = entry.remove_entry();
                    drop(calls);
                    if let Some(called) = called.upgrade() {
                        // A clock may be foreign code; other lines are still to be served.
                        let _ = panic::catch_unwind(AssertUnwindSafe(|| called.call(at)));
                    }
                    calls = self.lock();
                    continue;
                }
                Some(entry) => entry.key().0.since(now).to_duration(),
                None => IDLE,
            };
            let idle = calls.due.is_empty();
            let (woken, timeout) =
                self.changed.wait_timeout(calls, wait).unwrap_or_else(PoisonError::into_inner);
            calls = woken;
            if idle && timeout.timed_out() && calls.due.is_empty() {
                calls.running = false;
                return;
            }
        }
    }
}
