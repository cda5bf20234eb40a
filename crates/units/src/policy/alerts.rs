//! When somebody is warned, and where the warning is sent.

use serde::{Deserialize, Serialize};

use crate::Span;
use crate::policy::{PolicyError, PolicyFault, Share};

/// When a warning is raised, when it is over, and who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertPolicy {
    /// Whether anybody is warned at all.
    pub enabled: bool,
    /// The part of a limit from which on it is nearly used up: 0.1 to 1.
    pub approaching: Share,
    /// The part of all operations that is not granted at once, from which on it is a warning: 0.01 to 1.
    pub throttled: Share,
    /// The same, from which on somebody should look now: at least `throttled`.
    pub throttled_critical: Share,
    /// The part of a queue from which on it is nearly full: 0.1 to 1.
    pub queue: Share,
    /// How long a level must hold before a warning is raised: 0s to 1h.
    pub hold: Span,
    /// How long it must be clearly below before the warning is over: 1s to 24h.
    pub resolve_after: Span,
    /// Where warnings are sent; `None`: nowhere.
    pub webhook: Option<WebhookPolicy>,
}

/// Where warnings are posted as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookPolicy {
    /// Where to: `http://` or `https://`, at most 2048 bytes.
    pub url: String,
    /// How long one attempt may take: 100ms to 1m.
    pub timeout: Span,
    /// How often a warning is posted before it is given up: 1 to 20.
    pub attempts: u32,
    /// The name of the environment variable that holds a bearer token; `None`: none is sent.
    pub token_env: Option<String>,
}

impl Default for AlertPolicy {
    /// Warns at 80 % of a limit or a queue, and when 20 % is throttled (50 %: critical), after a minute.
    fn default() -> Self {
        Self {
            enabled: true,
            approaching: Share::per_mille(800),
            throttled: Share::per_mille(200),
            throttled_critical: Share::per_mille(500),
            queue: Share::per_mille(800),
            hold: Span::from_secs(60),
            resolve_after: Span::from_secs(300),
            webhook: None,
        }
    }
}

impl WebhookPolicy {
    /// The longest address.
    pub const URL_LENGTH_MAX: usize = 2_048;
    /// The shortest attempt.
    pub const TIMEOUT_MIN: Span = Span::from_millis(100);
    /// The longest attempt: the thread that posts waits for it when the program ends.
    pub const TIMEOUT_MAX: Span = Span::from_secs(60);
    /// The most attempts.
    pub const ATTEMPTS_MAX: u32 = 20;

    /// Posts to `url`: four attempts of ten seconds each, without a token.
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), timeout: Span::from_secs(10), attempts: 4, token_env: None }
    }
}

impl AlertPolicy {
    /// The smallest part of a limit or a queue that is worth a warning.
    pub const LEVEL_MIN: Share = Share::per_mille(100);
    /// The smallest part of throttled operations that is.
    pub const THROTTLED_MIN: Share = Share::per_mille(10);
    /// The longest time that a level must hold.
    pub const HOLD_MAX: Span = Span::from_secs(60 * 60);
    /// The shortest time until a warning is over.
    pub const RESOLVE_MIN: Span = Span::from_secs(1);
    /// The longest time until it is.
    pub const RESOLVE_MAX: Span = Span::from_secs(24 * 60 * 60);

    /// What is outside its range.
    ///
    /// ```
    /// use tidegate_units::{AlertPolicy, Share, Span, WebhookPolicy};
    ///
    /// assert!(AlertPolicy::default().faults().is_empty());
    /// let policy = AlertPolicy { hold: Span::from_secs(7_200), ..AlertPolicy::default() };
    /// assert_eq!(policy.faults()[0].error.to_string(), "a level that must hold for 2h: use 0s to 1h");
    /// ```
    pub fn faults(&self) -> Vec<PolicyFault> {
        let mut faults = Vec::new();
        for (key, share) in [("approaching", self.approaching), ("queue", self.queue)] {
            if share < Self::LEVEL_MIN {
                faults.push(AlertError::Level { share }.at(key));
            }
        }
        if self.throttled < Self::THROTTLED_MIN || self.throttled_critical < self.throttled {
            let (warning, critical) = (self.throttled, self.throttled_critical);
            faults.push(AlertError::Throttled { warning, critical }.at("throttled"));
        }
        if self.hold > Self::HOLD_MAX {
            faults.push(AlertError::Hold { hold: self.hold }.at("for"));
        }
        if !(Self::RESOLVE_MIN..=Self::RESOLVE_MAX).contains(&self.resolve_after) {
            let resolve_after = self.resolve_after;
            faults.push(AlertError::ResolveAfter { resolve_after }.at("resolve_after"));
        }
        if let Some(webhook) = &self.webhook {
            webhook.note_faults(&mut faults);
        }
        faults
    }
}

