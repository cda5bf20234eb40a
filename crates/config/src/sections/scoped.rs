//! Reading `models`, `endpoints` and `each`: what holds for a part of a service's calls.

use std::collections::BTreeMap;

use tidegate_units::key::KeyName;
use tidegate_units::{Key, KeyPolicy, PolicyError, ScopePolicy, ScopedPolicies};

use super::service::Limits;
use super::{breaker, concurrency};
use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::Problem;

/// The keys of what holds for a model. It has no breaker, nor has a key.
pub(crate) const MODEL_KEYS: [&str; 2] = ["limits", "concurrency"];
const ENDPOINT_KEYS: [&str; 3] = ["limits", "concurrency", "breaker"];
const EACH_KEYS: [&str; 3] = ["limits", "concurrency", "weight"];

/// Reads what holds for parts of the service at `at`.
pub(super) fn read(
    at: &Cursor<'_>,
    limits: &mut Limits<'_>,
    problems: &mut Problems,
) -> ScopedPolicies {
    let models = read_patterns(at, "models", &MODEL_KEYS, limits, problems);
    let endpoints = read_patterns(at, "endpoints", &ENDPOINT_KEYS, limits, problems);
    let each = at.get("each").map(|at| read_each(&at, limits, problems)).unwrap_or_default();
    let scoped = ScopedPolicies { models, endpoints, each };
    at.note(scoped.faults(), problems);
    scoped
}

/// What holds for each pattern, in the order in which they were written: the first that matches
/// counts.
fn read_patterns(
    at: &Cursor<'_>,
    key: &str,
    known: &[&str],
    limits: &mut Limits<'_>,
    problems: &mut Problems,
) -> Vec<(String, ScopePolicy)> {
    let Some(at) = at.get(key) else { return Vec::new() };
    let entries = at.entries_in_order(problems);
    let count = entries.len();
    if count > ScopedPolicies::PATTERNS_MAX {
        at.fault(PolicyError::ManyPatterns { count }, problems);
    }
    let mut policies = Vec::new();
    for (pattern, at) in entries.into_iter().take(ScopedPolicies::PATTERNS_MAX) {
        check_keys(&at, known, problems);
        let policy = ScopePolicy {
            limits: limits.read(&at, problems),
            concurrency: concurrency::read(&at, problems),
            breaker: if known.contains(&"breaker") { breaker::read(&at, problems) } else { None },
        };
        policies.push((pattern.to_owned(), policy));
    }
    policies
}

/// As [`Cursor::check_keys`], and says where a breaker belongs.
fn check_keys(at: &Cursor<'_>, known: &[&str], problems: &mut Problems) {
    for (key, value) in at.entries(problems) {
        if known.contains(&key) {
            continue;
        }
        if key == "breaker" {
            value.fault(Problem::MisplacedBreaker { known: known.join(", ") }, problems);
        } else {
            value.unknown_key(key, known, known.iter().copied(), problems);
        }
    }
}

fn read_each(
    at: &Cursor<'_>,
    limits: &mut Limits<'_>,
    problems: &mut Problems,
) -> BTreeMap<KeyName, KeyPolicy> {
    let entries = at.entries(problems);
    let count = entries.len();
    if count > ScopedPolicies::KEYS_MAX {
        at.fault(PolicyError::ManyKeys { count }, problems);
    }
    let mut each = BTreeMap::new();
    for (name, at) in entries.into_iter().take(ScopedPolicies::KEYS_MAX) {
        let name = at.valid(Key::name_of(name), problems);
        check_keys(&at, &EACH_KEYS, problems);
        let policy = KeyPolicy {
            limits: limits.read(&at, problems),
            concurrency: concurrency::read(&at, problems),
            weights: at.get("weight").map(|at| weights(&at, problems)).unwrap_or_default(),
        };
        if let Some(name) = name {
            at.note(policy.faults(name), problems);
            each.insert(name, policy);
        }
    }
    each
}

fn weights(at: &Cursor<'_>, problems: &mut Problems) -> BTreeMap<String, u32> {
    let entries = at.entries(problems);
    let count = entries.len();
    if count > ScopedPolicies::WEIGHTS_MAX {
        at.fault(PolicyError::ManyWeights { count }, problems);
    }
    let refused = |text| PolicyError::Weight { text };
    let entries = entries.into_iter().take(ScopedPolicies::WEIGHTS_MAX);
    let weight =
        |(value, at): (&str, Cursor<'_>)| Some((value.to_owned(), at.count(refused, problems)?));
    entries.filter_map(weight).collect()
}
