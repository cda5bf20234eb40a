//! What everybody says about themselves at one moment: the one source of every figure that is shown.
//!
//! The page, the scrape, the terminal and the reports are made from samples and from nothing else, so that
//! they cannot disagree. Counters count from the start of the program and never fall; what happened in a
//! minute is the difference of two samples. Times are milliseconds, for programs that are not written in
//! Rust read them too.
//!
//! # Invariants
//!
//! - OBS-4: when nothing is under way, what is shown is what the service counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_units::{Dimension, Instant, Outcome, Priority, Scope, ServiceName, WallOrigin};

use crate::tally::refusals::RefusalCount;
use crate::tally::usage::{Spent, UsageCount, UsageRow};
use crate::tally::waits::Waits;

/// A time on the wall: milliseconds since 1970, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The time on the wall at an instant of a clock with this origin.
    pub fn of(origin: WallOrigin, now: Instant) -> Self {
        Self(origin.to_wall(now).as_nanos() / 1_000_000)
    }
}

/// Everything, at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// When, on the wall.
    pub at: UnixMillis,
    /// When the program began, on the wall; zero if that is not known.
    #[serde(default)]
    pub started_at: UnixMillis,
    /// How long the program runs by then.
    pub uptime_ms: u64,
    /// Each service, by name.
    pub services: Vec<ServiceSample>,
    /// The limits that all services share.
    pub shared: Vec<LimitSample>,
    /// Events dropped so far because nobody took them in time.
    pub events_dropped: u64,
}

/// One service. Counters are since the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceSample {
    /// Its name.
    pub service: ServiceName,
    /// Permits granted from the gate, in requests.
    pub granted_by_gate: u64,
    /// Permits granted from the queue.
    pub granted_by_queue: u64,
    /// Of those, how many were not granted at once, which is within a millisecond.
    pub waited: u64,
    /// Permits granted that nobody was there to take; no call was made.
    pub unclaimed: u64,
    /// Requests refused, whatever the reason: in line, and by those who do not wait.
    pub refused: u64,
    /// The same by the reason and the limit that bound.
    pub refusals: Vec<RefusalCount>,
    /// Those of them that are not told apart.
    pub refusals_other: u64,
    /// Of those refused, how many waited in vain until their deadline.
    pub expired: u64,
    /// Callers that stopped waiting.
    pub withdrawn: u64,
    /// How calls ended of which it was said, by [`Outcome::index`].
    #[serde(with = "outcomes")]
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Requests that wait now, those that back off included.
    pub queued: u64,
    /// Of those, how many of each class; classes without any left out.
    pub queued_by_class: BTreeMap<Priority, u64>,
    /// How many back off before they wait again.
    pub backing_off: u64,
    /// How many may wait.
    pub queue_capacity: u64,
    /// How long those waited who were granted from the queue, by class; classes without any left out.
    pub waits: BTreeMap<Priority, Waits>,
    /// Its own limits.
    pub limits: Vec<LimitSample>,
    /// The models, endpoints and keys with limits of their own; at most a hundred.
    pub parts: Vec<PartSample>,
    /// Calls under way, where they are limited.
    pub slots: Option<SlotsSample>,
    /// Its circuit breaker, where there is one.
    pub breaker: Option<BreakerPhase>,
    /// How long the service still wants to be left alone.
    pub paused_for_ms: Option<u64>,
    /// What is learned of how fast it may be called, by dimension.
    pub paces: Vec<PaceSample>,
    /// Calls made again.
    pub retries: RetrySample,
    /// Permits lent to the gate.
    pub in_gate: BTreeMap<Dimension, u64>,
    /// Permits of the shared limits that are borrowed and not in the gate.
    pub borrowed: BTreeMap<Dimension, u64>,
    /// What was charged, given back and owed.
    pub spent: Spent,
    /// Calls that said which model they ask.
    pub models: UsageSample,
    /// Calls that said on whose behalf they are made.
    pub keys: UsageSample,
    /// When a permit was last granted.
    pub last_granted: Option<UnixMillis>,
    /// Failures of its limiter.
    pub failures: u64,
    /// Restarts of its limiter.
    pub restarts: u64,
    /// Settlements that were summed up because the limiter did not keep up.
    pub forgone: u64,
    /// Whether its limiter grants: neither failed nor stopping.
    pub running: bool,
    /// Whether it takes no more calls because it was told so.
    #[serde(default)]
    pub stopping: bool,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSample {
    /// Whose it is; `None` for those that all services share.
    pub service: Option<ServiceName>,
    /// What it applies to.
    pub scope: ScopeKind,
    /// Which model, endpoint or key; empty for a service and for all services.
    pub of: String,
    /// What it counts.
    pub dimension: Dimension,
    /// Its window in milliseconds; of a calendar period the longest that it can be.
    pub window_ms: u64,
    /// Its window in words: `1m`, or `day in UTC`.
    pub per: String,
    /// How much it allows per window.
    pub amount: u64,
    /// The most that passes at once.
    pub capacity: u64,
    /// What would pass now and is not lent.
    pub available: u64,
    /// What is lent and not settled.
    pub lent: u64,
    /// What was spent beyond it, because calls cost more than estimated.
    pub debt: u64,
    /// The most that ever was.
    pub debt_max: u64,
    /// How long until nothing of it is used, if nothing else is spent.
    pub resets_after_ms: u64,
}

