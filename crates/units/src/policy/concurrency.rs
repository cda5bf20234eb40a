//! How many calls may be under way at a time.

use serde::{Deserialize, Serialize};

use crate::Span;

/// The most calls under way at a time. Each holds a slot from its grant until its permit is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// How many slots there are: 1 to 10000.
    pub slots: u32,
    /// The longest that a permit holds its slot: 1s to 24h. After that the slot is taken to be leaked
    /// and is given to somebody else.
    pub lease: Span,
}

impl Concurrency {
    /// The most slots.
    pub const SLOTS_MAX: u32 = 10_000;
    /// The shortest lease of a slot.
    pub const LEASE_MIN: Span = Span::from_secs(1);
    /// The longest lease of a slot.
    pub const LEASE_MAX: Span = Span::from_secs(24 * 60 * 60);

    /// So many slots, each for up to ten minutes.
    pub const fn slots(slots: u32) -> Self {
        Self { slots, lease: Span::from_secs(10 * 60) }
    }
}
