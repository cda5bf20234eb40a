//! How many requests were refused, by the reason and the limit that bound.

use serde::{Deserialize, Serialize};
use tidegate_units::{Dimension, Reason, Rejection};

use crate::sample::ScopeKind;

/// The most combinations of a reason and a limit that are told apart; patterns of models and endpoints are at
/// most 64 each, and few of them refuse.
pub const ROWS_MAX: usize = 64;

/// Requests that were refused for one reason by one limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalCount {
    /// Why.
    pub reason: Reason,
    /// What the limit that bound applies to.
    pub scope: ScopeKind,
    /// Which model, endpoint or name of a key; empty for a service and for all services.
    pub of: String,
    /// What it counts.
    pub dimension: Dimension,
    /// Its window in milliseconds.
    pub window_ms: u64,
    /// How many.
    pub count: u64,
}

impl RefusalCount {
    /// Whether this counts the same kind of refusals as `other`.
    pub fn is_of(&self, other: &Self) -> bool {
        (self.reason, self.scope, self.dimension, self.window_ms)
            == (other.reason, other.scope, other.dimension, other.window_ms)
            && self.of == other.of
    }
}

/// Refusals, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    rows: Vec<RefusalCount>,
    other: u64,
}

impl Refusals {
    /// A request was refused.
    pub fn add(&mut self, rejection: &Rejection) {
        self.count(counted(rejection));
    }

    /// A request that was counted has not been told, and is decided anew.
    pub fn take_back(&mut self, rejection: &Rejection) {
        let row = counted(rejection);
        match self.rows.iter_mut().find(|it| it.is_of(&row)) {
            Some(row) => row.count = row.count.saturating_sub(1),
            None => self.other = self.other.saturating_sub(1),
        }
    }

    /// All of `others` were refused, too.
    pub fn merge(&mut self, others: &Self) {
        for row in &others.rows {
            self.count(row.clone());
        }
        self.other = self.other.saturating_add(others.other);
    }

    fn count(&mut self, counted: RefusalCount) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.is_of(&counted)) {
            row.count = row.count.saturating_add(counted.count);
        } else if self.rows.len() < ROWS_MAX {
            self.rows.push(counted);
        } else {
            self.other = self.other.saturating_add(counted.count);
        }
    }

    /// Each reason with each limit, as they came first.
    pub fn rows(&self) -> &[RefusalCount] {
        &self.rows
    }

    /// Those that have no row.
    pub fn other(&self) -> u64 {
        self.other
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.rows.iter().fold(self.other, |sum, row| sum.saturating_add(row.count))
    }
}

/// The row of one refusal.
fn counted(rejection: &Rejection) -> RefusalCount {
    let (scope, of) = ScopeKind::of(&rejection.scope);
    let (dimension, reason) = (rejection.dimension, rejection.reason);
    let window_ms = rejection.window.as_millis();
    RefusalCount { reason, scope, of, dimension, window_ms, count: 1 }
}

#[cfg(test)]
mod tests {
    use tidegate_units::{Code, Scope, Span};

    use super::*;

    fn rejection(window: u64) -> Rejection {
        Rejection {
            code: Code::E4404,
            reason: Reason::LimitReached,
            scope: Scope::Global,
            dimension: Dimension::Requests,
            limit: 1,
            window: Span::from_secs(window),
            used: 1,
            requested: 1,
            retry_after: None,
            queue_position: None,
        }
    }

    #[test]
    fn what_has_no_row_counts_all_the_same() {
        let mut refusals = Refusals::default();
        for window in 0..100 {
            refusals.add(&rejection(window));
        }
        refusals.add(&rejection(3));
        assert_eq!((refusals.rows().len(), refusals.other()), (64, 36));
        assert_eq!(refusals.total(), 101);
        assert_eq!(refusals.rows()[3].count, 2);
        refusals.take_back(&rejection(3));
        refusals.take_back(&rejection(99));
        assert_eq!((refusals.rows()[3].count, refusals.other()), (1, 35));
        let mut twice = refusals.clone();
        twice.merge(&refusals);
        assert_eq!(twice.total(), 198);
    }
}