impl LimitSample {
    /// How long it takes until all of it is back once it is used up: its window; of a bucket that holds less
    /// than that, the time to fill.
    pub fn recovery_ms(&self) -> u64 {
        let held = u128::from(self.capacity.min(self.amount));
        let filled = u128::from(self.window_ms) * held / u128::from(self.amount.max(1));
        u64::try_from(filled).unwrap_or(u64::MAX)
    }

    /// What is spent of it. What is lent ahead is not: callers may still take that.
    pub fn used(&self) -> u64 {
        self.capacity.saturating_sub(self.available).saturating_sub(self.lent)
    }
}

/// What a limit applies to, without saying which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// All services.
    Global,
    /// A service.
    Service,
    /// Models of a service.
    Model,
    /// Endpoints of a service.
    Endpoint,
    /// A key of a service.
    Key,
}

impl ScopeKind {
    /// The name used in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Service => "service",
            Self::Model => "model",
            Self::Endpoint => "endpoint",
            Self::Key => "key",
        }
    }

    /// The kind of a scope, and which one of it among those that the configuration names: the pattern of a
    /// model or an endpoint, the name of a key.
    pub fn of(scope: &Scope) -> (Self, String) {
        match scope {
            Scope::Service(_) => (Self::Service, String::new()),
            Scope::Model(part) => (Self::Model, part.1.clone()),
            Scope::Endpoint(part) => (Self::Endpoint, part.1.clone()),
            Scope::Key(part) => (Self::Key, part.1.name().as_str().to_owned()),
            _ => (Self::Global, String::new()),
        }
    }

    /// The same, with the value of a key behind its name.
    pub fn with_value(scope: &Scope) -> (Self, String) {
        match scope {
            Scope::Key(part) => {
                let (name, value) = (part.1.name(), part.1.value());
                (Self::Key, format!("{}={value}", name.as_str()))
            }
            scope => Self::of(scope),
        }
    }
}

/// A part of a service with limits of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSample {
    /// What it is.
    pub scope: ScopeKind,
    /// Which one.
    pub of: String,
    /// How many wait for it.
    pub waiting: u64,
    /// Its limits.
    pub limits: Vec<LimitSample>,
    /// Calls under way, where they are limited.
    pub slots: Option<SlotsSample>,
    /// Its circuit breaker, where there is one.
    pub breaker: Option<BreakerPhase>,
}

/// Calls under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotsSample {
    /// How many are.
    pub held: u64,
    /// How many may be.
    pub slots: u64,
}

/// Where a circuit breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerPhase {
    /// Calls are let through.
    Closed,
    /// A few calls may try.
    HalfOpen,
    /// Nothing is let through.
    Open,
}

impl BreakerPhase {
    /// The name used in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What is learned of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PaceSample {
    /// What is paced.
    pub dimension: Dimension,
    /// How fast calls are sent now, per second.
    pub per_second: f64,
    /// How fast the service is thought to bear them in the long run.
    pub learned_per_second: Option<f64>,
    /// How much of that is known rather than guessed: 0 to 1.
    pub confidence: f64,
    /// What the configuration allows per second, or begins with where it states no limit.
    pub configured_per_second: Option<f64>,
}

/// Calls made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RetrySample {
    /// Made again because they had failed.
    pub retries: u64,
    /// Made once more while they were under way.
    pub hedges: u64,
    /// Not made again because the budget was empty.
    pub denied: u64,
    /// How many the budget has left.
    pub budget: u64,
}

/// Calls by model or by key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageSample {
    /// Those that are told apart.
    pub rows: Vec<UsageRow>,
    /// Those that came when there was no room to tell them apart.
    #[serde(default, skip_serializing_if = "UsageCount::is_none")]
    pub other: UsageCount,
    /// All of them, whatever became of their rows.
    pub total: UsageCount,
}

/// Outcomes by name: a list of numbers says nothing to a reader.
pub(crate) mod outcomes {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tidegate_units::Outcome;

    type Counts = [u64; Outcome::ALL.len()];

