//! What a good configuration is read as, from a text and from variables.

use tidegate_config::{Config, ServiceConfig};
use tidegate_units::{EnforcedAs, Limit, QueuePolicy, ServiceName, Span};

const FULL: &str = r#"
[global]
limits = ["1000 requests per minute", "400_000 tokens per minute"]
dimensions = ["images"]

[services.anthropic]
limits = [
  { requests = 50, per = "1m" },
  { input_tokens = 40_000, per = "1m", enforced_as = "token-bucket" },
  { output_tokens = 8_000, per = "1m", enforced_as = "fixed-window", guard = "100ms" },
  { images = 0x10, per = "day", burst = 4 },
]
queue = { capacity = 500, timeout = "1.5s" }
guard = "50ms"

[services.Search-1]
"#;

fn parse(text: &str, variables: &[(&str, &str)]) -> Config {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("tidegate.toml", text, env).unwrap_or_else(|errors| panic!("{errors}"))
}

fn service<'c>(config: &'c Config, name: &str) -> &'c ServiceConfig {
    &config.services[&name.parse::<ServiceName>().expect("a name")]
}

fn shown(limits: &[Limit]) -> Vec<String> {
    let line = |limit: &Limit| {
        let (shape, burst, guard) = (limit.shape(), limit.burst_amount(), limit.guard_span());
        format!("{limit}, {shape}, burst {burst}, guard {guard}")
    };
    limits.iter().map(line).collect()
}

