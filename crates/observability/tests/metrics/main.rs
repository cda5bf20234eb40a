//! What is scraped and pushed, and what the documents say about it: against the catalogue, against samples
//! with everything in them, and against Prometheus's own tool.
//!
//! The invariants on trial: OBS-3.

mod documents;
mod flood;
mod promtool;
mod publish;
mod rich;
mod rules;
mod text;
