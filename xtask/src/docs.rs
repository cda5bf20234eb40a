//! `cargo xtask docs`: the tests that own the generated parts of the documents rewrite them.

use crate::command::{Command, CommandError};
use crate::console;

const GENERATED: [&str; 2] = [
    "cargo test -p tidegate-tests --test layers",
    "cargo test -p tidegate-observability --test metrics documents",
];

/// A test that finds its part stale rewrites it and fails; the second run shows that it was only that.
pub(crate) fn run() -> Result<(), CommandError> {
    for line in GENERATED {
        let test = Command::new(line);
        if test.run().is_err() {
            console::say("stale or wrong; running it again tells which");
            test.run()?;
            console::say("it was stale, and is rewritten now: see `git diff`");
        }
    }
    Ok(())
}
