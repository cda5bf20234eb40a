//! Chores: `cargo xtask test`, `tidy`, `bench`, `docs` and `ci`.
//!
//! Uses no crate of the workspace, so that it runs while one of them does not compile.

mod bench;
mod ci;
mod command;
mod console;
mod docs;
mod flags;
mod stopwatch;
mod test;
mod tidy;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::flags::{Chore, Flags};

fn main() -> ExitCode {
    match run(&Flags::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn run(chore: &Chore) -> Result<(), Box<dyn Error>> {
    match chore {
        Chore::Test(flags) => test::run(*flags)?,
        Chore::Tidy => tidy::run()?,
        Chore::Bench(flags) => bench::run(flags)?,
        Chore::Docs => docs::run()?,
        Chore::Ci => ci::run()?,
    }
    Ok(())
}
