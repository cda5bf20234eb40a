//! Limits, what is lent of them, calls under way and breakers: of services and of their parts.

use super::seconds;
use crate::catalogue;
use crate::readings::Readings;
use crate::sample::{BreakerPhase, LimitSample, PartSample, ScopeKind, ServiceSample, SlotsSample};
use crate::status::share;

const PHASES: [BreakerPhase; 3] =
    [BreakerPhase::Closed, BreakerPhase::HalfOpen, BreakerPhase::Open];

pub(super) fn limit(readings: &mut Readings, limit: &LimitSample) {
    let service = limit.service.as_ref().map_or("", |service| service.as_str());
    let labels =
        [service, limit.scope.name(), &limit.of, limit.dimension.name(), limit.per.as_str()];
    readings.count(&catalogue::LIMIT_AMOUNT, &labels, limit.amount);
    readings.level(&catalogue::LIMIT_RECOVERY, &labels, seconds(limit.recovery_ms()));
    readings.count(&catalogue::LIMIT_CAPACITY, &labels, limit.capacity);
    readings.level(&catalogue::LIMIT_USED, &labels, share(limit.used(), limit.capacity));
    readings.count(&catalogue::LIMIT_AVAILABLE, &labels, limit.available);
    readings.count(&catalogue::LIMIT_LENT, &labels, limit.lent);
    readings.count(&catalogue::LIMIT_DEBT, &labels, limit.debt);
    readings.count(&catalogue::LIMIT_DEBT_MAX, &labels, limit.debt_max);
    readings.level(&catalogue::LIMIT_RESET, &labels, seconds(limit.resets_after_ms));
}

/// What a service holds of its limits that is not spent.
pub(super) fn float(readings: &mut Readings, name: &str, sample: &ServiceSample) {
    for (dimension, amount) in &sample.in_gate {
        readings.count(&catalogue::IN_GATE, &[name, dimension.name()], *amount);
    }
    for (dimension, amount) in &sample.borrowed {
        readings.count(&catalogue::BORROWED, &[name, dimension.name()], *amount);
    }
}

/// Calls under way and breakers; a service without either has no rows for them.
pub(super) fn parts(
    readings: &mut Readings,
    name: &str,
    sample: &ServiceSample,
    parts: &[PartSample],
) {
    let own = (ScopeKind::Service, "", sample.slots, sample.breaker);
    let parts = parts.iter().map(|part| (part.scope, part.of.as_str(), part.slots, part.breaker));
    for (scope, of, slots, breaker) in std::iter::once(own).chain(parts) {
        let labels = [name, scope.name(), of];
        if let Some(SlotsSample { held, slots }) = slots {
            readings.count(&catalogue::IN_FLIGHT, &labels, held);
            readings.count(&catalogue::IN_FLIGHT_MAX, &labels, slots);
        }
        if let Some(stands) = breaker {
            for phase in PHASES {
                let labels = [name, scope.name(), of, phase.name()];
                readings.count(&catalogue::BREAKER, &labels, u64::from(phase == stands));
            }
        }
    }
}
