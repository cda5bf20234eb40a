//! Between integers and floats: the only place of this crate that uses `as`.
//!
//! Everything that decides is an integer. Floats are shapes and shares: what a scenario states, what
//! a distribution draws, what a report prints.

/// The nearest float; exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the loss is the promise of this function"
)]
pub(crate) fn float(whole: u64) -> f64 {
    whole as f64
}

/// The nearest float; exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the loss is the promise of this function"
)]
pub(crate) fn float_wide(whole: i128) -> f64 {
    whole as f64
}

/// The nearest whole number: below zero and NaN give 0, beyond the range 2^64 − 1.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float-to-integer `as` saturates and maps NaN to zero, which is what is promised"
)]
pub(crate) fn nearest(number: f64) -> u64 {
    number.round() as u64
}

/// How many things there are.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// A place in memory; what does not fit is beyond every place.
pub(crate) fn place(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The quotient of a wide product, rounded down; nothing if it does not fit or `by` is zero.
pub(crate) fn ratio(of: u128, by: u128) -> Option<u64> {
    u64::try_from(of.checked_div(by)?).ok()
}

/// The place of a share of so many things, rounded down.
pub(crate) fn place_of_share(share: f64, things: usize) -> usize {
    place(nearest((share * float(count(things))).floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_whole_number_saturates() {
        assert_eq!(nearest(2.5), 3);
        assert_eq!(nearest(-1.0), 0);
        assert_eq!(nearest(f64::NAN), 0);
        assert_eq!(nearest(1e300), u64::MAX);
    }
}
