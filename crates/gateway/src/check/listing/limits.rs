//! One limit: what it says, what Tidegate keeps to, and what that lets through.

use serde::Serialize;
use tidegate_algorithms::{provider_allows, worst_case};
use tidegate_units::{Calendar, EnforcedAs, Limit, Period, Zone};

use super::part::Part;

/// One limit.
#[derive(Debug, Serialize)]
pub(crate) struct LimitLine {
    /// Whose calls it counts; of a key, those of each value apart.
    #[serde(flatten)]
    pub(crate) part: Part,
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

impl LimitLine {
    pub(super) fn new(part: Part, limit: &Limit) -> Self {
        let is_bucket = limit.shape() == EnforcedAs::TokenBucket;
        Self {
            part,
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
