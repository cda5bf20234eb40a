//! `cargo xtask test`: everything that the README promises, in one command.
//!
//! Steps run in order; the first that fails ends the run and names the command that repeats it. The
//! last line of a good run is `N passed, 0 failed`.

mod replay;
mod tools;

use std::path::PathBuf;
use std::{env, path};

use thiserror::Error;

use self::replay::ReplayError;
use self::tools::ToolsError;
use crate::bench::{self, BenchError};
use crate::command::{Command, CommandError};
use crate::flags::{BenchFlags, TestFlags};
use crate::stopwatch::Stopwatch;
use crate::tidy::{self, TidyError};
use crate::{command, console};

/// The crates whose machines build without actors, and what must not be in them then.
const PURE: [&str; 5] = ["units", "algorithms", "adaptive", "scheduler", "supervisor"];
const SHELL_ONLY: [&str; 2] = ["actix", "tokio"];

/// A file of real traffic to replay as well.
const TRACE: &str = "TIDEGATE_TRACE";
const REPLAY_REPORT: &str = "target/replay.json";
const TRACE_REPORT: &str = "target/replay-trace.json";

/// A step that failed.
#[derive(Debug, Error)]
#[error("{title} failed; repeat it with\n\n    {repeat}\n")]
pub(crate) struct TestError {
    title: String,
    repeat: String,
    source: Box<ActionError>,
}

