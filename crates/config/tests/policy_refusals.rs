//! Every kind of fault of a policy, with the text that a person reads.

use tidegate_config::{Config, ServiceConfig};
use tidegate_units::{
    Amounts, Backoff, BreakerPolicy, Concurrency, Dimension, KeyPolicy, Limit, QueuePolicy,
    RetryPolicy, ScopePolicy, ScopedPolicies, Share, Span,
};

/// What one text and one variable are refused with.
fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("tidegate.toml", text, env).expect_err(text).to_string()
}

/// What a service with each of these lines is refused with, below the line itself.
fn table(cases: &[&str]) -> String {
    let entry = |case: &&str| {
        let shown: String = case.chars().take(100).collect();
        format!("# {shown}\n{}\n", refusal(&format!("[services.api]\n{case}"), &[]))
    };
    cases.iter().map(entry).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_fault_of_a_queue_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "queue.overflow = 'drop-newest'",
        "queue.overflow = true",
        "queue.max_cost = 2_000_000",
        "queue.max_cost = { tokens = 0 }",
        "queue.max_cost = { tokens = -1 }",
        "queue.max_cost = { tokens = 1.5 }",
        "queue.max_cost = { tokens = 1_000_000_000_001 }",
        "queue.max_cost = { tokens = '9' }",
        "queue.max_cost = { tokns = 9 }",
        "queue.max_cost = { 'two words' = 9 }",
        "queue.max_cost = { slots = 9 }",
        "queue.max_cost = { slots = -9 }",
        "queue.strict = 'urgent'",
        "queue.strict = false",
        "queue.shares = [0.5]",
        "queue.shares = { hgh = 0.5 }",
        "queue.shares = { high = -0.1 }",
        "queue.shares = { high = 1.001 }",
        "queue.shares = { high = 25 }",
        "queue.shares = { high = 0.2505 }",
        "queue.shares = { high = 1e-1 }",
        "queue.shares = { high = nan }",
        "queue.shares = { high = -inf }",
        "queue.shares = { high = '25 %' }",
        "queue.shares = { high = 0.831 }",
        "queue.shares = { high = 1, low = 'all' }",
        "queue.floors = { low = 0.901 }",
        "queue.floors = { low = 1 }",
        "queue.floors = { none = 0 }",
        "queue.backfill = '61m'",
        "queue.backfill = 1",
        "queue.fair_between = 'Agent'",
        "queue.fair_between = ['agent']",
    ]));
}

#[test]
fn every_fault_of_slots_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "concurrency = 0",
        "concurrency = -8",
        "concurrency = 8.5",
        "concurrency = 10_001",
        "concurrency = 99_999_999_999",
        "concurrency = '8'",
        "concurrency = []",
        "concurrency = {}",
        "concurrency = { lease = '10m' }",
        "concurrency = { slot = 8 }",
        "concurrency = { slots = 0, lease = '0s' }",
        "concurrency = { slots = '8' }",
        "concurrency = { slots = 8, lease = '25h' }",
        "concurrency = { slots = 8, lease = 600 }",
    ]));
}

#[test]
fn every_fault_of_retries_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "retry = 5",
        "retry = { attempt = 5 }",
        "retry.attempts = 0",
        "retry.attempts = 101",
        "retry.attempts = -1",
        "retry.attempts = 4_294_967_297",
        "retry.attempts = 'many'",
        "retry.base = '0s'",
        "retry.base = '61m'",
        "retry.base = 1",
        "retry.max = '999us'",
        "retry.max = '2h'",
        "retry.max = 'never'",
        "retry = { base = '10s', max = '9s' }",
        "retry.base = '31s'",
        "retry.max = '500ms'",
        "retry = { base = 'x', max = '1ms' }",
        "retry = { base = '1h', max = 'x' }",
        "retry.jitter = 'some'",
        "retry.jitter = 1.5",
        "retry.jitter = []",
        "retry.budget = 2",
        "retry.budget = -1",
        "retry.budget = '20 %'",
    ]));
}

#[test]
fn every_fault_of_a_breaker_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "breaker = true",
        "breaker = { failure = 5 }",
        "breaker.failures = 0",
        "breaker.failures = 10_001",
        "breaker.failures = 4_294_967_296",
        "breaker.failure_rate = 1.1",
        "breaker.slow_after = '999us'",
        "breaker.slow_after = '25h'",
        "breaker.slow_after = 20",
        "breaker.slow_rate = 0.3",
        "breaker.slow_rate = 0.5",
        "breaker.slow_rate = 5",
        "breaker = { slow_rate = 0.3, slow_after = 'x' }",
        "breaker.window = '999ms'",
        "breaker.window = '61m'",
        "breaker.open = '9ms'",
        "breaker.open = '61m'",
        "breaker.probes = 0",
        "breaker.probes = 101",
    ]));
}

