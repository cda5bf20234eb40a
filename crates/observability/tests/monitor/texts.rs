//! Every warning as a person reads it.

use tidegate_observability::{
    BreakerPhase, Event, EventKind, LimitSample, Monitor, PaceSample, PartSample, Sample,
    ScopeKind, ServiceSample, UnixMillis,
};
use tidegate_units::{Dimension, Outcome};

use crate::samples::{daily, limit, name, sample, service};

/// A service with everything wrong.
fn wrong(second: u64) -> ServiceSample {
    let model = |limit: LimitSample| LimitSample {
        scope: ScopeKind::Model,
        of: "claude-*".to_owned(),
        ..limit
    };
    let part = PartSample {
        scope: ScopeKind::Model,
        of: "claude-*".to_owned(),
        waiting: 0,
        limits: vec![model(limit(3_600_000, "1h", 923))],
        slots: None,
        breaker: Some(BreakerPhase::Open),
    };
    let pace = PaceSample {
        dimension: Dimension::Requests,
        per_second: 2.0,
        learned_per_second: Some(2.25),
        confidence: 0.9,
        configured_per_second: Some(10.0),
    };
    let mut made = ServiceSample {
        limits: vec![daily(1_000), limit(60_000, "1m", 1_200)],
        parts: vec![part],
        paces: vec![pace],
        queued: 96,
        queue_capacity: 100,
        breaker: Some(BreakerPhase::Open),
        granted_by_gate: 2 * second,
        refused: second,
        paused_for_ms: Some(3_600_000 * 30),
        running: false,
        failures: 5,
        restarts: 4,
        ..service()
    };
    made.outcomes[Outcome::QuotaExhausted.index()] = second;
    made
}

#[test]
fn every_warning_is_a_sentence() {
    let mut monitor = Monitor::new();
    let mut lines = Vec::new();
    for second in 0..130 {
        let mut sample = sample(second * 1_000, vec![wrong(second)]);
        let shared = LimitSample { service: None, scope: ScopeKind::Global, ..daily(850) };
        sample.shared = vec![shared];
        if second == 30 {
            let kind = EventKind::LimiterGivenUp;
            monitor.note(&Event { at: UnixMillis(1), service: Some(name()), kind });
        }
        for alert in monitor.observe(&sample) {
            lines.push(format!(
                "{second:>3} s {} {:.2}/{}\n      {alert}",
                alert.id, alert.value, alert.threshold
            ));
        }
    }
    for second in 130..500 {
        for alert in monitor.observe(&Sample { uptime_ms: second * 1_000, ..Sample::default() }) {
            lines.push(format!("{second:>3} s {alert}"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_pause_without_a_word_of_a_quota_is_told_as_what_it_is() {
    let mut monitor = Monitor::new();
    let paused = |ms| vec![ServiceSample { paused_for_ms: Some(ms), ..service() }];
    assert_eq!(monitor.observe(&sample(0, paused(299_999))), []);
    let alerts = monitor.observe(&sample(1_000, paused(300_000)));
    insta::assert_snapshot!(alerts[0].to_string());
}
