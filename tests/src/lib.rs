//! Tools for the tests of the whole: a protected service that counts what reaches it.

use std::sync::{Mutex, PoisonError};

use tidegate_units::{Dimension, Instant, Limit, Span};

mod eras;
pub mod stage;
mod virtual_time;

pub use eras::Eras;
pub use virtual_time::on_virtual_time;

/// A service that lets everybody in and remembers when, to find out afterwards whether a limiter
/// kept its limits.
#[derive(Debug, Default)]
pub struct CountingService {
    arrivals: Mutex<Vec<Arrival>>,
}

/// One call that reached the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// Its tokens.
    pub tokens: u64,
}

impl CountingService {
    /// A call arrives.
    pub fn arrive(&self, at: Instant, tokens: u64) {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.push(Arrival { at, tokens });
    }

    /// Everything that arrived, in the order of time.
    pub fn arrivals(&self) -> Vec<Arrival> {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone();
        arrivals.sort_unstable();
        arrivals
    }
}

/// The most that any window of `window`, wherever it starts, holds: in calls and in tokens.
pub fn most_in_any(window: Span, arrivals: &[Arrival]) -> (u64, u64) {
    let (mut most_calls, mut most_tokens) = (0, 0);
    let (mut first, mut tokens) = (0, 0);
    for (last, arrival) in arrivals.iter().enumerate() {
        tokens += arrival.tokens;
        while arrival.at.since(arrivals[first].at) >= window {
            tokens -= arrivals[first].tokens;
            first += 1;
        }
        most_calls = most_calls.max(u64::try_from(last - first + 1).unwrap_or(u64::MAX));
        most_tokens = most_tokens.max(tokens);
    }
    (most_calls, most_tokens)
}

/// How much any window held beyond `limit`.
pub fn excess(limit: &Limit, arrivals: &[Arrival]) -> u64 {
    let (calls, tokens) = most_in_any(limit.window(), arrivals);
    let most = if limit.dimension().is_tokens() { tokens } else { calls };
    most.saturating_sub(limit.amount())
}

/// A limit for a service that counts by a bucket, smaller than the amount for some and larger for
/// others; without a guard.
///
/// # Panics
///
/// When there is no such limit.
pub fn bucket(dimension: Dimension, amount: u64, length: Span) -> Limit {
    let burst = if amount.is_multiple_of(3) { amount * 2 } else { amount / 2 + 1 };
    window(dimension, amount, length).burst(burst).expect("a burst")
}

/// A limit for a service that counts by windows; without a guard.
///
/// # Panics
///
/// When there is no such limit.
pub fn window(dimension: Dimension, amount: u64, length: Span) -> Limit {
    let limit = Limit::new(dimension, amount, length).expect("a limit");
    limit.guard(Span::ZERO).expect("no guard")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted_wherever_they_start() {
        let service = CountingService::default();
        for (millis, tokens) in [(0, 5), (900, 7), (1_000, 1), (1_899, 2)] {
            service.arrive(Instant::ZERO + Span::from_millis(millis), tokens);
        }
        let arrivals = service.arrivals();
        assert_eq!(most_in_any(Span::from_secs(1), &arrivals), (3, 12));
        let limit: Limit = "2 requests per second".parse().expect("a limit");
        assert_eq!(excess(&limit, &arrivals), 1);
    }
}
