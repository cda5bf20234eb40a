//! What a configuration comes to, in the form that is written as JSON.

mod limits;
mod paces;
mod part;
mod policies;

use std::path::Path;

use serde::Serialize;
use tidegate_config::{Config, ServiceConfig};
use tidegate_units::{Concurrency, DimensionName, Limit, ServiceName};

pub(crate) use limits::LimitLine;
pub(crate) use paces::{LearnLine, PaceLine, ProviderLine};
use part::Part;
pub(crate) use policies::{
    BreakerLine, ClassLine, PartLine, QueueLine, RetryLine, SlotsLine, WeightLine,
};

/// The name and version of the form.
const SCHEMA: &str = "tidegate.check/1";

/// All limits and policies of one configuration.
#[derive(Debug, Serialize)]
pub(crate) struct Listing {
    schema: &'static str,
    /// The file as it was named.
    pub(crate) file: String,
    /// Dimensions of the user's own.
    pub(crate) dimensions: Vec<String>,
    /// The global limits first, then those of each service and of its parts.
    pub(crate) limits: Vec<LimitLine>,
    /// One for each service.
    pub(crate) queues: Vec<QueueLine>,
    /// One wherever the calls under way are bounded.
    pub(crate) slots: Vec<SlotsLine>,
    /// One for each dimension of each service of which a pace is learned.
    pub(crate) paces: Vec<PaceLine>,
    /// One for each service that says whose limits it has.
    pub(crate) providers: Vec<ProviderLine>,
    /// One for each service.
    pub(crate) retries: Vec<RetryLine>,
    /// One for each service and each endpoint that has a breaker.
    pub(crate) breakers: Vec<BreakerLine>,
    /// The parts of each service: models, endpoints, keys. Patterns in the order in which they are tried.
    pub(crate) parts: Vec<PartLine>,
    /// The turns of the values that have a weight of their own.
    pub(crate) weights: Vec<WeightLine>,
}

impl Listing {
    /// What `config` comes to, which was read from `file`.
    pub(crate) fn new(file: &Path, config: &Config) -> Self {
        let name = |name: &DimensionName| name.as_str().to_owned();
        let mut listing = Self {
            schema: SCHEMA,
            file: file.display().to_string(),
            dimensions: config.global.dimensions.iter().map(name).collect(),
            limits: Vec::new(),
            queues: Vec::new(),
            slots: Vec::new(),
            paces: Vec::new(),
            providers: Vec::new(),
            retries: Vec::new(),
            breakers: Vec::new(),
            parts: Vec::new(),
            weights: Vec::new(),
        };
        listing.add(&Part::all(), &config.global.limits, None);
        for (name, service) in &config.services {
            listing.add_service(name, service);
        }
        listing
    }

    fn add_service(&mut self, name: &ServiceName, service: &ServiceConfig) {
        let all = Part::service(name);
        self.add(&all, &service.limits, service.concurrency);
        if let (Some(policy), Some(line)) = (&service.in_flight, self.slots.last_mut()) {
            line.learned = Some(LearnLine::new(policy));
        }
        self.paces.extend(service.adaptive.iter().flat_map(|it| PaceLine::all(name, it)));
        let provider = service.provider.clone();
        let provider = provider.map(|provider| ProviderLine { service: name.clone(), provider });
        self.providers.extend(provider);
        self.queues.push(QueueLine::new(name, &service.queue));
        self.retries.push(RetryLine::new(name, service.retry));
        self.breakers.extend(service.breaker.map(|policy| BreakerLine::new(all, policy)));
        for (pattern, policy) in &service.scoped.models {
            self.add_part(Part::model(name, pattern), &policy.limits, policy.concurrency);
        }
        for (pattern, policy) in &service.scoped.endpoints {
            let part = Part::endpoint(name, pattern);
            self.breakers
                .extend(policy.breaker.map(|policy| BreakerLine::new(part.clone(), policy)));
            self.add_part(part, &policy.limits, policy.concurrency);
        }
        for (key, policy) in &service.scoped.each {
            let part = Part::each(name, *key);
            self.weights.extend(policy.weights.iter().map(|(value, weight)| WeightLine {
                part: part.clone(),
                value: value.clone(),
                weight: *weight,
            }));
            self.add_part(part, &policy.limits, policy.concurrency);
        }
    }

    fn add_part(&mut self, part: Part, limits: &[Limit], concurrency: Option<Concurrency>) {
        self.add(&part, limits, concurrency);
        let slots = concurrency.map(|concurrency| concurrency.slots);
        self.parts.push(PartLine { part, limits: limits.len(), slots });
    }

    fn add(&mut self, part: &Part, limits: &[Limit], concurrency: Option<Concurrency>) {
        self.limits.extend(limits.iter().map(|limit| LimitLine::new(part.clone(), limit)));
        self.slots.extend(concurrency.map(|policy| SlotsLine::new(part.clone(), policy)));
    }
}
