//! `[clients] keys` of a scenario file: so many by rank, or shares by name.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use toml::Spanned;

use super::{Located, Number, SHARE, checked_name, in_range, number_or, value_fault, whole};
use crate::scenario::{KeyShares, ScenarioFault};

/// How skewed unless it is said: Zipf's law as it is mostly met.
const SKEW_UNSAID: f64 = 1.0;
/// How skewed keys may be.
const SKEW: RangeInclusive<f64> = 0.0..=KeyShares::SKEW_MAX;
/// How many keys there may be.
const COUNT: RangeInclusive<i64> = 1..=1_000;

/// The keys as they stand in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeysForm {
    count: Option<Spanned<i64>>,
    skew: Number,
    shares: Option<BTreeMap<Spanned<String>, Spanned<f64>>>,
}

/// The keys, checked.
pub(super) fn read(form: Spanned<KeysForm>) -> Result<KeyShares, Located> {
    let place = form.span().start;
    let form = form.into_inner();
    let stated = |found| Err((Some(place), ScenarioFault::Keys { found }));
    match (form.count, form.skew, form.shares) {
        (Some(count), skew, None) => ranked(count, skew),
        (None, None, Some(shares)) => named(place, shares),
        (Some(_), _, Some(_)) => stated("both count and shares"),
        (None, Some(_), Some(_)) => stated("skew beside shares"),
        (None, _, None) => stated("no keys"),
    }
}

fn ranked(count: Spanned<i64>, skew: Number) -> Result<KeyShares, Located> {
    let count = in_range(count, "clients.keys.count", &COUNT)?;
    let skew = number_or(skew, SKEW_UNSAID, "clients.keys.skew", &SKEW)?;
    Ok(KeyShares::ranked(usize::try_from(count).unwrap_or(KeyShares::COUNT_MAX), skew))
}

fn named(
    place: usize,
    form: BTreeMap<Spanned<String>, Spanned<f64>>,
) -> Result<KeyShares, Located> {
    let mut shares = BTreeMap::new();
    for (name, share) in form {
        let name = checked_name("clients.keys.shares", name)?;
        let share = in_range(share, &format!("clients.keys.shares.{name}"), &SHARE)?;
        shares.insert(name, share);
    }
    let count = shares.len();
    if count > KeyShares::COUNT_MAX {
        let accepted = format!("{} to {}", COUNT.start(), COUNT.end());
        let fault = value_fault("clients.keys.shares", format!("{count} keys"), accepted);
        return Err((Some(place), fault));
    }
    whole("clients.keys.shares", place, shares.values().copied())?;
    KeyShares::named(&shares).ok_or((Some(place), ScenarioFault::Keys { found: "no keys" }))
}
