//! What a limit applies to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Key;

/// The name of a service: 1 to 64 of letters, digits, `-`, `_` and `.`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// The longest name, so that it fits a metric label and a line of a table.
    pub const LENGTH_MAX: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text that is no name for a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no name for a service: use 1 to 64 letters, digits, `-`, `_` and `.`")]
pub struct InvalidServiceName {
    text: String,
}

impl FromStr for ServiceName {
    type Err = InvalidServiceName;

    fn from_str(text: &str) -> Result<Self, InvalidServiceName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > Self::LENGTH_MAX || !text.bytes().all(allowed) {
            return Err(InvalidServiceName { text: text.chars().take(80).collect() });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for ServiceName {
    type Error = InvalidServiceName;

    fn try_from(text: String) -> Result<Self, InvalidServiceName> {
        text.parse()
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a limit applies to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scope {
    /// Everything that this program calls.
    Global,
    /// Every call to one service.
    Service(ServiceName),
    /// The calls to those models of a service that match a pattern.
    Model(Arc<(ServiceName, String)>),
    /// The calls to those endpoints of a service that match a pattern.
    Endpoint(Arc<(ServiceName, String)>),
    /// The calls to a service on behalf of one agent, tenant or loop.
    Key(Arc<(ServiceName, Key)>),
}

impl Scope {
    /// The calls to those models of a service that match `pattern`.
    pub fn model(service: &ServiceName, pattern: &str) -> Self {
        Self::Model(Arc::new((service.clone(), pattern.to_owned())))
    }

    /// The calls to those endpoints of a service that match `pattern`.
    pub fn endpoint(service: &ServiceName, pattern: &str) -> Self {
        Self::Endpoint(Arc::new((service.clone(), pattern.to_owned())))
    }

    /// The service that it is about, if it is about one.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Global => None,
            Self::Service(name) => Some(name),
            Self::Model(part) | Self::Endpoint(part) => Some(&part.0),
            Self::Key(part) => Some(&part.0),
        }
    }

    /// The calls to a service on behalf of `key`.
    pub fn key(service: &ServiceName, key: Key) -> Self {
        Self::Key(Arc::new((service.clone(), key)))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.pad("all services"),
            Self::Service(name) => f.pad(&format!("service `{name}`")),
            Self::Model(part) => f.pad(&format!("model `{}` of service `{}`", part.1, part.0)),
            Self::Endpoint(part) => {
                f.pad(&format!("endpoint `{}` of service `{}`", part.1, part.0))
            }
            Self::Key(part) => f.pad(&format!("{} of service `{}`", part.1, part.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_form() {
        assert!("gpt-4.1_mini".parse::<ServiceName>().is_ok());
        for name in ["", "with space", "a/b", &"x".repeat(65)] {
            assert!(name.parse::<ServiceName>().is_err(), "{name}");
        }
        insta::assert_snapshot!(
            "a/b".parse::<ServiceName>().expect_err("a slash"),
            @"`a/b` is no name for a service: use 1 to 64 letters, digits, `-`, `_` and `.`"
        );
    }
}
