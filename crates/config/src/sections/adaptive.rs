//! Reading `adaptive`: how the pace is learned that a service bears.

use tidegate_units::policy::adaptive::AdaptiveError;
use tidegate_units::{
    AdaptivePolicy, Dimension, DimensionName, Increase, PolicyError, PolicyFault, RateOf,
};

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::limits::{is_declared, known_dimension, unknown_dimension};
use crate::problem::Expected;

const KEYS: [&str; 7] = ["controller", "dimensions", "min", "max", "start", "decrease", "increase"];

/// The policy below the key `adaptive`, over the built-in dimensions and those `declared`; `None` where
/// there is no such key.
pub(super) fn read(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> Option<AdaptivePolicy> {
    let at = at.get("adaptive")?;
    let default = AdaptivePolicy::default();
    if let Some(text) = at.as_text() {
        let controller = at.valid(text.parse(), problems)?;
        return Some(AdaptivePolicy { controller, ..default });
    }
    if !at.is_table() {
        at.wrong_type(Expected::Adaptive, problems);
        return None;
    }
    at.check_keys(&KEYS, problems);
    let controller = at.get("controller").and_then(|at| {
        let text = at.text(Expected::Controller, problems)?;
        at.valid(text.parse(), problems)
    });
    let (dimensions, all_known) = dimensions(&at, declared, &default, problems);
    let mut rates = |key| rates(&at, key, declared, problems);
    let (min, max, start) = (rates("min"), rates("max"), rates("start"));
    let policy = AdaptivePolicy {
        controller: controller.unwrap_or_default(),
        dimensions,
        min,
        max,
        start,
        decrease: at.share_or("decrease", default.decrease, problems),
        increase: at
            .get("increase")
            .and_then(|at| increase(&at, problems))
            .unwrap_or(default.increase),
    };
    let mut faults = policy.faults();
    // What is missing may well be a dimension that was refused; then one fault says enough.
    faults.retain(|fault| all_known || !is_of_missing(fault));
    at.note(faults, problems);
    Some(policy)
}

fn is_of_missing(fault: &PolicyFault) -> bool {
    matches!(
        fault.error,
        PolicyError::Adaptive(
            AdaptiveError::NotPaced { .. } | AdaptiveError::Dimensions { count: 0 }
        )
    )
}

/// What is paced, and whether all of it was understood.
fn dimensions(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    default: &AdaptivePolicy,
    problems: &mut Problems,
) -> (Vec<Dimension>, bool) {
    let Some(at) = at.get("dimensions") else { return (default.dimensions.clone(), true) };
    if !at.is_array() {
        at.wrong_type(Expected::Paced, problems);
        return (Vec::new(), false);
    }
    let items = at.items(Expected::Paced, problems);
    let read = items.iter().take(AdaptivePolicy::DIMENSIONS_MAX + 1);
    let read: Vec<_> = read.map(|item| dimension(item, declared, problems)).collect();
    let all_known = read.iter().all(Option::is_some);
    (read.into_iter().flatten().collect(), all_known)
}

fn dimension(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> Option<Dimension> {
    let text = at.text(Expected::Dimension, problems)?;
    let known = known_dimension(text, declared);
    if known.is_none() {
        at.fault(unknown_dimension(text, declared), problems);
    }
    known
}

/// The rates below `key`: one, or an array of them.
fn rates(
    at: &Cursor<'_>,
    key: &str,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> Vec<RateOf> {
    let Some(at) = at.get(key) else { return Vec::new() };
    if !at.is_array() {
        return rate(&at, declared, problems).into_iter().collect();
    }
    // One more than there can be, so that the fault of it is seen.
    let items = at.items(Expected::Rate, problems).into_iter();
    let items = items.take(AdaptivePolicy::DIMENSIONS_MAX + 1);
    items.filter_map(|item| rate(&item, declared, problems)).collect()
}

fn rate(at: &Cursor<'_>, declared: &[DimensionName], problems: &mut Problems) -> Option<RateOf> {
    let text = at.text(Expected::Rate, problems)?;
    let rate = at.valid(text.parse::<RateOf>(), problems)?;
    if !is_declared(rate.dimension(), declared) {
        at.fault(unknown_dimension(rate.dimension().name(), declared), problems);
        return None;
    }
    Some(rate)
}

fn increase(at: &Cursor<'_>, problems: &mut Problems) -> Option<Increase> {
    if at.is_number() {
        return at.share(problems).map(Increase::PerSecond);
    }
    let text = at.text(Expected::Increase, problems)?;
    at.valid(text.parse(), problems)
}
