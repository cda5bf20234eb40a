//! What was used in the present window, and which charges can still be given back.
//!
//! Charges are told apart by the instants that callers know them by, which are those of their own
//! clock; windows may follow another clock, and that one may be set. So what separates the charges of
//! one window from those of the one before is an instant of the callers' clock as well.

use serde::{Deserialize, Serialize};
use tidegate_units::Instant;

/// What was used in the latest window that anything was recorded in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stated")]
pub struct WindowState {
    /// Of the window that the rest is about.
    pub(super) number: u64,
    /// More than the amount when there is debt.
    pub(super) used: u64,
    /// The part of `used` that counts in the next window as well.
    pub(super) ahead: u64,
    /// The latest instant seen, by the windows' own clock.
    pub(super) seen: Instant,
    /// The latest charge, by the callers' clock, as all below.
    last: Option<Instant>,
    /// The latest charge of an earlier window.
    before: Option<Instant>,
    /// The latest charge that does not count in the next window.
    unguarded: Option<Instant>,
}

/// A state as it was written, by whomever.
#[derive(Deserialize)]
struct Stated {
    number: u64,
    used: u64,
    ahead: u64,
    seen: Instant,
    last: Option<Instant>,
    before: Option<Instant>,
    unguarded: Option<Instant>,
}

/// Why something is no state of a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWindowState {
    /// More counts in the next window than was used in this one.
    #[error("{ahead} ahead of {used} used: at most what was used counts in the next window too")]
    Ahead {
        /// What counts ahead.
        ahead: u64,
        /// What was used.
        used: u64,
    },
    /// The instants of charges are not in the order in which windows are.
    #[error("charges out of order: use `before` <= `unguarded` <= `last`")]
    Order,
}

impl WindowState {
    /// What the next window begins with: what counts there already, or what is owed if that is more.
    pub(super) fn carried(&self, amount: u64) -> u64 {
        self.used.saturating_sub(amount).max(self.ahead)
    }

    /// The state when so many boundaries have passed. Each window pays `amount` of what is owed.
    pub(super) fn after_boundaries(&self, boundaries: u64, amount: u64) -> Self {
        let Some(more) = boundaries.checked_sub(1) else {
            return self.clone();
        };
        let used = self.carried(amount).saturating_sub(amount.saturating_mul(more));
        let number = self.number.saturating_add(boundaries);
        Self { number, used, ahead: 0, before: self.last, unguarded: self.last, ..self.clone() }
    }

    /// Adds a charge to the present window and, if it is guarded, to the next.
    pub(super) fn add(&mut self, now: Instant, cost: u64, is_guarded: bool) {
        self.last = self.last.max(Some(now));
        self.used = self.used.saturating_add(cost);
        if is_guarded {
            self.ahead = self.ahead.saturating_add(cost);
        } else {
            self.unguarded = self.last;
        }
    }

    /// Gives back `amount` of the charge recorded at `recorded` or first thereafter, as far as it
    /// belongs to the present window. Answers how much that was.
    pub(super) fn take_back(&mut self, recorded: Instant, amount: u64) -> u64 {
        let recorded = Some(recorded);
        if recorded <= self.before || recorded > self.last {
            return 0;
        }
        let is_guarded = recorded > self.unguarded;
        let given = amount.min(if is_guarded { self.ahead } else { self.used - self.ahead });
        self.used -= given;
        if is_guarded {
            self.ahead -= given;
        }
        given
    }

    /// From here on no charge until `now` is given back.
    pub(super) fn forget_charges(&mut self, now: Instant) {
        self.last = self.last.max(Some(now));
        self.before = self.last;
        self.unguarded = self.last;
    }
}

impl TryFrom<Stated> for WindowState {
    type Error = InvalidWindowState;

    fn try_from(stated: Stated) -> Result<Self, InvalidWindowState> {
        let Stated { number, used, ahead, seen, last, before, unguarded } = stated;
        if ahead > used {
            return Err(InvalidWindowState::Ahead { ahead, used });
        }
        if before > unguarded || unguarded > last {
            return Err(InvalidWindowState::Order);
        }
        Ok(Self { number, used, ahead, seen, last, before, unguarded })
    }
}
