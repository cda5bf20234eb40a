//! Where calls to a service wait, and in which order they leave.

use serde::{Deserialize, Serialize};

use crate::key::KeyName;
use crate::policy::Share;
use crate::{Amounts, Priority, Span};

/// How many calls may wait for a service, for how long, and who is next.
///
/// Classes from `strict` upwards are served before all others. Below it every class that waits gets
/// at least its share of what is granted; the rest goes to the most urgent class. Inside a class the
/// keys take turns by weight, inside a key the earliest deadline is first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePolicy {
    /// The most calls that wait at a time: 1 to 100000.
    pub capacity: usize,
    /// The most that may wait in each dimension; a dimension that is absent is not bounded.
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
    /// How much of every burst a class leaves to those above it, by [`Priority::index`].
    pub floors: [Share; Priority::ALL.len()],
    /// How much later the next in line may start because smaller calls are let past it.
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

impl QueuePolicy {
    /// The largest queue. Who waits behind so many has long been given up on.
    pub const CAPACITY_MAX: usize = 100_000;
    /// The shortest wait that is worth a queue.
    pub const TIMEOUT_MIN: Span = Span::from_millis(1);
    /// The longest wait: a day, the longest common window.
    pub const TIMEOUT_MAX: Span = Span::from_secs(24 * 60 * 60);
    /// The longest that the next in line may be made to wait for smaller ones: an hour.
    pub const BACKFILL_MAX: Span = Span::from_secs(60 * 60);
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
