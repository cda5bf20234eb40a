//! A status with something of everything, for tests of what is made of one.

use std::collections::BTreeMap;

use tidegate::{Dimension, Outcome, Priority};
use tidegate_observability::status::{SCHEMA, Statistics, Trend, Trends, WaitTrend};
use tidegate_observability::{
    Alert, AlertKind, BreakerPhase, LimitSample, PaceSample, PartSample, ScopeKind, ServiceSample,
    ServiceStatus, Severity, SlotsSample, Status, UnixMillis, UpstreamCount,
};

const AT: UnixMillis = UnixMillis(1_700_000_000_000);

/// Two services, a shared limit, a warning, and what one of the services has counted.
pub(crate) fn status() -> Status {
    let openai = openai();
    let count = UpstreamCount {
        arrived: 2_310,
        admitted: 2_200,
        rate_limited: 110,
        under_way: 3,
        capacity_per_second: Some(1.75),
        ..UpstreamCount::default()
    };
    Status {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        at: AT,
        uptime_ms: 3_723_000,
        alerts: vec![alert()],
        recent: Vec::new(),
        events_dropped: 0,
        upstream: BTreeMap::from([(openai.sample.service.clone(), count)]),
        services: vec![anthropic(), openai],
        shared: vec![LimitSample {
            service: None,
            scope: ScopeKind::Global,
            ..limit("", (Dimension::Requests, 600), 480)
        }],
    }
}

fn anthropic() -> ServiceStatus {
    let mut sample = ServiceSample::new("anthropic".parse().expect("a name"));
    (sample.granted_by_gate, sample.granted_by_queue, sample.waited) = (9_000, 3_345, 3_000);
    (sample.refused, sample.queued, sample.queue_capacity) = (120, 17, 60);
    sample.queued_by_class = BTreeMap::from([(Priority::High, 2), (Priority::Normal, 15)]);
    sample.outcomes[Outcome::Ok.index()] = 12_000;
    sample.outcomes[Outcome::Overloaded.index()] = 45;
    sample.limits = vec![
        limit("anthropic", (Dimension::Requests, 120), 30),
        LimitSample { debt: 1_200, ..limit("anthropic", (Dimension::InputTokens, 160_000), 0) },
    ];
    sample.parts = vec![PartSample {
        scope: ScopeKind::Model,
        of: "claude-opus-*".to_owned(),
        waiting: 3,
        limits: vec![LimitSample {
            scope: ScopeKind::Model,
            of: "claude-opus-*".to_owned(),
            ..limit("anthropic", (Dimension::Requests, 30), 12)
        }],
        slots: None,
        breaker: None,
    }];
    sample.slots = Some(SlotsSample { held: 7, slots: 24 });
    sample.retries.retries = 41;
    of(sample, (1.83, 0.02), Some(WaitTrend { p50: 412.0, p90: 2_300.0, p99: 8_000.0 }))
}

fn openai() -> ServiceStatus {
    let mut sample = ServiceSample::new("openai".parse().expect("a name"));
    (sample.granted_by_queue, sample.queue_capacity) = (2_310, 80);
    sample.outcomes[Outcome::Ok.index()] = 2_200;
    sample.outcomes[Outcome::RateLimited.index()] = 110;
    sample.breaker = Some(BreakerPhase::Open);
    sample.paces = vec![PaceSample {
        dimension: Dimension::Requests,
        per_second: 1.62,
        learned_per_second: Some(1.8),
        confidence: 0.7,
        configured_per_second: None,
    }];
    of(sample, (0.66, 0.1), None)
}

fn of(
    sample: ServiceSample,
    (granted, refused): (f64, f64),
    wait_ms: Option<WaitTrend>,
) -> ServiceStatus {
    let minute = Trend {
        over_ms: 60_000,
        granted_per_second: granted,
        refused_upstream_per_second: refused,
        wait_ms,
        ..Trend::default()
    };
    ServiceStatus {
        statistics: Statistics::of(&sample),
        trends: Trends { minute, ..Trends::default() },
        forecasts: Vec::new(),
        advice: Vec::new(),
        sample,
    }
}

fn limit(service: &str, (dimension, amount): (Dimension, u64), available: u64) -> LimitSample {
    LimitSample {
        service: service.parse().ok(),
        scope: ScopeKind::Service,
        of: String::new(),
        dimension,
        window_ms: 60_000,
        per: "1m".to_owned(),
        amount,
        capacity: amount,
        available,
        lent: 0,
        debt: 0,
        debt_max: 0,
        resets_after_ms: 42_000,
    }
}

fn alert() -> Alert {
    Alert {
        id: "breaker_open:openai".to_owned(),
        kind: AlertKind::BreakerOpen,
        severity: Severity::Critical,
        service: "openai".parse().ok(),
        value: 1.0,
        threshold: 1.0,
        since: AT,
        resolved_at: None,
        text: "the circuit breaker of `openai` is open".to_owned(),
    }
}
