//! What a good configuration says about queues, slots, retries, breakers, and parts of a service.

use tidegate_config::{Config, ServiceConfig};
use tidegate_units::{
    Amounts, Backoff, BreakerPolicy, Concurrency, Dimension, Jitter, KeyPolicy, Limit, Overflow,
    Priority, QueuePolicy, RetryPolicy, ScopePolicy, ScopedPolicies, Share, Span,
};

const FULL: &str = r#"
global.dimensions = ["images"]

[services.anthropic]
limits = ["50 requests per minute"]
guard = "100ms"
concurrency = 8
queue = { capacity = 500, timeout = "10s", overflow = "drop-oldest", max_cost = { tokens = 2_000_000, images = 7 }, strict = "high", shares = { normal = 0.3, low = 0 }, floors = { low = 0.1, background = 0.9 }, backfill = "0s", fair_between = "agent" }
retry = { attempts = 3, base = "500ms", max = "1m", jitter = "full", budget = 1 }
breaker = { failures = 9, failure_rate = 0.25, slow_after = "20s", slow_rate = 0.75, window = "5m", open = "10s", probes = 3 }
models."claude-opus-*" = { limits = ["10 requests per minute"], concurrency = 2 }
endpoints."POST /v1/messages/batches" = { limits = ["5 requests per minute"], concurrency = { slots = 1, lease = "1h" }, breaker = { failures = 3 } }
each.agent = { limits = [{ requests = 20, per = "1m", guard = "1s" }], concurrency = 3, weight = { planner = 3, "naïve ☕" = 1_000 } }
each.tenant = {}
"#;

fn parse(text: &str, variables: &[(&str, &str)]) -> Config {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::parse("tidegate.toml", text, env);
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.validate(), Ok(()), "what is read is valid");
    config
}

/// The only service of a text, under variables.
fn service_under(text: &str, variables: &[(&str, &str)]) -> ServiceConfig {
    let config = parse(text, variables);
    config.services.into_values().next().expect("there is a service")
}

/// A service with nothing but these lines.
fn api(lines: &str) -> ServiceConfig {
    service_under(&format!("[services.api]\n{lines}"), &[])
}

fn limit(text: &str) -> Limit {
    text.parse().expect("a limit")
}

fn shares(thousandths: [u16; 5]) -> [Share; 5] {
    thousandths.map(Share::per_mille)
}

fn patterns(policies: &[(String, ScopePolicy)]) -> Vec<&str> {
    policies.iter().map(|(pattern, _)| pattern.as_str()).collect()
}

fn full_queue() -> QueuePolicy {
    let images = Dimension::Named("images".parse().expect("a name"));
    let mut max_cost = Amounts::of(Dimension::Tokens, 2_000_000);
    max_cost.set(images, 7);
    QueuePolicy {
        capacity: 500,
        max_cost,
        timeout: Span::from_secs(10),
        overflow: Overflow::DropOldest,
        strict: Some(Priority::High),
        shares: shares([0, 250, 300, 0, 20]),
        floors: shares([0, 0, 0, 100, 900]),
        backfill: Span::ZERO,
        fair_between: Some("agent".parse().expect("a name")),
    }
}

fn full_parts() -> ScopedPolicies {
    let guarded =
        |text: &str, guard: u64| limit(text).guard(Span::from_millis(guard)).expect("it fits");
    let model = ScopePolicy {
        limits: vec![guarded("10 requests per minute", 100)],
        concurrency: Some(Concurrency::slots(2)),
        breaker: None,
    };
    let endpoint = ScopePolicy {
        limits: vec![guarded("5 requests per minute", 100)],
        concurrency: Some(Concurrency { slots: 1, lease: Span::from_secs(3_600) }),
        breaker: Some(BreakerPolicy { failures: 3, ..BreakerPolicy::default() }),
    };
    let agent = KeyPolicy {
        limits: vec![guarded("20 requests per minute", 1_000)],
        concurrency: Some(Concurrency::slots(3)),
        weights: [("planner".to_owned(), 3), ("naïve ☕".to_owned(), 1_000)].into(),
    };
    let name = |name: &str| name.parse().expect("a name");
    ScopedPolicies {
        models: vec![("claude-opus-*".to_owned(), model)],
        endpoints: vec![("POST /v1/messages/batches".to_owned(), endpoint)],
        each: [(name("agent"), agent), (name("tenant"), KeyPolicy::default())].into(),
    }
}

