//! Finds the few fields that matter in an event that is too large to hold.
//!
//! The last event of a streamed answer may repeat the whole of it, pictures included, and the counts
//! stand at its end. So brackets and quotes are followed as the bytes pass, and only the values of a
//! few names near the top are kept.
//!
//! # Invariants
//!
//! - USE-2: what is held never exceeds [`Skim::HELD_MAX`].

use serde_json::{Map, Value};

/// The names whose values are kept, at the top and in [`PARENTS`].
const NAMES: [&str; 14] = [
    "type",
    "event_type",
    "object",
    "usage",
    "usageMetadata",
    "meta",
    "error",
    "done",
    "finish_reason",
    "stop_reason",
    "finishReason",
    "prompt_eval_count",
    "eval_count",
    "amazon-bedrock-invocationMetrics",
];

/// The objects that are looked into.
const PARENTS: [&str; 5] = ["message", "response", "delta", "metadata", "x_groq"];

/// The lists in whose objects it may stand why the output ended, which then is kept at the top.
const LISTS: [&str; 2] = ["choices", "candidates"];

/// The longest of all these names, and one byte, so that a longer one is told.
const NAME_MAX: usize = 33;

/// A value that is being kept.
#[derive(Debug)]
struct Capture {
    parent: Option<&'static str>,
    name: &'static str,
    /// How deep it is; `None` until its first byte.
    within: Option<u32>,
    bytes: Vec<u8>,
}

/// A reader of one large event.
#[derive(Debug, Default)]
pub(super) struct Skim {
    depth: u32,
    quoted: bool,
    escaped: bool,
    /// The last text that was seen, as far as it may be a name.
    text: Vec<u8>,
    /// The name at the top under which the reader is.
    top: Option<&'static str>,
    capture: Option<Capture>,
    held: usize,
    found: Map<String, Value>,
}

impl Skim {
    /// The most bytes of an event that are kept: errors with all their details are a few KiB.
    pub(super) const HELD_MAX: usize = 16 * 1_024;

    /// How many bytes of the event are kept now.
    pub(super) fn held(&self) -> usize {
        self.held + self.text.len()
    }

    /// Reads on.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.keep(*byte);
            self.step(*byte);
        }
    }

    /// What was found, as an event that holds nothing else. A value that nothing follows may have been
    /// cut short, as a number of half its digits is: it is not there.
    pub(super) fn into_value(self) -> Value {
        Value::Object(self.found)
    }

    /// Gives `byte` to the value that is being kept.
    fn keep(&mut self, byte: u8) {
        let (depth, quoted) = (self.depth, self.quoted);
        let Some(capture) = &mut self.capture else { return };
        if capture.within.is_none() {
            if byte.is_ascii_whitespace() {
                return;
            }
            capture.within = Some(depth);
        }
        let ends = !quoted && capture.within == Some(depth) && matches!(byte, b',' | b'}' | b']');
        if ends {
            self.close();
        } else if self.held < Self::HELD_MAX - NAME_MAX {
            capture.bytes.push(byte);
            self.held += 1;
        } else {
            self.held -= capture.bytes.len();
            self.capture = None;
        }
    }

    /// Follows brackets and quotes.
    fn step(&mut self, byte: u8) {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ if self.text.len() < NAME_MAX => self.text.push(byte),
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.quoted = true;
                self.text.clear();
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' => self.name(),
            _ => {}
        }
    }

    /// The last text was a name: decides whether its value is kept.
    fn name(&mut self) {
        let text = std::mem::take(&mut self.text);
        let one_of =
            |names: &[&'static str]| names.iter().find(|name| name.as_bytes() == text).copied();
        let (parent, name) = match (self.depth, self.top) {
            (1, _) => {
                self.top = one_of(&PARENTS).or_else(|| one_of(&LISTS));
                (None, one_of(&NAMES))
            }
            (2, Some(top)) if PARENTS.contains(&top) => (Some(top), one_of(&NAMES)),
            (3, Some(top)) if LISTS.contains(&top) => {
                let ends = one_of(&["finish_reason", "finishReason"]);
                (None, ends.map(|_| "finish_reason"))
            }
            _ => (None, None),
        };
        if let (None, Some(name)) = (&self.capture, name) {
            self.capture = Some(Capture { parent, name, within: None, bytes: Vec::new() });
        }
    }

    /// The value that was being kept is whole, if it is one.
    fn close(&mut self) {
        let Some(Capture { parent, name, bytes, .. }) = self.capture.take() else { return };
        let Ok(value) = serde_json::from_slice::<Value>(&bytes) else {
            self.held -= bytes.len();
            return;
        };
        let fields = match parent {
            None => &mut self.found,
            Some(parent) => {
                let inner = self.found.entry(parent).or_insert_with(|| Map::new().into());
                let Value::Object(inner) = inner else { return };
                inner
            }
        };
        fields.insert(name.to_owned(), value);
    }
}
