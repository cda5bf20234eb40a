//! How much passes in the worst case: what is let through, and what the service allows.
//!
//! Both are counted over any span of a limit's window, wherever it starts. The first is never more
//! than the second, so a service that counts as it says never refuses what was let through: see
//! [`Limit::guard`] for calls that are held up on their way.
//!
//! ```
//! use tidegate_config::{provider_allows, worst_case};
//! use tidegate_units::Limit;
//!
//! let window: Limit = "50 requests per minute".parse()?;
//! assert_eq!((worst_case(&window), provider_allows(&window)), (50, 50));
//!
//! // A bucket of 10 with a guard of 250ms, in which 50 per minute refill less than one.
//! let bucket = window.burst(10)?;
//! assert_eq!((worst_case(&bucket), provider_allows(&bucket)), (59, 60));
//! # Ok::<(), tidegate_units::LimitError>(())
//! ```

use tidegate_units::{EnforcedAs, Limit};

/// The most that is let through within any span of the limit's window, in its dimension.
///
/// A limit that the service enforces as a bucket is shaped into a bucket. That holds less than the
/// service's by what refills within the guard, rounded up, and at least 1, for otherwise nothing
/// would ever pass. Full at the start of a window it gives all it holds, and all that refills until
/// the end: its capacity and the amount together.
///
/// Every other limit is shaped into an exact sliding window of the window and the guard together.
/// That is no shorter than the window, so that no window holds more than the amount.
///
/// Saturates at 2^64 − 1, which limits in range do not reach.
pub fn worst_case(limit: &Limit) -> u64 {
    match limit.shape() {
        EnforcedAs::TokenBucket => limit.shaped_burst().saturating_add(limit.amount()),
        _ => limit.amount(),
    }
}

/// The most that the service itself lets through within any span of the limit's window.
///
/// A bucket gives its burst and the amount that refills meanwhile. A window gives the amount; one
/// at a fixed phase may let through twice as much across its edge, but which edge is not known, so
/// nothing can be made of that.
pub fn provider_allows(limit: &Limit) -> u64 {
    match limit.shape() {
        EnforcedAs::TokenBucket => limit.burst_amount().saturating_add(limit.amount()),
        _ => limit.amount(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_units::{Dimension, Span};

    fn bucket(amount: u64, burst: u64, guard: Span) -> Limit {
        let limit = Limit::new(Dimension::Requests, amount, Span::from_secs(60)).expect("a limit");
        limit.burst(burst).and_then(|limit| limit.guard(guard)).expect("a bucket")
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_what_refills() {
        assert_eq!(worst_case(&bucket(60, 10, Span::ZERO)), 70);
        assert_eq!(worst_case(&bucket(60, 10, Span::from_secs(1))), 69);
        assert_eq!(worst_case(&bucket(60, 10, Span::from_millis(1_001))), 68, "rounded up");
    }

    #[test]
    fn a_guard_longer_than_the_burst_leaves_one() {
        assert_eq!(worst_case(&bucket(60, 10, Span::from_secs(60))), 61);
        assert_eq!(
            worst_case(&bucket(Limit::AMOUNT_MAX, 1, Span::from_secs(60))),
            1 + Limit::AMOUNT_MAX
        );
    }

    #[test]
    fn the_service_allows_at_least_what_is_let_through() {
        for guard in [0, 1, 250, 59_999, 60_000].map(Span::from_millis) {
            for (amount, burst) in
                [(1, 1), (50, 10), (10, 50), (Limit::AMOUNT_MAX, Limit::AMOUNT_MAX)]
            {
                for shape in EnforcedAs::ALL {
                    let limit = bucket(amount, burst, guard).enforced_as(shape);
                    assert!(worst_case(&limit) <= provider_allows(&limit), "{limit} {shape}");
                }
            }
        }
    }
}
