//! A response as one line of JSON.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;
use tidegate_adaptive::feedback::{Profile, Response};
use tidegate_units::{Instant, WallClock};

use super::answer;

/// What a line says. What else stands in it is passed over.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    provider: Option<String>,
    /// What the clock showed where the response was received; without it, what it shows now.
    #[serde(default, deserialize_with = "instant")]
    local_now: Option<Instant>,
    status: u16,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    body: Value,
}

/// Header lines: pairs, which keep those that come twice, or an object.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`headers` is no list of pairs such as [\"retry-after\", \"5\"]")]
enum Headers {
    Lines(Vec<(String, HeaderValue)>),
    Named(BTreeMap<String, HeaderValue>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

impl Headers {
    fn lines(&self) -> Vec<(&str, String)> {
        match self {
            Self::Lines(lines) => {
                lines.iter().map(|(name, it)| (name.as_str(), it.text())).collect()
            }
            Self::Named(lines) => {
                lines.iter().map(|(name, it)| (name.as_str(), it.text())).collect()
            }
        }
    }
}

/// The value of a header; numbers are taken as they are written.
#[derive(Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Text(String),
    Other(serde_json::Number),
}

impl HeaderValue {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Other(number) => number.to_string(),
        }
    }
}

/// The answer to one line.
///
/// # Errors
///
/// What was expected instead.
pub(super) fn answer(line: &[u8], provider: Option<&Profile>) -> Result<String, String> {
    let expected = "expected an object with `status`, and with `provider`, `headers` and `body` \
                    where they are known";
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(expected.to_owned());
    }
    let record: Record =
        serde_json::from_slice(line).map_err(|error| format!("{}: {expected}", reason(&error)))?;
    if !(100..=599).contains(&record.status) {
        return Err(format!("a status of {}: expected 100 to 599", record.status));
    }
    let named = || record.provider.as_deref().map(of_provider);
    let profile = provider.cloned().or_else(named).unwrap_or_else(Profile::generic);
    let lines = record.headers.lines();
    let headers: Vec<(&str, &[u8])> =
        lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let body = match &record.body {
        Value::Null => Vec::new(),
        Value::String(text) => text.as_bytes().to_vec(),
        value => serde_json::to_vec(value).map_err(|error| error.to_string())?,
    };
    let received_at = record.local_now.unwrap_or_else(now);
    let response = Response { status: record.status, headers: &headers, body: &body, received_at };
    answer::line(&record.id, &profile.read(&response))
}

/// What is wrong with a line. It is one line to the parser, and has a number of its own among the others.
fn reason(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// The profile of a provider, or of the family that its name begins with, as in `openai-realtime`.
fn of_provider(name: &str) -> Profile {
    let family = || name.split('-').next().and_then(Profile::named);
    Profile::named(name).or_else(family).unwrap_or_else(Profile::generic)
}

/// What the wall clock shows, as an instant whose origin is 1970.
pub(super) fn now() -> Instant {
    Instant::from_nanos(WallClock.unix_millis().saturating_mul(1_000_000))
}

/// RFC 3339, or any other form of a date.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    match Response::instant(&text) {
        Some(at) => Ok(Some(at)),
        None => Err(D::Error::custom("`local_now` is no date such as 2026-09-27T12:00:00Z")),
    }
}
