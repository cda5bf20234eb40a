//! The sliding-window counter: one count per segment of a window, in memory that does not grow with
//! traffic.
//!
//! It is a [`SlidingLog`](crate::SlidingLog) that writes every charge down at the last instant of its
//! segment; segments are counted from the origin of the clock. From that follows, exactly:
//!
//! - Never over: a charge counts at least as long as in the log, so no window of this length, wherever
//!   it starts, holds more than `amount`.
//! - Never much longer: a charge at `t` counts until some instant before `t + window + segment`.
//! - Never much less: whoever takes all there is gets at least `amount` in every `window + segment`,
//!   less a nanosecond, which is at least `segments / (segments + 1)` of what the log gives.
//!
//! The usual variant keeps two counts and weighs that of the previous window by how much of it the
//! sliding window still overlaps (Cloudflare, "How we built rate limiting capable of scaling to
//! millions of domains", 2017). It takes the previous window's charges to be spread evenly. Where
//! they were made at its end, it forgets them while they still count, and lets nearly `2 * amount`
//! through within one window. A service that counts exactly would refuse; so this counter errs the
//! other way.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::decoded::{CounterRule, RuleError, StateError, check_entries};
use crate::{Algorithm, Carry, Decision};

/// The most segments that a window is cut into: the price of a segment is then 1.5 % of the rate, and
/// more would cost more memory than they win.
pub const SEGMENTS_MAX: u64 = 64;

/// The most entries of a state: a window touches one segment more than it is long.
const ENTRIES_MAX: usize = 65;

/// No window of this length, wherever it starts, holds more than `amount`; counted in segments.
///
/// The amount is whole permits, 1 to the largest `u64`, per 1 ns or longer, in 1 to [`SEGMENTS_MAX`]
/// segments. Nothing panics.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, SlidingCounter};
/// use tidegate_units::{Instant, Span};
///
/// // Ten segments of 100 ms.
/// let counter = SlidingCounter::new(2, Span::from_secs(1), 10);
/// let mut state = counter.full();
/// let now = Instant::ZERO + Span::from_millis(30);
/// assert_eq!(counter.take(&mut state, now, 2), Decision::Admit);
/// // A log would say 1 s; here the charges count from the end of their segment, 70 ms later.
/// let retry_after = Span::from_nanos(1_069_999_999);
/// assert_eq!(counter.take(&mut state, now, 1), Decision::Later { retry_after });
/// assert_eq!(counter.take(&mut state, now, 3), Decision::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CounterRule")]
pub struct SlidingCounter {
    amount: u64,
    window: Span,
    segments: u64,
}

/// What was charged in each segment that still counts, oldest first; segments without charges are
/// left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Decoded")]
pub struct SlidingCounterState {
    entries: VecDeque<Entry>,
    /// The latest instant at which anything was charged.
    seen: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// The last instant of the segment.
    at: Instant,
    amount: u64,
}

/// A state as it was written.
#[derive(Deserialize)]
struct Decoded {
    entries: VecDeque<Entry>,
    seen: Instant,
}

impl TryFrom<Decoded> for SlidingCounterState {
    type Error = StateError;

    fn try_from(Decoded { entries, seen }: Decoded) -> Result<Self, StateError> {
        check_entries(entries.iter().map(|entry| (entry.at, entry.amount)), ENTRIES_MAX)?;
        Ok(Self { entries, seen })
    }
}

impl SlidingCounter {
    /// At most `amount` in any `window`, which is cut into `segments`: 1 to [`SEGMENTS_MAX`], other
    /// numbers are taken as the nearer end. Other zeros are taken as 1.
    pub fn new(amount: u64, window: Span, segments: u64) -> Self {
        let window = window.max(Span::from_nanos(1));
        Self { amount: amount.max(1), window, segments: segments.clamp(1, SEGMENTS_MAX) }
    }

    /// The length of a segment: the window's share, rounded up to whole nanoseconds.
    pub fn segment(&self) -> Span {
        Span::from_nanos(self.window.as_nanos().div_ceil(self.segments))
    }

    /// The last instant of the segment that holds `now`.
    fn segment_end(&self, now: Instant) -> Instant {
        let length = self.segment().as_nanos();
        now + Span::from_nanos(length - 1 - now.as_nanos() % length)
    }

    /// Where a charge at `now` is counted. A clock that stepped back counts in the newest segment seen:
    /// late, never early.
    fn counted_at(&self, state: &SlidingCounterState, now: Instant) -> Instant {
        self.segment_end(state.seen.max(now))
    }

    fn is_expired(&self, entry: &Entry, now: Instant) -> bool {
        now.since(entry.at) >= self.window
    }

    /// The entries that count at `now`, oldest first.
    fn counting<'a>(
        &'a self,
        state: &'a SlidingCounterState,
        now: Instant,
    ) -> impl Iterator<Item = &'a Entry> {
        state.entries.iter().skip_while(move |entry| self.is_expired(entry, now))
    }

    /// What counts at `now`.
    fn used(&self, state: &SlidingCounterState, now: Instant) -> u128 {
        self.counting(state, now).map(|entry| u128::from(entry.amount)).sum()
    }

    /// When, counting from `now`, at least `units` of what counts now will have expired.
    fn expired_at(&self, state: &SlidingCounterState, now: Instant, units: u128) -> Instant {
        let mut freed = 0;
        for entry in self.counting(state, now) {
            freed += u128::from(entry.amount);
            if freed >= units {
                return entry.at + self.window;
            }
        }
        now
    }

    fn drop_expired(&self, state: &mut SlidingCounterState, now: Instant) {
        while state.entries.front().is_some_and(|oldest| self.is_expired(oldest, now)) {
            state.entries.pop_front();
        }
    }

    /// How long it takes from one charge of the whole amount until the same segment ends one window
    /// later: the window, rounded up to whole segments.
    fn cycle(&self) -> Span {
        self.segment() * self.window.as_nanos().div_ceil(self.segment().as_nanos())
    }
}