#[test]
fn a_full_service_is_read_to_the_last_key() {
    let expected = ServiceConfig {
        limits: vec![limit("50 requests per minute").guard(Span::from_millis(100)).expect("fits")],
        queue: full_queue(),
        concurrency: Some(Concurrency::slots(8)),
        in_flight: None,
        adaptive: None,
        provider: None,
        retry: RetryPolicy {
            attempts: 3,
            backoff: Backoff { base: Span::from_millis(500), max: Span::from_secs(60) },
            jitter: Jitter::Full,
            budget: Share::ALL,
        },
        breaker: Some(BreakerPolicy {
            failures: 9,
            failure_rate: Share::per_mille(250),
            slow_after: Some(Span::from_secs(20)),
            slow_rate: Share::per_mille(750),
            window: Span::from_secs(300),
            open: Span::from_secs(10),
            probes: 3,
        }),
        scoped: full_parts(),
    };
    assert_eq!(service_under(FULL, &[]), expected);
}

#[test]
fn what_is_not_said_is_as_it_is_by_default() {
    let none = ServiceConfig::default();
    assert_eq!(api(""), none);
    assert_eq!(api("queue = {}\nretry = {}\nmodels = {}\nendpoints = {}\neach = {}"), none);
    assert_eq!(api("queue = { shares = {}, floors = {}, max_cost = {} }"), none);
    let breaker = Some(BreakerPolicy::default());
    assert_eq!(api("breaker = {}"), ServiceConfig { breaker, ..none });
}

#[test]
fn each_key_of_a_queue_leaves_the_others() {
    let full = full_queue();
    let default = QueuePolicy::default;
    let strict = |strict| QueuePolicy { strict, ..default() };
    let overflow = |overflow| QueuePolicy { overflow, ..default() };
    let cases = [
        ("capacity = 500", QueuePolicy { capacity: 500, ..default() }),
        ("capacity = 0x1f4", QueuePolicy { capacity: 500, ..default() }),
        ("timeout = '10s'", QueuePolicy { timeout: full.timeout, ..default() }),
        ("overflow = 'refuse-newest'", default()),
        ("overflow = 'drop-oldest'", overflow(Overflow::DropOldest)),
        ("overflow = 'newest-first'", overflow(Overflow::NewestFirst)),
        ("overflow = 'drop-oldest-of-lowest-class'", overflow(Overflow::DropOldestOfLowestClass)),
        (
            "max_cost.bytes = 9",
            QueuePolicy { max_cost: Amounts::of(Dimension::Bytes, 9), ..default() },
        ),
        ("strict = 'none'", strict(None)),
        ("strict = 'background'", strict(Some(Priority::Background))),
        ("shares.low = 0.5", QueuePolicy { shares: shares([0, 250, 100, 500, 20]), ..default() }),
        (
            "shares.critical = 0.58",
            QueuePolicy { shares: shares([580, 250, 100, 50, 20]), ..default() },
        ),
        ("floors.low = 0.1", QueuePolicy { floors: shares([0, 0, 0, 100, 0]), ..default() }),
        ("backfill = '1h'", QueuePolicy { backfill: Span::from_secs(3_600), ..default() }),
        ("fair_between = 'agent'", QueuePolicy { fair_between: full.fair_between, ..default() }),
    ];
    for (line, queue) in cases {
        let expected = ServiceConfig::default().with_queue(queue);
        assert_eq!(api(&format!("queue.{line}")), expected, "{line}");
    }
}

#[test]
fn each_key_of_retries_leaves_the_others() {
    let default = RetryPolicy::default;
    let jitter = |jitter| RetryPolicy { jitter, ..default() };
    let delays = |base, max| RetryPolicy { backoff: Backoff { base, max }, ..default() };
    let Backoff { base, max } = default().backoff;
    let cases = [
        ("attempts = 1", RetryPolicy { attempts: 1, ..default() }),
        ("base = '30s'", delays(Span::from_secs(30), max)),
        ("max = '1s'", delays(base, Span::from_secs(1))),
        ("jitter = 'full'", jitter(Jitter::Full)),
        ("jitter = 'equal'", jitter(Jitter::Equal)),
        ("jitter = 'decorrelated'", jitter(Jitter::Decorrelated)),
        ("jitter = 0.5", jitter(Jitter::Around(Share::per_mille(500)))),
        ("jitter = 0", jitter(Jitter::Around(Share::NONE))),
        ("budget = 0.015", RetryPolicy { budget: Share::per_mille(15), ..default() }),
        ("budget = 1", RetryPolicy { budget: Share::ALL, ..default() }),
        ("budget = 1.0", RetryPolicy { budget: Share::ALL, ..default() }),
        ("budget = 0.1_5", RetryPolicy { budget: Share::per_mille(150), ..default() }),
    ];
    for (line, retry) in cases {
        let expected = ServiceConfig { retry, ..ServiceConfig::default() };
        assert_eq!(api(&format!("retry.{line}")), expected, "{line}");
    }
}

