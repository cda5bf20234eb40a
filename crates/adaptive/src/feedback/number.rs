//! Numbers as headers and bodies write them: digits, and perhaps a fraction.
//!
//! Nothing else is a number here: no sign, no exponent, no `NaN`, no `inf`. Floating point is never
//! used, so that 0.65 s are 650 ms and no rounding ends a wait early.
//!
//! # Invariants
//!
//! - Lengths of time are rounded up, amounts down: either way less is sent.

/// As many digits of a fraction as are read; what follows only rounds up.
const FRACTION_MAX: usize = 18;

/// The whole part and the fraction of a number, or nothing if it is none.
fn parts(text: &str) -> Option<(u64, &str)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    Some((whole.parse().ok()?, fraction))
}

/// An amount, rounded down; `None` for what is none or does not fit into 64 bits.
pub(super) fn amount(text: &str) -> Option<u64> {
    parts(text.trim()).map(|(whole, _)| whole)
}

/// A number of units of `unit` nanoseconds each, rounded up to a nanosecond; saturates where only the
/// product is too large, and is `None` where the number itself is.
pub(super) fn nanos(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = parts(text.trim())?;
    let (kept, rest) = fraction.split_at(fraction.len().min(FRACTION_MAX));
    let scale = 10_u128.pow(u32::try_from(kept.len()).ok()?);
    let numerator = if kept.is_empty() { 0 } else { kept.parse::<u128>().ok()? };
    let more = u128::from(rest.bytes().any(|byte| byte != b'0'));
    let part = (numerator * u128::from(unit)).div_ceil(scale) + more;
    Some(whole.saturating_mul(unit).saturating_add(u64::try_from(part).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn fractions_are_exact_and_rounded_up() {
        assert_eq!(nanos("7.66", SECOND), Some(7_660_000_000));
        assert_eq!(nanos(" 5 ", SECOND), Some(5_000_000_000));
        assert_eq!(nanos("0.0000000001", SECOND), Some(1));
        assert_eq!(nanos("0.0000000000000000001", SECOND), Some(1));
        assert_eq!(nanos("1.", SECOND), Some(SECOND));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-1", "+1", "NaN", "inf", "1e3", "0x10", ".5", "1.2.3", "1 2", "١"] {
            assert_eq!(nanos(text, SECOND), None, "{text}");
            assert_eq!(amount(text), None, "{text}");
        }
        assert_eq!(nanos("18446744073709551616", SECOND), None, "more than 64 bits");
    }

    #[test]
    fn what_is_too_long_saturates() {
        assert_eq!(nanos("18446744073709551615", SECOND), Some(u64::MAX));
        assert_eq!(amount("594.9"), Some(594));
    }
}
