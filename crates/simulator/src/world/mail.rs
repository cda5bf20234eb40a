//! What limiters and the supervisor tell each other.

use tidegate_scheduler::Report;
use tidegate_units::{Amounts, Instant, Limit, Rejection, ServiceName};

/// A message that has not been delivered.
#[derive(Debug)]
pub(super) enum Mail {
    Borrow {
        from: ServiceName,
        life: u64,
        need: Amounts,
        want: Amounts,
    },
    Settle {
        from: ServiceName,
        life: u64,
        report: Report,
    },
    Failed {
        from: ServiceName,
        life: u64,
    },
    Lent {
        to: ServiceName,
        life: u64,
        amounts: Amounts,
        short: Option<Rejection>,
        more_at: Option<Instant>,
    },
    Recall {
        to: ServiceName,
    },
    Relimit {
        to: ServiceName,
        limits: Vec<Limit>,
    },
    Resume {
        to: ServiceName,
        life: u64,
    },
}
