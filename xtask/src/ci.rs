//! `cargo xtask ci`: all that must hold before a change is taken.

use thiserror::Error;

use crate::command::{Command, CommandError};
use crate::console;
use crate::flags::TestFlags;
use crate::test::{self, TestError};

/// What did not hold.
#[derive(Debug, Error)]
pub(crate) enum CiError {
    #[error(transparent)]
    Test(#[from] TestError),
    #[error(transparent)]
    Deny(#[from] CommandError),
}

pub(crate) fn run() -> Result<(), CiError> {
    test::run(TestFlags::default())?;
    console::heading("licences, advisories and sources of what is linked");
    if !Command::new("cargo deny --version").works() {
        console::say(
            "NOT CHECKED: cargo-deny is missing; `cargo install --locked cargo-deny` adds it",
        );
        return Ok(());
    }
    Ok(Command::new("cargo deny check").run()?)
}
