//! How the limit of a [`Direct`](super::Direct) is counted.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tidegate_units::{Clock, EnforcedAs, Instant, Limit, Span, WallOrigin};

use crate::{Algorithm, Carry, Decision, Gcra, Meter, Shared};

/// The longest that who waits is left waiting so that several can be woken at once.
const BATCH_MAX: Span = Span::from_millis(1);
/// By which part of the time that it takes to fill a bucket's callers may be delayed: what drips in
/// meanwhile is not lost as long as the bucket is not full.
const BATCH_PART_OF_FILLING: u64 = 4;
/// By which part of a window: every delay puts off what follows a window later, so that this much of
/// the rate is lost.
const BATCH_PART_OF_WINDOW: u64 = 256;

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one per limiter, and taking follows no pointer"
)]
pub(super) enum Form {
    /// A bucket, on one atomic word.
    Word(Shared),
    /// Anything else.
    Locked(Mutex<Meter>),
}

/// The bucket that a limit calls for, if it is enforced as one.
fn bucket(limit: &Limit) -> Option<Gcra> {
    let is_bucket = limit.shape() == EnforcedAs::TokenBucket;
    is_bucket.then(|| Gcra::new(limit.amount(), limit.window(), limit.shaped_burst()))
}

impl Form {
    pub(super) fn of(limit: &Limit, origin: WallOrigin) -> Self {
        match bucket(limit).and_then(Shared::new) {
            Some(shared) => Self::Word(shared),
            None => Self::Locked(Mutex::new(Meter::full_since(limit, origin))),
        }
    }

    #[inline]
    pub(super) fn take(&self, clock: &impl Clock, cost: u64) -> Decision {
        match self {
            Self::Word(shared) => shared.take_now(clock, cost),
            Self::Locked(meter) => {
                let mut meter = lock(meter);
                // Not before: who waits for the lock would record earlier than it spends.
                let now = clock.now();
                let decision = meter.decide(now, cost);
                if decision == Decision::Admit {
                    meter.record(now, cost);
                }
                decision
            }
        }
    }

    #[inline]
    pub(super) fn take_lazily(&self, clock: &impl Clock, cost: u64) -> Decision {
        match self {
            Self::Word(shared) => shared.take_lazily(clock, cost),
            Self::Locked(_) => self.take(clock, cost),
        }
    }

    pub(super) fn capacity(&self) -> u64 {
        match self {
            Self::Word(shared) => shared.limit().capacity(),
            Self::Locked(meter) => lock(meter).capacity(),
        }
    }

    pub(super) fn available(&self, now: Instant) -> u64 {
        match self {
            Self::Word(shared) => shared.available(now),
            Self::Locked(meter) => lock(meter).available(now),
        }
    }

    pub(super) fn earliest(&self, now: Instant, total: u64) -> Instant {
        match self {
            Self::Word(shared) => shared.earliest(now, total),
            Self::Locked(meter) => lock(meter).earliest(now, total),
        }
    }

    pub(super) fn worst_case(&self, span: Span) -> u64 {
        match self {
            Self::Word(shared) => shared.limit().worst_case(span),
            Self::Locked(meter) => lock(meter).worst_case(span),
        }
    }

    pub(super) fn record(&self, now: Instant, cost: u64) {
        match self {
            Self::Word(shared) => shared.record(now, cost),
            Self::Locked(meter) => lock(meter).record(now, cost),
        }
    }

    pub(super) fn refund(&self, clock: &impl Clock, recorded: Instant, amount: u64) -> u64 {
        match self {
            Self::Word(shared) => shared.refund_now(clock, recorded, amount),
            Self::Locked(meter) => {
                let mut meter = lock(meter);
                meter.refund(clock.now(), recorded, amount)
            }
        }
    }

    /// `false` if the limit cannot be counted in this form; then nothing has changed.
    pub(super) fn reconfigure(
        &self,
        now: Instant,
        limit: &Limit,
        origin: WallOrigin,
        carry: Carry,
    ) -> bool {
        match self {
            Self::Word(shared) => {
                bucket(limit).is_some_and(|bucket| shared.reconfigure(now, bucket, carry))
            }
            Self::Locked(meter) => {
                let mut meter = lock(meter);
                *meter = meter.reconfigured(now, limit, origin, carry);
                true
            }
        }
    }

    /// How long to leave the line alone at least before it is served again.
    pub(super) fn batch(&self) -> Span {
        let batch = match self {
            Self::Word(shared) => shared.limit().time_to_fill().div(BATCH_PART_OF_FILLING),
            Self::Locked(meter) => lock(meter).time_to_recover().div(BATCH_PART_OF_WINDOW),
        };
        batch.min(BATCH_MAX)
    }
}

fn lock(meter: &Mutex<Meter>) -> MutexGuard<'_, Meter> {
    meter.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tidegate_units::Dimension;

    use super::*;

    fn form(amount: u64, window: Span, burst: Option<u64>) -> Form {
        let limit = Limit::new(Dimension::Requests, amount, window).expect("a limit");
        let limit = limit.guard(Span::ZERO).expect("no guard");
        Form::of(
            &match burst {
                Some(burst) => limit.burst(burst).expect("a burst"),
                None => limit,
            },
            WallOrigin::default(),
        )
    }

    #[test]
    fn a_line_is_left_alone_for_a_small_part_of_the_limit_and_no_longer_than_a_millisecond() {
        let (second, millis) = (Span::from_secs(1), Span::from_millis);
        // Two permits drip in within two milliseconds, and five within five.
        assert_eq!(form(1_000, second, Some(2)).batch(), Span::from_micros(500));
        assert_eq!(form(1_000, second, Some(5)).batch(), millis(1));
        assert_eq!(form(10, millis(128), None).batch(), Span::from_micros(500));
        assert_eq!(form(10, second, None).batch(), millis(1));
    }
}
