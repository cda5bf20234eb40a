//! What holds beside limits: queues, slots, retries, breakers, turns.
//!
//! Times are in seconds, and parts of a whole from 0 to 1.

use std::collections::BTreeMap;

use serde::Serialize;
use tidegate_units::{
    BreakerPolicy, Concurrency, Jitter, Overflow, Priority, QueuePolicy, RetryPolicy, ServiceName,
    Share, Span,
};

use super::paces::LearnLine;
use super::part::Part;

/// Where the calls of one service wait.
#[derive(Debug, Serialize)]
pub(crate) struct QueueLine {
    pub(crate) service: ServiceName,
    pub(crate) capacity: usize,
    timeout_s: f64,
    overflow: Overflow,
    /// The most that may wait, by dimension.
    max_cost: BTreeMap<String, u64>,
    /// Every class, most urgent first.
    pub(crate) classes: Vec<ClassLine>,
    backfill_s: f64,
    pub(crate) fair_between: Option<String>,
    /// The policy itself, for text.
    #[serde(skip)]
    pub(crate) policy: QueuePolicy,
}

/// What a class of a queue gets.
#[derive(Debug, Serialize)]
pub(crate) struct ClassLine {
    pub(crate) class: Priority,
    /// Whether it is served before all classes below it.
    pub(crate) is_strict: bool,
    /// What it gets at least of what is granted, where it is not strict.
    #[serde(serialize_with = "fraction")]
    pub(crate) share: Share,
    /// What it leaves of every burst.
    #[serde(serialize_with = "fraction")]
    pub(crate) floor: Share,
}

/// How many calls may be under way.
#[derive(Debug, Serialize)]
pub(crate) struct SlotsLine {
    #[serde(flatten)]
    pub(crate) part: Part,
    slots: u32,
    lease_s: f64,
    /// How the number is learned, of a service that learns it.
    pub(crate) learned: Option<LearnLine>,
    /// The policy itself, for text.
    #[serde(skip)]
    pub(crate) policy: Concurrency,
}

/// How the calls of one service are made again.
#[derive(Debug, Serialize)]
pub(crate) struct RetryLine {
    pub(crate) service: ServiceName,
    attempts: u32,
    base_s: f64,
    max_s: f64,
    jitter: JitterLine,
    #[serde(serialize_with = "fraction")]
    budget: Share,
    /// The policy itself, for text.
    #[serde(skip)]
    pub(crate) policy: RetryPolicy,
}

/// What chance does to a delay, as it is written in a configuration.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum JitterLine {
    Word(String),
    #[serde(serialize_with = "fraction")]
    Around(Share),
}

/// When calls are held back because others fail.
#[derive(Debug, Serialize)]
pub(crate) struct BreakerLine {
    #[serde(flatten)]
    pub(crate) part: Part,
    failures: u32,
    #[serde(serialize_with = "fraction")]
    failure_rate: Share,
    slow_after_s: Option<f64>,
    /// `None` where no call is slow.
    slow_rate: Option<f64>,
    window_s: f64,
    open_s: f64,
    probes: u32,
    /// The policy itself, for text.
    #[serde(skip)]
    pub(crate) policy: BreakerPolicy,
}

/// A part of a service's calls, and how much is said of it.
#[derive(Debug, Serialize)]
pub(crate) struct PartLine {
    #[serde(flatten)]
    pub(crate) part: Part,
    pub(crate) limits: usize,
    pub(crate) slots: Option<u32>,
}

/// How many turns one value of a key takes.
#[derive(Debug, Serialize)]
pub(crate) struct WeightLine {
    #[serde(flatten)]
    pub(crate) part: Part,
    pub(crate) value: String,
    pub(crate) weight: u32,
}

impl QueueLine {
    pub(super) fn new(service: &ServiceName, policy: &QueuePolicy) -> Self {
        let amounts = policy.max_cost.iter();
        Self {
            service: service.clone(),
            capacity: policy.capacity,
            timeout_s: policy.timeout.as_secs_f64(),
            overflow: policy.overflow,
            max_cost: amounts.map(|(what, amount)| (what.name().to_owned(), amount)).collect(),
            classes: Priority::ALL.map(|class| ClassLine::new(class, policy)).into(),
            backfill_s: policy.backfill.as_secs_f64(),
            fair_between: policy.fair_between.map(|name| name.as_str().to_owned()),
            policy: policy.clone(),
        }
    }
}

impl ClassLine {
    fn new(class: Priority, policy: &QueuePolicy) -> Self {
        Self {
            class,
            is_strict: policy.strict.is_some_and(|least| class <= least),
            share: policy.shares[class.index()],
            floor: policy.floors[class.index()],
        }
    }
}

impl SlotsLine {
    pub(super) fn new(part: Part, policy: Concurrency) -> Self {
        let Concurrency { slots, lease } = policy;
        Self { part, slots, lease_s: lease.as_secs_f64(), learned: None, policy }
    }
}

impl RetryLine {
    pub(super) fn new(service: &ServiceName, policy: RetryPolicy) -> Self {
        Self {
            service: service.clone(),
            attempts: policy.attempts,
            base_s: policy.backoff.base.as_secs_f64(),
            max_s: policy.backoff.max.as_secs_f64(),
            jitter: match policy.jitter {
                Jitter::Around(share) => JitterLine::Around(share),
                word => JitterLine::Word(word.to_string()),
            },
            budget: policy.budget,
            policy,
        }
    }
}

impl BreakerLine {
    pub(super) fn new(part: Part, policy: BreakerPolicy) -> Self {
        Self {
            part,
            failures: policy.failures,
            failure_rate: policy.failure_rate,
            slow_after_s: policy.slow_after.map(Span::as_secs_f64),
            slow_rate: policy.slow_after.map(|_| of_one(policy.slow_rate)),
            window_s: policy.window.as_secs_f64(),
            open_s: policy.open.as_secs_f64(),
            probes: policy.probes,
            policy,
        }
    }
}

fn of_one(share: Share) -> f64 {
    f64::from(share.as_per_mille()) / 1_000.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn fraction<S: serde::Serializer>(share: &Share, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(of_one(*share))
}
