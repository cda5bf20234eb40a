//! A file as bounded lines of text, with gzip undone.
//!
//! Whatever is read passes through [`Bounded`], so that neither a line without an end nor an
//! endless number of lines can fill the memory, in whichever format.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::trace::error::{Located, TraceFault, excerpt};
use crate::trace::{Trace, azure};

/// What a gzip file starts with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
/// Enough of a file to tell its format by.
const OPENING_LENGTH: usize = 256;
/// Lines without a request that a file may have: a header, blank lines.
const SPARE_LINES: u64 = 1_000;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    Azure,
    JsonLines,
}

/// The bytes of a trace, uncompressed, line by line at most [`Trace::LINE_MAX`].
pub(super) struct Source {
    start: Vec<u8>,
    rest: Bounded,
}

impl Source {
    /// Opens a file and looks at whether it is compressed.
    pub(super) fn open(path: &Path) -> Result<Self, Located> {
        let file = File::open(path).map_err(|error| (None, TraceFault::Io(error)))?;
        Self::over(file)
    }

    /// The same over any bytes.
    pub(super) fn over(bytes: impl Read + 'static) -> Result<Self, Located> {
        let mut reader = BufReader::new(bytes);
        let magic = fill(&mut reader, GZIP_MAGIC.len()).map_err(located)?;
        let compressed = magic == GZIP_MAGIC;
        let whole = BufReader::new(io::Cursor::new(magic).chain(reader));
        let inner: Box<dyn Read> =
            if compressed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        Ok(Self { start: Vec::new(), rest: Bounded::new(inner, compressed) })
    }

    /// The format, by how the content starts. What was looked at is still to be read.
    pub(super) fn opening(&mut self) -> Result<Opening, Located> {
        let mut start = fill(&mut self.rest, OPENING_LENGTH).map_err(located)?;
        if start.starts_with(&BYTE_ORDER_MARK) {
            start.drain(..BYTE_ORDER_MARK.len());
        }
        let opening = format_of(&start);
        self.start = start;
        opening
    }

    /// The bytes as a reader of lines, of which the last is ended too.
    pub(super) fn into_reader(self) -> impl BufRead {
        BufReader::new(io::Cursor::new(self.start).chain(self.rest).chain(&b"\n"[..]))
    }
}

/// Tells the format by the first line that is not blank.
fn format_of(start: &[u8]) -> Result<Opening, Located> {
    let first = start.trim_ascii_start();
    let first = first.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    // The end of what was looked at may cut a character in two; no header is that long.
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        Err(error) if error.error_len().is_some() => return Err((Some(1), TraceFault::NotText)),
        Err(error) => std::str::from_utf8(&first[..error.valid_up_to()]).unwrap_or_default(),
    };
    if text.is_empty() {
        return Err((None, TraceFault::Empty));
    }
    if text.starts_with('{') {
        return Ok(Opening::JsonLines);
    }
    if azure::is_header(text) {
        return Ok(Opening::Azure);
    }
    Err((Some(1), TraceFault::UnknownFormat { start: excerpt(text) }))
}

/// The first `length` bytes, or fewer where there are no more.
fn fill(reader: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(length);
    reader.take(crate::number::count(length)).read_to_end(&mut start)?;
    Ok(start)
}

/// A reader that refuses lines beyond the longest, and lines beyond the most.
struct Bounded {
    inner: Box<dyn Read>,
    compressed: bool,
    lines: u64,
    line_length: usize,
}

impl Bounded {
    fn new(inner: Box<dyn Read>, compressed: bool) -> Self {
        Self { inner, compressed, lines: 0, line_length: 0 }
    }

    /// Counts what was read, and refuses what is beyond a bound.
    fn count(&mut self, bytes: &[u8]) -> Result<(), Located> {
        for byte in bytes {
            if *byte == b'\n' {
                self.lines += 1;
                self.line_length = 0;
            } else {
                self.line_length += 1;
            }
            if self.line_length > Trace::LINE_MAX {
                return Err((Some(self.lines + 1), TraceFault::LineTooLong));
            }
        }
        if self.lines > Trace::REQUESTS_MAX + SPARE_LINES {
            return Err((Some(self.lines), TraceFault::TooMany));
        }
        Ok(())
    }

    /// What an error of the reader beneath means.
    fn fault(&self, error: io::Error) -> TraceFault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof if self.compressed => {
                TraceFault::CutShort { after_line: self.lines }
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if self.compressed => {
                TraceFault::Damaged { after_line: self.lines }
            }
            _ => TraceFault::Io(error),
        }
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(io::Error::other(Carried(None, self.fault(error)))),
            Ok(length) => length,
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        self.count(bytes)
            .map(|()| length)
            .map_err(|(line, fault)| io::Error::other(Carried(line, fault)))
    }
}

/// A fault on its way through readers that know only of [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{1}")]
struct Carried(Option<u64>, TraceFault);

/// The fault inside an error of reading.
pub(super) fn located(error: io::Error) -> Located {
    match error.downcast::<Carried>() {
        Ok(Carried(line, fault)) => (line, fault),
        Err(error) => (None, TraceFault::Io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::json_lines;

    #[test]
    fn lines_without_number_come_to_an_end() {
        let request = br#"{"at_s": 0, "input_tokens": 1, "output_tokens": 1}"#;
        let mut source = Source::over(request.chain(io::repeat(b'\n'))).expect("memory");
        assert_eq!(source.opening().expect("a format"), Opening::JsonLines);
        let refused = json_lines::read(source).expect_err("endless");
        assert!(matches!(refused, (Some(_), TraceFault::TooMany)), "{refused:?}");
    }

    #[test]
    fn a_line_without_an_end_comes_to_one() {
        let header = format!("{}\n", azure::HEADER.join(","));
        let endless = io::Cursor::new(header).chain(io::repeat(b'1'));
        let refused = azure::read(Source::over(endless).expect("memory")).expect_err("endless");
        assert!(matches!(refused, (Some(2), TraceFault::LineTooLong)), "{refused:?}");
    }
}
