//! When somebody's time is up, whoever that is.
//!
//! Most who wait are served long before their time is up. So whoever leaves is not looked for here:
//! what is left of it is passed over when its time comes, or thrown out with others once they are
//! more than those who wait.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_units::Instant;

use crate::order::Slot;

/// Fewer leftovers than this are not worth throwing out.
const LEFTOVERS_MIN: usize = 64;

/// Times, each with a place in the queue and the how-manyth to come waits there for it.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, Slot, u64)>>,
    leftovers: usize,
}

impl Deadlines {
    pub(crate) fn add(&mut self, at: Instant, slot: Slot, arrival: u64) {
        self.heap.push(Reverse((at, slot, arrival)));
    }

    /// Somebody left whose time was not up; `waits` tells who still does.
    pub(crate) fn left(&mut self, waits: impl Fn(Slot, u64) -> bool) {
        self.leftovers += 1;
        if self.leftovers > LEFTOVERS_MIN && self.leftovers * 2 > self.heap.len() {
            self.heap.retain(|Reverse((_, slot, arrival))| waits(*slot, *arrival));
            self.leftovers = 0;
        }
    }

    /// The earliest time; somebody may have left whose time it was.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Somebody whose time is up by `now`, who is taken out.
    pub(crate) fn pop(&mut self, now: Instant, waits: impl Fn(Slot, u64) -> bool) -> Option<Slot> {
        loop {
            let Reverse((at, slot, arrival)) = *self.heap.peek()?;
            if waits(slot, arrival) {
                if at > now {
                    return None;
                }
                self.heap.pop();
                return Some(slot);
            }
            self.heap.pop();
            self.leftovers = self.leftovers.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whoever_left_is_passed_over_and_soon_forgotten() {
        let mut deadlines = Deadlines::default();
        let mut waiting = BTreeSet::new();
        let at = |nanos| Instant::from_nanos(nanos);
        for arrival in 0..10_000_u64 {
            let slot = Slot::try_from(arrival % 7).expect("small");
            deadlines.add(at(10_000 - arrival), slot, arrival);
            waiting.insert((slot, arrival));
            if arrival >= 5 {
                let gone = *waiting.iter().next().expect("somebody waits");
                waiting.remove(&gone);
                deadlines.left(|slot, arrival| waiting.contains(&(slot, arrival)));
            }
            assert!(deadlines.heap.len() <= 2 * waiting.len() + LEFTOVERS_MIN + 1);
        }
        let waits = |slot, arrival| waiting.contains(&(slot, arrival));
        let mut up = 0;
        assert_eq!(deadlines.pop(Instant::ZERO, waits), None);
        while deadlines.pop(at(10_000), waits).is_some() {
            up += 1;
        }
        assert_eq!(up, waiting.len(), "each of those who wait, once");
        assert_eq!(deadlines.next(), None);
    }
}
