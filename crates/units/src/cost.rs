//! What one call takes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dimension::BUILT_IN;
use crate::{Dimension, DimensionName};

/// How much of each dimension one call takes: estimated before it is made, actual after it.
///
/// Amounts are whole and never negative; sums saturate at 2^64 − 1. A call takes one request unless
/// it says otherwise.
///
/// The token dimensions know of each other, so that a caller who states only some of them is still
/// charged for all, and never for too little: see [`Cost::amount`].
///
/// ```
/// use tidegate_units::{Cost, Dimension};
///
/// let cost = Cost::request().tokens(1_200).output_tokens(400);
/// assert_eq!(cost.amount(Dimension::Requests), 1);
/// assert_eq!(cost.amount(Dimension::Tokens), 1_200);
/// assert_eq!(cost.amount(Dimension::InputTokens), 800);
/// assert_eq!(cost.amount(Dimension::Bytes), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(try_from = "CostText", into = "CostText")]
pub struct Cost {
    built_in: [u64; BUILT_IN.len()],
    named: NamedAmounts,
}

/// Amounts in dimensions of the user's own; empty for most calls, and then nothing is allocated.
pub type NamedAmounts = Vec<(DimensionName, u64)>;

/// More dimensions of the user's own than one cost may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a cost of {given} named dimensions: at most {} are allowed, merge some of them",
    Cost::NAMES_MAX
)]
pub struct TooManyNames {
    given: usize,
}

impl Cost {
    /// Nothing at all.
    pub const ZERO: Self = Self { built_in: [0; BUILT_IN.len()], named: Vec::new() };

    /// The most dimensions of the user's own that one cost may hold.
    pub const NAMES_MAX: usize = 8;

    /// One request, and nothing else.
    pub const fn request() -> Self {
        Self { built_in: [1, 0, 0, 0, 0], named: Vec::new() }
    }

    /// A cost of `amount` in one dimension.
    pub fn of(dimension: Dimension, amount: u64) -> Self {
        let mut cost = Self::ZERO;
        cost.set(dimension, amount);
        cost
    }

    /// The same cost with this many requests.
    pub fn requests(mut self, amount: u64) -> Self {
        self.set(Dimension::Requests, amount);
        self
    }

    /// The same cost with this many tokens in both directions together.
    pub fn tokens(mut self, amount: u64) -> Self {
        self.set(Dimension::Tokens, amount);
        self
    }

    /// The same cost with this many tokens sent.
    pub fn input_tokens(mut self, amount: u64) -> Self {
        self.set(Dimension::InputTokens, amount);
        self
    }

    /// The same cost with this many tokens generated.
    pub fn output_tokens(mut self, amount: u64) -> Self {
        self.set(Dimension::OutputTokens, amount);
        self
    }

    /// The same cost with this many bytes.
    pub fn bytes(mut self, amount: u64) -> Self {
        self.set(Dimension::Bytes, amount);
        self
    }

    /// The same cost with `amount` in a dimension of the user's own.
    ///
    /// # Errors
    ///
    /// [`TooManyNames`] when the cost would hold more than [`Cost::NAMES_MAX`] of them.
    pub fn named(mut self, name: DimensionName, amount: u64) -> Result<Self, TooManyNames> {
        self.set(Dimension::Named(name), amount);
        if self.named.len() > Self::NAMES_MAX {
            return Err(TooManyNames { given: self.named.len() });
        }
        Ok(self)
    }

    /// How much of `dimension` a ledger charges for this call.
    ///
    /// `tokens` is the larger of what was stated as such and the sum of both directions;
    /// `input_tokens` is the larger of what was stated and `tokens` less `output_tokens`. What was
    /// not stated at all is zero. Every call takes one of the `slots`.
    #[inline]
    pub fn amount(&self, dimension: Dimension) -> u64 {
        let [requests, tokens, input, output, bytes] = self.built_in;
        match dimension {
            Dimension::Requests => requests,
            Dimension::Tokens => tokens.max(input.saturating_add(output)),
            Dimension::InputTokens => input.max(tokens.saturating_sub(output)),
            Dimension::OutputTokens => output,
            Dimension::Bytes => bytes,
            Dimension::Slots => 1,
            Dimension::Named(name) => self.amount_named(name),
        }
    }

