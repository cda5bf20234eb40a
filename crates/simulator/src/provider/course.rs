//! How the capacity of a service changes during a run.
//!
//! Two things change it. *Steps* are decisions of the service: from an instant on, limits are a
//! multiple of what they were, and bursts and stated limits with them. *Noise* is what other tenants
//! take: a slow wave and what forgets itself within half a minute, on the rate alone, and nobody is
//! told.
//!
//! # Invariants
//!
//! 1. Whoever asks for the same seed gets the same course: the service, whoever counts at its door,
//!    and the yardstick.
//! 2. A course is constant between its changes, so that what comes in over any time is a sum of
//!    products of integers, and nothing of it is lost.
//! 3. A change takes effect at its instant, neither before nor after.

use std::sync::Arc;

use tidegate_units::{Instant, Span};

use crate::number;
use crate::random::{Random, Stream};

/// As many millionths make a whole.
const WHOLE: u64 = 1_000_000;
/// How long other tenants take the same share.
const NOISE_STEP: Span = Span::from_secs(1);
/// How long the irregular part of the noise remembers, in seconds.
const NOISE_MEMORY: f64 = 30.0;
/// Deviation of the irregular part over the amplitude of the wave.
const NOISE_DEVIATION: f64 = 0.32;
/// What is left at the least and at the most, however much other tenants take.
const NOISE_RANGE: (f64, f64) = (0.2, 1.1);
/// How long the noise goes on after the last arrival; it then stays as it is.
const NOISE_AFTER: Span = Span::from_secs(3_600);

/// From some instant on, a limit is so many times what is stated first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityStep {
    /// When, from the start of a run: 0 to 31 days.
    pub at: Span,
    /// Millionths of the capacity of the start: 1 000 to 10^8.
    pub millionths: u64,
}

/// What other tenants take of a capacity.
///
/// What is left at `t` is `1 − a + a·sin(2π·t/period)` and a process of Ornstein and Uhlenbeck beside
/// it, of deviation `0.32·a` and a memory of 30 s, within 0.2 and 1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise {
    /// `a` in millionths: 0, which is none, to 500 000.
    pub amplitude_millionths: u64,
    /// How long a wave takes: 1 s to a day.
    pub period: Span,
}

/// Everything that changes a capacity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swings {
    /// In order of time.
    pub steps: Vec<CapacityStep>,
    /// What other tenants take; `None`: there are none.
    pub noise: Option<Noise>,
    /// Whether stated limits stay what they were when a step changes the limit.
    pub limit_header_lies: bool,
}

/// What a capacity is multiplied by at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// By steps, in millionths.
    pub steps: u64,
    /// By other tenants, in millionths.
    pub noise: u64,
    /// Until when, if it ever changes again.
    pub until: Option<Instant>,
}

impl Stretch {
    /// Both together, in millionths, rounded down.
    pub(crate) fn whole(&self) -> u64 {
        if self.noise == WHOLE {
            return self.steps;
        }
        let product = u128::from(self.steps) * u128::from(self.noise);
        number::ratio(product, u128::from(WHOLE)).unwrap_or(u64::MAX)
    }
}

/// The course of the capacity through one run. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    /// From when on, and millionths.
    steps: Arc<[(Instant, u64)]>,
    /// Millionths in each [`NOISE_STEP`]; empty if there is no noise.
    noise: Arc<[u64]>,
}

impl Course {
    /// A capacity that never changes.
    pub(crate) fn constant() -> Self {
        Self { steps: Arc::default(), noise: Arc::default() }
    }

    /// The course of a run that takes about `span`.
    pub(crate) fn new(swings: &Swings, span: Span, seed: u64) -> Self {
        let steps = swings.steps.iter().map(|step| (Instant::ZERO + step.at, step.millionths));
        let noise = swings.noise.filter(|noise| noise.amplitude_millionths > 0);
        Self {
            steps: steps.collect(),
            noise: noise.map_or_else(Arc::default, |noise| draw(noise, span + NOISE_AFTER, seed)),
        }
    }

    /// What holds at `now`.
    pub(crate) fn at(&self, now: Instant) -> Stretch {
        let passed = self.steps.partition_point(|(at, _)| *at <= now);
        let before = passed.checked_sub(1).and_then(|last| self.steps.get(last));
        let place = now.as_nanos() / NOISE_STEP.as_nanos();
        let noise = self.noise.get(number::place(place)).or(self.noise.last());
        let next_step = self.steps.get(passed).map(|(at, _)| *at);
        let noise_goes_on = place + 1 < number::count(self.noise.len());
        let next_noise = noise_goes_on.then(|| Instant::ZERO + NOISE_STEP * (place + 1));
        Stretch {
            steps: before.map_or(WHOLE, |(_, millionths)| *millionths),
            noise: noise.copied().unwrap_or(WHOLE),
            until: next_step.into_iter().chain(next_noise).min(),
        }
    }

