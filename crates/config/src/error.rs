//! What was wrong, and where: one error per fault, all of them together.

use std::fmt;
use std::sync::Arc;

use crate::problem::Problem;

/// The most errors that are kept. Who sees a hundred has the wrong file or will look again.
const KEPT_MAX: usize = 100;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// A line of the text.
    Line {
        /// The name that the caller gave to the text.
        file: Arc<str>,
        /// The number of the line; the first is 1.
        line: usize,
    },
    /// An environment variable of this name.
    Variable(Arc<str>),
    /// The program itself, which built the configuration without a text.
    Program,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Program => f.write_str("the program"),
        }
    }
}

/// One fault of a configuration. Printed as `place: path: text`, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    place: Place,
    path: String,
    problem: Problem,
}

impl ConfigError {
    /// Where the faulty value came from.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The key, as in `services.anthropic.limits[1].requests`; empty when it is the whole text.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was wrong, the accepted range, and what to do.
    pub fn text(&self) -> String {
        printable(&self.problem.to_string())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, path, problem } = self;
        let separator = if path.is_empty() { "" } else { ": " };
        f.write_str(&printable(&format!("{place}: {path}{separator}{problem}")))
    }
}

impl std::error::Error for ConfigError {}

/// The text on one line: a line break or a terminal's escape in a quoted value must not get through.
fn printable(text: &str) -> String {
    let escaped = |character: char| -> String {
        if character.is_control() {
            character.escape_default().collect()
        } else {
            character.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// All faults of a configuration: at least one, in the order of their places. Printed one per line.
///
/// The first 100 that are found are kept, and the rest counted.
///
/// ```
/// use tidegate_config::Config;
///
/// let refused = Config::parse("tidegate.toml", "[globel]\n[servces]", []).unwrap_err();
/// let keys: Vec<&str> = refused.iter().map(|error| error.path()).collect();
/// assert_eq!(keys, ["globel", "servces"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
    omitted: usize,
}

impl ConfigErrors {
    /// The errors that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.errors.iter()
    }

    /// How many errors were found beyond those that were kept.
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            write!(f, "{line_break}{error}")?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more: correct these first", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// The faults found so far.
///
/// A reader that finds one notes it here and goes on with a stand-in, so that later faults are
/// found as well; [`Problems::or`] makes sure that no stand-in ever gets out.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    errors: Vec<ConfigError>,
    omitted: usize,
}

impl Problems {
    /// Notes one fault.
    pub(crate) fn add(&mut self, place: Place, path: String, problem: Problem) {
        if self.errors.len() < KEPT_MAX {
            self.errors.push(ConfigError { place, path, problem });
        } else {
            self.omitted += 1;
        }
    }

    /// The faults if there are any, or else `value`.
    pub(crate) fn or<T>(mut self, value: T) -> Result<T, ConfigErrors> {
        if self.errors.is_empty() {
            return Ok(value);
        }
        self.errors.sort_by(|one, other| one.place.cmp(&other.place));
        Err(ConfigErrors { errors: self.errors, omitted: self.omitted })
    }
}
