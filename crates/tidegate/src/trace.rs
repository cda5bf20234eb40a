//! Spans around waiting for a permit and around the call, for whoever collects them.
//!
//! Without the feature `tracing` these are empty types and cost nothing. With it, and nobody collecting, a grant
//! from the gate looks at one number more.

#[cfg(feature = "tracing")]
mod collected;
#[cfg(not(feature = "tracing"))]
mod ignored;

#[cfg(feature = "tracing")]
pub(crate) use collected::{CallSpan, WaitSpan, is_wanted};
#[cfg(not(feature = "tracing"))]
pub(crate) use ignored::{CallSpan, WaitSpan, is_wanted};
