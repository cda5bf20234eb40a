//! Recorded traffic: when each request came, and how large it was.
//!
//! Two formats are read, told apart by their content and not by their name, each plain or under
//! gzip: the [CSV of the Azure traces](azure), and [JSON Lines](json_lines).
//!
//! # Invariants
//!
//! 1. Requests are in order of time, and the first comes at zero.
//! 2. At most [`Trace::REQUESTS_MAX`] requests within [`Trace::SPAN_MAX`], each of at most
//!    [`Trace::TOKENS_MAX`] tokens in each direction. A file that is cut short is refused, never
//!    taken for a shorter trace.
//! 3. Reading holds one line of the file at a time, and no line is longer than
//!    [`Trace::LINE_MAX`] bytes.

pub mod azure;
pub mod json_lines;

mod error;
mod load;
mod source;
mod timestamp;

use std::path::Path;
use std::sync::Arc;

use tidegate_units::{Key, Span};

pub use error::{TraceError, TraceFault};

use crate::number;
use source::{Opening, Source};

/// One request of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceRequest {
    /// When it arrives, since the first request of its trace.
    pub at: Span,
    /// Tokens sent with it: 0 to [`Trace::TOKENS_MAX`].
    pub context_tokens: u64,
    /// Tokens that the service generates for it: 0 to [`Trace::TOKENS_MAX`].
    pub generated_tokens: u64,
    /// Who sends it, where the trace says so: 1 to [`Trace::KEY_MAX`] printable bytes.
    pub key: Option<Arc<str>>,
}

impl TraceRequest {
    /// Tokens in both directions.
    pub fn tokens(&self) -> u64 {
        self.context_tokens.saturating_add(self.generated_tokens)
    }
}

/// Traffic: requests in order of time, the first at zero.
///
/// ```
/// use tidegate_simulator::{Trace, TraceRequest};
/// use tidegate_units::Span;
///
/// let request = |secs| TraceRequest {
///     at: Span::from_secs(secs),
///     context_tokens: 300,
///     generated_tokens: 40,
///     key: None,
/// };
/// let trace = Trace::new("three", vec![request(15), request(5), request(10)]);
/// assert_eq!(trace.span(), Span::from_secs(10));
/// assert_eq!(trace.requests()[0].at, Span::ZERO);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    name: String,
    requests: Vec<TraceRequest>,
}

impl Trace {
    /// The most requests that one trace may hold.
    pub const REQUESTS_MAX: u64 = 10_000_000;
    /// The longest time from the first request to the last.
    pub const SPAN_MAX: Span = Span::from_secs(31 * 86_400);
    /// The most tokens of one request in each direction.
    pub const TOKENS_MAX: u64 = 100_000_000;
    /// The longest line of a file, in bytes.
    pub const LINE_MAX: usize = 64 * 1024;
    /// The longest key, in bytes: what a limiter takes.
    pub const KEY_MAX: usize = Key::VALUE_MAX;

    /// A trace of these requests, which are put in order and moved so that the first is at zero.
    ///
    /// Requests of the same moment keep their order.
    pub fn new(name: impl Into<String>, mut requests: Vec<TraceRequest>) -> Self {
        requests.sort_by_key(|request| request.at);
        let origin = requests.first().map_or(Span::ZERO, |first| first.at);
        for request in &mut requests {
            request.at = request.at - origin;
        }
        Self { name: name.into(), requests }
    }

    /// Reads the trace in a file; its name is the file's, without folders and endings.
    ///
    /// # Errors
    ///
    /// [`TraceError`] with the first thing that is wrong, the line it is on, and what is accepted:
    /// see [`TraceFault`].
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let located = |(line, fault)| TraceError::new(path, line, fault);
        let mut source = Source::open(path).map_err(located)?;
        let requests = match source.opening().map_err(located)? {
            Opening::Azure => azure::read(source),
            Opening::JsonLines => json_lines::read(source),
        };
        let requests = requests.map_err(located)?;
        if requests.is_empty() {
            return Err(located((None, TraceFault::Empty)));
        }
        Ok(Self::new(name_of(path), requests))
    }

    /// What the trace is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The requests, in order of time.
    pub fn requests(&self) -> &[TraceRequest] {
        &self.requests
    }

    /// The time from the first request to the last; zero for fewer than two.
    pub fn span(&self) -> Span {
        self.requests.last().map_or(Span::ZERO, |last| last.at)
    }

    /// The same traffic, where each request that says nothing of who sends it is sent by whom
    /// `next` names. It is asked for every request in the order of time, so that those that say so
    /// change nothing for those that do not.
    pub fn with_keys(mut self, mut next: impl FnMut() -> Arc<str>) -> Self {
        for request in &mut self.requests {
            let dealt = next();
            request.key.get_or_insert(dealt);
        }
        self
    }

    /// Requests per second over the whole span; zero where there is no span.
    pub fn mean_rate(&self) -> f64 {
        match self.span() {
            Span::ZERO => 0.0,
            span => number::float(number::count(self.requests.len())) / span.as_secs_f64(),
        }
    }

    /// The tokens of all requests, in both directions.
    pub fn tokens(&self) -> u64 {
        self.requests.iter().fold(0, |sum, request| sum.saturating_add(request.tokens()))
    }
}

/// The name of a file without folders and without `.csv.gz` and the like.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let endings = [".gz", ".csv", ".jsonl", ".json"];
    let bare =
        endings.iter().fold(&*name, |rest, ending| rest.strip_suffix(ending).unwrap_or(rest));
    bare.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_files_without_its_endings() {
        assert_eq!(name_of(Path::new("/data/azure-2023.conv.csv.gz")), "azure-2023.conv");
        assert_eq!(name_of(Path::new("mine.jsonl")), "mine");
        assert_eq!(name_of(Path::new("plain")), "plain");
    }

    #[test]
    fn a_trace_without_a_span_has_no_rate() {
        let request =
            TraceRequest { at: Span::ZERO, context_tokens: 1, generated_tokens: 2, key: None };
        let trace = Trace::new("one", vec![request]);
        assert_eq!(trace.span(), Span::ZERO);
        assert!(trace.mean_rate().abs() < f64::EPSILON);
        assert_eq!(trace.tokens(), 3);
    }
}
