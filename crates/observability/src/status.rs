//! Where everything stands, for a program to read: what `GET /api/v1/status` answers.
//!
//! A status is a [`Sample`] with what was made of it and of those before it: warnings, rates, forecasts.
//! Its form has a version ([`SCHEMA`]); fields may be added under the same one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tidegate_units::{Dimension, ServiceName};

use crate::event::Event;
use crate::sample::{LimitSample, Sample, ScopeKind, ServiceSample, UnixMillis};

/// The version of the form of a [`Status`].
pub const SCHEMA: &str = "tidegate.status/1";

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of Tidegate.
    pub version: String,
    /// When, on the wall.
    pub at: UnixMillis,
    /// How long the program runs by then.
    pub uptime_ms: u64,
    /// Each service, by name.
    pub services: Vec<ServiceStatus>,
    /// The limits that all services share.
    pub shared: Vec<LimitSample>,
    /// What is warned of now, the worst first.
    pub alerts: Vec<Alert>,
    /// What happened last, the latest first: refusals, waits of the service's making, changes.
    pub recent: Vec<Event>,
    /// Events that nobody took in time.
    pub events_dropped: u64,
    /// What the services themselves have counted, where they run in this program and can be asked: that is
    /// so for emulated ones. A claim can be held against it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub upstream: BTreeMap<ServiceName, UpstreamCount>,
}

/// What a service has counted at its own door since the start.
///
/// When nothing is under way, what was granted and not cancelled here is what has `arrived` there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct UpstreamCount {
    /// Calls that came.
    pub arrived: u64,
    /// Of those, how many it did.
    pub admitted: u64,
    /// How many it refused at a limit of its own.
    pub rate_limited: u64,
    /// How many it turned away because it had too much to do.
    pub overloaded: u64,
    /// How many failed because somebody else held what they needed.
    pub contended: u64,
    /// How many failed for another reason.
    pub failed: u64,
    /// Calls that it works on now.
    pub under_way: u64,
    /// The most that it ever worked on at once.
    pub under_way_max: u64,
    /// What the calls that it did took, by dimension; requests are counted above.
    pub used: BTreeMap<Dimension, u64>,
    /// How many requests per second it bears now in the long run, where it has such a limit.
    pub capacity_per_second: Option<f64>,
}

/// Where a service stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// What it says of itself.
    #[serde(flatten)]
    pub sample: ServiceSample,
    /// What its operations came to.
    pub statistics: Statistics,
    /// What it did lately.
    pub trends: Trends,
    /// When its long limits are used up.
    pub forecasts: Vec<Forecast>,
    /// Which limits would have been enough.
    pub advice: Vec<Advice>,
}

/// What the operations of a service came to since the start.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Requests that were granted, refused or given up.
    pub total_operations: u64,
    /// Of those, how many were not granted at once.
    pub throttled_operations: u64,
    /// Their share: 0 to 1.
    pub throttle_rate: f64,
    /// When a permit was last granted.
    pub last_acquire: Option<UnixMillis>,
}

impl Statistics {
    /// What a service's counters come to.
    pub fn of(sample: &ServiceSample) -> Self {
        let (total, throttled) = (sample.operations(), sample.throttled());
        Self {
            total_operations: total,
            throttled_operations: throttled,
            throttle_rate: share(throttled, total),
            last_acquire: sample.last_granted,
        }
    }
}

/// The share of `part` in `whole`, 0 to 1; none of nothing.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a share is a float; exact up to 2^53"
)]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

/// What a service did lately.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trends {
    /// In the last minute.
    pub minute: Trend,
    /// In the last five minutes.
    pub five_minutes: Trend,
    /// In the last hour.
    pub hour: Trend,
}

/// What a service did in one stretch of time that ends now.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trend {
    /// How much of that stretch there is anything known of.
    pub over_ms: u64,
    /// Permits granted per second.
    pub granted_per_second: f64,
    /// Requests refused per second.
    pub refused_per_second: f64,
    /// Calls per second that the service itself refused for a rate, for overload or for a quota.
    pub refused_upstream_per_second: f64,
    /// The share of operations that were not granted at once: 0 to 1.
    pub throttle_rate: f64,
    /// What calls used per second, by dimension.
    pub used_per_second: BTreeMap<Dimension, f64>,
    /// Waits of those granted from the queue, in milliseconds; `None` if there were none.
    pub wait_ms: Option<WaitTrend>,
}

/// How long callers waited.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WaitTrend {
    /// Half of them at most this.
    pub p50: f64,
    /// Nine in ten at most this.
    pub p90: f64,
    /// 99 in a hundred at most this.
    pub p99: f64,
}

