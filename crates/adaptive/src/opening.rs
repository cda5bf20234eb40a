//! Whether anything may be sent at all: shut while a service asked for quiet, and then one call first.
//!
//! Whoever comes back after a pause with everything that waited meanwhile is refused again. So one
//! call goes alone, and the others wait until it is known not to have been refused: because it was
//! answered, because something was heard of it, or because refusals come back sooner than that.
//!
//! # Invariants
//!
//! - PACE-4: after a pause one call is sent alone, and the others wait until it is known not to have
//!   been refused.

use tidegate_units::{Instant, Outcome, Span};

use crate::pause::{PAUSE_MAX, asked};

/// How long refusals are thought to take while none has been seen.
const ROUND_TRIP_UNKNOWN: Span = Span::from_secs(1);
/// How long to leave alone a service that refused the probe and did not say how long: doubled with
/// each further one.
const QUIET_FIRST: Span = Span::from_secs(1);
/// The longest such time, so that somebody looks once or twice a minute.
const QUIET_MAX: Span = Span::from_secs(32);

/// Shut, half open or open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    state: State,
    /// How many probes in a row were refused.
    refused: u32,
    /// Whether one call was lent ahead, to be the probe of whoever takes it.
    lent: bool,
    trip: Trip,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Open,
    /// Nothing may be sent before `until`, and then one call.
    Shut {
        until: Instant,
    },
    /// A call is under way alone, sent at `since`.
    Probing {
        since: Instant,
        until: Instant,
    },
}

impl Opening {
    /// Open, with nothing known of how long refusals take.
    pub(crate) const fn new() -> Self {
        Self { state: State::Open, refused: 0, lent: false, trip: Trip { seen: None } }
    }

    /// From when on a call may be sent, as far as this goes.
    pub(crate) fn earliest(&self, now: Instant) -> Instant {
        match self.state {
            State::Open => now,
            State::Shut { until } | State::Probing { until, .. } => until.max(now),
        }
    }

    /// Whether calls may be sent without asking one by one.
    pub(crate) fn is_open(&self, now: Instant) -> bool {
        match self.state {
            State::Open => true,
            State::Shut { .. } => false,
            State::Probing { until, .. } => until <= now,
        }
    }

    /// Whether one call may be lent ahead, for who takes it to be the probe.
    pub(crate) fn lends_one(&self, now: Instant) -> bool {
        matches!(self.state, State::Shut { until } if until <= now && !self.lent)
    }

    /// Calls were lent ahead.
    pub(crate) fn lent(&mut self, now: Instant) {
        match self.state {
            State::Shut { until } if until <= now => self.lent = true,
            _ => self.sent(now),
        }
    }

    /// What was lent came back.
    pub(crate) fn recalled(&mut self) {
        self.lent = false;
    }

    /// Nothing may be sent for so long. A shorter time never ends a longer.
    pub(crate) fn shut(&mut self, now: Instant, wait: Span) {
        self.hold(now + wait.min(PAUSE_MAX));
    }

    fn hold(&mut self, until: Instant) {
        self.state = match self.state {
            State::Shut { until: held } => State::Shut { until: held.max(until) },
            _ => State::Shut { until },
        };
    }

    /// A call was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        match self.state {
            State::Shut { until } if until <= now => {
                // Whatever is sent from the end of the pause on is this call.
                let since = until;
                self.state = State::Probing { since, until: now + self.trip.patience() };
            }
            State::Probing { since, until } if until <= now => self.heard(since),
            _ => {}
        }
    }

    /// Something was heard of a call that was sent at `sent_at`: it was not refused.
    pub(crate) fn heard(&mut self, sent_at: Instant) {
        if self.is_probe(sent_at) {
            self.state = State::Open;
            self.refused = 0;
        }
    }

    /// A call has ended that was sent at `sent_at`.
    pub(crate) fn answered(
        &mut self,
        now: Instant,
        (sent_at, outcome, retry_after): (Instant, Outcome, Option<Span>),
    ) {
        let is_probe = self.is_probe(sent_at);
        match outcome {
            Outcome::RateLimited => {
                self.trip.learn(now.since(sent_at));
                if is_probe {
                    self.refused = self.refused.saturating_add(1);
                    self.shut(now, quiet(self.refused));
                }
            }
            // Nothing is known of it, so another one has to find out.
            Outcome::Cancelled if is_probe => self.state = State::Shut { until: now },
            _ => self.heard(sent_at),
        }
        if let Some(wait) = asked(outcome, retry_after) {
            self.hold(now + wait);
        }
    }

    /// How long refusals take, as far as that is known.
    pub(crate) fn round_trip(&self) -> Span {
        self.trip.seen.map_or(ROUND_TRIP_UNKNOWN, |(mean, _)| mean)
    }

    fn is_probe(&self, sent_at: Instant) -> bool {
        matches!(self.state, State::Probing { since, .. } if since <= sent_at)
    }
}

