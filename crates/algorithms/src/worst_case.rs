//! How much passes in the worst case: what is let through, and what the service allows.
//!
//! Both are what an algorithm says of any half-open span of a limit's window, wherever it starts. The
//! first is never more than the second, so a service that counts as it says never refuses what was let
//! through: see [`Limit::guard`] for calls that are held up on their way.
//!
//! ```
//! use tidegate_algorithms::{provider_allows, worst_case};
//! use tidegate_units::Limit;
//!
//! let window: Limit = "50 requests per minute".parse()?;
//! assert_eq!((worst_case(&window), provider_allows(&window)), (50, 50));
//!
//! // A bucket of 10, and the 49 that refill before a minute is over; a guard of 250ms takes one.
//! let bucket = window.burst(10)?;
//! assert_eq!((worst_case(&bucket), provider_allows(&bucket)), (58, 59));
//! # Ok::<(), tidegate_units::LimitError>(())
//! ```

use tidegate_units::{EnforcedAs, Limit, Span};

use crate::{Algorithm, Meter, TokenBucket};

/// The most that is let through within any span of the limit's window, in its dimension; of a calendar
/// period within any span of its longest.
pub fn worst_case(limit: &Limit) -> u64 {
    Meter::full(limit).worst_case(limit.window())
}

/// The most that the service itself lets through within any span of the limit's window.
///
/// A bucket gives its burst and what refills meanwhile. A window gives the amount; one at a fixed phase
/// may let through twice as much across its edge, but which edge is not known, so nothing can be made
/// of that. Of calendar periods it is known, and they give the amount each.
pub fn provider_allows(limit: &Limit) -> u64 {
    match limit.shape() {
        EnforcedAs::TokenBucket => {
            let burst = limit.burst_amount();
            let bucket = TokenBucket::new(limit.amount(), limit.window(), burst);
            bucket.worst_case(limit.window())
        }
        // No guard is longer than the window, so that having none is always in range.
        _ => limit.clone().guard(Span::ZERO).map_or(limit.amount(), |limit| worst_case(&limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_units::Dimension;

    fn bucket(amount: u64, burst: u64, guard: Span) -> Limit {
        let limit = Limit::new(Dimension::Requests, amount, Span::from_secs(60)).expect("a limit");
        limit.burst(burst).and_then(|limit| limit.guard(guard)).expect("a bucket")
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_what_refills_before_the_end() {
        assert_eq!(worst_case(&bucket(60, 10, Span::ZERO)), 10 + 59);
        assert_eq!(worst_case(&bucket(60, 10, Span::from_secs(1))), 9 + 59);
        assert_eq!(worst_case(&bucket(60, 10, Span::from_millis(1_001))), 8 + 59, "rounded up");
    }

    #[test]
    fn a_guard_longer_than_the_burst_leaves_one() {
        assert_eq!(worst_case(&bucket(60, 10, Span::from_secs(60))), 1 + 59);
        // A permit every 60 ms / 10^6: all but the last before the minute is over.
        let most = Limit::AMOUNT_MAX;
        assert_eq!(
            worst_case(&bucket(most, 1, Span::from_secs(60))),
            most - most.div_ceil(60_000_000_000) + 1
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

    #[cfg(feature = "calendar")]
    #[test]
    fn calendar_periods_meet_at_midnight() {
        let limit = |text: &str| text.parse::<Limit>().expect("a limit");
        let both = |text| (worst_case(&limit(text)), provider_allows(&limit(text)));
        assert_eq!(both("10 requests per day in UTC"), (20, 20));
        // 25 hours around the 23 of one day in March: three days.
        assert_eq!(both("10 requests per day in Europe/Berlin"), (30, 30));
        // From 31 January to the first days of March.
        assert_eq!(both("10 requests per month in UTC"), (30, 30));
        // With a guard of a day, what one day may hold is gone when the next begins.
        let day = Span::from_secs(86_400);
        let guarded = limit("10 requests per day in UTC").guard(day).expect("a guard");
        assert_eq!((worst_case(&guarded), provider_allows(&guarded)), (10, 20));
    }
}
