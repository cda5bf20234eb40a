//! The body of a refusal, as `application/problem+json`.
//!
//! Source: RFC 9457; the types are those of draft-ietf-httpapi-ratelimit-headers-10.

use serde::Serialize;
use serde_json::{Value, json};
use tidegate_units::{Reason, Rejection};

use super::text::millis_up;
use super::{Header, LimitState, PolicyName, retry_headers};

/// A refusal, for a caller that speaks HTTP.
///
/// ```
/// use tidegate_adaptive::Problem;
/// use tidegate_units::{Code, Dimension, Reason, Rejection, Scope, Span};
///
/// let rejection = Rejection {
///     code: Code::E4404,
///     reason: Reason::LimitReached,
///     scope: Scope::Global,
///     dimension: Dimension::Requests,
///     limit: 50,
///     window: Span::from_secs(60),
///     used: 50,
///     requested: 1,
///     retry_after: Some(Span::from_millis(1_200)),
///     queue_position: None,
/// };
/// let problem = Problem::of(&rejection);
/// assert_eq!(problem.status(), 429);
/// assert_eq!(problem.headers()[1], ("retry-after", "2".to_owned()));
/// assert_eq!(problem.body()["code"], "E4404");
///
/// // What never fits is not to be tried again.
/// let never = Problem::of(&Rejection { retry_after: None, ..rejection }.because(Reason::NeverFits));
/// assert_eq!((never.status(), never.headers().len()), (413, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    rejection: Rejection,
    violated: Vec<PolicyName>,
}

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// The type, a URI; `about:blank` where the status says it all.
    uri: &'static str,
    title: &'static str,
    status: u16,
}

const QUOTA_EXCEEDED: Kind = Kind {
    uri: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
};
const REDUCED_CAPACITY: Kind = Kind {
    uri: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
    title: "Request cannot be satisfied due to temporary server capacity constraints",
    status: 503,
};
const TOO_LARGE: Kind = Kind { uri: "about:blank", title: "Content Too Large", status: 413 };

impl Problem {
    /// The media type of the body.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// The problem that `rejection` is.
    pub fn of(rejection: &Rejection) -> Self {
        let violated = vec![LimitState::of_rejection(rejection).name];
        Self { rejection: rejection.clone(), violated }
    }

    /// The same with the names of the limits that had no room, as they stand in other headers of the
    /// answer.
    pub fn violating(self, limits: &[LimitState]) -> Self {
        let names = limits.iter().take(super::Dialect::LIMITS_MAX).map(|limit| limit.name.clone());
        Self { violated: names.collect(), ..self }
    }

    /// The status of the answer: 429 where a limit bound, 503 where there is no room for callers or the
    /// service is left alone, 413 where the call never fits.
    pub const fn status(&self) -> u16 {
        self.kind().status
    }

    /// The headers of the answer: its media type and, unless the call never fits, when to come again.
    pub fn headers(&self) -> Vec<Header> {
        let retry = self.rejection.retry_after.map(retry_headers);
        let media_type = [("content-type", Self::CONTENT_TYPE.to_owned())];
        media_type.into_iter().chain(retry.into_iter().flatten()).collect()
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        let Kind { uri, title, status } = self.kind();
        let Rejection { code, reason, scope, dimension, limit, used, requested, .. } =
            &self.rejection;
        let names: Vec<&str> = self.violated.iter().map(PolicyName::as_str).collect();
        let mut body = json!({
            "type": uri,
            "title": title,
            "status": status,
            "detail": self.rejection.to_string(),
            "code": code.to_string(),
            "reason": reason,
            "scope": scope.to_string(),
            "dimension": dimension.name(),
            "limit": limit,
            "used": used,
            "requested": requested,
        });
        if self.kind() == QUOTA_EXCEEDED {
            body["violated-policies"] = json!(names);
        }
        if let Some(after) = self.rejection.retry_after {
            body["retry-after-ms"] = json!(millis_up(after));
        }
        if let Some(place) = self.rejection.queue_position {
            body["queue-position"] = json!(place);
        }
        body
    }

    const fn kind(&self) -> Kind {
        match self.rejection.reason {
            Reason::LimitReached
            | Reason::NoneAtHand
            | Reason::DeadlineTooClose
            | Reason::DeadlinePassed => QUOTA_EXCEEDED,
            Reason::QueueFull
            | Reason::Displaced
            | Reason::Paused
            | Reason::Paced
            | Reason::BreakerOpen => REDUCED_CAPACITY,
            Reason::NeverFits => TOO_LARGE,
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body().serialize(serializer)
    }
}
