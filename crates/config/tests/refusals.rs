//! Every kind of fault, with the text that a person reads.

use tidegate_config::Config;

const MINUTE: &str = "per = \"1m\"";

/// What one text and one variable are refused with.
fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("tidegate.toml", text, env).expect_err(text).to_string()
}

/// A heading for each case, and what it is refused with.
fn table<'c>(cases: impl IntoIterator<Item = (&'c str, String)>) -> String {
    let entry = |(label, text): (&str, String)| format!("# {label}\n{}\n", refusal(&text, &[]));
    cases.into_iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// A service with one limit, written as `limit`.
fn limit(limit: &str) -> String {
    format!("[services.api]\nlimits = [\n  {limit}\n]")
}

#[test]
fn every_fault_of_a_limit_is_named_with_its_line() {
    let cases = [
        ("zero", limit(&format!("{{ requests = 0, {MINUTE} }}"))),
        ("negative", limit(&format!("{{ requests = -5, {MINUTE} }}"))),
        ("a float", limit(&format!("{{ requests = 1.5, {MINUTE} }}"))),
        ("too much", limit(&format!("{{ tokens = 1_000_000_000_001, {MINUTE} }}"))),
        ("overflow", limit(&format!("{{ tokens = 99999999999999999999, {MINUTE} }}"))),
        ("a quoted amount", limit(&format!("{{ requests = \"50\", {MINUTE} }}"))),
        ("no amount", limit(&format!("{{ {MINUTE} }}"))),
        ("no window", limit("{ requests = 50 }")),
        ("nothing", limit("{}")),
        ("two dimensions", limit(&format!("{{ requests = 50, tokens = 9, {MINUTE} }}"))),
        ("a number as window", limit("{ requests = 50, per = 60 }")),
        ("no length of time", limit("{ requests = 50, per = \"1 fortnight\" }")),
        ("too short a window", limit("{ requests = 50, per = \"0s\" }")),
        ("an unknown dimension", limit(&format!("{{ tokns = 50, {MINUTE} }}"))),
        ("an unknown dimension in text", limit("\"50 imges per minute\"")),
        ("a misspelt key", limit("{ requests = 50, pre = \"1m\" }")),
        ("an unknown key", limit(&format!("{{ requests = 50, model = \"x\", {MINUTE} }}"))),
        (
            "an unknown shape",
            limit(&format!("{{ requests = 5, enforced_as = \"gcra\", {MINUTE} }}")),
        ),
        (
            "a shape of the wrong type",
            limit(&format!("{{ requests = 5, enforced_as = 1, {MINUTE} }}")),
        ),
        ("burst of zero", limit(&format!("{{ requests = 5, burst = 0, {MINUTE} }}"))),
        (
            "burst of a window",
            limit(&format!(
                "{{ requests = 5, enforced_as = \"fixed-window\", burst = 9, {MINUTE} }}"
            )),
        ),
        (
            "a guard longer than the window",
            limit(&format!("{{ requests = 5, guard = \"2m\", {MINUTE} }}")),
        ),
        ("a rate of slots", limit(&format!("{{ slots = 5, {MINUTE} }}"))),
        ("a rate of slots in a zone", limit("{ slots = 5, per = \"day\", zone = \"UTC\" }")),
        ("a rate of slots in text", limit("\"5 slots per minute\"")),
        ("no form", limit("\"fifty requests a minute\"")),
        ("a bad amount in text", limit("\"-1 requests per minute\"")),
        ("a number as limit", limit("50")),
        ("a date as limit", limit("2026-01-01")),
        ("too many", limit(&"\"5 requests per 1s\",\n".repeat(65))),
    ];
    insta::assert_snapshot!(table(cases));
}

#[test]
fn every_fault_of_a_limit_per_calendar_period_is_named_with_its_line() {
    let utc = |rest: &str| limit(&format!("{{ requests = 50, zone = \"UTC\"{rest} }}"));
    let day = |zone: &str| limit(&format!("{{ requests = 50, per = \"day\", zone = {zone} }}"));
    let cases = [
        ("an unknown zone", day("\"Middle-earth/Shire\"")),
        ("a misspelt zone", day("\"Europe/Berln\"")),
        ("a zone of the wrong type", day("1")),
        ("an empty zone", day("\"\"")),
        ("a zone without a period", utc("")),
        ("a length of time in a zone", utc(", per = \"36h\"")),
        ("a period of the wrong type", utc(", per = 1")),
        ("a month without a zone", limit("{ requests = 50, per = \"month\" }")),
        ("a burst", utc(", per = \"day\", burst = 9")),
        ("a shape", utc(", per = \"day\", enforced_as = \"fixed-window\"")),
        (
            "everything at once",
            utc(", per = \"1d\", burst = 9, enforced_as = 1, guard = \"9000d\""),
        ),
        ("a guard longer than the day", utc(", per = \"day\", guard = \"25h\"")),
        ("no amount", limit("{ requests = 0, per = \"day\", zone = \"UTC\" }")),
        ("an unknown zone in text", limit("\"50 requests per day in Berlin\"")),
        ("a length of time in a zone in text", limit("\"50 requests per 36h in UTC\"")),
        ("a month without a zone in text", limit("\"50 requests per month\"")),
    ];
    insta::assert_snapshot!(table(cases));
}

#[test]
fn every_fault_of_a_section_is_named_with_its_line() {
    let api = |rest: &str| format!("[services.api]\n{rest}");
    let global = |rest: &str| format!("[global]\n{rest}");
    let services = |index| format!("[services.s{index}]\n");
    let names = |index| format!("\"name_{index}\",");
    let cases = [
        ("an unknown section", "[servces.api]".to_owned()),
        ("a section that is no table", "services = 5\nglobal = true".to_owned()),
        ("an unknown key of all", global("limit = []")),
        ("an unknown key of a service", api("upstream = \"https://example.org\"")),
        ("limits that are no array", api("limits = \"50 requests per minute\"")),
        ("a bad service name", "[services.\"a/b\"]".to_owned()),
        ("a service that is no table", "[services]\napi = [\"50 requests per minute\"]".to_owned()),
        ("too many services", (0..257).map(services).collect()),
        ("a queue of the wrong type", api("queue = 1000")),
        ("an unknown key of a queue", api("queue = { overfow = \"refuse-newest\" }")),
        ("an empty queue", api("queue = { capacity = 0 }")),
        ("a negative queue", api("queue = { capacity = -1 }")),
        ("too large a queue", api("queue = { capacity = 100_001 }")),
        ("too short a wait", api("queue.timeout = \"999us\"")),
        ("too long a wait", api("queue.timeout = \"25h\"")),
        ("no wait", api("queue.timeout = \"soon\"")),
        ("a wait without a unit", api("queue.timeout = 30")),
        ("a guard of the wrong type", api("guard = 250")),
        (
            "a guard longer than the shortest window",
            api("guard = \"2s\"\nlimits = [\"5 requests per minute\", \"1 request per second\"]"),
        ),
        ("dimensions that are no array", global("dimensions = \"images\"")),
        ("a dimension that is no text", global("dimensions = [1]")),
        ("a bad dimension name", global("dimensions = [\"Images\"]")),
        ("a built-in dimension", global("dimensions = [\"tokens\"]")),
        ("slots as a dimension", global("dimensions = [\"slots\"]")),
        ("a dimension named as a key", global("dimensions = [\"burst\"]")),
        ("a dimension declared twice", global("dimensions = [\"images\", \"images\"]")),
        (
            "too many dimensions",
            global(&format!("dimensions = [{}]", (0..65).map(names).collect::<String>())),
        ),
    ];
    insta::assert_snapshot!(table(cases));
}

#[test]
fn every_fault_of_the_text_is_named_with_its_line() {
    let cases = [
        ("no value", "[global]\nlimits =".to_owned()),
        ("an open array", "[global]\nlimits = [".to_owned()),
        ("a section twice", "[global]\n[global]".to_owned()),
        ("two faults of form", "[global\nlimits = [1, ]\n]".to_owned()),
        ("a control character", "[services.api]\n\"a\\u001b[2J\\n\" = 1".to_owned()),
        ("too long", "#".repeat(Config::TEXT_MAX + 1)),
    ];
    insta::assert_snapshot!(table(cases));
}

#[test]
fn every_fault_of_a_variable_is_named_with_it() {
    let text = "[services.open-ai]\n[services.open_ai]\n[services.api]\nlimits = []";
    let variables = [
        ("TIDEGATE__", "1"),
        ("TIDEGATE__SERVICES____QUEUE", "1"),
        ("TIDEGATE__A__B__C__D__E__F__G__H__I", "1"),
        ("TIDEGATE__SERVICES__OPEN_AI__QUEUE__CAPACITY", "5"),
        ("TIDEGATE__SERVICES__API__LIMITS__0", "5"),
        ("TIDEGATE__SERVICES__API__QUEUE__CAPACITY", "0"),
        ("TIDEGATE__SERVICES__API__QUEUE__TIMEOUT", "30"),
        ("TIDEGATE__SERVICES__API__GUARD", "soon"),
        ("TIDEGATE__SERVICES__API__GURD", "1s"),
        ("TIDEGATE__GLOBAL__LIMITS", "[{ requests = 0, per = \"1m\" }]"),
    ];
    let refusals = variables.map(|variable| refusal(text, &[variable]));
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn all_faults_are_shown_at_once_and_in_order() {
    let text = r#"
[services.api]
limits = [
  { requests = 0, per = "0s", burst = 0, guard = "x" },
  "50 requests per minute",
  { tokns = 5 },
]
queue = { capacity = 0, timeout = "0s" }

[global]
limits = [5]
"#;
    let variables = [("TIDEGATE__SERVICES__NEW__QUEUE__CAPACITY", "none")];
    insta::assert_snapshot!(refusal(text, &variables));
}

#[test]
fn the_first_hundred_faults_are_kept_and_the_rest_counted() {
    let keys: Vec<String> = (0..150).map(|index| format!("key_{index} = 1\n")).collect();
    let refused = Config::parse("tidegate.toml", &keys.concat(), []).expect_err("unknown keys");
    assert_eq!((refused.iter().count(), refused.omitted()), (100, 50));
    assert!(refused.to_string().ends_with("\nand 50 more: correct these first"));
}
