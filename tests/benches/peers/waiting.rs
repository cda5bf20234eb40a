//! Many tasks that wait for one limit: the rate that they reach, what a grant costs in processor time,
//! how evenly they are served, and what one that waits takes in memory.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cpu_time::ProcessTime;
use governor::{Quota, RateLimiter};
use serde_json::Value;
use tidegate::{ServiceConfig, Tidegate};
use tidegate_algorithms::Direct;
use tidegate_units::{Clock, Limit, MonotonicClock, Span};
use tokio::runtime::{Builder, Runtime};

use crate::measure::{Plan, Timing, f64_of, line_in};
use crate::memory;

const TASKS: usize = 1_000;
const PER_SECOND: u32 = 10_000;
/// What a bucket holds: 10 ms' worth, so that a run is not decided by what was saved up before it.
const BURST: u32 = 100;

/// What one contender did in one round.
struct Run {
    /// Nanoseconds from grant to grant, over all tasks.
    wall: f64,
    /// Nanoseconds of processor time for a grant.
    cpu: f64,
    /// What the poorest and the richest task got, of an even share.
    poorest: f64,
    richest: f64,
}

/// All rounds of one contender.
struct Runs(Vec<Run>);

impl Runs {
    fn timing(&self, of: impl Fn(&Run) -> f64) -> Timing {
        Timing::of(self.0.iter().map(of).collect())
    }
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("a runtime")
}

fn limit() -> Limit {
    let limit: Limit = format!("{PER_SECOND} requests per second").parse().expect("a limit");
    limit.burst(BURST.into()).and_then(|limit| limit.guard(Span::ZERO)).expect("a bucket")
}

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let span = if plan.is_quick() { Duration::from_millis(200) } else { Duration::from_secs(2) };
    let rounds = if plan.is_quick() { 1 } else { 5 };
    let [mut ours, mut peer, mut leaky, mut coarse_leaky, mut limiter] =
        [(); 5].map(|()| Runs(Vec::new()));
    for _ in 0..rounds {
        ours.0.push(with_direct(span));
        peer.0.push(with_governor(span));
        limiter.0.push(with_limiter(span));
        leaky.0.push(with_leaky_bucket(span, 1));
        coarse_leaky.0.push(with_leaky_bucket(span, 100));
    }
    let nominal = Timing::of(vec![1e9 / f64::from(PER_SECOND)]);
    let even = Timing::of(vec![1.0]);
    let row = |name: &str, unit, ours: &Timing, peer: (&str, &Timing), target| {
        line_in("waiting", &format!("waiting/1000-tasks/{name}"), unit, ours, Some(peer), target)
    };
    let cpu = ours.timing(|run| run.cpu);
    let mut lines = vec![
        row(
            "wall-per-grant",
            "ns",
            &ours.timing(|run| run.wall),
            ("nominal", &nominal),
            Some(1.01),
        ),
        row("cpu-per-grant", "ns", &cpu, ("governor", &peer.timing(|run| run.cpu)), Some(0.05)),
    ];
    for (name, runs) in [("leaky-bucket at 1ms", &leaky), ("leaky-bucket at 100ms", &coarse_leaky)]
    {
        let name_of = |what: &str| format!("{what}, {name}");
        lines.push(row(
            &name_of("cpu-per-grant"),
            "ns",
            &cpu,
            (name, &runs.timing(|run| run.cpu)),
            None,
        ));
        lines.push(row(
            &name_of("wall-per-grant"),
            "ns",
            &ours.timing(|run| run.wall),
            (name, &runs.timing(|run| run.wall)),
            None,
        ));
    }
    // Even shares over what was poorest, so that less is better here too.
    let poorest = ours.timing(|run| 1.0 / run.poorest);
    let richest = ours.timing(|run| run.richest);
    lines.push(row("even-share-over-poorest", "×", &poorest, ("even", &even), Some(1.053)));
    lines.push(row("richest-over-even-share", "×", &richest, ("even", &even), Some(1.07)));
    let theirs = peer.timing(|run| run.richest);
    lines.push(row(
        "richest-over-even-share, governor",
        "×",
        &richest,
        ("governor", &theirs),
        None,
    ));
    lines.extend(through_a_limiter(&limiter, &peer));
    lines.push(bytes_per_waiter());
    lines
}

fn with_direct(span: Duration) -> Run {
    let direct = Direct::new(&limit());
    measure(span, move || {
        let direct = direct.clone();
        async move { direct.until_ready().await.expect("there is room in the line") }
    })
}

/// The same tasks in line at a service's limiter, which orders them by class, key and deadline.
fn through_a_limiter(limiter: &Runs, peer: &Runs) -> [Value; 4] {
    let row = |name: &str, unit, ours: Timing, (peer, value): (&str, Timing), target| {
        let name = format!("waiting/1000-tasks/in-line/{name}");
        line_in("waiting", &name, unit, &ours, Some((peer, &value)), Some(target))
    };
    let one = |value| Timing::of(vec![value]);
    let nominal = ("nominal", one(1e9 / f64::from(PER_SECOND)));
    let governor = ("governor", peer.timing(|run| run.cpu));
    let poorest = limiter.timing(|run| 1.0 / run.poorest);
    let richest = limiter.timing(|run| run.richest);
    [
        row("wall-per-grant", "ns", limiter.timing(|run| run.wall), nominal, 1.01),
        row("cpu-per-grant", "ns", limiter.timing(|run| run.cpu), governor, 0.05),
        row("even-share-over-poorest", "×", poorest, ("even", one(1.0)), 1.053),
        row("richest-over-even-share", "×", richest, ("even", one(1.0)), 1.07),
    ]
}

