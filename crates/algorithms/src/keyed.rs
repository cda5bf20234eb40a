//! One limit for every value of a key (an agent, a tenant, a loop, a user), usable by itself: no actor,
//! no background task.
//!
//! All that a key has done is one number, the instant at which its bucket will be full again. Once that
//! instant has passed, the number says nothing that a key never seen before would not say: so a table
//! holds a number for each key that is *live*, drops the others at leisure, and needs no timer.
//!
//! - [`Keyed`] holds the keys themselves. The default.
//! - [`CompactKeyed`] holds 24 bits of their hash: 8 bytes a key, whatever a key is, and no lock. Two
//!   keys may now and then be taken for one.
//! - [`Timed`] gives either a clock, which it reads at the right moment.
//!
//! Both have a fixed number of places. A key that finds none is decided on a bucket that it shares with
//! all others in the same case, and the answer says so; a key that has a place keeps it until it is full
//! again. So a flood of made-up keys starves itself and the newcomers of that time, and nobody else.
//!
//! # Invariants
//!
//! - KEY-1: no key is admitted more than its limit, as [`KeyRule::worst_case`] counts it.
//! - KEY-2: a live key is never evicted and never refilled, whatever other keys do.
//! - KEY-3: memory never exceeds the bound that was set when a table was made.
//! - KEY-4: two places of one key in a compact table never admit more than one would.
//!
//! A clock that steps back, or threads whose instants differ, delay callers and mint nothing: what was
//! dropped is remembered as an instant before which no newcomer is believed to be full.

mod compact;
mod exact;
mod lines;
mod rule;
mod secret;
mod shard;
mod timed;
mod word;

pub use compact::CompactKeyed;
pub use exact::Keyed;
pub use rule::KeyRule;
pub use timed::Timed;

use crate::Decision;

/// The most keys that a table is made for: at 8 to 100 bytes a key, beyond it a typo is likelier.
pub const KEYS_MAX: usize = 1 << 28;

/// What a keyed limiter says.
///
/// ```
/// use tidegate_algorithms::{Decision, Keyed};
/// use tidegate_units::{Instant, Limit};
///
/// let limit: Limit = "1 request per second".parse()?;
/// let one_place: Keyed<&str> = Keyed::new(&limit, 1);
/// let ask = |key| one_place.check(key, Instant::ZERO);
/// assert!(ask(&"first").is_admitted() && !ask(&"first").overflowed);
/// // The others share a bucket, and that is empty after one of them.
/// assert!(ask(&"second").is_admitted());
/// let refused = ask(&"third");
/// assert!(refused.overflowed && matches!(refused.decision, Decision::Later { .. }));
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// Admitted, later or never.
    pub decision: Decision,
    /// It was decided on the bucket that keys without a place share: the table is as good as full, or
    /// was a moment ago.
    pub overflowed: bool,
}

impl Answer {
    /// Whether it was admitted.
    pub fn is_admitted(self) -> bool {
        self.decision == Decision::Admit
    }
}
