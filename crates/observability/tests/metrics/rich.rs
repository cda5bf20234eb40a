//! A sample with something of everything in it.

use tidegate_observability::status::{Alert, AlertKind, Severity};
use tidegate_observability::{
    BreakerPhase, LimitSample, PaceSample, PartSample, RefusalCount, RetrySample, Sample,
    ScopeKind, ServiceSample, SlotsSample, Spent, UnixMillis, UsageCount, UsageRow, UsageSample,
    Waits,
};
use tidegate_units::{Amounts, Dimension, Outcome, Priority, Reason, ServiceName, Span};

pub(crate) fn name(name: &str) -> ServiceName {
    name.parse().expect("a name")
}

pub(crate) fn limit(service: Option<&str>, scope: ScopeKind, of: &str) -> LimitSample {
    LimitSample {
        service: service.map(name),
        scope,
        of: of.to_owned(),
        dimension: Dimension::Requests,
        window_ms: 60_000,
        per: "1m".to_owned(),
        amount: 50,
        capacity: 40,
        available: 10,
        lent: 7,
        debt: 2,
        debt_max: 3,
        resets_after_ms: 36_500,
    }
}

pub(crate) fn spent(reserved: u64, refunded: u64, owed: u64) -> Spent {
    Spent {
        reserved: [(Dimension::Requests, 10), (Dimension::Tokens, reserved)].into_iter().collect(),
        refunded: Amounts::of(Dimension::Tokens, refunded),
        owed: Amounts::of(Dimension::Tokens, owed),
    }
}

pub(crate) fn calls(ok: u64, failed: u64) -> UsageCount {
    let mut outcomes = [0; Outcome::ALL.len()];
    (outcomes[Outcome::Ok.index()], outcomes[Outcome::Failed.index()]) = (ok, failed);
    UsageCount { outcomes, refused: 1, spent: spent(500, 120, 20) }
}

pub(crate) fn row(kind: &str, name: &str) -> UsageRow {
    UsageRow { kind: kind.to_owned(), name: name.to_owned(), count: calls(4, 1) }
}

/// One row of a table, and as much again and more that has none.
fn table(kind: &str, name: &str) -> UsageSample {
    let total = UsageCount { refused: 3, spent: spent(1_500, 400, 20), ..calls(10, 1) };
    let other = total.since(&row(kind, name).count);
    UsageSample { rows: vec![row(kind, name)], other, total }
}

fn refusal(reason: Reason, scope: ScopeKind, of: &str, count: u64) -> RefusalCount {
    let of = of.to_owned();
    RefusalCount { reason, scope, of, dimension: Dimension::Tokens, window_ms: 60_000, count }
}

fn waits() -> Waits {
    let mut waits = Waits::default();
    for millis in [0, 3, 40, 700, 400_000] {
        waits.record(Span::from_millis(millis));
    }
    waits
}

fn part() -> PartSample {
    PartSample {
        scope: ScopeKind::Model,
        of: "claude-*".to_owned(),
        waiting: 2,
        limits: vec![limit(Some("anthropic"), ScopeKind::Model, "claude-*")],
        slots: Some(SlotsSample { held: 1, slots: 3 }),
        breaker: Some(BreakerPhase::HalfOpen),
    }
}

fn pace() -> PaceSample {
    PaceSample {
        dimension: Dimension::Requests,
        per_second: 3.25,
        learned_per_second: Some(3.5),
        confidence: 0.75,
        configured_per_second: Some(5.0),
    }
}

pub(crate) fn service() -> ServiceSample {
    ServiceSample {
        granted_by_gate: 100,
        granted_by_queue: 20,
        waited: 5,
        unclaimed: 1,
        refused: 12,
        refusals: vec![
            refusal(Reason::LimitReached, ScopeKind::Service, "", 7),
            refusal(Reason::Paced, ScopeKind::Key, "agent", 2),
        ],
        refusals_other: 3,
        expired: 2,
        withdrawn: 4,
        outcomes: [90, 6, 5, 4, 3, 2, 1],
        queued: 3,
        queued_by_class: [(Priority::High, 3)].into_iter().collect(),
        backing_off: 1,
        queue_capacity: 1_000,
        waits: [(Priority::High, waits())].into_iter().collect(),
        limits: vec![limit(Some("anthropic"), ScopeKind::Service, "")],
        parts: vec![part()],
        slots: Some(SlotsSample { held: 4, slots: 8 }),
        breaker: Some(BreakerPhase::Open),
        paused_for_ms: Some(2_500),
        paces: vec![pace()],
        retries: RetrySample { retries: 6, hedges: 2, denied: 1, budget: 9 },
        in_gate: [(Dimension::Requests, 5)].into_iter().collect(),
        borrowed: [(Dimension::Requests, 3)].into_iter().collect(),
        spent: spent(9_000, 1_000, 50),
        models: table("model", "claude-sonnet"),
        keys: table("agent", "the \"planner\" in C:\\temp\nécole"),
        last_granted: Some(UnixMillis(1_700_000_000_500)),
        failures: 2,
        restarts: 1,
        forgone: 8,
        ..ServiceSample::new(name("anthropic"))
    }
}

pub(crate) fn sample() -> Sample {
    let idle = ServiceSample { running: false, ..ServiceSample::new(name("search")) };
    Sample {
        at: UnixMillis(1_700_000_001_000),
        started_at: UnixMillis(0),
        uptime_ms: 61_250,
        services: vec![service(), idle],
        shared: vec![limit(None, ScopeKind::Global, "")],
        events_dropped: 3,
    }
}

fn alert(kind: AlertKind, service: Option<&str>, resolved_at: Option<UnixMillis>) -> Alert {
    Alert {
        id: kind.name().to_owned(),
        kind,
        severity: Severity::Critical,
        service: service.map(name),
        value: 0.9,
        threshold: 0.8,
        since: UnixMillis(1_700_000_000_000),
        resolved_at,
        text: "something is the matter".to_owned(),
    }
}

/// Two of a kind, one of what all share, and one that is over.
pub(crate) fn alerts() -> Vec<Alert> {
    vec![
        alert(AlertKind::Approaching, Some("anthropic"), None),
        alert(AlertKind::Approaching, Some("anthropic"), None),
        alert(AlertKind::Breach, None, None),
        alert(AlertKind::Throttling, Some("search"), Some(UnixMillis(1_700_000_000_900))),
    ]
}
