//! What must outlive a process.
//!
//! A limiter that starts full after a restart lets through a second helping: what the last run spent
//! within the window is forgotten. So a run leaves a [`RunMark`] behind, touched about once a second
//! and when it stops, and the next run asks how long nothing can have been spent. A limiter whose
//! window is longer than that starts empty.
//!
//! [`run_mark`] holds the rules, without files or clocks; [`mod@file`] reads and writes.

pub mod file;
pub mod run_mark;

pub use file::{RunMarkError, RunMarkFile};
pub use run_mark::{MalformedMark, RunMark};
