//! Reading limits, written as text or as tables.
//!
//! Each part of a table is checked alone, with stand-ins for parts that were refused, so that one
//! reading shows every fault. A stand-in never gets out: the fault refuses the whole.

use tidegate_units::dimension::BUILT_IN;
use tidegate_units::{
    Calendar, Dimension, DimensionName, EnforcedAs, Limit, LimitError, Period, Span, Zone,
};

use crate::Config;
use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::{Expected, Problem, excerpt};
use crate::suggest;

/// The keys of a limit besides its dimension.
pub(crate) const KEYS: [&str; 5] = ["burst", "enforced_as", "guard", "per", "zone"];

/// A limit as it was written.
#[derive(Debug)]
pub(crate) struct Stated {
    pub(crate) limit: Limit,
    /// Whether it has a guard of its own.
    pub(crate) has_guard: bool,
}

/// Reads an array of limits over the built-in dimensions and those `declared`.
pub(crate) fn read(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> Vec<Stated> {
    let items = at.items(Expected::Limits, problems);
    if items.len() > Config::LIMITS_MAX {
        at.fault(Problem::ManyLimits { count: items.len() }, problems);
    }
    let kept = items.iter().take(Config::LIMITS_MAX);
    kept.filter_map(|item| read_one(item, declared, problems)).collect()
}

fn read_one(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> Option<Stated> {
    if at.is_table() {
        return Some(read_table(at, declared, problems));
    }
    let text = at.text(Expected::Limit, problems)?;
    let limit = at.valid(text.parse::<Limit>(), problems)?;
    check_declared(at, limit.dimension(), declared, problems);
    Some(Stated { limit, has_guard: false })
}

/// Notes a fault if `dimension` is neither built in nor `declared`.
fn check_declared(
    at: &Cursor<'_>,
    dimension: Dimension,
    declared: &[DimensionName],
    problems: &mut Problems,
) {
    if !is_declared(dimension, declared) {
        at.fault(unknown_dimension(dimension.name(), declared), problems);
    }
}

/// Whether `dimension` is built in or `declared`.
pub(crate) fn is_declared(dimension: Dimension, declared: &[DimensionName]) -> bool {
    !matches!(dimension, Dimension::Named(name) if !declared.contains(&name))
}

/// The fault of a name that is neither built in nor `declared`.
pub(crate) fn unknown_dimension(name: &str, declared: &[DimensionName]) -> Problem {
    let suggestion = suggest::closest(name, dimension_names(declared)).map(str::to_owned);
    Problem::UnknownDimension { name: excerpt(name), suggestion }
}

fn dimension_names(declared: &[DimensionName]) -> impl Iterator<Item = &str> {
    BUILT_IN.iter().map(Dimension::name).chain(declared.iter().map(DimensionName::as_str))
}

fn read_table(at: &Cursor<'_>, declared: &[DimensionName], problems: &mut Problems) -> Stated {
    let (amounts, all_known) = read_keys(at, declared, problems);
    // An unknown key may well be what is missing; then one fault says enough.
    let (dimension, amount) = read_amount(at, &amounts, all_known, problems);
    let limit = match at.get("zone") {
        Some(zone) => {
            let calendar = read_calendar(at, &zone, all_known, problems);
            check_unshaped(at, problems);
            Limit::per_calendar(dimension, amount, calendar).expect("each part was checked alone")
        }
        None => {
            let window = read_window(at, all_known, problems);
            let limit = Limit::new(dimension, amount, window);
            read_bucket(at, limit.expect("each part was checked alone"), problems)
        }
    };
    let guard = at.get("guard");
    let has_guard = guard.is_some();
    Stated { limit: read_guard(guard, limit, problems), has_guard }
}

/// The dimensions of a table, and whether it has no key that is unknown.
fn read_keys<'t>(
    at: &Cursor<'t>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> (Vec<(Dimension, Cursor<'t>)>, bool) {
    let mut amounts = Vec::new();
    let mut all_known = true;
    for (key, value) in at.entries(problems) {
        if KEYS.contains(&key) {
            continue;
        }
        if let Some(dimension) = known_dimension(key, declared) {
            amounts.push((dimension, value));
        } else {
            all_known = false;
            unknown_key(key, &value, declared, problems);
        }
    }
    (amounts, all_known)
}

/// The dimension of this name, if it is built in or `declared`.
pub(crate) fn known_dimension(key: &str, declared: &[DimensionName]) -> Option<Dimension> {
    key.parse().ok().filter(|dimension| is_declared(*dimension, declared))
}

