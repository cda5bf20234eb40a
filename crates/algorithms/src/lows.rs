//! How low something has been since a given instant.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tidegate_units::Instant;

use crate::decoded::{StateError, check_lows};

/// The most lows kept. Beyond it the two oldest become one that is as low as the lower and as recent
/// as the later: an answer may then be too low, never too high.
const ENTRIES_MAX: usize = 32;

/// The lowest values of a quantity, each with the instant since which nothing lower was noted.
///
/// A monotonic queue: values rise from the oldest to the newest entry, so that the first entry after
/// an instant is the lowest since then.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Decoded")]
pub(crate) struct Lows {
    entries: VecDeque<(Instant, u128)>,
}

/// Lows as they were written.
#[derive(Deserialize)]
struct Decoded {
    entries: VecDeque<(Instant, u128)>,
}

impl TryFrom<Decoded> for Lows {
    type Error = StateError;

    fn try_from(Decoded { entries }: Decoded) -> Result<Self, StateError> {
        check_lows(&entries, ENTRIES_MAX)?;
        Ok(Self { entries })
    }
}

impl Lows {
    /// Notes that the quantity was `value` at `at`, which must not lie before what was noted.
    pub(crate) fn note(&mut self, at: Instant, value: u128) {
        while self.entries.back().is_some_and(|(_, held)| *held >= value) {
            self.entries.pop_back();
        }
        self.entries.push_back((at, value));
        if self.entries.len() > ENTRIES_MAX
            && let Some((_, lowest)) = self.entries.pop_front()
            && let Some(next) = self.entries.front_mut()
        {
            next.1 = lowest;
        }
    }

    /// The lowest value noted after `since`; `None` if none was noted.
    pub(crate) fn after(&self, since: Instant) -> Option<u128> {
        self.entries.iter().find(|(at, _)| *at > since).map(|(_, value)| *value)
    }

    /// When something was noted last.
    pub(crate) fn newest(&self) -> Option<Instant> {
        self.entries.back().map(|(at, _)| *at)
    }

    /// Lowers everything noted after `since` by `by`.
    pub(crate) fn lower(&mut self, since: Instant, by: u128) {
        let noted = std::mem::take(&mut self.entries);
        for (at, value) in noted {
            self.note(at, if at > since { value.saturating_sub(by) } else { value });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn the_lowest_since_is_remembered() {
        let mut lows = Lows::default();
        for (nanos, value) in [(1, 5), (2, 3), (3, 7), (4, 6)] {
            lows.note(at(nanos), value);
        }
        assert_eq!(lows.after(at(0)), Some(3));
        assert_eq!(lows.after(at(2)), Some(6));
        assert_eq!(lows.after(at(4)), None);
        lows.lower(at(2), 4);
        assert_eq!(lows.after(at(0)), Some(2));
    }

    #[test]
    fn too_many_lows_make_an_answer_lower_never_higher() {
        let mut lows = Lows::default();
        for value in 0..100 {
            lows.note(at(value), u128::from(value));
        }
        assert!(lows.entries.len() <= ENTRIES_MAX);
        for since in 0..99 {
            assert!(lows.after(at(since)).expect("noted") <= u128::from(since) + 1);
        }
        assert_eq!(lows.after(at(98)), Some(99), "recent lows stay exact");
    }
}
