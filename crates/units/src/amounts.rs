//! Exact amounts by dimension: what ledgers lend, borrowers hold, and settlements report.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Cost, Dimension};

/// An amount for each of a few dimensions; a dimension that is absent has none.
///
/// Unlike a [`Cost`], whose token dimensions imply each other, every amount here stands for itself.
/// Sums and differences saturate.
///
/// ```
/// use tidegate_units::{Amounts, Cost, Dimension};
///
/// let dimensions = [Dimension::Requests, Dimension::Tokens];
/// let charged = Amounts::charged(&Cost::request().input_tokens(70).output_tokens(30), dimensions);
/// assert_eq!(charged.get(Dimension::Tokens), 100);
/// assert_eq!(charged.get(Dimension::OutputTokens), 0, "not asked for");
/// ```
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amounts {
    entries: Vec<(Dimension, u64)>,
}

impl Amounts {
    /// Nothing of anything.
    pub const NONE: Self = Self { entries: Vec::new() };

    /// `amount` of one dimension.
    pub fn of(dimension: Dimension, amount: u64) -> Self {
        Self { entries: vec![(dimension, amount)] }
    }

    /// What `cost` is charged in each of `dimensions`.
    pub fn charged(cost: &Cost, dimensions: impl IntoIterator<Item = Dimension>) -> Self {
        dimensions.into_iter().map(|dimension| (dimension, cost.amount(dimension))).collect()
    }

    /// The amount of `dimension`.
    pub fn get(&self, dimension: Dimension) -> u64 {
        self.entries.iter().find(|(held, _)| *held == dimension).map_or(0, |(_, amount)| *amount)
    }

    /// Replaces the amount of `dimension`.
    pub fn set(&mut self, dimension: Dimension, amount: u64) {
        match self.entries.iter_mut().find(|(held, _)| *held == dimension) {
            Some((_, held)) => *held = amount,
            None => self.entries.push((dimension, amount)),
        }
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        for (dimension, amount) in other.iter() {
            self.set(dimension, self.get(dimension).saturating_add(amount));
        }
    }

    /// Takes all of `other` away, down to zero.
    pub fn subtract(&mut self, other: &Self) {
        for (dimension, amount) in other.iter() {
            self.set(dimension, self.get(dimension).saturating_sub(amount));
        }
    }

    /// What this holds beyond `other`, never below zero.
    pub fn less(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.subtract(other);
        rest
    }

    /// Whether this holds at least as much of everything as `other`.
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|(dimension, amount)| self.get(dimension) >= amount)
    }

    /// Whether there is nothing of anything.
    pub fn is_none(&self) -> bool {
        self.entries.iter().all(|(_, amount)| *amount == 0)
    }

    /// Every dimension held, with its amount.
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, u64)> + '_ {
        self.entries.iter().copied()
    }
}

impl PartialEq for Amounts {
    /// Equal when each covers the other: order and zeros do not matter.
    fn eq(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }
}

impl Eq for Amounts {}

impl FromIterator<(Dimension, u64)> for Amounts {
    /// Amounts of the same dimension add up.
    fn from_iter<I: IntoIterator<Item = (Dimension, u64)>>(entries: I) -> Self {
        let mut amounts = Self::NONE;
        for (dimension, amount) in entries {
            amounts.set(dimension, amounts.get(dimension).saturating_add(amount));
        }
        amounts
    }
}

impl fmt::Display for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.iter().filter(|(_, amount)| *amount > 0);
        let parts: Vec<String> = held.map(|(what, amount)| format!("{amount} {what}")).collect();
        f.pad(&if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_zeros_do_not_make_a_difference() {
        let one: Amounts = [(Dimension::Requests, 1), (Dimension::Tokens, 0)].into_iter().collect();
        assert_eq!(one, Amounts::of(Dimension::Requests, 1));
        assert_ne!(one, Amounts::NONE);
    }

    #[test]
    fn differences_stop_at_zero() {
        let less = Amounts::of(Dimension::Bytes, 3).less(&Amounts::of(Dimension::Bytes, 5));
        assert!(less.is_none());
    }
}
