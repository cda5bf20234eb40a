//! Policies that a program wrote into a configuration, held to what a text may say.

use tidegate_units::{
    AlertPolicy, Concurrency, Dimension, KeyPolicy, Limit, PolicyFault, QueuePolicy, ScopePolicy,
    ScopedPolicies,
};

use super::Check;
use crate::ServiceConfig;
use crate::cursor::joined;
use crate::limits;
use crate::problem::Problem;
use crate::sections::{MODEL_KEYS, check_provider};

impl Check<'_> {
    pub(super) fn service(&mut self, path: &str, service: &ServiceConfig) {
        self.limits(path, &service.limits);
        self.queue(&joined(path, "queue"), &service.queue);
        self.concurrency(path, service.concurrency.as_ref());
        self.learned(path, service);
        self.faults(&joined(path, "retry"), service.retry.faults());
        if let Some(breaker) = &service.breaker {
            self.faults(&joined(path, "breaker"), breaker.faults());
        }
        self.scoped(path, &service.scoped);
    }

    pub(super) fn alerts(&mut self, alerts: &AlertPolicy) {
        self.faults("alerts", alerts.faults());
    }

    fn queue(&mut self, path: &str, queue: &QueuePolicy) {
        self.faults(path, queue.faults());
        for (dimension, _) in queue.max_cost.iter() {
            let path = joined(&joined(path, "max_cost"), dimension.name());
            self.declared(&path, dimension);
        }
    }

    fn concurrency(&mut self, path: &str, concurrency: Option<&Concurrency>) {
        if let Some(concurrency) = concurrency {
            self.faults(&joined(path, "concurrency"), concurrency.faults());
        }
    }

    /// What is learned of a service, and whose it is.
    fn learned(&mut self, path: &str, service: &ServiceConfig) {
        if let Some(policy) = &service.in_flight {
            let path = joined(path, "concurrency");
            self.that(service.concurrency.is_some(), &path, || Problem::NoSlots);
            self.faults(&path, policy.faults());
            let slots = service.concurrency.filter(|slots| slots.faults().is_empty());
            let start = slots.and_then(|it| policy.fault_of_start(it.slots));
            self.faults(&path, start.into_iter().collect());
        }
        if let Some(policy) = &service.adaptive {
            let path = joined(path, "adaptive");
            self.faults(&path, policy.faults());
            for (index, dimension) in policy.dimensions.iter().enumerate() {
                self.declared(&format!("{}[{index}]", joined(&path, "dimensions")), *dimension);
            }
        }
        if let Some(Err(problem)) = service.provider.as_ref().map(check_provider) {
            self.fault(&joined(path, "provider"), problem);
        }
    }

    fn scoped(&mut self, path: &str, scoped: &ScopedPolicies) {
        self.faults(path, scoped.faults());
        for (pattern, policy) in &scoped.models {
            let path = joined(&joined(path, "models"), pattern);
            self.part(&path, &policy.limits, policy.concurrency.as_ref());
            self.that(policy.breaker.is_none(), &joined(&path, "breaker"), || {
                Problem::MisplacedBreaker { known: MODEL_KEYS.join(", ") }
            });
        }
        for (pattern, policy) in &scoped.endpoints {
            self.endpoint(&joined(&joined(path, "endpoints"), pattern), policy);
        }
        for (name, policy) in &scoped.each {
            let path = joined(&joined(path, "each"), name.as_str());
            let KeyPolicy { limits, concurrency, .. } = policy;
            self.part(&path, limits, concurrency.as_ref());
            self.faults(&path, policy.faults(*name));
        }
    }

    fn endpoint(&mut self, path: &str, policy: &ScopePolicy) {
        self.part(path, &policy.limits, policy.concurrency.as_ref());
        if let Some(breaker) = &policy.breaker {
            self.faults(&joined(path, "breaker"), breaker.faults());
        }
    }

    fn part(&mut self, path: &str, limits: &[Limit], concurrency: Option<&Concurrency>) {
        self.limits(path, limits);
        self.concurrency(path, concurrency);
    }

    /// Notes a fault unless `dimension` is built in or declared.
    pub(super) fn declared(&mut self, path: &str, dimension: Dimension) {
        let is_known = limits::is_declared(dimension, self.declared);
        self.that(is_known, path, || Problem::UnknownDimension {
            name: dimension.name().to_owned(),
            suggestion: None,
        });
    }

    /// Notes each fault of a policy at the field that it names.
    fn faults(&mut self, path: &str, faults: Vec<PolicyFault>) {
        for PolicyFault { key, entry, error } in faults {
            let field = joined(path, key);
            let path = entry.map_or(field.clone(), |entry| joined(&field, &entry));
            self.fault(&path, error.into());
        }
    }
}
