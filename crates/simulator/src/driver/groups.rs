//! The calls of a run in groups, each call in one: by class, or by whose it is.
//!
//! A trace may name any number of keys, and a report must not. The keys with the most requests are
//! told apart, all others are one group.
//!
//! # Invariants
//!
//! 1. At most [`KEYS_MAX`] keys, one group for the rest, and one for the requests of nobody.
//! 2. Which keys are told apart depends on the traffic alone, and so is the same for every controller.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tidegate_units::{Priority, Span};

use crate::number;
use crate::report::{Quantiles, Served};
use crate::trace::TraceRequest;

/// The most keys that are told apart: more than a picture can hold.
pub(super) const KEYS_MAX: usize = 20;
/// All keys that are not told apart; a key of this name is one of them.
const REST: &str = "other";
/// Requests of nobody in particular, beside those of keys; one of this name is counted with them.
const NOBODY: &str = "none";

/// Waits and counts of each group.
#[derive(Debug)]
pub(super) struct Groups {
    /// The group of each call; empty if there are no groups.
    of_call: Vec<usize>,
    all: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    name: String,
    requests: u64,
    waits_s: Vec<f64>,
}

impl Groups {
    /// Calls by their class.
    pub(super) fn by_class(classes: &[Priority]) -> Self {
        Self::of(classes.iter(), |class| class.name().to_owned())
    }

    /// Calls by who sends them; no groups if nobody in particular sends any.
    pub(super) fn by_key(requests: &[TraceRequest]) -> Self {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for key in requests.iter().filter_map(|request| request.key.as_deref()) {
            *counts.entry(key).or_default() += 1;
        }
        if counts.is_empty() {
            return Self { of_call: Vec::new(), all: Vec::new() };
        }
        let mut largest: Vec<(&str, u64)> = counts.into_iter().collect();
        largest.sort_by_key(|(name, count)| (Reverse(*count), *name));
        largest.truncate(KEYS_MAX);
        let apart: BTreeMap<&str, u64> = largest.into_iter().collect();
        let keys = requests.iter().map(|request| request.key.as_deref());
        Self::of(keys, |key| match key {
            None => NOBODY.to_owned(),
            Some(key) if apart.contains_key(key) => (*key).to_owned(),
            Some(_) => REST.to_owned(),
        })
    }

    /// Counts a call that was admitted so long after it came.
    pub(super) fn waited(&mut self, call: usize, wait: Span) {
        let group = self.of_call.get(call).and_then(|place| self.all.get_mut(*place));
        if let Some(group) = group {
            group.waits_s.push(wait.as_secs_f64());
        }
    }

    /// How long the admitted calls of each group waited; without those that had none.
    pub(super) fn waits_s(&mut self) -> BTreeMap<String, Quantiles> {
        let quantiles = |group: &mut Group| {
            group.waits_s.sort_by(f64::total_cmp);
            let at = |share| quantile(&group.waits_s, share);
            (group.name.clone(), Quantiles { p50: at(0.5), p99: at(0.99) })
        };
        let all = self.all.iter_mut();
        all.filter(|group| !group.waits_s.is_empty()).map(quantiles).collect()
    }

    /// How many calls each group had, and how many of them were admitted.
    pub(super) fn served(&self) -> BTreeMap<String, Served> {
        let served = |group: &Group| {
            let admitted = number::count(group.waits_s.len());
            (group.name.clone(), Served { requests: group.requests, admitted })
        };
        self.all.iter().map(served).collect()
    }

    /// Each call in the group that `name` gives it.
    fn of<K>(calls: impl Iterator<Item = K>, name: impl Fn(&K) -> String) -> Self {
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut all: Vec<Group> = Vec::new();
        let place = |call: K| {
            let name = name(&call);
            let place = *places.entry(name).or_insert_with_key(|name| {
                all.push(Group { name: name.clone(), requests: 0, waits_s: Vec::new() });
                all.len() - 1
            });
            all[place].requests += 1;
            place
        };
        let of_call = calls.map(place).collect();
        Self { of_call, all }
    }
}

/// The smallest of the sorted values that at least `share` of them do not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = number::place_of_share(share, sorted.len()).min(last);
    sorted.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: Option<&str>) -> TraceRequest {
        let key = key.map(Into::into);
        TraceRequest { at: Span::ZERO, context_tokens: 1, generated_tokens: 1, key }
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let hundred: Vec<f64> = (1..=100_u32).map(f64::from).collect();
        assert!((quantile(&hundred, 0.5) - 51.0).abs() < 1.5);
        assert!((quantile(&hundred, 0.99) - 100.0).abs() < 1.5);
        assert!(quantile(&[], 0.5).abs() < f64::EPSILON);
        assert!((quantile(&[7.0], 0.99) - 7.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_largest_keys_are_told_apart_and_the_rest_is_one() {
        // Key `k00` has a request, `k01` two, and so on: the five smallest are the rest.
        let names: Vec<String> = (0..25).map(|rank| format!("k{rank:02}")).collect();
        let of = |(more, name): (usize, &String)| vec![request(Some(name)); more + 1];
        let mut requests: Vec<TraceRequest> = names.iter().enumerate().flat_map(of).collect();
        requests.extend([request(None), request(None)]);
        let mut groups = Groups::by_key(&requests);
        groups.waited(0, Span::from_secs(3));
        let served = groups.served();
        assert_eq!(served.len(), KEYS_MAX + 2);
        assert_eq!(served["other"], Served { requests: 15, admitted: 1 });
        assert_eq!(served["none"].requests, 2);
        assert!(served["k05"].requests == 6 && !served.contains_key("k04"));
        let waits: Vec<String> = groups.waits_s().into_keys().collect();
        assert_eq!(waits, ["other"], "a group that waits for ever has no quantiles");
    }

    #[test]
    fn without_keys_there_are_no_groups() {
        let mut groups = Groups::by_key(&[request(None), request(None)]);
        groups.waited(1, Span::ZERO);
        assert!(groups.served().is_empty() && groups.waits_s().is_empty());
    }
}
