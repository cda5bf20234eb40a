//! From a TOML text and environment variables to checked limits, or to errors that show the line.
//!
//! [`Config::parse`] reads everything before it answers: either all of it is valid, or every fault
//! is listed in one [`ConfigErrors`], each with its line, its key, the accepted range and what to
//! do. A configuration is never accepted in part.
//!
//! | key | value | default |
//! |---|---|---|
//! | `global.limits` | up to 64 limits over all services together | none |
//! | `global.dimensions` | up to 64 names that limits may count besides the built-in ones | none |
//! | `services.NAME.limits` | up to 64 limits of one service | none |
//! | `services.NAME.guard` | the guard of those of its limits that state none | see [`Limit::guard`] |
//! | `services.NAME.queue.capacity` | 1 to 100000 waiting calls | 1000 |
//! | `services.NAME.queue.timeout` | 1ms to 24h | 30s |
//!
//! A limit is text, as in `"50 requests per minute"`, or a table with one dimension:
//! `{ requests = 50, per = "1m", enforced_as = "token-bucket", burst = 10, guard = "100ms" }`.
//! One that a service counts by the calendar names the zone in which it does, as in
//! `"5_000_000 tokens per day in UTC"` or `{ tokens = 5_000_000, per = "day", zone = "UTC" }`.
//!
//! This crate reads no file, no clock and no environment: text and variables are arguments.
//!
//! [`Limit::guard`]: tidegate_units::Limit::guard

mod cursor;
mod document;
mod environment;
mod error;
mod limits;
mod model;
mod problem;
mod sections;
mod suggest;
mod validate;

pub use error::{ConfigError, ConfigErrors, Place};
pub use model::{Config, GlobalConfig, ServiceConfig};
