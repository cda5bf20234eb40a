//! What a user may say about how one service is treated, beside its limits, and when somebody is warned.
//!
//! Plain data with ranges: what a configuration is read into and what machines are made from. Each
//! policy has a method `faults`, which lists what in it is outside its range.

pub mod adaptive;
pub mod alerts;
pub mod breaker;
pub mod concurrency;
pub mod error;
pub mod in_flight;
pub mod queue;
pub mod retry;
pub mod scoped;
pub mod share;

pub use adaptive::{AdaptivePolicy, ControllerKind, Increase, RateOf};
pub use alerts::{AlertError, AlertPolicy, WebhookPolicy};
pub use breaker::BreakerPolicy;
pub use concurrency::Concurrency;
pub use error::{PolicyError, PolicyFault};
pub use in_flight::{InFlightAlgorithm, InFlightPolicy};
pub use queue::{Overflow, QueuePolicy};
pub use retry::{Jitter, RetryPolicy};
pub use scoped::{KeyPolicy, ScopePolicy, ScopedPolicies};
pub use share::Share;
