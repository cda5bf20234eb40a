//! Given a state, an instant and a cost: admit, later or never.
//!
//! Bottom up:
//!
//! - [`Algorithm`] is one way to count one limit: [`TokenBucket`], [`LeakyBucket`], [`Gcra`],
//!   [`SlidingLog`], [`SlidingCounter`], [`FixedWindow`] and, with the feature `calendar`,
//!   `CalendarWindow`. Each is a pure function of its state, the present instant and a cost, in
//!   integers without rounding.
//! - [`Meter`] is the algorithm that a [`Limit`](tidegate_units::Limit) calls for, with its state.
//! - [`Ledger`] decides on several limits over several dimensions as one, and lends from them.
//! - [`Reservations`] promises permits of the future, on top of any of them that is a [`Book`].
//! - [`Keyed`] and [`CompactKeyed`] keep one limit for every value of a key, shared by all threads.
//! - [`Gate`] is the atomic word that callers take lent permits from.
//!
//! Nothing here reads a clock, takes a lock or knows of an actor. The invariants that the tests
//! check are listed in `docs/INVARIANTS.md`.

pub mod algorithm;
pub mod book;
#[cfg(feature = "calendar")]
pub mod calendar_window;
pub mod carry;
mod decoded;
#[cfg(feature = "direct")]
pub mod direct;
pub mod fixed_window;
pub mod gate;
pub mod gcra;
pub mod keyed;
pub mod leaky_bucket;
pub mod ledger;
mod lows;
pub mod meter;
pub mod packed;
mod prefetch;
pub mod reservations;
pub mod shared;
pub mod sliding_counter;
pub mod sliding_log;
pub mod striped;
mod sync;
pub mod token_bucket;
pub mod windows;
pub mod worst_case;

pub use algorithm::{Algorithm, Decision};
pub use book::{Book, Counter};
#[cfg(feature = "calendar")]
pub use calendar_window::{CalendarPeriods, CalendarWindow};
pub use carry::{Balance, Carry};
#[cfg(feature = "direct")]
pub use direct::{Direct, Refused, UntilReady};
pub use fixed_window::{FixedWindow, Grid};
pub use gate::{Gate, Reading, Taken};
pub use gcra::{Gcra, GcraState};
pub use keyed::{Answer, CompactKeyed, KeyRule, Keyed, Timed};
pub use leaky_bucket::{LeakyBucket, LeakyBucketState};
pub use ledger::{Ledger, LimitUsage};
pub use meter::Meter;
pub use packed::{Layout, Packed};
pub use reservations::{Reservation, Reservations, ReserveError};
pub use shared::Shared;
pub use sliding_counter::{SlidingCounter, SlidingCounterState};
pub use sliding_log::{SlidingLog, SlidingLogState};
pub use striped::Striped;
pub use token_bucket::{TokenBucket, TokenBucketState};
pub use windows::{InvalidWindowState, WindowState, Windowed, Windows};
pub use worst_case::{provider_allows, worst_case};