/// Why a step failed.
#[derive(Debug, Error)]
enum ActionError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("its dependencies hold `{0}`, which belongs behind the feature `actor`")]
    NotPure(String),
    #[error(transparent)]
    Tools(#[from] ToolsError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Tidy(#[from] TidyError),
    #[error(transparent)]
    Bench(#[from] BenchError),
}

struct Step {
    title: String,
    actions: Vec<Action>,
}

enum Action {
    /// What cargo does not bring is there.
    Tools,
    Run(Command),
    /// A dependency tree that must show none of [`SHELL_ONLY`].
    Pure(Command),
    /// A replay that writes a report, and the report.
    Replay(Command, &'static str),
    Tidy,
    Bench,
}

pub(crate) fn run(flags: TestFlags) -> Result<(), TestError> {
    let trace = env::var_os(TRACE).map(PathBuf::from);
    let steps = steps(flags, trace);
    for (passed, step) in steps.iter().enumerate() {
        console::heading(format_args!("{}/{} {}", passed + 1, steps.len(), step.title));
        let stopwatch = Stopwatch::start();
        if let Err(error) = step.run() {
            console::say(format_args!("failed: {}, {stopwatch}", step.title));
            console::say(format_args!("{passed} passed, 1 failed"));
            return Err(error);
        }
        console::say(format_args!("ok: {}, {stopwatch}", step.title));
    }
    console::say(format_args!("\n{} passed, 0 failed", steps.len()));
    Ok(())
}

fn steps(flags: TestFlags, trace: Option<PathBuf>) -> Vec<Step> {
    let mut steps = Vec::new();
    if !flags.quick {
        steps.push(Step::new("tools", vec![Action::Tools]));
    }
    steps.extend(code());
    steps.extend(PURE.map(pure));
    steps.push(tests(flags));
    if !flags.quick {
        steps.push(model_check());
        steps.push(documentation());
    }
    steps.push(replay_generated());
    steps.extend(trace.map(replay_trace));
    steps
        .push(cargo("example configuration", "run --release -- check docs/examples/tidegate.toml"));
    if !flags.quick {
        steps.push(Step::new("benches, once", vec![Action::Bench]));
    }
    steps
}

fn code() -> Vec<Step> {
    vec![
        cargo("format", "fmt --all --check"),
        Step::new("tidy", vec![Action::Tidy]),
        cargo("lints", "clippy --workspace --all-targets --all-features -- -D warnings"),
    ]
}

/// Tests that need a tool fail without it, unless what takes long or much is left out.
fn tests(flags: TestFlags) -> Step {
    let mut command = Command::new("cargo test --workspace --all-features");
    if !flags.quick {
        let (name, value) = tools::REQUIRED;
        command = command.variable(name, value);
    }
    Step::new("tests of every crate", vec![Action::Run(command)])
}

fn pure(name: &str) -> Step {
    let package = format!("-p tidegate-{name} --no-default-features");
    Step::new(
        format!("{name} alone, without actors"),
        vec![
            Action::Run(Command::new(&format!("cargo check {package}"))),
            Action::Pure(Command::new(&format!("cargo tree {package} -e normal --prefix none"))),
        ],
    )
}

fn model_check() -> Step {
    let tests = "cargo test --target-dir target/loom --release -p tidegate-algorithms --test loom*";
    let command = Command::new(tests).variable("RUSTFLAGS", "--cfg loom");
    Step::new("every interleaving of atomics", vec![Action::Run(command)])
}

fn documentation() -> Step {
    let command = Command::new("cargo doc --workspace --no-deps --all-features")
        .variable("RUSTDOCFLAGS", "-D warnings");
    Step::new("API documentation", vec![Action::Run(command)])
}

fn replay_generated() -> Step {
    let command = Command::new("cargo run --release -- replay --json").argument(REPLAY_REPORT);
    Step::new("replay of generated traffic", vec![Action::Replay(command, REPLAY_REPORT)])
}

fn replay_trace(trace: PathBuf) -> Step {
    // The trace is named from where we were started, the process runs in the root.
    let trace = path::absolute(&trace).unwrap_or(trace);
    let command = Command::new("cargo run --release -- replay --trace")
        .argument(trace.to_string_lossy())
        .argument("--scenario")
        .argument("const-none")
        .argument("--controller")
        .argument("fixed,naive")
        .argument("--json")
        .argument(TRACE_REPORT);
    Step::new(format!("replay of {TRACE}"), vec![Action::Replay(command, TRACE_REPORT)])
}

fn cargo(title: &str, arguments: &str) -> Step {
    Step::new(title, vec![Action::Run(Command::new(&format!("cargo {arguments}")))])
}

impl Step {
    fn new(title: impl Into<String>, actions: Vec<Action>) -> Self {
        Self { title: title.into(), actions }
    }

    fn run(&self) -> Result<(), TestError> {
        for action in &self.actions {
            action.run().map_err(|source| TestError {
                title: self.title.clone(),
                repeat: action.repeat(),
                source: Box::new(source),
            })?;
        }
        Ok(())
    }
}

impl Action {
    fn run(&self) -> Result<(), ActionError> {
        match self {
            Self::Tools => tools::provide()?,
            Self::Run(command) => command.run()?,
            Self::Pure(command) => {
                command.announce();
                is_pure(&command.capture()?)?;
            }
            Self::Replay(command, report) => {
                let report = command::root().join(report);
                replay::make_room(&report)?;
                command.run()?;
                replay::check(&report)?;
            }
            Self::Tidy => tidy::run()?,
            Self::Bench => bench::run(&BenchFlags { quick: true, ..BenchFlags::default() })?,
        }
        Ok(())
    }

    fn repeat(&self) -> String {
        match self {
            Self::Run(command) | Self::Pure(command) | Self::Replay(command, _) => {
                command.to_string()
            }
            Self::Tools => tools::installation().map(|command| command.to_string()).join(" && "),
            Self::Tidy => "cargo xtask tidy".to_owned(),
            Self::Bench => "cargo xtask bench --quick".to_owned(),
        }
    }
}

/// `tree` names one package a line, its name first.
fn is_pure(tree: &str) -> Result<(), ActionError> {
    let impure = |name: &&str| {
        SHELL_ONLY.iter().any(|banned| {
            name.strip_prefix(banned)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        })
    };
    match tree.lines().filter_map(|line| line.split_whitespace().next()).find(impure) {
        Some(name) => Err(ActionError::NotPure(name.to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(quick: bool, trace: Option<&str>) -> String {
        let lines = |step: &Step| step.actions.iter().map(Action::repeat).collect::<Vec<_>>();
        let steps = steps(TestFlags { quick }, trace.map(PathBuf::from));
        steps.iter().flat_map(lines).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn everything_is_these_commands() {
        insta::assert_snapshot!(shown(false, Some("/data/hour.csv.gz")), @"
        apt-get update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus chromium
        cargo fmt --all --check
        cargo xtask tidy
        cargo clippy --workspace --all-targets --all-features -- -D warnings
        cargo check -p tidegate-units --no-default-features
        cargo tree -p tidegate-units --no-default-features -e normal --prefix none
        cargo check -p tidegate-algorithms --no-default-features
        cargo tree -p tidegate-algorithms --no-default-features -e normal --prefix none
        cargo check -p tidegate-adaptive --no-default-features
        cargo tree -p tidegate-adaptive --no-default-features -e normal --prefix none
        cargo check -p tidegate-scheduler --no-default-features
        cargo tree -p tidegate-scheduler --no-default-features -e normal --prefix none
        cargo check -p tidegate-supervisor --no-default-features
        cargo tree -p tidegate-supervisor --no-default-features -e normal --prefix none
        TIDEGATE_TOOLS=required cargo test --workspace --all-features
        RUSTFLAGS='--cfg loom' cargo test --target-dir target/loom --release -p tidegate-algorithms --test 'loom*'
        RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features
        cargo run --release -- replay --json target/replay.json
        cargo run --release -- replay --trace /data/hour.csv.gz --scenario const-none --controller fixed,naive --json target/replay-trace.json
        cargo run --release -- check docs/examples/tidegate.toml
        cargo xtask bench --quick
        ");
    }

    #[test]
    fn quick_leaves_out_what_takes_minutes() {
        let (quick, full) = (shown(true, None), shown(false, None));
        let left_out: Vec<_> = full.lines().filter(|line| !quick.contains(line)).collect();
        insta::assert_snapshot!(left_out.join("\n"), @"
        apt-get update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus chromium
        TIDEGATE_TOOLS=required cargo test --workspace --all-features
        RUSTFLAGS='--cfg loom' cargo test --target-dir target/loom --release -p tidegate-algorithms --test 'loom*'
        RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features
        cargo xtask bench --quick
        ");
    }

    #[test]
    fn a_tree_with_the_runtime_in_it_is_not_pure() {
        assert!(is_pure("tidegate-units v0.1.0 (…)\nserde v1.0.229\ntokenise v1.0.0\n").is_ok());
        for impure in ["actix v0.13.5", "actix-rt v2.10.0", "actix_derive v0.6.2", "tokio v1.54.0"]
        {
            let error = is_pure(&format!("tidegate-units v0.1.0\n{impure} (*)\n"));
            assert!(matches!(error, Err(ActionError::NotPure(_))), "{impure}");
        }
    }
}
