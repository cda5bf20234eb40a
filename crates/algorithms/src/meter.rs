//! The algorithm that a limit calls for, together with its state.

use serde::{Deserialize, Serialize};
use tidegate_units::{EnforcedAs, Instant, Limit, Span, WallOrigin};

use crate::{
    Algorithm, Balance, Carry, Decision, SlidingLog, SlidingLogState, TokenBucket, TokenBucketState,
};
#[cfg(feature = "calendar")]
use crate::{CalendarWindow, WindowState};

/// Counts one limit so that the service's own check passes.
///
/// A limit that the service enforces as a token bucket is counted by a [`TokenBucket`], every other
/// by a [`SlidingLog`], which no fixed or sliding window at the service can find fault with. With the
/// feature `calendar` a limit per calendar period is counted by the periods themselves; without it, by
/// a log of the longest, in which every one of them fits.
///
/// ```
/// use tidegate_algorithms::{Decision, Meter};
/// use tidegate_units::{Instant, Limit, Span};
///
/// let limit: Limit = "2 requests per second".parse()?;
/// let mut meter = Meter::full(&limit.guard(Span::ZERO)?);
/// let now = Instant::ZERO;
/// assert_eq!(meter.decide(now, 2), Decision::Admit);
/// meter.record(now, 2);
/// assert_eq!(meter.decide(now, 1), Decision::Later { retry_after: Span::from_secs(1) });
/// assert_eq!(meter.decide(now, 3), Decision::Never);
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// For a service that counts with a bucket.
    Bucket(TokenBucket, TokenBucketState),
    /// For every other.
    Log(SlidingLog, SlidingLogState),
    /// For a service that starts afresh with every day, week, month or year.
    #[cfg(feature = "calendar")]
    Calendar(CalendarWindow, WindowState),
}

/// Calls the same method of whichever algorithm a meter holds.
macro_rules! each {
    ($meter:expr, $algorithm:ident, $state:ident => $call:expr) => {
        match $meter {
            Meter::Bucket($algorithm, $state) => $call,
            Meter::Log($algorithm, $state) => $call,
            #[cfg(feature = "calendar")]
            Meter::Calendar($algorithm, $state) => $call,
        }
    };
}

impl Meter {
    /// A meter for `limit` of which nothing has been used. Its instants are those of the wall clock,
    /// as far as that matters; see [`Meter::full_since`].
    pub fn full(limit: &Limit) -> Self {
        Self::full_since(limit, WallOrigin::default())
    }

    /// A meter for `limit` of which nothing has been used, for instants with this origin. Only limits
    /// per calendar period need to know it.
    #[cfg_attr(not(feature = "calendar"), expect(unused_variables, reason = "for calendars only"))]
    pub fn full_since(limit: &Limit, origin: WallOrigin) -> Self {
        #[cfg(feature = "calendar")]
        if let Some(calendar) = limit.calendar() {
            let window = CalendarWindow::new(limit.amount(), calendar.clone(), origin);
            let window = window.guard(limit.guard_span());
            let state = window.full();
            return Self::Calendar(window, state);
        }
        match limit.shape() {
            EnforcedAs::TokenBucket => {
                let bucket = TokenBucket::new(limit.amount(), limit.window(), limit.shaped_burst());
                Self::Bucket(bucket, bucket.full())
            }
            EnforcedAs::FixedWindow | EnforcedAs::SlidingWindow | EnforcedAs::Unknown => {
                let log = SlidingLog::new(limit.amount(), limit.shaped_window());
                Self::Log(log, log.full())
            }
        }
    }

    /// Corrects the origin of the instants. Nothing becomes available before the time on the wall that
    /// was reached already is reached again.
    #[cfg_attr(not(feature = "calendar"), expect(unused_variables, reason = "for calendars only"))]
    pub fn set_wall_origin(&mut self, origin: WallOrigin) {
        #[cfg(feature = "calendar")]
        if let Self::Calendar(window, _) = self {
            *window = window.clone().with_origin(origin);
        }
    }

    /// Forgets everything, as if all had been used at `now`. What to do when the past is unknown.
    pub fn make_empty(&mut self, now: Instant) {
        each!(self, algorithm, state => *state = algorithm.empty(now));
    }

    /// Forgets everything, as if nothing had been used.
    pub fn make_full(&mut self) {
        each!(self, algorithm, state => *state = algorithm.full());
    }

    /// See [`Algorithm::capacity`].
    pub fn capacity(&self) -> u64 {
        each!(self, algorithm, _state => algorithm.capacity())
    }

