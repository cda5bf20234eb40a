//! What events and warnings are called and mean, for the documents.
//!
//! The matches have no catch-all, so that a new kind cannot be forgotten.

use tidegate_units::Reason;

use crate::event::EventKind;
use crate::status::AlertKind;

/// Every kind of event: its name in messages, and what it means.
pub const EVENTS: [(&str, &str); 10] = [
    ("waiting", "A call was not granted at once, and waits."),
    ("refused", "A call was refused."),
    ("throttled", "The service itself refused a call that was granted here."),
    (
        "pace_changed",
        "The pace of a service has changed by a twentieth or more since this was last said.",
    ),
    ("breaker_changed", "A circuit breaker opened, closed, or lets a few calls try."),
    ("limits_changed", "Limits were changed while the program runs."),
    ("alert", "A warning was raised, or is over."),
    ("limiter_failed", "The limiter of a service has failed. Callers wait; nothing is granted."),
    ("limiter_resumed", "It was restarted, and grants again."),
    ("limiter_given_up", "It failed too often and was stopped for good."),
];

/// The name of an event, as it stands in messages under `event`.
pub const fn event_name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Waiting { .. } => "waiting",
        EventKind::Refused { .. } => "refused",
        EventKind::Throttled { .. } => "throttled",
        EventKind::PaceChanged { .. } => "pace_changed",
        EventKind::BreakerChanged { .. } => "breaker_changed",
        EventKind::LimitsChanged { .. } => "limits_changed",
        EventKind::Alert { .. } => "alert",
        EventKind::LimiterFailed { .. } => "limiter_failed",
        EventKind::LimiterResumed => "limiter_resumed",
        EventKind::LimiterGivenUp => "limiter_given_up",
    }
}

/// What a warning means.
pub const fn alert_meaning(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Approaching => "A limit is nearly used up.",
        AlertKind::Breach => "More was spent than a limit allows.",
        AlertKind::QuotaExhausted => "The service says that a quota is used up.",
        AlertKind::Throttling => "A large part of the calls is not granted at once.",
        AlertKind::BreakerOpen => "A circuit breaker is open.",
        AlertKind::QueueNearFull => "The queue is nearly full.",
        AlertKind::LearnedBelowConfigured => "The service bears far less than is configured.",
        AlertKind::LimiterDown => "The limiter of a service does not run.",
    }
}

/// The name of a reason to refuse, as it stands in messages.
pub const fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::LimitReached => "limit_reached",
        Reason::NoneAtHand => "none_at_hand",
        Reason::DeadlineTooClose => "deadline_too_close",
        Reason::DeadlinePassed => "deadline_passed",
        Reason::QueueFull => "queue_full",
        Reason::Displaced => "displaced",
        Reason::Paused => "paused",
        Reason::BreakerOpen => "breaker_open",
        Reason::Paced => "paced",
        Reason::NeverFits => "never_fits",
    }
}

#[cfg(test)]
mod tests {
    use tidegate_units::{Dimension, Outcome, Scope};

    use super::*;
    use crate::sample::BreakerPhase;

    #[test]
    fn an_event_is_called_in_messages_what_it_is_called_here() {
        let pace = EventKind::PaceChanged {
            dimension: Dimension::Tokens,
            from_per_second: 1.0,
            to_per_second: 2.0,
        };
        let kinds = [
            EventKind::Throttled { outcome: Outcome::RateLimited, retry_after_ms: None },
            pace,
            EventKind::BreakerChanged { scope: Scope::Global, to: BreakerPhase::Open },
            EventKind::LimitsChanged { scope: Scope::Global, limits: Vec::new() },
            EventKind::LimiterFailed { why: "it fell".to_owned() },
            EventKind::LimiterResumed,
            EventKind::LimiterGivenUp,
        ];
        for kind in kinds {
            let name = event_name(&kind);
            let text = serde_json::to_string(&kind).expect("it serialises");
            assert!(text.contains(&format!(r#""event":"{name}""#)), "{text}");
            assert!(EVENTS.iter().any(|(listed, _)| *listed == name), "{name}");
        }
    }

    #[test]
    fn a_reason_is_called_in_metrics_what_it_is_called_in_messages() {
        let reasons = [
            Reason::LimitReached,
            Reason::NoneAtHand,
            Reason::DeadlineTooClose,
            Reason::DeadlinePassed,
            Reason::QueueFull,
            Reason::Displaced,
            Reason::Paused,
            Reason::BreakerOpen,
            Reason::Paced,
            Reason::NeverFits,
        ];
        for reason in reasons {
            let text = serde_json::to_string(&reason).expect("it serialises");
            assert_eq!(text, format!("\"{}\"", reason_name(reason)));
        }
    }

    #[test]
    fn an_alert_is_called_in_messages_what_it_is_called_in_metrics() {
        for kind in AlertKind::ALL {
            let text = serde_json::to_string(&kind).expect("it serialises");
            assert_eq!(text, format!("\"{}\"", kind.name()));
            assert!(alert_meaning(kind).ends_with('.'));
        }
    }
}
