//! What a service answered, and what follows from it.
//!
//! - [`Observation`] is what a caller says about one finished call: how it ended, what it really
//!   cost, and how long the service asked everybody to wait.
//! - [`Pause`] turns such a request into an instant before which nothing may be sent.
//!
//! No clock, no actor: instants are arguments.

pub mod observation;
pub mod pause;

pub use observation::Observation;
pub use pause::Pause;
