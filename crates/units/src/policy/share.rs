//! A part of a whole.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a whole in thousandths: 0 to 1000.
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
}
