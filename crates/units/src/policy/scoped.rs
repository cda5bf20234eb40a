//! What holds for a part of a service's calls: one model, one endpoint, one agent.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::KeyName;
use crate::policy::{BreakerPolicy, Concurrency, PolicyError, PolicyFault};
use crate::{Key, Limit};

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
    /// When they are left alone. For endpoints only: a model that fails says little of itself.
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

impl KeyPolicy {
    /// What is outside its range in the weights of the key `name`.
    ///
    /// ```
    /// use tidegate_units::KeyPolicy;
    ///
    /// let mut policy = KeyPolicy::default();
    /// policy.weights.insert("planner".to_owned(), 0);
    /// let faults = policy.faults("agent".parse()?);
    /// assert_eq!(faults[0].error.to_string(), "a weight of 0: use 1 to 1000");
    /// # Ok::<(), tidegate_units::InvalidDimensionName>(())
    /// ```
    pub fn faults(&self, name: KeyName) -> Vec<PolicyFault> {
        let count = self.weights.len();
        let many = (count > ScopedPolicies::WEIGHTS_MAX)
            .then(|| PolicyError::ManyWeights { count }.at("weight"));
        let mut faults: Vec<PolicyFault> = many.into_iter().collect();
        for (value, weight) in &self.weights {
            if let Err(invalid) = Key::new(name.as_str(), value) {
                faults.push(PolicyError::Key(invalid).of("weight", value));
            }
            if !(1..=ScopedPolicies::WEIGHT_MAX).contains(weight) {
                faults.push(PolicyError::Weight { text: weight.to_string() }.of("weight", value));
            }
        }
        faults
    }
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

    /// What is wrong with the patterns and with how many there are of anything. The policies that
    /// they lead to have faults of their own.
    ///
    /// ```
    /// use tidegate_units::{ScopePolicy, ScopedPolicies};
    ///
    /// let models = vec![(String::new(), ScopePolicy::default())];
    /// let scoped = ScopedPolicies { models, ..ScopedPolicies::default() };
    /// assert_eq!(
    ///     scoped.faults()[0].error.to_string(),
    ///     "a pattern of 0 bytes: use 1 to 128 printable bytes, where `*` stands for any text"
    /// );
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let mut faults = pattern_faults("models", &self.models);
        faults.extend(pattern_faults("endpoints", &self.endpoints));
        let count = self.each.len();
        if count > Self::KEYS_MAX {
            faults.push(PolicyError::ManyKeys { count }.at("each"));
        }
        faults
    }
}

fn pattern_faults(key: &'static str, policies: &[(String, ScopePolicy)]) -> Vec<PolicyFault> {
    let count = policies.len();
    let many =
        (count > ScopedPolicies::PATTERNS_MAX).then(|| PolicyError::ManyPatterns { count }.at(key));
    let mut faults: Vec<PolicyFault> = many.into_iter().collect();
    let mut seen = BTreeSet::new();
    for (pattern, _) in policies {
        let bytes = pattern.len();
        let is_short = (1..=ScopedPolicies::PATTERN_LENGTH_MAX).contains(&bytes);
        if !is_short || pattern.chars().any(char::is_control) {
            faults.push(PolicyError::Pattern { bytes }.of(key, pattern));
        }
        if !seen.insert(pattern) {
            faults.push(PolicyError::PatternTwice.of(key, pattern));
        }
    }
    faults
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
