//! `cargo xtask tidy`: what no compiler and no linter checks.
//!
//! A rule looks at all files and says what is wrong where, and what to do. Rules see paths and texts
//! only, so their tests need no files. No comment exempts a place from a rule.

mod invariants;
mod links;
mod manifests;
mod sources;
mod words;

use std::path::PathBuf;
use std::{fmt, fs, io};

use thiserror::Error;

use crate::command::{self, Command, CommandError};
use crate::console;

/// What is wrong, in all files.
type Rule = fn(&[File]) -> Vec<Finding>;

const RULES: [Rule; 5] =
    [sources::check, words::check, invariants::check, links::check, manifests::check];

/// A file of the repository; the path is relative to its root, with `/` between the parts.
#[derive(Debug)]
struct File {
    path: String,
    /// Empty where the file is not text.
    text: String,
}

/// Something to tidy.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

/// Why the repository is not known to be tidy.
#[derive(Debug, Error)]
pub(crate) enum TidyError {
    #[error("cannot list the files")]
    List(#[from] CommandError),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} to tidy, listed above")]
    Untidy(usize),
}

pub(crate) fn run() -> Result<(), TidyError> {
    let files = files()?;
    let findings = check(&files);
    findings.iter().for_each(console::say);
    if !findings.is_empty() {
        return Err(TidyError::Untidy(findings.len()));
    }
    console::say(format_args!("tidy: {} files", files.len()));
    Ok(())
}

/// All that git knows, and what it would take in.
fn files() -> Result<Vec<File>, TidyError> {
    let listed = Command::new("git ls-files -co --exclude-standard -z").capture()?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    paths.filter_map(|path| read(path).transpose()).collect()
}

/// `None` where the file is listed but gone.
fn read(path: &str) -> Result<Option<File>, TidyError> {
    let full = command::root().join(path);
    match fs::read(&full) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).unwrap_or_default();
            Ok(Some(File { path: path.to_owned(), text }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TidyError::Read { path: full, source }),
    }
}

fn check(files: &[File]) -> Vec<Finding> {
    let mut findings: Vec<_> = RULES.iter().flat_map(|rule| rule(files)).collect();
    findings.sort();
    findings
}

impl File {
    fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, end)| end == extension)
    }

    /// The last part of the path.
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(path: &str, text: impl Into<String>) -> File {
        File { path: path.to_owned(), text: text.into() }
    }

    /// What a rule finds, one finding a line.
    pub(super) fn found(rule: Rule, files: &[File]) -> String {
        rule(files).iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn findings_of_all_rules_are_sorted_by_place() {
        let files = [
            file("crates/b/src/lib.rs", "fn b() {}\n"),
            file("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
        ];
        let places: Vec<_> = check(&files).into_iter().map(|finding| finding.path).collect();
        assert_eq!(places, ["crates/a/Cargo.toml", "crates/b/src/lib.rs"]);
    }
}
