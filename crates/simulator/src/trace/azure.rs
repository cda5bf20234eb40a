//! The CSV of the Azure traces of LLM inference.
//!
//! ```text
//! TIMESTAMP,ContextTokens,GeneratedTokens
//! 2023-11-16 18:15:46.6805900,374,44
//! ```
//!
//! Times are UTC and exact to 100 ns. Lines need not be in order, since a trace may be merged from
//! several machines; they are sorted, and those of the same time stay as they stand.

use csv::ByteRecord;
use tidegate_units::Span;

use crate::number;
use crate::trace::error::{Located, TraceFault, excerpt};
use crate::trace::source::{Source, located};
use crate::trace::timestamp::nanos_since_1970;
use crate::trace::{Trace, TraceRequest};

/// The columns, in order.
pub const HEADER: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

/// Whether a line is the header of this format.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_end() == HEADER.join(",")
}

/// Reads all requests; their times count from the earliest.
pub(super) fn read(source: Source) -> Result<Vec<TraceRequest>, Located> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        // A stray quote would make one field of the rest of the file.
        .quoting(false)
        // Ends of lines are trimmed like other space; a record then ends where its line does.
        .terminator(csv::Terminator::Any(b'\n'))
        .trim(csv::Trim::All)
        .from_reader(source.into_reader());
    let mut record = ByteRecord::new();
    let mut stamped: Vec<(u128, TraceRequest)> = Vec::new();
    let (mut earliest, mut latest) = (u128::MAX, u128::MIN);
    while reader.read_byte_record(&mut record).map_err(csv_fault)? {
        // The source ends every line, and the reader has passed the end of this one.
        let line = Some(reader.position().line().saturating_sub(1));
        if record.len() == 1 && record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let (time, request) = parse(&record).map_err(|fault| (line, fault))?;
        (earliest, latest) = (earliest.min(time), latest.max(time));
        if latest - earliest > u128::from(Trace::SPAN_MAX.as_nanos()) {
            return Err((line, TraceFault::TooLong));
        }
        if number::count(stamped.len()) >= Trace::REQUESTS_MAX {
            return Err((line, TraceFault::TooMany));
        }
        stamped.push((time, request));
    }
    let since_earliest = |(time, request)| {
        let nanos = u64::try_from(time - earliest).unwrap_or(u64::MAX);
        TraceRequest { at: Span::from_nanos(nanos), ..request }
    };
    Ok(stamped.into_iter().map(since_earliest).collect())
}

/// One line: its time since 1970 in nanoseconds, and its request, whose time is still open.
fn parse(record: &ByteRecord) -> Result<(u128, TraceRequest), TraceFault> {
    let mut fields = [""; 3];
    for (text, bytes) in fields.iter_mut().zip(record) {
        *text = std::str::from_utf8(bytes).map_err(|_| TraceFault::NotText)?;
    }
    if record.len() != fields.len() {
        return Err(TraceFault::Fields { found: record.len() });
    }
    let [time, context, generated] = fields;
    let nanos =
        nanos_since_1970(time).ok_or_else(|| TraceFault::Timestamp { value: excerpt(time) })?;
    let request = TraceRequest {
        at: Span::ZERO,
        context_tokens: tokens(HEADER[1], context)?,
        generated_tokens: tokens(HEADER[2], generated)?,
        key: None,
    };
    Ok((nanos, request))
}

/// An amount of tokens in range.
fn tokens(name: &'static str, text: &str) -> Result<u64, TraceFault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let amount = text.parse().ok().filter(|amount| digits && *amount <= Trace::TOKENS_MAX);
    amount.ok_or_else(|| {
        let value =
            if text.is_empty() { "is missing".into() } else { format!("`{}`", excerpt(text)) };
        TraceFault::Tokens { name, value }
    })
}

/// What an error of the CSV reader means. It splits lines into fields and can fail on nothing but
/// reading.
fn csv_fault(error: csv::Error) -> Located {
    let line = error.position().map(csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => located(error),
        _ => (line, TraceFault::NotText),
    }
}
