//! How many calls may be under way at a time.

use serde::{Deserialize, Serialize};

use crate::Span;
use crate::policy::{PolicyError, PolicyFault};

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

    /// What is outside its range.
    ///
    /// ```
    /// use tidegate_units::Concurrency;
    ///
    /// assert!(Concurrency::slots(8).faults().is_empty());
    /// let faults = Concurrency::slots(0).faults();
    /// assert_eq!(faults[0].error.to_string(), "0 slots: use 1 to 10000");
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let Self { slots, lease } = *self;
        let mut faults = Vec::new();
        if !(1..=Self::SLOTS_MAX).contains(&slots) {
            faults.push(PolicyError::Slots { text: slots.to_string() }.at("slots"));
        }
        if !(Self::LEASE_MIN..=Self::LEASE_MAX).contains(&lease) {
            faults.push(PolicyError::Lease { lease }.at("lease"));
        }
        faults
    }
}
