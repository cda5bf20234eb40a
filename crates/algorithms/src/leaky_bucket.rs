//! The leaky bucket as a meter: charges pour in, and the bucket drains at a steady rate.
//!
//! ITU-T Recommendation I.371, annex A (continuous-state leaky bucket); Turner, J., "New directions in
//! communications (or which way to the information age?)", IEEE Communications Magazine 24(10), 1986.
//! It is the token bucket seen from the other side: the level here is what is missing there. It is
//! not the leaky bucket as a queue, which holds calls back until they may pass; this one only says
//! when they may. One permit is `window` units and every nanosecond drains `amount` units, so that no
//! remainder is ever lost.

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::carry::{bucket_missing, most_of_a_bucket};
use crate::decoded::{BucketRule, RuleError};
use crate::{Algorithm, Carry, Decision};

/// A bucket that drains `amount` per `window` and overflows beyond `capacity`: the same decisions as
/// [`TokenBucket`](crate::TokenBucket), from a level and an instant.
///
/// Amount and capacity are whole permits, 1 to the largest `u64`; the window is 1 ns or longer. Nothing
/// panics.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, LeakyBucket};
/// use tidegate_units::{Instant, Span};
///
/// let bucket = LeakyBucket::new(10, Span::from_secs(1), 3);
/// let mut state = bucket.full();
/// let now = Instant::ZERO;
/// assert_eq!(bucket.take(&mut state, now, 3), Decision::Admit);
/// // The bucket would overflow: one permit drains in a tenth of a second.
/// let retry_after = Span::from_millis(100);
/// assert_eq!(bucket.take(&mut state, now, 1), Decision::Later { retry_after });
/// assert_eq!(bucket.take(&mut state, now, 4), Decision::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BucketRule")]
pub struct LeakyBucket {
    amount: u64,
    window: Span,
    capacity: u64,
}

/// How much was in a bucket when it was last touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakyBucketState {
    /// Units in the bucket at `at`; more than its capacity when there is debt.
    level: u128,
    /// When `level` was right.
    at: Instant,
}

impl LeakyBucket {
    /// A bucket of `capacity` that drains `amount` per `window`. Zeros are taken as 1.
    pub fn new(amount: u64, window: Span, capacity: u64) -> Self {
        let window = window.max(Span::from_nanos(1));
        Self { amount: amount.max(1), window, capacity: capacity.max(1) }
    }

    /// Units of `permits` permits.
    fn units(&self, permits: u64) -> u128 {
        u128::from(permits) * u128::from(self.window.as_nanos())
    }

    /// Units that drain within `span`.
    fn drained(&self, span: Span) -> u128 {
        u128::from(span.as_nanos()) * u128::from(self.amount)
    }

    /// Units in the bucket at `now`.
    fn level(&self, state: &LeakyBucketState, now: Instant) -> u128 {
        state.level.saturating_sub(self.drained(now.since(state.at)))
    }

    /// Units that would overflow if `cost` were poured in at `now`.
    fn overflow(&self, state: &LeakyBucketState, now: Instant, cost: u64) -> u128 {
        let poured = self.level(state, now).saturating_add(self.units(cost));
        poured.saturating_sub(self.units(self.capacity))
    }

    /// When `units` of what is in the bucket at `now` will have drained. Nothing drains before the
    /// state's own instant.
    fn drained_at(&self, state: &LeakyBucketState, now: Instant, units: u128) -> Instant {
        let nanos = units.div_ceil(u128::from(self.amount));
        state.at.max(now) + Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Whole permits in `units`.
    fn permits(&self, units: u128) -> u64 {
        u64::try_from(units / u128::from(self.window.as_nanos())).unwrap_or(u64::MAX)
    }
}

impl TryFrom<BucketRule> for LeakyBucket {
    type Error = RuleError;

    fn try_from(decoded: BucketRule) -> Result<Self, RuleError> {
        let (amount, window, capacity) = decoded.checked()?;
        Ok(Self { amount, window, capacity })
    }
}

impl Algorithm for LeakyBucket {
    type State = LeakyBucketState;

    fn capacity(&self) -> u64 {
        self.capacity
    }

    /// All permits are there: nothing is in the bucket.
    fn full(&self) -> LeakyBucketState {
        LeakyBucketState { level: 0, at: Instant::ZERO }
    }

    /// No permit is there: the bucket is filled to the brim.
    fn empty(&self, now: Instant) -> LeakyBucketState {
        LeakyBucketState { level: self.units(self.capacity), at: now }
    }

    fn decide(&self, state: &LeakyBucketState, now: Instant, cost: u64) -> Decision {
        if cost > self.capacity {
            return Decision::Never;
        }
        match self.overflow(state, now, cost) {
            0 => Decision::Admit,
            units => Decision::later(now, self.drained_at(state, now, units)),
        }
    }

    fn available(&self, state: &LeakyBucketState, now: Instant) -> u64 {
        self.permits(self.units(self.capacity).saturating_sub(self.level(state, now)))
    }

    fn debt(&self, state: &LeakyBucketState, now: Instant) -> u64 {
        let owed = self.level(state, now).saturating_sub(self.units(self.capacity));
        u64::try_from(owed.div_ceil(u128::from(self.window.as_nanos()))).unwrap_or(u64::MAX)
    }

    fn record(&self, state: &mut LeakyBucketState, now: Instant, cost: u64) {
        if cost == 0 {
            return;
        }
        state.level = self.level(state, now).saturating_add(self.units(cost));
        state.at = state.at.max(now);
    }

    /// The level does not tell whose permits have drained since the charge, so all that could have is
    /// taken to have come back already: less than a [`TokenBucket`](crate::TokenBucket) gives, never
    /// more.
    fn refund(
        &self,
        state: &mut LeakyBucketState,
        now: Instant,
        recorded: Instant,
        amount: u64,
    ) -> u64 {
        let drained = self.drained(state.at.max(now).since(recorded));
        let kept = self.units(amount).saturating_sub(drained);
        let given = kept.min(self.level(state, now));
        // The instant stays: what drained since is not recorded before it is certain that it did.
        state.level -= given;
        self.permits(given)
    }

    fn reset_at(&self, state: &LeakyBucketState, now: Instant) -> Instant {
        match self.level(state, now) {
            0 => now,
            level => self.drained_at(state, now, level),
        }
    }

    fn earliest(&self, state: &LeakyBucketState, now: Instant, total: u64) -> Instant {
        match self.overflow(state, now, total) {
            0 => now,
            units => self.drained_at(state, now, units),
        }
    }

    /// What fits into it at once, and what drains until the last instant.
    fn worst_case(&self, span: Span) -> u64 {
        most_of_a_bucket(self.amount, self.window, self.capacity, span)
    }

    /// To a fraction of a permit, rounded so that less is available. The level does not tell charges
    /// from before the change apart: they must not be given back.
    fn reconfigured(
        &self,
        state: &LeakyBucketState,
        now: Instant,
        to: &Self,
        carry: Carry,
    ) -> LeakyBucketState {
        let here = (self.window, self.capacity);
        let there = (to.window, to.capacity);
        let level = bucket_missing(carry, self.level(state, now), here, there);
        LeakyBucketState { level, at: state.at.max(now) }
    }
}
