//! Text for whoever reads along, who may stop doing so.

use std::io::{self, ErrorKind, Write};

/// One of the two standard streams for text.
#[derive(Debug)]
enum Stream {
    Output,
    Error,
}

/// Prints to a standard stream until its reader is gone, and from then on to nobody.
///
/// A reader that has seen enough, as `head` has, is no failure.
#[derive(Debug)]
pub(crate) struct Printer {
    stream: Stream,
    reader_gone: bool,
}

impl Printer {
    /// Prints to standard output.
    pub(crate) const fn output() -> Self {
        Self { stream: Stream::Output, reader_gone: false }
    }

    /// Prints to standard error.
    pub(crate) const fn error() -> Self {
        Self { stream: Stream::Error, reader_gone: false }
    }

    /// Whether nobody would see what is printed next.
    pub(crate) const fn reader_gone(&self) -> bool {
        self.reader_gone
    }

    /// Prints `text` and a line break.
    ///
    /// # Errors
    ///
    /// A message when the stream takes no more for another reason than its reader, such as a full
    /// disk.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), String> {
        if self.reader_gone {
            return Ok(());
        }
        let (name, printed) = match self.stream {
            Stream::Output => ("standard output", print_to(&mut io::stdout().lock(), text)),
            Stream::Error => ("standard error", print_to(&mut io::stderr().lock(), text)),
        };
        match printed {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_gone = true;
                Ok(())
            }
            other => other.map_err(|error| format!("{name}: cannot be written: {error}")),
        }
    }
}

fn print_to(stream: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(stream, "{text}")?;
    stream.flush()
}
