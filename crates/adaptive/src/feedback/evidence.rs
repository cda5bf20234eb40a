//! What a body says went wrong: the words that programs compare, and the sentence for people.
//!
//! Services put the reason in different places, mostly several at once: `type`, `code`, `status`,
//! `reason`, an `errors` array, details of an error. All of them are gathered here without asking
//! whose they are; which of them mean what, the rules of a provider say.
//!
//! # Invariants
//!
//! - In a response that succeeded, only what is marked as an error is looked at: what users write to
//!   each other may well be "rate limit exceeded".

use serde_json::Value;

use super::Response;
use super::body::Body;
use super::fields::Fields;

/// As many words as are kept.
const WORDS_MAX: usize = 64;
/// As long as a word may be: the longest code of a service has about 60 characters.
const WORD_MAX: usize = 256;
/// As much of sentences as is kept, in bytes.
const MESSAGE_MAX: usize = 8_192;
/// As deep as errors are looked into: `error.details[].violations[]` is three.
const DEPTH_MAX: u8 = 5;
/// As many errors of one list as are looked at.
const LIST_MAX: usize = 16;

/// Under which names there are words.
const WORDS: [&str; 10] = [
    "code",
    "Code",
    "type",
    "status",
    "reason",
    "__type",
    "error",
    "error_code",
    "quotaId",
    "quota_limit",
];
/// Under which names there are sentences.
const SENTENCES: [&str; 9] = [
    "message",
    "Message",
    "error",
    "detail",
    "error_description",
    "msg",
    "error_message",
    "title",
    "details",
];
/// Under which names there may be more of both.
const INSIDE: [&str; 7] =
    ["error", "errors", "details", "violations", "metadata", "extensions", "message"];

/// What there is to judge a response by, beside its status and its headers.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Codes, types, reasons: as they stand.
    pub(super) words: Vec<String>,
    /// Sentences in lower case.
    pub(super) message: String,
    /// The status says that it went well, and the body that it did not.
    pub(super) failed_inside: bool,
}

impl Evidence {
    pub(super) fn gather(response: &Response<'_>, fields: &Fields<'_>, body: &Body) -> Self {
        let mut evidence = Self::default();
        let succeeded = response.status < 400;
        for document in &body.documents {
            if !succeeded || document.is_error || is_error(&document.value) {
                evidence.failed_inside |= succeeded;
                evidence.look(&document.value, DEPTH_MAX);
            }
            evidence.look_inside(&document.value);
        }
        if let Some(name) = fields.first("x-amzn-errortype") {
            evidence.word(aws_name(name));
        }
        // A header of a frame, where somebody has unpacked it.
        if let Some(name) = fields.first(":exception-type") {
            evidence.exception(name);
        }
        if succeeded {
            evidence.frames(response.body);
        } else {
            evidence.text(&body.text);
        }
        evidence.message = evidence.message.to_lowercase();
        evidence
    }

    /// Whether any word is this one.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|held| held == word)
    }

    /// What stands inside a response that may have succeeded.
    fn look_inside(&mut self, document: &Value) {
        for place in [document, &document["response"]] {
            for name in ["error", "errors"] {
                match &place[name] {
                    Value::Array(list) => {
                        list.iter().take(LIST_MAX).for_each(|it| self.look(it, DEPTH_MAX));
                    }
                    Value::Object(_) => self.look(&place[name], DEPTH_MAX),
                    _ => {}
                }
            }
        }
        let exceptions = document.as_object().into_iter().flatten().take(LIST_MAX);
        for (name, inside) in exceptions.filter(|(name, _)| name.ends_with("Exception")) {
            self.exception(name);
            self.look(inside, 1);
        }
    }

    /// The words and sentences of one object and of the errors in it.
    fn look(&mut self, value: &Value, depth: u8) {
        let Some(object) = value.as_object().filter(|_| depth > 0) else { return };
        for name in WORDS {
            match object.get(name) {
                Some(Value::String(word)) if name == "__type" => {
                    self.word(&capitalised(aws_name(word)));
                }
                Some(Value::String(word)) => self.word(aws_name(word)),
                Some(Value::Number(number)) => self.word(&number.to_string()),
                _ => {}
            }
        }
        for name in SENTENCES {
            if let Some(Value::String(sentence)) = object.get(name) {
                self.sentence(sentence);
            }
        }
        for name in INSIDE {
            match object.get(name) {
                Some(Value::Array(list)) => {
                    list.iter().take(LIST_MAX).for_each(|it| self.look(it, depth - 1));
                }
                Some(inside) => self.look(inside, depth - 1),
                None => {}
            }
        }
    }

    /// XML, pages and sentences.
    fn text(&mut self, text: &str) {
        if let Some((_, rest)) = text.split_once("<Code>")
            && let Some((code, _)) = rest.split_once("</Code>")
        {
            self.word(code.trim());
        }
        self.sentence(text);
    }

    /// The exception that a binary stream of AWS ends with.
    fn frames(&mut self, bytes: &[u8]) {
        const NAME: &[u8] = b":exception-type";
        // A frame begins with its length, in four bytes of which the first is zero.
        if bytes.first() != Some(&0) {
            return;
        }
        let tail = &bytes[bytes.len().saturating_sub(Response::BODY_MAX)..];
        let Some(place) = tail.windows(NAME.len()).rposition(|window| window == NAME) else {
            return;
        };
        // One byte of type and two of length stand before the value.
        let value = tail.get(place + NAME.len() + 3..).unwrap_or_default();
        let letters = value.iter().take_while(|byte| byte.is_ascii_alphanumeric()).take(WORD_MAX);
        self.exception(&letters.map(|byte| char::from(*byte)).collect::<String>());
    }

    /// An exception inside of what had begun well.
    fn exception(&mut self, name: &str) {
        self.failed_inside = true;
        self.word(&capitalised(name));
    }

    fn word(&mut self, word: &str) {
        let fits = !word.is_empty() && word.len() <= WORD_MAX && self.words.len() < WORDS_MAX;
        if fits && !self.has(word) {
            self.words.push(word.to_owned());
        }
    }

    fn sentence(&mut self, sentence: &str) {
        let room = MESSAGE_MAX.saturating_sub(self.message.len());
        let end = sentence.floor_char_boundary(room.min(sentence.len()));
        if end > 0 {
            self.message.push_str(&sentence[..end]);
            self.message.push('\n');
        }
    }
}

