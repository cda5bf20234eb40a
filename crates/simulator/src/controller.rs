//! How a simulated client decides when to send.

use std::fmt;
use std::str::FromStr;

/// A way to pace calls to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// Tidegate's machines, told no limit: the pace is learned by its own law.
    Tidegate,
    /// The same by additive increase and multiplicative decrease.
    Aimd,
    /// The rate limiter of the AWS SDKs' adaptive retry mode, and their retries.
    Aws,
    /// Google's adaptive throttling, and retries.
    Sre,
    /// Tidegate's machines, told the provider's true limit, and of each call its class and its key.
    Fixed,
    /// The same without fairness: told the limit, but nothing of whose a call is or how urgent, so
    /// that who came first is served first.
    Fifo,
    /// No limiter at all: send at once, and again after a while if refused.
    Naive,
}

impl Controller {
    /// Every controller.
    pub const ALL: [Self; 7] =
        [Self::Tidegate, Self::Aimd, Self::Aws, Self::Sre, Self::Fixed, Self::Fifo, Self::Naive];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tidegate => "tidegate",
            Self::Aimd => "aimd",
            Self::Aws => "aws",
            Self::Sre => "sre",
            Self::Fixed => "fixed",
            Self::Fifo => "fifo",
            Self::Naive => "naive",
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no controller has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no controller: use tidegate, aimd, aws, sre, fixed, fifo or naive")]
pub struct UnknownController {
    text: String,
}

impl FromStr for Controller {
    type Err = UnknownController;

    fn from_str(text: &str) -> Result<Self, UnknownController> {
        Self::ALL
            .into_iter()
            .find(|controller| controller.name() == text)
            .ok_or_else(|| UnknownController { text: text.chars().take(40).collect() })
    }
}
