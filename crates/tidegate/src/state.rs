//! What everybody says about themselves, as one sample.

use tidegate_algorithms::LimitUsage;
use tidegate_observability::{LimitSample, Sample, ServiceSample};
use tidegate_scheduler::LimiterState;
use tidegate_supervisor::SupervisorState;

pub(crate) fn sample(
    services: &[LimiterState],
    supervisor: &SupervisorState,
    events_dropped: u64,
) -> Sample {
    let own = services.iter().flat_map(|service| &service.limits);
    Sample {
        services: services.iter().map(|service| service_sample(service, supervisor)).collect(),
        limits: own.chain(&supervisor.limits).map(limit_sample).collect(),
        events_dropped,
    }
}

fn service_sample(state: &LimiterState, supervisor: &SupervisorState) -> ServiceSample {
    let account = supervisor.services.get(&state.service);
    ServiceSample {
        service: state.service.clone(),
        granted_by_gate: state.counts.granted_by_gate,
        granted_by_queue: state.counts.granted_by_queue,
        refused: state.counts.refused,
        expired: state.counts.expired,
        withdrawn: state.counts.withdrawn,
        outcomes: state.counts.outcomes,
        queued: u64::try_from(state.queued).unwrap_or(u64::MAX),
        failures: account.map_or(0, |account| account.failures),
        restarts: account.map_or(0, |account| account.restarts),
    }
}

fn limit_sample(usage: &LimitUsage) -> LimitSample {
    LimitSample {
        scope: usage.scope.clone(),
        dimension: usage.limit.dimension(),
        window: usage.limit.window(),
        capacity: usage.capacity,
        available: usage.available,
        lent: usage.lent,
        debt: usage.debt,
    }
}
