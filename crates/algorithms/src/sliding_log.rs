//! The sliding-window log: remembers every charge of one window, so that *any* window holds at most
//! the amount.
//!
//! A charge at `t` counts until just before `t + window`. Memory is bounded: charges of the same
//! instant share an entry, and when there are more than [`ENTRIES_MAX`] distinct instants in a
//! window, neighbours within `window / 2048` are merged *at the later* of their instants. That keeps a
//! charge a little longer, never shorter, so the limit holds exactly and only the last 0.05 % of the
//! rate can be lost.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::decoded::{LogRule, RuleError, StateError, check_entries};
use crate::{Algorithm, Carry, Decision};

/// The most entries that a log keeps: 64 KiB.
pub const ENTRIES_MAX: usize = 4_096;

/// Into how many parts a window is cut when neighbours are merged; half of [`ENTRIES_MAX`], so that
/// merging is paid for by as many entries as it frees.
const MERGE_PARTS: u64 = 2_048;

/// No window of this length, wherever it starts, holds more than `amount`: whole permits, 1 to the
/// largest `u64`, per 1 ns or longer. Nothing panics.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, SlidingLog};
/// use tidegate_units::{Instant, Span};
///
/// let second = Span::from_secs(1);
/// let log = SlidingLog::new(2, second);
/// let mut state = log.full();
/// let half = Instant::ZERO + Span::from_millis(500);
/// assert_eq!(log.take(&mut state, Instant::ZERO, 1), Decision::Admit);
/// assert_eq!(log.take(&mut state, half, 1), Decision::Admit);
/// assert_eq!(
///     log.take(&mut state, half, 1),
///     Decision::Later { retry_after: Span::from_millis(500) }
/// );
/// assert_eq!(log.take(&mut state, half, 3), Decision::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LogRule")]
pub struct SlidingLog {
    amount: u64,
    window: Span,
}

/// The charges of the last window, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Decoded")]
pub struct SlidingLogState {
    entries: VecDeque<Entry>,
    /// The sum over `entries`.
    recorded: u128,
    /// The latest instant at which anything was recorded. Entries that had expired by then are gone.
    seen: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    at: Instant,
    amount: u64,
}

/// A state as it was written.
#[derive(Deserialize)]
struct Decoded {
    entries: VecDeque<Entry>,
    recorded: u128,
    seen: Instant,
}

impl TryFrom<Decoded> for SlidingLogState {
    type Error = StateError;

    fn try_from(Decoded { entries, recorded, seen }: Decoded) -> Result<Self, StateError> {
        let plain = entries.iter().map(|entry| (entry.at, entry.amount));
        let sum = check_entries(plain, ENTRIES_MAX)?;
        if sum != recorded {
            return Err(StateError::Sum { recorded, sum });
        }
        if entries.back().is_some_and(|newest| newest.at > seen) {
            return Err(StateError::EntriesAhead);
        }
        Ok(Self { entries, recorded, seen })
    }
}

impl SlidingLog {
    /// At most `amount` in any `window`. Zeros are taken as 1.
    pub fn new(amount: u64, window: Span) -> Self {
        Self { amount: amount.max(1), window: window.max(Span::from_nanos(1)) }
    }

    /// When an entry stops to count, as far as the clock goes.
    fn expiry(&self, entry: &Entry) -> Instant {
        entry.at + self.window
    }

    /// Asked of the time that has passed, because an expiry beyond the end of the clock never comes.
    fn is_expired(&self, entry: &Entry, now: Instant) -> bool {
        now.since(entry.at) >= self.window
    }

    /// What counts at `now`: everything recorded less what has expired and was not dropped yet.
    fn used(&self, state: &SlidingLogState, now: Instant) -> u128 {
        let expired = state.entries.iter().take_while(|entry| self.is_expired(entry, now));
        state.recorded.saturating_sub(expired.map(|entry| u128::from(entry.amount)).sum())
    }

    /// When, counting from `now`, at least `units` of what counts now will have expired.
    fn expired_at(&self, state: &SlidingLogState, now: Instant, units: u128) -> Instant {
        let mut freed = 0;
        for entry in state.entries.iter().skip_while(|entry| self.is_expired(entry, now)) {
            freed += u128::from(entry.amount);
            if freed >= units {
                return self.expiry(entry);
            }
        }
        now
    }

    fn drop_expired(&self, state: &mut SlidingLogState, now: Instant) {
        while let Some(oldest) = state.entries.front().filter(|entry| self.is_expired(entry, now)) {
            state.recorded = state.recorded.saturating_sub(u128::from(oldest.amount));
            state.entries.pop_front();
        }
    }

    /// Merges neighbours at the later of their instants.
    fn merge(&self, state: &mut SlidingLogState) {
        let quantum = self.window.div(MERGE_PARTS).max(Span::from_nanos(1));
        let mut merged: VecDeque<Entry> = VecDeque::with_capacity(ENTRIES_MAX);
        // The first instant of the run that is being merged; the run stays within one quantum of it.
        let mut run_start = Instant::ZERO;
        for entry in state.entries.drain(..) {
            match merged.back_mut().filter(|_| entry.at.since(run_start) < quantum) {
                Some(last) => {
                    last.at = entry.at;
                    last.amount = last.amount.saturating_add(entry.amount);
                }
                None => {
                    run_start = entry.at;
                    merged.push_back(entry);
                }
            }
        }
        state.recorded = merged.iter().map(|entry| u128::from(entry.amount)).sum();
        state.entries = merged;
    }
}

