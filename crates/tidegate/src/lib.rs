//! A rate limiter for the calls that your program *makes*.
//!
//! Tidegate stands between your program and each service that it calls. It lets through as much as
//! every limit allows, never more; when there is not enough for all it says who goes next, and why the
//! others wait.
//!
//! ```
//! use tidegate::{Cost, Observation, ServiceConfig, Tidegate};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tidegate = Tidegate::builder()
//!     .service(
//!         "anthropic",
//!         ServiceConfig::limited(["50 requests per minute".parse()?, "40_000 tokens per minute".parse()?]),
//!     )?
//!     .global_limit("1000 requests per minute".parse()?)
//!     .start()?;
//! let claude = tidegate.service("anthropic")?;
//!
//! // From a plain thread; in async code it is `.acquire().await?`.
//! let permit = claude.request().tokens(1_200).acquire_blocking()?;
//! // … make the call, then say what it really cost.
//! permit.ok(Cost::request().input_tokens(700).output_tokens(150));
//!
//! // What can never fit is refused at once, with a code to branch on.
//! let refused = claude.request().tokens(50_000).try_acquire().unwrap_err();
//! assert_eq!(refused.code().to_string(), "E4410");
//! # Ok(())
//! # }
//! ```
//!
//! - [`Tidegate`] is the whole; [`Handle`] one service, cheap to clone and free to share.
//! - [`PermitRequest`] says what one call takes; [`Permit`] is what you hold while you make it.
//! - [`PermitRequest::run`] does it all: acquires, calls, settles, and tries again where that is worth it;
//!   [`PermitRequest::run_or`] with a fallback. [`Policy`] says whether a call waits or is skipped.
//! - [`desk`] is for hosts made of actix actors, who send messages instead.
//!
//! A permit is granted from the service's gate with one atomic operation while there is enough in it;
//! only then is anybody asked. Limits can change while all this runs: [`Handle::reconfigure`] and
//! [`Tidegate::reconfigure_shared`]; [`Tidegate::shutdown`] ends it in order. See `docs/ARCHITECTURE.md` for the way of a call.

pub mod attempt;
pub mod builder;
pub mod desk;
pub mod error;
pub mod handle;
mod observer;
pub mod pace;
pub mod permit;
pub mod policy;
mod repeated;
pub mod request;
pub mod run;
mod run_mark;
mod seen;
pub mod shutdown;
mod sinks;
pub mod subscription;
mod system;
mod trace;
mod waiting;
mod watch;

pub use attempt::{Attempt, Called};
pub use builder::Builder;
pub use error::{AcquireError, StartError, UnknownService};
pub use handle::{Handle, Usage};
pub use permit::Permit;
pub use policy::Policy;
pub use request::{Acquiring, PermitRequest};
pub use run::{RunError, WhyNoMore};
pub use shutdown::Drain;
pub use subscription::Subscription;
pub use system::Tidegate;

pub use tidegate_adaptive::{Hint, Observation, Pace, Reset};
pub use tidegate_algorithms::{Carry, LimitUsage};
pub use tidegate_config::{Config, ConfigErrors, ServiceConfig};
pub use tidegate_observability::status::{Statistics, Status};
pub use tidegate_observability::{
    Alert, AlertKind, Event, EventKind, History, Report, ReportBy, ReportFormat, ReportQuery,
    ReportRow, Sample, ServiceSample, Severity, UnknownHistory,
};
pub use tidegate_scheduler::breaker::BreakerState;
pub use tidegate_scheduler::explanation::{AheadOf, Missing, Standing};
pub use tidegate_scheduler::limiter::Counts;
pub use tidegate_scheduler::messages::{ReconfigureError, Unavailable};
pub use tidegate_scheduler::{Explanation, LimiterState, PartState, RefusedLimits, SlotsState};
pub use tidegate_supervisor::{RestartPolicy, SupervisorState};
pub use tidegate_units::{
    AdaptivePolicy, AlertPolicy, Amounts, Backoff, BreakerPolicy, Calendar, Code, Concurrency,
    ControllerKind, Cost, Dimension, EnforcedAs, InFlightAlgorithm, InFlightPolicy, Increase,
    InvalidKey, Jitter, Key, KeyName, KeyPolicy, Limit, LimitError, Outcome, Overflow, Period,
    Priority, ProviderName, QueuePolicy, RateOf, Reason, Rejection, RetryPolicy, Scope,
    ScopePolicy, ScopedPolicies, ServiceName, Share, Span, WallOrigin, Zone,
};