impl SlidingCounterState {
    /// Adds to the newest entry or, if `at` is later, appends one. Beyond `ENTRIES_MAX`, which no
    /// state comes to whose entries are all ends of one rule's segments, the two oldest become one.
    fn add(&mut self, at: Instant, amount: u64) {
        match self.entries.back_mut().filter(|newest| newest.at >= at) {
            Some(newest) => newest.amount = newest.amount.saturating_add(amount),
            None => self.entries.push_back(Entry { at, amount }),
        }
        if self.entries.len() > ENTRIES_MAX
            && let Some(oldest) = self.entries.pop_front()
            && let Some(next) = self.entries.front_mut()
        {
            next.amount = next.amount.saturating_add(oldest.amount);
        }
    }
}

impl TryFrom<CounterRule> for SlidingCounter {
    type Error = RuleError;

    fn try_from(decoded: CounterRule) -> Result<Self, RuleError> {
        let (amount, window, segments) = decoded.checked()?;
        Ok(Self { amount, window, segments })
    }
}

impl Algorithm for SlidingCounter {
    type State = SlidingCounterState;

    fn capacity(&self) -> u64 {
        self.amount
    }

    fn full(&self) -> SlidingCounterState {
        SlidingCounterState::default()
    }

    fn empty(&self, now: Instant) -> SlidingCounterState {
        self.starting_from(now, self.amount)
    }

    fn decide(&self, state: &SlidingCounterState, now: Instant, cost: u64) -> Decision {
        if cost > self.amount {
            return Decision::Never;
        }
        match (self.used(state, now) + u128::from(cost)).saturating_sub(u128::from(self.amount)) {
            0 => Decision::Admit,
            short => Decision::later(now, self.expired_at(state, now, short)),
        }
    }

    fn available(&self, state: &SlidingCounterState, now: Instant) -> u64 {
        let level = u128::from(self.amount).saturating_sub(self.used(state, now));
        u64::try_from(level).unwrap_or(u64::MAX)
    }

    fn debt(&self, state: &SlidingCounterState, now: Instant) -> u64 {
        let owed = self.used(state, now).saturating_sub(u128::from(self.amount));
        u64::try_from(owed).unwrap_or(u64::MAX)
    }

    fn record(&self, state: &mut SlidingCounterState, now: Instant, cost: u64) {
        if cost == 0 {
            return;
        }
        self.drop_expired(state, now);
        state.add(self.counted_at(state, now), cost);
        state.seen = state.seen.max(now);
    }

    /// Takes from the segment of `recorded` or, if nothing was recorded there, from the first after
    /// it, and from no other. Where the charge itself stands in a later one, what remains of it counts
    /// for too long, never too short.
    fn refund(
        &self,
        state: &mut SlidingCounterState,
        now: Instant,
        recorded: Instant,
        amount: u64,
    ) -> u64 {
        // On a clock that is behind, the charge may have been dropped long ago.
        if state.seen.max(now).since(self.segment_end(recorded)) >= self.window {
            return 0;
        }
        let index = state.entries.partition_point(|entry| entry.at < recorded);
        let Some(entry) = state.entries.get_mut(index) else {
            return 0;
        };
        let given = amount.min(entry.amount);
        entry.amount -= given;
        if entry.amount == 0 {
            state.entries.remove(index);
        }
        given
    }

    fn reset_at(&self, state: &SlidingCounterState, now: Instant) -> Instant {
        state.entries.back().map_or(now, |newest| (newest.at + self.window).max(now))
    }

    /// The first `total mod amount` pass when there is room for them. Each of them then makes room for
    /// one more when it expires, and so on: once per window, rounded up to whole segments.
    fn earliest(&self, state: &SlidingCounterState, now: Instant, total: u64) -> Instant {
        if total == 0 {
            return now;
        }
        let rounds = (total - 1) / self.amount;
        let first = match self.decide(state, now, total - rounds * self.amount) {
            Decision::Later { retry_after } => now + retry_after,
            Decision::Admit | Decision::Never => now,
        };
        match rounds.checked_sub(1) {
            None => first,
            Some(more) => self.counted_at(state, first) + self.window + self.cycle() * more,
        }
    }

    /// The amount, again when its segment is one window past, and from then on once per window,
    /// rounded up to whole segments. A caller who starts at the last instant of a segment reaches it.
    fn worst_case(&self, span: Span) -> u64 {
        let beyond = (span - self.window).as_nanos().div_ceil(self.cycle().as_nanos());
        if span.is_zero() {
            return 0;
        }
        self.amount.saturating_mul(beyond.saturating_add(1))
    }

    /// The history is kept where the segments are as long as before. Where they are not, what of it
    /// the new window still holds counts as spent now. In both cases no window of the new length
    /// holds more than the new amount, as far back as the old window reached. Where less is to be
    /// available than that, the difference counts as spent now; where more, the history prevails.
    fn reconfigured(
        &self,
        state: &SlidingCounterState,
        now: Instant,
        to: &Self,
        carry: Carry,
    ) -> SlidingCounterState {
        if carry == Carry::Reset {
            return to.full();
        }
        let missing = carry.missing(self.balance(state, now), to.amount);
        let mut after = state.clone();
        self.drop_expired(&mut after, now);
        to.drop_expired(&mut after, now);
        let used = u64::try_from(to.used(&after, now)).unwrap_or(u64::MAX);
        if self.segment() != to.segment() {
            return to.starting_from(state.seen.max(now), missing.max(used));
        }
        to.record(&mut after, now, missing.saturating_sub(used));
        after
    }
}
