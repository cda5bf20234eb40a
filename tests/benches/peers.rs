//! Ours and the peers, interleaved in one process: one JSON line per series on standard output.
//!
//! `cargo xtask bench` runs this and makes the report. Every contender of a part is measured in turn,
//! round after round, so that whatever else the machine does hits all of them; what counts is the
//! ratio of medians.

#[path = "peers/adaptive.rs"]
mod adaptive;
#[path = "peers/direct.rs"]
mod direct;
#[path = "peers/handle.rs"]
mod handle;
#[path = "peers/keyed.rs"]
mod keyed;
#[path = "peers/measure.rs"]
mod measure;
#[path = "peers/memory.rs"]
mod memory;
#[path = "peers/scheduler.rs"]
mod scheduler;
#[path = "peers/waiting.rs"]
mod waiting;

use std::io::Write;

use measure::Plan;

const PARTS: [&str; 7] =
    ["adaptive", "direct", "handle", "keyed", "memory", "scheduler", "waiting"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    // Cargo runs benches with `--bench`, and tests all targets without it.
    let benching = arguments.iter().any(|argument| argument == "--bench");
    let after = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1).cloned()
    };
    let parts = after("--parts").unwrap_or_else(|| PARTS.join(","));
    let plan = if quick || !benching { Plan::quick() } else { Plan::thorough() };
    let mut out = std::io::stdout().lock();
    for part in parts.split(',') {
        let series = match part {
            "adaptive" => adaptive::series(&plan),
            "direct" => direct::series(&plan),
            "handle" => handle::series(&plan),
            "keyed" => keyed::series(&plan),
            "memory" => memory::series(&plan),
            "scheduler" => scheduler::series(&plan),
            "waiting" => waiting::series(&plan),
            unknown => panic!("no part `{unknown}`: use {}", PARTS.join(", ")),
        };
        for line in series {
            writeln!(out, "{line}").expect("standard output takes it");
        }
    }
}
