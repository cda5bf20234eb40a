//! Samples for the tests, one like the other but for what matters.

use tidegate_observability::{LimitSample, Monitor, Sample, ScopeKind, ServiceSample, UnixMillis};
use tidegate_units::{Dimension, ServiceName};

/// The wall when the program began: 2026-01-05 00:00 UTC.
pub(crate) const BEGAN: u64 = 1_767_571_200_000;

pub(crate) fn name() -> ServiceName {
    "anthropic".parse().expect("a name")
}

pub(crate) fn service() -> ServiceSample {
    ServiceSample::new(name())
}

/// A limit of 1000 tokens of which so many are used.
pub(crate) fn limit(window_ms: u64, per: &str, used: u64) -> LimitSample {
    LimitSample {
        service: Some(name()),
        scope: ScopeKind::Service,
        of: String::new(),
        dimension: Dimension::Tokens,
        window_ms,
        per: per.to_owned(),
        amount: 1_000,
        capacity: 1_000,
        available: 1_000_u64.saturating_sub(used),
        lent: 0,
        debt: used.saturating_sub(1_000),
        debt_max: 0,
        resets_after_ms: 5 * 3_600_000,
    }
}

/// A limit of a day.
pub(crate) fn daily(used: u64) -> LimitSample {
    limit(86_400_000, "day in UTC", used)
}

/// A sample so many milliseconds after the start.
pub(crate) fn sample(uptime_ms: u64, services: Vec<ServiceSample>) -> Sample {
    Sample { at: UnixMillis(BEGAN + uptime_ms), uptime_ms, services, ..Sample::default() }
}

/// Everything that is told while samples of `make` are looked at once a second: `(second, what)`.
pub(crate) fn told(
    monitor: &mut Monitor,
    seconds: std::ops::Range<u64>,
    mut make: impl FnMut(u64) -> Vec<ServiceSample>,
) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    for second in seconds {
        for alert in monitor.observe(&sample(second * 1_000, make(second))) {
            told.push((second, alert.to_string()));
        }
    }
    told
}
