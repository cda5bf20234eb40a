//! Server-sent events: what comes, in which form, and that those who do not read are let go (SRV-2).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::served::Served;

/// The most who may listen.
const CLIENTS_MAX: usize = 64;
/// An event that does not come within so many lines does not come.
const LINES_MAX: usize = 1_000;

fn listen(served: &Served) -> BufReader<TcpStream> {
    let mut stream = served.connect();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    stream.write_all(request.as_bytes()).expect("it listens");
    BufReader::new(stream)
}

/// The status of the answer that begins here.
fn status(stream: &mut BufReader<TcpStream>) -> u16 {
    let mut line = String::new();
    stream.read_line(&mut line).expect("an answer");
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// The next event of this name.
fn next(stream: &mut BufReader<TcpStream>, name: &str) -> Value {
    let mut is_it = false;
    for _ in 0..LINES_MAX {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).expect("more") > 0, "the stream has ended");
        if let Some(found) = line.strip_prefix("event: ") {
            is_it = found.trim_end() == name;
        }
        if let Some(data) = line.strip_prefix("data: ").filter(|_| is_it) {
            return serde_json::from_str(data).expect("JSON");
        }
    }
    panic!("no {name} within {LINES_MAX} lines");
}

#[test]
fn a_status_comes_at_once_and_every_second_and_events_between() {
    let served = Served::start("serve-stream", &["--speed", "20"]);
    let mut stream = listen(&served);
    assert_eq!(status(&mut stream), 200);
    let first = next(&mut stream, "status");
    let second = next(&mut stream, "status");
    assert_eq!(first["schema"], "tidegate.status/1");
    assert!(first["upstream"].as_object().is_some_and(|upstream| upstream.len() == 6));
    assert!(second["at"].as_u64() > first["at"].as_u64());
    let event = next(&mut stream, "event");
    assert!(event["event"].is_string() && event["at"].is_u64(), "{event}");
}

#[test]
fn only_so_many_listen_and_all_are_told_of_the_end() {
    let served = Served::start("serve-streams", &["--traffic-for", "1ms"]);
    let mut streams: Vec<_> = (0..CLIENTS_MAX).map(|_| listen(&served)).collect();
    for stream in &mut streams {
        assert_eq!(status(stream), 200);
    }
    let mut one_more = listen(&served);
    assert_eq!(status(&mut one_more), 503);
    // Who leaves makes room; that is noticed when he is told something.
    drop(streams.pop());
    while status(&mut listen(&served)) != 200 {}
    assert_eq!(served.get("/api/v1/status").status, 200, "others are answered");
    assert_eq!(served.terminate(), Some(0));
    let mut rest = String::new();
    streams[0].read_to_string(&mut rest).expect("it is closed in order");
    assert!(rest.contains(": the server ends"), "{}", rest.len());
}
