//! Between integers and floats: the only place of this crate that uses `as`.
//!
//! Paces are estimates, and estimates are floats. What is charged and what is granted is counted in
//! integers, elsewhere.

/// The nearest float; exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the loss is the promise of this function"
)]
pub(crate) fn float(whole: u64) -> f64 {
    whole as f64
}

/// The whole part: below zero and NaN give 0, beyond the range 2^64 − 1.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float-to-integer `as` saturates and maps NaN to zero, which is what is promised"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}
