//! The program `tidegate`: paces the calls that programs make, and shows beforehand what that does.
//!
//! Each command is a module that takes its arguments and answers with `Ok`, or with a [`Failure`]
//! that knows its exit code. Nothing below `main` ends the process.

mod alerts;
mod arguments;
mod check;
mod columns;
mod config_file;
mod demo;
mod exit;
mod explain;
mod feedback;
mod figures;
#[cfg(test)]
mod fixture;
mod printer;
mod remote;
mod replay;
mod report;
mod serve;
mod status;
mod top;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use exit::Failure;

fn main() -> ExitCode {
    exit::code(run(Arguments::parse()))
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Feedback(arguments) => feedback::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Alerts(arguments) => alerts::run(&arguments),
    }
}
