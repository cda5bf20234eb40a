//! What was read of a response, as JSON whose keys are always the same.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_adaptive::feedback::{Charge, Counted, Feedback, Reported};
use tidegate_adaptive::{Reset, feedback};
use tidegate_units::{Dimension, Span};

/// One answer; `null` stands where nothing is known.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a Value,
    class: &'static str,
    sub: Option<&'a str>,
    wait_ms: Option<u64>,
    source: Option<&'a str>,
    dims: Value,
    charge: Option<Value>,
    resume_at: Option<String>,
}

/// A line about `feedback`, without its end.
///
/// # Errors
///
/// A message when no JSON can be made of it.
pub(super) fn line(id: &Value, feedback: &Feedback) -> Result<String, String> {
    let wait = feedback.wait.as_ref();
    let answer = Answer {
        id,
        class: feedback.class.name(),
        sub: feedback.sub.as_deref(),
        wait_ms: wait.map(|wait| wait.span.as_millis()),
        source: wait.map(|wait| wait.source.as_ref()),
        dims: limits(feedback),
        charge: feedback.charge.as_ref().map(charge),
        resume_at: feedback.resume_at.map(feedback::rfc3339),
    };
    serde_json::to_string(&answer).map_err(|error| format!("no JSON can be made of this: {error}"))
}

/// Every limit under its name; where requests or tokens are limited per day or month only, the
/// tightest of them under the plain name too, which is what a controller hears.
fn limits(feedback: &Feedback) -> Value {
    let named = feedback.limits.iter().map(|it| (it.name.to_string(), limit(it)));
    let mut limits: Map<String, Value> = named.collect();
    for dimension in [Dimension::Requests, Dimension::Tokens] {
        if let Some(tightest) = feedback.tightest(dimension)
            && !limits.contains_key(dimension.name())
        {
            limits.insert(dimension.name().to_owned(), limit(tightest));
        }
    }
    if limits.is_empty() { Value::Null } else { Value::Object(limits) }
}

/// What is known of a limit, and nothing else.
fn limit(reported: &Reported) -> Value {
    let mut known = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        known.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("limit", reported.limit.map(Value::from));
    put("remaining", reported.remaining.map(Value::from));
    put("utilization", reported.used_thousandths.and_then(thousandths));
    put("full_in_ms", reported.full_in().map(millis));
    if let Some(Reset::More(span)) = reported.reset {
        put("more_in_ms", Some(millis(span)));
    }
    put("window_ms", reported.window.map(millis));
    put("policy", reported.policy.as_deref().map(Value::from));
    Value::Object(known)
}

/// A share of a limit as services write it: 0.42.
fn thousandths(share: u64) -> Option<Value> {
    serde_json::from_str(&format!("{}.{:03}", share / 1_000, share % 1_000)).ok()
}

/// Whole milliseconds, rounded up.
fn millis(span: Span) -> Value {
    span.as_nanos().div_ceil(1_000_000).into()
}

/// What was charged, in what the provider limits.
fn charge(charge: &Charge) -> Value {
    let Charge { input, output, total, counted } = charge;
    match counted {
        Counted::Directions => json!({ "input": input, "output": output }),
        Counted::Together => json!({ "total": total }),
        Counted::Either => json!({ "input": input, "output": output, "total": total }),
    }
}
