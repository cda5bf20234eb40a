//! Asks a running server: one request, one answer, both bounded.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::Uri;
use ureq::{Agent, Body, http::Response};

use crate::arguments::Backend;
use crate::exit::Failure;

/// How long an answer may take in all.
const WITHIN: Duration = Duration::from_secs(10);
/// The longest answer.
const BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// How much is shown of an answer that is not understood.
const SHOWN_MAX: usize = 200;

/// A server that is asked.
#[derive(Debug)]
pub(crate) struct Remote {
    base: String,
    agent: Agent,
}

impl Remote {
    /// The server that the arguments name.
    ///
    /// # Errors
    ///
    /// [`Failure::Refused`] for what is no URL of a server.
    pub(crate) fn new(backend: &Backend) -> Result<Self, Failure> {
        let base = backend.url.trim_end_matches('/').to_owned();
        let uri: Option<Uri> = base.parse().ok();
        let scheme = uri.as_ref().and_then(Uri::scheme_str);
        if scheme != Some("http") || uri.is_none_or(|uri| uri.host().is_none()) {
            let shown: String = base.chars().take(80).collect();
            let fault = format!(
                "--url `{}`: use http://HOST:PORT, such as http://127.0.0.1:8787",
                shown.escape_debug()
            );
            return Err(Failure::Refused(vec![fault]));
        }
        let config = Agent::config_builder()
            .timeout_global(Some(WITHIN))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build();
        Ok(Self { base, agent: config.new_agent() })
    }

    /// What is at a path.
    ///
    /// # Errors
    ///
    /// [`Failure::Failed`] when nothing answers, or something else than was expected;
    /// [`Failure::Refused`] when the server says that the question is wrong.
    pub(crate) fn get(&self, path: &str) -> Result<String, Failure> {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        self.text(answer)
    }

    /// What is answered to a question.
    ///
    /// # Errors
    ///
    /// As [`Remote::get`].
    pub(crate) fn post(&self, path: &str, question: &impl Serialize) -> Result<String, Failure> {
        let question = serde_json::to_string(question)
            .map_err(|error| Failure::failed(format!("no JSON can be made of this: {error}")))?;
        let request = self.agent.post(format!("{}{path}", self.base));
        self.text(request.header("content-type", "application/json").send(question))
    }

    fn text(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<String, Failure> {
        let mut response = answer.map_err(|error| self.unanswered(&error))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(BYTES_MAX).read_to_string();
        let text = body.map_err(|error| {
            Failure::failed(format!("{} answers what cannot be read: {error}", self.base))
        })?;
        if status.is_success() {
            return Ok(text);
        }
        let detail = serde_json::from_str::<Value>(&text).ok();
        let detail = detail.as_ref().and_then(|problem| problem.get("detail")?.as_str());
        let shown = detail.map_or_else(|| shortened(&text), ToOwned::to_owned);
        let message = format!("{} answers {}: {shown}", self.base, status.as_u16());
        Err(match status.as_u16() {
            400 | 404 | 422 if detail.is_some() => Failure::Refused(vec![message]),
            _ => Failure::failed(message),
        })
    }

    fn unanswered(&self, error: &ureq::Error) -> Failure {
        let nobody = matches!(error, ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused)
            || matches!(error, ureq::Error::ConnectionFailed);
        let base = &self.base;
        if nobody {
            return Failure::failed(format!(
                "nothing answers at {base}: start `tidegate serve` or give --url"
            ));
        }
        Failure::failed(format!("{base} does not answer: {error}"))
    }
}

/// What an answer says.
///
/// # Errors
///
/// [`Failure::Failed`] when it is not what was expected.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::failed(format!(
            "the answer is not understood ({error}): is it a server of this version? {}",
            shortened(text)
        ))
    })
}

/// Part of a path that stands for itself, whatever is in it (RFC 3986, 2.3).
pub(crate) fn segment(text: &str) -> String {
    let mut segment = String::new();
    for byte in text.bytes() {
        match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || "-._~".contains(plain) => segment.push(plain),
            _ => {
                let _ = write!(segment, "%{byte:02X}");
            }
        }
    }
    segment
}

/// The beginning of a text, on one line.
fn shortened(text: &str) -> String {
    let line: String = text.trim().chars().take(SHOWN_MAX).collect();
    line.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_servers_are_asked() {
        let new = |url: &str| Remote::new(&Backend { url: url.to_owned() });
        for good in ["http://127.0.0.1:8787", "http://localhost:1/", "http://[::1]:8787"] {
            assert!(new(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:8787", "https://tide.test", "ftp://tide.test", "http://"] {
            assert!(matches!(new(bad), Err(Failure::Refused(_))), "{bad}");
        }
    }

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        assert_eq!(segment("anthropic"), "anthropic");
        assert_eq!(segment("../a b?c#ä"), "..%2Fa%20b%3Fc%23%C3%A4");
    }
}
