//! Whatever is read, the answer is a configuration or a list of faults.

use proptest::prelude::*;
use tidegate_config::Config;

/// A number, text, array or table, with keys and words that mean something as often as not.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (0_u64..200).prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}").to_lowercase()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        "(0|5|50) (requests|tokens|imges|images) per (1m|minute|1d|x)"
            .prop_map(|s| format!("\"{s}\"")),
        "(token-bucket|aimd|gradient|anthropic|fixed-window|1m|250ms|24h|drop-oldest|none|high|full|agent|[ -!#-\\[\\]-~]{0,8})"
            .prop_map(|s| format!("\"{s}\"")),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let entry = (key(), inner.clone()).prop_map(|(key, value)| format!("{key} = {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(entry, 0..5).prop_map(|all| format!("{{ {} }}", all.join(", "))),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "global", "services", "limits", "dimensions", "queue", "capacity", "timeout", "guard",
            "per", "burst", "enforced_as", "requests", "tokens", "images", "api", "concurrency",
            "slots", "lease", "overflow", "max_cost", "strict", "shares", "floors", "backfill",
            "fair_between", "retry", "attempts", "base", "max", "jitter", "budget", "breaker",
            "failures", "failure_rate", "slow_after", "slow_rate", "window", "open", "probes",
            "adaptive", "controller", "min", "start", "decrease", "increase", "provider", "learn",
            "tolerance", "models", "endpoints", "each", "agent", "weight", "high", "low", "\"claude-*\"",
        ])
        .prop_map(str::to_owned),
        1 => "[a-z]{1,6}|\"[ -!#-\\[\\]-~]{0,6}\"",
    ]
}

/// Assignments below the sections that there are.
fn document() -> impl Strategy<Value = String> {
    let section = prop::sample::select(vec!["", "global.", "services.api.", "services."]);
    let line =
        (section, key(), value()).prop_map(|(at, key, value)| format!("{at}{key} = {value}"));
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join("\n"))
}

/// A service whose policies have the keys that they may have, with values that are good as often as not.
fn policies() -> impl Strategy<Value = String> {
    let count = prop_oneof![Just("1"), Just("100"), Just("0"), Just("10_001"), Just("2.5")];
    let part =
        prop_oneof![Just("0"), Just("0.1"), Just("0.95"), Just("1"), Just("1.5"), Just("nan")];
    let span = prop_oneof![Just("'1s'"), Just("'30s'"), Just("'0s'"), Just("'1h'"), Just("'2h'")];
    let word = prop_oneof![
        Just("'full'"),
        Just("'drop-oldest'"),
        Just("'none'"),
        Just("'low'"),
        Just("'agent'"),
    ];
    let line = prop_oneof![
        (prop::sample::select(COUNTS), count).prop_map(|(key, value)| format!("{key} = {value}")),
        (prop::sample::select(PARTS), part).prop_map(|(key, value)| format!("{key} = {value}")),
        (prop::sample::select(SPANS), span).prop_map(|(key, value)| format!("{key} = {value}")),
        (prop::sample::select(WORDS), word).prop_map(|(key, value)| format!("{key} = {value}")),
    ];
    let lines = prop::collection::vec(line, 0..6);
    // A key that stands twice is a fault of form, which would hide the others.
    lines.prop_map(|mut lines: Vec<String>| {
        lines.sort_by(|one, other| one.split(' ').next().cmp(&other.split(' ').next()));
        lines.dedup_by(|one, other| one.split(' ').next() == other.split(' ').next());
        format!("[services.api]\n{}", lines.join("\n"))
    })
}

const COUNTS: &[&str] = &[
    "queue.capacity",
    "queue.max_cost.tokens",
    "concurrency",
    "retry.attempts",
    "breaker.failures",
    "endpoints.\"POST *\".breaker.probes",
    "each.agent.weight.planner",
];
const PARTS: &[&str] = &[
    "queue.shares.high",
    "queue.shares.low",
    "queue.floors.low",
    "retry.jitter",
    "retry.budget",
    "breaker.slow_rate",
    "breaker.failure_rate",
];
const SPANS: &[&str] = &[
    "queue.timeout",
    "queue.backfill",
    "retry.base",
    "retry.max",
    "breaker.slow_after",
    "breaker.window",
    "breaker.open",
];
const WORDS: &[&str] = &["queue.overflow", "queue.strict", "queue.fair_between", "retry.jitter"];

/// What must hold for every answer.
fn check(text: &str, env: Vec<(String, String)>) -> Result<(), TestCaseError> {
    match Config::parse("t", text, env) {
        Ok(config) => prop_assert_eq!(config.validate(), Ok(())),
        Err(errors) => {
            let shown = errors.to_string();
            prop_assert_eq!(
                shown.lines().count(),
                errors.iter().count() + usize::from(errors.omitted() > 0)
            );
            for error in &errors {
                let line = error.to_string();
                prop_assert!(line.starts_with("t:") || line.starts_with("TIDEGATE__"), "{line}");
                prop_assert!(line.len() < 2_000, "{} bytes", line.len());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check(&text, Vec::new())?;
    }

    #[test]
    fn any_text_of_toml_signs_is_read_or_refused(text in "[\\[\\]{}=.,\"'a-c0-9\\\\ \n#_-]{0,80}") {
        check(&text, Vec::new())?;
    }

    #[test]
    fn any_structure_is_read_or_refused(text in document()) {
        check(&text, Vec::new())?;
    }

    #[test]
    fn any_policies_are_read_or_refused(text in policies()) {
        check(&text, Vec::new())?;
    }

    #[test]
    fn any_variable_is_read_or_refused(
        text in document(),
        name in "(SERVICES|GLOBAL|[A-Z_]{0,5})(__(API|LIMITS|QUEUE|CAPACITY|MODELS|BREAKER|[a-zA-Z_é]{0,5})){0,9}",
        value in prop_oneof![value(), any::<String>()],
    ) {
        check(&text, vec![(format!("TIDEGATE__{name}"), value)])?;
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for text in
        ["a = ".to_owned() + &"[".repeat(100_000), "[".repeat(100_000), "a.".repeat(100_000)]
    {
        assert!(Config::parse("t", &text, []).is_err());
    }
    let name = format!("TIDEGATE__{}", "A__".repeat(50_000));
    assert!(Config::parse("t", "", [(name, "1".to_owned())]).is_err());
}
