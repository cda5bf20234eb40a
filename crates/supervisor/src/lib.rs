//! Keeps the limits that all services share, lends from them to limiters, and restarts those that
//! fail.
//!
//! - [`Supervisor`] is the machine: the ledger of the shared limits, what each service has borrowed,
//!   who waits for more, and how often each has failed. No clock, no actor.
//! - `actor` (feature `actor`, on by default) runs it, and starts one limiter actor per service.
//!
//! Invariants: see [`supervisor`].

#[cfg(feature = "actor")]
pub mod actor;
pub mod restarts;
pub mod supervisor;

pub use restarts::{Health, RestartPolicy};
pub use supervisor::{Event, Supervisor, SupervisorConfig, SupervisorState};
