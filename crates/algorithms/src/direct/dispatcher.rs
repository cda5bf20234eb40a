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

/// When to call, and which of the calls of that instant.
pub(super) type Call = (Instant, u64);

/// Something that wants to be called at a given instant.
pub(super) trait Called: Send + Sync {
    /// It is time for `call`, or later.
    fn call(self: Arc<Self>, call: Call);
}

struct Dispatcher {
    clock: MonotonicClock,
    calls: Mutex<Calls>,
    changed: Condvar,
}

#[derive(Default)]
struct Calls {
    /// In the order of their instants; the number tells calls of the same instant apart.
    due: BTreeMap<Call, Weak<dyn Called>>,
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

/// Has `called` called at `at`, if it still exists by then. `None` if there is no thread to do it.
pub(super) fn call(at: Instant, called: Weak<dyn Called>) -> Option<Call> {
    let dispatcher = dispatcher();
    let mut calls = dispatcher.lock();
    let first = calls.due.first_key_value().is_none_or(|((due, _), _)| at < *due);
    calls.number += 1;
    let call = (at, calls.number);
    calls.due.insert(call, called);
    if !calls.running {
        let thread = std::thread::Builder::new().name("tidegate-line".to_owned());
        calls.running = thread.spawn(move || dispatcher.run()).is_ok();
        if !calls.running {
            calls.due.remove(&call);
            return None;
        }
    } else if first {
        dispatcher.changed.notify_one();
    }
    Some(call)
}

/// Takes back a call that is not needed any more.
pub(super) fn call_off(call: Call) {
    dispatcher().lock().due.remove(&call);
}

/// Runs code that is not ours, such as a waker's or a clock's: if it panics, others are still to be
/// served.
pub(super) fn without_panic(foreign: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(foreign)) {
        // What was thrown may throw again when it is dropped.
        std::mem::forget(payload);
    }
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
                    let (call, called) = entry.remove_entry();
                    drop(calls);
                    if let Some(called) = called.upgrade() {
                        without_panic(|| called.call(call));
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
