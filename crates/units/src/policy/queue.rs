//! Where calls to a service wait, and in which order they leave.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::key::KeyName;
use crate::policy::{PolicyError, PolicyFault, Share};
use crate::{Amounts, Dimension, Limit, Priority, Span};

/// How many calls may wait for a service, for how long, and who is next.
///
/// Classes from `strict` upwards are served before all others. Below it every class that waits gets
/// at least its share of what is granted; the rest goes to the most urgent class. Inside a class the
/// keys take turns by weight, inside a key the earliest deadline is first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePolicy {
    /// The most calls that wait at a time: 1 to 100000.
    pub capacity: usize,
    /// The most that may wait in each dimension: 1 to 10^12; a dimension that is absent is not bounded.
    pub max_cost: Amounts,
    /// The longest that a call waits that says nothing: 1ms to 24h.
    pub timeout: Span,
    /// What happens to a call that comes when the queue is full.
    pub overflow: Overflow,
    /// The least urgent class that is served strictly before all below it; `None`: no class is.
    pub strict: Option<Priority>,
    /// The least that each class below the strict ones gets while it waits, by
    /// [`Priority::index`]; together at most everything.
    pub shares: [Share; Priority::ALL.len()],
    /// How much of every burst a class leaves to those above it, by [`Priority::index`]: nothing to 0.9.
    pub floors: [Share; Priority::ALL.len()],
    /// How much later the next in line may start because smaller calls are let past it: 0 to 1h.
    pub backfill: Span,
    /// Which key takes turns; `None`: whichever a call names first.
    pub fair_between: Option<KeyName>,
}

/// What happens when one more wants to wait than may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// The newcomer is refused.
    #[default]
    RefuseNewest,
    /// Whoever has waited longest is dropped, of classes no more urgent than the newcomer's.
    DropOldest,
    /// Whoever has waited longest in the least urgent class that is less urgent than the newcomer's
    /// is dropped; if there is none, the newcomer is refused.
    DropOldestOfLowestClass,
    /// As [`Overflow::DropOldest`], and inside a key whoever came last is served first.
    NewestFirst,
}

impl Overflow {
    /// Every way, in the order in which messages list them.
    pub const ALL: [Self; 4] =
        [Self::RefuseNewest, Self::DropOldest, Self::DropOldestOfLowestClass, Self::NewestFirst];

    /// The name used in configuration and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefuseNewest => "refuse-newest",
            Self::DropOldest => "drop-oldest",
            Self::DropOldestOfLowestClass => "drop-oldest-of-lowest-class",
            Self::NewestFirst => "newest-first",
        }
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that names nothing that can happen when a queue is full.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no answer to a full queue: use refuse-newest, drop-oldest, drop-oldest-of-lowest-class or newest-first"
)]
pub struct InvalidOverflow {
    text: String,
}

impl FromStr for Overflow {
    type Err = InvalidOverflow;

    fn from_str(text: &str) -> Result<Self, InvalidOverflow> {
        Self::ALL
            .into_iter()
            .find(|overflow| overflow.name() == text)
            .ok_or_else(|| InvalidOverflow { text: text.chars().take(40).collect() })
    }
}

impl QueuePolicy {
    /// The largest queue. Who waits behind so many has long been given up on.
    pub const CAPACITY_MAX: usize = 100_000;
    /// The shortest wait that is worth a queue.
    pub const TIMEOUT_MIN: Span = Span::from_millis(1);
    /// The longest wait: a day, the longest common window.
    pub const TIMEOUT_MAX: Span = Span::from_secs(24 * 60 * 60);
    /// The longest that the next in line may be made to wait for smaller ones: an hour.
    pub const BACKFILL_MAX: Span = Span::from_secs(60 * 60);
    /// The most of a burst that a class leaves to others: nine tenths, so that it is served at all.
    pub const FLOOR_MAX: Share = Share::per_mille(900);

    /// What is outside its range.
    ///
    /// ```
    /// use tidegate_units::{QueuePolicy, Share};
    ///
    /// let shares = [0, 500, 300, 200, 100].map(Share::per_mille);
    /// let policy = QueuePolicy { shares, ..QueuePolicy::default() };
    /// assert_eq!(
    ///     policy.faults()[0].error.to_string(),
    ///     "shares of 1.1 together (critical 0, high 0.5, normal 0.3, low 0.2, background 0.1): \
    ///      use at most 1; a class that is not named keeps its default"
    /// );
    /// assert!(QueuePolicy::default().faults().is_empty());
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let (timeout, backfill) = (self.timeout, self.backfill);
        let mut faults = Vec::new();
        if !(1..=Self::CAPACITY_MAX).contains(&self.capacity) {
            faults.push(PolicyError::Capacity { text: self.capacity.to_string() }.at("capacity"));
        }
        self.max_cost_faults(&mut faults);
        if !(Self::TIMEOUT_MIN..=Self::TIMEOUT_MAX).contains(&timeout) {
            faults.push(PolicyError::Timeout { timeout }.at("timeout"));
        }
        let total: u32 = self.shares.iter().map(|share| u32::from(share.as_per_mille())).sum();
        if total > u32::from(Share::ALL.as_per_mille()) {
            faults.push(PolicyError::Shares { total, shares: self.shares }.at("shares"));
        }
        for (class, floor) in Priority::ALL.into_iter().zip(self.floors) {
            if floor > Self::FLOOR_MAX {
                faults.push(PolicyError::Floor { floor }.of("floors", class.name()));
            }
        }
        if backfill > Self::BACKFILL_MAX {
            faults.push(PolicyError::Backfill { backfill }.at("backfill"));
        }
        faults
    }

    fn max_cost_faults(&self, faults: &mut Vec<PolicyFault>) {
        for (dimension, amount) in self.max_cost.iter() {
            let error = if dimension == Dimension::Slots {
                PolicyError::MaxCostOfSlots
            } else if !(1..=Limit::AMOUNT_MAX).contains(&amount) {
                PolicyError::MaxCost { dimension, text: amount.to_string() }
            } else {
                continue;
            };
            faults.push(error.of("max_cost", dimension.name()));
        }
    }
}

impl Default for QueuePolicy {
    /// 1000 calls for up to 30 seconds; critical calls first, a quarter for high, a tenth for normal,
    /// a twentieth for low, a fiftieth for background; the next in line may start a second later.
    fn default() -> Self {
        let shares = [0, 250, 100, 50, 20].map(Share::per_mille);
        Self {
            capacity: 1_000,
            max_cost: Amounts::NONE,
            timeout: Span::from_secs(30),
            overflow: Overflow::RefuseNewest,
            strict: Some(Priority::Critical),
            shares,
            floors: [Share::NONE; Priority::ALL.len()],
            backfill: Span::from_secs(1),
            fair_between: None,
        }
    }
}
