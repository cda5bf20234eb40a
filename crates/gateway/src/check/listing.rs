//! What a configuration comes to, in the form that is written as JSON.

use std::path::Path;

use serde::Serialize;
use tidegate_algorithms::{provider_allows, worst_case};
use tidegate_config::Config;
use tidegate_units::{
    Calendar, DimensionName, EnforcedAs, Limit, Period, QueuePolicy, ServiceName, Span, Zone,
};

/// The name and version of the form.
const SCHEMA: &str = "tidegate.check/1";

/// All limits and queues of one configuration.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    schema: &'static str,
    /// The file as it was named.
    pub(crate) file: String,
    /// Dimensions of the user's own.
    pub(crate) dimensions: Vec<String>,
    /// The global limits first, then those of each service.
    pub(crate) limits: Vec<LimitLine>,
    /// One for each service.
    pub(crate) queues: Vec<QueueLine>,
}

/// One limit.
#[derive(Debug, Serialize)]
pub(crate) struct LimitLine {
    /// The service; `None` where the limit is on all of them together.
    pub(crate) service: Option<ServiceName>,
    dimension: String,
    amount: u64,
    /// Of a calendar period the longest.
    window_s: f64,
    /// What the window is a period of; `None` where it is a length of time.
    calendar: Option<Calendar>,
    pub(crate) enforced_as: EnforcedAs,
    /// What the service's bucket holds; `None` where it counts by windows.
    burst: Option<u64>,
    guard_s: f64,
    held_to: HeldTo,
    pub(crate) worst_case: u64,
    pub(crate) provider_allows: u64,
    /// The limit itself, for text.
    #[serde(skip)]
    pub(crate) limit: Limit,
}

/// What Tidegate keeps to, so that the service finds its own limit kept.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum HeldTo {
    /// A bucket that holds `capacity` and refills `amount` per window.
    Bucket { capacity: u64, amount: u64, window_s: f64 },
    /// No more than `amount` in any span of the window.
    Window { amount: u64, window_s: f64 },
    /// No more than `amount` in each period; what is let through at its end, for as long as the guard,
    /// counts in the next as well.
    Calendar { amount: u64, period: Period, zone: Zone, guard_s: f64 },
}

/// Where the calls of one service wait.
#[derive(Debug, Serialize)]
pub(crate) struct QueueLine {
    pub(crate) service: ServiceName,
    pub(crate) capacity: usize,
    timeout_s: f64,
    #[serde(skip)]
    pub(crate) timeout: Span,
}

impl Listing {
    /// The limits and queues of `config`, which was read from `file`.
    pub(crate) fn new(file: &Path, config: &Config) -> Self {
        let global = config.global.limits.iter().map(|limit| LimitLine::new(None, limit));
        let of_services = config.services.iter().flat_map(|(name, service)| {
            service.limits.iter().map(|limit| LimitLine::new(Some(name.clone()), limit))
        });
        let queues = config.services.iter().map(|(name, service)| {
            let QueuePolicy { capacity, timeout, .. } = service.queue;
            let timeout_s = timeout.as_secs_f64();
            QueueLine { service: name.clone(), capacity, timeout_s, timeout }
        });
        let name = |name: &DimensionName| name.as_str().to_owned();
        Self {
            schema: SCHEMA,
            file: file.display().to_string(),
            dimensions: config.global.dimensions.iter().map(name).collect(),
            limits: global.chain(of_services).collect(),
            queues: queues.collect(),
        }
    }
}

impl LimitLine {
    fn new(service: Option<ServiceName>, limit: &Limit) -> Self {
        let is_bucket = limit.shape() == EnforcedAs::TokenBucket;
        Self {
            service,
            dimension: limit.dimension().name().to_owned(),
            amount: limit.amount(),
            window_s: limit.window().as_secs_f64(),
            calendar: limit.calendar().cloned(),
            enforced_as: limit.shape(),
            burst: is_bucket.then(|| limit.burst_amount()),
            guard_s: limit.guard_span().as_secs_f64(),
            held_to: HeldTo::of(limit),
            worst_case: worst_case(limit),
            provider_allows: provider_allows(limit),
            limit: limit.clone(),
        }
    }
}

impl HeldTo {
    fn of(limit: &Limit) -> Self {
        let amount = limit.amount();
        if let Some(calendar) = limit.calendar() {
            let (period, zone) = (calendar.period(), calendar.zone().clone());
            let guard_s = limit.guard_span().as_secs_f64();
            return Self::Calendar { amount, period, zone, guard_s };
        }
        match limit.shape() {
            EnforcedAs::TokenBucket => {
                let window_s = limit.window().as_secs_f64();
                Self::Bucket { capacity: limit.shaped_burst(), amount, window_s }
            }
            _ => Self::Window { amount, window_s: limit.shaped_window().as_secs_f64() },
        }
    }
}
