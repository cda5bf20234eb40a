//! What stands on the command line.
//!
//! Names are kept as text here and looked up by the command, so that all that are wrong are refused
//! together, in the same form as everything else.

mod remote;
mod serve;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use remote::{
    AlertsArguments, AlertsFormat, Backend, ExplainArguments, ReportArguments, StatusArguments,
    TopArguments,
};
pub(crate) use serve::ServeArguments;

const ABOUT: &str = "Tidegate paces the calls that programs make, so that services need not \
                     refuse them";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed while running, 2 wrong arguments, trace, scenario or configuration";

const REPLAY_LONG: &str = "\
Plays traffic against an emulated provider and compares controllers side by side

The clients' machines are the real ones, on virtual time: an hour takes seconds, and the same seed
gives the same run. The provider hides its limit, counts at its own door, and refuses what is too
much. Each scenario ends in a table and in a sentence for each controller.";

const REPLAY_EXAMPLES: &str = "\
Examples:
  tidegate replay
  tidegate replay --scenario const-none,tpm-hdr --controller fixed,naive --seeds 5
  tidegate replay --scenario step-none,step-hdr --controller tidegate,aimd,aws --svg pace.svg
  tidegate replay --scenario const-hdr --controller fixed,tidegate --config tidegate.toml
  tidegate replay --scenario fair-keys --controller fixed,fifo --svg waits.svg
  tidegate replay --trace calls.csv.gz --scenario-file mine.toml --svg load.svg --json -

Controllers: tidegate (told nothing: learns its pace), aimd (the same by additive increase and
multiplicative decrease), fixed (Tidegate, told the true limit, fair between classes and keys), fifo
(the same without fairness: first come, first served), naive (no limiter: sends, and tries again), aws
(adaptive retry mode of the AWS SDKs), sre (Google's adaptive throttling)

With --config, tidegate, aimd, fixed and fifo have the limits, queue and everything else of that
service; the first two learn a pace beside it.

A trace is CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens, or JSON Lines such as
  {\"at_s\": 1.25, \"input_tokens\": 374, \"output_tokens\": 44, \"key\": \"agent-1\"}
plain or under gzip.

A scenario file names a limit, in the simplest case:
  name = \"mine\"
  [provider]
  requests = { rate_of_load = 0.7, burst_s = 10 }
docs/examples/scenario.toml has every key.";

const CHECK_LONG: &str = "\
Checks a configuration and prints what each of its limits lets through in the worst case

Variables of the environment that begin with TIDEGATE__ are applied on top of the file. Everything
that is wrong is listed at once, each fault on a line of its own with its place and what is
accepted.";

const CHECK_EXAMPLES: &str = "\
Examples:
  tidegate check tidegate.toml
  tidegate check tidegate.toml --json
  TIDEGATE__SERVICES__ANTHROPIC__QUEUE__CAPACITY=50 tidegate check tidegate.toml";

const FEEDBACK_LONG: &str = "\
Reads what services answered, and prints what it means: one line of JSON for each response

Says whether it was a rate limit, an overload, a quota that is used up or none of them; how long to
wait and where the service says so; what is left of which limit; and what the call was charged.
Instants are measured against the `Date` of the response, and not against the clock here.";

const FEEDBACK_EXAMPLES: &str = "\
Examples:
  curl -si https://api.github.com/zen | tidegate feedback --http --provider github
  tidegate feedback < responses.jsonl

A line of JSON is one response; all but the status may be missing:
  {\"id\": 7, \"provider\": \"openai\", \"status\": 429, \"headers\": [[\"retry-after\", \"5\"]],
   \"body\": {\"error\": {\"code\": \"slow_down\"}}, \"local_now\": \"2026-09-27T12:00:00Z\"}
A provider that is not known there is read as `generic`. A line that cannot be read is said on standard
error, the others are answered, and the exit code is 1.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, about = ABOUT, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plays traffic against an emulated provider and compares controllers
    #[command(long_about = REPLAY_LONG, after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArguments),
    /// Checks a configuration and prints what its limits let through
    #[command(long_about = CHECK_LONG, after_help = CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// Reads responses and prints what they say of limits
    #[command(long_about = FEEDBACK_LONG, after_help = FEEDBACK_EXAMPLES)]
    Feedback(FeedbackArguments),
    /// Runs limiters and shows everything about them over HTTP
    #[command(long_about = serve::LONG, after_help = serve::EXAMPLES)]
    Serve(ServeArguments),
    /// Prints where everything stands at a running server
    Status(StatusArguments),
    /// Shows where everything stands, in the terminal, as it changes
    #[command(after_help = remote::TOP_KEYS)]
    Top(TopArguments),
    /// Says what would become of a call, and why
    #[command(after_help = remote::EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Prints what was used at a running server, and what became of it
    Report(ReportArguments),
    /// Prints rules for warnings, or a dashboard, for what is scraped
    Alerts(AlertsArguments),
}

/// The arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The traffic to play; without it, an hour of traffic is generated from the first seed
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// The scenarios to play, by name; an unknown name lists those that there are
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "const-none",
        conflicts_with = "scenario_file"
    )]
    pub(crate) scenario: Vec<String>,

    /// A scenario of your own, in TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario_file: Option<PathBuf>,

    /// The controllers to compare
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', default_value = "fixed,naive")]
    pub(crate) controller: Vec<String>,

    /// What Tidegate's machines are configured with, instead of being told the true limits
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The service of that configuration, where it has several
    #[arg(long, value_name = "NAME", requires = "config")]
    pub(crate) service: Option<String>,

    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// How many seeds to play, one after another: 1 to 1000
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..=1_000)
    )]
    pub(crate) seeds: u64,

    /// Writes the results as JSON; with `-` to standard output, and the tables to standard error
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<PathBuf>,

    /// Draws the first seed: load and pace over time, and the waits of each class and key
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The configuration, in TOML
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Prints JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `feedback`.
#[derive(Debug, Args)]
pub(crate) struct FeedbackArguments {
    /// Whose responses they are, whatever a line says; an unknown name lists those that there are
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,

    /// Reads raw responses as `curl -i` prints them, instead of JSON Lines
    #[arg(long)]
    pub(crate) http: bool,
}
