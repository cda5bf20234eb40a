//! What a configuration says of warnings.

use tidegate_config::Config;
use tidegate_units::{AlertPolicy, Share, Span, WebhookPolicy};

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<AlertPolicy, String> {
    let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::parse("tidegate.toml", text, env).map_err(|errors| errors.to_string())?;
    assert_eq!(config.validate(), Ok(()), "what is read is valid");
    Ok(config.alerts)
}

/// What a section with each of these lines is refused with, below the line itself.
fn table(cases: &[&str]) -> String {
    let refused = |case: &str| parse(&format!("[alerts]\n{case}"), &[]).expect_err(case);
    let entry = |case: &&str| format!("# {}\n{}\n", case.replace('\n', "; "), refused(case));
    cases.iter().map(entry).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_key_of_warnings_is_read() {
    let full = r#"
[alerts]
enabled = false
approaching = 0.9
throttled = [0.1, 0.25]
queue = 1
for = "30s"
resolve_after = "10m"
webhook = "https://hooks.example.org/services/T0/B0?x=1"
webhook_timeout = "2s"
webhook_attempts = 6
webhook_token_env = "ALERTS_TOKEN"
"#;
    let expected = AlertPolicy {
        enabled: false,
        approaching: Share::per_mille(900),
        throttled: Share::per_mille(100),
        throttled_critical: Share::per_mille(250),
        queue: Share::ALL,
        hold: Span::from_secs(30),
        resolve_after: Span::from_secs(600),
        webhook: Some(WebhookPolicy {
            url: "https://hooks.example.org/services/T0/B0?x=1".to_owned(),
            timeout: Span::from_secs(2),
            attempts: 6,
            token_env: Some("ALERTS_TOKEN".to_owned()),
        }),
    };
    assert_eq!(parse(full, &[]), Ok(expected));
}

#[test]
fn what_is_not_said_of_warnings_is_as_it_is_by_default() {
    assert_eq!(parse("", &[]), Ok(AlertPolicy::default()));
    assert_eq!(parse("[alerts]", &[]), Ok(AlertPolicy::default()));
    let webhook = parse("alerts.webhook = 'http://localhost:9'", &[]).expect("valid").webhook;
    assert_eq!(webhook, Some(WebhookPolicy::to("http://localhost:9")));
}

#[test]
fn variables_change_what_the_text_says_of_warnings() {
    let variables = [
        ("TIDEGATE__ALERTS__ENABLED", "false"),
        ("TIDEGATE__ALERTS__FOR", "5s"),
        ("TIDEGATE__ALERTS__THROTTLED", "[0.3, 0.6]"),
        ("TIDEGATE__ALERTS__WEBHOOK", "https://example.org"),
    ];
    let alerts = parse("alerts.for = '1h'", &variables).expect("valid");
    assert_eq!((alerts.enabled, alerts.hold), (false, Span::from_secs(5)));
    assert_eq!(alerts.throttled_critical, Share::per_mille(600));
    assert_eq!(alerts.webhook.map(|it| it.url).as_deref(), Some("https://example.org"));
    let refused = parse("", &[("TIDEGATE__ALERTS__ENABLED", "yes")]).expect_err("no truth value");
    insta::assert_snapshot!(refused);
}

#[test]
fn every_fault_of_warnings_is_named_with_its_line() {
    insta::assert_snapshot!(table(&[
        "enable = true",
        "enabled = 1",
        "enabled = 2020-01-01",
        "approaching = 0.05",
        "approaching = 80",
        "queue = 0",
        "throttled = 0.2",
        "throttled = [0.2]",
        "throttled = [0.2, 0.5, 0.7]",
        "throttled = [0.5, 0.2]",
        "throttled = [0, 1]",
        "throttled = [\"a\", 0.5]",
        "for = \"2h\"",
        "for = 60",
        "resolve_after = \"0s\"",
        "webhook = 1",
        "webhook = \"example.org\"",
        "webhook = \"https://\"",
        "webhook = \"https://e\"\nwebhook_timeout = \"2m\"",
        "webhook = \"https://e\"\nwebhook_attempts = 0",
        "webhook = \"https://e\"\nwebhook_attempts = 5_000_000_000",
        "webhook = \"https://e\"\nwebhook_token_env = \"a b\"",
        "webhook_timeout = \"2s\"\nwebhook_attempts = 3\nwebhook_token_env = \"T\"",
    ]));
}

#[test]
fn what_a_program_writes_wrongly_into_warnings_is_named() {
    let alerts = AlertPolicy {
        queue: Share::NONE,
        webhook: Some(WebhookPolicy::to("nowhere")),
        ..AlertPolicy::default()
    };
    let refused = Config { alerts, ..Config::default() }.validate().expect_err("two faults");
    insta::assert_snapshot!(refused);
}
