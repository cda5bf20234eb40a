//! What can be wrong with a scenario, in words that say where and what would be right.

use std::fmt;
use std::io;

use tidegate_units::{Dimension, Span};

use crate::provider::Rate;
use crate::scenario::Scenario;

/// Why something is no scenario: which file, which line, and what is wrong there.
///
/// Prints on one line as `FILE:LINE: FAULT`.
#[derive(Debug)]
pub struct ScenarioError {
    origin: Option<String>,
    line: Option<u64>,
    fault: ScenarioFault,
}

impl ScenarioError {
    pub(super) fn new(origin: Option<&str>, line: Option<u64>, fault: ScenarioFault) -> Self {
        Self { origin: origin.map(str::to_owned), line, fault }
    }

    /// The line that is to blame, from 1; none where it is the whole file.
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// What is wrong.
    pub fn fault(&self) -> &ScenarioFault {
        &self.fault
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}")?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", self.fault)
    }
}

impl std::error::Error for ScenarioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            ScenarioFault::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// What is wrong with a scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioFault {
    /// The file cannot be opened or read, or is no text.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// The file is too large.
    #[error("more than {} bytes: a scenario is a short text", Scenario::FILE_MAX)]
    TooLarge,
    /// The text is no TOML, or has keys or values that are not known.
    #[error("{reason}")]
    Form {
        /// What the parser says.
        reason: String,
    },
    /// A value is out of range.
    #[error("{key} = {value}: use {accepted}")]
    Value {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// What may stand there.
        accepted: String,
    },
    /// There is nothing that limits the clients.
    #[error("no limit: set provider.requests or provider.tokens, or both")]
    NoLimit,
    /// A limit states its rate twice, or not at all.
    #[error("{key} states {found} rate: use one of rate_of_load and rate")]
    OneRate {
        /// The limit.
        key: String,
        /// `no` or `more than one`.
        found: &'static str,
    },
    /// Nothing can be burnt where there is no bucket of requests.
    #[error("provider.penalty = true: use it with kind = \"bucket\" and a limit on requests")]
    PenaltyWithoutBucket,
    /// Shares are not a whole.
    #[error("{key} add up to {sum}: use shares of 0 to 1 that add up to 1")]
    Shares {
        /// What is shared out.
        key: &'static str,
        /// What they add up to.
        sum: f64,
    },
    /// Keys are stated in two ways, or not at all.
    #[error("clients.keys states {found}: use count, with skew beside it or not, or else shares")]
    Keys {
        /// What it states.
        found: &'static str,
    },
    /// Steps are not in the order of time.
    #[error("a step at {at} after one at {before}: put steps in order of time, no two at once")]
    StepOrder {
        /// When it is.
        at: String,
        /// When the one before it is.
        before: String,
    },
    /// There are too many steps.
    #[error("more than {} steps: use noise for what changes all the time", Scenario::STEPS_MAX)]
    TooManySteps,
    /// There is no scenario of that name.
    #[error("no scenario `{name}`: use one of {known}")]
    UnknownName {
        /// As asked for, cut short.
        name: String,
        /// All names.
        known: String,
    },
}

/// Why a scenario cannot be put on a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The rate that follows is out of range.
    #[error(
        "{amount} {dimension} over {span} give no rate: a share of the load needs a trace that \
         offers {} to {} {dimension} per second",
        Rate::MIN.per_second(),
        Rate::MAX.per_second()
    )]
    Rate {
        /// What is limited.
        dimension: Dimension,
        /// How much of it the trace offers in all.
        amount: u64,
        /// The span of the trace.
        span: Span,
    },
    /// The limit that follows is below one unit.
    #[error(
        "nothing would ever pass: {per_second} {dimension} per second leave room for less than \
         one at once, use a larger share, burst_s or window_s"
    )]
    NothingPasses {
        /// What is limited.
        dimension: Dimension,
        /// The rate that follows, as text.
        per_second: String,
    },
}