#[test]
fn each_key_of_a_breaker_leaves_the_others() {
    let default = BreakerPolicy::default;
    let slow_after = Some(Span::from_secs(20));
    let cases = [
        ("failures = 9", BreakerPolicy { failures: 9, ..default() }),
        ("failure_rate = 0", BreakerPolicy { failure_rate: Share::NONE, ..default() }),
        ("slow_after = '20s'", BreakerPolicy { slow_after, ..default() }),
        ("window = '1h'", BreakerPolicy { window: Span::from_secs(3_600), ..default() }),
        ("open = '10ms'", BreakerPolicy { open: Span::from_millis(10), ..default() }),
        ("probes = 100", BreakerPolicy { probes: 100, ..default() }),
    ];
    for (line, breaker) in cases {
        let expected = ServiceConfig { breaker: Some(breaker), ..ServiceConfig::default() };
        assert_eq!(api(&format!("breaker.{line}")), expected, "{line}");
    }
    let both = BreakerPolicy { slow_after, slow_rate: Share::per_mille(100), ..default() };
    let read = api("breaker = { slow_rate = 0.1, slow_after = '20s' }");
    assert_eq!(read.breaker, Some(both));
}

#[test]
fn slots_are_a_number_or_a_table() {
    let slots = |slots, lease| Some(Concurrency { slots, lease: Span::from_secs(lease) });
    for (line, expected) in [
        ("concurrency = 8", slots(8, 600)),
        ("concurrency = { slots = 8 }", slots(8, 600)),
        ("concurrency = { slots = 10_000, lease = '24h' }", slots(10_000, 86_400)),
        ("concurrency = { lease = '1s', slots = 1 }", slots(1, 1)),
    ] {
        assert_eq!(api(line).concurrency, expected, "{line}");
        let model = api(&format!("models.m.{line}"));
        assert_eq!(model.scoped.models[0].1.concurrency, expected, "{line}");
    }
}

#[test]
fn patterns_are_tried_in_the_order_of_the_text() {
    let lines = r#"
models."z*".concurrency = 1
models."a*" = { concurrency = 2 }
models."*" = {}
models."z*".limits = ["5 requests per minute"]
[services.api.endpoints."POST *"]
[services.api.endpoints."GET /b"]
[services.api.endpoints."GET /a"]
"#;
    let scoped = api(lines).scoped;
    assert_eq!(patterns(&scoped.models), ["z*", "a*", "*"]);
    assert_eq!(patterns(&scoped.endpoints), ["POST *", "GET /b", "GET /a"]);
    assert_eq!(scoped.models[0].1.limits.len(), 1, "the second line of the same pattern");
}

#[test]
fn patterns_of_variables_come_after_those_of_the_text() {
    let text = "[services.api]\nmodels.z.concurrency = 1\nmodels.b.concurrency = 1";
    let variables = [
        ("TIDEGATE__SERVICES__API__MODELS__Y__CONCURRENCY", "2"),
        ("TIDEGATE__SERVICES__API__MODELS__A", "{ concurrency = 3 }"),
        ("TIDEGATE__SERVICES__API__MODELS__Z", "{ concurrency = 4 }"),
    ];
    let models = service_under(text, &variables).scoped.models;
    assert_eq!(patterns(&models), ["z", "b", "a", "y"]);
    assert_eq!(models[0].1.concurrency, Some(Concurrency::slots(4)), "in its place");
    let all = ("TIDEGATE__SERVICES__API__MODELS", "{ \"Q-*\" = {}, c = {}, \"*\" = {} }");
    assert_eq!(patterns(&service_under(text, &[all]).scoped.models), ["Q-*", "c", "*"]);
}

