//! Where in an answer, or in one event of it, the counts stand.

use serde_json::Value;

use super::UsageFamily;
use super::counts::Counts;

/// The paths at which counts are written, the likeliest first. No two of them occur with different
/// counts in one event, but for an event that repeats an older form beside a newer one.
const PLACES: [&[&str]; 12] = [
    &["usage"],
    &["usageMetadata"],
    &["message", "usage"],
    &["response", "usage"],
    &["response", "usageMetadata"],
    &["delta", "usage"],
    &["metadata", "usage"],
    &["x_groq", "usage"],
    &["meta"],
    &["response", "meta"],
    &["amazon-bedrock-invocationMetrics"],
    &[],
];

/// The elements of a list that are looked at, from its end: more than an answer has that fits into
/// memory and is worth keeping whole.
const ELEMENTS_MAX: usize = 65_536;

/// What a body states; of a list, the last word on each count.
pub(super) fn counts_of(family: UsageFamily, body: &Value) -> Option<Counts> {
    let Value::Array(elements) = body else {
        return counts_of_event(family, body);
    };
    let skipped = elements.len().saturating_sub(ELEMENTS_MAX);
    let stated = elements.iter().skip(skipped).filter_map(|one| counts_of_event(family, one));
    stated.reduce(|mut held, later| {
        held.update(&later);
        held
    })
}

/// What one event states.
pub(super) fn counts_of_event(family: UsageFamily, event: &Value) -> Option<Counts> {
    let at = |path: &&[&str]| path.iter().try_fold(event, |value, name| value.get(name));
    let objects = PLACES.iter().filter_map(at).filter(|value| value.is_object());
    objects.into_iter().find_map(|object| Counts::read(family, object))
}