    /// Every stretch of `from` to `to`, with its first instant and how long it lasts. The last begins
    /// at `to` at the latest, and may last no time at all.
    pub(crate) fn between(
        &self,
        from: Instant,
        to: Instant,
    ) -> impl Iterator<Item = (Stretch, Instant, Span)> + '_ {
        let mut next = Some(from);
        std::iter::from_fn(move || {
            let start = next?;
            let stretch = self.at(start);
            let end = stretch.until.filter(|until| *until <= to);
            next = end;
            Some((stretch, start, end.unwrap_or(to).since(start)))
        })
    }
}

/// What is left in each step of a run.
fn draw(noise: Noise, span: Span, seed: u64) -> Arc<[u64]> {
    let mut random = Random::new(seed, Stream::Noise);
    let amplitude = number::float(noise.amplitude_millionths) / 1e6;
    let period = noise.period.max(NOISE_STEP).as_secs_f64();
    let kept = libm::exp(-NOISE_STEP.as_secs_f64() / NOISE_MEMORY);
    let fresh = libm::sqrt(1.0 - kept * kept);
    let mut irregular = random.normal();
    let left = |step: u64| {
        let turns = number::float(step) * NOISE_STEP.as_secs_f64() / period;
        let wave = libm::sin(std::f64::consts::TAU * turns);
        let off = amplitude * (wave + NOISE_DEVIATION * irregular);
        irregular = kept * irregular + fresh * random.normal();
        number::nearest((1.0 - amplitude + off).clamp(NOISE_RANGE.0, NOISE_RANGE.1) * 1e6)
    };
    (0..=span.as_nanos() / NOISE_STEP.as_nanos()).map(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    fn halved_and_back() -> Swings {
        let step = |secs, millionths| CapacityStep { at: Span::from_secs(secs), millionths };
        Swings { steps: vec![step(10, 500_000), step(20, WHOLE)], ..Swings::default() }
    }

    #[test]
    fn a_step_takes_effect_at_its_instant() {
        let course = Course::new(&halved_and_back(), Span::from_secs(30), 1);
        let steps = [at(0), Instant::from_nanos(9_999_999_999), at(10_000), at(20_000)]
            .map(|now| (course.at(now).steps, course.at(now).until));
        let (first, second) = (Some(at(10_000)), Some(at(20_000)));
        assert_eq!(steps, [(WHOLE, first), (WHOLE, first), (500_000, second), (WHOLE, None)]);
    }

    #[test]
    fn stretches_are_laid_end_to_end() {
        let course = Course::new(&halved_and_back(), Span::from_secs(30), 1);
        let all: Vec<(u64, Instant, u64)> = course
            .between(at(9_000), at(20_000))
            .map(|(stretch, start, length)| (stretch.steps, start, length.as_millis()))
            .collect();
        let expected = [(WHOLE, at(9_000), 1_000), (500_000, at(10_000), 10_000)];
        assert_eq!(all[..2], expected);
        assert_eq!(all[2..], [(WHOLE, at(20_000), 0)]);
    }

    #[test]
    fn noise_swings_around_its_wave_and_follows_the_seed() {
        let noise = Noise { amplitude_millionths: 250_000, period: Span::from_secs(600) };
        let swings = Swings { noise: Some(noise), ..Swings::default() };
        let course = |seed| Course::new(&swings, Span::from_secs(3_600), seed);
        assert_eq!(course(3), course(3));
        assert_ne!(course(3), course(4));
        // Over whole waves the mean is 0.75, at a crest it is 1 and in a trough it is 0.5.
        let mean = |course: &Course, secs: &mut dyn Iterator<Item = u64>| {
            let shares: Vec<f64> =
                secs.map(|sec| number::float(course.at(at(sec * 1_000)).noise) / 1e6).collect();
            shares.iter().sum::<f64>() / number::float(number::count(shares.len()))
        };
        let means: Vec<[f64; 3]> = (0..40)
            .map(|seed| {
                let course = course(seed);
                [
                    mean(&course, &mut (0..3_600)),
                    mean(&course, &mut (0..6).map(|wave| wave * 600 + 150)),
                    mean(&course, &mut (0..6).map(|wave| wave * 600 + 450)),
                ]
            })
            .collect();
        for (place, expected) in [0.75, 0.99, 0.5].into_iter().enumerate() {
            let all = means.iter().map(|of| of[place]).sum::<f64>() / 40.0;
            assert!((all - expected).abs() < 0.02, "{place}: {all}");
        }
    }

    #[test]
    fn the_deviation_is_a_third_of_the_amplitude() {
        // A wave so long that the first hour sees nothing of it.
        let noise = Noise { amplitude_millionths: 250_000, period: Span::from_secs(1 << 40) };
        let swings = Swings { noise: Some(noise), ..Swings::default() };
        let course = Course::new(&swings, Span::from_secs(30_000), 5);
        let shares: Vec<f64> =
            (0..30_000).map(|s| number::float(course.at(at(s * 1_000)).noise) / 1e6).collect();
        let variance =
            shares.iter().map(|share| (share - 0.75) * (share - 0.75)).sum::<f64>() / 30_000.0;
        assert!((libm::sqrt(variance) - 0.08).abs() < 0.01, "{variance}");
    }
}
