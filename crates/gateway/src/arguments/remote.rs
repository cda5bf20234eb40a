//! The arguments of the commands that ask a running server.

use clap::{Args, ValueEnum};
use tidegate_units::{Priority, Span};

pub(super) const TOP_KEYS: &str = "\
Keys: arrows or j and k choose a service, s sorts, r reverses, p or space pauses, ? helps, q ends";

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  tidegate explain anthropic
  tidegate explain anthropic --input-tokens 40000 --model claude-opus-4 --key agent=planner --priority high
  tidegate explain git --within 500ms";

/// Which server is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct Backend {
    /// The server that is asked
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8787")]
    pub(crate) url: String,
}

/// The arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) backend: Backend,

    /// Prints what the server answers instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `top`.
#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    #[command(flatten)]
    pub(crate) backend: Backend,

    /// How often the server is asked: 100ms to 1m
    #[arg(long, value_name = "SPAN", default_value = "1s")]
    pub(crate) interval: Span,
}

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,

    #[command(flatten)]
    pub(crate) backend: Backend,

    /// Tokens in both directions together
    #[arg(long, value_name = "N")]
    pub(crate) tokens: Option<u64>,

    /// Tokens that are sent
    #[arg(long, value_name = "N")]
    pub(crate) input_tokens: Option<u64>,

    /// Tokens that are generated
    #[arg(long, value_name = "N")]
    pub(crate) output_tokens: Option<u64>,

    /// The model that is asked
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// The endpoint that is called
    #[arg(long, value_name = "NAME")]
    pub(crate) endpoint: Option<String>,

    /// On whose behalf, such as agent=planner; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = key)]
    pub(crate) key: Vec<(String, String)>,

    /// Its class: critical, high, normal, low or background
    #[arg(long, value_name = "CLASS", default_value_t = Priority::Normal)]
    pub(crate) priority: Priority,

    /// How long it may wait, such as 500ms
    #[arg(long, value_name = "SPAN")]
    pub(crate) within: Option<Span>,

    /// Prints what the server answers instead of a sentence
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    #[command(flatten)]
    pub(crate) backend: Backend,

    /// How it is written: table, markdown, csv or json
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) format: String,

    /// What each row is about: service, model, key or hour
    #[arg(long, value_name = "WHAT", default_value = "service")]
    pub(crate) by: String,

    /// How many hours back, the present one included: 1 to 744
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub(crate) hours: u32,

    /// Only of this service
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
}

/// The arguments of `alerts`.
#[derive(Debug, Args)]
pub(crate) struct AlertsArguments {
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "rules")]
    pub(crate) format: AlertsFormat,
}

/// What is generated from the catalogue of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertsFormat {
    /// Rules for Prometheus, in YAML
    Rules,
    /// A dashboard for Grafana, in JSON
    Dashboard,
}

fn key(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("use NAME=VALUE, such as agent=planner")?;
    Ok((name.to_owned(), value.to_owned()))
}
