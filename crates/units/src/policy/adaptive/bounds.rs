//! Between which rates a pace moves, with what is not stated filled in.

use super::{AdaptivePolicy, RateField};
use crate::Dimension;

/// The slowest, first and fastest pace of one dimension, per second: `min ≤ start ≤ max`, all above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The slowest pace.
    pub min: f64,
    /// The first pace.
    pub start: f64,
    /// The fastest pace.
    pub max: f64,
}

/// The fastest pace where none is stated, per second: beyond what any service takes.
const MAX_UNSTATED: f64 = 1e12;

/// How much slower than the first pace the slowest is where none is stated: one call a minute for a
/// first pace of one a second, so that a pace that fell too far still finds out when things are better.
const MIN_OF_START: f64 = 1.0 / 60.0;

impl AdaptivePolicy {
    /// Between which rates the pace of `dimension` moves.
    ///
    /// Unless it is stated, the first pace is 1 request, 1000 tokens or 100000 bytes a second, or as
    /// near to it as the other bounds allow, and the slowest a sixtieth of the first. Bounds that
    /// contradict each other, which [`AdaptivePolicy::faults`] names, give way to the slowest.
    pub fn bounds(&self, dimension: Dimension) -> Bounds {
        let stated = |field| self.stated(field, dimension).map(|rate| rate.per_second());
        let max = stated(RateField::Max).unwrap_or(MAX_UNSTATED);
        let start = stated(RateField::Start).unwrap_or_else(|| start_unstated(dimension)).min(max);
        let min = stated(RateField::Min).unwrap_or(start * MIN_OF_START);
        Bounds { min, start: start.max(min), max: max.max(min) }
    }
}

/// The first pace where none is stated, per second.
fn start_unstated(dimension: Dimension) -> f64 {
    match dimension {
        Dimension::Bytes => 100_000.0,
        counted if counted.is_tokens() => 1_000.0,
        _ => 1.0,
    }
}