#[test]
fn the_guard_of_a_service_is_that_of_its_parts() {
    let lines = r#"
guard = "2s"
limits = [{ requests = 1, per = "1s", guard = "0s" }]
models."*".limits = ["10 requests per 3s"]
endpoints."*".limits = ["10 requests per 2s", { requests = 1, per = "1s", guard = "1s" }]
each.agent.limits = ["10 tokens per day in UTC"]
"#;
    let service = api(lines);
    let agent = service.scoped.each.values().next().expect("there is one");
    let guards = [
        &service.limits,
        &service.scoped.models[0].1.limits,
        &service.scoped.endpoints[0].1.limits,
        &agent.limits,
    ];
    let guards: Vec<String> =
        guards.into_iter().flatten().map(|limit| limit.guard_span().to_string()).collect();
    assert_eq!(guards, ["0s", "2s", "2s", "1s", "2s"]);
}

#[test]
fn variables_set_single_keys_and_leave_names_that_they_cannot_spell() {
    let name = |rest: &str| format!("TIDEGATE__SERVICES__ANTHROPIC__{rest}");
    let set = [
        ("CONCURRENCY", "{ slots = 4, lease = \"5m\" }"),
        ("QUEUE__OVERFLOW", "newest-first"),
        ("QUEUE__STRICT", "none"),
        ("QUEUE__SHARES__LOW", "0.125"),
        ("QUEUE__FLOORS__LOW", "0"),
        ("QUEUE__MAX_COST__TOKENS", "5"),
        ("QUEUE__BACKFILL", "250ms"),
        ("QUEUE__FAIR_BETWEEN", "tenant"),
        ("RETRY__ATTEMPTS", "4"),
        ("RETRY__JITTER", "0.1"),
        ("RETRY__BUDGET", "1"),
        ("BREAKER__SLOW_RATE", "0.9"),
        ("EACH__AGENT__WEIGHT__PLANNER", "9"),
        ("EACH__AGENT__CONCURRENCY", "1"),
    ];
    let set = set.map(|(rest, value)| (name(rest), value));
    let variables: Vec<(&str, &str)> =
        set.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let read = service_under(FULL, &variables);

    let mut expected = service_under(FULL, &[]);
    expected.concurrency = Some(Concurrency { slots: 4, lease: Span::from_secs(300) });
    let queue = &mut expected.queue;
    (queue.overflow, queue.strict) = (Overflow::NewestFirst, None);
    queue.shares[Priority::Low.index()] = Share::per_mille(125);
    queue.floors[Priority::Low.index()] = Share::NONE;
    queue.max_cost.set(Dimension::Tokens, 5);
    queue.backfill = Span::from_millis(250);
    queue.fair_between = Some("tenant".parse().expect("a name"));
    expected.retry.attempts = 4;
    expected.retry.jitter = Jitter::Around(Share::per_mille(100));
    expected.retry.budget = Share::ALL;
    expected.breaker.as_mut().expect("it has one").slow_rate = Share::per_mille(900);
    let agent =
        expected.scoped.each.get_mut(&"agent".parse().expect("a name")).expect("it is there");
    agent.weights.insert("planner".to_owned(), 9);
    agent.concurrency = Some(Concurrency::slots(1));
    assert_eq!(read, expected);
}

#[test]
fn the_examples_are_good() {
    let tidegate = parse(include_str!("../../../docs/examples/tidegate.toml"), &[]);
    assert_eq!(tidegate.services.len(), 4);
    let policies = parse(include_str!("../../../docs/examples/policies.toml"), &[]);
    let adaptive = parse(include_str!("../../../docs/examples/adaptive.toml"), &[]);
    let learns =
        |service: &&ServiceConfig| service.adaptive.is_some() || service.in_flight.is_some();
    assert_eq!(adaptive.services.values().filter(learns).count(), 4);
    let anthropic = &policies.services[&"anthropic".parse().expect("a name")];
    assert!(anthropic.concurrency.is_some() && anthropic.breaker.is_some());
    assert_ne!(
        (&anthropic.queue, anthropic.retry),
        (&QueuePolicy::default(), RetryPolicy::default())
    );
    assert_eq!(patterns(&anthropic.scoped.models), ["claude-opus-*", "claude-*"]);
    assert!(!anthropic.scoped.endpoints.is_empty() && !anthropic.scoped.each.is_empty());
}
