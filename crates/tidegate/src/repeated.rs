//! How often calls were made again, counted by those who make them.

use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_observability::RetrySample;

/// Calls made again. Never touched by those who only acquire.
#[derive(Debug, Default)]
pub(crate) struct Repeated {
    retries: AtomicU64,
    hedges: AtomicU64,
    denied: AtomicU64,
}

impl Repeated {
    /// A call is made again because it had failed.
    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A call is made once more while it is under way.
    pub(crate) fn hedged(&self) {
        self.hedges.fetch_add(1, Ordering::Relaxed);
    }

    /// A call is not made again because the budget is empty.
    pub(crate) fn denied(&self) {
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sample(&self) -> RetrySample {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RetrySample {
            retries: load(&self.retries),
            hedges: load(&self.hedges),
            denied: load(&self.denied),
            budget: 0,
        }
    }
}
