//! One request per line, as JSON.
//!
//! ```text
//! {"at_s": 1.25, "input_tokens": 374, "output_tokens": 44, "key": "agent-1"}
//! ```
//!
//! `at_s` counts seconds and `at_ms` milliseconds from any origin; exactly one of them stands on
//! each line, and no line is earlier than the one before it. `key` may be left out, blank lines are
//! passed over, and any other field is refused: a misspelt `key` would otherwise read as none.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tidegate_units::Span;

use crate::number;
use crate::trace::error::{Located, TraceFault, excerpt};
use crate::trace::source::{Source, located};
use crate::trace::{Trace, TraceRequest};

/// A line as it stands: every value is checked by hand, so that a refusal names the range.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    at_s: Value,
    #[serde(default)]
    at_ms: Value,
    #[serde(default)]
    input_tokens: Value,
    #[serde(default)]
    output_tokens: Value,
    #[serde(default)]
    key: Value,
}

/// Reads all requests.
pub(super) fn read(source: Source) -> Result<Vec<TraceRequest>, Located> {
    let mut reader = source.into_reader();
    let mut keys = HashSet::new();
    let mut requests: Vec<TraceRequest> = Vec::new();
    let mut buffer = Vec::new();
    let mut line = 0;
    loop {
        buffer.clear();
        if reader.read_until(b'\n', &mut buffer).map_err(located)? == 0 {
            return Ok(requests);
        }
        line += 1;
        let at = |fault| (Some(line), fault);
        let text = std::str::from_utf8(&buffer).map_err(|_| at(TraceFault::NotText))?.trim();
        if text.is_empty() {
            continue;
        }
        let request = parse(text, &mut keys).map_err(at)?;
        accept(&requests, &request).map_err(at)?;
        requests.push(request);
    }
}

/// Whether a request may follow those before it.
fn accept(before: &[TraceRequest], request: &TraceRequest) -> Result<(), TraceFault> {
    let (Some(first), Some(last)) = (before.first(), before.last()) else {
        return Ok(());
    };
    if request.at < last.at {
        return Err(TraceFault::OutOfOrder { at: request.at, before: last.at });
    }
    if request.at - first.at > Trace::SPAN_MAX {
        return Err(TraceFault::TooLong);
    }
    if number::count(before.len()) >= Trace::REQUESTS_MAX {
        return Err(TraceFault::TooMany);
    }
    Ok(())
}

fn parse(text: &str, keys: &mut HashSet<Arc<str>>) -> Result<TraceRequest, TraceFault> {
    let line: Line = serde_json::from_str(text).map_err(|error| {
        // The parser counts lines within its text, which is always one.
        let reason = error.to_string().replacen(" at line 1 column ", " at column ", 1);
        TraceFault::Json { reason: excerpt_of_reason(&reason) }
    })?;
    Ok(TraceRequest {
        at: elapsed(&line)?,
        context_tokens: tokens("input_tokens", &line.input_tokens)?,
        generated_tokens: tokens("output_tokens", &line.output_tokens)?,
        key: key(&line.key, keys)?,
    })
}

/// What the parser says, bounded: it quotes names of fields from the file.
fn excerpt_of_reason(reason: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    reason.chars().take(200).map(printable).collect()
}

/// The time, from whichever field states it.
fn elapsed(line: &Line) -> Result<Span, TraceFault> {
    let (name, value, per_second) = match (&line.at_s, &line.at_ms) {
        (Value::Null, Value::Null) => ("the time", &Value::Null, 1.0),
        (seconds, Value::Null) => ("at_s", seconds, 1.0),
        (Value::Null, millis) => ("at_ms", millis, 1_000.0),
        (_, millis) => ("at_s beside at_ms", millis, 0.0),
    };
    let seconds = value.as_f64().map(|number| number / per_second);
    let range = 0.0..=Trace::SPAN_MAX.as_secs_f64();
    match seconds.filter(|seconds| range.contains(seconds)) {
        Some(seconds) => Ok(Span::from_secs_f64(seconds)),
        None => Err(TraceFault::Elapsed { name, value: shown(value) }),
    }
}

/// An amount of tokens in range.
fn tokens(name: &'static str, value: &Value) -> Result<u64, TraceFault> {
    let amount = value.as_u64().filter(|amount| *amount <= Trace::TOKENS_MAX);
    amount.ok_or_else(|| TraceFault::Tokens { name, value: shown(value) })
}

/// The key, held once however many requests have it.
fn key(value: &Value, keys: &mut HashSet<Arc<str>>) -> Result<Option<Arc<str>>, TraceFault> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) if is_key(text) => text.as_str(),
        _ => return Err(TraceFault::Key { value: shown(value) }),
    };
    if let Some(known) = keys.get(text) {
        return Ok(Some(Arc::clone(known)));
    }
    let key: Arc<str> = text.into();
    keys.insert(Arc::clone(&key));
    Ok(Some(key))
}

/// Whether a text names somebody: it is not empty, not long, and can be printed.
fn is_key(text: &str) -> bool {
    (1..=Trace::KEY_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A value for a message.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "is missing".to_owned(),
        value => format!("`{}`", excerpt(&value.to_string())),
    }
}
