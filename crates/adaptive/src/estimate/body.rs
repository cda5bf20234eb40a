//! What the body of a request asks for: text to read, and how much to generate at most.
//!
//! Only what a model reads is counted: messages, prompts, instructions, tools; not the names of fields, and
//! not the bytes of pictures. Where nothing of that is found, all text is.
//!
//! # Invariants
//!
//! - EST-2: the work for one body is bounded: so many values, so many bytes of text; what is beyond is
//!   guessed from its length.

use serde_json::{Map, Value};

use super::{ByCharacters, Estimator};

/// The largest body that is parsed, and the most text that is looked at: a million tokens of English are four
/// times that, and for these a guess by length is as good.
const BYTES_MAX: usize = 1_024 * 1_024;

/// The most values that are looked at.
const VALUES_MAX: u32 = 65_536;

/// How deep the look goes; text that is nested deeper is no message.
const DEPTH_MAX: u32 = 64;

/// The fields whose text a model reads.
const READ: [&str; 20] = [
    "messages",
    "contents",
    "content",
    "prompt",
    "input",
    "inputs",
    "inputText",
    "system",
    "systemInstruction",
    "system_instruction",
    "instructions",
    "message",
    "chat_history",
    "preamble",
    "documents",
    "texts",
    "query",
    "suffix",
    "tools",
    "functions",
];

/// Those of them in which the names of fields are read as well: schemas.
const SCHEMAS: [&str; 2] = ["tools", "functions"];

/// Fields that are for the machine, wherever they stand.
const UNREAD: [&str; 16] = [
    "role",
    "type",
    "id",
    "tool_call_id",
    "tool_use_id",
    "call_id",
    "cache_control",
    "cachePoint",
    "signature",
    "thoughtSignature",
    "encrypted_content",
    "media_type",
    "mimeType",
    "mime_type",
    "detail",
    "status",
];

/// Fields that hold a picture, a sound or a file.
const PARTS: [&str; 14] = [
    "image_url",
    "source",
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
    "file",
    "file_id",
    "input_audio",
    "image",
    "images",
    "audio",
    "video",
    "bytes",
];

/// Where it stands how much may be generated.
const OUTPUT: [&[&str]; 9] = [
    &["max_completion_tokens"],
    &["max_output_tokens"],
    &["max_tokens"],
    &["maxOutputTokens"],
    &["generationConfig", "maxOutputTokens"],
    &["generation_config", "max_output_tokens"],
    &["inferenceConfig", "maxTokens"],
    &["textGenerationConfig", "maxTokenCount"],
    &["options", "num_predict"],
];

/// Where it stands how many answers are wanted.
const CHOICES: [&[&str]; 3] =
    [&["n"], &["generationConfig", "candidateCount"], &["num_generations"]];

/// The most answers that one call asks for; a larger number is refused by every service.
const CHOICES_MAX: u64 = 128;

/// What one call asks for.
///
/// ```
/// use serde_json::json;
/// use tidegate_adaptive::{Asked, ByCharacters};
///
/// let body = json!({
///     "model": "some-model",
///     "max_tokens": 400,
///     "system": "Be brief.",
///     "messages": [{"role": "user", "content": [
///         {"type": "text", "text": "What is this?"},
///         {"type": "image", "source": {"type": "base64", "data": "iVBORw0KGgo="}},
///     ]}],
/// });
/// let asked = Asked::of_body(&body, &ByCharacters::default());
/// assert_eq!(asked.input, 3 + 4 + 4 + 1_600);
/// assert_eq!(asked.allowed_output(), Some(400));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Tokens that are sent, estimated.
    pub input: u64,
    /// The most tokens that one answer may have, if the call says so.
    pub max_output: Option<u64>,
    /// How many answers are wanted: 1 to 128.
    pub choices: u64,
}

impl Asked {
    /// A call that sends so much and says nothing else.
    pub const fn sending(input: u64) -> Self {
        Self { input, max_output: None, choices: 1 }
    }

    /// What the bytes of a body ask for. A body that is no JSON, or larger than 1 MiB, is guessed by its length.
    pub fn of_bytes(body: &[u8], estimator: &dyn Estimator) -> Self {
        let small = body.len() <= BYTES_MAX;
        let parsed = small.then(|| serde_json::from_slice::<Value>(body).ok()).flatten();
        parsed.map_or_else(
            || Self::sending(by_length(body.len())),
            |body| Self::of_body(&body, estimator),
        )
    }

    /// What a body asks for.
    pub fn of_body(body: &Value, estimator: &dyn Estimator) -> Self {
        let mut look =
            Look { estimator, tokens: 0, bytes_left: BYTES_MAX, values_left: VALUES_MAX };
        let fields = body.as_object();
        let mut known =
            READ.into_iter().filter_map(|name| Some((name, fields?.get(name)?))).peekable();
        if known.peek().is_none() {
            look.value(body, false, 0);
        }
        for (name, value) in known {
            look.field(name, value, SCHEMAS.contains(&name), 0);
        }
        let first = |paths: &[&[&str]]| paths.iter().find_map(|path| number(body, path));
        Self {
            input: look.tokens,
            max_output: first(&OUTPUT),
            choices: first(&CHOICES).unwrap_or(1).clamp(1, CHOICES_MAX),
        }
    }

    /// The most tokens that all answers together may have.
    pub fn allowed_output(&self) -> Option<u64> {
        self.max_output.map(|each| each.saturating_mul(self.choices.max(1)))
    }
}

fn number(body: &Value, path: &[&str]) -> Option<u64> {
    path.iter().try_fold(body, |value, name| value.get(name))?.as_u64()
}

fn by_length(bytes: usize) -> u64 {
    ByCharacters::default().bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
}

/// A look at a body, and what is left of its bounds.
struct Look<'a> {
    estimator: &'a dyn Estimator,
    tokens: u64,
    bytes_left: usize,
    values_left: u32,
}

impl Look<'_> {
    fn value(&mut self, value: &Value, schema: bool, depth: u32) {
        if depth > DEPTH_MAX {
            return;
        }
        match value {
            Value::String(text) => self.text(text),
            // Prompts may be sent as tokens.
            Value::Number(_) => self.add(1),
            Value::Array(elements) => {
                for element in elements {
                    if !self.may_look() {
                        return;
                    }
                    self.value(element, schema, depth + 1);
                }
            }
            Value::Object(fields) => self.object(fields, schema, depth + 1),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, schema: bool, depth: u32) {
        if fields.contains_key("role") {
            self.add(self.estimator.message());
        }
        for (name, value) in fields {
            if !self.may_look() {
                return;
            }
            if schema {
                self.text(name);
            }
            self.field(name, value, schema, depth);
        }
    }

    fn field(&mut self, name: &str, value: &Value, schema: bool, depth: u32) {
        if schema {
            return self.value(value, schema, depth);
        }
        if PARTS.contains(&name) && !value.is_null() {
            let parts = value.as_array().map_or(1, Vec::len);
            let parts = u64::try_from(parts).unwrap_or(u64::MAX);
            self.add(self.estimator.part().saturating_mul(parts));
        } else if !UNREAD.contains(&name) {
            self.value(value, schema, depth);
        }
    }

    /// Whether another value may be looked at.
    fn may_look(&mut self) -> bool {
        let left = self.values_left.checked_sub(1);
        self.values_left = left.unwrap_or(0);
        left.is_some()
    }

    fn text(&mut self, text: &str) {
        match self.bytes_left.checked_sub(text.len()) {
            Some(left) => {
                self.bytes_left = left;
                self.add(self.estimator.text(text));
            }
            None => self.add(by_length(text.len())),
        }
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }
}
