//! When a long limit is used up, if it goes on like this.
//!
//! What is used of a limit is looked at minute by minute, net of what comes back: sixty minutes, of which those
//! of a quarter of an hour ago count half as much as the last. Their weighted mean is the rate. Where the line
//! through them rises by more than chance, the rate is where that line stands now ([`line`]), and the rise may
//! go on: the likeliest is that half of it does, and it is followed for as long as it was seen. A fall is not
//! followed, for somebody who is warned too early loses less than somebody who is warned too late.
//!
//! How sure that is depends on how evenly it is used. Take the use of the next `T` minutes as normal, with the
//! mean `mT` and the variance `vT + (sT)²`: `v` is the variance of a minute, `s` the standard error of the
//! rate. Then the limit is used up within `T` with a probability of one in ten where
//! `mT + z √(vT + s²T²)` is the rest, and of nine in ten where `mT − z √(vT + s²T²)` is; both are roots of one
//! quadratic. The lower bound takes the whole of a rise, the upper one none of it. Minutes of a program that
//! works in bursts are not independent, so `v` is the largest of what single minutes, fives and tens of them
//! say (batch means; Law, "Simulation Modeling and Analysis", 9.5.3).
//!
//! The tests say how often the interval holds under which load.

use crate::alert::{WINDOW_LONG, spent};
use crate::monitor::number::{float, whole};
use crate::sample::LimitSample;
use crate::status::{Between, Forecast};
use line::Line;

mod line;
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
    limit.recovery_ms() >= WINDOW_LONG && limit.capacity > 0
}

/// When `limit` is used up, by how it was used; `None` while too little is known of that.
pub(crate) fn of(limit: &LimitSample, usage: Option<&Usage>) -> Option<Forecast> {
    let rest = limit.capacity.saturating_sub(spent(limit));
    let pace = usage.and_then(|usage| Pace::of(&usage.minutes()));
    if pace.is_none() && rest > 0 {
        return None;
    }
    let exhausted_in_ms = match pace {
        _ if rest == 0 => Some(Between { low: 0, likely: 0, high: Some(0) }),
        Some(pace) => pace.until(float(rest)),
        None => None,
    };
    Some(Forecast {
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
    })
}

/// How much is used in a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pace {
    mean: f64,
    /// By how much it grows from one minute to the next; never negative.
    slope: f64,
    /// How many minutes that was seen.
    seen: f64,
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
        let line = Line::through(minutes, HALF_LIFE);
        let seen = number(minutes.len());
        if line.is_steep() && line.slope > 0.0 {
            let Line { now, slope, variance, error_now, .. } = line;
            return Some(Self {
                mean: now,
                slope: slope.max(0.0),
                seen,
                variance,
                error: error_now,
            });
        }
        let Line { mean, level_variance, error_mean, .. } = line;
        Some(Self { mean, slope: 0.0, seen, variance: level_variance, error: error_mean })
    }

    /// When so much more is used.
    fn until(self, rest: f64) -> Option<Between> {
        let likely = self.time(rest, self.slope / 2.0);
        if self.mean <= 0.0 || likely > NEVER {
            return None;
        }
        let (early, _) = self.bounds(rest, rest / self.time(rest, self.slope));
        let (low, high) = self.bounds(rest, self.mean);
        let ms = |minutes: f64| whole(minutes * 60_000.0);
        let low = ms(low.min(early).min(likely));
        Some(Between { low, likely: ms(likely), high: high.map(|high| ms(high.max(likely))) })
    }

    /// How long so much takes at a mean that grows by `slope` for as long as that was seen.
    fn time(self, rest: f64, slope: f64) -> f64 {
        let grown = self.mean * self.seen + slope * self.seen * self.seen / 2.0;
        if slope > 0.0 && grown >= rest {
            // The root of slope/2 T² + mean T − rest, written so that nothing cancels out.
            return 2.0 * rest / (self.mean + (self.mean.powi(2) + 2.0 * slope * rest).sqrt());
        }
        if slope > 0.0 {
            return self.seen + (rest - grown) / (self.mean + slope * self.seen);
        }
        rest / self.mean
    }

    /// Between which times it lies in eight of ten cases, at this mean: (rest − mT)² = z² (vT + s²T²), as
    /// aT² − 2bT + c = 0.
    fn bounds(self, rest: f64, mean: f64) -> (f64, Option<f64>) {
        let z2 = Z * Z;
        let a = mean * mean - z2 * self.error;
        let b = rest * mean + z2 * self.variance / 2.0;
        let c = rest * rest;
        let root = (b * b - a * c).max(0.0).sqrt();
        // The smaller root, written so that nothing cancels out and `a` may be anything.
        let low = c / (b + root);
        (low, (a > 0.0).then(|| (b + root) / a).filter(|high| *high <= NEVER))
    }
}

fn number(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "forecast/tests.rs"]
mod tests;
