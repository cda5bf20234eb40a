//! How the answers of one provider are to be read.
//!
//! Mostly a profile is data: prefixes of header names, what a reset means, a table of what is an
//! overload and what an unpaid bill. The few things that only one provider does are [`Quirk`]s.

use super::conditions::Rule;
use super::limits::Naming;
use super::spec::Custom;

/// What one provider does and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    /// With all tokens used up, what it says of trying again leads back into the same window.
    TokenPeriod,
    /// Its body says more exactly than its header when to try again.
    BodyFirst,
    /// Limits of subscriptions, as shares of windows.
    Unified,
    /// What limits are is said in the body.
    Violations,
    /// Requests of a month and of a trial have names of their own.
    Trial,
}

/// Whose way of saying what a call took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    Anthropic,
    OpenAi,
    Groq,
    Mistral,
    Gemini,
    Cohere,
    Bedrock,
    /// Whichever of them it looks like.
    Any,
}

/// A provider that is built in.
#[derive(Debug)]
pub(super) struct Provider {
    /// The name, and others for the same.
    pub(super) names: &'static [&'static str],
    pub(super) naming: Naming,
    /// The first that fits counts; after them come those of everybody.
    pub(super) rules: &'static [&'static [Rule]],
    /// Statuses beside 503 and 529 that mean too much to do.
    pub(super) overloads: &'static [u16],
    pub(super) quirks: &'static [Quirk],
    pub(super) counting: Counting,
}

impl Provider {
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }
}

/// How to read what a service answers: one of the providers that are known, or one of your own.
///
/// ```
/// use tidegate_adaptive::feedback::Profile;
///
/// let profile = Profile::named("openai").expect("built in");
/// assert_eq!(profile.name(), "openai");
/// assert!(Profile::named("opnai").is_none());
/// assert!(Profile::names().any(|name| name == "generic"));
/// ```
#[derive(Debug, Clone)]
pub struct Profile {
    pub(super) name: Box<str>,
    pub(super) provider: &'static Provider,
    pub(super) custom: Custom,
}

impl Profile {
    /// The built-in profile of this name; there are a few names for some.
    pub fn named(name: &str) -> Option<Self> {
        let all = super::providers::ALL;
        let provider = all.iter().find(|provider| provider.names.contains(&name))?;
        Some(Self { name: provider.names[0].into(), provider, custom: Custom::default() })
    }

    /// What everybody sends: `Retry-After`, `X-RateLimit-*`, `RateLimit`.
    pub fn generic() -> Self {
        let provider = &super::providers::GENERIC;
        Self { name: provider.names[0].into(), provider, custom: Custom::default() }
    }

    /// The name by which it is known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all that are built in; the first one of each, and then others for the same.
    pub fn names() -> impl Iterator<Item = &'static str> {
        super::providers::ALL.iter().flat_map(|provider| provider.names).copied()
    }
}
