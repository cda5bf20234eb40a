//! What a replay plays: how the provider limits its clients, and what the clients are like.
//!
//! Limits are stated as shares of the load that the clients offer, so that one scenario fits every
//! trace; [`Scenario::resolve`] turns them into numbers per second. A scenario is [named], or
//! read from a file:
//!
//! ```toml
//! name = "mine"
//! [provider]
//! kind = "bucket"                 # or "window"
//! requests = { rate_of_load = 0.7, burst_s = 10 }   # or rate = 3.9, per second; tokens likewise
//! window_s = 60                   # how long a window is; for buckets, what the limit header is per
//! headers = "none"                # or "retry_after", "full"
//! streamed = 0.5                  # share of responses whose headers come with the first token
//! penalty = false                 # whether a refusal burns the fraction of a permit
//! overload = 0.0                  # share of requests turned away for overload
//! lost = 0.0                      # share of responses that arrive without headers
//! clock_skew_s = 0                # how far the client's clock is ahead of the provider's
//! steps = [{ at_s = 1200, factor = 0.5 }, { at_s = 2200, factor = 1.0 }]  # none unless set
//! limit_header_lies = false       # whether the stated limit stays as it was at a step
//! noise = { amplitude = 0.25, period_s = 600 }  # other tenants take a share; none unless set
//! [clients]
//! count = 1                       # independent clients under the same limits
//! demand = "equal"                # or "skewed": the second sends half as much as the first, …
//! initial_rate_factor = 0.26      # first guess over the true capacity, where a client guesses
//! load_factor = 1.0               # the trace so many times over
//! classes = { high = 0.1, normal = 0.6, low = 0.3 }
//! max_retries = 5
//! keys = { count = 8, skew = 1.0 } # or { shares = { greedy = 0.7, other = 0.3 } }; none unless set
//! ```
//!
//! Everything but `name` and a limit may be left out and is then as above; without `keys` nobody in
//! particular sends what the trace names no key for.
//!
//! A step multiplies rates, bursts and stated limits by its factor, counted from the start of the
//! run and not from the step before; a bucket keeps what still fits. Noise of amplitude `a` leaves
//! `1 − a + a·sin(2π·t/period_s)` of the rate, more or less what an Ornstein–Uhlenbeck process of
//! deviation `0.32·a` and a memory of 30 s says, within 0.2 and 1.1; stated limits know nothing of it.
//! Both may change requests and tokens, which are limited at once where both are set. A key that is not listed
//! here is refused, with the list of those that are.

mod error;
mod file;
mod keys;
pub mod named;
mod resolve;

use std::path::Path;
use std::sync::Arc;

use tidegate_units::{Instant, Priority, Span};

use crate::provider::{Behaviour, HeaderStyle, Rate, Swings};
use crate::random::{Random, Stream};
use crate::trace::Trace;

pub use error::{ResolveError, ScenarioError, ScenarioFault};
pub use keys::KeyShares;

/// How the provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// Token buckets that start full.
    Bucket,
    /// Fixed windows, at a phase that follows from the seed.
    Window,
}

/// How much the provider lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// So many millionths of the mean load that is offered: 1 000 to 10^9.
    OfLoad {
        /// Millionths of the load.
        millionths: u64,
    },
    /// So much, whatever is offered.
    Absolute(Rate),
}

/// A limit before the load is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitShare {
    /// What passes in the long run.
    pub capacity: Capacity,
    /// How long the bucket takes to fill: 1 ms to a day. Windows have no use for it.
    pub burst: Span,
}

/// How the clients share the demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// All send equally much.
    Equal,
    /// The second sends half as much as the first, the third a third of it, and so on.
    Skewed,
}

impl Demand {
    /// What one of several clients sends, compared with the first, from 0.
    pub fn weight(self, client: u32) -> f64 {
        match self {
            Self::Equal => 1.0,
            Self::Skewed => 1.0 / (f64::from(client) + 1.0),
        }
    }
}

/// How far a client's clock is ahead of the provider's, or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockSkew {
    /// Ahead.
    pub ahead: Span,
    /// Behind; one of both is zero.
    pub behind: Span,
}

impl ClockSkew {
    /// So many seconds ahead, or behind if they are below zero.
    pub fn from_secs_f64(seconds: f64) -> Self {
        let of = |seconds: f64| Span::from_secs_f64(seconds.max(0.0));
        Self { ahead: of(seconds), behind: of(-seconds) }
    }

    /// How long it is, on the client's clock at `now`, until an instant on the provider's.
    pub fn until(&self, now: Instant, on_provider: Instant) -> Span {
        (on_provider + self.behind).since(now + self.ahead)
    }
}

