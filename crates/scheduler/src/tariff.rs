//! What a call is charged for its turn: which part of the binding limit it takes.
//!
//! Turns are taken by what is scarce. Where tokens bind, ten calls of a hundred tokens weigh as much
//! as one of a thousand; where requests bind, ten times as much. A charge is the part that a call
//! takes of the limit on that dimension, so that charges stay comparable when another one binds.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use tidegate_units::{Cost, Dimension, Limit};

/// What a call is charged: 2^60ths of what the binding limit holds at once.
pub(crate) type Work = u128;

/// The whole of a limit.
const WHOLE: u128 = 1 << 60;

/// Sums of costs over the dimensions of a [`Tariff`], in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// As many as most services limit lie in place.
    sums: SmallVec<[u64; 3]>,
}

/// How calls are charged at present.
#[derive(Debug, Clone)]
pub(crate) struct Tariff {
    dimensions: Arc<[Dimension]>,
    /// What the tightest limit on each dimension holds at once.
    wholes: Vec<u64>,
    /// The place of the dimension that binds.
    binding: usize,
}

impl Tariff {
    /// A tariff over `dimensions`, the first of which is requests, under `limits`. Requests bind until
    /// something else is seen to.
    pub(crate) fn new<'l>(
        dimensions: &[Dimension],
        limits: impl Iterator<Item = &'l Limit>,
    ) -> Self {
        let limits: Vec<&Limit> = limits.collect();
        let whole = |dimension: &Dimension| {
            let on_it = limits.iter().filter(|limit| limit.dimension() == *dimension);
            on_it.map(|limit| limit.shaped_capacity()).min().unwrap_or(u64::MAX).max(1)
        };
        let wholes = dimensions.iter().map(whole).collect();
        Self { dimensions: dimensions.into(), wholes, binding: 0 }
    }

    /// The dimensions.
    pub(crate) fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// A limit on this dimension has made somebody wait.
    pub(crate) fn binds(&mut self, dimension: Dimension) {
        if let Some(place) = self.dimensions.iter().position(|known| *known == dimension) {
            self.binding = place;
        }
    }

    /// What a call of `cost` is charged: never nothing, or whoever takes nothing of what binds could
    /// go on for ever.
    pub(crate) fn work(&self, cost: &Cost) -> Work {
        let part = |place: usize| self.part(place, cost.amount(self.dimensions[place]));
        match part(self.binding) {
            0 => part(0).max(1),
            work => work,
        }
    }

    /// What calls of these costs together are charged, give or take those that take nothing of what
    /// binds.
    pub(crate) fn work_of(&self, totals: &Totals) -> Work {
        match self.part(self.binding, totals.at(self.binding)) {
            0 => self.part(0, totals.at(0)),
            work => work,
        }
    }

    /// What is charged for this much of the dimension that binds.
    pub(crate) fn work_of_amount(&self, amount: impl Fn(Dimension) -> u64) -> Work {
        self.part(self.binding, amount(self.dimensions[self.binding]))
    }

    fn part(&self, place: usize, amount: u64) -> Work {
        u128::from(amount) * WHOLE / u128::from(self.wholes[place])
    }

    /// Nothing of anything.
    pub(crate) fn nothing(&self) -> Totals {
        Totals { sums: smallvec![0; self.dimensions.len()] }
    }

    /// Adds what a call takes.
    pub(crate) fn add(&self, totals: &mut Totals, cost: &Cost) {
        for (sum, dimension) in totals.sums.iter_mut().zip(self.dimensions.iter()) {
            *sum = sum.saturating_add(cost.amount(*dimension));
        }
    }

    /// Takes away what a call takes.
    pub(crate) fn subtract(&self, totals: &mut Totals, cost: &Cost) {
        for (sum, dimension) in totals.sums.iter_mut().zip(self.dimensions.iter()) {
            *sum = sum.saturating_sub(cost.amount(*dimension));
        }
    }
}

impl Totals {
    fn at(&self, place: usize) -> u64 {
        self.sums.get(place).copied().unwrap_or(0)
    }

    /// Adds `part` of `whole` of `other`, rounded down; all of it where `whole` is nothing.
    pub(crate) fn add_part(&mut self, other: &Self, part: Work, whole: Work) {
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum = sum.saturating_add(portion(*more, part, whole));
        }
    }

    /// The sum of one dimension.
    pub(crate) fn get(&self, dimensions: &[Dimension], dimension: Dimension) -> u64 {
        let place = dimensions.iter().position(|known| *known == dimension);
        place.map_or(0, |place| self.at(place))
    }

    /// The sums by dimension.
    pub(crate) fn iter<'t>(
        &'t self,
        dimensions: &'t [Dimension],
    ) -> impl Iterator<Item = (Dimension, u64)> + 't {
        dimensions.iter().copied().zip(self.sums.iter().copied())
    }
}

/// `part` of `whole` of an amount, rounded down; all of it where `part` is not less.
pub(crate) fn portion(amount: u64, part: Work, whole: Work) -> u64 {
    if part >= whole {
        return amount;
    }
    // Thirty-two bits of the ratio are more than a prediction needs, and cannot overflow.
    let shift = 128_u32.saturating_sub(whole.leading_zeros()).saturating_sub(32);
    let ratio = (part >> shift) * u128::from(amount) / (whole >> shift).max(1);
    u64::try_from(ratio).unwrap_or(u64::MAX).min(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariff() -> Tariff {
        let limits: [Limit; 2] = ["128 requests per minute", "1024 tokens per minute"]
            .map(|text| text.parse().expect("a limit"));
        let limits = limits.map(|limit| limit.guard(tidegate_units::Span::ZERO).expect("none"));
        Tariff::new(&[Dimension::Requests, Dimension::Tokens], limits.iter())
    }

    #[test]
    fn a_call_is_charged_its_part_of_what_binds() {
        let mut tariff = tariff();
        let (small, large) = (Cost::request().tokens(8), Cost::request().tokens(512));
        assert_eq!(tariff.work(&small), tariff.work(&large), "requests bind");
        tariff.binds(Dimension::Tokens);
        assert_eq!(tariff.work(&small) * 64, tariff.work(&large));
        assert_eq!(tariff.work(&small), WHOLE / 128);
        assert_eq!(tariff.work(&Cost::request()), WHOLE / 128, "no tokens: as a request");
        assert_eq!(tariff.work(&Cost::ZERO), 1, "nobody goes on for ever");
        tariff.binds(Dimension::Bytes);
        assert_eq!(tariff.work(&large), WHOLE / 2, "nobody counts bytes");
    }

    #[test]
    fn portions_never_exceed_the_whole() {
        assert_eq!(portion(10, 1, 2), 5);
        assert_eq!(portion(10, 3, 2), 10);
        assert_eq!(portion(10, 0, 0), 10);
        let half = portion(u64::MAX, u128::MAX / 2, u128::MAX);
        assert!(half.abs_diff(u64::MAX / 2) < u64::MAX >> 31, "{half}");
        let mut totals = tariff().nothing();
        tariff().add(&mut totals, &Cost::request().tokens(9));
        let mut half = tariff().nothing();
        half.add_part(&totals, 1, 2);
        assert_eq!(half.sums.as_slice(), [0, 4]);
    }
}
