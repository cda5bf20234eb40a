//! Leaving a service alone for as long as it asked.
//!
//! A refusal for a rate asks for seconds, and is believed for an hour at most: whoever asks for more is asked
//! again after that. A quota that is used up is another matter: it is renewed when its day or its month is
//! over, and each call before that is refused. So such a pause may be as long as a month, is an hour where
//! the service does not say, and ends with one call that goes alone.
//!
//! # Invariants
//!
//! - QUOTA-1: after a quota was used up nothing is sent until the service said, and then one call, until it is
//!   known how it ended.

use tidegate_units::{Instant, Outcome, Span};

/// The longest pause that one answer can impose: an hour. A service that asks for more is asked again
/// after that.
pub const PAUSE_MAX: Span = Span::from_secs(3_600);

/// The longest pause after a quota was used up: the longest month and a day.
pub const QUOTA_PAUSE_MAX: Span = Span::from_secs(32 * 86_400);

/// How long a service is left alone whose quota is used up and that does not say for how long.
pub const QUOTA_PAUSE: Span = Span::from_secs(3_600);

/// How long others wait for the call that goes alone, at most: one that nobody closes holds them up no
/// longer.
pub const PROBE_MAX: Span = Span::from_secs(60);

/// How long an answer asks to be left alone, if it does.
///
/// ```
/// use tidegate_adaptive::pause::{PAUSE_MAX, asked};
/// use tidegate_units::{Outcome, Span};
///
/// let day = Some(Span::from_secs(86_400));
/// assert_eq!(asked(Outcome::QuotaExhausted, day), day);
/// assert_eq!(asked(Outcome::QuotaExhausted, None), Some(Span::from_secs(3_600)));
/// assert_eq!(asked(Outcome::RateLimited, day), Some(PAUSE_MAX));
/// assert_eq!(asked(Outcome::RateLimited, None), None);
/// ```
pub fn asked(outcome: Outcome, retry_after: Option<Span>) -> Option<Span> {
    match outcome {
        Outcome::QuotaExhausted => Some(retry_after.unwrap_or(QUOTA_PAUSE).min(QUOTA_PAUSE_MAX)),
        _ => retry_after.map(|wait| wait.min(PAUSE_MAX)),
    }
}

/// Until when nothing may be sent to a service, whoever wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pause {
    until: Option<Instant>,
    probe: Probe,
}

/// The call that goes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Probe {
    #[default]
    None,
    /// The next call is one.
    Wanted,
    /// It was sent.
    Out { since: Instant, until: Instant },
}

impl Pause {
    /// The service asked at `now` to be left alone for `wait`. A shorter pause never ends a longer.
    pub fn ask(&mut self, now: Instant, wait: Span) {
        self.hold(now + wait.min(PAUSE_MAX));
    }

    /// A call ended at `now`, after which the service wants to be left alone, or not.
    pub fn answered(&mut self, now: Instant, outcome: Outcome, retry_after: Option<Span>) {
        if let Some(wait) = asked(outcome, retry_after) {
            self.hold(now + wait);
        }
        if outcome == Outcome::QuotaExhausted {
            self.probe = Probe::Wanted;
        }
    }

    fn hold(&mut self, until: Instant) {
        self.until = Some(self.until.map_or(until, |held| held.max(until)));
    }

    /// Until when to wait, if that is still ahead at `now`.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// Until when to wait at most for the call that went alone, if one is under way. It may end sooner.
    pub fn probed_until(&self, now: Instant) -> Option<Instant> {
        match self.probe {
            Probe::Out { until, .. } => Some(until).filter(|until| *until > now),
            Probe::None | Probe::Wanted => None,
        }
    }

    /// Whether calls have to be sent one by one: the next goes alone, or one does.
    pub fn is_probing(&self, now: Instant) -> bool {
        self.probe == Probe::Wanted || self.probed_until(now).is_some()
    }

    /// A call was sent at `now`.
    pub fn sent(&mut self, now: Instant) {
        match self.probe {
            Probe::Wanted if self.until(now).is_none() => {
                // Whatever is sent from the end of the pause on is this call.
                let since = self.until.unwrap_or(now);
                self.probe = Probe::Out { since, until: now + PROBE_MAX };
            }
            Probe::Out { until, .. } if until <= now => self.probe = Probe::None,
            Probe::None | Probe::Wanted | Probe::Out { .. } => {}
        }
    }

    /// It is known how a call ended that was sent at `sent_at`, or that it was not refused.
    pub fn heard(&mut self, sent_at: Instant, outcome: Outcome) {
        if matches!(self.probe, Probe::Out { since, .. } if since <= sent_at) {
            // One that was given up tells nothing, so another has to.
            self.probe = if outcome == Outcome::Cancelled { Probe::Wanted } else { Probe::None };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn the_longest_pause_counts_and_none_is_longer_than_an_hour() {
        let mut pause = Pause::default();
        let now = Instant::ZERO;
        assert_eq!(pause.until(now), None);
        pause.ask(now, Span::from_secs(10));
        pause.ask(now, Span::from_secs(2));
        assert_eq!(pause.until(now), Some(now + Span::from_secs(10)));
        assert_eq!(pause.until(now + Span::from_secs(10)), None);
        pause.ask(now, Span::MAX);
        assert_eq!(pause.until(now), Some(now + PAUSE_MAX));
        assert!(!pause.is_probing(at(3_600)), "everybody at once, if a controller says no other");
    }

    #[test]
    fn a_quota_is_waited_for_and_then_tried_by_one() {
        let mut pause = Pause::default();
        let week = Span::from_secs(7 * 86_400);
        pause.answered(at(0), Outcome::QuotaExhausted, Some(week));
        pause.answered(at(1), Outcome::RateLimited, Some(Span::from_secs(2)));
        let end = at(0) + week;
        assert_eq!(pause.until(at(5)), Some(end), "QUOTA-1");
        assert!(pause.is_probing(end) && pause.probed_until(end).is_none());
        pause.sent(end);
        assert_eq!(pause.probed_until(end), Some(end + PROBE_MAX), "QUOTA-1: alone");
        pause.heard(at(3), Outcome::Ok);
        assert!(pause.probed_until(end).is_some(), "that was another call");
        pause.heard(end, Outcome::Cancelled);
        assert!(pause.is_probing(end) && pause.probed_until(end).is_none(), "another has to");
        pause.sent(end);
        pause.heard(end, Outcome::Ok);
        assert!(!pause.is_probing(end));
    }

    #[test]
    fn a_probe_that_nobody_closes_holds_others_up_for_a_minute() {
        let mut pause = Pause::default();
        pause.answered(at(0), Outcome::QuotaExhausted, None);
        assert_eq!(pause.until(at(1)), Some(at(3_600)), "an hour, as it did not say");
        pause.sent(at(3_600));
        assert!(pause.is_probing(at(3_659)) && !pause.is_probing(at(3_660)));
        pause.answered(at(4_000), Outcome::QuotaExhausted, Some(Span::MAX));
        assert_eq!(pause.until(at(4_000)), Some(at(4_000) + QUOTA_PAUSE_MAX));
    }
}
