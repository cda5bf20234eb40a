//! What services answer, provider by provider, and what is read of it.
//!
//! Holds FEED-1 to FEED-5. Every case is written from what a provider documents or was seen to send.

mod arbitrary;
mod charges;
mod clouds;
mod custom;
mod generic;
mod models;
mod services;
mod settling;
mod support;
mod traps;
