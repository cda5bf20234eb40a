//! `steps` and `noise` of a scenario file: what changes a capacity during a run.

use std::ops::RangeInclusive;

use serde::Deserialize;
use tidegate_units::Span;
use toml::Spanned;

use super::{Located, Number, in_range, number_or};
use crate::number;
use crate::provider::{CapacityStep, Noise};
use crate::scenario::{Scenario, ScenarioFault};

/// When a step may be, in seconds from the start.
const AT: RangeInclusive<f64> = 0.0..=2_678_400.0;
/// What a step may make of a capacity.
const FACTOR: RangeInclusive<f64> = 0.001..=100.0;
/// How strong noise may be.
const AMPLITUDE: RangeInclusive<f64> = 0.0..=0.5;
/// How long a wave may be, in seconds.
const PERIOD: RangeInclusive<f64> = 1.0..=86_400.0;
/// How long a wave is unless it is said, in seconds.
const PERIOD_UNSAID: f64 = 120.0;

/// One step as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepForm {
    at_s: Spanned<f64>,
    factor: Spanned<f64>,
}

/// The noise as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoiseForm {
    amplitude: Spanned<f64>,
    period_s: Number,
}

/// The steps, checked: in order of time, no two at once.
pub(super) fn steps(forms: Vec<Spanned<StepForm>>) -> Result<Vec<CapacityStep>, Located> {
    let mut steps: Vec<CapacityStep> = Vec::new();
    for form in forms {
        let place = form.span().start;
        let form = form.into_inner();
        let at = Span::from_secs_f64(in_range(form.at_s, "provider.steps.at_s", &AT)?);
        let factor = in_range(form.factor, "provider.steps.factor", &FACTOR)?;
        if let Some(before) = steps.last().filter(|before| before.at >= at) {
            let (at, before) = (at.to_string(), before.at.to_string());
            return Err((Some(place), ScenarioFault::StepOrder { at, before }));
        }
        if steps.len() >= Scenario::STEPS_MAX {
            return Err((Some(place), ScenarioFault::TooManySteps));
        }
        steps.push(CapacityStep { at, millionths: number::nearest(factor * 1e6) });
    }
    Ok(steps)
}

/// The noise, checked; none if it has no amplitude.
pub(super) fn noise(form: NoiseForm) -> Result<Option<Noise>, Located> {
    let amplitude = in_range(form.amplitude, "provider.noise.amplitude", &AMPLITUDE)?;
    let period = number_or(form.period_s, PERIOD_UNSAID, "provider.noise.period_s", &PERIOD)?;
    let noise = Noise {
        amplitude_millionths: number::nearest(amplitude * 1e6),
        period: Span::from_secs_f64(period),
    };
    Ok(Some(noise).filter(|noise| noise.amplitude_millionths > 0))
}
