//! What a person reads. A reader who has left (a closed pipe) is no reason to stop.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};

/// One line on standard output.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A line that stands out.
pub(crate) fn heading(line: impl Display) {
    say(format_args!("\n== {line} =="));
}

/// An error with its causes, on standard error.
pub(crate) fn complain(error: &dyn Error) {
    let _ = writeln!(io::stderr(), "error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(io::stderr(), "  because {error}");
        cause = error.source();
    }
}