/// When a long limit is used up at the present pace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// What the limit applies to.
    pub scope: ScopeKind,
    /// Which model, endpoint or key.
    pub of: String,
    /// What it counts.
    pub dimension: Dimension,
    /// Its window in words.
    pub per: String,
    /// What is used of it.
    pub used: u64,
    /// What it holds.
    pub capacity: u64,
    /// How much is used of it per second, net of what comes back.
    pub rate_per_second: f64,
    /// How long until it is used up; `None`: at this pace never.
    pub exhausted_in_ms: Option<Between>,
    /// How long until nothing of it is used, if nothing else is spent.
    pub resets_after_ms: u64,
    /// Whether it is likely to be used up before that.
    pub before_reset: bool,
}

/// A likely value, and what it lies between in four of five cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Between {
    /// At least this, in nine of ten cases.
    pub low: u64,
    /// The likeliest.
    pub likely: u64,
    /// At most this, in nine of ten cases; `None`: no end in sight.
    pub high: Option<u64>,
}

/// Which limit would have been enough for what was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// What the limit applies to.
    pub scope: ScopeKind,
    /// Which model, endpoint or key.
    pub of: String,
    /// What it counts.
    pub dimension: Dimension,
    /// Its window in words.
    pub per: String,
    /// What it allows.
    pub amount: u64,
    /// The most that was asked in any such window, as far as is remembered.
    pub peak: u64,
    /// What would have let everything pass at once.
    pub enough: u64,
    /// How much of the past this is drawn from.
    pub over_ms: u64,
    /// The same as a sentence.
    pub text: String,
}

/// What somebody is warned of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlertKind {
    /// A limit is nearly used up.
    Approaching,
    /// More was spent than a limit allows.
    Breach,
    /// The service says that a quota is used up.
    QuotaExhausted,
    /// A large part of the calls is not granted at once.
    Throttling,
    /// A circuit breaker is open.
    BreakerOpen,
    /// The queue is nearly full.
    QueueNearFull,
    /// The service bears far less than is configured.
    LearnedBelowConfigured,
    /// The limiter of a service does not run.
    LimiterDown,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Approaching,
        Self::Breach,
        Self::QuotaExhausted,
        Self::Throttling,
        Self::BreakerOpen,
        Self::QueueNearFull,
        Self::LearnedBelowConfigured,
        Self::LimiterDown,
    ];

    /// The name used in configuration, metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approaching => "approaching",
            Self::Breach => "breach",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Throttling => "throttling",
            Self::BreakerOpen => "breaker_open",
            Self::QueueNearFull => "queue_near_full",
            Self::LearnedBelowConfigured => "learned_below_configured",
            Self::LimiterDown => "limiter_down",
        }
    }
}

/// How bad it is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody should look when there is time.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// The name used in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same thing for as long as it lasts, and when it comes again.
    pub id: String,
    /// Of what.
    pub kind: AlertKind,
    /// How bad it is.
    pub severity: Severity,
    /// Of which service; `None`: of what all share.
    pub service: Option<ServiceName>,
    /// What was measured when it was raised, in the unit of the threshold.
    pub value: f64,
    /// From where on it is raised.
    pub threshold: f64,
    /// Since when.
    pub since: UnixMillis,
    /// When it was over; `None`: it is not.
    pub resolved_at: Option<UnixMillis>,
    /// What is the matter, as a sentence.
    pub text: String,
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resolved_at {
            None => write!(f, "{}: {}", self.severity.name(), self.text),
            Some(_) => write!(f, "resolved: {}", self.text),
        }
    }
}

/// What a service did second by second, for plots.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Series {
    /// The points, the oldest first.
    pub points: Vec<Point>,
}

/// What a service did since the point before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: UnixMillis,
    /// How long since the point before.
    pub over_ms: u64,
    /// Permits granted.
    pub granted: u64,
    /// Requests refused.
    pub refused: u64,
    /// Calls that the service itself refused.
    pub refused_upstream: u64,
    /// Requests that wait.
    pub queued: u64,
    /// How much of each of its own limits is used, 0 to 1, in the order of the sample's.
    pub used: Vec<f64>,
    /// How fast calls are sent, per second, in the order of the sample's paces.
    pub pace: Vec<f64>,
}

impl Status {
    /// The sample that it was made from, without what was made of it.
    pub fn sample(&self) -> Sample {
        Sample {
            at: self.at,
            started_at: UnixMillis(0),
            uptime_ms: self.uptime_ms,
            services: self.services.iter().map(|service| service.sample.clone()).collect(),
            shared: self.shared.clone(),
            events_dropped: self.events_dropped,
        }
    }
}
