//! The command line. Wrong arguments end with exit code 2, a chore that fails with 1.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Chores of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Flags {
    /// What to do.
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// One chore.
#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Shows that everything the README promises holds; stops at the first thing that does not.
    Test(TestFlags),
    /// Checks what no compiler checks: names, lengths, words, links, cited invariants.
    Tidy,
    /// Measures ours and the peers in one process; reports under target/bench.
    Bench(BenchFlags),
    /// Runs the tests that rewrite the generated parts of the documents.
    Docs,
    /// `test`, then `cargo deny check` where cargo-deny is installed.
    Ci,
}

/// How much `test` does.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct TestFlags {
    /// Leave out what takes minutes, the model check, the API documentation and the benches; and what needs
    /// programs that cargo does not bring.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// What `bench` measures, and where it goes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct BenchFlags {
    /// Few and short samples: shows that the benches run, not how fast anything is.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', value_name = "PART,…")]
    pub(crate) only: Vec<Part>,
    /// Write the report as JSON to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// A part of the benches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// How well a pace is learned that nobody tells.
    Adaptive,
    /// One decision, on the structures themselves.
    Direct,
    /// One decision through a service's handle.
    Handle,
    /// One decision for one of many keys.
    Keyed,
    /// What a key takes.
    Memory,
    /// Who is next among many who wait.
    Scheduler,
    /// Many tasks that wait.
    Waiting,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Adaptive => "adaptive",
            Self::Direct => "direct",
            Self::Handle => "handle",
            Self::Keyed => "keyed",
            Self::Memory => "memory",
            Self::Scheduler => "scheduler",
            Self::Waiting => "waiting",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_part_is_a_wrong_argument_and_the_known_ones_are_named() {
        let error = Flags::try_parse_from(["xtask", "bench", "--only", "direct,sideways"])
            .expect_err("there is no such part");
        assert_eq!(error.exit_code(), 2);
        let text = error.to_string();
        for expected in ["sideways", "direct", "handle"] {
            assert!(text.contains(expected), "{expected} is missing in: {text}");
        }
    }

    #[test]
    fn every_part_is_called_what_it_prints() {
        for part in Part::value_variants() {
            assert_eq!(Part::from_str(&part.to_string(), false), Ok(*part));
        }
    }
}
