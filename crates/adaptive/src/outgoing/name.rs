//! What a limit is called in a header.

use std::fmt;
use std::str::FromStr;

/// The name of a limit: 1 to 64 printable characters of ASCII. Quotes are escaped where it is written.
///
/// ```
/// use tidegate_adaptive::PolicyName;
///
/// assert_eq!("per-minute".parse::<PolicyName>()?.as_str(), "per-minute");
/// assert_eq!(PolicyName::lossy("tenant `Grüße`\r\nset-cookie: x").as_str(), "tenant `Gr__e`__set-cookie: x");
///
/// let refused = "two\nlines".parse::<PolicyName>().unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "a name with the character '\\n' for a limit: use 1 to 64 printable characters of ASCII"
/// );
/// # Ok::<(), tidegate_adaptive::outgoing::InvalidPolicyName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(String);

/// Text that is no name for a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicyName {
    /// It is empty or too long.
    #[error(
        "a name of {bytes} bytes for a limit: use 1 to {} printable characters of ASCII",
        PolicyName::LENGTH_MAX
    )]
    Length {
        /// How long it is.
        bytes: usize,
    },
    /// It has a character that no header may have.
    #[error(
        "a name with the character {character:?} for a limit: use 1 to {} printable characters of ASCII",
        PolicyName::LENGTH_MAX
    )]
    Character {
        /// The character.
        character: char,
    },
}

impl PolicyName {
    /// The longest name: with all limits of an answer it stays within the room that servers have for
    /// headers.
    pub const LENGTH_MAX: usize = 64;

    /// A name for any text: what a header may not have becomes `_`, what is too long is cut off, and
    /// nothing at all becomes `limit`. Different texts may get one name.
    pub fn lossy(text: &str) -> Self {
        let printable = |c: char| if is_printable(c) { c } else { '_' };
        let name: String = text.chars().map(printable).take(Self::LENGTH_MAX).collect();
        Self(if name.is_empty() { "limit".to_owned() } else { name })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_printable(c: char) -> bool {
    c.is_ascii_graphic() || c == ' '
}

impl FromStr for PolicyName {
    type Err = InvalidPolicyName;

    fn from_str(text: &str) -> Result<Self, InvalidPolicyName> {
        if let Some(character) = text.chars().find(|c| !is_printable(*c)) {
            return Err(InvalidPolicyName::Character { character });
        }
        if text.is_empty() || text.len() > Self::LENGTH_MAX {
            return Err(InvalidPolicyName::Length { bytes: text.len() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
