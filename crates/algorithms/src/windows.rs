//! Windows laid end to end: each holds the amount, and what was used starts again at nothing when the
//! next one begins.
//!
//! That is how most services count, and the least that one has to remember: a number per limit. Where
//! the windows lie is all that kinds of windows differ in, and is said by [`Windows`]; everything else
//! is here.
//!
//! Two things are not quite that simple. A service counts a call when it arrives: one that was granted
//! within the *guard* before a boundary may be counted in the next window. So it counts in **both**
//! windows, and must fit both. And what was recorded beyond the amount is a debt that the following
//! windows pay before anything passes.
//!
//! # Invariants
//!
//! - ALG-3 in the guard zone: what counts in the next window counts in this one too, so the next one
//!   never holds less than this one did.
//! - ALG-4: time is never before the latest seen; a clock that steps back delays.
//! - ALG-5: a refund is given only while the window of its charge lasts.
//! - No step is taken per window: however long nobody asked, the work is the same.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::{Algorithm, Carry, Decision};

mod state;

pub use state::{InvalidWindowState, WindowState};

/// Where windows lie, by a clock of their own. Each has a number, and the next one the next number.
///
/// ```
/// use tidegate_algorithms::{FixedWindow, Windows};
/// use tidegate_units::{Instant, Span};
///
/// // Windows from 0.25 s on, and the one in which the clock begins.
/// let (second, quarter) = (Span::from_secs(1), Span::from_millis(250));
/// let rule = FixedWindow::new(10, second, quarter);
/// let windows = rule.windows();
/// assert_eq!(windows.number_at(Instant::ZERO), 0);
/// assert_eq!(windows.start_of(1), Instant::ZERO + quarter);
/// assert_eq!(windows.start_of(u64::MAX), Instant::MAX, "not in sight");
/// ```
pub trait Windows: fmt::Debug + Clone + PartialEq + Serialize + DeserializeOwned {
    /// The time of the windows' own clock at `now`. Never goes back unless `now` does.
    fn own_time(&self, now: Instant) -> Instant;

    /// When the windows' own clock shows `at`; [`Instant::MAX`] if that is not in sight.
    fn callers_time(&self, at: Instant) -> Instant;

    /// The number of the window that holds an instant of the own clock.
    fn number_at(&self, at: Instant) -> u64;

    /// When the window of this number starts, by the own clock; [`Instant::MAX`] if not in sight.
    fn start_of(&self, number: u64) -> Instant;

    /// The shortest that a window can be; at least 1 ns.
    fn shortest(&self) -> Span;

    /// Whether the windows of the other lie where these do, whatever their clocks.
    fn same_boundaries(&self, other: &Self) -> bool;
}

/// At most `amount` in each of some windows. See [`FixedWindow`](crate::FixedWindow) and, with the
/// feature `calendar`, `CalendarWindow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stated<W>", bound(deserialize = "W: Windows"))]
pub struct Windowed<W> {
    amount: u64,
    guard: Span,
    windows: W,
}

/// A rule as it was written, by whomever.
#[derive(Deserialize)]
#[serde(bound(deserialize = "W: Windows"))]
struct Stated<W> {
    amount: u64,
    guard: Span,
    windows: W,
}

impl<W: Windows> From<Stated<W>> for Windowed<W> {
    fn from(stated: Stated<W>) -> Self {
        Self::over(stated.amount, stated.windows).guard(stated.guard)
    }
}

impl<W: Windows> Windowed<W> {
    /// At most `amount` in each of `windows`, without a guard. Zero is taken as 1.
    pub(crate) fn over(amount: u64, windows: W) -> Self {
        Self { amount: amount.max(1), guard: Span::ZERO, windows }
    }

    /// The same with a guard: what is granted this long before a boundary, or less, counts in the
    /// window that ends there and in the next. A guard is shorter than the shortest window; a longer
    /// one is cut to that.
    pub fn guard(mut self, guard: Span) -> Self {
        self.guard = guard.min(self.windows.shortest() - Span::from_nanos(1));
        self
    }

    /// Where the windows lie.
    pub fn windows(&self) -> &W {
        &self.windows
    }

    /// The same rule over other windows.
    #[cfg(feature = "calendar")]
    pub(crate) fn over_windows(self, windows: W) -> Self {
        Self { windows, ..self }
    }

    /// The time to count by: never before what was seen.
    fn own_time(&self, state: &WindowState, now: Instant) -> Instant {
        self.windows.own_time(now).max(state.seen)
    }

    /// The state as it is at `at` of the own clock, if nothing was recorded since.
    fn passed(&self, state: &WindowState, at: Instant) -> WindowState {
        let boundaries = self.windows.number_at(at).saturating_sub(state.number);
        state.after_boundaries(boundaries, self.amount)
    }

    /// Whether `at` is so late in its window that a call may arrive in the next.
    fn is_guarded(&self, number: u64, at: Instant) -> bool {
        at + self.guard >= self.windows.start_of(number.saturating_add(1))
    }

