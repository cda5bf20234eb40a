//! Events as sentences.

use std::fmt;

use super::{Event, EventKind};

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service.as_ref().map_or("", |service| service.as_str());
        match &self.kind {
            EventKind::Waiting { class, queued, .. } => {
                write!(
                    f,
                    "a call of class {class} waits for `{service}`, with {queued} in the queue"
                )
            }
            EventKind::Refused { rejection, .. } => write!(f, "refused: {rejection}"),
            EventKind::Throttled { outcome, retry_after_ms } => {
                write!(f, "`{service}` refused a call: {outcome}")?;
                match retry_after_ms {
                    Some(wait) => write!(f, ", and wants to be left alone for {wait} ms"),
                    None => Ok(()),
                }
            }
            EventKind::PaceChanged { dimension, from_per_second, to_per_second } => write!(
                f,
                "the pace of `{service}` went from {from_per_second:.2} to {to_per_second:.2} \
                 {dimension} per second"
            ),
            EventKind::BreakerChanged { scope, to } => {
                write!(f, "the circuit breaker of {scope} is {}", to.name().replace('_', " "))
            }
            EventKind::LimitsChanged { scope, limits } if limits.is_empty() => {
                write!(f, "{scope} has no limits of its own any more")
            }
            EventKind::LimitsChanged { scope, limits } => {
                write!(f, "the limits of {scope} are now {}", limits.join(", "))
            }
            EventKind::Alert { alert } => write!(f, "{alert}"),
            EventKind::LimiterFailed { why } => {
                write!(f, "the limiter of `{service}` failed and rests: {why}")
            }
            EventKind::LimiterResumed => {
                write!(f, "the limiter of `{service}` was restarted from empty and grants again")
            }
            EventKind::LimiterGivenUp => {
                write!(f, "the limiter of `{service}` failed too often and was stopped")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_units::{Code, Dimension, Outcome, Priority, Reason, Rejection, Scope, Span};

    use super::*;
    use crate::sample::{BreakerPhase, UnixMillis};

    fn kinds() -> Vec<EventKind> {
        let service = "anthropic".parse().expect("a name");
        let rejection = Rejection {
            code: Code::E4404,
            reason: Reason::LimitReached,
            scope: Scope::Service(service),
            dimension: Dimension::Requests,
            limit: 50,
            window: Span::from_secs(60),
            used: 50,
            requested: 1,
            retry_after: Some(Span::from_secs(3)),
            queue_position: None,
        };
        let scope = rejection.scope.clone();
        let (class, model, key) = (Priority::High, None, Some("agent=planner".to_owned()));
        vec![
            EventKind::Waiting { class, model: None, key: key.clone(), queued: 4 },
            EventKind::Refused { class, model, key, rejection },
            EventKind::Throttled { outcome: Outcome::RateLimited, retry_after_ms: Some(2_000) },
            EventKind::Throttled { outcome: Outcome::Overloaded, retry_after_ms: None },
            EventKind::PaceChanged {
                dimension: Dimension::Requests,
                from_per_second: 4.0,
                to_per_second: 3.2,
            },
            EventKind::BreakerChanged { scope: scope.clone(), to: BreakerPhase::HalfOpen },
            EventKind::LimitsChanged {
                scope: scope.clone(),
                limits: vec!["60 requests per 1m".to_owned()],
            },
            EventKind::LimitsChanged { scope, limits: Vec::new() },
            EventKind::LimiterFailed { why: "index out of bounds".to_owned() },
            EventKind::LimiterResumed,
            EventKind::LimiterGivenUp,
        ]
    }

    fn events() -> Vec<Event> {
        let event = |kind| {
            let service = Some("anthropic".parse().expect("a name"));
            Event { at: UnixMillis(1_700_000_000_000), service, kind }
        };
        kinds().into_iter().map(event).collect()
    }

    #[test]
    fn events_read_as_sentences() {
        let lines: Vec<String> = events().iter().map(Event::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn events_survive_their_text() {
        let events = events();
        let lines = events.iter().map(|event| {
            let line = serde_json::to_string(event).expect("it serialises");
            assert_eq!(&serde_json::from_str::<Event>(&line).expect("it is its own"), event);
            line
        });
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
    }
}
