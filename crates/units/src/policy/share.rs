//! A part of a whole.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part of a whole in thousandths: 0 to 1000.
///
/// Text form: a decimal number from 0 to 1 with at most three decimals that count.
///
/// ```
/// use tidegate_units::Share;
///
/// assert_eq!("0.25".parse(), Ok(Share::per_mille(250)));
/// assert_eq!("1".parse(), Ok(Share::ALL));
/// assert_eq!(
///     "0.3333".parse::<Share>().unwrap_err().to_string(),
///     "`0.3333` is no part of a whole: use 0 to 1 with at most three decimals, such as `0.25`"
/// );
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Share(u16);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self(1_000);

    /// So many thousandths; more than all of them are all.
    pub const fn per_mille(thousandths: u16) -> Self {
        Self(if thousandths > 1_000 { 1_000 } else { thousandths })
    }

    /// In thousandths.
    pub const fn as_per_mille(self) -> u16 {
        self.0
    }

    /// This part of `amount`, rounded down.
    pub fn of(self, amount: u64) -> u64 {
        let part = u128::from(amount) * u128::from(self.0) / 1_000;
        u64::try_from(part).unwrap_or(u64::MAX)
    }

    /// Whether `part` is at least this share of `whole`; of nothing, nothing is.
    pub fn is_reached_by(self, part: u64, whole: u64) -> bool {
        whole > 0 && u128::from(part) * 1_000 >= u128::from(whole) * u128::from(self.0)
    }
}

impl fmt::Display for Share {
    /// In per cent, with one decimal where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => f.pad(&format!("{whole} %")),
            (whole, tenths) => f.pad(&format!("{whole}.{tenths} %")),
        }
    }
}

/// Text that is no part of a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no part of a whole: use 0 to 1 with at most three decimals, such as `0.25`")]
pub struct InvalidShare {
    text: String,
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let invalid = || InvalidShare { text: text.chars().take(40).collect() };
        let thousandths = thousandths(text).ok_or_else(invalid)?;
        if thousandths > Self::ALL.0 { Err(invalid()) } else { Ok(Self(thousandths)) }
    }
}

/// The thousandths of a decimal number below ten, if it is one and has no parts of a thousandth.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if whole.len() != 1 || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > 3 {
        return None;
    }
    format!("{whole}{decimals:0<3}").parse().ok()
}

/// Thousandths as a decimal number, as in a configuration.
pub(super) fn spelled(thousandths: u32) -> String {
    let (whole, rest) = (thousandths / 1_000, format!("{:03}", thousandths % 1_000));
    match rest.trim_end_matches('0') {
        "" => whole.to_string(),
        decimals => format!("{whole}.{decimals}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_reached_exactly() {
        assert_eq!(Share::per_mille(200).of(9), 1);
        assert_eq!(Share::per_mille(2_000), Share::ALL);
        assert_eq!(Share::ALL.of(u64::MAX), u64::MAX);
        assert!(Share::per_mille(500).is_reached_by(1, 2));
        assert!(!Share::per_mille(501).is_reached_by(1, 2));
        assert!(!Share::NONE.is_reached_by(0, 0));
        assert_eq!(Share::per_mille(125).to_string(), "12.5 %");
        assert_eq!(Share::per_mille(250).to_string(), "25 %");
    }

    #[test]
    fn a_decimal_number_is_read_to_the_thousandth_and_no_further() {
        let read =
            [("0", 0), ("1", 1_000), ("1.000", 1_000), ("0.0", 0), ("0.5", 500), ("0.025", 25)];
        for (text, thousandths) in read.into_iter().chain([("0.001", 1), ("0.2500000", 250)]) {
            assert_eq!(text.parse(), Ok(Share::per_mille(thousandths)), "{text}");
        }
        for text in [
            "",
            ".",
            "0.",
            ".5",
            "-0.1",
            "+0.5",
            "1.001",
            "2",
            "00",
            "0.0005",
            "1e-1",
            "nan",
            "inf",
            "0,5",
            "0.5 ",
            "0.+1",
            "0.99999999999999999999",
            "9.999",
            "10",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn thousandths_are_spelled_as_they_are_read() {
        for thousandths in 0..=1_000 {
            let text = spelled(u32::from(thousandths));
            assert_eq!(text.parse(), Ok(Share::per_mille(thousandths)), "{text}");
        }
        assert_eq!([spelled(1_300), spelled(2_005), spelled(90)], ["1.3", "2.005", "0.09"]);
    }
}
