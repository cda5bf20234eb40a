//! Counts as floats and back, where a rate or a share is made of them.

/// Exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a rate is a float; the loss is stated"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// Rounded; zero for what is negative or no number, the most there is for what is too large.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates, and takes what is no number for zero"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// How much that is per second over so many milliseconds; none over none.
pub(crate) fn per_second(count: u64, over_ms: u64) -> f64 {
    if over_ms == 0 { 0.0 } else { float(count) * 1_000.0 / float(over_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_count_becomes_the_nearest() {
        assert_eq!([-3.0, f64::NAN, 2.5, f64::INFINITY].map(whole), [0, 0, 3, u64::MAX]);
        assert!((per_second(3, 1_500) - 2.0).abs() < 1e-12);
        assert!(per_second(3, 0).abs() < 1e-12);
    }
}
