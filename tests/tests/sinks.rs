//! Where warnings and figures go: a webhook and a collector on this machine hear of them, from the real actors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tidegate::{Config, RestartPolicy, StartError, Tidegate};
use tidegate_observability::otlp::OtlpSettings;
use tidegate_units::Span;

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes so many requests, answers each with 200, and passes on their first lines and bodies.
fn take(requests: usize) -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests).flatten() {
            let _ = sender.send(read(&stream));
        }
    });
    (address, receiver)
}

fn read(mut stream: &TcpStream) -> (String, Vec<u8>) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).expect("a request");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).expect("it listens");
    (first, body)
}

fn config(alerts: &str) -> Config {
    let text = format!("[services.git]\nlimits = [\"5 requests per minute\"]\n[alerts]\n{alerts}");
    Config::parse("test.toml", &text, []).expect("it is valid")
}

#[test]
fn a_limiter_that_was_given_up_is_posted_to_the_webhook() {
    let (address, posts) = take(1);
    let config = config(&format!("for = \"0s\"\nwebhook = \"http://{address}/hook\""));
    let tidegate = Tidegate::builder()
        .config(config)
        .restarts(RestartPolicy { restarts_max: 0, ..RestartPolicy::default() })
        .sample_every(Duration::from_millis(20))
        .start()
        .expect("it starts");
    let git = tidegate.service("git").expect("configured");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(git.inject_panic()).expect("it fails");
    let (first, body) = posts.recv_timeout(PATIENCE).expect("a warning");
    assert_eq!(first.trim(), "POST /hook HTTP/1.1");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let text = body["text"].as_str().expect("a text");
    assert!(text.starts_with("critical: ") && text.contains("`git`"), "{text}");
    let status = runtime.block_on(tidegate.status()).expect("the others answer");
    assert_eq!(body["alert"]["id"], status.alerts[0].id);
}

#[test]
fn a_token_that_is_not_there_is_said_at_the_start() {
    let config = config(
        "webhook = \"http://127.0.0.1:9/\"\nwebhook_token_env = \"TIDEGATE_TEST_NO_SUCH_TOKEN\"",
    );
    let refused = Tidegate::builder().config(config).start().expect_err("no token");
    assert!(matches!(refused, StartError::Webhook { .. }));
    insta::assert_snapshot!(refused, @"`alerts.webhook`: the variable `TIDEGATE_TEST_NO_SUCH_TOKEN` with its token is not set: set it, or leave `webhook_token_env` out");
}

#[test]
fn figures_are_pushed_to_a_collector() {
    let (address, posts) = take(2);
    let settings = OtlpSettings {
        interval: Span::from_millis(100),
        ..OtlpSettings::to(format!("http://{address}/v1/metrics"))
    };
    let tidegate = Tidegate::builder()
        .config(config(""))
        .sample_every(Duration::from_millis(20))
        .otlp(settings)
        .start()
        .expect("it starts");
    let (first, body) = posts.recv_timeout(PATIENCE).expect("a push");
    assert_eq!(first.trim(), "POST /v1/metrics HTTP/1.1");
    let name = b"tidegate_limit_capacity";
    assert!(body.windows(name.len()).any(|window| window == name), "{} bytes", body.len());
    drop(tidegate);
}
