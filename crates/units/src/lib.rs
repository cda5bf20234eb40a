//! Where an integer gets its meaning.
//!
//! No bare integer crosses a crate boundary in Tidegate: a point in time is an [`Instant`], a length
//! of time a [`Span`], what a call takes a [`Cost`] over [`Dimension`]s, what may be taken a
//! [`Limit`] at a [`Scope`], and a refusal a [`Rejection`] with a stable [`Code`].
//!
//! Arithmetic saturates. Nothing here panics on values that come from outside: whatever can be
//! wrong is an error that names the value and the accepted range.
//!
//! This crate reads no clock except in [`clock`], and depends on nothing in the workspace.

pub mod amounts;
pub mod backoff;
#[cfg(feature = "calendar")]
pub mod calendar;
pub mod clock;
pub mod coarse_clock;
pub mod cost;
pub mod dimension;
pub mod instant;
pub mod key;
pub mod limit;
pub mod outcome;
pub mod policy;
pub mod priority;
pub mod provider;
pub mod rejection;
pub mod scope;
pub mod span;
pub mod wall;
#[cfg(feature = "calendar")]
pub mod zone;

pub use amounts::Amounts;
pub use backoff::Backoff;
#[cfg(feature = "calendar")]
pub use calendar::{Calendar, InvalidPeriod, Period};
#[cfg(feature = "tsc")]
pub use clock::TscClock;
pub use clock::{Clock, ManualClock, MonotonicClock, WallClock};
pub use coarse_clock::CoarseClock;
pub use cost::{Cost, NamedAmounts, TooManyNames};
pub use dimension::{Dimension, DimensionName, InvalidDimensionName};
pub use instant::Instant;
pub use key::{InvalidKey, Key, KeyName};
pub use limit::{EnforcedAs, Limit, LimitError};
pub use outcome::Outcome;
pub use policy::{
    AdaptivePolicy, AlertError, AlertPolicy, BreakerPolicy, Concurrency, ControllerKind,
    InFlightAlgorithm, InFlightPolicy, Increase, Jitter, KeyPolicy, Overflow, PolicyError,
    PolicyFault, QueuePolicy, RateOf, RetryPolicy, ScopePolicy, ScopedPolicies, Share,
    WebhookPolicy,
};
pub use priority::Priority;
pub use provider::{InvalidProviderName, ProviderName};
pub use rejection::{Code, Reason, Rejection};
pub use scope::{InvalidServiceName, Scope, ServiceName};
pub use span::{InvalidSpan, Span};
pub use wall::WallOrigin;
#[cfg(feature = "calendar")]
pub use zone::{InvalidZone, Zone};
