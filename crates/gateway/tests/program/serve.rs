//! The command `serve` over its sockets: right and wrong requests, streams, the token, and how it ends.

mod changes;
mod clients;
mod counted;
mod refused;
mod shown;
mod streams;
