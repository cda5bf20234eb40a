//! What changes something (SRV-1): with the token, all or nothing, and in the words of whoever refuses.

use serde_json::Value;

use super::shown::configured;
use crate::served::{Served, TOKEN};

fn amounts(served: &Served) -> Vec<Value> {
    let service = served.json("/api/v1/services/search");
    let limits = service["service"]["limits"].as_array().expect("limits");
    limits.iter().map(|limit| limit["amount"].clone()).collect()
}

#[test]
fn nothing_is_changed_without_the_token() {
    let served = configured("serve-token");
    let changes = [
        ("PATCH", "/api/v1/services/search", r#"{"limits":["1 request per minute"]}"#),
        ("POST", "/api/v1/services/search/reset", ""),
        ("PUT", "/api/v1/log", r#"{"filter":"debug"}"#),
        (
            "POST",
            "/api/system/rate-limiting/configure",
            r#"{"service":"search","requests_per_minute":1}"#,
        ),
    ];
    let wrong = [
        "Accept: */*".to_owned(),
        "Authorization: Bearer".to_owned(),
        format!("Authorization: Basic {TOKEN}"),
        format!("Authorization: Bearer {TOKEN}4"),
        "Authorization: Bearer a-token-for-tests-0124".to_owned(),
    ];
    for (method, path, body) in changes {
        for head in &wrong {
            let answer = served.ask(method, path, &[head, "Content-Type: application/json"], body);
            assert_eq!(answer.status, 401, "{method} {path} {head}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(amounts(&served), [50, 40_000]);
    assert_eq!(served.json("/api/v1/log")["filter"], "warn");
}

#[test]
fn limits_are_changed_all_or_nothing() {
    let served = configured("serve-relimit");
    let patch = |body: &str| served.change("PATCH", "/api/v1/services/search", body);
    let wrong = [
        r#"{"limits":["60 requests per minute","0 tokens per minute","nonsense"]}"#,
        r#"{"limits":["60 requests per minute","7 bytes per minute"]}"#,
        r#"{"limits":"60 requests per minute"}"#,
        r#"{"limits":[],"carry":"double"}"#,
        r#"{"limit":[]}"#,
        "{}",
    ];
    let said: Vec<String> = wrong.iter().map(|body| patch(body).said()).collect();
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!(amounts(&served), [50, 40_000], "nothing has changed");

    let answer =
        patch(r#"{"limits":["60 requests per minute","30000 tokens per minute"],"carry":"as-is"}"#);
    assert_eq!(answer.status, 200, "{answer:?}");
    let shown: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(shown["service"]["limits"][0]["amount"], 60);
    assert_eq!(amounts(&served), [60, 30_000]);
    assert_eq!(served.change("POST", "/api/v1/services/search/reset", "").status, 200);

    // A change of one limit in the older form leaves the others as they are by now, not as they were.
    let one = r#"{"service":"search","requests_per_minute":70}"#;
    let answer = served.change("POST", "/api/system/rate-limiting/configure", one);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(amounts(&served), [70, 30_000]);
}

#[test]
fn the_form_of_an_older_limiter_is_understood() {
    let served = configured("serve-older");
    let configure = |body: &str| served.change("POST", "/api/system/rate-limiting/configure", body);
    let wrong = [
        r#"{"requests_per_minute":15}"#,
        r#"{"service":"nobody","requests_per_minute":15}"#,
        r#"{"service":"search","requests_per_minute":0}"#,
        r#"{"service":"git","burst_limit":3}"#,
        r#"{"service":"search","requests_per_minute":15,"max_delay":45.0}"#,
    ];
    let said: Vec<String> = wrong.iter().map(|body| configure(body).said()).collect();
    insta::assert_snapshot!(said.join("\n"));
    assert_eq!(amounts(&served), [50, 40_000], "nothing has changed");

    let answer = configure(
        r#"{"service":"search","requests_per_minute":15,"burst_limit":3,"base_delay":1.0,"max_delay":20}"#,
    );
    let shown: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(shown["config"]["requests_per_minute"], 15.0, "{answer:?}");
    assert_eq!(amounts(&served), [15, 40_000], "the other limit stays");
}

#[test]
fn what_is_logged_changes_while_it_runs() {
    let served = configured("serve-log");
    let put = |body: &str| served.change("PUT", "/api/v1/log", body);
    assert_eq!(put(r#"{"filter":"info,tidegate=debug"}"#).status, 200);
    let shown = served.json("/api/v1/log");
    assert!(shown["filter"].as_str().is_some_and(|filter| filter.contains("tidegate=debug")));
    assert_eq!(put(r#"{"filter":"tidegate=loud"}"#).status, 422);
    assert_eq!(served.json("/api/v1/log"), shown, "nothing has changed");
}

#[test]
fn with_an_address_for_changes_they_are_taken_there_only() {
    // A port that is free now; nobody else takes it in the time of this test, or the test says so.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let admin = free.local_addr().expect("an address").to_string();
    drop(free);
    let served = Served::start("serve-admin", &["--admin", &admin, "--traffic-for", "1ms"]);
    let answer = served.change("POST", "/api/v1/services/git/reset", "");
    assert_eq!(answer.status, 403, "{answer:?}");
    let admin = Served::at(&admin);
    assert_eq!(admin.change("POST", "/api/v1/services/git/reset", "").status, 200);
}