/// Notes the fault of a key that is no dimension, or was meant to be something else.
fn unknown_key(key: &str, at: &Cursor<'_>, declared: &[DimensionName], problems: &mut Problems) {
    let suggestion = suggest::closest(key, KEYS.into_iter().chain(dimension_names(declared)));
    let meant_as_dimension = suggestion.is_none_or(|word| !KEYS.contains(&word));
    if at.is_number() && meant_as_dimension {
        let suggestion = suggestion.map(str::to_owned);
        at.fault(Problem::UnknownDimension { name: excerpt(key), suggestion }, problems);
    } else {
        let known = ["one dimension", "burst", "enforced_as", "guard", "per", "zone"];
        at.unknown_key(key, &known, suggestion, problems);
    }
}

fn read_amount(
    at: &Cursor<'_>,
    amounts: &[(Dimension, Cursor<'_>)],
    all_known: bool,
    problems: &mut Problems,
) -> (Dimension, u64) {
    if amounts.len() > 1 {
        let names: Vec<&str> = amounts.iter().map(|(dimension, _)| dimension.name()).collect();
        at.fault(Problem::ManyDimensions { names: names.join(" and ") }, problems);
    } else if amounts.is_empty() && all_known {
        at.fault(Problem::NoDimension, problems);
    }
    let mut read = (Dimension::Requests, 1);
    for (dimension, at) in amounts {
        let refused = |text| LimitError::Amount { text };
        if let Some(amount) = at.whole(refused, problems)
            && at.valid(Limit::new(*dimension, amount, Limit::WINDOW_MAX), problems).is_some()
        {
            read = (*dimension, amount);
        }
    }
    read
}

/// The window, or the longest one as a stand-in: every guard fits into it.
fn read_window(at: &Cursor<'_>, all_known: bool, problems: &mut Problems) -> Span {
    let Some(per) = at.get("per") else {
        if all_known {
            at.fault(Problem::NoWindow, problems);
        }
        return Limit::WINDOW_MAX;
    };
    let text = per.text(Expected::Span, problems);
    let span = text.and_then(|text| per.valid(Limit::window_of(text), problems));
    let limit = span.and_then(|span| per.valid(Limit::new(Dimension::Requests, 1, span), problems));
    limit.map_or(Limit::WINDOW_MAX, |limit| limit.window())
}

/// The calendar, or years in UTC as a stand-in: every guard fits into them.
fn read_calendar(
    at: &Cursor<'_>,
    zone: &Cursor<'_>,
    all_known: bool,
    problems: &mut Problems,
) -> Calendar {
    let text = zone.text(Expected::Zone, problems);
    let zone = text.and_then(|text| read_zone(zone, text, problems));
    let period = match at.get("per") {
        Some(per) => {
            let text = per.text(Expected::Period, problems);
            text.and_then(|text| per.valid(text.parse::<Period>(), problems))
        }
        None => {
            if all_known {
                at.fault(Problem::NoPeriod, problems);
            }
            None
        }
    };
    match (period, zone) {
        (Some(period), Some(zone)) => Calendar::new(period, zone),
        _ => Calendar::new(Period::Year, Zone::UTC),
    }
}

fn read_zone(at: &Cursor<'_>, text: &str, problems: &mut Problems) -> Option<Zone> {
    let zone = text.parse::<Zone>();
    if zone.is_err() {
        let names = Zone::names();
        // Names are found in lower case too, so a difference in case is none.
        if let Some(name) = suggest::closest(text, names.iter().map(String::as_str)) {
            let (text, name) = (excerpt(text), name.to_owned());
            at.fault(Problem::UnknownZone { text, suggestion: name }, problems);
            return None;
        }
    }
    at.valid(zone, problems)
}

/// Notes a fault for each key that says how a limit is counted, for a calendar says it already.
fn check_unshaped(at: &Cursor<'_>, problems: &mut Problems) {
    for key in ["burst", "enforced_as"] {
        if let Some(at) = at.get(key) {
            at.fault(Problem::ShapeOfCalendar { key }, problems);
        }
    }
}

/// The limit with the burst and the way of enforcing that `at` states.
fn read_bucket(at: &Cursor<'_>, limit: Limit, problems: &mut Problems) -> Limit {
    let shape = at.get("enforced_as").and_then(|at| {
        let text = at.text(Expected::Shape, problems)?;
        at.valid(text.parse::<EnforcedAs>(), problems)
    });
    let limit = limit.enforced_as(shape.unwrap_or_default());
    let Some(at) = at.get("burst") else { return limit };
    if let Some(shape) = shape.filter(|shape| *shape != EnforcedAs::TokenBucket) {
        at.fault(Problem::BurstWithoutBucket { shape }, problems);
    }
    let burst = at.whole(|text| LimitError::Burst { text }, problems);
    let bucket = burst.and_then(|burst| at.valid(limit.clone().burst(burst), problems));
    bucket.unwrap_or(limit)
}

fn read_guard(at: Option<Cursor<'_>>, limit: Limit, problems: &mut Problems) -> Limit {
    let Some(at) = at else { return limit };
    let span = at.span(problems);
    let guarded = span.and_then(|span| at.valid(limit.clone().guard(span), problems));
    guarded.unwrap_or(limit)
}
