//! The command `feedback` on records, on raw responses, and on what is neither.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::support::{folder, shown, text, tidegate};

/// The program with this on its standard input.
fn fed(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let arguments = [&["feedback"], arguments].concat();
    let mut command = tidegate(folder, &arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    std::thread::scope(|scope| {
        // A program that refuses its arguments does not read.
        scope.spawn(move || pipe.write_all(input).ok());
        child.wait_with_output().expect("the program ends")
    })
}

const RECORDS: &str = r#"{"id":"a","provider":"openai","local_now":"2026-09-27T12:00:00Z","status":200,"headers":[["x-ratelimit-limit-requests","60"],["x-ratelimit-remaining-requests","59"],["x-ratelimit-reset-requests","1s"]],"body":{"usage":{"prompt_tokens":13,"completion_tokens":5,"total_tokens":18}},"expect":{},"note":"x"}

{"id":"b","provider":"gemini","local_now":"2026-09-27T12:00:00Z","status":429,"body":[{"error":{"details":[{"violations":[{"quotaId":"RequestsPerDay"}]}]}}]}
{"id":3,"provider":"nobody","status":429,"headers":[["Date","Sun, 27 Sep 2026 12:00:00 GMT"],["Retry-After","Sun, 27 Sep 2026 12:00:40 GMT"]],"body":"Retry later"}
{"provider":"groq-compound","status":200,"headers":[["x-ratelimit-remaining-requests","7"]]}
{"status":503,"headers":{"retry-after":7}}
{"provider":"anthropic-oauth","status":200,"headers":[["anthropic-ratelimit-unified-5h-utilization","0.42"]]}
{"status":200,"headers":[["ratelimit","\"burst\";r=0;t=5"],["ratelimit-policy","\"burst\";q=9;w=60"]],"body":null}
"#;

#[test]
fn every_record_is_answered_with_the_same_keys() {
    let output = fed(&folder("feedback-records"), &[], RECORDS.as_bytes());
    for line in text(&output.stdout).lines() {
        let answer: Value = serde_json::from_str(line).expect("JSON");
        let keys: Vec<&String> = answer.as_object().expect("an object").keys().collect();
        // The order in which a parser keeps them is not that of the line.
        let known =
            ["charge", "class", "dims", "id", "limits", "resume_at", "source", "sub", "wait_ms"];
        assert_eq!(keys, known);
    }
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn lines_that_cannot_be_read_are_said_and_the_others_answered() {
    let long = format!("{{\"status\":200,\"body\":\"{}\"}}", "x".repeat(2_097_152));
    let lines = [
        "{\"id\":1,\"status\":200}",
        "not JSON",
        "{not JSON either",
        "{\"id\":2}",
        "{\"id\":2,\"status\":600}",
        "{\"id\":2,\"status\":429,\"local_now\":\"noon\"}",
        "{\"id\":2,\"status\":429,\"headers\":{\"a\":[]}}",
        &long,
        "[]",
        "{\"id\":3,\"status\":429}",
    ];
    let mut input = lines.join("\n").into_bytes();
    input.extend(b"\n\xff\xfe\n");
    let output = fed(&folder("feedback-bad"), &[], &input);
    insta::assert_snapshot!(shown(&output));
}

#[test]
fn of_many_bad_lines_a_hundred_are_listed() {
    let output = fed(&folder("feedback-many"), &[], "x\n".repeat(150).as_bytes());
    let errors = text(&output.stderr);
    assert_eq!(errors.lines().count(), 101);
    assert!(errors.ends_with("error: and 50 more: correct these first\n"), "{errors}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_provider_that_is_named_counts_for_every_line() {
    let record =
        br#"{"provider":"openai","status":403,"body":{"message":"API rate limit exceeded"}}"#;
    let class = |arguments: &[&str]| {
        let output = fed(&folder("feedback-named"), arguments, record);
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        answer["class"].as_str().map(str::to_owned)
    };
    assert_eq!(class(&[]).as_deref(), Some("not_limit"));
    assert_eq!(class(&["--provider", "github"]).as_deref(), Some("rate_limited"));
    assert_eq!(class(&["--provider", "generic"]).as_deref(), Some("not_limit"));
}

#[test]
fn a_provider_that_is_not_known_is_refused_before_anything_is_read() {
    let folder = folder("feedback-unknown");
    let output = fed(&folder, &["--provider", "antropic"], b"");
    insta::assert_snapshot!(shown(&output), @"
    exit 2
    error: --provider `antropic`: did you mean `anthropic`? use one of anthropic, anthropic-oauth, claude, openai, azure, azure-openai, azure-foundry, github-models, gemini, vertex, google, google-ai, vertex-ai, groq, mistral, cohere, aws, bedrock, amazon-bedrock, github, gitlab, slack, stripe, cloudflare, discord, docker-hub, dockerhub, docker, generic
    ");
    let output = fed(&folder, &["--provider", "", "--http"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(!text(&output.stderr).contains("did you mean"), "{}", shown(&output));
}

const RAW: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved Permanently\r\nLocation: /b\r\n\r\n\
    HTTP/2 429 \r\ndate: Sun, 27 Sep 2026 12:00:00 GMT\r\nretry-after: Sun, 27 Sep 2026 12:00:10 GMT\r\n\r\n\
    {\"error\":{\"code\":\"rate_limit_exceeded\"}}\r\n\
    HTTP/1.1 503 Service Unavailable\nretry-after: 3\n\nbusy";

#[test]
fn raw_responses_are_read_as_curl_prints_them() {
    let folder = folder("feedback-raw");
    let output = fed(&folder, &["--http", "--provider", "openai"], RAW.as_bytes());
    insta::assert_snapshot!(shown(&output), @r#"
    exit 0
    {"id":1,"class":"rate_limited","sub":null,"wait_ms":10000,"source":"retry-after","dims":null,"charge":null,"resume_at":null,"limits":null}
    {"id":2,"class":"overloaded","sub":null,"wait_ms":3000,"source":"retry-after","dims":null,"charge":null,"resume_at":null,"limits":null}
    "#);
    let output = fed(&folder, &["--http"], b"HTTP/2 429\nno header\n\n");
    assert_eq!(output.status.code(), Some(1));
    let output = fed(&folder, &["--http"], b"");
    assert!(output.status.success() && output.stdout.is_empty(), "{}", shown(&output));
    let output = fed(&folder, &["--http"], &vec![b'x'; 16_777_217]);
    insta::assert_snapshot!(shown(&output), @"
    exit 1
    error: standard input: more than 16777216 bytes: give fewer responses
    ");
}

#[test]
fn recorded_answers_are_read_as_they_are_expected_to_be() {
    let recorded = std::env::var_os("TIDEGATE_FIXTURES").filter(|file| !file.is_empty());
    let Some(recorded) = recorded else { return };
    let records = std::fs::read(recorded).expect("TIDEGATE_FIXTURES names a file");
    let output = fed(&folder("feedback-recorded"), &[], &records);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (answers, records) = (text(&output.stdout), text(&records));
    let records = records.lines().filter(|line| !line.trim().is_empty());
    let mut count = 0;
    for (record, answer) in records.zip(answers.lines()) {
        let parse = |line| serde_json::from_str::<Value>(line).expect("JSON");
        let (record, answer) = (parse(record), parse(answer));
        assert_eq!(record["id"], answer["id"]);
        for key in ["class", "sub", "wait_ms", "source", "dims", "charge", "resume_at"] {
            if let Some(expected) = record["expect"].get(key) {
                assert!(holds(expected, &answer[key]), "{key} of {record}: {answer}");
            }
        }
        count += 1;
    }
    assert_eq!(count, answers.lines().count());
}

/// Whether everything that is expected is there; there may be more.
fn holds(expected: &Value, found: &Value) -> bool {
    match expected {
        Value::Object(expected) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|it| holds(value, it)))
        }
        expected => expected == found,
    }
}
