//! Windows laid end to end, from a phase that nobody is told.

use tidegate_units::{Instant, Span};

use crate::number;
use crate::provider::headers::LimitHeader;

/// When windows begin: one ends at the phase, and one every `length` from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    length: Span,
    phase: Span,
}

impl Grid {
    /// A grid; only what the phase has beyond whole windows counts.
    pub(super) fn new(length: Span, phase: Span) -> Self {
        let length = length.max(Span::from_nanos(1));
        let phase = Span::from_nanos(phase.as_nanos() % length.as_nanos());
        Self { length, phase }
    }

    /// Which window `now` lies in, counted from the origin of the clock.
    pub(super) fn index(&self, now: Instant) -> u64 {
        let before_first = self.length - self.phase;
        let shifted = u128::from(now.as_nanos()) + u128::from(before_first.as_nanos());
        number::ratio(shifted, u128::from(self.length.as_nanos())).unwrap_or(u64::MAX)
    }

    /// When a window ends.
    pub(super) fn end(&self, index: u64) -> Instant {
        Instant::ZERO + self.phase + self.length * index
    }
}

/// What the current window holds.
#[derive(Debug, Clone)]
pub(super) struct Window {
    amount: u64,
    grid: Grid,
    index: u64,
    used: u64,
}

impl Window {
    pub(super) fn new(amount: u64, grid: Grid) -> Self {
        Self { amount, grid, index: 0, used: 0 }
    }

    /// The window at `now` and what it holds. None opens again once another has begun.
    fn current(&self, now: Instant) -> (u64, u64) {
        let index = self.grid.index(now);
        if index > self.index { (index, 0) } else { (self.index, self.used) }
    }

    /// When `amount` passes if nothing else comes first: `now`, the end of this window, or never.
    pub(super) fn earliest(&self, now: Instant, amount: u64) -> Option<Instant> {
        let (index, used) = self.current(now);
        if amount > self.amount {
            return None;
        }
        let fits = used.checked_add(amount).is_some_and(|total| total <= self.amount);
        Some(if fits { now } else { self.grid.end(index) })
    }

    /// Takes `amount`, whether it is there or not.
    pub(super) fn take(&mut self, now: Instant, amount: u64) {
        let (index, used) = self.current(now);
        (self.index, self.used) = (index, used.saturating_add(amount));
    }

    /// What the headers say of this window; `reset_at` is when it ends.
    pub(super) fn header(&self, now: Instant, limit: u64) -> LimitHeader {
        let (index, used) = self.current(now);
        let remaining = self.amount.saturating_sub(used);
        LimitHeader { limit, remaining, reset_at: self.grid.end(index) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    fn grid() -> Grid {
        Grid::new(Span::from_secs(60), Span::from_secs(75))
    }

    #[test]
    fn a_window_ends_at_the_phase_and_every_length_after() {
        let ends = [0, 14, 15, 74, 75].map(|secs| grid().end(grid().index(at(secs))));
        assert_eq!(ends, [at(15), at(15), at(75), at(75), at(135)]);
        let aligned = Grid::new(Span::from_secs(60), Span::ZERO);
        assert_eq!(aligned.end(aligned.index(at(0))), at(60));
    }

    #[test]
    fn a_full_window_waits_for_its_end() {
        let mut window = Window::new(3, grid());
        window.take(at(20), 2);
        assert_eq!(window.earliest(at(21), 1), Some(at(21)));
        assert_eq!(window.earliest(at(21), 2), Some(at(75)));
        assert_eq!(window.earliest(at(21), 4), None);
        window.take(at(21), 40);
        assert_eq!(
            window.header(at(22), 3),
            LimitHeader { limit: 3, remaining: 0, reset_at: at(75) }
        );
        assert_eq!(window.earliest(at(75), 3), Some(at(75)), "a debt ends with its window");
    }

    #[test]
    fn a_clock_that_steps_back_opens_nothing() {
        let mut window = Window::new(1, grid());
        window.take(at(80), 1);
        assert_eq!(window.earliest(at(20), 1), Some(at(135)));
    }

    #[test]
    fn the_end_of_time_is_a_window_too() {
        let window = Window::new(1, Grid::new(Span::from_nanos(1), Span::ZERO));
        assert_eq!(window.earliest(Instant::MAX, 1), Some(Instant::MAX));
    }
}
