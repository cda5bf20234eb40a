//! How busy each second of a generated trace is.

use tidegate_units::Span;

use crate::generator::shape;
use crate::number;
use crate::random::{Random, Stream};

/// How much is asked for in each second, up to a factor.
pub(super) struct Demand {
    weights: Vec<f64>,
    last_length: f64,
    total: f64,
}

impl Demand {
    /// Draws the demand of a span, which is at least a second long.
    pub(super) fn draw(seed: u64, span: Span) -> Self {
        let whole = span.as_nanos() / 1_000_000_000;
        let last_length = (span - Span::from_secs(whole)).as_secs_f64();
        let seconds = number::place(whole + 1);
        let mut random = Random::new(seed, Stream::Rates);
        let mut slow = wander(&mut random, seconds, shape::SLOW_SECONDS);
        standardise(&mut slow);
        let fast = wander(&mut random, seconds, shape::FAST_SECONDS);
        let logarithms = slow
            .into_iter()
            .zip(fast)
            .map(|(slow, fast)| shape::SLOW_DEVIATION * slow + shape::FAST_DEVIATION * fast);
        let mut weights: Vec<f64> = logarithms.map(libm::exp).collect();
        if let Some(last) = weights.last_mut() {
            *last *= last_length;
        }
        let total = weights.iter().sum();
        Self { weights, last_length, total }
    }

    /// All of it.
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// How much of it falls into a second; none after the last.
    pub(super) fn weight(&self, second: usize) -> Option<f64> {
        self.weights.get(second).copied()
    }

    /// The length of a second, which for the last one is what is left of the span.
    pub(super) fn length(&self, second: usize) -> f64 {
        if second + 1 < self.weights.len() { 1.0 } else { self.last_length }
    }
}

/// An Ornstein–Uhlenbeck process of mean 0 and deviation 1 that forgets over `memory` steps.
fn wander(random: &mut Random, steps: usize, memory: f64) -> Vec<f64> {
    let kept = libm::exp(-1.0 / memory);
    let fresh = libm::sqrt(1.0 - kept * kept);
    let mut value = random.normal();
    let mut next = || {
        value = kept * value + fresh * random.normal();
        value
    };
    (0..steps).map(|_| next()).collect()
}

/// Moves and stretches values to mean 0 and deviation 1, where there is something to stretch.
fn standardise(values: &mut [f64]) {
    let count = number::float(number::count(values.len())).max(1.0);
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    let deviation = libm::sqrt(variance);
    // A few minutes have seen too little of the slow process to be stretched to all of it.
    let enough = count >= 3.0 * shape::SLOW_SECONDS;
    let stretch = if enough { deviation.max(f64::MIN_POSITIVE) } else { 1.0 };
    for value in values {
        *value = (*value - mean) / stretch;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_part_is_as_strong_for_every_seed() {
        for seed in 0..20 {
            let mut random = Random::new(seed, Stream::Rates);
            let mut values = wander(&mut random, 3_502, shape::SLOW_SECONDS);
            standardise(&mut values);
            let mean = values.iter().sum::<f64>() / 3_502.0;
            let variance = values.iter().map(|value| value * value).sum::<f64>() / 3_502.0;
            assert!(mean.abs() < 1e-9 && (variance - 1.0).abs() < 1e-9, "{mean}, {variance}");
        }
    }

    #[test]
    fn the_last_second_has_what_is_left_of_the_span() {
        let demand = Demand::draw(1, Span::from_millis(2_500));
        assert!((demand.length(1) - 1.0).abs() < 1e-9);
        assert!((demand.length(2) - 0.5).abs() < 1e-9);
        assert!(demand.weight(3).is_none());
    }
}
