//! What a configuration says of paces and slots that are learned, and whose limits a service has.

use tidegate_config::{Config, ServiceConfig};
use tidegate_units::{
    AdaptivePolicy, Concurrency, ControllerKind, Dimension, InFlightAlgorithm, InFlightPolicy,
    Increase, ProviderName, Share,
};

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<ServiceConfig, String> {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::parse("tidegate.toml", &format!("[services.api]\n{text}"), env);
    let config = config.map_err(|errors| errors.to_string())?;
    assert_eq!(config.validate(), Ok(()), "what is read is valid");
    Ok(config.services.into_values().next().expect("there is a service"))
}

fn api(text: &str) -> ServiceConfig {
    parse(text, &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What a service with each of these lines is refused with, below the line itself.
fn table(cases: &[&str]) -> String {
    let entry = |case: &&str| format!("# {case}\n{}\n", parse(case, &[]).expect_err(case));
    cases.iter().map(entry).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_key_of_a_learned_pace_is_read() {
    let full = api(r#"
provider = "anthropic"
[services.api.adaptive]
controller = "aimd"
dimensions = ["requests", "tokens"]
min = "2 requests per minute"
start = ["50 requests per minute", "40_000 tokens per minute"]
max = ["10 requests per second"]
decrease = 0.5
increase = "0.05 per success"
"#);
    let rate = |text: &str| text.parse().expect("a rate");
    let expected = AdaptivePolicy {
        controller: ControllerKind::Aimd,
        dimensions: vec![Dimension::Requests, Dimension::Tokens],
        min: vec![rate("2 requests per minute")],
        start: vec![rate("50 requests per minute"), rate("40000 tokens per minute")],
        max: vec![rate("10 requests per second")],
        decrease: Share::per_mille(500),
        increase: Increase::PerSuccess(Share::per_mille(50)),
    };
    assert_eq!(full.adaptive, Some(expected));
    assert_eq!(full.provider.as_ref().map(ProviderName::as_str), Some("anthropic"));
}

#[test]
fn what_is_not_said_of_a_pace_is_as_it_is_by_default() {
    let default = AdaptivePolicy::default();
    assert_eq!(api("").adaptive, None, "limits are all there is");
    assert_eq!(api("adaptive = {}").adaptive, Some(default.clone()));
    assert_eq!(api("adaptive = 'tidegate'").adaptive, Some(default.clone()));
    let fixed = AdaptivePolicy { controller: ControllerKind::Fixed, ..default.clone() };
    assert_eq!(api("adaptive = 'fixed'").adaptive, Some(fixed));
    let slower = AdaptivePolicy { increase: Increase::PerSecond(Share::per_mille(5)), ..default };
    assert_eq!(api("adaptive.increase = 0.005").adaptive, Some(slower));
}

#[test]
fn slots_that_are_learned_begin_with_those_that_are_stated() {
    let service = api("concurrency = { slots = 8, min = 2, max = 64, learn = 'aimd' }");
    let algorithm = InFlightAlgorithm::Aimd;
    let policy = InFlightPolicy { algorithm, min: 2, max: 64, ..InFlightPolicy::default() };
    assert_eq!(service.concurrency, Some(Concurrency::slots(8)));
    assert_eq!(service.in_flight, Some(policy));
    assert_eq!(api("concurrency = 8").in_flight, None, "they stay as they are");
    let many = api("concurrency = { slots = 500, learn = 'gradient', tolerance = 1 }");
    let policy = InFlightPolicy { max: 500, tolerance: Share::ALL, ..InFlightPolicy::default() };
    assert_eq!(many.in_flight, Some(policy), "the most is no less than there are");
}

#[test]
fn variables_say_what_a_text_can() {
    let variables = [
        ("TIDEGATE__SERVICES__API__ADAPTIVE__CONTROLLER", "aimd"),
        ("TIDEGATE__SERVICES__API__ADAPTIVE__DECREASE", "0.8"),
        ("TIDEGATE__SERVICES__API__ADAPTIVE__MIN", "2 requests per minute"),
        ("TIDEGATE__SERVICES__API__CONCURRENCY", "{ slots = 4, learn = 'gradient' }"),
        ("TIDEGATE__SERVICES__API__PROVIDER", "openai"),
    ];
    let service = parse("", &variables).expect("valid");
    let adaptive = service.adaptive.expect("a pace");
    assert_eq!(
        (adaptive.controller, adaptive.decrease.as_per_mille()),
        (ControllerKind::Aimd, 800)
    );
    assert_eq!(adaptive.min, ["2 requests per minute".parse().expect("a rate")]);
    assert!(service.in_flight.is_some() && service.provider.is_some());
    let refused = parse("", &[("TIDEGATE__SERVICES__API__ADAPTIVE__MIN", "fast")]);
    insta::assert_snapshot!(refused.expect_err("no rate"), @r"TIDEGATE__SERVICES__API__ADAPTIVE__MIN: services.api.adaptive.min: `fast` is no rate: write it as `2 requests per minute`");
}

#[test]
fn every_fault_of_a_pace_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "adaptive = true",
        "adaptive = 'bold'",
        "adaptive.controler = 'aimd'",
        "adaptive.controller = 'bold'",
        "adaptive.controller = 1",
        "adaptive.dimensions = 'requests'",
        "adaptive.dimensions = []",
        "adaptive.dimensions = ['tokns']",
        "adaptive.dimensions = ['slots']",
        "adaptive.dimensions = ['requests', 'requests']",
        "adaptive.dimensions = ['requests', 'tokens', 'input_tokens', 'output_tokens', 'bytes']",
        "adaptive.min = 2",
        "adaptive.min = 'fast'",
        "adaptive.min = '2 requests per month'",
        "adaptive.min = '2 images per minute'",
        "adaptive.min = '2 tokens per minute'",
        "adaptive.min = ['2 requests per minute', '3 requests per minute']",
        "adaptive = { min = '2 requests per second', max = '1 request per second' }",
        "adaptive = { start = '2 requests per second', max = '1 request per second' }",
        "adaptive.decrease = 1",
        "adaptive.decrease = '0.9'",
        "adaptive.increase = 0",
        "adaptive.increase = 'fast'",
        "adaptive.increase = []",
    ]));
}