#[test]
fn every_fault_of_what_holds_for_a_part_is_named_with_its_line() {
    let numbered = |count: usize, entry: fn(usize) -> String| -> String {
        (0..count).map(entry).collect::<Vec<_>>().join("\n")
    };
    let models = numbered(65, |index| format!("models.m{index} = {{}}"));
    let endpoints = numbered(65, |index| format!("endpoints.m{index} = {{}}"));
    let keys = numbered(9, |index| format!("each.key_{index} = {{}}"));
    let weights = numbered(1_001, |index| format!("each.agent.weight.a{index} = 1"));
    let long = format!("models.\"{}\" = {{}}", "x".repeat(129));
    let limits = format!("models.\"*\".limits = [{}]", "'1 request per day',".repeat(65));
    insta::assert_snapshot!(table(&[
        "models = []",
        "models.\"claude-*\" = 5",
        "models.\"claude-*\" = { limit = [] }",
        "models.\"claude-*\".limits = ['0 requests per minute']",
        "models.\"claude-*\".limits = [{ imges = 5, per = '1m' }]",
        "models.\"claude-*\".concurrency = 0",
        "models.\"claude-*\".breaker = { failures = 3 }",
        "models.\"\" = {}",
        "models.\"a\\nb\" = {}",
        &long,
        &models,
        &limits,
        "endpoints = 'POST /'",
        "endpoints.\"POST /\" = { retry = {} }",
        "endpoints.\"POST /\".breaker.failures = 0",
        "endpoints.\"POST /\".breaker.slow_rate = 0.9",
        &endpoints,
        "each = 'agent'",
        "each.Agent = {}",
        "each.agent = { weights = {} }",
        "each.agent.breaker = {}",
        "each.agent.limits = ['5 slots per minute']",
        "each.agent.concurrency = { slots = 1, lease = '1ms' }",
        "each.agent.weight = 3",
        "each.agent.weight = { planner = 0 }",
        "each.agent.weight = { planner = 1_001 }",
        "each.agent.weight = { planner = 1.5 }",
        "each.agent.weight = { planner = 4_294_967_297 }",
        "each.agent.weight = { \"\" = 1 }",
        &keys,
        &weights,
        "guard = '2s'\nmodels.\"*\".limits = ['1 request per second']",
        "guard = '2s'\neach.agent.limits = ['1 request per 3s', '1 request per 1s', '1 request per 2s']",
    ]));
}

#[test]
fn faults_of_policies_in_variables_are_named_with_them() {
    let text = "[services.api]\nconcurrency = 8\nretry.base = '10s'";
    let variables = [
        ("TIDEGATE__SERVICES__API__CONCURRENCY", "0"),
        ("TIDEGATE__SERVICES__API__CONCURRENCY__LEASE", "1m"),
        ("TIDEGATE__SERVICES__API__QUEUE__OVERFLOW", "none"),
        ("TIDEGATE__SERVICES__API__QUEUE__SHARES__HIGH", ".5"),
        ("TIDEGATE__SERVICES__API__QUEUE__SHARES__HIGH", "1"),
        ("TIDEGATE__SERVICES__API__RETRY__MAX", "5s"),
        ("TIDEGATE__SERVICES__API__RETRY__BUDGET", "20%"),
        ("TIDEGATE__SERVICES__API__BREAKER__SLOW_RATE", "0.5"),
        ("TIDEGATE__SERVICES__API__MODELS__M__BREAKER__FAILURES", "3"),
        ("TIDEGATE__SERVICES__API__EACH__AGENT__WEIGHT__PLANNER", "0"),
    ];
    let refusals = variables.map(|variable| refusal(text, &[variable]));
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn all_faults_of_policies_are_shown_at_once() {
    let text = r#"
[services.api]
guard = "2s"
concurrency = { slots = 0, lease = "0s" }
[services.api.queue]
capacity = 0
shares = { high = 2, low = 0.95 }
floors = { low = 1 }
[services.api.retry]
attempts = 0
base = "2h"
[services.api.breaker]
failures = 0
slow_rate = 0.1
[services.api.models."*"]
limits = ["1 request per second", "0 requests per second"]
breaker = {}
[services.api.each.agent]
weight = { a = 0, b = 5_000 }
"#;
    insta::assert_snapshot!(refusal(text, &[]));
}

/// A service with a fault in everything that a program can put into it.
fn faulty() -> ServiceConfig {
    let images: Limit = "5 images per minute".parse().expect("a limit");
    let mut max_cost = Amounts::of(Dimension::Slots, 1);
    max_cost.set(images.dimension(), 1);
    let alone = BreakerPolicy { slow_rate: Share::NONE, ..BreakerPolicy::default() };
    let breaker = Some(BreakerPolicy { probes: 0, ..BreakerPolicy::default() });
    let concurrency = Some(Concurrency::slots(0));
    let policy = ScopePolicy { limits: vec![images.clone()], concurrency, breaker };
    let backoff = Backoff { base: Span::from_secs(9), max: Span::from_secs(8) };
    let mut key = KeyPolicy { limits: vec![images; 65], concurrency, ..KeyPolicy::default() };
    key.weights.insert("two words".to_owned(), 0);
    ServiceConfig {
        queue: QueuePolicy {
            max_cost,
            floors: [Share::ALL; 5],
            shares: [Share::ALL; 5],
            ..QueuePolicy::default()
        },
        concurrency,
        retry: RetryPolicy { backoff, ..RetryPolicy::default() },
        breaker: Some(alone),
        scoped: ScopedPolicies {
            models: vec![("claude-*".to_owned(), policy.clone()); 2],
            endpoints: vec![("POST /".to_owned(), policy)],
            each: [("agent".parse().expect("a name"), key)].into(),
        },
        ..ServiceConfig::default()
    }
}

#[test]
fn what_a_program_writes_wrongly_into_a_policy_is_named() {
    let config = Config::default().with_service("api".parse().expect("a name"), faulty());
    let errors = config.validate().expect_err("faults");
    let shown: Vec<String> = errors
        .iter()
        .filter(|error| !error.path().starts_with("services.api.each.agent.limits["))
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(errors.iter().count(), shown.len() + 65, "one for each undeclared name");
    let mut declared = config;
    declared.global.dimensions = vec!["slots".parse().expect("a name")];
    let first = declared.validate().expect_err("faults").iter().next().map(ToString::to_string);
    insta::assert_snapshot!(first.expect("there is one"));
}
