//! Samples, pushed to a collector of [OpenTelemetry](https://opentelemetry.io/docs/specs/otlp/) by OTLP over
//! HTTP, as binary protobuf.
//!
//! What is pushed is what is scraped: the same rows of the same catalogue, with the values of the sample.
//! Counters and histograms are cumulative since the program started, so that a push that was lost takes
//! nothing with it, and none is tried again: the next one says it all.
//!
//! There is no TLS here. A collector on this machine, or in its network, is what programs push to; it goes on
//! from there as it is told.

mod push;
mod request;
mod wire;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use tidegate_units::Span;

pub use push::{Pushed, Pusher};
pub use request::encode;

/// Where samples are pushed to, and how often.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpSettings {
    /// The whole address: `http://`, host, port and path. Collectors listen on port 4318, path `/v1/metrics`.
    pub endpoint: String,
    /// How long from one push to the next: 100ms to 1h.
    pub interval: Span,
    /// How long one push may take: 100ms to 1m. Whoever stops the pusher waits for it.
    pub timeout: Span,
    /// Headers that go with every push, such as `Authorization`.
    pub headers: BTreeMap<String, String>,
    /// What the program is: `service.name` should be there. They are attributes of the resource.
    pub attributes: BTreeMap<String, String>,
}

/// Headers by their names only: a value may be a secret.
impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSettings")
            .field("endpoint", &self.endpoint)
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .field("headers", &self.headers.keys())
            .field("attributes", &self.attributes)
            .finish()
    }
}

/// Settings with which nothing can be pushed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is none that can be reached without TLS.
    #[error(
        "`{endpoint}` is no address to push to: use `http://HOST:PORT/v1/metrics`, of a collector nearby"
    )]
    Endpoint {
        /// The address, cut short.
        endpoint: String,
    },
    /// A header that HTTP does not allow.
    #[error("`{name}` is no header, or its value is none: use visible ASCII")]
    Header {
        /// Its name, cut short.
        name: String,
    },
    /// Too often, or too seldom.
    #[error("a push every {interval}: use 100ms to 1h")]
    Interval {
        /// How often.
        interval: Span,
    },
    /// Too short, or too long.
    #[error("a push that may take {timeout}: use 100ms to 1m")]
    Timeout {
        /// How long.
        timeout: Span,
    },
    /// The system gave no thread.
    #[error("no thread to push from")]
    Thread(#[from] std::io::Error),
}

impl OtlpSettings {
    /// The shortest interval and the shortest timeout.
    pub const SHORTEST: Span = Span::from_millis(100);
    /// The longest interval.
    pub const INTERVAL_MAX: Span = Span::from_secs(3_600);
    /// The longest timeout.
    pub const TIMEOUT_MAX: Span = Span::from_secs(60);

    /// Pushes to `endpoint` once a minute, for ten seconds at most, as the service `tidegate`.
    ///
    /// ```
    /// use tidegate_observability::otlp::OtlpSettings;
    /// use tidegate_units::Span;
    ///
    /// let settings = OtlpSettings::to("http://localhost:4318/v1/metrics");
    /// assert!(settings.check().is_ok());
    ///
    /// let settings = OtlpSettings { interval: Span::from_millis(1), ..settings };
    /// let refused = settings.check().expect_err("it is too often");
    /// assert_eq!(refused.to_string(), "a push every 1ms: use 100ms to 1h");
    /// ```
    pub fn to(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            interval: Span::from_secs(60),
            timeout: Span::from_secs(10),
            headers: BTreeMap::new(),
            attributes: [("service.name".to_owned(), "tidegate".to_owned())].into_iter().collect(),
        }
    }

    /// Whether anything can be pushed so.
    ///
    /// # Errors
    ///
    /// What is wrong first: the address, the interval, the timeout. Headers are looked at when a pusher is
    /// started.
    pub fn check(&self) -> Result<(), OtlpError> {
        let host = self.endpoint.strip_prefix("http://").and_then(|rest| rest.split('/').next());
        if host.is_none_or(str::is_empty) || self.endpoint.parse::<ureq::http::Uri>().is_err() {
            return Err(OtlpError::Endpoint { endpoint: short(&self.endpoint) });
        }
        if !(Self::SHORTEST..=Self::INTERVAL_MAX).contains(&self.interval) {
            return Err(OtlpError::Interval { interval: self.interval });
        }
        if !(Self::SHORTEST..=Self::TIMEOUT_MAX).contains(&self.timeout) {
            return Err(OtlpError::Timeout { timeout: self.timeout });
        }
        Ok(())
    }
}

/// The beginning, for a message.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_header_is_not_shown() {
        let mut settings = OtlpSettings::to("http://localhost:4318/v1/metrics");
        settings.headers.insert("Authorization".to_owned(), "Bearer a-secret".to_owned());
        let shown = format!("{settings:?}");
        assert!(shown.contains("Authorization") && !shown.contains("a-secret"), "{shown}");
    }

    #[test]
    fn what_cannot_be_pushed_to_is_refused_with_what_can() {
        let good = OtlpSettings::to("http://[::1]:4318/v1/metrics");
        assert!(good.check().is_ok());
        let wrong = [
            OtlpSettings::to("https://collector:4318/v1/metrics"),
            OtlpSettings::to("http:///v1/metrics"),
            OtlpSettings::to("http://a b/"),
            OtlpSettings::to("x".repeat(500)),
            OtlpSettings { interval: Span::from_secs(3_601), ..good.clone() },
            OtlpSettings { timeout: Span::ZERO, ..good },
        ];
        let refusals = wrong.map(|settings| settings.check().expect_err("it is wrong").to_string());
        insta::assert_snapshot!(refusals.join("\n"));
    }
}
