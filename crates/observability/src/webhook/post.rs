//! One attempt to post a body.

use std::fmt;

use tidegate_units::{Clock, Instant, MonotonicClock, Span, WebhookPolicy};
use ureq::Agent;

use super::WebhookError;
use super::verdict::Answer;

/// The longest token.
const TOKEN_MAX: usize = 4_096;

/// Where to post, and how.
pub(super) struct Post {
    agent: Agent,
    url: String,
    authorization: Option<String>,
    clock: MonotonicClock,
}

impl fmt::Debug for Post {
    /// Without the address and the token: both let others post.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}

impl Post {
    pub(super) fn new(policy: &WebhookPolicy, token: Option<String>) -> Result<Self, WebhookError> {
        if policy.url.starts_with("https://") && !cfg!(feature = "webhook-tls") {
            return Err(WebhookError::NoTls);
        }
        if let Some(token) = &token {
            let fits = (1..=TOKEN_MAX).contains(&token.len());
            if !fits || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(WebhookError::Token { bytes: token.len() });
            }
        }
        let config = Agent::config_builder()
            .timeout_global(Some(policy.timeout.to_duration()))
            .http_status_as_error(false)
            // What answers a post with another address is not asked again.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A proxy that the environment names may be meant for others.
            .proxy(None)
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            url: policy.url.clone(),
            authorization: token.map(|token| format!("Bearer {token}")),
            clock: MonotonicClock::default(),
        })
    }

    /// The time, for the age of what is posted.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Posts once. What the server writes beyond its headers is not read.
    pub(super) fn once(&self, body: &[u8]) -> Answer {
        let mut request = self.agent.post(&self.url).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let Ok(response) = request.send(body) else {
            return Answer::None;
        };
        let retry_after = response.headers().get("retry-after");
        let seconds = retry_after.and_then(|it| it.to_str().ok()?.trim().parse().ok());
        Answer::Status {
            status: response.status().as_u16(),
            retry_after: seconds.map(Span::from_secs),
        }
    }
}
