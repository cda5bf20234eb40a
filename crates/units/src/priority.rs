//! How urgent a call is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The class of a call, most urgent first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Must run: checkpoints, recovery.
    Critical,
    /// A person waits for it.
    High,
    /// Everything that says nothing else.
    #[default]
    Normal,
    /// Can wait.
    Low,
    /// Runs when nothing else wants to.
    Background,
}

impl Priority {
    /// Every class, most urgent first.
    pub const ALL: [Self; 5] =
        [Self::Critical, Self::High, Self::Normal, Self::Low, Self::Background];

    /// Its place in [`Priority::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Critical => 0,
            Self::High => 1,
            Self::Normal => 2,
            Self::Low => 3,
            Self::Background => 4,
        }
    }

    /// The name used in configuration, metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
            Self::Background => "background",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Text that is no class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no priority: use critical, high, normal, low or background")]
pub struct InvalidPriority {
    text: String,
}

impl FromStr for Priority {
    type Err = InvalidPriority;

    fn from_str(text: &str) -> Result<Self, InvalidPriority> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.name() == text)
            .ok_or_else(|| InvalidPriority { text: text.chars().take(40).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_order_is_urgency() {
        for (place, priority) in Priority::ALL.into_iter().enumerate() {
            assert_eq!(priority.index(), place);
            assert_eq!(priority.name().parse(), Ok(priority));
        }
        assert!(Priority::Critical < Priority::Background);
        assert!("urgent".parse::<Priority>().is_err());
    }
}