    /// When so many boundaries after the window of `state` have passed; always after `now`.
    fn boundary(&self, state: &WindowState, now: Instant, boundaries: u128) -> Instant {
        let boundaries = u64::try_from(boundaries).unwrap_or(u64::MAX);
        let start = self.windows.start_of(state.number.saturating_add(boundaries));
        self.windows.callers_time(start).max(now + Span::from_nanos(1))
    }

    /// How many boundaries have to pass until the windows from then on have given `total`.
    fn boundaries_until(&self, state: &WindowState, total: u64) -> u128 {
        let owed = u128::from(state.carried(self.amount));
        (owed + u128::from(total)).div_ceil(u128::from(self.amount)).max(1)
    }
}

impl<W: Windows> Algorithm for Windowed<W> {
    type State = WindowState;

    fn capacity(&self) -> u64 {
        self.amount
    }

    fn full(&self) -> WindowState {
        WindowState::default()
    }

    fn empty(&self, now: Instant) -> WindowState {
        self.starting_from(now, self.amount)
    }

    fn decide(&self, state: &WindowState, now: Instant, cost: u64) -> Decision {
        if cost > self.amount {
            return Decision::Never;
        }
        let here = self.passed(state, self.own_time(state, now));
        // What counts in the next window counts in this one too: what fits here fits there.
        if u128::from(here.used) + u128::from(cost) <= u128::from(self.amount) {
            return Decision::Admit;
        }
        let at = self.boundary(&here, now, self.boundaries_until(&here, cost));
        Decision::Later { retry_after: at.since(now).max(Span::from_nanos(1)) }
    }

    fn available(&self, state: &WindowState, now: Instant) -> u64 {
        self.amount.saturating_sub(self.passed(state, self.own_time(state, now)).used)
    }

    fn debt(&self, state: &WindowState, now: Instant) -> u64 {
        self.passed(state, self.own_time(state, now)).used.saturating_sub(self.amount)
    }

    fn record(&self, state: &mut WindowState, now: Instant, cost: u64) {
        if cost == 0 {
            return;
        }
        let at = self.own_time(state, now);
        *state = self.passed(state, at);
        state.seen = at;
        state.add(now, cost, self.is_guarded(state.number, at));
    }

    /// Only while the window of the charge lasts, and then from everything it counts in.
    fn refund(&self, state: &mut WindowState, now: Instant, recorded: Instant, amount: u64) -> u64 {
        let at = self.own_time(state, now);
        *state = self.passed(state, at);
        state.seen = at;
        state.take_back(recorded, amount)
    }

    fn reset_at(&self, state: &WindowState, now: Instant) -> Instant {
        let here = self.passed(state, self.own_time(state, now));
        match (here.used, here.carried(self.amount)) {
            (0, _) => now,
            (_, owed) => self.boundary(&here, now, 1 + u128::from(owed.div_ceil(self.amount))),
        }
    }

    /// What is granted in a guard zone is taken from the next window, so nothing is gained by it.
    fn earliest(&self, state: &WindowState, now: Instant, total: u64) -> Instant {
        let at = self.own_time(state, now);
        let here = self.passed(state, at);
        if u128::from(here.used) + u128::from(total) <= u128::from(self.amount) {
            return now;
        }
        let level = self.amount.saturating_sub(here.used);
        let later = if self.is_guarded(here.number, at) { total } else { total - level };
        self.boundary(&here, now, self.boundaries_until(&here, later))
    }

    /// The amount just before the guard zone of one window, and again at every start that follows.
    /// Exact where all windows are of one length; else no more than this can be admitted.
    fn worst_case(&self, span: Span) -> u64 {
        if span.is_zero() {
            return 0;
        }
        let after_first = span - Span::from_nanos(1) - self.guard;
        let starts = after_first.as_nanos().div_ceil(self.windows.shortest().as_nanos().max(1));
        self.amount.saturating_mul(starts.saturating_add(1))
    }

    /// Where the windows stay where they are, what was used in the present one stays used. Where less
    /// is to be available than that, the difference counts as spent now; where more, the history
    /// prevails. Other windows begin with the balance.
    fn reconfigured(
        &self,
        state: &WindowState,
        now: Instant,
        to: &Self,
        carry: Carry,
    ) -> WindowState {
        let missing = carry.missing(self.balance(state, now), to.amount);
        let mut after = if carry != Carry::Reset && self.windows.same_boundaries(&to.windows) {
            let at = self.own_time(state, now);
            let mut history = self.passed(state, at);
            history.seen = at;
            if to.guard > self.guard && to.is_guarded(history.number, at) {
                // When in this window it was spent is not known.
                history.ahead = history.used;
            }
            history
        } else {
            to.full()
        };
        let unspent = missing.saturating_sub(after.used);
        to.record(&mut after, now, unspent);
        after.forget_charges(now);
        after
    }
}
