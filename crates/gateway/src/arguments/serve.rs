//! The arguments of `serve`.

use std::path::PathBuf;

use clap::Args;
use tidegate_units::Span;

pub(super) const LONG: &str = "\
Runs limiters and shows everything about them over HTTP: a page, figures for Prometheus, JSON

Without a configuration it is a demonstration: generated traffic to emulated services in this program, under
limits of every kind. It needs no key and no network. With a configuration the limiters of its services run,
and nothing sends calls through them.

The first line on standard output says where it listens. Everything else is said on standard error.";

pub(super) const EXAMPLES: &str = "\
Examples:
  tidegate serve
  tidegate serve --listen 127.0.0.1:0 --seed 7 --speed 4
  tidegate serve --config tidegate.toml --token-file token

Changes need a token: that of --token-file, or of TIDEGATE_ADMIN_TOKEN, or a random one that is printed on
standard error at the start. The limits of a change replace all that the service has.
  curl -X PATCH -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' \\
    -d '{\"limits\":[\"60 requests per minute\"]}' http://127.0.0.1:8787/api/v1/services/anthropic";

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The configuration, in TOML; without it, a demonstration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where to listen; port 0 takes a free one. Addresses beyond this machine are for you to protect
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787")]
    pub(crate) listen: String,

    /// Where changes are taken, instead of where everything else is shown
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) admin: Option<String>,

    /// The file with the token that changes need
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Where figures are pushed every minute: a collector of OpenTelemetry (OTLP over HTTP, protobuf)
    #[arg(long, value_name = "URL")]
    pub(crate) otlp: Option<String>,

    /// What is said on standard error: a level, or levels by part
    #[arg(long, value_name = "FILTER", default_value = "info,actix_server=warn")]
    pub(crate) log: String,

    /// From what the demonstration is drawn
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "config")]
    pub(crate) seed: u64,

    /// How many times faster than usual loads, capacities and outages of the demonstration come and go
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=100),
        conflicts_with = "config"
    )]
    pub(crate) speed: u32,

    /// For how long the demonstration has traffic; then it only serves
    #[arg(long, value_name = "SPAN", conflicts_with = "config")]
    pub(crate) traffic_for: Option<Span>,
}
