//! Who calls a service, when, and what for: drawn from a seed.
//!
//! Arrivals are random at a rate that goes up and down, so that queues build and drain. A pure machine.

use std::f64::consts::TAU;
use std::time::Duration;

use tidegate_simulator::{Random, Stream};
use tidegate_units::{Instant, Priority, Span};

use crate::demo::plan::{Load, Plan};
use crate::demo::upstream::Sizes;

/// The least that is left of the mean rate in a trough.
const TROUGH: f64 = 0.05;
/// The longest pause between two looks at the rate, in seconds.
const LOOK_EVERY_S: f64 = 2.0;
/// How far an estimate of what is generated is off: the deviation of its logarithm.
const ESTIMATE_SIGMA: f64 = 0.3;
/// How sizes scatter: the deviation of their logarithm.
const SIZE_SIGMA: f64 = 0.6;
/// The largest call, in tokens either way.
const TOKENS_MAX: f64 = 8_000.0;
/// The share of granted calls that are not made after all.
const CANCELLED: f64 = 0.005;

/// A call that somebody wants to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) class: Priority,
    pub(crate) model: Option<&'static str>,
    pub(crate) key: &'static str,
    /// What it really takes.
    pub(crate) sizes: Sizes,
    /// What is thought to be generated.
    pub(crate) estimated_output: u64,
    /// How long somebody waits before he gives up, if he does.
    pub(crate) patience: Option<Duration>,
    /// Whether it is not made after all.
    pub(crate) cancelled: bool,
}

/// The callers of one service.
#[derive(Debug)]
pub(crate) struct Traffic {
    plan: &'static Plan,
    random: Random,
    speed: f64,
}

impl Traffic {
    /// The callers that a seed gives; the load goes up and down `hurried` times as fast as planned.
    pub(crate) fn new(plan: &'static Plan, hurried: u32, seed: u64) -> Self {
        let pressed = f64::from(hurried.max(1));
        Self { plan, random: Random::new(seed, Stream::Arrivals), speed: pressed }
    }

    /// How long until the next call, and which; `None`: look again then.
    pub(crate) fn next(&mut self, now: Instant) -> (Span, Option<Wish>) {
        let seconds = self.random.exponential() / rate(&self.plan.load, now, self.speed);
        if seconds > LOOK_EVERY_S {
            // Arrivals forget: it is no less random to begin anew at the rate of then.
            return (Span::from_secs_f64(LOOK_EVERY_S), None);
        }
        (Span::from_secs_f64(seconds), Some(self.wish()))
    }

    fn wish(&mut self) -> Wish {
        let classes = Priority::ALL.into_iter().zip(self.plan.classes);
        let class = pick(self.random.uniform(), classes).unwrap_or_default();
        let model = pick(self.random.uniform(), self.plan.models.iter().copied());
        let key = pick(self.random.uniform(), self.plan.keys.1.iter().copied());
        let (input, output) = self.plan.tokens;
        let sizes = Sizes { input: self.size(input), output: self.size(output) };
        let off = self.random.lognormal(ESTIMATE_SIGMA);
        let estimated = Span::from_secs(sizes.output).as_secs_f64() * off;
        let impatient = self.random.chance(f64::from(self.plan.impatient) / 1_000.0);
        let patience = Duration::from_secs_f64(0.5 + 4.0 * self.random.uniform());
        Wish {
            class,
            model,
            key: key.unwrap_or("nobody"),
            sizes,
            estimated_output: whole(estimated),
            patience: impatient.then_some(patience),
            cancelled: self.random.chance(CANCELLED),
        }
    }

    fn size(&mut self, mean: u32) -> u64 {
        let drawn = f64::from(mean) * self.random.lognormal(SIZE_SIGMA);
        if mean == 0 { 0 } else { whole(drawn).max(1) }
    }
}

/// Calls per second at an instant.
fn rate(load: &Load, now: Instant, speed: f64) -> f64 {
    let seconds = now.since(Instant::ZERO).as_secs_f64() * speed;
    let wave = 1.0 + load.swing * (TAU * seconds / load.period_s).sin();
    load.per_second * wave.max(TROUGH)
}

/// One of a few by weight; none of nothing.
fn pick<T>(at: f64, of: impl Iterator<Item = (T, u32)> + Clone) -> Option<T> {
    let total: u32 = of.clone().map(|(_, weight)| weight).sum();
    let mut left = at * f64::from(total);
    for (thing, weight) in of {
        left -= f64::from(weight);
        if left < 0.0 {
            return Some(thing);
        }
    }
    None
}

/// A whole number of tokens within bounds.
fn whole(tokens: f64) -> u64 {
    let bounded = tokens.clamp(0.0, TOKENS_MAX);
    // A span of so many seconds is so many tokens: the one rounding there is.
    Span::from_secs_f64(bounded).as_millis() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::plan::PLANS;

    /// The calls within a minute, and when.
    fn minute(seed: u64, plan: &'static Plan) -> Vec<(Instant, Wish)> {
        let (mut traffic, mut now) = (Traffic::new(plan, 1, seed), Instant::ZERO);
        let mut calls = Vec::new();
        while now < Instant::ZERO + Span::from_secs(60) {
            let (gap, wish) = traffic.next(now);
            now = now + gap;
            calls.extend(wish.map(|wish| (now, wish)));
        }
        calls
    }

    #[test]
    fn a_seed_means_one_run() {
        assert_eq!(minute(7, &PLANS[0]), minute(7, &PLANS[0]));
        assert_ne!(minute(7, &PLANS[0]), minute(8, &PLANS[0]));
    }

    #[test]
    fn the_load_is_as_planned_in_the_mean_and_swings() {
        let plan = &PLANS[1];
        let calls: usize = (0..20).map(|seed| minute(seed, plan).len()).sum();
        // Over the first 60 of 70 seconds of a wave: the mean of a sine over that part is 0.1244.
        let (per_second, swing) = (plan.load.per_second, plan.load.swing);
        let expected = 20.0 * 60.0 * per_second * (1.0 + 0.1244 * swing);
        let share = Span::from_secs(u64::try_from(calls).expect("few")).as_secs_f64() / expected;
        assert!((share - 1.0).abs() < 0.05, "{calls} of {expected}");
        let high = rate(&plan.load, Instant::ZERO + Span::from_millis(17_500), 1.0);
        let low = rate(&plan.load, Instant::ZERO + Span::from_millis(52_500), 1.0);
        assert!(high > per_second * (1.0 + 0.99 * swing), "{high}");
        assert!(low < per_second * (1.0 - 0.99 * swing), "{low}");
    }

    #[test]
    fn everything_that_is_planned_comes_and_nothing_else() {
        let plan = &PLANS[0];
        let wishes: Vec<Wish> =
            (0..10).flat_map(|seed| minute(seed, plan)).map(|(_, wish)| wish).collect();
        for (model, _) in plan.models {
            assert!(wishes.iter().any(|wish| wish.model == Some(model)), "{model}");
        }
        for (class, weight) in Priority::ALL.into_iter().zip(plan.classes) {
            assert_eq!(wishes.iter().any(|wish| wish.class == class), weight > 0, "{class}");
        }
        assert!(wishes.iter().all(|wish| wish.sizes.input >= 1 && wish.sizes.input <= 8_000));
        assert!(wishes.iter().any(|wish| wish.patience.is_some()));
        assert_eq!(pick(0.5, std::iter::empty::<((), u32)>()), None);
    }
}
