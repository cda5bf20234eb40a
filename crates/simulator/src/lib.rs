//! Traffic, an emulated provider with hidden limits, and what a client that knew everything would
//! have got from it.
//!
//! A replay needs five things, each a module here:
//!
//! * [`trace`] reads recorded traffic; [`generator`] makes traffic of the same shape where there is
//!   no recording.
//! * [`scenario`] says how the provider limits it, as shares of the load, and what the clients are
//!   like.
//! * [`provider`] is the service: it admits, refuses, takes its time, and counts at its own door
//!   whether its limits held.
//! * [`ideal`] is the yardstick: first come, first served, without delay and with every limit known.
//! * [`random`] is where every draw comes from.
//!
//! [`driver`] puts them together: the real machines on virtual time against the emulated provider.
//!
//! # Invariants
//!
//! 1. A seed means one run. No clock is read, whatever decides is an integer, and what is drawn is
//!    computed in the same way on every machine.
//! 2. A client sees replies, never the provider's limits.
//! 3. Input from outside is bounded in length and in value, and refused with its line.

pub mod configured;
pub mod controller;
pub mod driver;
pub mod generator;
pub mod ideal;
mod number;
pub mod provider;
pub mod random;
pub mod report;
pub mod scenario;
pub mod trace;
pub mod world;

pub use configured::{Configured, NoSuchService};
pub use controller::{Controller, UnknownController};
pub use driver::{Contest, Progress, ReplayError, can_replay, replay};
pub use generator::{Generator, GeneratorError};
pub use ideal::Ideal;
pub use provider::{
    Arrivals, Behaviour, CapacityStep, DimensionLimit, HeaderStyle, Headers, LimitHeader, Network,
    Noise, Provider, ProviderLimits, Quantity, Rate, Reply, ServiceTime, Swings, Tally,
};
pub use random::{Random, Stream};
pub use report::{PacePoint, Replay, Run};
pub use scenario::{
    ClassShares, Clients, ClockSkew, Demand, KeyShares, LimitKind, ResolveError, Scenario,
    ScenarioError, ScenarioFault,
};
pub use trace::{Trace, TraceError, TraceFault, TraceRequest};
pub use world::World;
