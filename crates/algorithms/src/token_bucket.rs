//! The token bucket: permits drip in at a steady rate, and a full bucket spills.
//!
//! Turner, J., "New directions in communications (or which way to the information age?)", IEEE
//! Communications Magazine 24(10), 1986. The level is kept exactly: one permit is `window`
//! nanoseconds of units and every nanosecond adds `amount` units, so that no remainder is ever lost.

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::carry::{bucket_missing, most_of_a_bucket};
use crate::decoded::{BucketRule, RuleError, StateError};
use crate::lows::Lows;
use crate::{Algorithm, Carry, Decision};

/// A bucket that holds `capacity` and refills `amount` per `window`.
///
/// Within one window it lets through up to `capacity + amount - 1`: all that it holds, and what drips
/// in until just before the window ends.
///
/// Amount and capacity are whole permits, 1 to the largest `u64`; the window is 1 ns or longer. Nothing
/// panics.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, TokenBucket};
/// use tidegate_units::{Instant, Span};
///
/// let bucket = TokenBucket::new(10, Span::from_secs(1), 3);
/// let mut state = bucket.full();
/// let now = Instant::ZERO;
/// assert_eq!(bucket.take(&mut state, now, 3), Decision::Admit);
/// assert_eq!(
///     bucket.take(&mut state, now, 1),
///     Decision::Later { retry_after: Span::from_millis(100) }
/// );
/// assert_eq!(bucket.take(&mut state, now, 4), Decision::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BucketRule")]
pub struct TokenBucket {
    amount: u64,
    window: Span,
    capacity: u64,
}

/// How full a bucket was when it was last touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Decoded")]
pub struct TokenBucketState {
    /// Units missing from a full bucket at `at`; more than a bucketful when there is debt.
    missing: u128,
    /// When `missing` was right.
    at: Instant,
    /// How little was missing just before each charge: what a refund may give back at most.
    lows: Lows,
}

/// A state as it was written.
#[derive(Deserialize)]
struct Decoded {
    missing: u128,
    at: Instant,
    lows: Lows,
}

impl TryFrom<Decoded> for TokenBucketState {
    type Error = StateError;

    fn try_from(Decoded { missing, at, lows }: Decoded) -> Result<Self, StateError> {
        if lows.newest().is_some_and(|newest| newest > at) {
            return Err(StateError::LowsAhead);
        }
        Ok(Self { missing, at, lows })
    }
}

impl TokenBucket {
    /// A bucket of `capacity` that refills `amount` per `window`. Zeros are taken as 1.
    pub fn new(amount: u64, window: Span, capacity: u64) -> Self {
        let window = window.max(Span::from_nanos(1));
        Self { amount: amount.max(1), window, capacity: capacity.max(1) }
    }

    /// Units of `permits` permits.
    fn units(&self, permits: u64) -> u128 {
        u128::from(permits) * u128::from(self.window.as_nanos())
    }

    /// Units missing at `now`.
    fn missing(&self, state: &TokenBucketState, now: Instant) -> u128 {
        let elapsed = u128::from(now.since(state.at).as_nanos());
        state.missing.saturating_sub(elapsed * u128::from(self.amount))
    }

    /// The time in which `units` drip in, rounded up.
    fn time_for(&self, units: u128) -> Span {
        let nanos = units.div_ceil(u128::from(self.amount));
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Units by which `cost` does not fit at `now`.
    fn short_by(&self, state: &TokenBucketState, now: Instant, cost: u64) -> u128 {
        let wanted = self.missing(state, now).saturating_add(self.units(cost));
        wanted.saturating_sub(self.units(self.capacity))
    }

    /// From `now`, but not before the state's own instant: until then nothing drips in.
    fn after(state: &TokenBucketState, now: Instant, wait: Span) -> Instant {
        state.at.max(now) + wait
    }
}

impl TryFrom<BucketRule> for TokenBucket {
    type Error = RuleError;

    fn try_from(decoded: BucketRule) -> Result<Self, RuleError> {
        let (amount, window, capacity) = decoded.checked()?;
        Ok(Self { amount, window, capacity })
    }
}

impl Algorithm for TokenBucket {
    type State = TokenBucketState;

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn full(&self) -> TokenBucketState {
        TokenBucketState { missing: 0, at: Instant::ZERO, lows: Lows::default() }
    }

    fn empty(&self, now: Instant) -> TokenBucketState {
        TokenBucketState { missing: self.units(self.capacity), at: now, lows: Lows::default() }
    }

    fn decide(&self, state: &TokenBucketState, now: Instant, cost: u64) -> Decision {
        if cost > self.capacity {
            return Decision::Never;
        }
        match self.short_by(state, now, cost) {
            0 => Decision::Admit,
            short => Decision::later(now, Self::after(state, now, self.time_for(short))),
        }
    }

    fn available(&self, state: &TokenBucketState, now: Instant) -> u64 {
        let level = self.units(self.capacity).saturating_sub(self.missing(state, now));
        u64::try_from(level / u128::from(self.window.as_nanos())).unwrap_or(u64::MAX)
    }

    fn debt(&self, state: &TokenBucketState, now: Instant) -> u64 {
        let owed = self.missing(state, now).saturating_sub(self.units(self.capacity));
        u64::try_from(owed.div_ceil(u128::from(self.window.as_nanos()))).unwrap_or(u64::MAX)
    }

    fn record(&self, state: &mut TokenBucketState, now: Instant, cost: u64) {
        if cost == 0 {
            return;
        }
        let missing = self.missing(state, now);
        state.at = state.at.max(now);
        state.lows.note(state.at, missing);
        state.missing = missing.saturating_add(self.units(cost));
    }

    /// Had the charge never been made, the bucket would have been full whenever less than the charge
    /// was missing, and spilled the difference. So what can be given back is at most the least that
    /// was missing since.
    fn refund(
        &self,
        state: &mut TokenBucketState,
        now: Instant,
        recorded: Instant,
        amount: u64,
    ) -> u64 {
        let missing = self.missing(state, now);
        let least = state.lows.after(recorded).map_or(missing, |low| low.min(missing));
        let given = self.units(amount).min(least);
        // The instant stays: what dripped in since is not recorded before it is certain that it did.
        state.missing -= given;
        state.lows.lower(recorded, given);
        u64::try_from(given / u128::from(self.window.as_nanos())).unwrap_or(u64::MAX)
    }

    fn reset_at(&self, state: &TokenBucketState, now: Instant) -> Instant {
        match self.missing(state, now) {
            0 => now,
            missing => Self::after(state, now, self.time_for(missing)),
        }
    }

    fn earliest(&self, state: &TokenBucketState, now: Instant, total: u64) -> Instant {
        match self.short_by(state, now, total) {
            0 => now,
            short => Self::after(state, now, self.time_for(short)),
        }
    }

    /// What it holds, and what drips in until the last instant.
    fn worst_case(&self, span: Span) -> u64 {
        most_of_a_bucket(self.amount, self.window, self.capacity, span)
    }

    /// To a fraction of a permit, rounded so that less is available.
    fn reconfigured(
        &self,
        state: &TokenBucketState,
        now: Instant,
        to: &Self,
        carry: Carry,
    ) -> TokenBucketState {
        let here = (self.window, self.capacity);
        let there = (to.window, to.capacity);
        let missing = bucket_missing(carry, self.missing(state, now), here, there);
        let mut after = TokenBucketState { missing, at: state.at.max(now), lows: Lows::default() };
        // From here on nothing of an earlier charge is left to be given back.
        after.lows.note(after.at, 0);
        after
    }
}
