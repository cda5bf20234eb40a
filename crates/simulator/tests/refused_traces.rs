//! Every way in which a file can be no trace, and what is said of it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tidegate_simulator::Trace;
use tidegate_units::Span;

const HEADER: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\r\n";

/// A file of this content, in a folder that the build owns.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("the folder is ours");
    path
}

/// What is said of a file that is refused, without the folder.
fn refusal(path: &Path) -> String {
    let text = Trace::read(path).expect_err("no trace").to_string();
    text.replace(&format!("{}/", env!("CARGO_TARGET_TMPDIR")), "")
}

/// One line of the table.
fn row(label: &str, name: &str, content: &[u8]) -> String {
    format!("{label:24} {}", refusal(&file(name, content)))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

/// A CSV file of these lines, after a good one.
fn csv(lines: &str) -> Vec<u8> {
    format!("{HEADER}2023-11-16 18:15:46.6805900,374,44\r\n{lines}\r\n").into_bytes()
}

fn csv_rows() -> Vec<String> {
    let cases = [
        ("two fields", "2023-11-16 18:15:47,374"),
        ("four fields", "2023-11-16 18:15:47,374,44,1"),
        ("no time", "yesterday,374,44"),
        ("no such day", "2023-11-31 18:15:47,374,44"),
        ("another offset", "2023-11-16 18:15:47+02:00,374,44"),
        ("negative tokens", "2023-11-16 18:15:47,-374,44"),
        ("a fraction of a token", "2023-11-16 18:15:47,374,4.5"),
        ("too many tokens", "2023-11-16 18:15:47,374,100000001"),
        ("more than 64 bits", "2023-11-16 18:15:47,18446744073709551616,44"),
        ("missing tokens", "2023-11-16 18:15:47,374,"),
        ("a bad line after blanks", "\r\n\n2023-11-16 18:15:47,374"),
        ("more than 31 days", "2023-12-17 18:15:47,374,44"),
        ("a terminal's escape", "\u{1b}[31mred,374,44"),
    ];
    let mut rows: Vec<String> =
        cases.iter().map(|(label, line)| row(label, "bad.csv", &csv(line))).collect();
    let not_text = [&csv("")[..], b"2023-11-16 18:15:47,37\xff,44\r\n"].concat();
    rows.push(row("CSV that is no text", "bad.csv", &not_text));
    rows.push(row("a header only", "bad.csv", HEADER.as_bytes()));
    rows
}

fn json_rows() -> Vec<String> {
    let cases = [
        ("broken JSON", r#"{"at_s": 1.5, "input_tokens": 3"#),
        (
            "an unknown field",
            r#"{"at_s": 1.5, "input_tokens": 3, "output_tokens": 4, "agent": "a"}"#,
        ),
        ("a field twice", r#"{"at_s": 1.5, "at_s": 2, "input_tokens": 3, "output_tokens": 4}"#),
        ("no time", r#"{"input_tokens": 3, "output_tokens": 4}"#),
        ("two times", r#"{"at_s": 1.5, "at_ms": 1500, "input_tokens": 3, "output_tokens": 4}"#),
        ("a time before zero", r#"{"at_s": -1, "input_tokens": 3, "output_tokens": 4}"#),
        (
            "a time beyond 31 days",
            r#"{"at_ms": 2678400001, "input_tokens": 3, "output_tokens": 4}"#,
        ),
        ("a time as text", r#"{"at_s": "1.5", "input_tokens": 3, "output_tokens": 4}"#),
        ("out of order", r#"{"at_s": 0.5, "input_tokens": 3, "output_tokens": 4}"#),
        ("negative tokens", r#"{"at_s": 1.5, "input_tokens": -3, "output_tokens": 4}"#),
        ("missing tokens", r#"{"at_s": 1.5, "input_tokens": 3}"#),
        ("too many tokens", r#"{"at_s": 1.5, "input_tokens": 3, "output_tokens": 1e300}"#),
        ("an empty key", r#"{"at_s": 1.5, "input_tokens": 3, "output_tokens": 4, "key": ""}"#),
        (
            "a key with an escape",
            r#"{"at_s": 1.5, "input_tokens": 3, "output_tokens": 4, "key": "\u001b[31m"}"#,
        ),
        ("a number as key", r#"{"at_s": 1.5, "input_tokens": 3, "output_tokens": 4, "key": 7}"#),
    ];
    let good = r#"{"at_s": 1.25, "input_tokens": 374, "output_tokens": 44, "key": "agent-1"}"#;
    let rows = cases
        .iter()
        .map(|(label, line)| row(label, "bad.jsonl", format!("{good}\n\n{line}\n").as_bytes()));
    let mut rows: Vec<String> = rows.collect();
    let not_text = [good.as_bytes(), b"\n{\"key\": \"\xff\"}\n"].concat();
    rows.push(row("JSON that is no text", "bad.jsonl", &not_text));
    rows
}

fn file_rows() -> Vec<String> {
    let mut whole = csv("2023-11-16 18:15:47,374,44\r\n2023-11-16 18:15:48,374,44");
    let zipped = gzip(&whole);
    let mut damaged = zipped.clone();
    damaged[40] ^= 0xff;
    let trailing = [&zipped[..], b"garbage after the end"].concat();
    let long = csv(&"x".repeat(Trace::LINE_MAX + 1));
    // A quote must not make one field of the rest of the file.
    whole.extend_from_slice(b"\"2023-11-16 18:15:49,1,1\r\n");
    let mut rows = vec![
        row("nothing", "bad.txt", b""),
        row("blank lines", "bad.txt", b"\n \n\r\n"),
        row("nothing, zipped", "bad.gz", &gzip(b"")),
        row("another format", "bad.txt", b"time,tokens\n1,2\n"),
        row("a picture", "bad.txt", b"\x89PNG\r\n\x1a\n"),
        row("cut short at once", "bad.gz", &zipped[..6]),
        row("cut short", "bad.gz", &zipped[..zipped.len() - 9]),
        row("damaged", "bad.gz", &damaged),
        row("more after the end", "bad.gz", &trailing),
        row("a long line", "bad.csv", &long),
        row("a long first line", "bad.csv", &vec![b'{'; Trace::LINE_MAX + 1]),
        row("a stray quote", "bad.csv", &whole),
    ];
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-such-file.csv");
    rows.push(format!("{:24} {}", "no such file", refusal(&missing)));
    rows
}

#[test]
fn every_refusal_names_the_file_the_line_and_what_is_accepted() {
    let rows = [csv_rows(), json_rows(), file_rows()].concat();
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn the_two_formats_say_the_same_plain_and_zipped() {
    let lines = "2023-11-16 23:59:59.9999999,374,44\r\n2023-11-17 00:00:00.0000001,1,0\r\n\
                 2023-11-16 23:59:59.9999998,7,9\r\n";
    let csv = format!("{HEADER}{lines}").into_bytes();
    let json = br#"{"at_s": 5, "input_tokens": 7, "output_tokens": 9}
        {"at_ms": 5000.0001, "input_tokens": 374, "output_tokens": 44}
        {"at_s": 5.0000003, "input_tokens": 1, "output_tokens": 0, "key": null}"#;
    let files = [
        file("one.csv", &csv),
        file("one.csv.gz", &gzip(&csv)),
        file("one.jsonl", json),
        file("one.json.gz", &gzip(json)),
    ];
    let [first, rest @ ..] = files.map(|path| Trace::read(&path).expect("a trace"));
    let times: Vec<Span> = first.requests().iter().map(|request| request.at).collect();
    assert_eq!(times, [0, 100, 300].map(Span::from_nanos));
    assert_eq!(first.requests()[0].context_tokens, 7);
    assert_eq!(first.name(), "one");
    for other in rest {
        assert_eq!(other, first);
    }
}

#[test]
fn a_byte_order_mark_and_several_members_are_no_obstacle() {
    let first = format!("\u{feff}{HEADER}2023-11-16 18:15:46.68,374,44\r\n");
    let members = [gzip(first.as_bytes()), gzip(b"2023-11-16T18:15:47.68Z,1,2\n")].concat();
    let trace = Trace::read(&file("members.csv.gz", &members)).expect("a trace");
    assert_eq!(trace.span(), Span::from_secs(1));
}

#[test]
fn requests_of_one_key_share_it() {
    let json = br#"{"at_s": 0, "input_tokens": 1, "output_tokens": 1, "key": "a"}
        {"at_s": 1, "input_tokens": 1, "output_tokens": 1, "key": "a"}"#;
    let trace = Trace::read(&file("keys.jsonl", json)).expect("a trace");
    let keys: Vec<_> = trace.requests().iter().filter_map(|request| request.key.clone()).collect();
    assert!(std::sync::Arc::ptr_eq(&keys[0], &keys[1]));
}
