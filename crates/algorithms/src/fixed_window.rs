//! Fixed windows: of one length, at a phase that is known.
//!
//! For a service that counts "per minute of its clock". Across a boundary up to twice the amount
//! passes within one window's length: all of one window at its end, all of the next at its start. Who
//! does not know the phase keeps to a [`SlidingLog`](crate::SlidingLog) instead.

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::windows::{Windowed, Windows};

/// At most `amount` in each window of one length: whole permits, 1 to the largest `u64`, per 1 ns or
/// longer. Nothing panics.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, FixedWindow};
/// use tidegate_units::{Instant, Span};
///
/// // Windows from 0.25 s to 1.25 s, from there to 2.25 s, and so on.
/// let (second, quarter) = (Span::from_secs(1), Span::from_millis(250));
/// let window = FixedWindow::new(10, second, quarter).guard(Span::from_millis(5));
/// let mut state = window.full();
/// let now = Instant::ZERO + second;
/// assert_eq!(window.take(&mut state, now, 10), Decision::Admit);
/// assert_eq!(window.take(&mut state, now, 1), Decision::Later { retry_after: quarter });
/// assert_eq!(window.take(&mut state, now, 11), Decision::Never);
/// assert_eq!(window.take(&mut state, now + quarter, 10), Decision::Admit);
/// ```
pub type FixedWindow = Windowed<Grid>;

/// Windows of one length, laid end to end: what a [`FixedWindow`] counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stated")]
pub struct Grid {
    window: Span,
    /// Less than the window.
    phase: Span,
}

#[derive(Deserialize)]
struct Stated {
    window: Span,
    phase: Span,
}

impl FixedWindow {
    /// At most `amount` in each window that starts at `phase` and a multiple of `window`. Zeros are
    /// taken as 1, but for the phase.
    pub fn new(amount: u64, window: Span, phase: Span) -> Self {
        Self::over(amount, Grid::new(window, phase))
    }
}

impl Grid {
    fn new(window: Span, phase: Span) -> Self {
        let window = window.max(Span::from_nanos(1));
        Self { window, phase: Span::from_nanos(phase.as_nanos() % window.as_nanos()) }
    }

    /// From the start of window 0 to [`Instant::ZERO`]: it began before, unless the phase is zero.
    fn lead(&self) -> u64 {
        if self.phase.is_zero() { 0 } else { (self.window - self.phase).as_nanos() }
    }
}

impl From<Stated> for Grid {
    fn from(stated: Stated) -> Self {
        Self::new(stated.window, stated.phase)
    }
}

impl Windows for Grid {
    fn own_time(&self, now: Instant) -> Instant {
        now
    }

    fn callers_time(&self, at: Instant) -> Instant {
        at
    }

    fn number_at(&self, at: Instant) -> u64 {
        let since_first = u128::from(at.as_nanos()) + u128::from(self.lead());
        // Where there is a lead, a window is at least 2 ns.
        u64::try_from(since_first / u128::from(self.window.as_nanos())).unwrap_or(u64::MAX)
    }

    fn start_of(&self, number: u64) -> Instant {
        let since_first = u128::from(number) * u128::from(self.window.as_nanos());
        let nanos = since_first.saturating_sub(u128::from(self.lead()));
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn shortest(&self) -> Span {
        self.window
    }

    fn same_boundaries(&self, other: &Self) -> bool {
        self == other
    }
}
