//! GCRA, the generic cell rate algorithm: a token bucket that remembers a single instant.
//!
//! ITU-T Recommendation I.371, annex A (virtual scheduling). All the past of a bucket fits into the
//! moment at which it will be full again: taking `n` permits moves that moment `n` intervals later,
//! and a take conforms as long as the moment stays within the time that an empty bucket needs to
//! fill. That moment is kept in units of `1 / amount` of a nanosecond, so that an interval which is no
//! whole number of nanoseconds loses nothing.

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

use crate::carry::{bucket_missing, most_of_a_bucket};
use crate::decoded::{BucketRule, RuleError};
use crate::{Algorithm, Carry, Decision};

/// Admits `amount` per `window` in the long run and `capacity` at once: the same decisions as
/// [`TokenBucket`](crate::TokenBucket), from one number.
///
/// Amount and capacity are whole permits, 1 to the largest `u64`; the window is 1 ns or longer. Nothing
/// panics.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Decision, Gcra};
/// use tidegate_units::{Instant, Span};
///
/// let gcra = Gcra::new(3, Span::from_secs(1), 1);
/// let mut state = gcra.full();
/// assert_eq!(gcra.take(&mut state, Instant::ZERO, 1), Decision::Admit);
/// // A third of a second, rounded up to whole nanoseconds.
/// let retry_after = Span::from_nanos(333_333_334);
/// assert_eq!(gcra.take(&mut state, Instant::ZERO, 1), Decision::Later { retry_after });
/// assert_eq!(gcra.take(&mut state, Instant::ZERO, 2), Decision::Never);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BucketRule")]
pub struct Gcra {
    amount: u64,
    window: Span,
    capacity: u64,
}

/// When the bucket will be full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcraState {
    /// In units of `1 / amount` ns.
    pub(crate) full_at: u128,
}

impl Gcra {
    /// The smallest part of a nanosecond that [`Gcra::in_small_numbers`] counts in is one of so many.
    pub const TICKS_PER_NANO_MAX: u64 = 16;

    /// `amount` per `window` in the long run, `capacity` at once. Zeros are taken as 1.
    pub fn new(amount: u64, window: Span, capacity: u64) -> Self {
        let window = window.max(Span::from_nanos(1));
        Self { amount: amount.max(1), window, capacity: capacity.max(1) }
    }

    /// The same rule in the smallest numbers, for states of one word: a permit is a whole number of
    /// `1 / d` ns with `d` of at most [`Gcra::TICKS_PER_NANO_MAX`].
    ///
    /// Where there is no such `d`, a permit is taken to be longer, by less than the smallest such part
    /// of a nanosecond: the rate is a little lower, never higher.
    ///
    /// ```
    /// use tidegate_algorithms::Gcra;
    /// use tidegate_units::Span;
    ///
    /// // A third of a second is a whole number of thirds of nanoseconds,
    /// let minute = Span::from_secs(60);
    /// assert_eq!(Gcra::new(180, minute, 5).in_small_numbers(), Gcra::new(3, Span::from_secs(1), 5));
    /// // and 60 s / 17 no whole number of sixteenths: 3 529 411 764.706 ns become 764.75.
    /// let rounded = Gcra::new(4, Span::from_nanos(14_117_647_059), 5);
    /// assert_eq!(Gcra::new(17, minute, 5).in_small_numbers(), rounded);
    /// ```
    pub fn in_small_numbers(self) -> Self {
        let divisor = greatest_common_divisor(self.amount, self.window.as_nanos());
        let (amount, window) = (self.amount / divisor, self.window.as_nanos() / divisor);
        if amount <= Self::TICKS_PER_NANO_MAX {
            return Self { amount, window: Span::from_nanos(window), ..self };
        }
        let most = u128::from(Self::TICKS_PER_NANO_MAX);
        let permit = (most * u128::from(window)).div_ceil(u128::from(amount));
        // Smaller than the window, which is more than one permit here.
        let window = Span::from_nanos(u64::try_from(permit).unwrap_or(u64::MAX));
        Self { amount: Self::TICKS_PER_NANO_MAX, window, ..self }.in_small_numbers()
    }

    /// The same rate with a bucket of another size; zero is taken as 1.
    pub fn holding(self, capacity: u64) -> Self {
        Self { capacity: capacity.max(1), ..self }
    }

    /// How long an empty bucket takes to fill, rounded up.
    pub fn time_to_fill(&self) -> Span {
        self.instant(self.charge(self.capacity)).since(Instant::ZERO)
    }

    /// What one permit is, as the number of parts of a nanosecond and how many of those make one.
    pub(crate) fn permit_ticks(&self) -> (u64, u64) {
        (self.window.as_nanos(), self.amount)
    }

    /// An instant in units.
    fn at(&self, now: Instant) -> u128 {
        u128::from(now.as_nanos()) * u128::from(self.amount)
    }

    /// What `permits` permits move the moment by, in units.
    fn charge(&self, permits: u64) -> u128 {
        u128::from(permits) * u128::from(self.window.as_nanos())
    }

