//! Why a policy is none: what was said, the accepted range, and what to do.
//!
//! Policies are plain data with public fields, so anything can be written into them. Each of them can be
//! asked for its faults, and names the field of each; whoever read it from a text then knows the line.

use super::share::spelled;
use super::{BreakerPolicy, Concurrency, QueuePolicy, RetryPolicy, ScopedPolicies, Share};
use crate::{Dimension, Limit, Priority, Span};

/// One fault of a policy, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The field, as it is called in a configuration.
    pub key: &'static str,
    /// Which of its entries, where it has some: a class, a dimension, a pattern, a value.
    pub entry: Option<String>,
    /// What is wrong with it.
    pub error: PolicyError,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A queue for no calls, or for too many.
    #[error("a capacity of {text}: use 1 to {} waiting calls", QueuePolicy::CAPACITY_MAX)]
    Capacity {
        /// The capacity as written.
        text: String,
    },
    /// Calls that would wait too short or too long.
    #[error(
        "a timeout of {timeout}: use {} to {}",
        QueuePolicy::TIMEOUT_MIN,
        QueuePolicy::TIMEOUT_MAX
    )]
    Timeout {
        /// The timeout as given.
        timeout: Span,
    },
    /// Nothing of a dimension may wait, or too much.
    #[error("a max_cost of {text} {dimension}: use 1 to {}, or leave it out", Limit::AMOUNT_MAX)]
    MaxCost {
        /// What is counted.
        dimension: Dimension,
        /// The amount as written.
        text: String,
    },
    /// Every call takes one slot, so waiting slots are waiting calls.
    #[error("slots are held, not spent: use `capacity` for how many calls may wait")]
    MaxCostOfSlots,
    /// Shares that are more than there is.
    #[error("shares of {} together ({}): use at most 1; a class that is not named keeps its default",
        spelled(*.total), each_share(.shares))]
    Shares {
        /// All of them together, in thousandths.
        total: u32,
        /// Each of them.
        shares: [Share; Priority::ALL.len()],
    },
    /// A class that would leave too much of a burst to be served itself.
    #[error("a floor of {}: use 0 to {}", spelled(u32::from(.floor.as_per_mille())),
        spelled(u32::from(QueuePolicy::FLOOR_MAX.as_per_mille())))]
    Floor {
        /// The floor as given.
        floor: Share,
    },
    /// The next in line would be made to wait too long.
    #[error("a backfill of {backfill}: use 0s to {}", QueuePolicy::BACKFILL_MAX)]
    Backfill {
        /// The delay as given.
        backfill: Span,
    },
    /// No slot, or too many.
    #[error("{text} slots: use 1 to {}", Concurrency::SLOTS_MAX)]
    Slots {
        /// The number as written.
        text: String,
    },
    /// A slot that would be taken back too soon or too late.
    #[error("a lease of {lease}: use {} to {}", Concurrency::LEASE_MIN, Concurrency::LEASE_MAX)]
    Lease {
        /// The lease as given.
        lease: Span,
    },
    /// No slot would be left between the fewest and the most.
    #[error(
        "a min of {min} slots above a max of {max}: use 1 to the max, at most {}",
        Concurrency::SLOTS_MAX
    )]
    MinSlots {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// Slots to begin with that are not between the fewest and the most.
    #[error("{slots} slots with a min of {min} and a max of {max}: begin with {min} to {max}")]
    StartSlots {
        /// Those to begin with.
        slots: u32,
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A pace that cannot be learned so.
    #[error(transparent)]
    Adaptive(#[from] super::adaptive::AdaptiveError),
    /// Nobody can be warned so.
    #[error(transparent)]
    Alerts(#[from] super::alerts::AlertError),
    /// No try, or too many.
    #[error("{text} attempts: use 1 to {}, the first try included", RetryPolicy::ATTEMPTS_MAX)]
    Attempts {
        /// The number as written.
        text: String,
    },
    /// A first delay that is too short or too long.
    #[error("a base of {base}: use {} to {}", RetryPolicy::DELAY_MIN, RetryPolicy::DELAY_MAX)]
    Base {
        /// The delay as given.
        base: Span,
    },
    /// A longest delay that is too short or too long.
    #[error("a max of {max}: use {} to {}", RetryPolicy::DELAY_MIN, RetryPolicy::DELAY_MAX)]
    Max {
        /// The delay as given.
        max: Span,
    },
    /// A longest delay that is shorter than the first.
    #[error(
        "a max of {max} below a base of {base}: use {base} to {}, or a shorter base",
        RetryPolicy::DELAY_MAX
    )]
    MaxBelowBase {
        /// The longest delay.
        max: Span,
        /// The first delay.
        base: Span,
    },
    /// A breaker that opens at no failure, or at too many.
    #[error("{text} failures: use 1 to {}", BreakerPolicy::FAILURES_MAX)]
    Failures {
        /// The number as written.
        text: String,
    },
    /// A call that would count as slow too soon or too late.
    #[error(
        "a slow_after of {slow_after}: use {} to {}, or leave it out",
        BreakerPolicy::SLOW_MIN,
        BreakerPolicy::SLOW_MAX
    )]
    SlowAfter {
        /// The length of time as given.
        slow_after: Span,
    },
    /// How many calls must be slow, but not when one is.
    #[error(
        "a slow_rate without slow_after: no call is slow then; add `slow_after`, such as `slow_after = \"20s\"`, or remove it"
    )]
    SlowRateAlone,
    /// A look back that is too short or too long.
    #[error(
        "a window of {window}: use {} to {}",
        BreakerPolicy::WINDOW_MIN,
        BreakerPolicy::WINDOW_MAX
    )]
    Window {
        /// The window as given.
        window: Span,
    },
    /// A breaker that would stay open too short or too long.
    #[error("{open} of being open: use {} to {}", BreakerPolicy::OPEN_MIN, BreakerPolicy::OPEN_MAX)]
    Open {
        /// The length of time as given.
        open: Span,
    },
    /// No probe, or too many.
    #[error("{text} probes: use 1 to {}", BreakerPolicy::PROBES_MAX)]
    Probes {
        /// The number as written.
        text: String,
    },
    /// Too many patterns for every call to be compared with.
    #[error("{count} patterns: use at most {}", ScopedPolicies::PATTERNS_MAX)]
    ManyPatterns {
        /// How many there are.
        count: usize,
    },
    /// A pattern that is empty, too long, or not printable.
    #[error(
        "a pattern of {bytes} bytes: use 1 to {} printable bytes, where `*` stands for any text",
        ScopedPolicies::PATTERN_LENGTH_MAX
    )]
    Pattern {
        /// How long it is.
        bytes: usize,
    },
    /// A pattern that is there twice: its second policies would never count.
    #[error("this pattern stands here twice: remove one, only the first would count")]
    PatternTwice,
    /// Too many key names.
    #[error("{count} key names: use at most {}", ScopedPolicies::KEYS_MAX)]
    ManyKeys {
        /// How many there are.
        count: usize,
    },
    /// Too many values with a weight of their own.
    #[error("{count} weights: use at most {}", ScopedPolicies::WEIGHTS_MAX)]
    ManyWeights {
        /// How many there are.
        count: usize,
    },
    /// No turn, or too many at a time.
    #[error("a weight of {text}: use 1 to {}", ScopedPolicies::WEIGHT_MAX)]
    Weight {
        /// The weight as written.
        text: String,
    },
    /// A weight for a value that no key can have.
    #[error(transparent)]
    Key(#[from] crate::InvalidKey),
}

impl PolicyError {
    /// This, of the field `key`.
    pub(super) fn at(self, key: &'static str) -> PolicyFault {
        PolicyFault { key, entry: None, error: self }
    }

    /// This, of an entry of the field `key`.
    pub(super) fn of(self, key: &'static str, entry: &str) -> PolicyFault {
        PolicyFault { key, entry: Some(entry.to_owned()), error: self }
    }
}

/// The shares of all classes, most urgent first.
fn each_share(shares: &[Share]) -> String {
    let share = |(class, share): (Priority, &Share)| {
        format!("{class} {}", spelled(u32::from(share.as_per_mille())))
    };
    let each: Vec<String> = Priority::ALL.into_iter().zip(shares).map(share).collect();
    each.join(", ")
}
