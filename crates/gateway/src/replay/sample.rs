//! A replay made by hand, for the tests of what is made of one.

use std::collections::BTreeMap;

use tidegate_simulator::report::{
    LOAD_POINT_S, LoadPoint, Quantiles, SCHEMA, Served, TraceSummary,
};
use tidegate_simulator::{Replay, Run};

/// An hour of `fixed` and `naive` on each of `seeds`.
pub(crate) fn replay(seeds: &[u64]) -> Replay {
    replay_of(["fixed", "naive"], seeds)
}

/// An hour of `fixed` and `fifo` with keys, of which one with a long name waits longest under
/// `fixed`, and one got nothing through at all.
pub(crate) fn fair_replay(seeds: &[u64]) -> Replay {
    let mut replay = replay_of(["fixed", "fifo"], seeds);
    "fair-keys".clone_into(&mut replay.scenario);
    for run in &mut replay.runs {
        let is_fair = run.controller == "fixed";
        let slowest = if is_fair { 700.0 } else { 400.0 };
        let wait = |p50: f64| Quantiles { p50, p99: p50 * 2.5 };
        let waits = [(LONG_KEY, slowest), ("steady", if is_fair { 0.4 } else { 390.0 })];
        run.wait_s_by_key = waits.map(|(key, p50)| (key.to_owned(), wait(p50))).into();
        run.served_by_key = served([
            (LONG_KEY, 14_000, 8_000 - 70 * run.seed),
            ("steady", 4_000, 3_900),
            ("unlucky", 3, 0),
        ]);
    }
    replay
}

/// A key that is too long for a picture.
pub(crate) const LONG_KEY: &str = "an agent that has a very long name and sends a lot";

fn served<const N: usize>(all: [(&str, u64, u64); N]) -> BTreeMap<String, Served> {
    let served = |requests, admitted| Served { requests, admitted };
    all.map(|(name, requests, admitted)| (name.to_owned(), served(requests, admitted))).into()
}

fn replay_of(controllers: [&'static str; 2], seeds: &[u64]) -> Replay {
    let runs = controllers.into_iter().flat_map(|controller| {
        let run = move |(index, seed): (u32, &u64)| run(controller, f64::from(index), *seed);
        (0..).zip(seeds).map(run)
    });
    Replay {
        schema: SCHEMA,
        trace: TraceSummary { name: "sample".to_owned(), requests: 19_366, span_s: 3_501.7 },
        scenario: "const-none".to_owned(),
        seeds: seeds.to_vec(),
        runs: runs.collect(),
    }
}

/// One run; each further seed is a little worse.
fn run(controller: &str, worse: f64, seed: u64) -> Run {
    let is_naive = controller == "naive";
    let wait = |p50: f64| Quantiles { p50: p50 + worse, p99: p50 * 3.0 + worse };
    let classes = [("high", 0.18), ("normal", 1.0), ("low", 41.27)];
    Run {
        controller: controller.to_owned(),
        seed,
        goodput: if is_naive { 0.7213 } else { 0.9993 } - worse / 100.0,
        refused_per_1000: if is_naive { 812.5 } else { 0.0 } + worse,
        failed: if is_naive { 4_071 + seed } else { 0 },
        waiting: if is_naive { 4 } else { 5_813 + seed },
        admitted: 13_553 - seed,
        excess: 0,
        offered_excess: if is_naive { 96 } else { 0 },
        wait_s: classes.map(|(class, p50)| (class.to_owned(), wait(p50))).into(),
        wait_s_by_key: BTreeMap::new(),
        served: served([("high", 2_000, 1_400), ("normal", 11_366, 7_900), ("low", 6_000, 4_252)]),
        served_by_key: BTreeMap::new(),
        steps: Vec::new(),
        jain_60s: None,
        decisions_per_s: 1_200_000,
        pace: Vec::new(),
        load: (0..350).map(|index| load(is_naive, index)).collect::<Vec<_>>(),
    }
}

/// A load that swings around a limit of 3.9 per second.
fn load(is_naive: bool, index: u64) -> LoadPoint {
    let seconds = u32::try_from(index * LOAD_POINT_S).map_or(0.0, f64::from) + 5.0;
    let jitter = f64::from(u32::try_from(index * 7_919 % 31).unwrap_or(0)) / 15.0;
    let offered = 4.5 + 2.0 * (seconds / 400.0).sin() + jitter;
    let admitted = offered.min(3.9 + jitter / 8.0);
    let refused = if is_naive { (offered - admitted) * 2.4 } else { 0.0 };
    LoadPoint { at_s: seconds, offered, admitted, refused }
}
