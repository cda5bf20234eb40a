//! Responses as `curl -i` prints them: a status line, headers, an empty line, a body.
//!
//! Where a body ends is not always known: its length is that of what was sent, which may have been
//! unpacked since. So it is believed where the text ends there or the next response begins; otherwise
//! the next line that is a status line begins the next response.

use std::io::{BufRead, Read};

use serde_json::Value;
use tidegate_adaptive::feedback::{Profile, Response};

use super::{answer, input, record};
use crate::printer::Printer;

/// As much as is read, in bytes.
const INPUT_MAX: usize = 16_777_216;

/// One response, in pieces of the text.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
    /// It answers a proxy's `CONNECT`, and not the call.
    is_tunnel: bool,
}

/// Answers to all responses; what could not be read comes back.
///
/// # Errors
///
/// A message when the input cannot be read, or an answer not be printed.
pub(super) fn read(input: &mut impl BufRead, profile: &Profile) -> Result<Vec<String>, String> {
    let failed = |error| format!("standard input: cannot be read: {error}");
    let bound = u64::try_from(INPUT_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = Vec::new();
    input.take(bound).read_to_end(&mut text).map_err(failed)?;
    if text.len() > INPUT_MAX {
        return Err(format!("standard input: more than {INPUT_MAX} bytes: give fewer responses"));
    }
    let mut faults = input::Faults::default();
    let mut printer = Printer::output();
    let received_at = record::now();
    for (place, block) in finals(blocks(&text, &mut faults)).iter().enumerate() {
        let Block { status, headers, body, .. } = block;
        let response = Response { status: *status, headers, body, received_at };
        let id = Value::from(place + 1);
        printer.print(&answer::line(&id, &profile.read(&response))?)?;
    }
    Ok(faults.finish())
}

/// The responses without those that were only on the way to them: 1xx, answers of proxies, and
/// redirects that were followed.
fn finals(blocks: Vec<Block<'_>>) -> Vec<Block<'_>> {
    let last = blocks.len().saturating_sub(1);
    let on_the_way = |at: usize, block: &Block<'_>| match block.status {
        100..=199 => true,
        300..=399 => at < last && block.headers.iter().any(|(name, _)| is(name, "location")),
        _ => at < last && block.is_tunnel,
    };
    let numbered = blocks.into_iter().enumerate();
    numbered.filter(|(at, block)| !on_the_way(*at, block)).map(|(_, block)| block).collect()
}

fn is(name: &str, known: &str) -> bool {
    name.eq_ignore_ascii_case(known)
}

/// A text that is read from its beginning, line by line.
struct Text<'a> {
    rest: &'a [u8],
    number: u64,
}

impl<'a> Text<'a> {
    /// The next line without its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = Some(self.rest).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (line, rest) =
            end.map_or((rest, &rest[rest.len()..]), |end| (&rest[..end], &rest[end + 1..]));
        self.rest = rest;
        self.number += 1;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    /// What is there of the next `length` bytes.
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.number += taken.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.rest = rest;
        taken
    }
}

/// Every response, also those on the way.
fn blocks<'a>(text: &'a [u8], faults: &mut input::Faults) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let mut text = Text { rest: text, number: 0 };
    while let Some(line) = text.line() {
        if let Some(status) = status(line) {
            let headers = head(&mut text, faults);
            let body = body(&mut text, &headers);
            let phrase = line.to_ascii_lowercase();
            let is_tunnel = phrase.ends_with(b"connection established");
            blocks.push(Block { status, headers, body, is_tunnel });
        } else if !line.trim_ascii().is_empty() {
            let number = text.number;
            let expected = "expected a status line such as `HTTP/2 429`, as `curl -i` prints it";
            faults.note(format!("standard input:{number}: {expected}"));
            // The rest of what is no response would be one fault a line.
            let length = until_status(text.rest);
            text.take(length);
        }
    }
    blocks
}

/// The status of a status line.
fn status(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(line).ok()?;
    let (version, rest) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let code = rest.trim_start().split(' ').next().filter(|code| code.len() == 3)?;
    code.parse().ok().filter(|code| is_version && (100..=599).contains(code))
}

