//! What a service answered, and what follows from it.
//!
//! - [`Observation`] is what a caller says about one finished call: how it ended, what it really
//!   cost, and how long the service asked everybody to wait.
//! - [`Hint`] is what the service said about one of its limits, [`Controller`] turns all of it into
//!   a pace.
//! - [`Law`], [`Aimd`] and [`Fixed`] are such controllers; [`build()`] makes the one that a policy
//!   names.
//! - [`Usage`] is what an answer says that the call took, and [`UsageStream`] finds it in one that
//!   arrives in pieces.
//! - [`Estimates`] guesses what a call will take, and learns from what such calls took.
//! - [`outgoing`] writes the state of limits for callers of our own, as services write it for us.
//! - [`Signal`] is what databases, files and programs say instead of a status.
//! - [`InFlight`] learns how many calls may be under way instead.
//! - [`Learned`] keeps what they found out for a later run.
//! - [`feedback`] reads all of that from the response of a service, whichever it is.
//! - [`Settling`] tells what of a reservation is owed or given back, in steps while an answer streams.
//! - [`Pause`] turns the request into an instant before which nothing may be sent.
//!
//! No clock, no actor: instants are arguments.

pub mod aimd;
mod both;
pub mod build;
pub mod controller;
pub mod estimate;
pub mod feedback;
pub mod fixed;
pub mod hint;
pub mod in_flight;
pub mod law;
pub mod learned;
mod number;
pub mod observation;
mod opening;
pub mod outgoing;
pub mod pacer;
pub mod pause;
pub mod settling;
pub mod signals;
mod slowdown;
mod stepped;
pub mod usage;

pub use aimd::Aimd;
pub use build::{build, build_for};
pub use controller::{Answer, Controller, Pace};
pub use estimate::{
    Asked, ByCharacters, Estimates, Estimator, OutputKey, OutputPolicy, Outputs, ReservationRule,
    Reserved, SavedOutputs,
};
pub use feedback::{Feedback, Profile, Response};
pub use fixed::Fixed;
pub use hint::{Hint, Reset};
pub use in_flight::InFlight;
pub use law::Law;
pub use learned::{Learned, LearnedError, LearnedPace, LearnedWindow};
pub use observation::Observation;
pub use outgoing::{Dialect, LimitState, PolicyName, Problem};
pub use pause::Pause;
pub use settling::{Settling, Step};
pub use signals::Signal;
pub use usage::{ChargeRule, Counted, Known, StreamUsage, Usage, UsageFamily, UsageStream};