#[test]
fn a_full_text_is_read_to_the_last_key() {
    let config = parse(FULL, &[]);
    let anthropic = service(&config, "anthropic");
    assert_eq!(config.global.dimensions, ["images".parse().expect("a name")]);
    assert_eq!(config.services.len(), 2);
    assert_eq!(
        anthropic.queue,
        QueuePolicy { capacity: 500, timeout: Span::from_millis(1_500), ..QueuePolicy::default() }
    );
    assert_eq!(*service(&config, "Search-1"), ServiceConfig::default());
    let limits = [shown(&config.global.limits), shown(&anthropic.limits)].concat();
    insta::assert_snapshot!(limits.join("\n"), @"
    1000 requests per 1m, unknown, burst 1000, guard 250ms
    400000 tokens per 1m, unknown, burst 400000, guard 250ms
    50 requests per 1m, unknown, burst 50, guard 50ms
    40000 input_tokens per 1m, token-bucket, burst 40000, guard 50ms
    8000 output_tokens per 1m, fixed-window, burst 8000, guard 100ms
    16 images per 1d, token-bucket, burst 4, guard 50ms
    ");
    assert!(config.validate().is_ok());
}

#[test]
fn a_zone_makes_a_period_one_of_its_calendar() {
    let text = r#"
[services.api]
guard = "1s"
limits = [
  "5_000_000 tokens per day in Europe/Berlin",
  { tokens = 5_000_000, per = "day", zone = "europe/berlin" },
  { requests = 9, per = "month", zone = "UTC", guard = "2m" },
  { requests = 9, per = "day" },
]
"#;
    let variable = ("TIDEGATE__GLOBAL__LIMITS", "[\"1000 requests per year in UTC\"]");
    let config = parse(text, &[variable]);
    let limits = &service(&config, "api").limits;
    assert_eq!(limits[0], limits[1]);
    assert!(limits[3].calendar().is_none(), "any 24 hours");
    insta::assert_snapshot!([shown(&config.global.limits), shown(limits)].concat().join("\n"), @"
    1000 requests per year in UTC, fixed-window, burst 1000, guard 250ms
    5000000 tokens per day in Europe/Berlin, fixed-window, burst 5000000, guard 1s
    5000000 tokens per day in Europe/Berlin, fixed-window, burst 5000000, guard 1s
    9 requests per month in UTC, fixed-window, burst 9, guard 2m
    9 requests per 1d, unknown, burst 9, guard 1s
    ");
}

#[test]
fn an_empty_text_limits_nothing() {
    assert_eq!(parse("", &[]), Config::default());
    assert_eq!(parse("\u{feff}# nothing\r\n[global]\r\n[services]", &[]), Config::default());
}

#[test]
fn a_burst_alone_implies_a_bucket() {
    let config = parse(FULL, &[]);
    let images = &service(&config, "anthropic").limits[3];
    assert_eq!((images.shape(), images.burst_amount()), (EnforcedAs::TokenBucket, 4));
}

#[test]
fn a_variable_sets_one_key_and_leaves_the_rest() {
    let config = parse(
        FULL,
        &[
            ("TIDEGATE__SERVICES__ANTHROPIC__QUEUE__CAPACITY", "50"),
            ("TIDEGATE__SERVICES__ANTHROPIC__GUARD", "10ms"),
            ("PATH", "/bin"),
            ("TIDEGATE_SERVICES", "one underscore is not ours"),
        ],
    );
    let anthropic = service(&config, "anthropic");
    assert_eq!(
        anthropic.queue,
        QueuePolicy { capacity: 50, timeout: Span::from_millis(1_500), ..QueuePolicy::default() }
    );
    assert_eq!(anthropic.limits.len(), 4);
    assert_eq!(anthropic.limits[0].guard_span(), Span::from_millis(10));
    assert_eq!(anthropic.limits[2].guard_span(), Span::from_millis(100), "its own");
}

#[test]
fn a_variable_finds_a_service_by_its_folded_name() {
    let config = parse(FULL, &[("TIDEGATE__SERVICES__SEARCH_1__LIMITS", "['1 request per day']")]);
    assert_eq!(config.services.len(), 2);
    assert_eq!(service(&config, "Search-1").limits.len(), 1);
}

#[test]
fn a_variable_may_name_a_new_service() {
    let config = parse("", &[("TIDEGATE__SERVICES__NEW_ONE__QUEUE__TIMEOUT", "5s")]);
    assert_eq!(service(&config, "new_one").queue.timeout, Span::from_secs(5));
}

#[test]
fn variables_take_effect_in_the_order_of_their_names() {
    let whole = ("TIDEGATE__SERVICES__A__QUEUE", "{ capacity = 7, timeout = \"1s\" }");
    let part = ("TIDEGATE__SERVICES__A__QUEUE__CAPACITY", "8");
    let expected =
        QueuePolicy { capacity: 8, timeout: Span::from_secs(1), ..QueuePolicy::default() };
    for variables in [[whole, part], [part, whole]] {
        assert_eq!(service(&parse("", &variables), "a").queue, expected);
    }
}

#[test]
fn a_program_may_build_what_a_text_would_say() {
    let limit: Limit = "50 requests per minute".parse().expect("a limit");
    let service = ServiceConfig::limited([limit.clone()]);
    let built = Config::default()
        .with_global_limit(limit)
        .with_service("api".parse().expect("a name"), service);
    let text =
        "global.limits = ['50 requests per 1m']\nservices.api.limits = ['50 requests per 1m']";
    assert_eq!(built, parse(text, &[]));
}

#[test]
fn what_a_program_builds_wrongly_is_named() {
    let images: Limit = "5 images per minute".parse().expect("a limit");
    let queue = QueuePolicy { capacity: 0, timeout: Span::ZERO, ..QueuePolicy::default() };
    let service = ServiceConfig::limited(vec![images; 65]).with_queue(queue);
    let mut config = Config::default().with_service("api".parse().expect("a name"), service);
    config.global.dimensions = vec!["per".parse().expect("a name")];
    let errors = config.validate().expect_err("faults");
    let shown: Vec<String> = errors
        .iter()
        .filter(|error| !error.path().contains("limits["))
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @"
    the program: global.dimensions[0]: `per` is a key that limits have already: choose another name
    the program: services.api.limits: 65 limits: use at most 64 in one place
    the program: services.api.queue.capacity: a capacity of 0: use 1 to 100000 waiting calls
    the program: services.api.queue.timeout: a timeout of 0s: use 1ms to 1d
    ");
    assert_eq!(errors.iter().count(), shown.len() + 65, "one for each undeclared name");
}
