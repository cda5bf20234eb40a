//! What a body says of when to try again, and of limits.

use serde_json::Value;
use tidegate_units::Span;

use super::body::Body;
use super::duration;
use super::limits::LIMITS_MAX;
use super::number;
use super::reported::Reported;
use crate::Reset;

/// Before which words a sentence says how long to wait.
const BEFORE: [&str; 6] = [
    "try again in ",
    "retry in ",
    "retry after ",
    "try again after ",
    "please wait ",
    "available in ",
];
/// Names of a wait in bodies, with their unit in nanoseconds.
const NAMES: [(&str, u64); 5] = [
    ("retry_after", 1_000_000_000),
    ("retryAfter", 1_000_000_000),
    ("retry_after_seconds", 1_000_000_000),
    ("retry_after_ms", 1_000_000),
    ("retryAfterMs", 1_000_000),
];
const MINUTE: Span = Span::from_secs(60);
const DAY: Span = Span::from_secs(86_400);

/// Google's `RetryInfo`: the longest, if there are several.
pub(super) fn retry_info(body: &Body) -> Option<Span> {
    let delay = |detail: &Value| match &detail["retryDelay"] {
        Value::String(text) => duration::whole(text),
        Value::Object(parts) => {
            let part = |name: &str| parts.get(name).and_then(Value::as_u64).unwrap_or(0);
            Some(Span::from_secs(part("seconds")) + Span::from_nanos(part("nanos")))
        }
        _ => None,
    };
    details(body).filter_map(delay).max()
}

/// A number that says how long to wait.
pub(super) fn retry_after(body: &Body) -> Option<Span> {
    let read = |place: &Value| {
        NAMES.iter().find_map(|(name, unit)| match place.get(name)? {
            Value::Number(number) => number::nanos(&number.to_string(), *unit),
            Value::String(text) => number::nanos(text, *unit),
            _ => None,
        })
    };
    let places = body.documents.iter().flat_map(|document| {
        let value = &document.value;
        [value, &value["error"], &value["parameters"], &value["detail"]]
    });
    places.filter_map(read).max().map(Span::from_nanos)
}

/// A sentence, in lower case, that says how long to wait.
pub(super) fn sentence(message: &str) -> Option<Span> {
    BEFORE.iter().find_map(|before| {
        let mut places = message.split(before).skip(1);
        places.find_map(|rest| Some(duration::leading(rest)?.0))
    })
}

/// The quotas that Google names as broken, with their windows: nothing is left of them.
pub(super) fn violations(body: &Body) -> Vec<Reported> {
    let mut limits: Vec<Reported> = Vec::new();
    let violations = details(body).filter_map(|detail| detail["violations"].as_array()).flatten();
    for violation in violations.take(LIMITS_MAX) {
        let id = violation["quotaId"].as_str().unwrap_or_default();
        let (window, suffix) = if id.contains("PerDay") || id.contains("Daily") {
            (Some(DAY), "_day")
        } else {
            (Some(MINUTE).filter(|_| id.contains("PerMinute")), "")
        };
        let what = match (id.contains("InputToken"), id.contains("Request")) {
            (true, _) => "input_tokens",
            (_, true) => "requests",
            _ => continue,
        };
        let limit = violation["quotaValue"].as_str().and_then(number::amount);
        let name = format!("{what}{suffix}");
        let said = Reported { limit, remaining: Some(0), window, ..Reported::of(name) };
        match limits.iter_mut().find(|held| held.name == said.name) {
            Some(held) => held.merge(said),
            None => limits.push(said),
        }
    }
    limits
}

/// `OpenAI`'s event about limits in a live session.
pub(super) fn live_limits(body: &Body) -> Vec<Reported> {
    let updated = |value: &&Value| value["type"] == "rate_limits.updated";
    let documents = body.documents.iter().rev().map(|document| &document.value);
    let lists = documents.filter(updated).filter_map(|value| value["rate_limits"].as_array());
    let limit = |value: &Value| {
        let count = |name: &str| number::amount(&value.get(name)?.to_string());
        let name = value["name"].as_str().filter(|name| name.len() <= 64)?;
        let reset = value.get("reset_seconds")?.to_string();
        let reset = number::nanos(&reset, 1_000_000_000).map(Span::from_nanos);
        Some(Reported {
            limit: count("limit"),
            remaining: count("remaining"),
            reset: reset.map(Reset::Full),
            ..Reported::of(name.to_owned())
        })
    };
    lists.take(1).flatten().take(LIMITS_MAX).filter_map(limit).collect()
}

/// The details of Google's errors.
fn details(body: &Body) -> impl Iterator<Item = &Value> {
    let errors = body.documents.iter().map(|document| &document.value["error"]["details"]);
    errors.filter_map(Value::as_array).flatten().take(LIMITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_how_long() {
        for (message, millis) in [
            ("please try again in 6m0s.", Some(360_000)),
            ("please try again in 120ms. visit", Some(120)),
            ("please retry in 5.5s", Some(5_500)),
            ("try again in 1 seconds.", Some(1_000)),
            ("please retry after 26 seconds.", Some(26_000)),
            ("please wait 3600 seconds before retrying", Some(3_600_000)),
            ("please try again in a moment; then try again in 2s", Some(2_000)),
            ("please wait a few minutes before you try again.", None),
            ("try again in 5", None),
            ("try again in ", None),
            ("try again in -5s", None),
        ] {
            assert_eq!(sentence(message), millis.map(Span::from_millis), "{message}");
        }
    }

    #[test]
    fn a_delay_may_be_text_or_parts() {
        for (delay, nanos) in [
            (r#""34.074824224s""#, Some(34_074_824_224)),
            (r#"{"seconds":2,"nanos":5}"#, Some(2_000_000_005)),
            (r#""soon""#, None),
            ("7", None),
        ] {
            let text = format!(r#"{{"error":{{"details":[{{"retryDelay":{delay}}}]}}}}"#);
            let body = Body::read(text.as_bytes());
            assert_eq!(retry_info(&body), nanos.map(Span::from_nanos), "{delay}");
        }
    }

    #[test]
    fn a_live_session_tells_its_limits() {
        let body = Body::read(
            br#"{"type":"rate_limits.updated","rate_limits":[
                {"name":"requests","limit":1000,"remaining":999,"reset_seconds":0.06},
                {"name":"tokens","limit":50000,"remaining":49950,"reset_seconds":1}, {"name":3}, 4]}"#,
        );
        let limits = live_limits(&body);
        assert_eq!(limits.len(), 2);
        assert_eq!(
            (limits[0].remaining, limits[0].full_in()),
            (Some(999), Some(Span::from_millis(60)))
        );
    }
}
