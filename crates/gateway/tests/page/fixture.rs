//! A status as the page gets it, with something of everything in it, built from the types themselves.
//!
//! The same stands as text in `fixture/status.json` and `fixture/series.json`, for whoever reads the form
//! without reading Rust; a test compares. `INSTA_UPDATE=always` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use serde_json::{Value, json};
use tidegate_observability::event::{Event, EventKind};
use tidegate_observability::status::SCHEMA;
use tidegate_observability::{
    Alert, AlertKind, BreakerPhase, Severity, Status, UnixMillis, UpstreamCount,
};
use tidegate_units::{
    Code, Dimension, Outcome, Priority, Reason, Rejection, Scope, ServiceName, Span,
};

mod series;
mod service;

/// 14 November 2023, 22:13:20 UTC.
pub(crate) const NOW: u64 = 1_700_000_000_000;
/// What would be markup if it were not put in as text.
pub(crate) const HOSTILE: &str = "<img src=x onerror=\"window.broken=1\"><b>&amp;</b>";

/// Everything at once.
pub(crate) fn status() -> Status {
    Status {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        at: UnixMillis(NOW),
        uptime_ms: 93_784_000,
        services: vec![service::busy(), service::troubled(), service::idle()],
        shared: vec![service::shared()],
        alerts: alerts(),
        recent: recent(),
        events_dropped: 3,
        upstream: BTreeMap::from([(name("anthropic"), counted())]),
    }
}

/// The same with nothing in it.
pub(crate) fn empty() -> Status {
    Status {
        uptime_ms: 2_000,
        services: Vec::new(),
        shared: Vec::new(),
        alerts: Vec::new(),
        recent: Vec::new(),
        events_dropped: 0,
        upstream: BTreeMap::new(),
        ..status()
    }
}

/// What `GET /api/v1/series` answers.
pub(crate) fn series() -> Value {
    let services = status().services.into_iter().map(|service| {
        (service.sample.service.to_string(), json!(series::of(&service.sample, NOW)))
    });
    json!({
        "schema": "tidegate.series/1",
        "services": services.collect::<serde_json::Map<_, _>>(),
    })
}

/// A refusal as it comes while the page is open.
pub(crate) fn refusal(at: u64, model: &str) -> Event {
    let kind = EventKind::Refused {
        class: Priority::Low,
        model: Some(model.to_owned()),
        key: Some("agent=planner".to_owned()),
        rejection: rejection(Reason::LimitReached),
    };
    Event { at: UnixMillis(at), service: Some(name("anthropic")), kind }
}

pub(crate) fn name(text: &str) -> ServiceName {
    text.parse().expect("a name")
}

fn alerts() -> Vec<Alert> {
    let alert = |kind: AlertKind, severity, service: &str, value, text: &str| Alert {
        id: format!("{}:{service}", kind.name()),
        kind,
        severity,
        service: Some(name(service)),
        value,
        threshold: 0.8,
        since: UnixMillis(NOW - 95_000),
        resolved_at: None,
        text: text.to_owned(),
    };
    let hostile = format!("4,112 of 5,000 requests per day of key {HOSTILE} are used");
    vec![
        alert(
            AlertKind::BreakerOpen,
            Severity::Critical,
            "openai",
            1.0,
            "the circuit breaker is open: 12 of the last 20 calls failed",
        ),
        alert(AlertKind::Approaching, Severity::Warning, "anthropic", 0.82, &hostile),
        Alert {
            resolved_at: Some(UnixMillis(NOW - 5_000)),
            ..alert(AlertKind::Throttling, Severity::Warning, "anthropic", 0.4, "this is over")
        },
    ]
}

fn recent() -> Vec<Event> {
    let event = |before: u64, service: &str, kind| Event {
        at: UnixMillis(NOW - before),
        service: Some(name(service)),
        kind,
    };
    let refused = |class, model: &str, reason| EventKind::Refused {
        class,
        model: Some(model.to_owned()),
        key: None,
        rejection: rejection(reason),
    };
    vec![
        refusal(NOW - 400, HOSTILE),
        event(1_900, "anthropic", refused(Priority::Background, "opus", Reason::DeadlineTooClose)),
        event(
            4_000,
            "openai",
            EventKind::Throttled { outcome: Outcome::RateLimited, retry_after_ms: Some(12_000) },
        ),
        event(
            4_100,
            "openai",
            EventKind::BreakerChanged {
                scope: Scope::Service(name("openai")),
                to: BreakerPhase::Open,
            },
        ),
        event(
            61_000,
            "anthropic",
            EventKind::PaceChanged {
                dimension: Dimension::Requests,
                from_per_second: 0.83,
                to_per_second: 0.71,
            },
        ),
        event(70_000, "anthropic", refused(Priority::Normal, "sonnet", Reason::QueueFull)),
    ]
}

fn rejection(reason: Reason) -> Rejection {
    let rejection = Rejection {
        code: Code::E4404,
        reason: Reason::LimitReached,
        scope: Scope::Service(name("anthropic")),
        dimension: Dimension::Requests,
        limit: 50,
        window: Span::from_secs(60),
        used: 50,
        requested: 1,
        retry_after: Some(Span::from_millis(3_200)),
        queue_position: Some(7),
    };
    rejection.because(reason)
}

fn counted() -> UpstreamCount {
    UpstreamCount {
        arrived: 11_902,
        admitted: 11_870,
        rate_limited: 12,
        failed: 20,
        under_way: 6,
        under_way_max: 8,
        used: BTreeMap::from([(Dimension::Tokens, 9_412_311)]),
        ..UpstreamCount::default()
    }
}

#[test]
fn the_fixture_survives_its_text() {
    let text = serde_json::to_string(&status()).expect("it serialises");
    assert_eq!(serde_json::from_str::<Status>(&text).expect("it is its own"), status());
}

#[test]
fn the_text_of_the_fixture_is_what_the_types_say() {
    is_kept("status.json", &json!(status()));
    is_kept("series.json", &series());
}

fn is_kept(file: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/fixture").join(file);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, format!("{value:#}\n")).expect("the folder is ours");
    }
    let kept = fs::read_to_string(&path).expect("it is part of the sources");
    let kept: Value = serde_json::from_str(&kept).expect("it is JSON");
    let again = "the form has changed: write it anew with INSTA_UPDATE=always, and look";
    assert!(kept == *value, "{file}: {again}");
}
