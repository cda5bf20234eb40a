//! What can go wrong, one type per operation.

use std::path::PathBuf;

use tidegate_config::{Config, ConfigErrors};
use tidegate_scheduler::messages::Unavailable;
use tidegate_store::RunMarkError;
use tidegate_units::{Code, InvalidKey, InvalidServiceName, Rejection, ServiceName};

/// Why there is no permit: later, never, cannot say, or stopped.
///
/// Rejections are boxed, so that the answer of a call that is granted stays small.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// Not now; [`Rejection::retry_after`] says before when not either.
    #[error(transparent)]
    Later(Box<Rejection>),
    /// Not ever: the call is larger than a limit can hold.
    #[error(transparent)]
    Never(Box<Rejection>),
    /// The limiter cannot say. Whether to go ahead without a permit is up to the caller.
    #[error("cannot say whether `{service}` has room: {why} ({})", Code::E4430)]
    Unavailable {
        /// The service.
        service: ServiceName,
        /// Why not.
        why: Unavailable,
    },
    /// The thread that the limiter runs on asked to be blocked, and would have waited for itself.
    #[error(
        "`acquire_blocking` for `{service}` on the thread that its limiter runs on: use `acquire().await` there ({})",
        Code::E4430
    )]
    WouldBlockLimiter {
        /// The service.
        service: ServiceName,
    },
    /// The call fits its limits but not the gate's word, which is all that a try looks at.
    #[error(
        "a call this large to `{service}` cannot be tried: use `acquire` with a short `within` ({})",
        Code::E4432
    )]
    TooLargeToTry {
        /// The service.
        service: ServiceName,
    },
    /// The call is for a model, an endpoint or a key with limits of its own, at which a try does not
    /// look.
    #[error(
        "a call to `{service}` under limits of its model, endpoint or key cannot be tried: use `acquire` with a short `within` ({})",
        Code::E4432
    )]
    ScopedToTry {
        /// The service.
        service: ServiceName,
    },
    /// A key that was given is none.
    #[error("{invalid} ({})", Code::E4411)]
    InvalidKey {
        /// What is wrong with it.
        invalid: InvalidKey,
    },
    /// Tidegate was stopped.
    #[error("tidegate was stopped: nothing passes to `{service}` any more ({})", Code::E4431)]
    Stopped {
        /// The service.
        service: ServiceName,
    },
}

impl AcquireError {
    /// The code to branch on.
    pub fn code(&self) -> Code {
        match self {
            Self::Later(rejection) | Self::Never(rejection) => rejection.code,
            Self::Unavailable { .. } | Self::WouldBlockLimiter { .. } => Code::E4430,
            Self::TooLargeToTry { .. } | Self::ScopedToTry { .. } => Code::E4432,
            Self::InvalidKey { .. } => Code::E4411,
            Self::Stopped { .. } => Code::E4431,
        }
    }

    /// The rejection, where a limit refused.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Later(rejection) | Self::Never(rejection) => Some(rejection),
            _ => None,
        }
    }
}

impl From<Rejection> for AcquireError {
    fn from(rejection: Rejection) -> Self {
        match rejection.retry_after {
            None if !rejection.code.is_retryable() => Self::Never(Box::new(rejection)),
            _ => Self::Later(Box::new(rejection)),
        }
    }
}

/// Why Tidegate did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration file could not be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A service has a name that is none.
    #[error(transparent)]
    ServiceName(#[from] InvalidServiceName),
    /// Two services have the same name.
    #[error("there is a service `{name}` already: give each a name of its own")]
    ServiceTwice {
        /// The name.
        name: ServiceName,
    },
    /// There is no service to limit.
    #[error("no service is configured: add one with `[services.NAME]` or `Builder::service`")]
    NoService,
    /// The mark of the last run could not be read or written.
    #[error(transparent)]
    RunMark(#[from] RunMarkError),
    /// Warnings cannot be posted where the configuration says.
    #[error("`alerts.webhook`: {why}")]
    Webhook {
        /// Why not.
        why: String,
    },
    /// Figures cannot be pushed so.
    #[cfg(feature = "otlp")]
    #[error(transparent)]
    Otlp(#[from] tidegate_observability::otlp::OtlpError),
    /// No thread could be started.
    #[error("cannot start a thread for the actors: {source}")]
    Thread {
        /// Why.
        source: std::io::Error,
    },
    /// The thread of the actors ended before it had started them.
    #[error("the thread of the actors ended before it had started them")]
    ThreadEnded,
}

/// A service that is not configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no service `{name}`: configured are {known}")]
pub struct UnknownService {
    pub(crate) name: String,
    pub(crate) known: String,
}

// What a configuration may hold, a change may too.
const _: () = assert!(Config::LIMITS_MAX == tidegate_scheduler::limiter::LIMITS_MAX);

#[cfg(test)]
mod tests {
    use tidegate_scheduler::RefusedLimits;
    use tidegate_scheduler::messages::ReconfigureError;
    use tidegate_units::{Dimension, Reason, Scope, Span};

    use super::*;

    #[test]
    fn every_refusal_reads_as_a_sentence_with_its_code() {
        let service: ServiceName = "anthropic".parse().expect("a name");
        let rejection = Rejection {
            code: Code::E4404,
            reason: Reason::LimitReached,
            scope: Scope::Service(service.clone()),
            dimension: Dimension::Requests,
            limit: 50,
            window: Span::from_secs(60),
            used: 50,
            requested: 1,
            retry_after: Some(Span::from_millis(1_200)),
            queue_position: None,
        };
        let never = Rejection { requested: 60, retry_after: None, ..rejection.clone() };
        let never = never.because(Reason::NeverFits);
        let errors = [
            AcquireError::from(rejection),
            AcquireError::from(never),
            AcquireError::Unavailable { service: service.clone(), why: Unavailable::Restarting },
            AcquireError::Unavailable { service: service.clone(), why: Unavailable::GivenUp },
            AcquireError::Unavailable { service: service.clone(), why: Unavailable::MailboxFull },
            AcquireError::Unavailable { service: service.clone(), why: Unavailable::Gone },
            AcquireError::WouldBlockLimiter { service: service.clone() },
            AcquireError::TooLargeToTry { service: service.clone() },
            AcquireError::ScopedToTry { service: service.clone() },
            AcquireError::InvalidKey { invalid: InvalidKey::TooMany { max: 8 } },
            AcquireError::Stopped { service },
        ];
        let lines: Vec<String> =
            errors.iter().map(|error| format!("{}: {error}", error.code())).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn every_refused_change_says_what_to_do() {
        let scope = Scope::Service("anthropic".parse().expect("a name"));
        let (dimension, known) = (Dimension::Bytes, "requests, tokens".to_owned());
        let why = Unavailable::Restarting;
        let errors: [ReconfigureError; 4] = [
            RefusedLimits::TooMany { scope: scope.clone(), count: 65 }.into(),
            RefusedLimits::UnknownDimension { scope: Scope::Global, dimension, known }.into(),
            RefusedLimits::UnderWay { scope: scope.clone() }.into(),
            ReconfigureError::Unavailable { scope, why },
        ];
        insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"), @"
        65 limits for service `anthropic`: use at most 64 in one place
        a limit on bytes for all services: only requests, tokens can be limited while it runs, restart with the new limits
        another change of the limits of service `anthropic` is under way: wait until it is answered
        cannot change the limits of service `anthropic`: the limiter is restarting after a failure: try again in a moment
        ");
    }
}
