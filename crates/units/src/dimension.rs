//! What is counted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a limit counts: requests, tokens, bytes, or a name of the user's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Dimension {
    /// Calls.
    Requests,
    /// Tokens in both directions together.
    Tokens,
    /// Tokens sent to the service.
    InputTokens,
    /// Tokens that the service generates.
    OutputTokens,
    /// Bytes, in whichever direction the host counts them.
    Bytes,
    /// Calls under way. Each holds one from its grant until its permit is closed; no window gives them
    /// back.
    Slots,
    /// A dimension of the user's own.
    Named(DimensionName),
}

/// The dimensions that every program can limit, in the order of [`Dimension`].
pub const BUILT_IN: [Dimension; 5] = [
    Dimension::Requests,
    Dimension::Tokens,
    Dimension::InputTokens,
    Dimension::OutputTokens,
    Dimension::Bytes,
];

impl Dimension {
    /// The name used in configuration, metrics and messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Bytes => "bytes",
            Self::Slots => "slots",
            Self::Named(name) => name.as_str(),
        }
    }

    /// Whether this counts tokens, in any direction.
    pub const fn is_tokens(&self) -> bool {
        matches!(self, Self::Tokens | Self::InputTokens | Self::OutputTokens)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dimension {
    type Err = InvalidDimensionName;

    /// A built-in name gives the built-in dimension, any other valid name one of the user's own.
    fn from_str(text: &str) -> Result<Self, InvalidDimensionName> {
        let built_in = BUILT_IN.into_iter().chain([Self::Slots]);
        let built_in = built_in.into_iter().find(|dimension| dimension.name() == text);
        built_in.map_or_else(|| text.parse().map(Self::Named), Ok)
    }
}

impl TryFrom<String> for Dimension {
    type Error = InvalidDimensionName;

    fn try_from(text: String) -> Result<Self, InvalidDimensionName> {
        text.parse()
    }
}

impl From<Dimension> for String {
    fn from(dimension: Dimension) -> Self {
        dimension.name().to_owned()
    }
}

/// The name of a dimension of the user's own: 1 to 23 of `a-z`, `0-9` and `_`, a letter first.
///
/// Held in place, so that a cost is copied without allocating.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DimensionName {
    bytes: [u8; DimensionName::LENGTH_MAX],
}

impl DimensionName {
    /// The longest name: what keeps a [`Dimension`] within three words.
    pub const LENGTH_MAX: usize = 23;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let length = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(self.bytes.len());
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.bytes[..length]).unwrap_or_default()
    }
}

impl fmt::Debug for DimensionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// Text that is no name for a dimension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no name for a dimension: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter"
)]
pub struct InvalidDimensionName {
    text: String,
}

impl FromStr for DimensionName {
    type Err = InvalidDimensionName;

    fn from_str(text: &str) -> Result<Self, InvalidDimensionName> {
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !starts_well || text.len() > Self::LENGTH_MAX || !text.bytes().all(allowed) {
            return Err(InvalidDimensionName { text: text.chars().take(40).collect() });
        }
        let mut bytes = [0; Self::LENGTH_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["requests", "output_tokens", "slots", "images", "a23456789012345678901_3"] {
            let dimension: Dimension = name.parse().expect("a name");
            assert_eq!(dimension.name(), name);
        }
    }

    #[test]
    fn a_bad_name_is_refused_with_the_rule() {
        for name in ["", "Images", "1st", "with space", "a23456789012345678901234", "naïve"] {
            assert!(name.parse::<Dimension>().is_err(), "{name}");
        }
        insta::assert_snapshot!(
            "Images".parse::<Dimension>().expect_err("upper case"),
            @"`Images` is no name for a dimension: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter"
        );
    }
}