/// The headers, up to the empty line behind them.
fn head<'a>(text: &mut Text<'a>, faults: &mut input::Faults) -> Vec<(&'a str, &'a [u8])> {
    let mut headers = Vec::new();
    while let Some(line) = text.line().filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':');
        let parts = colon.map(|colon| (std::str::from_utf8(&line[..colon]), &line[colon + 1..]));
        match parts {
            Some((Ok(name), value)) => headers.push((name, value.trim_ascii())),
            _ => {
                let number = text.number;
                let expected = "expected a header such as `retry-after: 5`";
                faults.note(format!("standard input:{number}: {expected}"));
            }
        }
    }
    headers
}

/// The body of a response with these headers.
fn body<'a>(text: &mut Text<'a>, headers: &[(&str, &[u8])]) -> &'a [u8] {
    let stated = headers.iter().find(|(name, _)| is(name, "content-length"));
    let stated = stated.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
    let fits = |length: &usize| {
        let rest = text.rest.get(*length..).map(<[u8]>::trim_ascii_start);
        rest.is_some_and(|rest| rest.is_empty() || until_status(rest) == 0)
    };
    let length = stated.filter(fits).unwrap_or_else(|| until_status(text.rest));
    text.take(length)
}

/// How many bytes there are before the next status line, or before the end.
fn until_status(text: &[u8]) -> usize {
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if status(line.trim_ascii_end()).is_some() {
            return at;
        }
        at += line.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statuses and bodies of the final responses, and how much could not be read.
    fn read(text: &str) -> (Vec<(u16, String)>, usize) {
        let mut faults = input::Faults::default();
        let blocks = finals(blocks(text.as_bytes(), &mut faults));
        let shown = |it: &Block<'_>| (it.status, String::from_utf8_lossy(it.body).into_owned());
        (blocks.iter().map(shown).collect(), faults.finish().len())
    }

    fn one(status: u16, body: &str) -> (Vec<(u16, String)>, usize) {
        (vec![(status, body.to_owned())], 0)
    }

    #[test]
    fn lines_may_end_in_either_way_and_a_body_may_be_missing() {
        assert_eq!(
            read("HTTP/1.1 429 Too Many\r\nretry-after: 5\r\n\r\n{}\r\n"),
            one(429, "{}\r\n")
        );
        assert_eq!(read("HTTP/2 429 \nretry-after: 5\n\na\n\nb"), one(429, "a\n\nb"));
        assert_eq!(read("HTTP/3 204"), one(204, ""));
    }

    #[test]
    fn what_came_on_the_way_is_passed_over() {
        assert_eq!(read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx"), one(200, "x"));
        let moved = "HTTP/1.1 301 Moved\nLocation: /b\n\n";
        assert_eq!(read(&format!("{moved}HTTP/1.1 429 No\n\n")), one(429, ""));
        assert_eq!(read(moved), one(301, ""));
        let tunnel = "HTTP/1.0 200 Connection established\r\n\r\n";
        assert_eq!(read(&format!("{tunnel}HTTP/2 503\r\n\r\n")), one(503, ""));
    }

    #[test]
    fn a_length_ends_a_body_where_it_fits() {
        let text = "HTTP/2 200\ncontent-length: 4\n\n{\"a\"HTTP/2 429\n\nb";
        assert_eq!(read(text).0, [(200, "{\"a\"".to_owned()), (429, "b".to_owned())]);
        // What was unpacked is longer than it says.
        let text = "HTTP/2 200\ncontent-length: 4\n\nunpacked\nHTTP/2 429\n\nb";
        assert_eq!(read(text).0, [(200, "unpacked\n".to_owned()), (429, "b".to_owned())]);
        assert_eq!(read("HTTP/2 200\ncontent-length: 99999999999999999999\n\nx"), one(200, "x"));
    }

    #[test]
    fn what_is_no_response_is_a_fault_and_the_rest_is_read() {
        let (responses, faults) = read("not a response\nneither\nHTTP/2 429\nno header\n\n");
        assert_eq!((responses.len(), faults), (1, 2));
        assert_eq!(read("HTTP/2 4290\n\n").1, 1);
    }
}