    pub(crate) fn serialize<S: Serializer>(
        counts: &Counts,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let named = Outcome::ALL.into_iter().map(|outcome| (outcome, counts[outcome.index()]));
        named.collect::<BTreeMap<_, _>>().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Counts, D::Error> {
        let named = BTreeMap::<Outcome, u64>::deserialize(deserializer)?;
        let mut counts = Counts::default();
        for (outcome, count) in named {
            counts[outcome.index()] = count;
        }
        Ok(counts)
    }
}

impl ServiceSample {
    /// A service of which nothing is known yet.
    pub fn new(service: ServiceName) -> Self {
        Self {
            service,
            granted_by_gate: 0,
            granted_by_queue: 0,
            waited: 0,
            unclaimed: 0,
            refused: 0,
            refusals: Vec::new(),
            refusals_other: 0,
            expired: 0,
            withdrawn: 0,
            outcomes: Default::default(),
            queued: 0,
            queued_by_class: BTreeMap::new(),
            backing_off: 0,
            queue_capacity: 0,
            waits: BTreeMap::new(),
            limits: Vec::new(),
            parts: Vec::new(),
            slots: None,
            breaker: None,
            paused_for_ms: None,
            paces: Vec::new(),
            retries: RetrySample::default(),
            in_gate: BTreeMap::new(),
            borrowed: BTreeMap::new(),
            spent: Spent::default(),
            models: UsageSample::default(),
            keys: UsageSample::default(),
            last_granted: None,
            failures: 0,
            restarts: 0,
            forgone: 0,
            running: true,
            stopping: false,
        }
    }

    /// So many more were refused for this.
    pub fn add_refusals(&mut self, more: &RefusalCount) {
        let same = |row: &&mut RefusalCount| row.is_of(more);
        match self.refusals.iter_mut().find(same) {
            Some(row) => row.count = row.count.saturating_add(more.count),
            None => self.refusals.push(more.clone()),
        }
    }

    /// Permits granted and taken: calls that were made, or are about to be.
    pub fn granted(&self) -> u64 {
        let granted = self.granted_by_gate.saturating_add(self.granted_by_queue);
        granted.saturating_sub(self.unclaimed)
    }

    /// Requests that came to an end: granted, refused, or given up.
    pub fn operations(&self) -> u64 {
        self.granted().saturating_add(self.refused).saturating_add(self.withdrawn)
    }

    /// Of those, how many were not granted at once.
    pub fn throttled(&self) -> u64 {
        self.waited.saturating_add(self.refused).saturating_add(self.withdrawn)
    }

    /// How many calls ended so.
    pub fn ended(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()]
    }

    /// Its own limits, and those of its parts.
    pub fn all_limits(&self) -> impl Iterator<Item = &LimitSample> {
        self.limits.iter().chain(self.parts.iter().flat_map(|part| &part.limits))
    }
}

impl Sample {
    /// Every limit: those of services, of their parts, and the shared ones.
    pub fn limits(&self) -> impl Iterator<Item = &LimitSample> {
        self.services.iter().flat_map(ServiceSample::all_limits).chain(&self.shared)
    }

    /// A service by name.
    pub fn service(&self, name: &str) -> Option<&ServiceSample> {
        self.services.iter().find(|service| service.service.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_bucket_is_soon_back_however_long_its_window_is() {
        let limit = LimitSample {
            service: None,
            scope: ScopeKind::Global,
            of: String::new(),
            dimension: Dimension::Requests,
            window_ms: 86_400_000,
            per: "1d".to_owned(),
            amount: 86_400,
            capacity: 5,
            available: 1,
            lent: 3,
            debt: 0,
            debt_max: 0,
            resets_after_ms: 0,
        };
        assert_eq!((limit.recovery_ms(), limit.used()), (5_000, 1));
        assert_eq!(LimitSample { capacity: 86_400, ..limit.clone() }.recovery_ms(), 86_400_000);
        assert_eq!(LimitSample { capacity: 90_000, ..limit }.recovery_ms(), 86_400_000);
    }

    #[test]
    fn a_sample_survives_its_text() {
        let mut service = ServiceSample::new("anthropic".parse().expect("a name"));
        service.outcomes = [1, 2, 3, 4, 5, 6, 7];
        service.queued_by_class.insert(Priority::High, 3);
        service.in_gate.insert(Dimension::Tokens, 12);
        let sample = Sample { services: vec![service], ..Sample::default() };
        let text = serde_json::to_string(&sample).expect("it serialises");
        assert!(text.contains(r#""rate_limited":2"#), "{text}");
        assert_eq!(serde_json::from_str::<Sample>(&text).expect("it is its own"), sample);
    }
}
