//! What programs and drivers say in words.
//!
//! The words of a known error are looked for in each line, in any case; what is full is asked for
//! first, since who cannot write for want of space often says that a lock could not be made.
//!
//! # Invariants
//!
//! - SIG-1: what is full is never taken for a rate or for contention.
//! - SIG-2: at most [`HEAD`] bytes from the beginning and [`TAIL`] from the end are looked at.

use tidegate_units::Outcome;

/// How much is looked at from the beginning of a text.
pub(super) const HEAD: usize = 4 * 1_024;
/// How much is looked at from the end of a text.
pub(super) const TAIL: usize = 12 * 1_024;

/// Words that stand together in one line, and what they say. In small letters; a digit at the end of a
/// word is the last digit of a number.
type Saying = (Outcome, &'static [&'static str]);

/// In the order in which they are asked.
const SAYINGS: [Saying; 44] = [
    (Outcome::QuotaExhausted, &["no space left on device"]),
    (Outcome::QuotaExhausted, &["disk quota exceeded"]),
    (Outcome::QuotaExhausted, &["database or disk is full"]),
    (Outcome::QuotaExhausted, &["not enough space on the disk"]),
    (Outcome::QuotaExhausted, &["the table '", "' is full"]),
    (Outcome::RateLimited, &["returned error: 429"]),
    (Outcome::RateLimited, &["http 429"]),
    (Outcome::RateLimited, &["http/1.1 429"]),
    (Outcome::RateLimited, &["http/2 429"]),
    (Outcome::RateLimited, &["status code 429"]),
    (Outcome::RateLimited, &["status code: 429"]),
    (Outcome::RateLimited, &["too many requests"]),
    (Outcome::RateLimited, &["rate limit exceeded"]),
    (Outcome::RateLimited, &["exceeded", "rate limit"]),
    (Outcome::RateLimited, &["has exceeded the 'max_", "' resource"]),
    (Outcome::Contention, &["another git process"]),
    (Outcome::Contention, &["unable to create '", ".lock'", "file exists"]),
    (Outcome::Contention, &["cannot lock ref '", "file exists"]),
    (Outcome::Contention, &["database is locked"]),
    (Outcome::Contention, &["database table is locked"]),
    (Outcome::Contention, &["database schema is locked"]),
    (Outcome::Contention, &["locking protocol"]),
    (Outcome::Contention, &["could not obtain lock"]),
    (Outcome::Contention, &["could not get lock"]),
    (Outcome::Contention, &["due to lock timeout"]),
    (Outcome::Contention, &["could not serialize access"]),
    (Outcome::Contention, &["deadlock detected"]),
    (Outcome::Contention, &["deadlock found"]),
    (Outcome::Contention, &["lock wait timeout exceeded"]),
    (Outcome::Contention, &["resource deadlock"]),
    (Outcome::Contention, &["resource temporarily unavailable"]),
    (Outcome::Contention, &["device or resource busy"]),
    (Outcome::Contention, &["text file busy"]),
    (Outcome::Overloaded, &["returned error: 503"]),
    (Outcome::Overloaded, &["returned error: 529"]),
    (Outcome::Overloaded, &["service unavailable"]),
    (Outcome::Overloaded, &["too many connections"]),
    (Outcome::Overloaded, &["too many clients"]),
    (Outcome::Overloaded, &["connection slots are reserved"]),
    (Outcome::Overloaded, &["the database system is starting up"]),
    (Outcome::Overloaded, &["too many open files"]),
    (Outcome::Overloaded, &["no locks available"]),
    (Outcome::Overloaded, &["cannot allocate memory"]),
    (Outcome::Overloaded, &["out of memory"]),
];

/// What `text` says, if it says anything that is known.
pub(super) fn read(text: &[u8]) -> Option<Outcome> {
    let looked_at = ends(text).to_ascii_lowercase();
    let lines: Vec<&[u8]> = looked_at.split(|byte| matches!(byte, b'\n' | b'\r')).collect();
    let said = |words: &[&str]| lines.iter().any(|line| says(line, words));
    SAYINGS.iter().find(|(_, words)| said(words)).map(|(outcome, _)| *outcome)
}

/// The beginning and the end, with a break between them where something was left out.
fn ends(text: &[u8]) -> Vec<u8> {
    if text.len() <= HEAD + TAIL {
        return text.to_vec();
    }
    [&text[..HEAD], b"\n", &text[text.len() - TAIL..]].concat()
}

/// Whether `line` holds all of `words`, in their order.
fn says(line: &[u8], words: &[&str]) -> bool {
    let rest = words.iter().try_fold(line, |rest, word| rest.get(end_of(rest, word)?..));
    rest.is_some()
}

/// Where the first `word` in `line` ends.
fn end_of(line: &[u8], word: &str) -> Option<usize> {
    let word = word.as_bytes();
    let number = word.last().is_some_and(u8::is_ascii_digit);
    let starts = line.windows(word.len()).enumerate().filter(|(_, found)| *found == word);
    let mut ends = starts.map(|(start, _)| start + word.len());
    ends.find(|end| !(number && line.get(*end).is_some_and(u8::is_ascii_digit)))
}
