//! What a call really cost, found while its answer streams by.
//!
//! Bytes go in as they arrive; nothing of the answer is kept but the event under way. Counts that are
//! repeated are cumulative, so that the last word on each is right and a sum would be wrong. An answer
//! that breaks off leaves what was known by then, and how many pieces of output went by.
//!
//! # Invariants
//!
//! - USE-1: the same bytes, cut into chunks in any way, give the same usage.
//! - USE-2: what is held never exceeds [`UsageStream::HELD_MAX`].
//! - USE-3: of counts that are repeated the last wins.
//! - USE-4: usage is complete only where the service has said its last.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::counts::Counts;
use super::event::Event;
use super::frames::{Frames, Part};
use super::skim::Skim;
use super::{Usage, UsageFamily};

/// How much is known of what a streamed call took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// All: the service has said its last, and what it took.
    Complete,
    /// A part: it took at least so much.
    Partial,
    /// Nothing at all: what was estimated is as good as it gets.
    Nothing,
}

/// What a streamed answer said of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamUsage {
    /// How much is known.
    pub known: Known,
    /// What the service counted, final or as far as it got.
    pub usage: Option<Usage>,
    /// Events that carried output. Services put one token or more into each, so that an answer whose
    /// counts never came took about so many tokens of output, and hardly fewer.
    pub pieces: u64,
    /// The error with which the answer broke off after it had begun with a success, in the form of the
    /// body of an answer that failed.
    pub failure: Option<Value>,
    /// Events that were no JSON, and of which nothing could be read.
    pub unread: u64,
}

impl StreamUsage {
    /// What the call took at least: what was counted, and a token of output for each piece where that is
    /// more. `None` where nothing is known.
    pub fn at_least(&self) -> Option<Usage> {
        let usage = match self.known {
            Known::Nothing => return None,
            Known::Complete => return self.usage,
            Known::Partial => self.usage.unwrap_or_default(),
        };
        let output = usage.output.unwrap_or(0).max(self.pieces);
        Some(Usage { output: Some(output), ..usage })
    }
}

/// Reads the usage from an answer that arrives in pieces: server-sent events, or JSON objects in a list,
/// in lines or in a row.
///
/// Events of Bedrock are read as JSON: what is fed is the payload of each frame, not the frame. An answer
/// that is compressed has to be unpacked first.
///
/// ```
/// use tidegate_adaptive::{Known, UsageFamily, UsageStream};
///
/// let mut stream = UsageStream::new(UsageFamily::OpenAi);
/// stream.feed(b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}\r\n\r");
/// stream.feed(b"\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,");
/// assert_eq!(stream.report().known, Known::Partial);
/// stream.feed(b"\"completion_tokens\":2,\"total_tokens\":11}}\n\ndata: [DONE]\n\n");
///
/// let end = stream.finish();
/// assert_eq!((end.known, end.pieces), (Known::Complete, 1));
/// assert_eq!(end.usage.and_then(|usage| usage.output), Some(2));
///
/// // An answer that breaks off before anything was counted.
/// let mut stream = UsageStream::new(UsageFamily::OpenAi);
/// stream.feed(b": hello\n\n");
/// assert_eq!(stream.finish().known, Known::Nothing);
/// ```
#[derive(Debug)]
pub struct UsageStream {
    family: UsageFamily,
    frames: Frames,
    reading: Reading,
}

/// The event under way, and what came of those before it.
#[derive(Debug, Default)]
struct Reading {
    /// The event under way, while it is small.
    event: Vec<u8>,
    /// The reader of the event under way, once it is large.
    skim: Option<Skim>,
    name: Vec<u8>,
    counts: Option<Counts>,
    last: bool,
    pieces: u64,
    failure: Option<Value>,
    failure_bytes: usize,
    unread: u64,
}

/// The longest name of an event that is kept; those that mean something are shorter.
const NAME_MAX: usize = 64;

impl UsageStream {
    /// The largest event that is held whole. All but those that repeat a whole answer are a hundred times
    /// smaller; of a larger one only the counts, the kind and the error are kept as they pass.
    pub const EVENT_MAX: usize = 64 * 1_024;

    /// The most bytes that are held between two chunks: an event and its name, or what is kept of a large
    /// one; and an error. While an event is read, its parsed form comes on top of that.
    pub const HELD_MAX: usize = 2 * Self::EVENT_MAX + Skim::HELD_MAX + NAME_MAX;

