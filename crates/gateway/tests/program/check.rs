//! The command `check` on configurations that are good, bad, and none at all.

use std::fs;

use crate::support::{folder, run, shown, text, tidegate};

const GOOD: &str = r#"
[global]
limits = ["1000 requests per minute"]
dimensions = ["images"]

[services.anthropic]
limits = [
  { requests = 50, per = "1m", burst = 10 },
  { input_tokens = 40_000, per = "1m", enforced_as = "token-bucket" },
  { output_tokens = 8_000, per = "1m", enforced_as = "fixed-window", guard = "100ms" },
  { images = 16, per = "day", enforced_as = "sliding-window" },
  { tokens = 5_000_000, per = "day", zone = "America/Los_Angeles" },
  "100_000_000 tokens per month in UTC",
]
queue = { capacity = 500, timeout = "1.5s" }

[services.search]
"#;

const BAD: &str = r#"
[global]
limits = ["0 requests per minute"]

[services.anthropic]
limits = [{ requests = 50, per = "400d" }, { request = 50, per = "1m" }]
queue = { capacity = 0 }

[services.calendars]
limits = [
  { requests = 50, per = "day", zone = "Europe/Berln" },
  { requests = 50, zone = "UTC" },
  { requests = 50, per = "36h", zone = "UTC" },
  { requests = 50, per = "day", zone = "UTC", burst = 5 },
  { requests = 50, per = "day", zone = "UTC", enforced_as = "sliding-window" },
  { requests = 50, per = "month" },
  "50 requests per week in Mars/Olympus",
]
"#;

#[test]
fn a_good_file_is_shown_limit_by_limit() {
    let folder = folder("check-good");
    fs::write(folder.join("tidegate.toml"), GOOD).expect("a file");
    let text = shown(&run(&folder, &["check", "tidegate.toml"]));
    let json = shown(&run(&folder, &["check", "tidegate.toml", "--json"]));
    insta::assert_snapshot!(format!("{text}\n{json}"));
}

const POLICIES: &str = include_str!("../../../../docs/examples/policies.toml");

const BARE: &str = r#"
[services.git]
queue = { strict = "none", shares = { low = 0 }, floors = { low = 0.125, background = 0.9 } }
retry.jitter = "decorrelated"
models."mini-*" = {}
each.agent.weight = { a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10 }
each.tenant.weight = { a = 2 }
endpoints."*" = { concurrency = 4, breaker = {} }
"#;

#[test]
fn every_policy_is_shown_with_what_it_holds_for() {
    let folder = folder("check-policies");
    fs::write(folder.join("policies.toml"), POLICIES).expect("a file");
    let text = shown(&run(&folder, &["check", "policies.toml"]));
    let json = shown(&run(&folder, &["check", "policies.toml", "--json"]));
    insta::assert_snapshot!(format!("{text}\n{json}"));
}

#[test]
fn policies_without_limits_are_shown() {
    let folder = folder("check-bare");
    fs::write(folder.join("bare.toml"), BARE).expect("a file");
    let text = shown(&run(&folder, &["check", "bare.toml"]));
    let json = shown(&run(&folder, &["check", "bare.toml", "--json"]));
    insta::assert_snapshot!(format!("{text}\n{json}"));
}

const ADAPTIVE: &str = include_str!("../../../../docs/examples/adaptive.toml");

#[test]
fn what_is_learned_is_shown_with_its_bounds() {
    let folder = folder("check-adaptive");
    fs::write(folder.join("adaptive.toml"), ADAPTIVE).expect("a file");
    let text = shown(&run(&folder, &["check", "adaptive.toml"]));
    let json = run(&folder, &["check", "adaptive.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let parts = ["paces", "slots", "providers"].map(|key| format!("{key}: {:#}", json[key]));
    insta::assert_snapshot!(format!("{text}\n{}", parts.join("\n")));
}

#[test]
fn a_configuration_without_limits_is_said_to_limit_nothing() {
    let folder = folder("check-empty");
    fs::write(folder.join("tidegate.toml"), "").expect("a file");
    insta::assert_snapshot!(shown(&run(&folder, &["check", "tidegate.toml"])), @"
    exit 0
    tidegate.toml is valid but limits nothing: every call passes.
    ");
}

#[test]
fn slots_or_a_breaker_alone_are_something_to_hold_calls_back() {
    let folder = folder("check-alone");
    for (policy, end) in [
        ("concurrency = 4", "only slots and breakers hold calls back."),
        ("adaptive = {}", "only paces, slots and breakers hold calls back."),
        ("breaker = {}", "only slots and breakers hold calls back."),
        ("queue.capacity = 5", "limits nothing: every call passes."),
    ] {
        fs::write(folder.join("alone.toml"), format!("services.git.{policy}")).expect("a file");
        let output = run(&folder, &["check", "alone.toml"]);
        assert!(text(&output.stdout).trim_end().ends_with(end), "{}", shown(&output));
    }
}

#[test]
fn variables_are_applied_on_top_of_the_file() {
    let folder = folder("check-variables");
    fs::write(folder.join("tidegate.toml"), GOOD).expect("a file");
    let mut command = tidegate(&folder, &["check", "tidegate.toml"]);
    let name = "TIDEGATE__SERVICES__SEARCH__QUEUE__CAPACITY";
    let output = command.env(name, "77").output().expect("the program starts");
    assert!(text(&output.stdout).contains("up to 77"), "{}", shown(&output));
    let output = command.env(name, "0").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with(&format!("error: {name}: ")), "{}", shown(&output));
}

#[test]
fn every_fault_of_a_file_is_a_line_with_exit_code_2() {
    let folder = folder("check-bad");
    fs::write(folder.join("bad.toml"), BAD).expect("a file");
    fs::write(folder.join("bytes.toml"), b"[global]\nlimits = [\"\xff\"]\n").expect("a file");
    fs::write(folder.join("large.toml"), vec![b'#'; 1_048_577]).expect("a file");
    let files = ["bad.toml", "bytes.toml", "large.toml", "missing.toml", "."];
    let shown = files.map(|file| format!("{file}: {}", shown(&run(&folder, &["check", file]))));
    insta::assert_snapshot!(shown.join("\n"));
}
