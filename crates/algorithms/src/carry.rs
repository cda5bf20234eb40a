//! What becomes of the balance when a limit is changed while it runs.

use serde::{Deserialize, Serialize};
use tidegate_units::Span;

/// How to carry a balance over to another limit.
///
/// All but [`Carry::Reset`] mint nothing: however often a limit is changed there and back in the same
/// way, no more is available than if it had been left alone. Different ways do not undo each other: of
/// 10, 6 used, [`Carry::Additive`] makes 14 available of 20, and [`Carry::AsIs`] then 10 of 10.
///
/// ```
/// use tidegate_algorithms::{Algorithm, Carry, TokenBucket};
/// use tidegate_units::{Instant, Span};
///
/// let minute = Span::from_secs(60);
/// let (small, large) = (TokenBucket::new(10, minute, 10), TokenBucket::new(20, minute, 20));
/// let mut state = small.full();
/// let now = Instant::ZERO;
/// small.record(&mut state, now, 6);
///
/// let after = |carry| large.available(&small.reconfigured(&state, now, &large, carry), now);
/// assert_eq!(after(Carry::AsIs), 4);
/// assert_eq!(after(Carry::Proportional), 8);
/// assert_eq!(after(Carry::Additive), 14);
/// assert_eq!(after(Carry::Reset), 20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carry {
    /// What was available stays available, as far as the new limit can hold it.
    AsIs,
    /// The same share of the limit stays available, rounded down; a debt grows and shrinks with it.
    Proportional,
    /// What was used stays used, so that the difference between the limits is available on top, or is
    /// taken away. Where more was used than the new limit holds, the rest is a debt.
    ///
    /// The default, because it is what the service itself would count.
    #[default]
    Additive,
    /// Everything is available, and debts are forgotten. The only way that lets more through than
    /// either limit allows; for when the service is known to have started afresh.
    Reset,
}

/// Where a limit stands, in whole permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The most that can pass at once.
    pub capacity: u64,
    /// What would pass now.
    pub available: u64,
    /// What was recorded beyond the limit.
    pub debt: u64,
}

impl Carry {
    /// How much is missing from a limit of `capacity` after the change; more than `capacity` is debt.
    /// Stops at the largest `u64`.
    pub fn missing(self, before: Balance, capacity: u64) -> u64 {
        let used = before.capacity.saturating_sub(before.available);
        match self {
            Self::AsIs if before.debt > 0 => capacity.saturating_add(before.debt),
            Self::AsIs => capacity.saturating_sub(before.available),
            Self::Proportional => {
                scale_up(used.saturating_add(before.debt), capacity, before.capacity)
            }
            Self::Additive => used.saturating_add(before.debt),
            Self::Reset => 0,
        }
    }
}

/// `amount * by / of`, rounded up, so that nothing is minted by rounding.
fn scale_up(amount: u64, by: u64, of: u64) -> u64 {
    u64::try_from(scale_up_wide(amount.into(), by, of)).unwrap_or(u64::MAX)
}

fn scale_up_wide(amount: u128, by: u64, of: u64) -> u128 {
    let (by, of) = (u128::from(by), u128::from(of.max(1)));
    let whole = (amount / of).saturating_mul(by);
    whole.saturating_add(((amount % of) * by).div_ceil(of))
}

/// As [`Carry::missing`] for a bucket that counts in fractions: one permit is as many units as its
/// window has nanoseconds. `here` and `there` are window and capacity before and after.
pub(crate) fn bucket_missing(
    carry: Carry,
    missing: u128,
    here: (Span, u64),
    there: (Span, u64),
) -> u128 {
    let unit = there.0.as_nanos();
    let missing = scale_up_wide(missing, unit, here.0.as_nanos());
    let held_before = u128::from(here.1) * u128::from(unit);
    let full = u128::from(there.1) * u128::from(unit);
    match carry {
        Carry::AsIs if missing > held_before => full.saturating_add(missing - held_before),
        Carry::AsIs => full.saturating_sub(held_before - missing),
        Carry::Proportional => scale_up_wide(missing, there.1, here.1),
        Carry::Additive => missing,
        Carry::Reset => 0,
    }
}

/// The most that a bucket gives within any `span`: what it holds at the start, and what drips in until
/// just before the end.
///
/// Exact where the bucket holds one permit and what drips in within a nanosecond. A smaller one spills
/// fractions while a whole permit is waited for, and gives a little less.
pub(crate) fn most_of_a_bucket(amount: u64, window: Span, capacity: u64, span: Span) -> u64 {
    let Some(elapsed) = span.as_nanos().checked_sub(1) else {
        return 0;
    };
    let refill = u128::from(amount) * u128::from(elapsed) / u128::from(window.as_nanos());
    u64::try_from(u128::from(capacity) + refill).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(carry: Carry, available: u64, debt: u64, capacity: u64) -> u64 {
        carry.missing(Balance { capacity: 10, available, debt }, capacity)
    }

    #[test]
    fn every_way_to_carry_over() {
        // Of 10, 4 are available; the limit becomes 20, then 5.
        assert_eq!(missing(Carry::AsIs, 4, 0, 20), 16);
        assert_eq!(missing(Carry::AsIs, 4, 0, 5), 1);
        assert_eq!(missing(Carry::AsIs, 9, 0, 5), 0, "cut to what it can hold");
        assert_eq!(missing(Carry::Proportional, 4, 0, 20), 12);
        assert_eq!(missing(Carry::Proportional, 4, 0, 5), 3);
        assert_eq!(missing(Carry::Additive, 4, 0, 20), 6);
        assert_eq!(missing(Carry::Additive, 4, 0, 5), 6, "one more than it holds: a debt of 1");
        assert_eq!(missing(Carry::Reset, 4, 0, 20), 0);
    }

    #[test]
    fn a_debt_is_carried_over_too() {
        assert_eq!(missing(Carry::AsIs, 0, 3, 20), 23);
        assert_eq!(missing(Carry::Proportional, 0, 3, 20), 26);
        assert_eq!(missing(Carry::Additive, 0, 3, 20), 13, "what was used stays used");
        assert_eq!(missing(Carry::Reset, 0, 3, 20), 0);
    }

    #[test]
    fn a_bucket_that_keeps_what_is_available_owes_as_much_as_before() {
        // Units are nanoseconds: of 10 permits in 5 ns, 13 are missing; the limit becomes 20 in 3 ns.
        let (here, there) = ((Span::from_nanos(5), 10), (Span::from_nanos(3), 20));
        let missing = |permits: u128| bucket_missing(Carry::AsIs, permits * 5, here, there);
        assert_eq!(missing(13), (20 + 3) * 3, "3 are owed");
        assert_eq!(missing(10), 20 * 3, "nothing is owed, nothing available");
        assert_eq!(missing(4), (20 - 6) * 3, "6 are available");
    }

    #[test]
    fn a_share_is_rounded_down() {
        // 1 of 10 is no third of 3.
        assert_eq!(missing(Carry::Proportional, 1, 0, 3), 3);
        assert_eq!(missing(Carry::Proportional, 9, 0, 3), 1);
    }

    #[test]
    fn numbers_at_the_end_do_not_overflow() {
        let before = Balance { capacity: u64::MAX, available: 0, debt: u64::MAX };
        for carry in [Carry::AsIs, Carry::Proportional, Carry::Additive] {
            assert_eq!(carry.missing(before, u64::MAX), u64::MAX);
        }
    }
}
