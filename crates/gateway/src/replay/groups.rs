//! The calls of a replay in groups: those of one class, or of one key.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tidegate_simulator::report::{Quantiles, Served};
use tidegate_simulator::{Replay, Run};
use tidegate_units::Priority;

/// What the report calls the keys that it does not tell apart, and the requests of nobody.
const LAST: [&str; 2] = ["other", "none"];

/// Some of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group<'r> {
    /// All of one class.
    Class(&'r str),
    /// All of one key, or of the keys that are not told apart.
    Key(&'r str),
}

impl<'r> Group<'r> {
    /// The classes that any call was of, the most urgent first.
    pub(crate) fn classes(replay: &'r Replay) -> Vec<Self> {
        let all = Priority::ALL.iter().map(|class| Self::Class(class.name()));
        all.filter(|class| replay.runs.iter().any(|run| class.wait(run).is_some())).collect()
    }

    /// The keys, the one with the most requests first, and what is no key last; none where no
    /// request has one.
    pub(crate) fn keys(replay: &'r Replay) -> Vec<Self> {
        let mut requests: BTreeMap<&str, u64> = BTreeMap::new();
        for (key, served) in replay.runs.iter().flat_map(|run| &run.served_by_key) {
            let most = requests.entry(key).or_default();
            *most = served.requests.max(*most);
        }
        let mut keys: Vec<(&str, u64)> = requests.into_iter().collect();
        keys.sort_by_key(|(key, requests)| (LAST.contains(key), Reverse(*requests), *key));
        keys.into_iter().map(|(key, _)| Self::Key(key)).collect()
    }

    /// Its name, as in the report.
    pub(crate) fn name(self) -> &'r str {
        match self {
            Self::Class(name) | Self::Key(name) => name,
        }
    }

    /// How long those that were admitted waited; `None` if none was.
    pub(crate) fn wait(self, run: &Run) -> Option<Quantiles> {
        let waits = match self {
            Self::Class(_) => &run.wait_s,
            Self::Key(_) => &run.wait_s_by_key,
        };
        waits.get(self.name()).copied()
    }

    /// How many came and how many of them were admitted; `None` if none came.
    pub(crate) fn served(self, run: &Run) -> Option<Served> {
        let served = match self {
            Self::Class(_) => &run.served,
            Self::Key(_) => &run.served_by_key,
        };
        served.get(self.name()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::sample;

    #[test]
    fn classes_are_in_the_order_of_urgency_and_keys_in_that_of_requests() {
        let mut replay = sample::fair_replay(&[1]);
        for name in LAST {
            let served = Served { requests: 50_000, admitted: 0 };
            replay.runs[0].served_by_key.insert(name.to_owned(), served);
        }
        let names = |groups: Vec<Group<'_>>| {
            groups.iter().map(|group| group.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(Group::classes(&replay)), ["high", "normal", "low"]);
        assert_eq!(
            names(Group::keys(&replay)),
            [sample::LONG_KEY, "steady", "unlucky", "none", "other"]
        );
        assert!(Group::keys(&sample::replay(&[1])).is_empty());
    }
}
