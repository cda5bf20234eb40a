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
    /// What is left of each limit, and when it is full again.
    dims: Value,
    charge: Option<Value>,
    resume_at: Option<String>,
    /// What else is known of each limit.
    limits: Value,
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
        dims: of_each(feedback, left),
        charge: feedback.charge.as_ref().map(charge),
        resume_at: feedback.resume_at.map(feedback::rfc3339),
        limits: of_each(feedback, rest),
    };
    serde_json::to_string(&answer).map_err(|error| format!("no JSON can be made of this: {error}"))
}

/// Every limit under its name; where requests or tokens are limited per day or month only, the
/// tightest of them under the plain name too, which is what a controller hears.
fn of_each(feedback: &Feedback, known: fn(&Reported) -> Map<String, Value>) -> Value {
    let named = feedback.limits.iter().map(|it| (it.name.to_string(), known(it).into()));
    let mut limits: Map<String, Value> = named.collect();
    for dimension in [Dimension::Requests, Dimension::Tokens] {
        if let Some(tightest) = feedback.tightest(dimension)
            && !limits.contains_key(dimension.name())
        {
            limits.insert(dimension.name().to_owned(), known(tightest).into());
        }
    }
    limits.retain(|_, known| *known != json!({}));
    if limits.is_empty() { Value::Null } else { Value::Object(limits) }
}

fn left(reported: &Reported) -> Map<String, Value> {
    known([
        ("remaining", reported.remaining.map(Value::from)),
        ("full_in_ms", reported.full_in().map(millis)),
    ])
}

fn rest(reported: &Reported) -> Map<String, Value> {
    let more_in = match reported.reset {
        Some(Reset::More(span)) => Some(millis(span)),
        _ => None,
    };
    known([
        ("limit", reported.limit.map(Value::from)),
        ("utilization", reported.used_thousandths.and_then(thousandths)),
        ("more_in_ms", more_in),
        ("window_ms", reported.window.map(millis)),
        ("policy", reported.policy.as_deref().map(Value::from)),
    ])
}

/// What is known, and nothing else.
fn known<const N: usize>(figures: [(&str, Option<Value>); N]) -> Map<String, Value> {
    let known = figures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.collect()
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
