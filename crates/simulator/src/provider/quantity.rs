//! Amounts and rates as integers, so fine that refilling loses nothing.
//!
//! A rate is a whole number of millionths per second. Over a whole number of nanoseconds it yields a
//! whole number of 10^-15 of a unit, which is what a [`Quantity`] counts: nothing is ever rounded
//! except where it leaves this arithmetic, and there the direction is stated.

use std::ops::{Add, Sub};

use tidegate_units::Span;

use crate::number;

/// Parts of a unit in a [`Quantity`].
const PARTS: i128 = 1_000_000_000_000_000;

/// An amount of requests or tokens, exact to 10^-15 of one; negative where more was taken than there
/// was. Saturates at about ±1.7·10^23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity {
    parts: i128,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self { parts: 0 };

    /// A whole number of units.
    pub fn whole(units: u64) -> Self {
        Self { parts: i128::from(units) * PARTS }
    }

    /// Whole units, rounded down; 0 below zero.
    pub fn floor(self) -> u64 {
        u64::try_from((self.parts / PARTS).max(0)).unwrap_or(u64::MAX)
    }

    /// Whole units, rounded up; 0 below zero.
    pub fn ceil(self) -> u64 {
        let up = Self { parts: self.parts.saturating_add(PARTS - 1) };
        up.floor()
    }

    /// So many millionths of it, rounded towards zero.
    pub(super) fn scaled(self, millionths: u64) -> Self {
        if millionths == 1_000_000 {
            return self;
        }
        Self { parts: self.parts.saturating_mul(i128::from(millionths)) / 1_000_000 }
    }

    /// Units as a float, for reports.
    pub fn as_f64(self) -> f64 {
        number::float_wide(self.parts) / number::float_wide(PARTS)
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { parts: self.parts.saturating_add(other.parts) }
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { parts: self.parts.saturating_sub(other.parts) }
    }
}

/// Units per second: 0.000 001 to 10^9, in whole millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    micros: u64,
}

impl Rate {
    /// The highest rate: 10^9 per second.
    pub const MAX: Self = Self { micros: 1_000_000_000_000_000 };
    /// The lowest rate: a millionth per second.
    pub const MIN: Self = Self { micros: 1 };

    /// A rate of so many millionths of a unit per second; nothing unless it is in range.
    pub fn from_micros_per_second(micros: u64) -> Option<Self> {
        (Self::MIN.micros..=Self::MAX.micros).contains(&micros).then_some(Self { micros })
    }

    /// `millionths` of the mean rate of `units` over `span`, rounded down; nothing unless it is in
    /// range.
    pub fn share_of(units: u64, span: Span, millionths: u64) -> Option<Self> {
        let product = u128::from(units).checked_mul(u128::from(millionths))?;
        let product = product.checked_mul(1_000_000_000)?;
        Self::from_micros_per_second(number::ratio(product, u128::from(span.as_nanos()))?)
    }

    /// So many millionths of it, rounded down to a rate, and at least the lowest.
    pub(super) fn scaled(self, millionths: u64) -> Self {
        if millionths == 1_000_000 {
            return self;
        }
        let product = u128::from(self.micros) * u128::from(millionths);
        let micros = number::ratio(product, 1_000_000).unwrap_or(u64::MAX);
        Self { micros: micros.clamp(Self::MIN.micros, Self::MAX.micros) }
    }

    /// Millionths of a unit per second.
    pub fn micros_per_second(self) -> u64 {
        self.micros
    }

    /// Units per second as a float, for reports and for controllers that compute with one.
    pub fn per_second(self) -> f64 {
        number::float(self.micros) / 1e6
    }

    /// What comes in over a span, exactly.
    pub fn over(self, span: Span) -> Quantity {
        Quantity { parts: i128::from(self.micros) * i128::from(span.as_nanos()) }
    }

    /// How long a quantity takes to come in, rounded up to the nanosecond; no time for none.
    pub fn time_for(self, quantity: Quantity) -> Span {
        let parts = u128::try_from(quantity.parts).unwrap_or(0);
        Span::from_nanos(u64::try_from(parts.div_ceil(u128::from(self.micros))).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounding_goes_the_way_it_says() {
        let rate = Rate::from_micros_per_second(3_500_000).expect("in range");
        let quantity = rate.over(Span::from_secs(1));
        assert_eq!((quantity.floor(), quantity.ceil()), (3, 4));
        let debt = Quantity::ZERO - quantity;
        assert_eq!((debt.floor(), debt.ceil()), (0, 0));
        assert!((debt.as_f64() + 3.5).abs() < 1e-12);
        assert_eq!(rate.time_for(debt), Span::ZERO);
    }

    #[test]
    fn a_share_of_a_load_is_exact_or_refused() {
        let minute = Span::from_secs(60);
        assert_eq!(Rate::share_of(600, minute, 700_000), Rate::from_micros_per_second(7_000_000));
        assert_eq!(Rate::share_of(0, minute, 700_000), None);
        assert_eq!(Rate::share_of(1, Span::ZERO, 700_000), None);
        assert_eq!(Rate::share_of(u64::MAX, Span::from_nanos(1), u64::MAX), None);
    }

    proptest! {
        #[test]
        fn the_time_for_a_quantity_is_tight(micros in 1_u64..=1_000_000_000_000, units in 1_u64..=1_000) {
            let rate = Rate::from_micros_per_second(micros).expect("in range");
            let needed = Quantity::whole(units);
            let time = rate.time_for(needed);
            prop_assert!(rate.over(time) >= needed);
            prop_assert!(rate.over(time - Span::from_nanos(1)) < needed);
        }
    }
}
