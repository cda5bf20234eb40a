//! When a service is left alone because its calls fail.

use serde::{Deserialize, Serialize};

use crate::Span;
use crate::policy::{PolicyError, PolicyFault, Share};

/// When a circuit breaker opens, for how long, and how it finds out that it may close.
///
/// It opens when among the calls that ended in the last `window` at least `failures` failed and they
/// are at least `failure_rate` of all; or when at least as many were slow and they are at least
/// `slow_rate` of all. Refusals for rate are no failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerPolicy {
    /// The fewest failures, or slow calls, that open it: 1 to 10000.
    pub failures: u32,
    /// The smallest part of all calls that must have failed.
    pub failure_rate: Share,
    /// How long a call may take before it counts as slow: 1ms to 24h; `None`: no call is slow.
    pub slow_after: Option<Span>,
    /// The smallest part of all calls that must have been slow. Says something only beside
    /// `slow_after`; without it, leave it as it is.
    pub slow_rate: Share,
    /// How far back it looks: 1s to 1h.
    pub window: Span,
    /// How long it stays open: 10ms to 1h.
    pub open: Span,
    /// How many calls may try whether it can close; all of them must succeed: 1 to 100.
    pub probes: u32,
}

impl BreakerPolicy {
    /// The most failures that can be asked for.
    pub const FAILURES_MAX: u32 = 10_000;
    /// The shortest time after which a call counts as slow.
    pub const SLOW_MIN: Span = Span::from_millis(1);
    /// The longest time after which a call counts as slow: a day.
    pub const SLOW_MAX: Span = Span::from_secs(24 * 60 * 60);
    /// The shortest look back.
    pub const WINDOW_MIN: Span = Span::from_secs(1);
    /// The longest look back.
    pub const WINDOW_MAX: Span = Span::from_secs(60 * 60);
    /// The shortest time that it stays open.
    pub const OPEN_MIN: Span = Span::from_millis(10);
    /// The longest time that it stays open.
    pub const OPEN_MAX: Span = Span::from_secs(60 * 60);
    /// The most probes.
    pub const PROBES_MAX: u32 = 100;

    /// What is outside its range.
    ///
    /// ```
    /// use tidegate_units::{BreakerPolicy, PolicyError};
    ///
    /// let policy = BreakerPolicy { probes: 0, ..BreakerPolicy::default() };
    /// assert_eq!(policy.faults()[0].error.to_string(), "0 probes: use 1 to 100");
    /// assert!(BreakerPolicy::default().faults().is_empty());
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let Self { failures, slow_after, window, open, probes, .. } = *self;
        let mut faults = Vec::new();
        if !(1..=Self::FAILURES_MAX).contains(&failures) {
            faults.push(PolicyError::Failures { text: failures.to_string() }.at("failures"));
        }
        match slow_after {
            Some(slow_after) if !(Self::SLOW_MIN..=Self::SLOW_MAX).contains(&slow_after) => {
                faults.push(PolicyError::SlowAfter { slow_after }.at("slow_after"));
            }
            None if self.slow_rate != Self::default().slow_rate => {
                faults.push(PolicyError::SlowRateAlone.at("slow_rate"));
            }
            _ => {}
        }
        if !(Self::WINDOW_MIN..=Self::WINDOW_MAX).contains(&window) {
            faults.push(PolicyError::Window { window }.at("window"));
        }
        if !(Self::OPEN_MIN..=Self::OPEN_MAX).contains(&open) {
            faults.push(PolicyError::Open { open }.at("open"));
        }
        if !(1..=Self::PROBES_MAX).contains(&probes) {
            faults.push(PolicyError::Probes { text: probes.to_string() }.at("probes"));
        }
        faults
    }
}

impl Default for BreakerPolicy {
    /// Opens for 30 seconds when within a minute at least five calls failed and they are half of all;
    /// closes after one success.
    fn default() -> Self {
        Self {
            failures: 5,
            failure_rate: Share::per_mille(500),
            slow_after: None,
            slow_rate: Share::per_mille(500),
            window: Span::from_secs(60),
            open: Span::from_secs(30),
            probes: 1,
        }
    }
}
