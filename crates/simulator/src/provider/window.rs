//! Windows laid end to end, from a phase that nobody is told.

use tidegate_units::{Instant, Span};

use crate::number;
use crate::provider::course::Course;
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

/// What the current window holds, and what it may hold, which steps and other tenants change at
/// once.
#[derive(Debug, Clone)]
pub(super) struct Window {
    /// What it may hold while nothing has changed it.
    amount: u64,
    course: Course,
    grid: Grid,
    index: u64,
    used: u64,
}

impl Window {
    pub(super) fn new(amount: u64, grid: Grid, course: Course) -> Self {
        Self { amount, course, grid, index: 0, used: 0 }
    }

    /// The window at `now` and what it holds. None opens again once another has begun.
    fn current(&self, now: Instant) -> (u64, u64) {
        let index = self.grid.index(now);
        if index > self.index { (index, 0) } else { (self.index, self.used) }
    }

    /// When `amount` passes if nothing else comes first and the capacity goes its course: `now`, the
    /// end of a window, a change that makes room, or never.
    pub(super) fn earliest(&self, now: Instant, amount: u64) -> Option<Instant> {
        let mut at = now;
        loop {
            let (index, used) = self.current(at);
            let stretch = self.course.at(at);
            let room = scaled(self.amount, stretch.whole());
            if used.checked_add(amount).is_some_and(|total| total <= room) {
                return Some(at);
            }
            let end = self.grid.end(index);
            at = match stretch.until {
                Some(change) if amount > room || change <= end => change,
                _ if amount > room => return None,
                // The last window has no end that time knows of.
                _ => return Some(end),
            };
        }
    }

    /// How long `amount` takes to pass as far as anybody knows at `now`; or it never fits.
    pub(super) fn wait_as_of(&self, now: Instant, amount: u64) -> Option<Span> {
        let (index, used) = self.current(now);
        let room = self.room(now);
        let fits = used.checked_add(amount).is_some_and(|total| total <= room);
        let wait = if fits { Span::ZERO } else { self.grid.end(index).since(now) };
        (amount <= room).then_some(wait)
    }

    /// What a window may hold at `now`.
    fn room(&self, now: Instant) -> u64 {
        scaled(self.amount, self.course.at(now).whole())
    }

    /// Takes `amount`, whether it is there or not.
    pub(super) fn take(&mut self, now: Instant, amount: u64) {
        let (index, used) = self.current(now);
        (self.index, self.used) = (index, used.saturating_add(amount));
    }

    /// What the headers say of this window; `reset_at` is when it ends.
    pub(super) fn header(&self, now: Instant, limit: u64) -> LimitHeader {
        let (index, used) = self.current(now);
        let remaining = self.room(now).saturating_sub(used);
        LimitHeader { limit, remaining, reset_at: self.grid.end(index) }
    }
}

/// So many millionths of an amount, rounded down.
pub(super) fn scaled(amount: u64, millionths: u64) -> u64 {
    let product = u128::from(amount) * u128::from(millionths);
    number::ratio(product, 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::course::{CapacityStep, Swings};

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
        let mut window = Window::new(3, grid(), Course::constant());
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
    fn a_step_within_a_window_changes_what_it_may_hold() {
        let step = |secs, millionths| CapacityStep { at: Span::from_secs(secs), millionths };
        let steps = vec![step(30, 500_000), step(50, 2_000_000), step(75, 1_000_000)];
        let swings = Swings { steps, ..Swings::default() };
        let mut window = Window::new(4, grid(), Course::new(&swings, Span::ZERO, 1));
        window.take(at(20), 3);
        assert_eq!(window.header(at(29), 4).remaining, 1);
        assert_eq!(window.header(at(30), 4).remaining, 0);
        assert_eq!(window.earliest(at(30), 1), Some(at(50)));
        assert_eq!(window.wait_as_of(at(30), 1), Some(Span::from_secs(45)));
        assert_eq!(window.earliest(at(30), 6), None, "eight fit, of which three are used");
        assert_eq!(window.wait_as_of(at(30), 3), None);
        window.take(at(50), 5);
        // The window and the larger amount end at once.
        assert_eq!(window.earliest(at(50), 4), Some(at(75)));
    }

    #[test]
    fn a_clock_that_steps_back_opens_nothing() {
        let mut window = Window::new(1, grid(), Course::constant());
        window.take(at(80), 1);
        assert_eq!(window.earliest(at(20), 1), Some(at(135)));
    }

    #[test]
    fn the_end_of_time_is_a_window_too() {
        let window = Window::new(1, Grid::new(Span::from_nanos(1), Span::ZERO), Course::constant());
        assert_eq!(window.earliest(Instant::MAX, 1), Some(Instant::MAX));
    }
}
