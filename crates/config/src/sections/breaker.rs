//! Reading `breaker`: when a service or an endpoint is left alone because its calls fail.

use tidegate_units::{BreakerPolicy, PolicyError};

use crate::cursor::Cursor;
use crate::error::Problems;

const KEYS: [&str; 7] =
    ["failures", "failure_rate", "slow_after", "slow_rate", "window", "open", "probes"];

/// The breaker below the key `breaker`; `None` where there is no such key.
pub(super) fn read(at: &Cursor<'_>, problems: &mut Problems) -> Option<BreakerPolicy> {
    let at = at.get("breaker")?;
    at.check_keys(&KEYS, problems);
    let default = BreakerPolicy::default();
    let slow_after = at.get("slow_after");
    let breaker = BreakerPolicy {
        failures: at.count_or(
            "failures",
            default.failures,
            |text| PolicyError::Failures { text },
            problems,
        ),
        failure_rate: at.share_or("failure_rate", default.failure_rate, problems),
        slow_after: slow_after.as_ref().and_then(|at| at.span(problems)),
        slow_rate: at.share_or("slow_rate", default.slow_rate, problems),
        window: at.span_or("window", default.window, problems),
        open: at.span_or("open", default.open, problems),
        probes: at.count_or(
            "probes",
            default.probes,
            |text| PolicyError::Probes { text },
            problems,
        ),
    };
    note(&at, &breaker, slow_after.is_some(), problems);
    Some(breaker)
}

/// Notes what is wrong with `breaker`. Whether `slow_rate` stands alone is seen in the text: there it
/// does even where it says what holds anyway, and does not beside a `slow_after` that was refused.
fn note(at: &Cursor<'_>, breaker: &BreakerPolicy, has_slow_after: bool, problems: &mut Problems) {
    let mut faults = breaker.faults();
    faults.retain(|fault| fault.error != PolicyError::SlowRateAlone);
    at.note(faults, problems);
    if let Some(slow_rate) = at.get("slow_rate").filter(|_| !has_slow_after) {
        slow_rate.fault(PolicyError::SlowRateAlone, problems);
    }
}
