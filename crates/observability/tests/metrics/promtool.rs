//! Prometheus's own tool, where it is installed.
//!
//! `TIDEGATE_TOOLS=required` makes its absence a failure; `cargo xtask test` sets it after it has seen to it
//! that the tool is there.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs it in `folder` and gives it `input`; `None` if it is not installed, which may be.
pub(crate) fn run(folder: &Path, arguments: &[&str], input: &str) -> Option<Output> {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let required = std::env::var_os("TIDEGATE_TOOLS").is_some_and(|it| it == "required");
            assert!(!required, "promtool is not installed; it is in Debian's package `prometheus`");
            return None;
        }
        Err(error) => panic!("promtool cannot be started: {error}"),
    };
    let mut stdin = child.stdin.take().expect("it was asked for");
    // It may end without having read everything; what it says then is what counts.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    Some(child.wait_with_output().expect("it ends"))
}

/// What it wrote, to be shown.
pub(crate) fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}
