//! What is refused, and with which words (SRV-1, SRV-2).

use std::io::Write;

use super::shown::configured;
use crate::support::{folder, run, shown};

#[test]
fn a_wrong_path_or_method_is_told_what_there_is() {
    let served = configured("serve-wrong");
    let requests = [
        ("GET", "/api/v2/status"),
        ("GET", "/api/v1/services/nobody"),
        ("POST", "/api/v1/services/nobody/explain"),
        ("GET", "/api/v1/services/%2e%2e%2f"),
        ("POST", "/"),
        ("DELETE", "/api/v1/services/git"),
        ("GET", "/api/v1/services/git/reset"),
        ("PATCH", "/api/v1/log"),
        ("OPTIONS", "/api/v1/status"),
        ("TRACE", "/metrics"),
        ("GET", "/api/v1/services/git/waiting?most=0"),
        ("GET", "/api/v1/services/git/waiting?most=many"),
        ("GET", "/api/system/rate-limiting/status?service=nobody"),
        ("GET", "/api/v1/report?format=xml"),
        ("GET", "/api/v1/report?by=mood"),
        ("GET", "/api/v1/report?hours=0"),
        ("GET", "/api/v1/report?hours=745"),
        ("GET", "/api/v1/report?days=2"),
        ("GET", "/api/v1/report?service=nobody"),
    ];
    let said = requests.map(|(method, path)| {
        let answer = served.ask(method, path, &["Content-Type: application/json"], "");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        let allow = answer.header("allow").map(|allow| format!(" (Allow: {allow})"));
        format!("{method} {path}\n  {}{}", answer.said(), allow.unwrap_or_default())
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_body_is_json_says_so_and_has_a_bound() {
    let served = configured("serve-bodies");
    let path = "/api/v1/services/git/explain";
    let kinds = ["Accept: */*", "Content-Type: text/plain", "Content-Type: application/jsonp"];
    for kind in kinds {
        assert_eq!(served.ask("POST", path, &[kind], "{}").status, 415, "{kind}");
    }
    let json = "Content-Type: application/json";
    let large = format!(r#"{{"model":"{}"}}"#, "x".repeat(64 * 1_024));
    assert_eq!(served.ask("POST", path, &[json], &large).status, 413);
    let fits = format!(r#"{{"model":"{}"}}"#, "x".repeat(60 * 1_024));
    assert_eq!(served.ask("POST", path, &[json], &fits).status, 200);
    // Without a length beforehand.
    let chunk = "x".repeat(0x1000);
    let chunks = format!("1000\r\n{chunk}\r\n").repeat(20);
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{json}\r\n",
        served.address
    );
    let answer = served.raw(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"));
    assert_eq!(answer.status, 413);
    assert_eq!(served.ask("POST", path, &[json], "{\"model\":").status, 400);
    assert_eq!(served.get("/healthz").status, 200, "it goes on");
}

#[test]
fn a_name_that_is_not_ours_is_refused() {
    let served = configured("serve-hosts");
    let port = served.address.port();
    let ask = |host: &str| {
        let request =
            format!("GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        served.raw(&request)
    };
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")]
    {
        assert_eq!(ask(&host).status, 200, "{host}");
    }
    for host in [format!("evil.example:{port}"), "127.0.0.1.evil.example".to_owned(), String::new()]
    {
        let answer = ask(&host);
        assert_eq!(answer.status, 421, "{host}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    insta::assert_snapshot!(ask("evil.example").said());
}

#[test]
fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let served = configured("serve-garbage");
    for garbage in
        ["\r\n\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n", "GET  \r\n\r\n"]
    {
        let answer = served.raw_and_no_more(garbage);
        assert!([0, 400, 421].contains(&answer.status), "{garbage:?}: {answer:?}");
    }
    let mut hasty = served.connect();
    hasty.write_all(b"GET /api/v1/status HT").expect("it listens");
    drop(hasty);
    assert_eq!(served.get("/healthz").status, 200, "it goes on");
}

#[test]
fn who_is_slow_holds_up_nobody() {
    let served = configured("serve-slow");
    let slow: Vec<_> = (0..100)
        .map(|client| {
            let mut stream = served.connect();
            let (host, path) = (served.address, "/api/v1/services/git/explain");
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            );
            // Some stop within the head, some within the body.
            let text = format!("{head}Content-Length: 100\r\n\r\n{{");
            let sent = if client % 2 == 0 { &text[..40] } else { &text };
            stream.write_all(sent.as_bytes()).expect("it listens");
            stream
        })
        .collect();
    assert_eq!(served.get("/api/v1/status").status, 200);
    drop(slow);
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn a_server_that_cannot_start_says_why_in_a_line() {
    let folder = folder("serve-faults");
    std::fs::write(
        folder.join("bad.toml"),
        "[services.git]\nlimits = [\"0 requests per minute\"]\n",
    )
    .expect("a file");
    std::fs::write(folder.join("empty.toml"), "").expect("a file");
    std::fs::write(folder.join("token"), "short").expect("a file");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|address| (address.to_string(), taken)).expect("an address");
    let all: [&[&str]; 10] = [
        &["--listen", "nonsense"],
        &["--listen", "127.0.0.1:99999"],
        &["--listen", &taken.0],
        &["--config", "none.toml"],
        &["--config", "bad.toml"],
        &["--config", "empty.toml"],
        &["--token-file", "token"],
        &["--token-file", "none"],
        &["--log", "tidegate=loud"],
        &["--speed", "0"],
    ];
    let said = all.map(|arguments| {
        let free: &[&str] = &["--listen", "127.0.0.1:0"];
        let listen = if arguments[0] == "--listen" { &[] } else { free };
        let output = run(&folder, &[&["serve"], listen, arguments].concat());
        shown(&output).replace(&taken.0, "127.0.0.1:TAKEN")
    });
    insta::assert_snapshot!(said.join("\n"));
}
