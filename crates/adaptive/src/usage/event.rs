//! One event of a streamed answer: what it counts, whether it carries output, whether it is the last
//! word on what the call cost, and whether it is an error.
//!
//! The forms of all providers are told from each other by their names, so that an answer that passed
//! a gateway is read as well.

use serde_json::{Map, Value};

use super::UsageFamily;
use super::body::counts_of_event;
use super::counts::Counts;

/// What one event says.
#[derive(Debug, Default)]
pub(super) struct Event {
    pub(super) counts: Option<Counts>,
    /// It carries output.
    pub(super) piece: bool,
    /// The service said its last about the output: counts that are known by then are final.
    pub(super) last: bool,
    /// The error, in the form of the body of an answer that failed.
    pub(super) failure: Option<Value>,
}

impl Event {
    /// Reads an event; `name` is what a server-sent event is called, which some carry instead of a
    /// type inside.
    pub(super) fn read(family: UsageFamily, name: &str, event: &Value) -> Self {
        let inside = ["type", "event_type"].into_iter().find_map(|field| text(event, &[field]));
        let kind = inside.unwrap_or(name);
        let counts = counts_of_event(family, event);
        let last = is_last(kind, event, counts.is_some());
        Self { counts, piece: is_piece(kind, event), last, failure: failure(kind, event) }
    }
}

/// The value at `path`, if there is one that is not null.
fn at<'a>(event: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let value = path.iter().try_fold(event, |value, name| value.get(name))?;
    (!value.is_null()).then_some(value)
}

fn text<'a>(event: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(event, path)?.as_str()
}

/// The elements of the list called `name`.
fn list<'a>(event: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    event.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Whether there is anything in a text, a list or an object.
fn is_filled(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}

fn is_piece(kind: &str, event: &Value) -> bool {
    let typed = kind == "content_block_delta"
        || kind == "content-delta"
        || kind == "text-generation"
        || kind
            .strip_prefix("response.")
            .is_some_and(|rest| rest.rsplit('.').next() == Some("delta"));
    let filled = |value: &Value, names: &[&str]| {
        names.iter().any(|name| value.get(name).is_some_and(is_filled))
    };
    let said = ["content", "reasoning_content", "reasoning", "refusal", "tool_calls"];
    let of_choice = |choice: &Value| {
        filled(choice, &["text"]) || at(choice, &["delta"]).is_some_and(|it| filled(it, &said))
    };
    let of_candidate = |one: &Value| at(one, &["content", "parts"]).is_some_and(is_filled);
    typed
        || list(event, "choices").any(of_choice)
        || list(event, "candidates").any(of_candidate)
        || at(event, &["contentBlockDelta"]).is_some()
        || (at(event, &["contentBlockIndex"]).is_some() && filled(event, &["delta"]))
        || (event.get("done") == Some(&Value::Bool(false))
            && (filled(event, &["response"])
                || at(event, &["message"]).is_some_and(|it| filled(it, &["content"]))))
}

fn is_last(kind: &str, event: &Value, counted: bool) -> bool {
    const LAST: [&str; 7] = [
        "message_stop",
        "message-end",
        "stream-end",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.done",
    ];
    let ended = |list_name, name| list(event, list_name).any(|one| text(one, &[name]).is_some());
    let no_choices = event.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
    let stopped = [&["delta", "stop_reason"][..], &["finish_reason"]];
    let stopped = stopped.iter().any(|path| text(event, path).is_some());
    let whole = ["chat.completion", "response", "list"];
    // The type that stands inside; as the name of an event it is what all are called without one.
    let whole_message = text(event, &["type"]) == Some("message");
    LAST.contains(&kind)
        || event.get("done") == Some(&Value::Bool(true))
        || counted
            && (no_choices
                || stopped
                || whole_message
                || text(event, &["object"]).is_some_and(|object| whole.contains(&object))
                || ended("choices", "finish_reason")
                || ended("candidates", "finishReason")
                || text(event, &["promptFeedback", "blockReason"]).is_some()
                || at(event, &["metadata", "usage"]).is_some()
                || at(event, &["usage", "inputTokens"]).is_some()
                || at(event, &["amazon-bedrock-invocationMetrics"]).is_some())
}

/// The error that an event is, as `{"error": …}`, which is how the same provider writes it when the
/// answer fails at once.
fn failure(kind: &str, event: &Value) -> Option<Value> {
    let of_frame = |(name, value): (&String, &Value)| {
        let said = value.get("message").unwrap_or(value).clone();
        name.ends_with("Exception").then(|| {
            Value::Object(Map::from_iter([
                ("__type".to_owned(), Value::String(name.clone())),
                ("message".to_owned(), said),
            ]))
        })
    };
    if at(event, &["error"]).is_some() {
        return Some(event.clone());
    }
    if let Some(error) = at(event, &["response", "error"]) {
        return Some(wrapped(error.clone()));
    }
    if kind == "error" && event.is_object() {
        return Some(wrapped(event.clone()));
    }
    event.as_object()?.iter().find_map(of_frame)
}

fn wrapped(error: Value) -> Value {
    Value::Object(Map::from_iter([("error".to_owned(), error)]))
}
