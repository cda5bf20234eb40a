//! What is shown, and how it looks when it is right.

use crate::served::Served;

const CONFIG: &str = r#"
[global]
limits = ["500 requests per minute"]

[services.git]
concurrency = 4

[services.search]
limits = ["50 requests per minute", "40_000 tokens per minute"]
retry = { attempts = 2, base = "1s", max = "20s" }
"#;

pub(super) fn configured(name: &str) -> Served {
    Served::with(name, &["--config", "tidegate.toml"], |folder| {
        std::fs::write(folder.join("tidegate.toml"), CONFIG).expect("a file");
    })
}

#[test]
fn everything_that_is_shown_has_its_type_and_its_headers() {
    let served = configured("serve-shown");
    let paths = [
        ("/", "text/html; charset=utf-8"),
        ("/healthz", "application/json"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
        ("/api/v1/status", "application/json"),
        ("/api/v1/series", "application/json"),
        ("/api/v1/services/search", "application/json"),
        ("/api/v1/services/search/waiting?most=3", "application/json"),
        ("/api/v1/log", "application/json"),
        ("/api/v1/report", "application/json"),
        ("/api/v1/report?format=table&by=hour&hours=2", "text/plain; charset=utf-8"),
        ("/api/v1/report?format=markdown&by=model", "text/markdown; charset=utf-8"),
        ("/api/v1/report?format=csv&by=key&service=git", "text/csv; charset=utf-8; header=present"),
        ("/api/system/rate-limiting/status", "application/json"),
        ("/api/system/rate-limiting/status?service=search", "application/json"),
        ("/nothing", "application/problem+json"),
    ];
    for (path, kind) in paths {
        let answer = served.get(path);
        assert_eq!(answer.status, if path == "/nothing" { 404 } else { 200 }, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}");
        assert_eq!(policy.contains("script-src 'sha256-"), path == "/", "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert!(!answer.body.is_empty(), "{path}");
        let head = served.ask("HEAD", path, &[], "");
        assert_eq!((head.status, head.body.as_str()), (answer.status, ""), "{path}");
    }
}

#[test]
fn what_is_shown_is_what_was_agreed() {
    let served = configured("serve-json");
    let status = served.json("/api/v1/status");
    assert_eq!(status["schema"], "tidegate.status/1");
    assert_eq!(status["services"][0]["service"], "git");
    assert!(status.get("upstream").is_none(), "nothing is emulated");
    let service = served.json("/api/v1/services/search");
    assert_eq!(service["schema"], "tidegate.service/1");
    assert_eq!(service["service"]["limits"][0]["amount"], 50);
    assert!(service["series"]["points"].is_array());
    let series = served.json("/api/v1/series");
    assert_eq!(series["schema"], "tidegate.series/1");
    assert_eq!(served.json("/healthz")["status"], "ok");
    assert!(served.get("/metrics").body.contains("tidegate_"));
    assert_eq!(served.json("/api/v1/services/git/waiting"), serde_json::json!([]));
    let older = served.json("/api/system/rate-limiting/status");
    insta::assert_snapshot!(serde_json::to_string_pretty(&older).expect("JSON"));
}

#[test]
fn a_call_is_explained_as_it_is_asked() {
    let served = configured("serve-explain");
    let explain = |body: &str| {
        let path = "/api/v1/services/search/explain";
        served.ask("POST", path, &["Content-Type: application/json; charset=utf-8"], body)
    };
    let answer = explain("{}");
    let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(
        (&json["schema"], &json["text"]),
        (&"tidegate.explanation/1".into(), &"runs at once".into())
    );
    let whole = r#"{"requests":1,"tokens":1200,"model":"m","endpoint":"e","keys":{"agent":"planner"},
        "priority":"high","within_ms":30000}"#;
    assert_eq!(explain(whole).status, 200);
    let too_large: serde_json::Value =
        serde_json::from_str(&explain(r#"{"tokens":50000}"#).body).expect("JSON");
    assert_eq!(too_large["explanation"]["standing"], "refused");
    let wrong = [
        r#"{"tokens":-1}"#,
        r#"{"token":1}"#,
        r#"{"priority":"urgent"}"#,
        r#"{"keys":{"Agent":"planner"}}"#,
        "[",
    ];
    let said: Vec<String> = wrong.iter().map(|body| explain(body).said()).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn many_ask_at_once_and_all_are_answered() {
    let served = Served::start("serve-many", &["--speed", "30"]);
    let paths = [
        "/",
        "/metrics",
        "/api/v1/status",
        "/api/v1/series",
        "/api/v1/services/openai",
        "/api/v1/services/openai/waiting",
        "/api/v1/report?by=key",
        "/healthz",
    ];
    std::thread::scope(|scope| {
        for path in paths {
            let served = &served;
            scope.spawn(move || {
                for _ in 0..25 {
                    assert_eq!(served.get(path).status, 200, "{path}");
                }
            });
        }
    });
}