    /// See [`Algorithm::decide`].
    pub fn decide(&self, now: Instant, cost: u64) -> Decision {
        each!(self, algorithm, state => algorithm.decide(state, now, cost))
    }

    /// See [`Algorithm::available`].
    pub fn available(&self, now: Instant) -> u64 {
        each!(self, algorithm, state => algorithm.available(state, now))
    }

    /// See [`Algorithm::debt`].
    pub fn debt(&self, now: Instant) -> u64 {
        each!(self, algorithm, state => algorithm.debt(state, now))
    }

    /// See [`Algorithm::record`].
    pub fn record(&mut self, now: Instant, cost: u64) {
        each!(self, algorithm, state => algorithm.record(state, now, cost));
    }

    /// See [`Algorithm::refund`].
    pub fn refund(&mut self, now: Instant, recorded: Instant, amount: u64) -> u64 {
        each!(self, algorithm, state => algorithm.refund(state, now, recorded, amount))
    }

    /// See [`Algorithm::reset_at`].
    pub fn reset_at(&self, now: Instant) -> Instant {
        each!(self, algorithm, state => algorithm.reset_at(state, now))
    }

    /// See [`Algorithm::earliest`].
    pub fn earliest(&self, now: Instant, total: u64) -> Instant {
        each!(self, algorithm, state => algorithm.earliest(state, now, total))
    }
    /// See [`Algorithm::worst_case`].
    pub fn worst_case(&self, span: Span) -> u64 {
        each!(self, algorithm, _state => algorithm.worst_case(span))
    }

    /// A meter for `limit` that goes on from where this one stands; see
    /// [`Algorithm::reconfigured`]. Where another algorithm takes over, the balance is carried over
    /// in whole permits, and counts as spent at `now`. The new one's instants have this origin.
    pub fn reconfigured(
        &self,
        now: Instant,
        limit: &Limit,
        origin: WallOrigin,
        carry: Carry,
    ) -> Self {
        match (self, Self::full_since(limit, origin)) {
            (Self::Bucket(old, state), Self::Bucket(new, _)) => {
                Self::Bucket(new, old.reconfigured(state, now, &new, carry))
            }
            (Self::Log(old, state), Self::Log(new, _)) => {
                Self::Log(new, old.reconfigured(state, now, &new, carry))
            }
            #[cfg(feature = "calendar")]
            (Self::Calendar(old, state), Self::Calendar(new, _)) => {
                let state = old.reconfigured(state, now, &new, carry);
                Self::Calendar(new, state)
            }
            (_, mut fresh) => {
                fresh.record(now, carry.missing(self.balance(now), fresh.capacity()));
                fresh
            }
        }
    }

    /// How long a limit of which all has been used takes until nothing is.
    pub fn time_to_recover(&self) -> Span {
        let now = Instant::ZERO;
        each!(self, algorithm, _state => {
            algorithm.reset_at(&algorithm.empty(now), now).since(now)
        })
    }

    fn balance(&self, now: Instant) -> Balance {
        each!(self, algorithm, state => algorithm.balance(state, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> Limit {
        text.parse::<Limit>().and_then(|limit| limit.guard(Span::ZERO)).expect("a limit")
    }

    #[test]
    fn a_limit_recovers_by_its_window_or_as_its_bucket_fills() {
        let window = Meter::full(&limit("10 requests per minute"));
        assert_eq!(window.time_to_recover(), Span::from_secs(60));
        let bucket = limit("10 requests per minute").enforced_as(EnforcedAs::TokenBucket);
        let bucket = Meter::full(&bucket.burst(5).expect("a burst"));
        assert_eq!(bucket.time_to_recover(), Span::from_secs(30));
    }

    #[test]
    fn what_is_made_full_owes_nothing_and_what_is_made_empty_has_nothing() {
        let window = limit("10 requests per minute");
        let bucket = window.clone().enforced_as(EnforcedAs::TokenBucket);
        for limit in [window, bucket.burst(5).expect("a burst")] {
            let mut meter = Meter::full(&limit);
            meter.record(Instant::ZERO, 13);
            assert_eq!(meter.debt(Instant::ZERO), 13 - meter.capacity());
            meter.make_empty(Instant::ZERO);
            assert_eq!((meter.available(Instant::ZERO), meter.debt(Instant::ZERO)), (0, 0));
            meter.make_full();
            assert_eq!(meter, Meter::full(&limit));
        }
    }
}
