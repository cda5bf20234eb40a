//! The provider's limits, as a user who knows them would write them down.

use tidegate_units::{Dimension, EnforcedAs, Limit, LimitError, Span};

use crate::{DimensionLimit, ProviderLimits, number};

/// As many millionths make a whole.
const WHOLE: f64 = 1e6;

/// The part of the limits, as they are at first, that a client has who sends this share of everything.
pub(in crate::driver) fn told(
    limits: &ProviderLimits,
    share: f64,
) -> Result<Vec<Limit>, LimitError> {
    let millionths = number::nearest(share.clamp(0.0, 1.0) * WHOLE);
    limits.iter().map(|(dimension, limit)| limit_of(dimension, limit, millionths)).collect()
}

/// One of them. A rate in millionths per second becomes so many per million seconds, which is exact
/// but for what a part is rounded down by.
fn limit_of(
    dimension: Dimension,
    limit: &DimensionLimit,
    millionths: u64,
) -> Result<Limit, LimitError> {
    let part = |amount: u64| {
        let product = u128::from(amount) * u128::from(millionths);
        number::ratio(product, u128::from(number::nearest(WHOLE))).unwrap_or(amount).max(1)
    };
    match limit {
        DimensionLimit::Bucket { rate, .. } => {
            let window = Span::from_secs(1_000_000);
            let burst = part(limit.at_once().floor());
            Limit::new(dimension, part(rate.micros_per_second()), window)?.burst(burst)
        }
        DimensionLimit::Window { amount, window } => {
            let limit = Limit::new(dimension, part(*amount), *window)?;
            Ok(limit.enforced_as(EnforcedAs::FixedWindow))
        }
    }
}