impl WebhookPolicy {
    fn note_faults(&self, faults: &mut Vec<PolicyFault>) {
        if !is_address(&self.url) {
            let url = self.url.chars().take(60).collect();
            faults.push(AlertError::Webhook { url }.at("webhook"));
        }
        if !(Self::TIMEOUT_MIN..=Self::TIMEOUT_MAX).contains(&self.timeout) {
            let timeout = self.timeout;
            faults.push(AlertError::WebhookTimeout { timeout }.at("webhook_timeout"));
        }
        if !(1..=Self::ATTEMPTS_MAX).contains(&self.attempts) {
            let text = self.attempts.to_string();
            faults.push(AlertError::WebhookAttempts { text }.at("webhook_attempts"));
        }
        if self.token_env.as_deref().is_some_and(|name| !is_variable(name)) {
            let name = self.token_env.iter().flat_map(|name| name.chars()).take(60).collect();
            faults.push(AlertError::WebhookToken { name }.at("webhook_token_env"));
        }
    }
}

/// What is wrong with how somebody is warned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlertError {
    /// A level at which everybody would be warned all the time.
    #[error("a level of {share}: use 0.1 to 1")]
    Level {
        /// The level as given.
        share: Share,
    },
    /// Levels that are too low, or in the wrong order.
    #[error("levels of {warning} and {critical}: use two of 0.01 to 1, the second no lower")]
    Throttled {
        /// From where on it is a warning.
        warning: Share,
        /// From where on it is critical.
        critical: Share,
    },
    /// A level that would have to hold for too long.
    #[error("a level that must hold for {hold}: use 0s to {}", AlertPolicy::HOLD_MAX)]
    Hold {
        /// The length of time as given.
        hold: Span,
    },
    /// A warning that would be over too soon or too late.
    #[error(
        "a warning that is over after {resolve_after}: use {} to {}",
        AlertPolicy::RESOLVE_MIN,
        AlertPolicy::RESOLVE_MAX
    )]
    ResolveAfter {
        /// The length of time as given.
        resolve_after: Span,
    },
    /// No address to post to.
    #[error(
        "`{url}` is no address to post to: use `http://` or `https://` and a host, at most {} printable bytes without spaces",
        WebhookPolicy::URL_LENGTH_MAX
    )]
    Webhook {
        /// The address as given.
        url: String,
    },
    /// An attempt that would take too short or too long.
    #[error(
        "a webhook_timeout of {timeout}: use {} to {}",
        WebhookPolicy::TIMEOUT_MIN,
        WebhookPolicy::TIMEOUT_MAX
    )]
    WebhookTimeout {
        /// The length of time as given.
        timeout: Span,
    },
    /// No attempt, or too many.
    #[error("{text} attempts: use 1 to {}", WebhookPolicy::ATTEMPTS_MAX)]
    WebhookAttempts {
        /// The number as written.
        text: String,
    },
    /// No name of an environment variable.
    #[error(
        "`{name}` is no name of a variable: use 1 to 128 of `A-Z`, `a-z`, `0-9` and `_`, no digit first"
    )]
    WebhookToken {
        /// The name as given.
        name: String,
    },
    /// How to post, but not where to.
    #[error(
        "how to post without `webhook`: nothing is posted then; add `webhook = \"https://…\"`, or remove it"
    )]
    WebhookAlone,
}

impl AlertError {
    fn at(self, key: &'static str) -> PolicyFault {
        PolicyError::Alerts(self).at(key)
    }
}

/// Whether something can be posted to `url`: a scheme that is known, and a host.
fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let printable = url.bytes().all(|byte| byte.is_ascii_graphic());
    host.is_some_and(|host| !host.is_empty())
        && printable
        && url.len() <= WebhookPolicy::URL_LENGTH_MAX
}

fn is_variable(name: &str) -> bool {
    let starts_well =
        name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    starts_well && name.len() <= 128 && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_says_what_to_do() {
        let webhook = WebhookPolicy {
            url: "ftp://example.org".to_owned(),
            timeout: Span::from_secs(61),
            attempts: 0,
            token_env: Some("1st token".to_owned()),
        };
        let policy = AlertPolicy {
            enabled: true,
            approaching: Share::per_mille(99),
            throttled: Share::per_mille(300),
            throttled_critical: Share::per_mille(200),
            queue: Share::NONE,
            hold: Span::from_secs(3_601),
            resolve_after: Span::ZERO,
            webhook: Some(webhook),
        };
        let lines =
            policy.faults().into_iter().map(|fault| format!("{}: {}", fault.key, fault.error));
        let mut lines: Vec<String> = lines.collect();
        lines.push(AlertError::WebhookAlone.to_string());
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn the_edges_are_inside() {
        let webhook = WebhookPolicy {
            timeout: WebhookPolicy::TIMEOUT_MAX,
            attempts: WebhookPolicy::ATTEMPTS_MAX,
            token_env: Some("_T".to_owned()),
            ..WebhookPolicy::to("http://h")
        };
        let policy = AlertPolicy {
            approaching: AlertPolicy::LEVEL_MIN,
            throttled: AlertPolicy::THROTTLED_MIN,
            throttled_critical: AlertPolicy::THROTTLED_MIN,
            hold: AlertPolicy::HOLD_MAX,
            resolve_after: AlertPolicy::RESOLVE_MIN,
            webhook: Some(webhook),
            ..AlertPolicy::default()
        };
        assert_eq!(policy.faults(), []);
        for url in ["https://", "https:///path", "http://a b", "HTTP://host", "https://h\u{e9}"] {
            let policy = AlertPolicy { webhook: Some(WebhookPolicy::to(url)), ..policy.clone() };
            assert_eq!(policy.faults().len(), 1, "{url}");
        }
    }
}
