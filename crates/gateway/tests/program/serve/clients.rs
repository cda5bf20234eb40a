//! The commands that ask a server: what they print, and what they say when nobody answers.

use super::shown::configured;
use crate::support::{folder, run, shown};

#[test]
fn a_running_server_is_shown_and_explained() {
    let served = configured("serve-clients");
    let url = served.url();
    let asked = |arguments: &[&str]| {
        let all = [arguments, &["--url", &url]].concat();
        format!("$ tidegate {}\n{}", arguments.join(" "), shown(&run(&served.folder, &all)))
    };
    let status = asked(&["status"]);
    let uptime = status.lines().find(|line| line.starts_with("Tidegate ")).expect("a first line");
    let pages = [
        status.replace(uptime, "Tidegate VERSION, up SPAN"),
        asked(&["explain", "search"]),
        asked(&[
            "explain",
            "search",
            "--tokens",
            "50000",
            "--key",
            "agent=planner",
            "--within",
            "1s",
        ]),
        asked(&["explain", "search", "--key", "Agent=planner"]),
        asked(&["explain", "../status"]),
        asked(&["explain", "search", "--key", "agent"]),
        asked(&["report", "--format", "csv"]),
        asked(&["report", "--by", "mood"]),
    ];
    insta::assert_snapshot!(pages.join("\n").replace(&url, "URL"));
    let json = asked(&["status", "--json"]);
    assert!(json.contains("\"schema\":\"tidegate.status/1\""), "{json}");
}

#[test]
fn a_server_that_is_not_there_is_said_in_a_line() {
    let folder = folder("serve-nobody");
    // A port on which nobody listens: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let all: [&[&str]; 6] = [
        &["status", "--url", &url],
        &["explain", "git", "--url", &url],
        &["top", "--url", &url],
        &["top", "--url", &url, "--interval", "1ms"],
        &["status", "--url", "ftp://tide.test"],
        &["status", "--url", "https://tide.test"],
    ];
    let said = all.map(|arguments| shown(&run(&folder, arguments)));
    insta::assert_snapshot!(said.join("\n").replace(&url, "URL"));
}

#[test]
fn what_is_no_server_of_ours_is_said_too() {
    let folder = folder("serve-other");
    let answers = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", 1),
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nfault", 1),
        ("HTTP/1.1 302 Found\r\nLocation: http://other.test/\r\nContent-Length: 0\r\n\r\n", 1),
        ("nonsense\r\n\r\n", 1),
    ];
    for (answer, code) in answers {
        let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", other.local_addr().expect("an address"));
        let once = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = other.accept().expect("somebody asks");
            let _ = stream.read(&mut [0; 1_024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        let output = run(&folder, &["status", "--url", &url]);
        once.join().expect("it has answered");
        assert_eq!(output.status.code(), Some(code), "{answer}");
        assert!(!output.stderr.is_empty(), "{answer}");
    }
}
