//! Two services under one shared limit, from threads and tasks at once, counted where it matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate::{AcquireError, Cost, Handle, Limit, ServiceConfig, Tidegate};
use tidegate_tests::{CountingService, excess};
use tidegate_units::{Clock, Dimension, MonotonicClock, Span};

const THREADS: u64 = 8;
const TASKS: u64 = 200;
const RUN: Span = Span::from_secs(3);

/// A limit per second with a guard that covers how long a thread may be held up between its permit
/// and its arrival at the service, on a machine that does other things too.
fn limit(dimension: Dimension, amount: u64) -> Limit {
    let limit = Limit::new(dimension, amount, Span::from_secs(1)).expect("a limit");
    limit.guard(Span::from_millis(400)).expect("a guard")
}

struct Host {
    clock: MonotonicClock,
    services: [CountingService; 2],
    granted: AtomicU64,
}

impl Host {
    /// One call: what it was granted for, and what then happens to it.
    fn call(&self, which: usize, number: u64, permit: tidegate::Permit<'_>, tokens: u64) {
        self.granted.fetch_add(1, Ordering::Relaxed);
        match number % 8 {
            // Never made.
            0 => permit.cancel(),
            // Took less than was estimated.
            1..4 => {
                let actual = tokens / 2;
                self.services[which].arrive(self.clock.now(), actual);
                permit.ok(Cost::request().tokens(actual));
            }
            // Took what was estimated, and the caller forgot to say so.
            4 => {
                self.services[which].arrive(self.clock.now(), tokens);
                drop(permit);
            }
            _ => {
                self.services[which].arrive(self.clock.now(), tokens);
                permit.done();
            }
        }
    }

    fn running(&self) -> bool {
        self.clock.now().since(tidegate_units::Instant::ZERO) < RUN
    }
}

fn block(host: &Host, handles: &[Handle; 2], thread: u64) {
    let mut number = thread;
    while host.running() {
        number += 1;
        let which = usize::from(number.is_multiple_of(2));
        let tokens = 20 + number % 100;
        let request = handles[which].request().tokens(tokens).within(Duration::from_secs(2));
        match request.acquire_blocking() {
            Ok(permit) => host.call(which, number, permit, tokens),
            Err(AcquireError::Later(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

async fn task(host: Arc<Host>, handles: Arc<[Handle; 2]>, task: u64) {
    let mut number = task;
    while host.running() {
        number += 1;
        let which = usize::from(number.is_multiple_of(2));
        let tokens = 20 + number % 100;
        let request = handles[which].request().tokens(tokens);
        if number.is_multiple_of(5) {
            if let Ok(permit) = request.try_acquire() {
                host.call(which, number, permit, tokens);
            }
            tokio::task::yield_now().await;
        } else if number.is_multiple_of(7) {
            // A caller who gives up, at whatever moment that is.
            let patience = Duration::from_micros(number % 3_000);
            if let Ok(Ok(permit)) = tokio::time::timeout(patience, request.acquire()).await {
                host.call(which, number, permit, tokens);
            }
        } else {
            match request.within(Duration::from_secs(2)).acquire().await {
                Ok(permit) => host.call(which, number, permit, tokens),
                Err(AcquireError::Later(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn no_limit_is_passed_and_no_permit_is_lost() {
    let own = [limit(Dimension::Requests, 700), limit(Dimension::Tokens, 40_000)];
    let shared = [limit(Dimension::Requests, 1_000), limit(Dimension::Tokens, 60_000)];
    let mut builder = Tidegate::builder();
    for name in ["one", "two"] {
        builder = builder.service(name, ServiceConfig::limited(own.clone())).expect("a name");
    }
    for limit in shared.clone() {
        builder = builder.global_limit(limit);
    }
    let tidegate = builder.start().expect("it starts");
    let handles = ["one", "two"].map(|name| tidegate.service(name).expect("configured"));
    let host = Arc::new(Host {
        clock: MonotonicClock::new(),
        services: <[CountingService; 2]>::default(),
        granted: AtomicU64::new(0),
    });

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .expect("a runtime");
    let shared_handles = Arc::new(handles.clone());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (host, handles) = (&host, &handles);
            scope.spawn(move || block(host, handles, thread * 1_000_000));
        }
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let (host, handles) = (Arc::clone(&host), Arc::clone(&shared_handles));
                runtime.spawn(task(host, handles, number * 1_000_000 + 500))
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.expect("no task panics");
            }
        });
    });

    check_limits(&host, &own, &shared);
    runtime.block_on(check_books(&tidegate, &handles));
}

fn check_limits(host: &Host, own: &[Limit], shared: &[Limit]) {
    let each: Vec<_> = host.services.iter().map(CountingService::arrivals).collect();
    for arrivals in &each {
        assert!(!arrivals.is_empty(), "both services are used");
        for limit in own {
            assert_eq!(excess(limit, arrivals), 0, "{limit}");
        }
    }
    let mut all = each.concat();
    all.sort_unstable();
    for limit in shared {
        assert_eq!(excess(limit, &all), 0, "shared: {limit}");
    }
    // What a second lets through, for three seconds, less what the guard costs.
    let arrived = u64::try_from(all.len()).expect("few");
    assert!(arrived > 1_000, "only {arrived} arrived of {:?} granted", host.granted);
}

/// When a window has passed, nothing is used any more, and what is lent is where it was lent to.
async fn check_books(tidegate: &Tidegate, handles: &[Handle; 2]) {
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let supervisor = tidegate.supervisor_state().await.expect("it answers");
    let mut borrowed = 0;
    for handle in handles {
        let usage = handle.usage().await.expect("it answers");
        assert_eq!(usage.service.queued, 0, "nobody waits");
        for limit in &usage.service.limits {
            assert_eq!(limit.available + limit.lent, limit.capacity, "full again: {limit:?}");
            let in_gate = usage.service.in_gate.get(limit.limit.dimension());
            assert_eq!(limit.lent, in_gate, "no permit is lost: {limit:?}");
        }
        let account = &supervisor.services[handle.name()];
        for dimension in [Dimension::Requests, Dimension::Tokens] {
            let held = usage.service.in_gate.get(dimension) + usage.service.borrowed.get(dimension);
            assert_eq!(account.lent.get(dimension), held, "{}: {dimension}", handle.name());
        }
        borrowed += account.borrows;
    }
    for limit in &supervisor.limits {
        assert_eq!(limit.available + limit.lent, limit.capacity, "full again: {limit:?}");
    }
    assert!(borrowed > 0, "the shared limits were borrowed from");
}
