//! How a command ends: the exit code, and what is said of a failure.

use std::io::{self, Write};
use std::process::ExitCode;

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for is wrong; nothing was begun. Exit code 2.
    Refused(Vec<String>),
    /// Something went wrong on the way. Exit code 1.
    Failed(Vec<String>),
}

impl Failure {
    /// One thing that went wrong on the way.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(vec![message.into()])
    }
}

/// The exit code for how a command ended; says what went wrong, one line for each fault.
pub(crate) fn code(ended: Result<(), Failure>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(messages)) => said(&messages, 1),
        Err(Failure::Refused(messages)) => said(&messages, 2),
    }
}

fn said(messages: &[String], code: u8) -> ExitCode {
    let mut standard_error = io::stderr().lock();
    for message in messages {
        // Who closed standard error still gets the exit code.
        let _ = writeln!(standard_error, "error: {message}");
    }
    ExitCode::from(code)
}
