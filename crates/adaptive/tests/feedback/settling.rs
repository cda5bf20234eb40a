//! What a controller and a permit hear of an answer.

use tidegate_adaptive::{Hint, Reset};
use tidegate_units::{Dimension, Outcome, Span};

use crate::support::read;

#[test]
fn every_class_has_its_outcome() {
    let lock = r#"{"error":{"code":"lock_timeout"}}"#;
    let quota = r#"{"error":{"code":"insufficient_quota"}}"#;
    for (provider, status, body, outcome) in [
        ("generic", 200, "", Outcome::Ok),
        ("generic", 429, "", Outcome::RateLimited),
        ("generic", 503, "", Outcome::Overloaded),
        ("openai", 429, quota, Outcome::QuotaExhausted),
        ("stripe", 429, lock, Outcome::Contention),
        ("generic", 423, "", Outcome::Contention),
        ("generic", 404, "", Outcome::Failed),
        ("slack", 200, r#"{"ok":false,"error":"x"}"#, Outcome::Failed),
    ] {
        let feedback = read(provider, status, &[], body);
        assert_eq!(feedback.observation().outcome, outcome, "{provider} {status}");
    }
}

#[test]
fn a_controller_hears_the_tightest_limit_of_each_dimension() {
    let feedback = read(
        "openai",
        200,
        &[
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "1s"),
            ("x-ratelimit-limit-project-tokens", "60000"),
            ("x-ratelimit-remaining-project-tokens", "57000"),
            ("x-ratelimit-reset-project-tokens", "3s"),
            ("x-ratelimit-limit-images", "5"),
        ],
        r#"{"usage":{"prompt_tokens":13,"completion_tokens":5,"total_tokens":18}}"#,
    );
    let hint = Hint {
        limit: Some(60_000),
        remaining: Some(57_000),
        reset: Some(Reset::Full(Span::from_secs(3))),
        ..Hint::of(Dimension::Tokens)
    };
    assert_eq!(feedback.hints(), [hint]);
    let tightest = feedback.tightest(Dimension::Tokens).map(|it| it.name.as_ref());
    assert_eq!(tightest, Some("project_tokens"));
    let observation = feedback.observation();
    assert_eq!(observation.hints[..], [hint]);
    let actual = observation.actual.expect("it says so");
    assert_eq!(actual.amount(Dimension::Tokens), 18);
    assert_eq!(actual.amount(Dimension::OutputTokens), 5);
    assert_eq!(actual.amount(Dimension::Requests), 1);
}

#[test]
fn a_limit_that_says_what_is_left_comes_before_one_that_does_not() {
    let lines = [
        ("x-ratelimit-limit", "9"),
        ("x-ratelimit-limit-day", "5"),
        ("x-ratelimit-remaining-day", "4"),
    ];
    let feedback = read("generic", 200, &lines, "");
    assert_eq!(feedback.hints().len(), 1);
    assert_eq!(feedback.hints()[0].remaining, Some(4));
    assert_eq!(
        feedback.tightest(Dimension::Requests).map(|it| it.name.as_ref()),
        Some("requests_day")
    );
}

#[test]
fn a_service_that_says_not_to_try_again_is_heard() {
    let should_retry =
        |value| read("anthropic", 429, &[("x-should-retry", value)], "").should_retry;
    assert_eq!(should_retry("true"), Some(true));
    assert_eq!(should_retry("false"), Some(false));
    assert_eq!(should_retry("maybe"), None);
}

#[test]
fn what_was_refused_was_not_charged() {
    let cost = [("x-ratelimit-tokens-query-cost", "2804")];
    let refused = read("mistral", 429, &cost, "");
    assert!(refused.charge.is_some() && refused.observation().actual.is_none());
    assert!(read("mistral", 200, &cost, "").observation().actual.is_some());
}
