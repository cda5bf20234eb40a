//! Given a state, an instant and a cost: admit, later or never.
//!
//! Usable alone, with `tidegate-units` for the types that numbers travel in.
//!
//! # Which one do I take?
//!
//! | I have … | Take |
//! |---|---|
//! | one limit, and threads or tasks that check it or wait | [`Direct`] (feature `direct`, on by default) |
//! | one limit for each user, tenant or key | [`Keyed`]; [`CompactKeyed`] for millions of keys; [`Timed`] around either |
//! | a bucket whose limit changes, on a clock of my own | [`Shared`] |
//! | one large bucket, and many threads that take from it all the time | [`Striped`] |
//! | several limits, on requests, tokens and bytes, that must all hold | [`Ledger`] |
//! | permits to promise for later, or to take back | [`Reservations`] over a [`Counter`] or a [`Ledger`] |
//! | a limit as a value, and a state that I keep, store or simulate | [`Meter`], or an [`Algorithm`] and its state |
//!
//! Those that hold several limits at once, put services in a queue or restart after failures are in the
//! crate `tidegate`.
//!
//! # Which algorithm?
//!
//! | The service counts … | Take | Most in one window of `N`, burst `B` | State |
//! |---|---|---|---|
//! | by a bucket | [`TokenBucket`], which gives most back on a refund | `B + N - 1` | 3 numbers, up to 32 lows |
//! | by a bucket | [`LeakyBucket`] | `B + N - 1` | a level and an instant |
//! | by a bucket | [`Gcra`] | `B + N - 1` | one number |
//! | any window, exactly | [`SlidingLog`] | `N` | up to 4096 entries |
//! | any window, in little memory | [`SlidingCounter`] | `N` | up to 65 entries |
//! | windows at a phase that I know | [`FixedWindow`] | `2 N` | one window |
//! | days, weeks, months, years of a zone | `CalendarWindow` (feature `calendar`) | `2 N`; `3 N` where lengths differ | one window |
//! | in a way I do not know | [`SlidingLog`]: every kind accepts it | `N` | |
//!
//! [`Meter`] chooses by what a [`Limit`](tidegate_units::Limit) says; [`worst_case`](worst_case()) and
//! [`Algorithm::worst_case`] say what it comes to, and [`Carry`] what becomes of a balance when a limit is
//! changed.
//!
//! # From the bottom up
//!
//! - [`Algorithm`] is one way to count one limit, [`Decision`] its answer: a pure function of its state,
//!   the present instant and a cost, in integers without rounding. [`TokenBucket`], [`LeakyBucket`],
//!   [`Gcra`], [`SlidingLog`], [`SlidingCounter`]; [`Windowed`] over [`Windows`], which is [`FixedWindow`]
//!   over a [`Grid`] and `CalendarWindow` over `CalendarPeriods`.
//! - [`Carry`] and [`Balance`]: what goes on under another limit.
//! - [`Meter`] is the algorithm that a limit calls for, with its state; [`Counter`] is any with its state.
//! - [`Ledger`] decides on several limits over several dimensions as one, and lends from them;
//!   [`LimitUsage`] is where one of them stands.
//! - [`Reservations`] promises permits of the future, each a [`Reservation`], on top of any [`Book`].
//! - [`Shared`] is a bucket on one atomic word; [`Striped`] splits one for many threads, and each may have
//!   a [`Local`](striped::Local).
//! - [`Direct`] is one limit that is checked or waited for: [`UntilReady`], or [`Refused`].
//! - [`Keyed`] and [`CompactKeyed`] keep one limit, a [`KeyRule`], for every value of a key, and give an
//!   [`Answer`]; [`Timed`] adds a clock.
//! - [`Gate`] is the atomic word that callers take lent permits from, as [`Packed`] by a [`Layout`].
//!
//! The machines (algorithms, meters, ledgers, reservations) read no clock, take no lock and know of no
//! actor: instants are arguments. `Shared`, `Gate` and the keyed tables are shared by threads, and take
//! the instant as well. `Direct`, `Striped` and `Timed` hold a [`Clock`](tidegate_units::Clock).
//!
//! Nothing here panics on what comes from outside: arithmetic saturates, and zeros and numbers out of
//! range are taken as the nearest in range where a constructor does not say otherwise. The invariants
//! that the tests check are listed in `docs/INVARIANTS.md`.
//!
//! # Features
//!
//! - `direct` (default): [`Direct`], on the processor's counter, with a thread for those who wait.
//! - `calendar`: `CalendarWindow`, with time zones built in.

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
