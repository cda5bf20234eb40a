//! Warnings posted to servers on loopback that answer well, badly, slowly, endlessly or not at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::sample::UnixMillis;
use crate::status::{AlertKind, Severity};

/// What a test waits for at most; it is never reached unless something is wrong.
const GUARD: Span = Span::from_secs(20);

fn alert(text: &str) -> Alert {
    Alert {
        id: "approaching:anthropic:tokens:1d".to_owned(),
        kind: AlertKind::Approaching,
        severity: Severity::Warning,
        service: Some("anthropic".parse().expect("a name")),
        value: 0.85,
        threshold: 0.8,
        since: UnixMillis(1_767_571_200_000),
        resolved_at: None,
        text: text.to_owned(),
    }
}

/// A server that gives each connection one of these answers, and ends. Answers its address and what it was
/// sent, head and body.
fn server(answers: &[&'static str]) -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook?key=1", listener.local_addr().expect("it is bound"));
    let (sender, requests) = bounded(64);
    let answers = answers.to_vec();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a caller");
            drop(sender.send(read_request(&stream)));
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    (url, requests)
}

fn read_request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("text");
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    (head, String::from_utf8(body).expect("text"))
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const BROKEN: &str = "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const GONE: &str = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BUSY: &str =
    "HTTP/1.1 429 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const MOVED: &str = "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const NONSENSE: &str = "I am no web server\r\n\r\n";

/// Posts there, with delays of `base`.
fn webhook(url: &str, base: Span) -> Webhook {
    let policy = WebhookPolicy { timeout: Span::from_secs(10), ..WebhookPolicy::to(url) };
    let patience = Patience { base, ..Patience::of(&policy) };
    Webhook::patiently(&policy, Some("s3cret".to_owned()), patience).expect("it starts")
}

/// What becomes of one warning at a server that answers so, and how often it was asked.
fn outcome(answers: &[&'static str], base: Span) -> (WebhookCounts, usize) {
    let (url, requests) = server(answers);
    let webhook = webhook(&url, base);
    webhook.send(&alert("a warning"));
    assert!(webhook.flush(GUARD), "it is done with");
    (webhook.stop(), requests.try_iter().count())
}

const SENT: WebhookCounts = WebhookCounts { sent: 1, failed: 0, dropped: 0, retried: 0 };
const MILLI: Span = Span::from_millis(1);

#[test]
fn a_warning_is_posted_as_json_that_chats_and_programs_read() {
    let (url, requests) = server(&[OK]);
    let webhook = webhook(&url, MILLI);
    webhook.send(&alert("the model `<!channel> & co` of `anthropic` has used 85 %"));
    assert!(webhook.flush(GUARD));
    assert_eq!(webhook.stop(), SENT);
    let (head, body) = requests.recv().expect("a request");
    let head = head.to_lowercase();
    assert!(head.starts_with("post /hook?key=1 http/1.1"), "{head}");
    assert!(head.contains("authorization: bearer s3cret"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    insta::assert_snapshot!(body);
}

#[test]
fn what_fails_for_now_is_posted_again() {
    let again = |retried| WebhookCounts { retried, ..SENT };
    assert_eq!(outcome(&[BROKEN, OK], MILLI), (again(1), 2));
    assert_eq!(outcome(&[NONSENSE, BROKEN, OK], MILLI), (again(2), 3));
    let failed = WebhookCounts { sent: 0, failed: 1, dropped: 0, retried: 3 };
    assert_eq!(outcome(&[BROKEN, BROKEN, BROKEN, BROKEN, OK], MILLI), (failed, 4));
}

#[test]
fn retry_after_counts_for_more_than_our_own_delay() {
    // Were it not read, the next attempt would be an hour away, and the warning given up for its age.
    let counts = outcome(&[BUSY, OK], Span::from_secs(3_600));
    assert_eq!(counts, (WebhookCounts { retried: 1, ..SENT }, 2));
}

#[test]
fn what_is_refused_for_good_and_what_moved_is_given_up() {
    let failed = WebhookCounts { sent: 0, failed: 1, dropped: 0, retried: 0 };
    assert_eq!(outcome(&[GONE, OK], MILLI), (failed, 1));
    assert_eq!(outcome(&[MOVED, OK], MILLI), (failed, 1));
}

#[test]
fn nobody_there_is_a_failure_and_the_next_warning_is_tried_all_the_same() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port");
    let webhook = webhook(&format!("http://{port}"), MILLI);
    webhook.send(&alert("one"));
    webhook.send(&alert("two"));
    assert!(webhook.flush(GUARD));
    let counts = webhook.stop();
    assert_eq!(counts, WebhookCounts { sent: 0, failed: 2, dropped: 0, retried: 6 });
}

#[test]
fn a_server_that_never_answers_is_left_after_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let policy =
        WebhookPolicy { timeout: Span::from_millis(100), attempts: 2, ..WebhookPolicy::to(url) };
    let patience = Patience { base: MILLI, ..Patience::of(&policy) };
    let webhook = Webhook::patiently(&policy, None, patience).expect("it starts");
    webhook.send(&alert("a warning"));
    assert!(webhook.flush(GUARD), "it does not hang");
    let counts = webhook.stop();
    assert_eq!(counts, WebhookCounts { sent: 0, failed: 1, dropped: 0, retried: 1 });
}

#[test]
fn an_endless_answer_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a caller");
        drop(read_request(&stream));
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n";
        let mut written = stream.write_all(head.as_bytes());
        let mut bytes = 0_u64;
        while written.is_ok() && bytes < 1 << 32 {
            written = stream.write_all(&[b'x'; 4_096]);
            bytes += 4_096;
        }
        bytes
    });
    let webhook = webhook(&url, MILLI);
    webhook.send(&alert("a warning"));
    assert!(webhook.flush(GUARD));
    assert_eq!(webhook.stop(), SENT);
    let bytes = server.join().expect("it ends");
    assert!(bytes < 1 << 28, "{bytes} bytes were taken");
}

/// HOOK-1.
#[test]
fn what_does_not_fit_or_is_late_is_dropped_and_counted() {
    let (url, requests) = server(&[BROKEN]);
    let webhook = webhook(&url, Span::from_secs(600));
    webhook.send(&alert("the first"));
    let first = requests.recv_timeout(GUARD.to_duration());
    assert!(first.is_ok(), "it is under way, and then waits to be tried again");
    for _ in 0..QUEUE_MAX + 44 {
        webhook.send(&alert("another"));
    }
    assert_eq!(webhook.counts().dropped, 44);
    assert!(!webhook.flush(MILLI), "there is no room to ask");
    let counts = webhook.stop();
    assert_eq!(counts, WebhookCounts { sent: 0, failed: 1, dropped: 300, retried: 0 });
}

#[cfg(not(feature = "webhook-tls"))]
#[test]
fn encryption_that_is_not_there_is_said() {
    let refused = Webhook::start(&WebhookPolicy::to("https://example.org"), None);
    insta::assert_snapshot!(refused.expect_err("no encryption"));
}

#[test]
fn an_address_and_a_token_are_not_shown() {
    let shown = format!("{:?}", webhook("http://localhost/secret", MILLI));
    assert!(!shown.contains("secret") && !shown.contains("s3cret"), "{shown}");
}