/// What the clients are like.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Clients {
    /// How many independent clients share the provider's limits: 1 to 64.
    pub count: u32,
    /// How they share the demand.
    pub demand: Demand,
    /// What a client takes a limit for that it is not told, over what it is: 0.001 to 1000.
    pub initial_rate_factor: f64,
    /// How many times over the trace arrives: 0.01 to 100.
    pub load_factor: f64,
    /// The classes of their calls.
    pub classes: ClassShares,
    /// How often a refused call is tried again before it has failed for good: 0 to 100.
    pub max_retries: u32,
    /// Who sends the calls for which the trace names no key; `None`: nobody in particular.
    pub keys: Option<KeyShares>,
}

/// Shares of the calls by class; each 0 to 1, together 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ClassShares {
    /// Of class high.
    pub high: f64,
    /// Of class normal.
    pub normal: f64,
    /// Of class low.
    pub low: f64,
}

impl ClassShares {
    /// The class of a call, for a draw that is uniform in `[0, 1)`.
    pub fn pick(&self, draw: f64) -> Priority {
        if draw < self.high {
            Priority::High
        } else if draw < self.high + self.normal {
            Priority::Normal
        } else if self.low > 0.0 {
            Priority::Low
        } else {
            // The shares may miss 1 by a rounding; no class comes up that has no share.
            if self.normal > 0.0 { Priority::Normal } else { Priority::High }
        }
    }
}

/// A provider and its clients, ready to be put on a trace.
///
/// ```
/// use tidegate_simulator::{Generator, Scenario};
/// use tidegate_units::Dimension;
///
/// let scenario = Scenario::named("const-none")?;
/// let limits = scenario.resolve(&Generator::new(1).generate())?;
/// let limit = limits.limit(Dimension::Requests).expect("a limit on requests");
/// assert_eq!(format!("{:.2} per second", limit.rate_per_second()), "3.87 per second");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    name: String,
    kind: LimitKind,
    requests: Option<LimitShare>,
    tokens: Option<LimitShare>,
    window: Span,
    behaviour: Behaviour,
    swings: Swings,
    clock_skew: ClockSkew,
    clients: Clients,
}

impl Scenario {
    /// The longest name, in bytes; names are of letters, digits, `-`, `_` and `.`.
    pub const NAME_MAX: usize = 64;
    /// The largest file, in bytes.
    pub const FILE_MAX: usize = 1024 * 1024;
    /// The most steps: enough for a new limit every minute of an hour.
    pub const STEPS_MAX: usize = 64;

    /// The scenario of that name: see [`named`].
    ///
    /// # Errors
    ///
    /// [`ScenarioFault::UnknownName`], which lists all that there are.
    pub fn named(name: &str) -> Result<Self, ScenarioError> {
        named::find(name)
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] with the first thing that is wrong, its line, and what is accepted.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        file::read(path)
    }

    /// The scenario in a text; `origin` stands for the file in messages.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], as for [`Scenario::read`].
    pub fn parse(text: &str, origin: &str) -> Result<Self, ScenarioError> {
        file::parse(text, origin)
    }

    /// What the scenario is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the provider counts.
    pub fn kind(&self) -> LimitKind {
        self.kind
    }

    /// How the provider behaves, apart from its limits.
    pub fn behaviour(&self) -> Behaviour {
        self.behaviour
    }

    /// What changes the capacity during a run.
    pub fn swings(&self) -> &Swings {
        &self.swings
    }

    /// How far the clients' clocks are off.
    pub fn clock_skew(&self) -> ClockSkew {
        self.clock_skew
    }

    /// What the clients are like.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The traffic of this scenario: the trace as many times over as its clients send, and dealt to
    /// its keys.
    pub fn traffic(&self, trace: &Trace, seed: u64) -> Trace {
        let traffic = trace.with_load(self.clients.load_factor, seed);
        let Some(keys) = &self.clients.keys else {
            return traffic;
        };
        let mut draws = Random::new(seed, Stream::Keys);
        traffic.with_keys(|| Arc::clone(keys.pick(draws.uniform())))
    }

    /// What all scenarios have that say nothing else, with a limit still to be set.
    fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: LimitKind::Bucket,
            requests: None,
            tokens: None,
            window: Span::from_secs(60),
            behaviour: Behaviour::new(HeaderStyle::None, 0.5, 0.0),
            swings: Swings::default(),
            clock_skew: ClockSkew::default(),
            clients: Clients {
                count: 1,
                demand: Demand::Equal,
                initial_rate_factor: 0.26,
                load_factor: 1.0,
                classes: ClassShares { high: 0.1, normal: 0.6, low: 0.3 },
                max_retries: 5,
                keys: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Priority::{High, Low, Normal};

    #[test]
    fn classes_come_up_by_their_shares() {
        let shares = ClassShares { high: 0.1, normal: 0.6, low: 0.3 };
        let classes = [0.0, 0.0999, 0.1, 0.6999, 0.701, 0.9999].map(|draw| shares.pick(draw));
        assert_eq!(classes, [High, High, Normal, Normal, Low, Low]);
        let no_low = ClassShares { high: 0.4, normal: 0.599_999_9, low: 0.0 };
        assert_eq!(no_low.pick(0.999_999_99), Normal);
    }
}