    /// A reader of an answer of `family`.
    pub fn new(family: UsageFamily) -> Self {
        Self { family, frames: Frames::new(), reading: Reading::default() }
    }

    /// Takes the next bytes of the answer.
    pub fn feed(&mut self, chunk: &[u8]) {
        let (family, reading) = (self.family, &mut self.reading);
        self.frames.feed(chunk, |part| reading.take(family, part));
    }

    /// What the service has counted so far, for settling in steps.
    pub fn usage(&self) -> Option<Usage> {
        self.reading.counts.as_ref().map(Counts::usage)
    }

    /// What is known so far. What stands in an event that is not over is not.
    pub fn report(&self) -> StreamUsage {
        let Reading { counts, last, pieces, failure, unread, .. } = &self.reading;
        let known = match (counts, *last) {
            (Some(_), true) => Known::Complete,
            (None, _) if *pieces == 0 => Known::Nothing,
            _ => Known::Partial,
        };
        let usage = self.usage();
        let (pieces, unread) = (*pieces, *unread);
        StreamUsage { known, usage, pieces, failure: failure.clone(), unread }
    }

    /// The answer is over, or has broken off: what is known of it. An event whose end is missing still
    /// counts, if it is whole but for that.
    pub fn finish(mut self) -> StreamUsage {
        self.reading.end(self.family);
        self.report()
    }

    /// How many bytes of the answer are held.
    pub fn held(&self) -> usize {
        let Reading { event, skim, name, failure_bytes, .. } = &self.reading;
        event.len() + skim.as_ref().map_or(0, Skim::held) + name.len() + failure_bytes
    }
}

impl Reading {
    fn take(&mut self, family: UsageFamily, part: Part<'_>) {
        match part {
            Part::Data(bytes) => self.data(bytes),
            Part::Named => self.name.clear(),
            Part::Name(byte) if self.name.len() < NAME_MAX => self.name.push(byte),
            Part::Name(_) => {}
            Part::End => self.end(family),
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        if let Some(skim) = &mut self.skim {
            return skim.feed(bytes);
        }
        if self.event.len() + bytes.len() <= UsageStream::EVENT_MAX {
            return self.event.extend_from_slice(bytes);
        }
        let skim = self.skim.get_or_insert_default();
        skim.feed(&std::mem::take(&mut self.event));
        skim.feed(bytes);
    }

    /// The event under way is over.
    fn end(&mut self, family: UsageFamily) {
        let name = std::mem::take(&mut self.name);
        let name = std::str::from_utf8(&name).unwrap_or_default();
        let event = std::mem::take(&mut self.event);
        if let Some(skim) = self.skim.take() {
            self.pieces = self.pieces.saturating_add(1);
            let held = skim.held();
            return self.event(Event::read(family, name, &skim.into_value()), held);
        }
        // Lines that belong to events of their own stand in one where a blank line is missing.
        let mut values = serde_json::Deserializer::from_slice(&event).into_iter::<Value>();
        while let Some(Ok(value)) = values.next() {
            self.event(Event::read(family, name, &value), event.len());
        }
        let rest = event.get(values.byte_offset()..).unwrap_or_default();
        match rest.trim_ascii() {
            b"" => {}
            b"[DONE]" => self.last = true,
            rest => self.broken(family, name, rest),
        }
    }

    /// What is no JSON, or nested deeper than anything that is read whole.
    fn broken(&mut self, family: UsageFamily, name: &str, rest: &[u8]) {
        let mut skim = Skim::default();
        skim.feed(rest);
        let event = skim.into_value();
        if event.as_object().is_none_or(serde_json::Map::is_empty) {
            self.unread = self.unread.saturating_add(1);
        }
        self.event(Event::read(family, name, &event), rest.len().min(Skim::HELD_MAX));
    }

    fn event(&mut self, event: Event, bytes: usize) {
        let Event { counts, piece, last, failure } = event;
        self.pieces = self.pieces.saturating_add(u64::from(piece));
        self.last |= last;
        if let Some(counts) = counts {
            self.counts.get_or_insert_default().update(&counts);
        }
        if let (None, Some(failure)) = (&self.failure, failure) {
            self.failure = Some(failure);
            self.failure_bytes = bytes;
        }
    }
}
