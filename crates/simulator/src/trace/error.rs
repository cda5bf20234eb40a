//! What can be wrong with a trace, in words that say where and what would be right.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use tidegate_units::Span;

use crate::trace::Trace;

/// A fault, and the line it is on: 1 is the first. None where no line is to blame.
pub(super) type Located = (Option<u64>, TraceFault);

/// Why a file is no trace: which file, which line, and what is wrong there.
///
/// Prints as `FILE:LINE: FAULT`.
#[derive(Debug)]
pub struct TraceError {
    file: PathBuf,
    line: Option<u64>,
    fault: TraceFault,
}

impl TraceError {
    pub(super) fn new(file: &Path, line: Option<u64>, fault: TraceFault) -> Self {
        Self { file: file.to_owned(), line, fault }
    }

    /// The file that was read.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line that is to blame, from 1; none where it is the whole file.
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// What is wrong.
    pub fn fault(&self) -> &TraceFault {
        &self.fault
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for TraceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            TraceFault::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// What is wrong with a trace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceFault {
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// The compressed data ends in the middle.
    #[error("the gzip data is cut short after line {after_line}: fetch the whole file again")]
    CutShort {
        /// The last whole line that could be read.
        after_line: u64,
    },
    /// The compressed data is damaged.
    #[error("the gzip data is damaged after line {after_line}: fetch the file again")]
    Damaged {
        /// The last whole line that could be read.
        after_line: u64,
    },
    /// A line is too long to be one request.
    #[error("a line of more than {} bytes: one request per line is expected", Trace::LINE_MAX)]
    LineTooLong,
    /// A line holds bytes that are no text.
    #[error("not UTF-8: the file is expected to be text, or text under gzip")]
    NotText,
    /// There is no request in the file.
    #[error("no requests: at least one is needed")]
    Empty,
    /// There are too many requests.
    #[error("more than {} requests: split the trace", Trace::REQUESTS_MAX)]
    TooMany,
    /// The file starts like neither format.
    #[error(
        "`{start}` starts no trace: use CSV with the header \
         `TIMESTAMP,ContextTokens,GeneratedTokens`, or JSON Lines such as \
         `{{\"at_s\": 1.25, \"input_tokens\": 374, \"output_tokens\": 44}}`"
    )]
    UnknownFormat {
        /// How the file starts.
        start: String,
    },
    /// A line of CSV has too few or too many fields.
    #[error("{found} fields: 3 are expected, as in `2023-11-16 18:15:46.6805900,374,44`")]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// A line of JSON Lines is broken, or has fields that are not known.
    #[error("no request in JSON: {reason}")]
    Json {
        /// What the parser says, without its position in the file.
        reason: String,
    },
    /// Not a time.
    #[error("`{value}` is no time: write it as `2023-11-16 18:15:46.6805900`, in UTC")]
    Timestamp {
        /// What stands there.
        value: String,
    },
    /// The time since the start is missing, there twice, or out of range.
    #[error("{name} {value}: use one of `at_s` and `at_ms`, a number of 0 to {}", Trace::SPAN_MAX)]
    Elapsed {
        /// The field, or both.
        name: &'static str,
        /// What stands there.
        value: String,
    },
    /// An amount of tokens is missing or out of range.
    #[error("{name} {value}: use a whole number of 0 to {}", Trace::TOKENS_MAX)]
    Tokens {
        /// The field.
        name: &'static str,
        /// What stands there.
        value: String,
    },
    /// A key is too long, empty, or not printable text.
    #[error("key {value}: use text of 1 to {} printable bytes, or leave it out", Trace::KEY_MAX)]
    Key {
        /// What stands there.
        value: String,
    },
    /// A request is earlier than the one before it.
    #[error("a time of {at} after one of {before}: put the lines in order of time")]
    OutOfOrder {
        /// The time of the line.
        at: Span,
        /// The time of the line before it.
        before: Span,
    },
    /// The requests are too far apart.
    #[error("the requests up to here span more than {}: split the trace", Trace::SPAN_MAX)]
    TooLong,
}

/// The start of a text from outside: short, and without what would move the cursor of a terminal.
pub(super) fn excerpt(text: &str) -> String {
    let shown = text.chars().take(60);
    let mut excerpt: String =
        shown.map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(60).is_some() {
        excerpt.push('…');
    }
    excerpt
}