    /// The first instant at or after `units`.
    fn instant(&self, units: u128) -> Instant {
        let nanos = units.div_ceil(u128::from(self.amount));
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// From when on `total` conforms, in units; `None` where that is beyond what units can count, and so
    /// beyond the end of the clock.
    fn conforms_from(&self, state: &GcraState, now: Instant, total: u64) -> Option<u128> {
        let next = state.full_at.max(self.at(now)).checked_add(self.charge(total))?;
        Some(next.saturating_sub(self.charge(self.capacity)))
    }

    fn permits(&self, units: u128) -> u128 {
        units / u128::from(self.window.as_nanos())
    }
}

impl TryFrom<BucketRule> for Gcra {
    type Error = RuleError;

    fn try_from(decoded: BucketRule) -> Result<Self, RuleError> {
        let (amount, window, capacity) = decoded.checked()?;
        Ok(Self { amount, window, capacity })
    }
}

impl Algorithm for Gcra {
    type State = GcraState;

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn full(&self) -> GcraState {
        GcraState { full_at: 0 }
    }

    fn empty(&self, now: Instant) -> GcraState {
        GcraState { full_at: self.at(now).saturating_add(self.charge(self.capacity)) }
    }

    fn decide(&self, state: &GcraState, now: Instant, cost: u64) -> Decision {
        if cost > self.capacity {
            return Decision::Never;
        }
        // Compared in units: as instants, all that lies beyond the last one would be equal to it.
        match self.conforms_from(state, now, cost) {
            Some(from) if from <= self.at(now) => Decision::Admit,
            from => Decision::later(now, from.map_or(Instant::MAX, |from| self.instant(from))),
        }
    }

    fn available(&self, state: &GcraState, now: Instant) -> u64 {
        let latest = self.at(now).saturating_add(self.charge(self.capacity));
        let level = latest.saturating_sub(state.full_at.max(self.at(now)));
        u64::try_from(self.permits(level)).unwrap_or(u64::MAX)
    }

    fn debt(&self, state: &GcraState, now: Instant) -> u64 {
        let latest = self.at(now).saturating_add(self.charge(self.capacity));
        let owed = state.full_at.saturating_sub(latest);
        u64::try_from(owed.div_ceil(u128::from(self.window.as_nanos()))).unwrap_or(u64::MAX)
    }

    fn record(&self, state: &mut GcraState, now: Instant, cost: u64) {
        if cost == 0 {
            return;
        }
        state.full_at = state.full_at.max(self.at(now)).saturating_add(self.charge(cost));
    }

    /// One number does not tell what has dripped in since the charge, so all of it is taken to have
    /// come back already: less than a [`TokenBucket`](crate::TokenBucket) gives, never more.
    ///
    /// Nor does it tell how far the clock has been. On one that has stepped back since the charge, as
    /// much too much may be given back as drips in within the step; a
    /// [`LeakyBucket`](crate::LeakyBucket) knows, for one instant more.
    fn refund(&self, state: &mut GcraState, now: Instant, recorded: Instant, amount: u64) -> u64 {
        let refilled = self.at(now).saturating_sub(self.at(recorded));
        let used = state.full_at.saturating_sub(self.at(now));
        let given = self.charge(amount).saturating_sub(refilled).min(used);
        state.full_at -= given;
        u64::try_from(self.permits(given)).unwrap_or(u64::MAX)
    }

    fn reset_at(&self, state: &GcraState, now: Instant) -> Instant {
        self.instant(state.full_at).max(now)
    }

    fn earliest(&self, state: &GcraState, now: Instant, total: u64) -> Instant {
        let from = self.conforms_from(state, now, total);
        from.map_or(Instant::MAX, |from| self.instant(from)).max(now)
    }

    /// What a full bucket holds, and what drips in until the last instant.
    fn worst_case(&self, span: Span) -> u64 {
        most_of_a_bucket(self.amount, self.window, self.capacity, span)
    }

    /// To a fraction of a permit, rounded so that less is available. One number does not tell charges
    /// from before the change apart: they must not be given back.
    fn reconfigured(&self, state: &GcraState, now: Instant, to: &Self, carry: Carry) -> GcraState {
        let here = (self.window, self.capacity);
        let there = (to.window, to.capacity);
        let missing = state.full_at.saturating_sub(self.at(now));
        let missing = bucket_missing(carry, missing, here, there);
        GcraState { full_at: to.at(now).saturating_add(missing) }
    }
}

fn greatest_common_divisor(one: u64, other: u64) -> u64 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_in_the_time_of_all_its_permits_rounded_up() {
        assert_eq!(Gcra::new(10, Span::from_secs(1), 5).time_to_fill(), Span::from_millis(500));
        assert_eq!(Gcra::new(3, Span::from_nanos(10), 1).time_to_fill(), Span::from_nanos(4));
        assert_eq!(Gcra::new(1, Span::MAX, 2).time_to_fill(), Span::MAX);
    }
    #[test]
    fn a_rate_that_small_numbers_can_say_is_kept_exactly() {
        let (second, minute) = (Span::from_secs(1), Span::from_secs(60));
        assert_eq!(Gcra::new(180, minute, 5).in_small_numbers(), Gcra::new(3, second, 5));
        // 999 983 is a prime: a permit of 60 000 000 000 / 999 983 ns is no whole number of parts.
        let rounded = Gcra::new(999_983, minute, 5).in_small_numbers();
        assert!(rounded.amount <= Gcra::TICKS_PER_NANO_MAX);
        assert_eq!(rounded.in_small_numbers(), rounded);
    }
}
