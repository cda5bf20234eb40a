//! `[clients]` of a scenario file.

use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::keys::{self, KeysForm};
use super::{Located, Number, SHARE, in_range, number_or, whole};
use crate::scenario::{ClassShares, Clients, Demand};

/// How many times over a trace may arrive.
const LOAD_FACTOR: RangeInclusive<f64> = 0.01..=100.0;
/// How often a call may be tried again.
const MAX_RETRIES: RangeInclusive<i64> = 0..=100;
/// How many clients may share the limits.
const COUNT: RangeInclusive<i64> = 1..=64;
/// How far off a first guess may be.
const INITIAL_RATE_FACTOR: RangeInclusive<f64> = 0.001..=1_000.0;

/// The clients as they stand in the file.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientsForm {
    count: Option<Spanned<i64>>,
    demand: Option<Demand>,
    initial_rate_factor: Number,
    load_factor: Number,
    classes: Option<Spanned<ClassesForm>>,
    max_retries: Option<Spanned<i64>>,
    keys: Option<Spanned<KeysForm>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassesForm {
    high: Number,
    normal: Number,
    low: Number,
}

/// The clients, checked.
pub(super) fn read(form: ClientsForm, plain: &Clients) -> Result<Clients, Located> {
    let load_factor = number_or(form.load_factor, 1.0, "clients.load_factor", &LOAD_FACTOR)?;
    let initial_rate_factor = number_or(
        form.initial_rate_factor,
        plain.initial_rate_factor,
        "clients.initial_rate_factor",
        &INITIAL_RATE_FACTOR,
    )?;
    let whole_number = |number: Option<Spanned<i64>>, unsaid: u32, key, range| match number {
        Some(number) => Ok(u32::try_from(in_range(number, key, range)?).unwrap_or(unsaid)),
        None => Ok(unsaid),
    };
    Ok(Clients {
        count: whole_number(form.count, plain.count, "clients.count", &COUNT)?,
        demand: form.demand.unwrap_or(plain.demand),
        initial_rate_factor,
        load_factor,
        classes: form.classes.map(classes).transpose()?.unwrap_or(plain.classes),
        max_retries: whole_number(
            form.max_retries,
            plain.max_retries,
            "clients.max_retries",
            &MAX_RETRIES,
        )?,
        keys: form.keys.map(keys::read).transpose()?,
    })
}

fn classes(form: Spanned<ClassesForm>) -> Result<ClassShares, Located> {
    let place = form.span().start;
    let form = form.into_inner();
    let share =
        |number, class: &str| number_or(number, 0.0, &format!("clients.classes.{class}"), &SHARE);
    let high = share(form.high, "high")?;
    let normal = share(form.normal, "normal")?;
    let low = share(form.low, "low")?;
    whole("clients.classes", place, [high, normal, low])?;
    Ok(ClassShares { high, normal, low })
}
