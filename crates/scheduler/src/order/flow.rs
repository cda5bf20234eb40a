//! The calls of one key in one class.

use std::collections::BTreeMap;

use tidegate_units::Key;

use crate::order::{Rank, Slot};
use crate::tariff::{Totals, Work};

/// On whose behalf calls wait that take turns as one; `None`: nobody's in particular.
pub(crate) type FlowKey = Option<Key>;

/// Calls of one key, in their order, and how much the key has had.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) key: FlowKey,
    /// How many turns it takes while others take one.
    pub(crate) weight: u32,
    /// In virtual time, when its next call starts.
    pub(crate) start: Work,
    /// Tells apart those that start together: first come, first served.
    pub(crate) turn: u64,
    pub(crate) waiting: BTreeMap<Rank, Slot>,
    pub(crate) totals: Totals,
}

impl Flow {
    /// How far calls of `work` together move this flow in virtual time.
    pub(crate) fn stretch_of(&self, work: Work) -> Work {
        work / u128::from(self.weight.max(1))
    }

    /// How far a call of `work` moves this flow in virtual time.
    pub(crate) fn stretch(&self, work: Work) -> Work {
        self.stretch_of(work).max(1)
    }
}