impl TryFrom<LogRule> for SlidingLog {
    type Error = RuleError;

    fn try_from(decoded: LogRule) -> Result<Self, RuleError> {
        let (amount, window) = decoded.checked()?;
        Ok(Self { amount, window })
    }
}

impl Algorithm for SlidingLog {
    type State = SlidingLogState;

    fn capacity(&self) -> u64 {
        self.amount
    }

    fn full(&self) -> SlidingLogState {
        SlidingLogState::default()
    }

    fn empty(&self, now: Instant) -> SlidingLogState {
        let mut state = self.full();
        self.record(&mut state, now, self.amount);
        state
    }

    fn decide(&self, state: &SlidingLogState, now: Instant, cost: u64) -> Decision {
        if cost > self.amount {
            return Decision::Never;
        }
        match (self.used(state, now) + u128::from(cost)).saturating_sub(u128::from(self.amount)) {
            0 => Decision::Admit,
            short => Decision::later(now, self.expired_at(state, now, short)),
        }
    }

    fn available(&self, state: &SlidingLogState, now: Instant) -> u64 {
        let level = u128::from(self.amount).saturating_sub(self.used(state, now));
        u64::try_from(level).unwrap_or(u64::MAX)
    }

    fn debt(&self, state: &SlidingLogState, now: Instant) -> u64 {
        let owed = self.used(state, now).saturating_sub(u128::from(self.amount));
        u64::try_from(owed).unwrap_or(u64::MAX)
    }

    fn record(&self, state: &mut SlidingLogState, now: Instant, cost: u64) {
        if cost == 0 {
            return;
        }
        self.drop_expired(state, now);
        // A clock that stepped back records at the latest instant seen: late, never early.
        state.seen = state.seen.max(now);
        let at = state.seen;
        match state.entries.back_mut().filter(|newest| newest.at == at) {
            Some(newest) => {
                let sum = newest.amount.saturating_add(cost);
                state.recorded += u128::from(sum - newest.amount);
                newest.amount = sum;
            }
            None => {
                state.recorded += u128::from(cost);
                state.entries.push_back(Entry { at, amount: cost });
            }
        }
        if state.entries.len() > ENTRIES_MAX {
            self.merge(state);
        }
    }

    /// Takes from the first entry at or after `recorded`, while that is certain to be no younger than
    /// the charge's own. Where it is older, what remains counts as later than it was: too long, never
    /// too short.
    fn refund(
        &self,
        state: &mut SlidingLogState,
        now: Instant,
        recorded: Instant,
        amount: u64,
    ) -> u64 {
        // On a clock that is behind, the charge may have been dropped long ago.
        if state.seen.max(now).since(recorded) >= self.window {
            return 0;
        }
        let index = state.entries.partition_point(|entry| entry.at < recorded);
        let Some(entry) = state.entries.get_mut(index) else {
            return 0;
        };
        let given = amount.min(entry.amount);
        entry.amount -= given;
        state.recorded = state.recorded.saturating_sub(u128::from(given));
        if entry.amount == 0 {
            state.entries.remove(index);
        }
        given
    }

    fn reset_at(&self, state: &SlidingLogState, now: Instant) -> Instant {
        state.entries.back().map_or(now, |newest| self.expiry(newest).max(now))
    }

    /// After the first `total mod amount`, every further `amount` takes a whole window from where they
    /// are counted, which is not before the latest instant seen.
    fn earliest(&self, state: &SlidingLogState, now: Instant, total: u64) -> Instant {
        if total == 0 {
            return now;
        }
        let windows = (total - 1) / self.amount;
        let first = total - windows * self.amount;
        let first = match self.decide(state, now, first) {
            Decision::Later { retry_after } => now + retry_after,
            Decision::Admit | Decision::Never => now,
        };
        match windows {
            0 => first,
            windows => state.seen.max(first) + self.window * windows,
        }
    }

    /// The amount at the start of the span, and again whenever a window has passed within it.
    fn worst_case(&self, span: Span) -> u64 {
        self.amount.saturating_mul(span.as_nanos().div_ceil(self.window.as_nanos()))
    }

    /// The history is kept, so that no window of the new length holds more than the new amount, as
    /// far back as the old window reached. Where less is to be available than that, the difference
    /// counts as spent now; where more, the history prevails.
    fn reconfigured(
        &self,
        state: &SlidingLogState,
        now: Instant,
        to: &Self,
        carry: Carry,
    ) -> SlidingLogState {
        if carry == Carry::Reset {
            return to.full();
        }
        let missing = carry.missing(self.balance(state, now), to.amount);
        let mut after = state.clone();
        self.drop_expired(&mut after, now);
        to.drop_expired(&mut after, now);
        let used = u64::try_from(after.recorded).unwrap_or(u64::MAX);
        to.record(&mut after, now, missing.saturating_sub(used));
        after
    }
}
