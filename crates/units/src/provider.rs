//! Whose limits a service has: which provider's, and so in which words it speaks of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The providers whose answers are understood without being told how, by every name that they have.
pub const BUILT_IN: [&str; 29] = [
    "amazon-bedrock",
    "anthropic",
    "anthropic-oauth",
    "aws",
    "azure",
    "azure-foundry",
    "azure-openai",
    "bedrock",
    "claude",
    "cloudflare",
    "cohere",
    "discord",
    "docker",
    "docker-hub",
    "dockerhub",
    "gemini",
    "generic",
    "github",
    "github-models",
    "gitlab",
    "google",
    "google-ai",
    "groq",
    "mistral",
    "openai",
    "slack",
    "stripe",
    "vertex",
    "vertex-ai",
];

/// The name of a provider: 1 to 32 of `a-z`, `0-9` and `-`, a letter first.
///
/// ```
/// use tidegate_units::ProviderName;
///
/// let name: ProviderName = "anthropic".parse()?;
/// assert!(name.is_built_in());
/// assert!("my-own".parse::<ProviderName>().is_ok_and(|name| !name.is_built_in()));
/// assert_eq!(
///     "Open AI".parse::<ProviderName>().unwrap_err().to_string(),
///     "`Open AI` is no name of a provider: use 1 to 32 of `a-z`, `0-9` and `-`, starting with a letter"
/// );
/// # Ok::<(), tidegate_units::InvalidProviderName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderName {
    text: String,
}

impl ProviderName {
    /// The longest name in bytes.
    pub const LENGTH_MAX: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its answers are understood without being told how.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.contains(&self.as_str())
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Text that is no name of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no name of a provider: use 1 to {} of `a-z`, `0-9` and `-`, starting with a letter",
    ProviderName::LENGTH_MAX
)]
pub struct InvalidProviderName {
    text: String,
}

impl FromStr for ProviderName {
    type Err = InvalidProviderName;

    fn from_str(text: &str) -> Result<Self, InvalidProviderName> {
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !starts_well || text.len() > Self::LENGTH_MAX || !text.bytes().all(allowed) {
            return Err(InvalidProviderName { text: text.chars().take(40).collect() });
        }
        Ok(Self { text: text.to_owned() })
    }
}

impl TryFrom<String> for ProviderName {
    type Error = InvalidProviderName;

    fn try_from(text: String) -> Result<Self, InvalidProviderName> {
        text.parse()
    }
}

impl From<ProviderName> for String {
    fn from(name: ProviderName) -> Self {
        name.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_built_in_is_one_and_stands_once() {
        for (index, name) in BUILT_IN.iter().enumerate() {
            assert!(name.parse::<ProviderName>().is_ok_and(|name| name.is_built_in()), "{name}");
            assert!(BUILT_IN[..index].iter().all(|before| before < name), "{name} in order");
        }
        for name in ["", "OpenAI", "1st", "a_b", "a234567890123456789012345678901234"] {
            assert!(name.parse::<ProviderName>().is_err(), "{name}");
        }
    }
}