/// Whether a document says of itself that it is an error. That alone is not enough: what is asked for
/// may be a list of errors.
fn is_error(document: &Value) -> bool {
    let is_event = document["error"].is_object() || document["sequence_number"].is_number();
    let refuses = document["ok"] == false && document["error"].is_string();
    let is_aws = document["__type"].is_string();
    let has_failed = document["type"] == "response.failed";
    (document["type"] == "error" && is_event) || refuses || is_aws || has_failed
}

/// The name of an exception of AWS, which streams begin with a small letter.
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The name of an error of AWS, which a namespace may precede and a place may follow.
fn aws_name(word: &str) -> &str {
    let word = word.rsplit_once('#').map_or(word, |(_, name)| name);
    word.split_once(":http").map_or(word, |(name, _)| name).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_units::Instant;

    fn gathered(status: u16, body: &[u8]) -> Evidence {
        let headers = [("X-Amzn-ErrorType", &b"SlowDown:http://internal/"[..])];
        let response = Response { status, headers: &headers, body, received_at: Instant::ZERO };
        Evidence::gather(&response, &Fields::new(&response), &Body::read(body))
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        for (body, word) in [
            (r#"{"error":{"type":"a"}}"#, "a"),
            (r#"{"error":{"details":{"error_code":"b"}}}"#, "b"),
            (r#"{"error":{"details":[{"violations":[{"quotaId":"c"}]}]}}"#, "c"),
            (r#"{"error":{"details":[{"metadata":{"quota_limit":"d"}}]}}"#, "d"),
            (r#"{"__type":"com.amazon#E"}"#, "E"),
            (r#"{"errors":[{"extensions":{"code":"f"}}]}"#, "f"),
            (r#"[{"error":{"code":429}}]"#, "429"),
            ("<Error><Code>G</Code></Error>", "G"),
            (r#"{"ok":false,"error":"h"}"#, "h"),
            ("", "SlowDown"),
        ] {
            assert!(gathered(429, body.as_bytes()).has(word), "{word} in {body}");
        }
    }

    #[test]
    fn in_a_success_only_errors_are_looked_at() {
        for said in [
            &br#"{"type":"message","message":"secondary rate limit","status":"x"}"#[..],
            br#"[{"type":"error","message":"secondary rate limit","code":"x"}]"#,
            br#"{"ok":false,"message":"secondary rate limit","code":"x"}"#,
        ] {
            let evidence = gathered(200, said);
            assert!(evidence.message.is_empty() && !evidence.has("x") && !evidence.failed_inside);
        }
        let said = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\"}}\n";
        let evidence = gathered(200, said);
        assert!(evidence.has("x") && evidence.failed_inside);
        let said =
            b"data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\"}}}";
        assert!(gathered(200, said).has("x"));
        let frame = b"\0\0\0\x62:exception-type\x07\0\x13throttlingException\r:content-type";
        assert!(gathered(200, frame).has("ThrottlingException"));
    }

    #[test]
    fn what_is_gathered_is_bounded() {
        let many =
            format!(r#"{{"errors":[{}{{}}]}}"#, r#"{"code":"x","message":"y"},"#.repeat(500));
        assert!(gathered(400, many.as_bytes()).words.len() <= WORDS_MAX);
        let long = format!(r#"{{"message":"{}"}}"#, "é".repeat(30_000));
        assert!(gathered(400, long.as_bytes()).message.len() <= 8_193);
    }
}
