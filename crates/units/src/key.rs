//! On whose behalf a call is made: an agent, a tenant, a loop.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::DimensionName;

/// What a key names: `agent`, `tenant`, `loop`; 1 to 23 of `a-z`, `0-9` and `_`, a letter first.
pub type KeyName = DimensionName;

/// One key of a call: what it names, and who that is. Cheap to clone.
///
/// ```
/// use tidegate_units::Key;
///
/// let key = Key::new("agent", "planner")?;
/// assert_eq!(key.to_string(), "agent `planner`");
/// let refused = Key::new("Agent", "planner").unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "`Agent` is no name for a key: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter"
/// );
/// # Ok::<(), tidegate_units::InvalidKey>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "KeyText", into = "KeyText")]
pub struct Key {
    name: KeyName,
    value: Arc<str>,
}

/// A key that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// Its name has another form.
    #[error(
        "`{text}` is no name for a key: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter"
    )]
    Name {
        /// The name, cut short.
        text: String,
    },
    /// A call has more keys than are looked at.
    #[error("more than {max} keys for one call: use the ones that limits or turns depend on")]
    TooMany {
        /// How many it may have.
        max: usize,
    },
    /// Its value is empty or too long.
    #[error(
        "a value of {bytes} bytes for the key `{name}`: use 1 to {} printable bytes",
        Key::VALUE_MAX
    )]
    Value {
        /// The name.
        name: String,
        /// How long the value is.
        bytes: usize,
    },
    /// Its value has a character that cannot be printed.
    #[error(
        "a value with the character {character:?} for the key `{name}`: use 1 to {} printable bytes",
        Key::VALUE_MAX
    )]
    Unprintable {
        /// The name.
        name: String,
        /// The character.
        character: char,
    },
}

impl Key {
    /// The longest value in bytes: what fits a metric label and a line of a table.
    pub const VALUE_MAX: usize = 128;

    /// A key.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] with the form that is expected.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidKey> {
        let name = Self::name_of(name)?;
        if value.is_empty() || value.len() > Self::VALUE_MAX {
            let (name, bytes) = (name.as_str().to_owned(), value.len());
            return Err(InvalidKey::Value { name, bytes });
        }
        if let Some(character) = value.chars().find(|character| character.is_control()) {
            return Err(InvalidKey::Unprintable { name: name.as_str().to_owned(), character });
        }
        Ok(Self { name, value: value.into() })
    }

    /// What `text` says that a key names.
    ///
    /// # Errors
    ///
    /// [`InvalidKey::Name`].
    pub fn name_of(text: &str) -> Result<KeyName, InvalidKey> {
        text.parse().map_err(|_| InvalidKey::Name { text: text.chars().take(40).collect() })
    }

    /// What it names.
    pub fn name(&self) -> KeyName {
        self.name
    }

    /// Who that is.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.name.as_str(), self.value)
    }
}

/// The text form: both parts.
#[derive(Serialize, Deserialize)]
struct KeyText {
    name: String,
    value: String,
}

impl TryFrom<KeyText> for Key {
    type Error = InvalidKey;

    fn try_from(text: KeyText) -> Result<Self, InvalidKey> {
        Self::new(&text.name, &text.value)
    }
}

impl From<Key> for KeyText {
    fn from(key: Key) -> Self {
        Self { name: key.name.as_str().to_owned(), value: key.value.as_ref().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_value_is_refused_with_the_rule() {
        for value in ["", "two\nlines", &"x".repeat(129)] {
            assert!(Key::new("agent", value).is_err(), "{value}");
        }
        insta::assert_snapshot!(
            Key::new("agent", "").expect_err("empty"),
            @"a value of 0 bytes for the key `agent`: use 1 to 128 printable bytes"
        );
        insta::assert_snapshot!(
            Key::new("agent", "a\nb").expect_err("two lines"),
            @r"a value with the character '\n' for the key `agent`: use 1 to 128 printable bytes"
        );
        assert!(Key::new("tenant", "naïve ☕").is_ok());
    }
}