fn with_limiter(span: Duration) -> Run {
    let service = ServiceConfig::limited([limit()]);
    let builder = Tidegate::builder().service("service", service).expect("a name");
    let tidegate = Arc::new(builder.start().expect("it starts"));
    let handle = tidegate.service("service").expect("configured");
    measure(span, move || {
        let (handle, tidegate) = (handle.clone(), Arc::clone(&tidegate));
        async move {
            // Ends with the last task, for who waits then is told.
            if let Ok(permit) = handle.request().acquire().await {
                permit.done();
            }
            drop(tidegate);
        }
    })
}

fn with_governor(span: Duration) -> Run {
    let [rate, burst] = [PER_SECOND, BURST].map(|it| NonZeroU32::new(it).expect("not 0"));
    let peer = Arc::new(RateLimiter::direct(Quota::per_second(rate).allow_burst(burst)));
    measure(span, move || {
        let peer = Arc::clone(&peer);
        async move { peer.until_ready().await }
    })
}

fn with_leaky_bucket(span: Duration, interval_millis: u64) -> Run {
    let refill = usize::try_from(u64::from(PER_SECOND) * interval_millis / 1_000).expect("small");
    let peer = leaky_bucket::RateLimiter::builder()
        .max(refill.max(usize::try_from(BURST).expect("small")))
        .initial(0)
        .refill(refill)
        .interval(Duration::from_millis(interval_millis))
        .build();
    let peer = Arc::new(peer);
    measure(span, move || {
        let peer = Arc::clone(&peer);
        async move { peer.acquire_one().await }
    })
}

/// Lets all tasks wait again and again, and counts for `span` once they are under way.
fn measure<F>(span: Duration, wait: impl Fn() -> F + Clone + Send + 'static) -> Run
where
    F: Future<Output = ()> + Send,
{
    let runtime = runtime();
    let counts: Arc<Vec<AtomicU64>> = Arc::new((0..TASKS).map(|_| AtomicU64::new(0)).collect());
    let stop = Arc::new(AtomicBool::new(false));
    for task in 0..TASKS {
        let (wait, counts, stop) = (wait.clone(), Arc::clone(&counts), Arc::clone(&stop));
        runtime.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                wait().await;
                counts[task].fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let run = runtime.block_on(async {
        tokio::time::sleep(span / 4).await;
        let clock = MonotonicClock::new();
        let before: Vec<u64> = read(&counts);
        let (start, cpu) = (clock.now(), ProcessTime::now());
        tokio::time::sleep(span).await;
        let (elapsed, cpu) = (clock.now().since(start), cpu.elapsed());
        let after = read(&counts);
        let got: Vec<u64> =
            after.iter().zip(before).map(|(after, before)| after - before).collect();
        account(elapsed, cpu, &got)
    });
    stop.store(true, Ordering::Relaxed);
    runtime.shutdown_background();
    run
}

fn read(counts: &[AtomicU64]) -> Vec<u64> {
    counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
}

fn account(elapsed: Span, cpu: Duration, got: &[u64]) -> Run {
    let total = f64_of(got.iter().sum::<u64>().max(1));
    let even = total / f64_of(u64::try_from(got.len()).expect("few"));
    let share = |count: Option<&u64>| f64_of(*count.expect("there are tasks")) / even;
    Run {
        wall: elapsed.as_secs_f64() * 1e9 / total,
        cpu: cpu.as_secs_f64() * 1e9 / total,
        poorest: share(got.iter().min()).max(0.001),
        richest: share(got.iter().max()),
    }
}

/// What a task that waits takes beyond one that does nothing.
fn bytes_per_waiter() -> Value {
    let direct = Direct::new(&"1 request per hour".parse::<Limit>().expect("a limit"));
    direct.check().expect("the first");
    let bare = bytes_of(std::future::pending::<()>);
    let waiting = bytes_of(|| {
        let direct = direct.clone();
        async move { direct.until_ready().await.expect("there is room in the line") }
    });
    let bytes = Timing::of(vec![waiting - bare]);
    let most = Timing::of(vec![200.0]);
    let name = "waiting/100k-tasks/bytes-per-waiter";
    line_in("waiting", name, "B", &bytes, Some(("200 B", &most)), Some(1.0))
}

/// Bytes per task of many that have been polled once.
fn bytes_of<F>(future: impl Fn() -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    const MANY: u32 = 100_000;
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let before = memory::held_bytes();
    for _ in 0..MANY {
        runtime.spawn(future());
    }
    runtime.block_on(async {
        for _ in 0..MANY {
            tokio::task::yield_now().await;
        }
    });
    let held = memory::held_bytes() - before;
    f64_of(u64::try_from(held).expect("few")) / f64::from(MANY)
}
