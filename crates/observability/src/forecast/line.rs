//! The weighted mean of minutes and the line through them, with what chance does to both.

use super::number;

/// A line that is this many standard errors away from level is no chance.
const STEEP: f64 = 2.5;
/// How many minutes are taken together where they may hang together.
const BATCHES: [usize; 3] = [1, 5, 10];

/// What is known of values that are a minute apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Their weighted mean.
    pub(super) mean: f64,
    /// Where the line stands at the last.
    pub(super) now: f64,
    /// By how much it rises in a minute.
    pub(super) slope: f64,
    /// The variance of a minute around the line.
    pub(super) variance: f64,
    /// The variance of a minute around the mean.
    pub(super) level_variance: f64,
    /// The square of the standard error of the mean,
    pub(super) error_mean: f64,
    /// of where the line stands,
    pub(super) error_now: f64,
    /// and of its slope.
    pub(super) error_slope: f64,
}

impl Line {
    /// The line through `values`, the last one last; what is `half_life` minutes old counts half.
    pub(super) fn through(values: &[f64], half_life: f64) -> Self {
        let last = number(values.len().saturating_sub(1));
        let points = || {
            values.iter().enumerate().map(move |(index, value)| {
                let at = number(index) - last;
                (0.5_f64.powf(-at / half_life), at, *value)
            })
        };
        let sum =
            |each: fn(f64, f64, f64) -> f64| points().map(|(w, x, y)| each(w, x, y)).sum::<f64>();
        let (total, squares) = (sum(|w, _, _| w), sum(|w, _, _| w * w));
        let (mean_at, mean) = (sum(|w, x, _| w * x) / total, sum(|w, _, y| w * y) / total);
        let spread: f64 = points().map(|(w, x, _)| w * (x - mean_at).powi(2)).sum();
        let along: f64 = points().map(|(w, x, y)| w * (x - mean_at) * (y - mean)).sum();
        let slope = if spread > 0.0 { along / spread } else { 0.0 };
        let around: Vec<f64> = points().map(|(_, x, y)| y - mean - slope * (x - mean_at)).collect();
        let variance = batched_variance(&around, half_life);
        let level_variance = batched_variance(values, half_life);
        let leverage: f64 = points().map(|(w, x, _)| (w * (x - mean_at)).powi(2)).sum();
        let error_slope = if spread > 0.0 { variance * leverage / (spread * spread) } else { 0.0 };
        let share = squares / (total * total);
        Self {
            mean,
            now: mean - slope * mean_at,
            slope,
            variance,
            level_variance,
            error_mean: level_variance * share,
            error_now: variance * share + error_slope * mean_at * mean_at,
            error_slope,
        }
    }

    /// Whether it rises or falls by more than chance.
    pub(super) fn is_steep(&self) -> bool {
        self.slope * self.slope > STEEP * STEEP * self.error_slope
            && self.slope.abs() > f64::EPSILON
    }
}

/// The variance of one value, from values and from means of several: the largest.
fn batched_variance(values: &[f64], half_life: f64) -> f64 {
    let batches = BATCHES.into_iter().filter(|size| values.len() >= 3 * size);
    let variances = batches.map(|size| {
        let mean_of = |batch: &[f64]| batch.iter().sum::<f64>() / number(batch.len().max(1));
        let means: Vec<f64> = values.rchunks_exact(size).map(mean_of).collect();
        variance(&means, half_life / number(size)) * number(size)
    });
    variances.fold(0.0, f64::max)
}

/// The weighted variance, the last value first.
fn variance(values: &[f64], half_life: f64) -> f64 {
    let weighted = || {
        values
            .iter()
            .enumerate()
            .map(|(age, value)| (0.5_f64.powf(number(age) / half_life), *value))
    };
    let total: f64 = weighted().map(|(weight, _)| weight).sum();
    let mean = weighted().map(|(weight, value)| weight * value).sum::<f64>() / total;
    let spread: f64 = weighted().map(|(weight, value)| weight * (value - mean).powi(2)).sum();
    let squares: f64 = weighted().map(|(weight, _)| weight * weight).sum();
    // As many degrees of freedom are lost as the mean took.
    let freedom = total - squares / total;
    if freedom > 0.0 { spread / freedom } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let values: Vec<f64> = (0..20).map(|minute| 3.0 + 2.0 * number(minute)).collect();
        let line = Line::through(&values, 15.0);
        assert!((line.now - 41.0).abs() < 1e-9 && (line.slope - 2.0).abs() < 1e-9, "{line:?}");
        assert!(line.variance < 1e-9 && line.level_variance > 30.0 && line.is_steep());
        let level = Line::through(&[7.0; 20], 15.0);
        assert!((level.mean - 7.0).abs() < 1e-9 && !level.is_steep(), "{level:?}");
        let saw: Vec<f64> = (0..20_u32).map(|minute| f64::from(minute % 2)).collect();
        assert!(!Line::through(&saw, 15.0).is_steep());
        assert!(!Line::through(&[1.0], 15.0).is_steep(), "one point is no line");
    }
}
