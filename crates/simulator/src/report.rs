//! What a replay found out, in the form that is written as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

/// The name and version of the form.
pub const SCHEMA: &str = "tidegate.replay/1";

/// One scenario, every controller, every seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The traffic.
    pub trace: TraceSummary,
    /// The scenario's name.
    pub scenario: String,
    /// The seeds, in the order in which they ran.
    pub seeds: Vec<u64>,
    /// One for each controller and seed.
    pub runs: Vec<Run>,
}

/// The traffic in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceSummary {
    /// Where it came from.
    pub name: String,
    /// How many requests.
    pub requests: usize,
    /// From the first to the last, in seconds.
    pub span_s: f64,
}

/// One controller on one seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The controller.
    pub controller: String,
    /// The seed.
    pub seed: u64,
    /// Work admitted at the provider, as a share of what an omniscient queue would have got admitted.
    pub goodput: f64,
    /// Refusals by the provider per 1000 admitted requests.
    pub refused_per_1000: f64,
    /// Requests given up for good.
    pub failed: u64,
    /// Requests that had neither been admitted nor given up when the trace ended.
    pub waiting: u64,
    /// Requests that the provider admitted.
    pub admitted: u64,
    /// The most that any window at the provider held beyond its limit; 0 unless the provider is wrong.
    pub excess: u64,
    /// The most by which what *arrived* went beyond the limit, in any window: what the client would
    /// have done to a provider that does not refuse.
    pub offered_excess: u64,
    /// Seconds from a request's arrival to its admission, by class.
    pub wait_s: BTreeMap<String, Quantiles>,
    /// The same by key: the 20 with the most requests, all others as `other`, and requests without a
    /// key as `none`. Not in the JSON where no request has one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub wait_s_by_key: BTreeMap<String, Quantiles>,
    /// How many requests came and were admitted, by class.
    pub served: BTreeMap<String, Served>,
    /// The same by key, as [`Run::wait_s_by_key`] has them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub served_by_key: BTreeMap<String, Served>,
    /// How each change of the limit was met.
    pub steps: Vec<Step>,
    /// Jain's index of fairness between clients over 60 s, the mean of all minutes; of what was admitted
    /// of what they wanted where that differs. `None` with one client.
    pub jain_60s: Option<f64>,
    /// Decisions of the machines per second of real time.
    pub decisions_per_s: u64,
    /// The load over time; for plots, not part of the JSON.
    #[serde(skip)]
    pub load: Vec<LoadPoint>,
    /// Capacity and pace over time; for plots, not part of the JSON.
    #[serde(skip)]
    pub pace: Vec<PacePoint>,
}

/// Two quantiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// How many of some requests got through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Requests that came.
    pub requests: u64,
    /// Those of them that the provider admitted.
    pub admitted: u64,
}

/// How one change of the provider's limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// When the limit changed, in seconds from the start.
    pub at_s: f64,
    /// What an omniscient queue would have got admitted in the next minute beyond what was, in seconds'
    /// worth of the new limit.
    pub lost_s: f64,
    /// Seconds until the pace had come to nine tenths of a higher limit or eleven of a lower one, and
    /// stayed beyond that for three: what goes further finds out where the limit is.
    pub reached_s: f64,
    /// Seconds until the pace had come within a tenth of the new limit and stayed for three.
    pub converged_s: f64,
    /// Refusals until then.
    pub refused: u64,
}

/// Ten seconds of load, in requests per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LoadPoint {
    /// The middle of the ten seconds, in seconds from the start.
    pub at_s: f64,
    /// First tries that came in from the trace.
    pub offered: f64,
    /// Requests that the provider admitted.
    pub admitted: f64,
    /// Requests that the provider refused.
    pub refused: f64,
}

/// A second of a run, or more of a long one, in units of work per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PacePoint {
    /// The middle of it, in seconds from the start.
    pub at_s: f64,
    /// What the provider's limit lets in.
    pub capacity: f64,
    /// What it admitted.
    pub admitted: f64,
    /// What the controller says its pace is, and all clients together; `None` if it has none.
    pub pace: Option<f64>,
}

/// The length of one [`LoadPoint`], in seconds.
pub const LOAD_POINT_S: u64 = 10;