#[test]
fn every_fault_of_learned_slots_and_providers_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "concurrency = { slots = 8, learn = 'gradent' }",
        "concurrency = { slots = 8, learn = true }",
        "concurrency = { slots = 8, min = 2 }",
        "concurrency = { slots = 8, max = 64, tolerance = 0.5 }",
        "concurrency = { slots = 8, learn = 'aimd', min = 9, max = 4 }",
        "concurrency = { slots = 8, learn = 'aimd', min = 0, max = 10_001 }",
        "concurrency = { slots = 8, learn = 'aimd', max = 4 }",
        "concurrency = { slots = 8, learn = 'aimd', tolerance = 2 }",
        "concurrency = { learn = 'aimd' }",
        "models.'x'.concurrency = { slots = 8, learn = 'aimd' }",
        "models.'x'.adaptive = 'aimd'",
        "provider = 'antropic'",
        "provider = 'my-own'",
        "provider = 7",
    ]));
}

#[test]
fn what_a_program_writes_wrongly_is_named() {
    let images = Dimension::Named("images".parse().expect("a name"));
    let service = ServiceConfig {
        in_flight: Some(InFlightPolicy { min: 9, max: 3, ..InFlightPolicy::default() }),
        adaptive: Some(AdaptivePolicy {
            dimensions: vec![images, Dimension::Slots],
            decrease: Share::ALL,
            ..AdaptivePolicy::default()
        }),
        provider: "my-own".parse().ok(),
        ..ServiceConfig::default()
    };
    let beyond = ServiceConfig {
        concurrency: Some(Concurrency::slots(500)),
        in_flight: Some(InFlightPolicy::default()),
        ..ServiceConfig::default()
    };
    let name = |name: &str| name.parse().expect("a name");
    let config = Config::default().with_service(name("api"), service);
    let errors = config.with_service(name("db"), beyond).validate().expect_err("faults");
    insta::assert_snapshot!(errors.to_string(), @r"
    the program: services.api.concurrency: concurrency without slots: add `slots`, such as `slots = 8`
    the program: services.api.concurrency.min: a min of 9 slots above a max of 3: use 1 to the max, at most 10000
    the program: services.api.adaptive.dimensions: slots are held, not spent: they have no pace, use `concurrency`
    the program: services.api.adaptive.decrease: a decrease to 1: use 0.001 to 0.999, what a refusal leaves of the pace
    the program: services.api.adaptive.dimensions[0]: unknown dimension `images`: built in are requests, tokens, input_tokens, output_tokens, bytes; declare your own in [global] dimensions
    the program: services.api.provider: unknown provider `my-own`: built in are amazon-bedrock, anthropic, anthropic-oauth, aws, azure, azure-foundry, azure-openai, bedrock, claude, cloudflare, cohere, discord, docker, docker-hub, dockerhub, gemini, generic, github, github-models, gitlab, google, google-ai, groq, mistral, openai, slack, stripe, vertex, vertex-ai
    the program: services.db.concurrency.slots: 500 slots with a min of 1 and a max of 200: begin with 1 to 200
    ");
}
