//! Processes: each shows the line that a person would type to run it again.
//!
//! All run in the root of the repository, wherever `cargo xtask` was typed.

use std::path::PathBuf;
use std::process::{self, ExitStatus, Stdio};
use std::{env, fmt, io};

use thiserror::Error;

use crate::console;

/// A program, its arguments, and the environment that it needs beyond ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
}

/// Why a process was of no use.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    #[error("cannot start `{program}`; is it installed?")]
    Start { program: String, source: io::Error },
    #[error("`{command}` ended with {status}")]
    Ended { command: String, status: ExitStatus },
    #[error("`{command}` wrote something other than UTF-8")]
    Text { command: String, source: std::string::FromUtf8Error },
}

impl Command {
    /// `words` is the program and its arguments, none of which holds a space.
    pub(crate) fn new(words: &str) -> Self {
        let mut words = words.split_whitespace().map(str::to_owned);
        let program = words.next().unwrap_or_default();
        Self { program, arguments: words.collect(), environment: Vec::new() }
    }

    /// One more argument, which may hold spaces.
    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// One more variable for the process.
    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Runs it with our input and output; anything but success is an error.
    pub(crate) fn run(&self) -> Result<(), CommandError> {
        self.announce();
        let status = self.process().status().map_err(|source| self.not_started(source))?;
        self.judge(status)
    }

    /// Runs it without showing anything but its errors, and returns what it wrote.
    pub(crate) fn capture(&self) -> Result<String, CommandError> {
        let output = self
            .process()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| self.not_started(source))?;
        self.judge(output.status)?;
        String::from_utf8(output.stdout)
            .map_err(|source| CommandError::Text { command: self.to_string(), source })
    }

    /// Whether it runs at all and ends well; shows nothing.
    pub(crate) fn works(&self) -> bool {
        self.process().output().is_ok_and(|output| output.status.success())
    }

    /// What it wrote, if it runs and ends well; shows nothing.
    pub(crate) fn whispered(&self) -> Option<String> {
        let output = self.process().output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }

    /// Shows the line that runs it.
    pub(crate) fn announce(&self) {
        console::say(format_args!("$ {self}"));
    }

    fn process(&self) -> process::Command {
        let mut process = process::Command::new(self.executable());
        process
            .args(&self.arguments)
            .envs(self.environment.iter().copied())
            .current_dir(root())
            .stdin(Stdio::null());
        process
    }

    /// The cargo that runs us, not another one that the path may hold.
    fn executable(&self) -> PathBuf {
        match (self.program.as_str(), env::var_os("CARGO")) {
            ("cargo", Some(cargo)) => cargo.into(),
            (program, _) => program.into(),
        }
    }

    fn judge(&self, status: ExitStatus) -> Result<(), CommandError> {
        if status.success() {
            return Ok(());
        }
        Err(CommandError::Ended { command: self.to_string(), status })
    }

    fn not_started(&self, source: io::Error) -> CommandError {
        CommandError::Start { program: self.program.clone(), source }
    }
}

/// As it would be typed into a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&self.program)?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=:@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The root of the repository; where we are, if cargo did not start us.
pub(crate) fn root() -> PathBuf {
    let ours = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    ours.and_then(|ours| ours.parent().map(PathBuf::from)).unwrap_or_else(|| PathBuf::from("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_the_line_that_runs_it_again() {
        let command = Command::new("cargo test --release")
            .argument("a name's trace")
            .variable("RUSTFLAGS", "--cfg loom");
        assert_eq!(
            command.to_string(),
            r"RUSTFLAGS='--cfg loom' cargo test --release 'a name'\''s trace'"
        );
    }

    #[test]
    fn a_process_that_fails_is_an_error_with_its_line() {
        let error = Command::new("git no-such-command").capture().expect_err("git refuses");
        assert!(error.to_string().starts_with("`git no-such-command` ended with"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_with_its_name() {
        let missing = Command::new("no-such-program --version");
        assert!(!missing.works());
        assert_eq!(missing.whispered(), None);
        let error = missing.run().expect_err("there is no such program");
        assert_eq!(error.to_string(), "cannot start `no-such-program`; is it installed?");
    }
}
