//! Lines of standard input, none of them longer than a bound.

use std::io::{BufRead, Read};

/// The longest line that is read, in bytes: a body of a megabyte and what is around it.
pub(crate) const LINE_MAX: usize = 2_097_152;
/// As many faults as are listed.
const FAULTS_MAX: usize = 100;

/// A line without its end.
pub(crate) enum Line {
    /// One that fits.
    Text(Vec<u8>),
    /// One that does not; all of it was passed over.
    TooLong,
}

/// The next line, or nothing at the end.
///
/// # Errors
///
/// A message when the input cannot be read.
pub(crate) fn line(input: &mut impl BufRead) -> Result<Option<Line>, String> {
    let failed = |error| format!("standard input: cannot be read: {error}");
    let bound = u64::try_from(LINE_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if input.by_ref().take(bound).read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
        return Ok(None);
    }
    if bytes.last() != Some(&b'\n') && bytes.len() > LINE_MAX {
        input.skip_until(b'\n').map_err(failed)?;
        return Ok(Some(Line::TooLong));
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(Some(Line::Text(bytes)))
}

/// What went wrong, up to a bound.
#[derive(Default)]
pub(crate) struct Faults {
    listed: Vec<String>,
    omitted: u64,
}

impl Faults {
    pub(crate) fn note(&mut self, fault: String) {
        if self.listed.len() < FAULTS_MAX {
            self.listed.push(fault);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<String> {
        if self.omitted > 0 {
            self.listed.push(format!("and {} more: correct these first", self.omitted));
        }
        self.listed
    }
}