/// How long to be quiet after so many refused probes.
fn quiet(refused: u32) -> Span {
    let doubled = 1_u64.checked_shl(refused.saturating_sub(1)).unwrap_or(u64::MAX);
    (QUIET_FIRST * doubled).min(QUIET_MAX)
}

/// How long refusals take: mean and deviation, as [RFC 6298] keeps them.
///
/// [RFC 6298]: https://www.rfc-editor.org/rfc/rfc6298
#[derive(Debug, Clone, Copy)]
struct Trip {
    seen: Option<(Span, Span)>,
}

impl Trip {
    fn learn(&mut self, took: Span) {
        self.seen = Some(match self.seen {
            None => (took, took.div(2)),
            Some((mean, deviation)) => {
                let off = if took > mean { took - mean } else { mean - took };
                ((mean * 7 + took).div(8), (deviation * 3 + off).div(4))
            }
        });
    }

    /// After how long a call is not refused any more.
    fn patience(&self) -> Span {
        match self.seen {
            None => ROUND_TRIP_UNKNOWN,
            Some((mean, deviation)) => (mean + deviation * 4).min(QUIET_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn one_call_goes_alone_after_a_pause() {
        let mut opening = Opening::new();
        assert!(opening.is_open(at(0)));
        opening.answered(at(100), (at(0), Outcome::RateLimited, Some(Span::from_secs(2))));
        assert_eq!(opening.earliest(at(200)), at(2_100));
        opening.shut(at(300), Span::from_secs(1));
        assert_eq!(opening.earliest(at(300)), at(2_100), "a shorter pause ends no longer one");
        opening.sent(at(2_100));
        // Refusals took 100 ms, more or less 50.
        assert_eq!(opening.earliest(at(2_150)), at(2_400));
        assert!(!opening.is_open(at(2_399)) && opening.is_open(at(2_400)));
        opening.answered(at(2_160), (at(90), Outcome::Ok, None));
        assert!(!opening.is_open(at(2_160)), "that was another call");
        opening.answered(at(2_170), (at(2_100), Outcome::Ok, None));
        assert!(opening.is_open(at(2_170)));
    }

    #[test]
    fn a_probe_that_is_refused_or_given_up_is_followed_by_another() {
        let mut opening = Opening::new();
        opening.shut(at(0), Span::ZERO);
        for (refusal, quiet_ms) in [1_000, 2_000, 4_000].into_iter().enumerate() {
            let now = opening.earliest(at(0));
            opening.sent(now);
            let back = now + Span::from_millis(10);
            opening.answered(back, (now, Outcome::RateLimited, None));
            assert_eq!(opening.earliest(back), back + Span::from_millis(quiet_ms), "{refusal}");
        }
        let now = opening.earliest(at(0));
        opening.sent(now);
        let later = now + Span::from_millis(5);
        opening.answered(later, (now, Outcome::Cancelled, None));
        assert_eq!(opening.earliest(later), later);
        assert!(!opening.is_open(later), "another one has to find out");
        opening.sent(later);
        opening.heard(later);
        assert!(opening.is_open(later));
        assert_eq!(
            [quiet(5), quiet(6), quiet(u32::MAX)],
            [Span::from_secs(16), QUIET_MAX, QUIET_MAX]
        );
    }

    #[test]
    fn no_pause_is_longer_than_an_hour() {
        let mut opening = Opening::new();
        opening.shut(at(0), Span::MAX);
        assert_eq!(opening.earliest(at(0)), at(0) + PAUSE_MAX);
    }
}
