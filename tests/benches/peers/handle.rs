//! The whole way of a granted call through a handle: shared and own limits, requests and tokens.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tidegate::{Builder, Handle, Limit, ServiceConfig, Tidegate};

use crate::direct::{governor, taken};
use crate::measure::{Contender, Plan, interleaved, line};

/// Longer than a benchmark takes.
const NEVER: Duration = Duration::from_hours(24);
/// Ten times as often as by default.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A hundred times as often as Prometheus does by default.
const SCRAPE_EVERY: Duration = Duration::from_millis(150);

/// A limit that a benchmark does not reach.
fn limit(dimension: &str) -> Limit {
    format!("1_000_000_000_000 {dimension} per minute").parse().expect("a limit")
}

/// Four limits in two scopes over two dimensions; or one.
fn start(full: bool) -> (Tidegate, Handle) {
    start_from(Tidegate::builder(), full)
}

fn start_from(mut builder: Builder, full: bool) -> (Tidegate, Handle) {
    let mut own = vec![limit("requests")];
    if full {
        own.push(limit("tokens"));
        builder = builder.global_limit(limit("requests")).global_limit(limit("tokens"));
    }
    let builder = builder.service("service", ServiceConfig::limited(own)).expect("a name");
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    // Until the actor has opened the gate.
    handle.request().acquire_blocking().expect("a permit").done();
    while !handle.has_capacity(&tidegate::Cost::request().tokens(u64::from(full))) {
        std::thread::yield_now();
    }
    (tidegate, handle)
}

fn granted(handle: &Handle) {
    match handle.request().tokens(10).try_acquire() {
        Ok(permit) => black_box(permit).done(),
        Err(refused) => panic!("a benchmark of granting was refused: {refused}"),
    }
}

pub(crate) fn series(plan: &Plan) -> Vec<Value> {
    let (_full, full) = start(true);
    let (_single, single) = start(false);
    let mut lines = one_thread(plan, &full, &single);
    lines.extend(two_threads(plan, &full));
    lines.push(observed(plan));
    lines
}

/// Whoever is looked at all the time, scraped and listened to, against whoever is left alone. Scraping takes
/// its own share of the machine, from both of them alike.
fn observed(plan: &Plan) -> Value {
    let (_alone, alone) = start_from(Tidegate::builder().sample_every(NEVER), true);
    let builder = Tidegate::builder().sample_every(LOOK_EVERY).on_reject(|_| {}).on_wait(|_| {});
    let (watched, handle) = start_from(builder, true);
    let events = watched.subscribe().expect("nobody else listens");
    let over = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&over);
    let scraper = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        while !until.load(Ordering::Relaxed) {
            let text = runtime.block_on(watched.metrics()).expect("it renders");
            assert!(text.contains("tidegate_granted_total"));
            let _ = events.next_within(SCRAPE_EVERY);
        }
    });
    let timings = interleaved(
        plan,
        &mut [
            Contender::new(|times| (0..times).for_each(|_| granted(&alone))),
            Contender::new(|times| (0..times).for_each(|_| granted(&handle))),
        ],
    );
    over.store(true, Ordering::Relaxed);
    scraper.join().expect("it only scrapes");
    let peer = Some(("the same, left alone", &timings[0]));
    line("handle", "handle/allow/1t/4-limits-observed", &timings[1], peer, Some(1.05))
}

fn one_thread(plan: &Plan, full: &Handle, single: &Handle) -> Vec<Value> {
    let peers = [governor(), governor(), governor()];
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let timings = interleaved(
        plan,
        &mut [
            Contender::new(|times| {
                (0..times).for_each(|_| {
                    for peer in &peers {
                        taken(peer.check());
                    }
                });
            }),
            Contender::new(|times| {
                (0..times).for_each(|_| granted(single));
            }),
            Contender::new(|times| (0..times).for_each(|_| granted(full))),
            Contender::new(|times| {
                runtime.block_on(async {
                    for _ in 0..times {
                        let permit = full.request().tokens(10).acquire().await;
                        black_box(permit).expect("a permit").done();
                    }
                });
            }),
            Contender::new(|times| {
                (0..times).for_each(|_| {
                    let permit = full.request().tokens(10).try_acquire().expect("a permit");
                    permit.ok(tidegate::Cost::request().tokens(8));
                });
            }),
        ],
    );
    let three = Some(("governor, 3 checks", &timings[0]));
    let one = Some(("handle with one limit", &timings[1]));
    vec![
        line("handle", "handle/allow/1t/4-limits", &timings[2], three, Some(0.35)),
        line("handle", "handle/allow/1t/4-limits-or-1", &timings[2], one, Some(1.25)),
        line("handle", "handle/allow/1t/4-limits-awaited", &timings[3], three, Some(0.35)),
        line("handle", "handle/allow-and-settle/1t/4-limits", &timings[4], three, None),
    ]
}

fn two_threads(plan: &Plan, full: &Handle) -> Vec<Value> {
    let peers = [governor(), governor(), governor()];
    let timings = interleaved(
        plan,
        &mut [
            Contender::on_two_threads(|| {
                for peer in &peers {
                    taken(peer.check());
                }
            }),
            Contender::on_two_threads(|| granted(full)),
        ],
    );
    let three = Some(("governor, 3 checks", &timings[0]));
    vec![line("handle", "handle/allow/2t/4-limits", &timings[1], three, None)]
}
