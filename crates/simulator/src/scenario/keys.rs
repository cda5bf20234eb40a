//! Who sends the calls of a trace that does not say so itself.
//!
//! Most recordings leave out who called. To see what fairness does, their requests are dealt to
//! clients: a few large ones and many small ones, as it is in most places, or shares by name.
//!
//! # Invariants
//!
//! 1. At least one key and at most [`KeyShares::COUNT_MAX`], no two of one name.
//! 2. Which key comes up for a draw depends on the shares alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::number;

/// The clients of a scenario, and how much each of them sends.
///
/// ```
/// use tidegate_simulator::KeyShares;
///
/// let shares = KeyShares::ranked(3, 1.0);
/// let names: Vec<&str> = shares.names().collect();
/// assert_eq!(names, ["client-1", "client-2", "client-3"]);
/// // Shares of 6/11, 3/11 and 2/11.
/// assert_eq!([0.5, 0.6, 0.99].map(|draw| &**shares.pick(draw)), [names[0], names[1], names[2]]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KeyShares {
    /// Never empty.
    names: Vec<Arc<str>>,
    /// Where the part of each ends, the last at the sum of all weights.
    ends: Vec<f64>,
}

impl KeyShares {
    /// The most keys.
    pub const COUNT_MAX: usize = 1_000;
    /// The largest skew: the second key then has a thousandth of the first's share.
    pub const SKEW_MAX: f64 = 10.0;

    /// `client-1`, `client-2` and so on, whose shares are as 1 / rank^`skew` (Zipf's law): with 0
    /// all send the same, with 1 the second half as much as the first.
    ///
    /// 1 to [`KeyShares::COUNT_MAX`] keys and a skew of 0 to [`KeyShares::SKEW_MAX`]; what is beyond
    /// is taken to the nearest, and a skew that is no number to 0.
    pub fn ranked(count: usize, skew: f64) -> Self {
        let count = count.clamp(1, Self::COUNT_MAX);
        let skew = if skew.is_nan() { 0.0 } else { skew.clamp(0.0, Self::SKEW_MAX) };
        let weight = |rank: usize| libm::pow(number::float(number::count(rank)), -skew);
        Self::of((1..=count).map(|rank| (format!("client-{rank}").into(), weight(rank))))
    }

    /// These keys by name, with these shares; none if there are none, or more than
    /// [`KeyShares::COUNT_MAX`], or no share is above zero, or one is no number of 0 to 1.
    pub fn named(shares: &BTreeMap<String, f64>) -> Option<Self> {
        let is_share = |share: &f64| (0.0..=1.0).contains(share);
        let is_count = (1..=Self::COUNT_MAX).contains(&shares.len());
        let is_any = shares.values().any(|share| *share > 0.0);
        (is_count && is_any && shares.values().all(is_share))
            .then(|| Self::of(shares.iter().map(|(name, share)| (name.as_str().into(), *share))))
    }

    /// Their names; the largest first if they are ranked, else in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Who sends a call, for a draw that is uniform in `[0, 1)`.
    pub fn pick(&self, draw: f64) -> &Arc<str> {
        let sum = self.ends.last().copied().unwrap_or(0.0);
        let before = self.ends.partition_point(|end| *end <= draw * sum);
        // A draw of 1 is out of range, and the last key's.
        &self.names[before.min(self.names.len() - 1)]
    }

    fn of(weights: impl Iterator<Item = (Arc<str>, f64)>) -> Self {
        let mut sum = 0.0;
        let (names, ends) = weights
            .map(|(name, weight)| {
                sum += weight;
                (name, sum)
            })
            .unzip();
        Self { names, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, Stream};

    /// How often each of these came up in ten thousand draws.
    fn counts(shares: &KeyShares) -> BTreeMap<&str, u32> {
        let mut random = Random::new(1, Stream::Keys);
        let mut counts = BTreeMap::new();
        for _ in 0..10_000 {
            *counts.entry(&**shares.pick(random.uniform())).or_default() += 1;
        }
        counts
    }

    #[test]
    fn a_rank_sends_as_much_as_zipf_says() {
        let shares = KeyShares::ranked(4, 1.0);
        // Shares of 12, 6, 4 and 3 in 25.
        for (count, expected) in counts(&shares).values().zip([4_800_u32, 2_400, 1_600, 1_200]) {
            assert!(count.abs_diff(expected) < 150, "{count} instead of {expected}");
        }
        let even = KeyShares::ranked(4, 0.0);
        assert!(counts(&even).values().all(|count| count.abs_diff(2_500) < 150));
    }

    #[test]
    fn a_name_sends_its_share_and_none_without_one() {
        let text = [("a", 0.25), ("greedy", 0.75), ("nobody", 0.0)];
        let shares = text.map(|(name, share)| (name.to_owned(), share)).into();
        let shares = KeyShares::named(&shares).expect("shares");
        let counts = counts(&shares);
        assert!(counts["greedy"].abs_diff(7_500) < 150 && !counts.contains_key("nobody"));
    }

    #[test]
    fn what_is_out_of_range_is_the_nearest_or_nothing() {
        assert_eq!(KeyShares::ranked(0, 1.0).names().count(), 1);
        assert_eq!(KeyShares::ranked(usize::MAX, f64::NAN).names().count(), KeyShares::COUNT_MAX);
        assert_eq!(KeyShares::ranked(2, 1e9), KeyShares::ranked(2, KeyShares::SKEW_MAX));
        assert_eq!(&**KeyShares::ranked(2, 1.0).pick(1.0), "client-2");
        let of = |shares: &[(&str, f64)]| {
            let shares = shares.iter().map(|(name, share)| ((*name).to_owned(), *share));
            KeyShares::named(&shares.collect())
        };
        assert!(of(&[]).is_none() && of(&[("a", 0.0)]).is_none() && of(&[("a", -0.5)]).is_none());
        assert!(of(&[("a", f64::NAN), ("b", 1.0)]).is_none() && of(&[("a", 1.0)]).is_some());
    }
}
