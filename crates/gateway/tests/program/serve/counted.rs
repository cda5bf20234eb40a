//! The one that counts: what is shown in every form is what has happened at the services (DEMO-2).

use serde_json::Value;

use crate::served::Served;

/// A figure of the text for Prometheus: the sum over all series of this name with these labels.
fn metric(text: &str, name: &str, labels: &[(&str, &str)]) -> u64 {
    let is_it = |line: &&str| {
        let (series, _) = line.rsplit_once(' ').unwrap_or_default();
        let (found, rest) = series.split_once('{').unwrap_or((series, ""));
        found == name
            && labels.iter().all(|(key, value)| rest.contains(&format!("{key}=\"{value}\"")))
    };
    let value = |line: &str| {
        let (_, value) = line.rsplit_once(' ').expect("a value");
        value.parse::<u64>().expect("a whole number")
    };
    text.lines().filter(is_it).map(value).sum()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn at_rest(status: &Value) -> bool {
    let services = status["services"].as_array().expect("services");
    services.iter().all(|service| {
        let upstream = &status["upstream"][service["service"].as_str().expect("a name")];
        let ended: u64 =
            service["outcomes"].as_object().expect("outcomes").values().map(number).sum();
        let granted = number(&service["granted_by_gate"]) + number(&service["granted_by_queue"])
            - number(&service["unclaimed"]);
        number(&service["queued"]) == 0 && number(&upstream["under_way"]) == 0 && granted == ended
    })
}

#[test]
fn every_form_shows_what_has_happened_at_the_services() {
    let served =
        Served::start("serve-counted", &["--seed", "11", "--speed", "30", "--traffic-for", "4s"]);
    // Traffic stops, and everything that waits or is under way ends; the client of this test waits for it.
    let settled = || {
        let before = served.json("/api/v1/status");
        let uptime = number(&before["uptime_ms"]);
        (uptime > 4_500 && at_rest(&before)).then_some(before)
    };
    let status = (0..200_000).find_map(|_| settled()).expect("it comes to rest");
    let metrics = served.get("/metrics").body;
    for service in status["services"].as_array().expect("services") {
        let name = service["service"].as_str().expect("a name");
        let (upstream, outcomes) = (&status["upstream"][name], &service["outcomes"]);
        let granted = number(&service["granted_by_gate"]) + number(&service["granted_by_queue"])
            - number(&service["unclaimed"]);
        let arrived = granted - number(&outcomes["cancelled"]);
        assert!(arrived > 0, "{name} was called");
        assert_eq!(arrived, number(&upstream["arrived"]), "{name}");
        let pairs = [
            ("ok", "admitted"),
            ("rate_limited", "rate_limited"),
            ("overloaded", "overloaded"),
            ("contention", "contended"),
            ("failed", "failed"),
        ];
        for (here, there) in pairs {
            let (here_count, there_count) = (number(&outcomes[here]), number(&upstream[there]));
            assert_eq!(here_count, there_count, "{name} {here}");
            let labels = [("service", name), ("outcome", here)];
            assert_eq!(
                metric(&metrics, "tidegate_outcomes_total", &labels),
                there_count,
                "{name} {here}"
            );
        }
        let labels = [("service", name)];
        let in_text = metric(&metrics, "tidegate_granted_total", &labels);
        assert_eq!(in_text - number(&service["unclaimed"]), granted, "{name}");
        assert_eq!(
            metric(&metrics, "tidegate_refused_total", &labels),
            number(&service["refused"]),
            "{name}"
        );
        assert_eq!(metric(&metrics, "tidegate_queued", &labels), 0, "{name}");
    }
    reported(&served, &status);
    let claude = &status["services"][0];
    assert_eq!(claude["service"], "anthropic");
    for dimension in ["input_tokens", "output_tokens"] {
        let spent = |part: &str| number(&claude["spent"][part][dimension]);
        let used = spent("reserved") - spent("refunded") + spent("owed");
        assert_eq!(
            used,
            number(&status["upstream"]["anthropic"]["used"][dimension]),
            "{dimension}"
        );
    }
}

/// The report says the same again.
fn reported(served: &Served, status: &Value) {
    let report = served.json("/api/v1/report?by=service&hours=2");
    let rows = report["rows"].as_array().expect("rows");
    for (row, service) in rows.iter().zip(status["services"].as_array().expect("services")) {
        assert_eq!(row["name"], service["service"]);
        assert_eq!(row["outcomes"], service["outcomes"], "{}", row["name"]);
        assert_eq!(row["refused"], service["refused"], "{}", row["name"]);
        let upstream = &status["upstream"][row["name"].as_str().expect("a name")];
        assert_eq!(row["outcomes"]["ok"], upstream["admitted"], "{}", row["name"]);
        if row["name"] == "anthropic" {
            for dimension in ["input_tokens", "output_tokens"] {
                assert_eq!(row["used"][dimension], upstream["used"][dimension], "{dimension}");
            }
        }
    }
    assert_eq!(rows.len(), 6);
}
