//! A body as the documents that it is made of.
//!
//! Most bodies are one JSON document. Streaming endpoints wrap it in an array, or send a line for each
//! event; AWS sends XML or binary frames; proxies send pages and sentences.
//!
//! # Invariants
//!
//! - FEED-4: no more is looked at than [`Response::BODY_MAX`] from either end, and JSON no deeper than
//!   its parser goes, which is 128.

use serde_json::Value;

use super::Response;

/// As many documents as are kept: of a stream the first and the last tell everything.
const DOCUMENTS_MAX: usize = 1_024;
/// As much of a text that is no document as is searched for words.
const TEXT_MAX: usize = 8_192;

/// One JSON document of a body.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    /// It came as an event whose name says that it is an error.
    pub(super) is_error: bool,
}

/// What there is of a body.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) documents: Vec<Document>,
    /// Where there is no document, the beginning as text.
    pub(super) text: String,
}

impl Body {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.trim_ascii();
        if bytes.len() <= Response::BODY_MAX
            && let Ok(value) = serde_json::from_slice(bytes)
        {
            return Self::of_value(value);
        }
        let head = &bytes[..bytes.len().min(Response::BODY_MAX)];
        // What the head has is not looked at twice.
        let tail = &bytes[bytes.len().saturating_sub(Response::BODY_MAX).max(head.len())..];
        let is_stream = is_stream(head);
        let documents = if is_stream { events(head, tail) } else { late_usage(tail) };
        let text = if is_stream && !documents.is_empty() {
            String::new()
        } else {
            String::from_utf8_lossy(&head[..head.len().min(TEXT_MAX)]).into_owned()
        };
        Self { documents, text }
    }

    fn of_value(value: Value) -> Self {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        let documents = values.into_iter().take(DOCUMENTS_MAX).flat_map(Document::of).collect();
        Self { documents, text: String::new() }
    }
}

impl Document {
    /// The documents of one value: programs that record streams keep events as objects or as text.
    fn of(mut value: Value) -> Vec<Self> {
        let is_error = value["event"] == "error";
        match value.get_mut("data").map(Value::take) {
            Some(value @ Value::Object(_)) if is_error => vec![Self { value, is_error }],
            Some(data) => {
                value["data"] = data;
                vec![Self { value, is_error: false }]
            }
            None => match value {
                Value::String(text) if is_stream(text.as_bytes()) => events(text.as_bytes(), b""),
                value => vec![Self { value, is_error: false }],
            },
        }
    }
}

/// Whether this looks like `text/event-stream`.
fn is_stream(head: &[u8]) -> bool {
    let starts = [&b"event:"[..], b"data:", b"id:", b"retry:", b":"];
    starts.iter().any(|start| head.starts_with(start))
}

/// The documents of the lines of data.
fn events(head: &[u8], tail: &[u8]) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut is_error = false;
    for line in head.split(|byte| *byte == b'\n').chain(tail.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if let Some(name) = line.strip_prefix(b"event:") {
            is_error = name.trim_ascii() == b"error";
        } else if let Some(data) = line.strip_prefix(b"data:")
            && let Ok(value) = serde_json::from_slice::<Value>(data)
        {
            if documents.len() >= DOCUMENTS_MAX {
                // The last one says what all of it took.
                documents.pop();
            }
            documents.push(Document { value, is_error });
        }
    }
    documents
}

/// What a document that is too long to be read says at its end of what it took.
fn late_usage(tail: &[u8]) -> Vec<Document> {
    let names = ["usage", "usageMetadata"];
    let found = names.iter().find_map(|name| {
        let key = format!("\"{name}\"");
        let place = tail.windows(key.len()).rposition(|window| window == key.as_bytes())?;
        let rest = tail[place + key.len()..].trim_ascii_start().strip_prefix(b":")?;
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        let usage = values.next()?.ok().filter(Value::is_object)?;
        Some(serde_json::json!({ *name: usage }))
    });
    found.map(|value| Document { value, is_error: false }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_its_documents() {
        let body = Body::read(br#" [{"a":1},{"b":2}] "#);
        assert_eq!(body.documents.len(), 2);
        assert_eq!(body.documents[1].value["b"], 2);
    }

    #[test]
    fn events_are_documents_and_an_error_is_known_by_its_name() {
        let body = Body::read(
            b"event: ping\ndata: {}\n\nevent: error\r\ndata: {\"x\":1}\r\n\ndata: [DONE]\n",
        );
        assert_eq!(body.documents.len(), 2);
        assert!(!body.documents[0].is_error && body.documents[1].is_error);
    }

    #[test]
    fn a_long_document_still_says_what_it_took() {
        let filler = "x".repeat(3 * Response::BODY_MAX);
        let body =
            Body::read(format!(r#"{{"data":"{filler}","usage":{{"total_tokens":7}}}}"#).as_bytes());
        assert_eq!(body.documents[0].value["usage"]["total_tokens"], 7);
        let body = Body::read(format!(r#"{{"usage":{{}},"data":"{filler}"}}"#).as_bytes());
        assert!(body.documents.is_empty());
        assert!(body.text.len() <= TEXT_MAX);
    }

    #[test]
    fn the_end_of_a_long_stream_is_kept() {
        let event = "data: {\"n\":1}\n\n".repeat(50_000);
        let body = Body::read(format!("{event}data: {{\"n\":2}}\n\n").as_bytes());
        assert_eq!(body.documents.len(), DOCUMENTS_MAX);
        assert_eq!(body.documents.last().map(|last| last.value["n"].clone()), Some(2.into()));
    }

    #[test]
    fn depth_is_bounded() {
        let body = Body::read(&b"[".repeat(60_000));
        assert!(body.documents.is_empty());
    }
}
