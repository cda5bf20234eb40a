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
//! | `alerts.enabled` | whether anybody is warned: `true` or `false` | `true` |
//! | `alerts.approaching`, `queue` | 0.1 to 1: the part of a limit, or of a queue, from which on it is a warning | 0.8, 0.8 |
//! | `alerts.throttled` | two of 0.01 to 1: the part of calls not granted at once that is a warning, and critical | `[0.2, 0.5]` |
//! | `alerts.for` | 0s to 1h that a level must hold before it is a warning | 1m |
//! | `alerts.resolve_after` | 1s to 24h that it must be clearly below before the warning is over | 5m |
//! | `alerts.webhook` | where warnings are posted as JSON: `http://` or `https://` | nowhere |
//! | `alerts.webhook_timeout`, `webhook_attempts` | 100ms to 1m for an attempt, and 1 to 20 of them | 10s, 4 |
//! | `alerts.webhook_token_env` | the variable that holds a bearer token | none is sent |
//! | `services.NAME.limits` | up to 64 limits of one service | none |
//! | `services.NAME.guard` | the guard of those of its limits, also per model, endpoint and key, that state none | see [`Limit::guard`] |
//! | `services.NAME.concurrency` | 1 to 10000 calls under way, or a table of `slots` and `lease` | any number |
//! | `….concurrency.lease` | 1s to 24h, after which a slot is taken back | 10m |
//! | `services.NAME.queue.capacity` | 1 to 100000 waiting calls | 1000 |
//! | `services.NAME.queue.timeout` | 1ms to 24h | 30s |
//! | `services.NAME.queue.overflow` | `"refuse-newest"`, `"drop-oldest"`, `"drop-oldest-of-lowest-class"`, `"newest-first"` | `"refuse-newest"` |
//! | `services.NAME.queue.max_cost` | how much may wait in a dimension: 1 to 10^12 each | any amount |
//! | `services.NAME.queue.strict` | the least urgent class that is served before all below it, or `"none"` | `"critical"` |
//! | `services.NAME.queue.shares` | what a class gets at least of what is granted: 0 to 1 each, together at most 1 | high 0.25, normal 0.1, low 0.05, background 0.02 |
//! | `services.NAME.queue.floors` | what a class leaves of every burst: 0 to 0.9 each | 0 |
//! | `services.NAME.queue.backfill` | 0s to 1h that the next in line may start later | 1s |
//! | `services.NAME.queue.fair_between` | the name of the key whose values take turns | the first that a call names |
//! | `services.NAME.retry.attempts` | 1 to 100, the first try included | 5 |
//! | `services.NAME.retry.base`, `max` | 1ms to 1h before the second try, and at most; `max` no shorter than `base` | 1s, 30s |
//! | `services.NAME.retry.jitter` | 0 to 1 around a delay, or `"full"`, `"equal"`, `"decorrelated"` | 0.25 |
//! | `services.NAME.retry.budget` | 0 to 1 retries for each first try | 0.2 |
//! | `services.NAME.breaker` | when it is left alone; an empty table takes all defaults | never |
//! | `….breaker.failures`, `failure_rate` | 1 to 10000 calls failed, and 0 to 1 of all | 5, 0.5 |
//! | `….breaker.slow_after`, `slow_rate` | 1ms to 24h and a call is slow; 0 to 1 of all, only beside `slow_after` | never, 0.5 |
//! | `….breaker.window`, `open` | 1s to 1h looked back on; 10ms to 1h left alone | 1m, 30s |
//! | `….breaker.probes` | 1 to 100 calls that must succeed | 1 |
//! | `services.NAME.models."PATTERN"` | `limits` and `concurrency` of the models that match; up to 64 patterns | none |
//! | `services.NAME.endpoints."PATTERN"` | `limits`, `concurrency` and `breaker` of the endpoints that match; up to 64 | none |
//! | `services.NAME.each.KEY` | `limits` and `concurrency` of each value of a key; up to 8 keys | none |
//! | `services.NAME.each.KEY.weight` | how many turns a value takes: 1 to 1000, for up to 1000 values | 1 |
//!
//! The address of a webhook is often a secret; `TIDEGATE__ALERTS__WEBHOOK` keeps it out of the text.
//!
//! Parts of a whole are numbers from 0 to 1 with at most three decimals.
//!
//! A pattern is 1 to 128 bytes, and each `*` in it stands for any text. Where several patterns match, the
//! first counts, in the order in which the text first names them; those that a variable adds come after
//! them, by name. One that says nothing, `models."claude-haiku-*" = {}`, takes what it matches out of those
//! below it. There is one table for all of a kind, so a pattern cannot stand twice.
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
mod fields;
mod limits;
mod model;
mod problem;
mod sections;
mod suggest;
mod validate;

pub use error::{ConfigError, ConfigErrors, Place};
pub use model::{Config, GlobalConfig, ServiceConfig};
