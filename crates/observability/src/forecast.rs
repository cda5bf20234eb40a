//! When a long limit is used up, if it goes on like this.
//!
//! What is used of a limit is looked at minute by minute, net of what comes back: sixty minutes, of which those
//! of a quarter of an hour ago count half as much as the last. Their weighted mean is the rate, and the time
//! until the rest is gone at that rate the likeliest.
//!
//! How sure that is depends on how evenly it is used. Take the use of the next `T` minutes as normal, with the
//! mean `mT` and the variance `vT + (sT)²`: `v` is the variance of a minute, `s` the standard error of the
//! rate. Then the limit is used up within `T` with a probability of one in ten where
//! `mT + z √(vT + s²T²)` is the rest, and of nine in ten where `mT − z √(vT + s²T²)` is; both are roots of one
//! quadratic. Minutes of a program that works in bursts are not independent, so `v` is the largest of what
//! single minutes, fives and tens of them say (batch means; Law, "Simulation Modeling and Analysis", 9.5.3).
//!
//! A load that rises is followed a quarter of an hour late, so the forecast is late, too: see the tests for how
//! often the interval holds under which load.

use crate::alert::{WINDOW_LONG, spent};
use crate::monitor::number::{float, whole};
use crate::sample::LimitSample;
use crate::status::{Between, Forecast};

mod usage;

pub(crate) use usage::{Tracks, Usage};

/// From this many minutes on a rate is one.
const MINUTES_MIN: usize = 5;
/// After so many minutes a minute counts half.
const HALF_LIFE: f64 = 15.0;
/// One in ten lies beyond, on each side, of what is distributed normally; a little more than 1.2816, for the
/// variance is estimated, too.
const Z: f64 = 1.35;
/// What is used up later than this is used up never, in minutes: a year.
const NEVER: f64 = 527_040.0;

/// Whether anything is foretold of a limit: one that is soon back is used up and back all the time.
pub(crate) fn is_long(limit: &LimitSample) -> bool {
    limit.window_ms >= WINDOW_LONG && limit.capacity > 0
}

/// When `limit` is used up, by how it was used.
pub(crate) fn of(limit: &LimitSample, usage: Option<&Usage>) -> Forecast {
    let rest = limit.capacity.saturating_sub(spent(limit));
    let pace = usage.and_then(|usage| Pace::of(&usage.minutes()));
    let exhausted_in_ms = match pace {
        _ if rest == 0 => Some(Between { low: 0, likely: 0, high: Some(0) }),
        Some(pace) => pace.until(float(rest)),
        None => None,
    };
    Forecast {
        scope: limit.scope,
        of: limit.of.clone(),
        dimension: limit.dimension,
        per: limit.per.clone(),
        used: spent(limit),
        capacity: limit.capacity,
        rate_per_second: pace.map_or(0.0, |pace| pace.mean / 60.0),
        exhausted_in_ms,
        resets_after_ms: limit.resets_after_ms,
        before_reset: exhausted_in_ms.is_some_and(|it| it.likely < limit.resets_after_ms),
    }
}

/// How much is used in a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    mean: f64,
    /// Of a minute, larger where minutes hang together.
    variance: f64,
    /// The square of the standard error of the mean.
    error: f64,
}

impl Pace {
    /// From minutes, the last one last; `None` if they are too few.
    fn of(minutes: &[f64]) -> Option<Self> {
        if minutes.len() < MINUTES_MIN {
            return None;
        }
        let (mean, _) = moments(minutes, 1);
        let weights = (0..minutes.len()).map(|age| weight(age, 1));
        let (total, squares) = weights.fold((0.0, 0.0), |(t, s), w| (t + w, s + w * w));
        let batches = [1, 5, 10].into_iter().filter(|size| minutes.len() >= 3 * size);
        let variances = batches.map(|size| {
            let means: Vec<f64> = minutes.rchunks_exact(size).rev().map(mean_of).collect();
            let (_, variance) = moments(&means, size);
            variance * number(size)
        });
        let variance = variances.fold(0.0, f64::max);
        Some(Self { mean, variance, error: variance * squares / (total * total) })
    }

    /// When so much more is used.
    fn until(self, rest: f64) -> Option<Between> {
        let likely = rest / self.mean;
        if self.mean <= 0.0 || likely > NEVER {
            return None;
        }
        // (rest − mT)² = z² (vT + s²T²), as aT² − 2bT + c = 0.
        let z2 = Z * Z;
        let a = self.mean * self.mean - z2 * self.error;
        let b = rest * self.mean + z2 * self.variance / 2.0;
        let c = rest * rest;
        let root = (b * b - a * c).max(0.0).sqrt();
        // The smaller root, written so that nothing cancels out and `a` may be anything.
        let low = c / (b + root);
        let high = (a > 0.0).then(|| (b + root) / a).filter(|high| *high <= NEVER);
        let ms = |minutes: f64| whole(minutes * 60_000.0);
        Some(Between { low: ms(low.min(likely)), likely: ms(likely), high: high.map(ms) })
    }
}

/// How much what is so many batches of so many minutes old counts.
fn weight(age: usize, size: usize) -> f64 {
    0.5_f64.powf(number(age.saturating_mul(size)) / HALF_LIFE)
}

/// The weighted mean and the weighted variance of values that are so many minutes apart, the last one last.
fn moments(values: &[f64], size: usize) -> (f64, f64) {
    let weighted =
        || values.iter().rev().enumerate().map(|(age, value)| (weight(age, size), *value));
    let total: f64 = weighted().map(|(weight, _)| weight).sum();
    let mean = weighted().map(|(weight, value)| weight * value).sum::<f64>() / total;
    let spread: f64 = weighted().map(|(weight, value)| weight * (value - mean).powi(2)).sum();
    let squares: f64 = weighted().map(|(weight, _)| weight * weight).sum();
    // As many degrees of freedom are lost as the mean took.
    let freedom = total - squares / total;
    (mean, if freedom > 0.0 { spread / freedom } else { 0.0 })
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / number(values.len().max(1))
}

fn number(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "forecast/tests.rs"]
mod tests;
