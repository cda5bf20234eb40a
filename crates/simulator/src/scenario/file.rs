//! The file of a scenario: its form, and the range of every value.

mod clients;
mod keys;
mod swings;

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use serde::Deserialize;
use tidegate_units::Span;
use toml::Spanned;

use crate::number;
use crate::provider::{Behaviour, HeaderStyle, Rate, Swings};
use crate::scenario::{
    Capacity, ClockSkew, LimitKind, LimitShare, Scenario, ScenarioError, ScenarioFault,
};

/// A number and where it stands.
type Number = Option<Spanned<f64>>;

use clients::ClientsForm;
use swings::{NoiseForm, StepForm};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: Spanned<String>,
    provider: Spanned<ProviderForm>,
    #[serde(default)]
    clients: ClientsForm,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderForm {
    kind: Option<LimitKind>,
    requests: Option<Spanned<LimitForm>>,
    tokens: Option<Spanned<LimitForm>>,
    window_s: Number,
    #[serde(default)]
    headers: HeaderStyle,
    streamed: Number,
    penalty: Option<Spanned<bool>>,
    overload: Number,
    lost: Number,
    clock_skew_s: Number,
    limit_header_lies: Option<bool>,
    steps: Option<Vec<Spanned<StepForm>>>,
    noise: Option<NoiseForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitForm {
    rate_of_load: Number,
    rate: Number,
    burst_s: Number,
}

/// Shares of a whole.
const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// Lengths of bursts and windows, in seconds.
const SECONDS: RangeInclusive<f64> = 0.001..=86_400.0;
/// Capacities as shares of the load.
const RATE_OF_LOAD: RangeInclusive<f64> = 0.001..=1_000.0;
/// Capacities per second.
const RATE: RangeInclusive<f64> = 0.000_001..=1e9;
/// How far apart the clocks of a client and the provider may be, in seconds.
const SKEW: RangeInclusive<f64> = -3_600.0..=3_600.0;

pub(super) fn read(path: &Path) -> Result<Scenario, ScenarioError> {
    let origin = path.display().to_string();
    let whole = |fault| ScenarioError::new(Some(&origin), None, fault);
    let file = File::open(path).map_err(|error| whole(ScenarioFault::Io(error)))?;
    let mut text = String::new();
    let one_too_many = number::count(Scenario::FILE_MAX) + 1;
    let length = file.take(one_too_many).read_to_string(&mut text);
    if length.map_err(|error| whole(ScenarioFault::Io(error)))? > Scenario::FILE_MAX {
        return Err(whole(ScenarioFault::TooLarge));
    }
    parse(&text, &origin)
}

pub(super) fn parse(text: &str, origin: &str) -> Result<Scenario, ScenarioError> {
    let at = |(place, fault): Located| {
        let line = place.map(|place| line_of(text, place));
        ScenarioError::new(Some(origin), line, fault)
    };
    let form: Form = toml::from_str(text).map_err(|error| {
        at((error.span().map(|span| span.start), ScenarioFault::Form { reason: reason(&error) }))
    })?;
    build(form).map_err(at)
}

/// What the parser says, on one line and without the names that types have in Rust.
fn reason(error: &toml::de::Error) -> String {
    let line = error.message().lines().collect::<Vec<_>>().join(", ");
    line.replace("expected f64", "expected a number")
        .replace("expected i64", "expected a whole number")
}

/// A fault, and the byte of the text where it is.
type Located = (Option<usize>, ScenarioFault);

/// The line that a byte is on, from 1.
fn line_of(text: &str, place: usize) -> u64 {
    let before = text.as_bytes().iter().take(place);
    number::count(before.filter(|byte| **byte == b'\n').count()) + 1
}

fn build(form: Form) -> Result<Scenario, Located> {
    let plain = Scenario::plain(&checked_name("name", form.name)?);
    let section = form.provider.span().start;
    let provider = form.provider.into_inner();
    let limit =
        |key, form: Option<Spanned<LimitForm>>| form.map(|form| limit(key, form)).transpose();
    let penalty = provider.penalty;
    let window = number_or(provider.window_s, 60.0, "provider.window_s", &SECONDS)?;
    let streamed = number_or(provider.streamed, 0.5, "provider.streamed", &SHARE)?;
    let overload = number_or(provider.overload, 0.0, "provider.overload", &SHARE)?;
    let lost = number_or(provider.lost, 0.0, "provider.lost", &SHARE)?;
    let skew = number_or(provider.clock_skew_s, 0.0, "provider.clock_skew_s", &SKEW)?;
    let scenario = Scenario {
        kind: provider.kind.unwrap_or(plain.kind),
        requests: limit("provider.requests", provider.requests)?,
        tokens: limit("provider.tokens", provider.tokens)?,
        window: Span::from_secs_f64(window),
        behaviour: Behaviour::new(provider.headers, streamed, overload)
            .burning_fractions(penalty.as_ref().is_some_and(|penalty| *penalty.get_ref()))
            .losing(lost),
        clock_skew: ClockSkew::from_secs_f64(skew),
        swings: Swings {
            steps: provider.steps.map_or(Ok(Vec::new()), swings::steps)?,
            noise: provider.noise.map_or(Ok(None), swings::noise)?,
            limit_header_lies: provider.limit_header_lies.unwrap_or(false),
        },
        clients: clients::read(form.clients, &plain.clients)?,
        ..plain
    };
    if scenario.requests.is_none() && scenario.tokens.is_none() {
        return Err((Some(section), ScenarioFault::NoLimit));
    }
    let burns = scenario.kind == LimitKind::Bucket && scenario.requests.is_some();
    if scenario.behaviour.penalty() && !burns {
        let place = penalty.map(|penalty| penalty.span().start);
        return Err((place, ScenarioFault::PenaltyWithoutBucket));
    }
    Ok(scenario)
}

fn checked_name(key: &str, name: Spanned<String>) -> Result<String, Located> {
    let place = name.span().start;
    let name = name.into_inner();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=Scenario::NAME_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    let short: String = name.chars().take(80).collect();
    let accepted = "1 to 64 letters, digits, `-`, `_` and `.`".to_owned();
    Err((Some(place), value_fault(key, format!("{short:?}"), accepted)))
}

fn limit(key: &str, form: Spanned<LimitForm>) -> Result<LimitShare, Located> {
    let place = form.span().start;
    let form = form.into_inner();
    let one_rate = |found| (Some(place), ScenarioFault::OneRate { key: key.to_owned(), found });
    let millionths = |number: f64| number::nearest(number * 1e6);
    let capacity = match (form.rate_of_load, form.rate) {
        (Some(share), None) => {
            let share = in_range(share, &format!("{key}.rate_of_load"), &RATE_OF_LOAD)?;
            Capacity::OfLoad { millionths: millionths(share) }
        }
        (None, Some(rate)) => {
            let rate = in_range(rate, &format!("{key}.rate"), &RATE)?;
            let rate = Rate::from_micros_per_second(millionths(rate));
            Capacity::Absolute(rate.unwrap_or(Rate::MIN))
        }
        (None, None) => return Err(one_rate("no")),
        (Some(_), Some(_)) => return Err(one_rate("more than one")),
    };
    let burst = number_or(form.burst_s, 10.0, &format!("{key}.burst_s"), &SECONDS)?;
    Ok(LimitShare { capacity, burst: Span::from_secs_f64(burst) })
}

/// Makes sure that shares add up to 1.
fn whole(
    key: &'static str,
    place: usize,
    shares: impl IntoIterator<Item = f64>,
) -> Result<(), Located> {
    // Not `sum`, which makes -0 of no shares.
    let sum = shares.into_iter().fold(0.0, |sum, share| sum + share);
    if (sum - 1.0).abs() > 1e-6 {
        return Err((Some(place), ScenarioFault::Shares { key, sum }));
    }
    Ok(())
}

/// A number in range, or what it is when nothing is said.
fn number_or(
    number: Number,
    unsaid: f64,
    key: &str,
    range: &RangeInclusive<f64>,
) -> Result<f64, Located> {
    number.map_or(Ok(unsaid), |number| in_range(number, key, range))
}

fn in_range<N: PartialOrd + Display + Copy>(
    number: Spanned<N>,
    key: &str,
    range: &RangeInclusive<N>,
) -> Result<N, Located> {
    let Range { start, .. } = number.span();
    let number = number.into_inner();
    if range.contains(&number) {
        return Ok(number);
    }
    let accepted = format!("{} to {}", range.start(), range.end());
    Err((Some(start), value_fault(key, number.to_string(), accepted)))
}

fn value_fault(key: &str, value: String, accepted: String) -> ScenarioFault {
    ScenarioFault::Value { key: key.to_owned(), value, accepted }
}
