//! The command `replay`: what it refuses, what it writes, and what survives a failure.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{folder, run, shown, text, tidegate};

/// Two minutes of a request per second, each of `tokens` tokens.
fn trace(tokens: u64) -> String {
    let line =
        |at| format!("{{\"at_s\": {at}, \"input_tokens\": {tokens}, \"output_tokens\": 0}}\n");
    (0..120).map(line).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

/// A folder with a good trace in it.
fn folder_with_trace(name: &str) -> std::path::PathBuf {
    let folder = folder(name);
    fs::write(folder.join("good.jsonl"), trace(300)).expect("a file");
    folder
}

fn json_of(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", shown(&output));
    serde_json::from_slice(&output.stdout).expect("nothing but JSON")
}

#[test]
fn every_bad_input_is_refused_with_exit_code_2_before_anything_runs() {
    let folder = folder_with_trace("replay-bad");
    let good = trace(300);
    fs::write(folder.join("broken.jsonl"), format!("{good}{{\"at_s\": 121\n")).expect("a file");
    let zipped = gzip(&good);
    fs::write(folder.join("cut.jsonl.gz"), &zipped[..zipped.len() - 9]).expect("a file");
    fs::write(folder.join("bad.toml"), "name = \"bad\"\n[provider]\nkind = \"sieve\"\n")
        .expect("a file");
    fs::write(folder.join("none.toml"), "[global]\nlimits = [\"5 requests per day\"]\n")
        .expect("a file");
    fs::write(folder.join("two.toml"), "[services.a]\n[services.b]\n").expect("a file");
    let cases: [&[&str]; 20] = [
        &["--config", "missing.toml"],
        &["--config", "bad.toml"],
        &["--config", "none.toml"],
        &["--config", "two.toml"],
        &["--config", "two.toml", "--service", "c"],
        &["--service", "a"],
        &["--trace", "missing.csv"],
        &["--trace", "broken.jsonl"],
        &["--trace", "cut.jsonl.gz"],
        &["--scenario", "const-nine"],
        &["--scenario", "const-none,const-none"],
        &["--scenario-file", "bad.toml"],
        &["--scenario-file", "bad.toml", "--scenario", "const-none"],
        &["--controller", "fixed,clever"],
        &["--seeds", "0"],
        &["--seeds", "1001"],
        &["--seed", "18446744073709551615", "--seeds", "2"],
        &["--json", "no-such-folder/out.json"],
        &["--json", "out", "--svg", "./out"],
        &["--controller", "clever", "--svg", ".", "--trace", "missing.csv"],
    ];
    let case = |arguments: &&[&str]| {
        let output = run(&folder, &[&["replay"], *arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        format!("$ tidegate replay {}\n{}", arguments.join(" "), shown(&output))
    };
    insta::assert_snapshot!(cases.iter().map(case).collect::<Vec<_>>().join("\n"));
    assert!(!folder.join("out").exists(), "nothing is left of a run that was refused");
}

#[test]
fn the_json_of_one_scenario_is_an_object_with_every_field() {
    let folder = folder_with_trace("replay-json");
    let arguments = ["replay", "--trace", "good.jsonl", "--seed", "5", "--seeds", "2"];
    let replay = json_of(&folder, &[&arguments[..], &["--json", "-"]].concat());
    assert_eq!(replay["schema"], "tidegate.replay/1");
    assert_eq!(replay["trace"]["name"], "good");
    assert_eq!(replay["trace"]["requests"], 120);
    assert_eq!(replay["trace"]["span_s"], 119.0);
    assert_eq!(replay["scenario"], "const-none");
    assert_eq!(replay["seeds"], serde_json::json!([5, 6]));
    let runs = replay["runs"].as_array().expect("runs");
    let of = |run: &Value| format!("{}-{}", run["controller"].as_str().unwrap_or("?"), run["seed"]);
    let ran: Vec<String> = runs.iter().map(of).collect();
    assert_eq!(ran, ["fixed-5", "fixed-6", "naive-5", "naive-6"]);
    for run in runs {
        for field in ["goodput", "refused_per_1000"] {
            assert!(run[field].is_number(), "{field} of {run}");
        }
        for field in ["failed", "admitted", "excess", "offered_excess", "decisions_per_s"] {
            assert!(run[field].is_u64(), "{field} of {run}");
        }
        for class in ["high", "normal", "low"] {
            assert!(run["wait_s"][class]["p50"].is_number(), "{class} of {run}");
            assert!(run["wait_s"][class]["p99"].is_number(), "{class} of {run}");
            assert!(run["served"][class]["admitted"].is_u64(), "{class} of {run}");
        }
        assert!(run["steps"].is_array() && run["jain_60s"].is_null(), "{run}");
        assert!(run.get("load").is_none(), "the load is for the plot");
        assert!(run.get("wait_s_by_key").is_none(), "nobody has a key");
    }
}

/// Recorded traffic if there is any, else generated.
fn some_traffic() -> Vec<String> {
    let recorded = std::env::var_os("TIDEGATE_TRACE").filter(|file| !file.is_empty());
    let file = recorded.and_then(|file| std::path::absolute(file).ok());
    let file = file.map(|file| file.to_string_lossy().into_owned());
    file.map_or(Vec::new(), |file| vec!["--trace".to_owned(), file])
}

#[test]
fn waits_of_each_class_and_key_stand_in_one_table_one_picture_and_the_json() {
    let folder = folder("replay-fair");
    let traffic = some_traffic();
    let mut arguments = vec!["replay", "--scenario", "fair-keys", "--controller", "fixed,fifo"];
    arguments.extend(traffic.iter().map(String::as_str));
    arguments.extend(["--svg", "waits.svg", "--json", "-"]);
    let output = run(&folder, &arguments);
    assert!(output.status.success(), "{}", shown(&output));
    let replay: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON");
    let (table, svg) = (text(&output.stderr), fs::read_to_string(folder.join("waits.svg")));
    let svg = svg.expect("written");
    // A recorded trace may name keys of its own, which stay.
    let dealt = ["greedy", "steady-1", "steady-2", "steady-3"];
    let is_there = |key: &&str| replay["runs"][0]["served_by_key"].get(key).is_some();
    let keys: Vec<&str> = dealt.into_iter().filter(is_there).collect();
    assert!(keys.len() == dealt.len() || !traffic.is_empty(), "{replay}");
    for name in ["high", "normal", "low"].iter().chain(&keys) {
        assert_eq!(svg.matches(&format!("\n{name}\n")).count(), 1, "{name} is in the picture");
        let row = table.lines().filter(|line| line.contains(&format!(" {name} "))).count();
        assert!(row >= 1, "{name} is in {table}");
    }
    let runs = replay["runs"].as_array().expect("runs");
    let wait = |run: &Value, key: &str| {
        let wait = &run["wait_s_by_key"][key];
        wait["p50"].as_f64().zip(wait["p99"].as_f64()).expect("two waits")
    };
    for run in runs {
        let served = run["served_by_key"].as_object().expect("keys").values();
        let admitted: Option<u64> = served.map(|served| served["admitted"].as_u64()).sum();
        assert_eq!(admitted, run["admitted"].as_u64(), "{run}");
        assert!(keys.iter().all(|key| wait(run, key).0 <= wait(run, key).1), "{run}");
    }
    let [fixed, fifo] = &runs[..] else { panic!("two runs and not {}", runs.len()) };
    for key in keys.into_iter().filter(|key| key.starts_with("steady")) {
        let (fair, first_come) = (wait(fixed, key), wait(fifo, key));
        assert!(fair.0 <= 0.1 * first_come.0, "{key}: {fair:?} and not {first_come:?}");
    }
}

#[test]
fn a_trace_with_keys_needs_no_scenario_for_them() {
    let folder = folder("replay-keys");
    let line = |at: u64| {
        let key = if at.is_multiple_of(3) { "agent" } else { "batch" };
        format!(
            "{{\"at_s\": {at}, \"input_tokens\": 9, \"output_tokens\": 0, \"key\": \"{key}\"}}\n"
        )
    };
    fs::write(folder.join("keys.jsonl"), (0..120).map(line).collect::<String>()).expect("a file");
    let replay = json_of(&folder, &["replay", "--trace", "keys.jsonl", "--json", "-"]);
    for run in replay["runs"].as_array().expect("runs") {
        assert_eq!(run["served_by_key"]["agent"]["requests"], 40);
        assert_eq!(run["served_by_key"]["batch"]["requests"], 80);
        assert!(run["wait_s_by_key"]["agent"]["p50"].is_number(), "{run}");
    }
}

#[test]
fn the_json_of_several_scenarios_is_an_array_and_files_say_the_same() {
    let folder = folder_with_trace("replay-several");
    let arguments =
        ["replay", "--trace", "good.jsonl", "--scenario", "const-none,window-hdr", "--json"];
    let printed = json_of(&folder, &[&arguments[..], &["-"]].concat());
    let output = run(&folder, &[&arguments[..], &["out.json", "--svg", "out.svg"]].concat());
    assert!(output.status.success(), "{}", shown(&output));
    let written = fs::read(folder.join("out.json")).expect("written");
    let written: Value = serde_json::from_slice(&written).expect("JSON");
    let scenarios = |json: &Value| {
        let all = json.as_array().expect("an array").iter();
        all.map(|replay| replay["scenario"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(scenarios(&printed), ["const-none", "window-hdr"]);
    assert_eq!(scenarios(&written), scenarios(&printed));
    let svg = fs::read_to_string(folder.join("out.svg")).expect("written");
    assert!(svg.contains("const-none on good, seed 1") && svg.contains("window-hdr on good"));
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 3, "no other file is left");
}

#[test]
fn tables_go_to_standard_error_when_json_goes_to_standard_output() {
    let folder = folder_with_trace("replay-tables");
    let arguments = ["replay", "--trace", "good.jsonl", "--controller", "naive"];
    let plain = run(&folder, &arguments);
    assert!(text(&plain.stdout).contains("naive: ") && plain.stderr.is_empty());
    let json = run(&folder, &[&arguments[..], &["--json", "-"]].concat());
    assert!(text(&json.stderr).contains("naive: ") && text(&json.stdout).starts_with('{'));
}

#[test]
fn a_scenario_that_does_not_fit_the_traffic_is_refused_before_anything_runs() {
    let folder = folder("replay-misfit");
    // Without tokens there is no load to take a share of.
    fs::write(folder.join("empty.jsonl"), trace(0)).expect("a file");
    let scenarios = "const-none,tpm-none,window-none";
    let arguments = ["replay", "--trace", "empty.jsonl", "--scenario", scenarios];
    let output = run(&folder, &[&arguments[..], &["--json", "out.json"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(output.stdout.is_empty());
    insta::assert_snapshot!(
        text(&output.stderr),
        @"error: empty: scenario tpm-none: 0 tokens over 119s give no rate: a share of the load needs a trace that offers 0.000001 to 1000000000 tokens per second"
    );
    assert!(!folder.join("out.json").exists());
}

#[test]
fn results_never_replace_what_they_are_made_from() {
    let folder = folder_with_trace("replay-input");
    let before = fs::read(folder.join("good.jsonl")).expect("there");
    for flag in ["--json", "--svg"] {
        let output = run(&folder, &["replay", "--trace", "good.jsonl", flag, "./good.jsonl"]);
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(text(&output.stderr).contains("the results would replace it"));
        assert_eq!(fs::read(folder.join("good.jsonl")).expect("there"), before);
    }
}

#[test]
fn a_file_is_replaced_only_by_a_run_that_has_results() {
    let folder = folder("replay-keeps");
    fs::write(folder.join("empty.jsonl"), trace(0)).expect("a file");
    fs::write(folder.join("out.json"), "from before").expect("a file");
    let arguments = ["replay", "--trace", "empty.jsonl", "--json", "out.json", "--scenario"];
    let failed = run(&folder, &[&arguments[..], &["tpm-none"]].concat());
    assert_eq!(failed.status.code(), Some(2), "{}", shown(&failed));
    assert_eq!(fs::read_to_string(folder.join("out.json")).expect("there"), "from before");
    let done = run(&folder, &[&arguments[..], &["const-none"]].concat());
    assert!(done.status.success(), "{}", shown(&done));
    assert!(fs::read_to_string(folder.join("out.json")).expect("there").starts_with('{'));
}

#[test]
#[cfg(unix)]
fn a_link_and_a_device_stay_what_they_are() {
    let folder = folder_with_trace("replay-link");
    fs::write(folder.join("kept.json"), "from before").expect("a file");
    std::os::unix::fs::symlink("kept.json", folder.join("link.json")).expect("a link");
    let arguments = ["replay", "--trace", "good.jsonl", "--json", "link.json", "--svg"];
    let output = run(&folder, &[&arguments[..], &["/dev/null"]].concat());
    assert!(output.status.success(), "{}", shown(&output));
    assert!(folder.join("link.json").is_symlink());
    assert!(fs::read_to_string(folder.join("kept.json")).expect("there").starts_with('{'));
    assert!(!fs::metadata("/dev/null").expect("there").is_file());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = folder_with_trace("replay-pipe");
    let mut command = tidegate(&folder, &["replay", "--trace", "good.jsonl", "--json", "out.json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    assert!(folder.join("out.json").exists(), "what was asked for is still written");
}
