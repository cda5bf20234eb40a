//! What goes into a limiter, what comes out of it, and what others may see of it.

use serde::Serialize;
use tidegate_algorithms::{Layout, Packed};
use tidegate_units::{
    AdaptivePolicy, Amounts, BreakerPolicy, Concurrency, Dimension, InFlightPolicy, Instant, Limit,
    Outcome, QueuePolicy, Rejection, ScopedPolicies, ServiceName, WallOrigin,
};

use crate::settlement::Call;
use crate::{Report, Ticket};

/// What a limiter is made from, and its gate: what calls are counted in does not change any more.
#[derive(Debug, Clone)]
pub struct LimiterConfig {
    /// The service.
    pub service: ServiceName,
    /// Its own limits.
    pub limits: Vec<Limit>,
    /// The limits that it shares with all services, kept by the supervisor.
    pub shared: Vec<Limit>,
    /// Who may wait, for how long, and who is next.
    pub queue: QueuePolicy,
    /// How many calls may be under way; `None`: any number.
    pub concurrency: Option<Concurrency>,
    /// How that number is learned, from what `concurrency` says on.
    pub in_flight: Option<InFlightPolicy>,
    /// When the service is left alone because its calls fail; `None`: never.
    pub breaker: Option<BreakerPolicy>,
    /// How the pace is learned that the service bears; `None`: limits are all there is.
    pub adaptive: Option<AdaptivePolicy>,
    /// What holds for one model, one endpoint, one agent.
    pub scoped: ScopedPolicies,
    /// The time on the wall at the origin of the machine's clock, for limits per calendar period.
    pub wall_origin: WallOrigin,
}

impl LimiterConfig {
    /// A service with these limits, and the defaults in everything else.
    pub fn new(service: ServiceName, limits: Vec<Limit>) -> Self {
        Self {
            service,
            limits,
            shared: Vec::new(),
            queue: QueuePolicy::default(),
            concurrency: None,
            in_flight: None,
            breaker: None,
            adaptive: None,
            scoped: ScopedPolicies::default(),
            wall_origin: WallOrigin::default(),
        }
    }

    /// The dimensions that a permit is charged in: requests first, whether they are limited or not,
    /// so that calls are counted; slots where calls under way are limited or tell whether the service
    /// is well; what only a part of the service limits, or only the queue.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let mut dimensions = vec![Dimension::Requests];
        if self.concurrency.is_some() || self.breaker.is_some() {
            dimensions.push(Dimension::Slots);
        }
        for limit in self.limits.iter().chain(&self.shared).chain(self.limits_of_parts()) {
            if !dimensions.contains(&limit.dimension()) {
                dimensions.push(limit.dimension());
            }
        }
        for dimension in self.paced() {
            if !dimensions.contains(&dimension) {
                dimensions.push(dimension);
            }
        }
        for (dimension, _) in self.queue.max_cost.iter() {
            if !dimensions.contains(&dimension) {
                dimensions.push(dimension);
            }
        }
        dimensions
    }

    /// The dimensions of which the pace is learned.
    fn paced(&self) -> impl Iterator<Item = Dimension> {
        self.adaptive.iter().flat_map(|policy| policy.dimensions.iter().copied())
    }

    fn limits_of_parts(&self) -> impl Iterator<Item = &Limit> {
        let ScopedPolicies { models, endpoints, each } = &self.scoped;
        let named = models.iter().chain(endpoints).flat_map(|(_, policy)| &policy.limits);
        named.chain(each.values().flat_map(|policy| &policy.limits))
    }

    /// How the gate's word is divided: by what each dimension can hold at once. `None` where there are
    /// more dimensions than fit; then every call goes by message.
    pub fn layout(&self) -> Option<Layout> {
        let largest = |dimension: Dimension| {
            let limits = self.limits.iter().chain(&self.shared);
            let on_dimension = limits.filter(|limit| limit.dimension() == dimension);
            let slots = self.concurrency.filter(|_| dimension == Dimension::Slots);
            let most = self.in_flight.map_or(0, |policy| policy.max);
            let slots = slots.map(|concurrency| u64::from(concurrency.slots.max(most)));
            (dimension, on_dimension.map(Limit::shaped_capacity).min().or(slots))
        };
        let dimensions = self.dimensions().into_iter().map(largest);
        // What only parts limit never passes the gate.
        let for_all = |(dimension, most): &(Dimension, Option<u64>)| {
            let paced = self.paced().any(|paced| paced == *dimension);
            matches!(dimension, Dimension::Requests | Dimension::Slots) || paced || most.is_some()
        };
        let dimensions: Vec<_> = dimensions.filter(for_all).collect();
        Layout::fitting(&dimensions)
    }
}

/// What the limiter wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Tell the caller that it may go ahead.
    Granted {
        /// Whose request.
        ticket: Ticket,
        /// What was charged in each dimension that has a limit.
        charged: Amounts,
        /// When it was recorded.
        recorded: Instant,
        /// What is to be told of the call when it has ended.
        call: Call,
    },
    /// Tell the caller why not.
    Refused {
        /// Whose request.
        ticket: Ticket,
        /// Why.
        rejection: Rejection,
    },
    /// Close the gate, then read the clock, then call [`gate_closed`](super::Limiter::gate_closed).
    CloseGate,
    /// Open the gate, which is closed and empty, with this in it.
    OpenGate(Packed),
    /// Add this to the open gate.
    FillGate(Packed),
    /// Let the gate cool; if somebody took from it since the last reading, call
    /// [`gate_stays_warm`](super::Limiter::gate_stays_warm).
    CoolGate,
    /// Tell the supervisor what was used, before anything else that is said to it.
    Report(Report),
    /// Tell the caller that it was stopped.
    Stopped {
        /// Whose request.
        ticket: Ticket,
    },
    /// Nobody waits any more, and nobody will.
    Drained,
    /// Tell the caller that the limiter could not say in time.
    Unanswered {
        /// Whose request.
        ticket: Ticket,
    },
    /// Tell those who ask without waiting which limits hold from now on.
    Limits {
        /// The service's own.
        own: Vec<Limit>,
        /// Those that it shares.
        shared: Vec<Limit>,
    },
    /// Ask the supervisor for permits of the shared limits.
    Borrow {
        /// To grant whoever is next; the supervisor keeps this until it can be met.
        need: Amounts,
        /// What could be used beyond that; lent only if it is free.
        want: Amounts,
    },
}

/// What the limiter has done, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Requests granted from the gate, by the amount of `requests`.
    pub granted_by_gate: u64,
    /// Requests granted from the queue.
    pub granted_by_queue: u64,
    /// Requests refused.
    pub refused: u64,
    /// Of those, how many waited in vain until their deadline.
    pub expired: u64,
    /// Of those refused, how many found the queue full.
    pub overflowed: u64,
    /// Of those refused, how many were dropped from a full queue for another.
    pub displaced: u64,
    /// Of those granted from the queue, how many were let past a larger one.
    pub backfilled: u64,
    /// Slots that came back by themselves, because their holders had leaked them.
    pub healed: u64,
    /// Callers that stopped waiting.
    pub withdrawn: u64,
    /// Grants that nobody was there to take.
    pub unclaimed: u64,
    /// Permits closed, by [`Outcome::index`]; only those that reported something.
    pub outcomes: [u64; Outcome::ALL.len()],
}
