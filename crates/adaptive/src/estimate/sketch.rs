//! How much such calls took lately: a small histogram that forgets.
//!
//! Eight classes for each power of two, so that a class is at most an eighth wider than it is high. When
//! five hundred calls are in it, all of it is halved: what came lately weighs more, and after a change
//! the old figures are gone after a thousand calls.
//!
//! A sketch of markers that move (the P² algorithm) was tried on paper: it is smaller, but forgets nothing, and
//! two humps, as those of calls that answer and calls that think, confuse it.
//!
//! # Invariants
//!
//! - EST-3: over what is remembered, a quantile is never below the exact one, and at most an eighth and one
//!   token above it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_units::Share;

/// Classes for each power of two.
const PER_OCTAVE: u64 = 8;
/// Numbers below this have a class of their own.
const EXACT: u64 = 8;
/// What is larger is counted as this: more than any model generates.
const LARGEST: u64 = (1 << 24) - 1;
const CLASSES: usize = 176;

/// What one call weighs: enough that halving a few times loses nothing that shows.
const ONE: u32 = 1 << 12;
/// When so many calls are remembered, what they weigh is halved.
const CALLS_MAX: u64 = 512;
/// The most that all calls together weigh.
const WEIGHT_MAX: u64 = CALLS_MAX << 12;

/// How often which amounts occurred, the latest the most.
///
/// ```
/// use tidegate_adaptive::estimate::Sketch;
/// use tidegate_units::Share;
///
/// let mut sketch = Sketch::default();
/// assert_eq!(sketch.quantile(Share::per_mille(900)), None);
/// (1..=100).for_each(|amount| sketch.record(amount));
/// assert_eq!(sketch.quantile(Share::per_mille(900)), Some(95), "of 90, to the end of its class");
/// assert_eq!(sketch.quantile(Share::per_mille(10)), Some(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SketchText", into = "SketchText")]
pub struct Sketch {
    weights: Box<[u32; CLASSES]>,
    sum: u64,
}

/// A sketch that somebody else wrote, and wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSketch {
    /// There is no such class.
    #[error("a class {class} of amounts: use 0 to {}", CLASSES - 1)]
    Class {
        /// The class.
        class: usize,
    },
    /// It weighs more than any that came about by use.
    #[error("amounts that weigh {weight} together: at most {}, record fewer", WEIGHT_MAX - 1)]
    Weight {
        /// The sum of all weights.
        weight: u64,
    },
}

impl Default for Sketch {
    fn default() -> Self {
        Self { weights: Box::new([0; CLASSES]), sum: 0 }
    }
}

impl Sketch {
    /// A call took `amount`. Amounts beyond 2^24 − 1 count as that.
    pub fn record(&mut self, amount: u64) {
        if let Some(weight) = self.weights.get_mut(class(amount.min(LARGEST))) {
            *weight = weight.saturating_add(ONE);
            self.sum = self.sum.saturating_add(u64::from(ONE));
        }
        if self.sum >= WEIGHT_MAX {
            self.fade(1);
        }
    }

    /// How many calls are remembered, those that are half forgotten as halves, rounded up.
    pub fn calls(&self) -> u64 {
        self.sum.div_ceil(u64::from(ONE))
    }

    /// The least amount that `share` of the calls did not exceed, to the upper end of its class; `None` where
    /// nothing is remembered.
    pub fn quantile(&self, share: Share) -> Option<u64> {
        if self.sum == 0 {
            return None;
        }
        let wanted = (u128::from(self.sum) * u128::from(share.as_per_mille())).div_ceil(1_000);
        let mut passed = 0_u128;
        let reaches = |weight: &u32| {
            passed += u128::from(*weight);
            passed >= wanted.max(1)
        };
        self.weights.iter().position(reaches).map(upper_end)
    }

    /// Halves all that is remembered, so many times.
    pub fn fade(&mut self, halvings: u32) {
        for weight in self.weights.iter_mut() {
            *weight = weight.checked_shr(halvings).unwrap_or(0);
        }
        self.sum = self.weights.iter().map(|weight| u64::from(*weight)).sum();
    }
}

/// The class of an amount.
fn class(amount: u64) -> usize {
    let index = match amount {
        0..EXACT => amount,
        _ => {
            let octave = u64::from(amount.ilog2()) - 3;
            // The three digits after the first say which of the eight classes it is.
            EXACT + octave * PER_OCTAVE + ((amount >> octave) - PER_OCTAVE)
        }
    };
    usize::try_from(index).unwrap_or(CLASSES)
}

/// The largest amount of a class.
fn upper_end(class: usize) -> u64 {
    let class = u64::try_from(class).unwrap_or(0);
    if class < EXACT {
        return class;
    }
    let (octave, place) = ((class - EXACT) / PER_OCTAVE, (class - EXACT) % PER_OCTAVE);
    ((PER_OCTAVE + place + 1) << octave) - 1
}

/// The text form: the classes that hold something.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SketchText {
    weights: BTreeMap<usize, u32>,
}

impl TryFrom<SketchText> for Sketch {
    type Error = InvalidSketch;

    fn try_from(text: SketchText) -> Result<Self, InvalidSketch> {
        let mut sketch = Self::default();
        for (class, weight) in text.weights {
            let held = sketch.weights.get_mut(class).ok_or(InvalidSketch::Class { class })?;
            *held = weight;
            sketch.sum = sketch.sum.saturating_add(u64::from(weight));
        }
        if sketch.sum >= WEIGHT_MAX {
            return Err(InvalidSketch::Weight { weight: sketch.sum });
        }
        Ok(sketch)
    }
}

impl From<Sketch> for SketchText {
    fn from(sketch: Sketch) -> Self {
        let held = sketch.weights.iter().copied().enumerate().filter(|(_, weight)| *weight > 0);
        Self { weights: held.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_each_other_without_a_gap() {
        let mut last = None;
        for index in 0..CLASSES {
            let end = upper_end(index);
            assert_eq!(class(end), index, "{end}");
            if let Some(last) = last {
                assert_eq!(class(last + 1), index, "{last}");
            }
            let width = end - last.map_or(0, |last: u64| last + 1) + 1;
            assert!(width == 1 || (width - 1) * 8 < end, "EST-3: {width} at {end}");
            last = Some(end);
        }
        assert_eq!(last, Some(LARGEST));
    }
}