    #[cold]
    fn amount_named(&self, name: DimensionName) -> u64 {
        self.named.iter().find(|(held, _)| *held == name).map_or(0, |(_, amount)| *amount)
    }

    /// Whether nothing at all is taken.
    pub fn is_zero(&self) -> bool {
        self.built_in.iter().all(|amount| *amount == 0)
            && self.named.iter().all(|(_, amount)| *amount == 0)
    }

    /// States the amount of one dimension.
    fn set(&mut self, dimension: Dimension, amount: u64) {
        if let Some(index) = BUILT_IN.iter().position(|known| *known == dimension) {
            self.built_in[index] = amount;
        } else if let Dimension::Named(name) = dimension {
            match self.named.iter_mut().find(|(held, _)| *held == name) {
                Some((_, held)) => *held = amount,
                None => self.named.push((name, amount)),
            }
        }
    }

    /// The dimensions that were stated, with their amounts as stated.
    pub fn stated(&self) -> impl Iterator<Item = (Dimension, u64)> + '_ {
        let built_in = BUILT_IN.into_iter().zip(self.built_in);
        let named = self.named.iter().map(|(name, amount)| (Dimension::Named(*name), *amount));
        built_in.chain(named).filter(|(_, amount)| *amount > 0)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> =
            self.stated().map(|(dimension, amount)| format!("{amount} {dimension}")).collect();
        f.pad(&if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
    }
}

/// The text form: a map from dimension to amount.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct CostText {
    amounts: std::collections::BTreeMap<Dimension, u64>,
}

impl TryFrom<CostText> for Cost {
    type Error = TooManyNames;

    fn try_from(text: CostText) -> Result<Self, TooManyNames> {
        let mut cost = Self::ZERO;
        for (dimension, amount) in text.amounts {
            cost.set(dimension, amount);
        }
        if cost.named.len() > Self::NAMES_MAX {
            return Err(TooManyNames { given: cost.named.len() });
        }
        Ok(cost)
    }
}

impl From<Cost> for CostText {
    fn from(cost: Cost) -> Self {
        Self { amounts: cost.stated().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_undercounted() {
        let check = |cost: Cost, tokens, input, output| {
            assert_eq!(cost.amount(Dimension::Tokens), tokens, "{cost}");
            assert_eq!(cost.amount(Dimension::InputTokens), input, "{cost}");
            assert_eq!(cost.amount(Dimension::OutputTokens), output, "{cost}");
        };
        check(Cost::request(), 0, 0, 0);
        check(Cost::request().tokens(10), 10, 10, 0);
        check(Cost::request().input_tokens(7).output_tokens(5), 12, 7, 5);
        check(Cost::request().tokens(10).output_tokens(4), 10, 6, 4);
        check(Cost::request().tokens(u64::MAX).output_tokens(u64::MAX), u64::MAX, 0, u64::MAX);
        check(Cost::request().input_tokens(u64::MAX).output_tokens(1), u64::MAX, u64::MAX, 1);
    }

    #[test]
    fn a_cost_holds_a_bounded_number_of_names() {
        let mut cost = Cost::request();
        for index in 0..Cost::NAMES_MAX {
            let name = format!("name_{index}").parse().expect("a name");
            cost = cost.named(name, 1).expect("room");
        }
        let refused = cost.named("one_more".parse().expect("a name"), 1);
        insta::assert_snapshot!(
            refused.expect_err("full"),
            @"a cost of 9 named dimensions: at most 8 are allowed, merge some of them"
        );
    }

    #[test]
    fn printing_names_what_was_stated() {
        assert_eq!(Cost::request().tokens(5).to_string(), "1 requests, 5 tokens");
        assert_eq!(Cost::ZERO.to_string(), "nothing");
    }
}
