//! What holds for a part of a service's calls: one model, one endpoint, one agent.

use std::collections::BTreeMap;

use crate::Limit;
use crate::key::KeyName;
use crate::policy::{BreakerPolicy, Concurrency};

/// What holds for the calls of one service beside what holds for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopedPolicies {
    /// For the models whose name matches the pattern; the first that matches counts. At most 64.
    pub models: Vec<(String, ScopePolicy)>,
    /// For the endpoints whose name matches the pattern; the first that matches counts. At most 64.
    pub endpoints: Vec<(String, ScopePolicy)>,
    /// For each value of a key apart. At most 8 names.
    pub each: BTreeMap<KeyName, KeyPolicy>,
}

/// What holds for the calls to some models or endpoints together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopePolicy {
    /// The limits; at most 64.
    pub limits: Vec<Limit>,
    /// How many calls may be under way.
    pub concurrency: Option<Concurrency>,
    /// When they are left alone.
    pub breaker: Option<BreakerPolicy>,
}

/// What holds for the calls of each value of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    /// The limits of each value; at most 64.
    pub limits: Vec<Limit>,
    /// How many calls of each value may be under way.
    pub concurrency: Option<Concurrency>,
    /// How many turns a value takes while others take one: 1 to 1000; 1 for those not named. At most
    /// 1000 values.
    pub weights: BTreeMap<String, u32>,
}

impl ScopedPolicies {
    /// The most patterns of one kind. A call is compared with each of them.
    pub const PATTERNS_MAX: usize = 64;
    /// The most key names.
    pub const KEYS_MAX: usize = 8;
    /// The longest pattern in bytes.
    pub const PATTERN_LENGTH_MAX: usize = 128;
    /// The most values with a weight of their own.
    pub const WEIGHTS_MAX: usize = 1_000;
    /// The largest weight.
    pub const WEIGHT_MAX: u32 = 1_000;

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty() && self.endpoints.is_empty() && self.each.is_empty()
    }
}

/// Whether `name` is what `pattern` means: the same text, where each `*` stands for any, also none.
///
/// ```
/// use tidegate_units::policy::scoped::matches;
///
/// assert!(matches("claude-opus-*", "claude-opus-4-1"));
/// assert!(!matches("claude-opus-*", "claude-sonnet-4"));
/// ```
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place that fits leaves the most for the others.
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let matching = [("a", "a"), ("*", ""), ("*", "abc"), ("a*", "a"), ("a*c", "abbc")];
        for (pattern, name) in matching {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        assert!(
            matches("*b*b*", "abab") && matches("**", "x") && matches("gpt-*-mini", "gpt-4.1-mini")
        );
        for (pattern, name) in [("a", "ab"), ("a*a", "a"), ("*b*b", "ab"), ("", "a"), ("a*", "ba")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
