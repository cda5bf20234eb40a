//! Says who goes next at one service.
//!
//! - [`Limiter`] is the machine: ledgers, who waits in which order and for what, calls under way, what
//!   it keeps in the gate, and its slice of the limits that all services share. It takes instants and
//!   inputs, and answers with [`Event`]s; it knows no clock and no actor.
//! - [`breaker`], [`bulkhead`] and [`retry`] are machines of their own, which it or others use.
//! - [`explanation`] has the words for why somebody waits.
//! - `actor` (feature `actor`, on by default) runs one such machine per service: it stamps the time,
//!   calls the machine, arms one timer and sends what the machine asked for.
//! - `front` is what handles share with the actor: the gate, and the way back for settlements.
//!
//! Invariants: see [`limiter`].

#[cfg(feature = "actor")]
pub mod actor;
pub mod breaker;
pub mod bulkhead;
pub(crate) mod deadlines;
pub mod explanation;
#[cfg(feature = "actor")]
pub mod front;
pub mod gate_book;
pub mod limiter;
#[cfg(feature = "actor")]
pub mod messages;
pub(crate) mod order;
pub(crate) mod queue;
pub mod request;
pub mod retry;
#[cfg(feature = "actor")]
pub mod runtime_clock;
pub mod scopes;
pub mod settlement;
pub mod shortage;
pub mod slice;
pub(crate) mod tariff;

pub use explanation::Explanation;
pub use limiter::{
    Event, Limiter, LimiterConfig, LimiterState, PartState, RefusedLimits, SlotsState,
};
pub use request::{Labels, Request, Ticket};
pub use settlement::{Call, Settlement};
pub use shortage::Shortage;
pub use slice::Report;
