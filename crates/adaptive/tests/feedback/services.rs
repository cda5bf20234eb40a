//! GitHub, GitLab, Slack, Stripe, Cloudflare, Discord and Docker Hub.

use crate::support::{check, limits, read};

const RESET: (&str, &str) = ("x-ratelimit-reset", "1790512200");
const NOTHING_LEFT: (&str, &str) = ("x-ratelimit-remaining", "0");
const PLENTY_LEFT: (&str, &str) = ("x-ratelimit-remaining", "4981");

#[test]
fn github_has_an_hourly_limit_and_others_and_refuses_with_any_status() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#;
    let graphql =
        r#"{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#;
    let inside = r#"{"errors":[{"message":"You have exceeded a secondary rate limit"}]}"#;
    check(
        "github",
        &[
            (
                403,
                &[NOTHING_LEFT, RESET],
                r#"{"message":"x"}"#,
                "rate_limited 1800000 by reset-of-exhausted",
            ),
            (429, &[NOTHING_LEFT, RESET], "", "rate_limited 1800000 by reset-of-exhausted"),
            (403, &[], r#"{"message":"API rate limit exceeded for 192.0.2.1."}"#, "rate_limited"),
            (200, &[NOTHING_LEFT, RESET], graphql, "rate_limited 1800000 by reset-of-exhausted"),
            (200, &[NOTHING_LEFT, RESET], "{}", "ok"),
            (
                403,
                &[("retry-after", "60"), PLENTY_LEFT, RESET],
                secondary,
                "rate_limited 60000 by retry-after (secondary)",
            ),
            (
                429,
                &[PLENTY_LEFT, RESET],
                secondary,
                "rate_limited 60000 by provider-minimum (secondary)",
            ),
            (
                403,
                &[("retry-after", ""), PLENTY_LEFT, RESET],
                secondary,
                "rate_limited 60000 by provider-minimum (secondary)",
            ),
            (
                403,
                &[NOTHING_LEFT, RESET],
                secondary,
                "rate_limited 1800000 by reset-of-exhausted (secondary)",
            ),
            (
                200,
                &[PLENTY_LEFT, RESET],
                inside,
                "rate_limited 60000 by provider-minimum (secondary)",
            ),
            (429, &[PLENTY_LEFT, RESET], "", "rate_limited 60000 by provider-minimum (secondary)"),
            (
                403,
                &[PLENTY_LEFT, RESET],
                r#"{"message":"Resource not accessible by integration"}"#,
                "not_limit",
            ),
            (404, &[PLENTY_LEFT, RESET], "", "not_limit"),
            (304, &[PLENTY_LEFT, RESET], "", "ok"),
            (502, &[], "", "overloaded"),
            (504, &[], "", "overloaded"),
        ],
    );
}

#[test]
fn buckets_of_github_are_known_by_their_resource() {
    let feedback = read(
        "github",
        200,
        &[
            ("x-ratelimit-limit", "30"),
            ("x-ratelimit-remaining", "18"),
            ("x-ratelimit-used", "12"),
            ("x-ratelimit-reset", "1790510430"),
            ("x-ratelimit-resource", "search"),
        ],
        "[]",
    );
    assert_eq!(feedback.limits[0].policy.as_deref(), Some("search"));
    assert_eq!(limits(&feedback), ["requests 18/30 full in 30000"]);
}

#[test]
fn gitlab_sends_instants_under_the_names_of_lengths() {
    let nothing_left = ("ratelimit-remaining", "0");
    check(
        "gitlab",
        &[
            (
                429,
                &[nothing_left, ("ratelimit-reset", "1790510430")],
                "Retry later\n",
                "rate_limited 30000 by reset-of-exhausted",
            ),
            (
                429,
                &[nothing_left, ("ratelimit-reset", "30")],
                "",
                "rate_limited 30000 by reset-of-exhausted",
            ),
            (
                429,
                &[nothing_left, ("ratelimit-resettime", "Sun, 27 Sep 2026 12:00:20 GMT")],
                "",
                "rate_limited 20000 by reset-of-exhausted",
            ),
            (
                429,
                &[nothing_left, ("ratelimit-reset", "1790510430"), ("retry-after", "31")],
                "",
                "rate_limited 31000 by retry-after",
            ),
            (
                429,
                &[("ratelimit-remaining", "595"), ("ratelimit-reset", "1790510461")],
                "",
                "rate_limited",
            ),
            (429, &[], "Retry later\n", "rate_limited"),
            (403, &[], "{}", "not_limit"),
        ],
    );
}

#[test]
fn slack_may_refuse_with_a_status_that_says_it_went_well() {
    check(
        "slack",
        &[
            (
                429,
                &[("retry-after", "30")],
                r#"{"ok":false,"error":"ratelimited"}"#,
                "rate_limited 30000 by retry-after",
            ),
            (200, &[], r#"{"ok":false,"error":"ratelimited"}"#, "rate_limited"),
            (200, &[], r#"{"ok":false,"error":"channel_not_found"}"#, "not_limit"),
            (200, &[], r#"{"ok":true}"#, "ok"),
        ],
    );
}

#[test]
fn stripe_names_its_reason_and_a_lock_is_none() {
    let lock = r#"{"error":{"type":"invalid_request_error","code":"lock_timeout"}}"#;
    let rate = r#"{"error":{"type":"invalid_request_error","code":"rate_limit"}}"#;
    let reason = |reason| ("stripe-rate-limited-reason", reason);
    check(
        "stripe",
        &[
            (429, &[reason("endpoint-concurrency")], rate, "rate_limited (endpoint-concurrency)"),
            (429, &[reason("resource-specific")], lock, "rate_limited (resource-specific)"),
            (429, &[], rate, "rate_limited"),
            (429, &[("retry-after", "5")], lock, "not_limit (object-lock)"),
            (500, &[], "", "overloaded"),
            (402, &[], r#"{"error":{"type":"card_error"}}"#, "quota_exhausted"),
        ],
    );
    let feedback = read("stripe", 429, &[("stripe-should-retry", "false")], lock);
    assert_eq!(feedback.should_retry, Some(false));
}

#[test]
fn cloudflare_answers_in_fields_and_in_pages() {
    let page = "<!DOCTYPE html><title>Access denied</title>error code: 1015";
    check(
        "cloudflare",
        &[
            (
                429,
                &[("ratelimit", "\"default\";r=0;t=137")],
                "{}",
                "rate_limited 137000 by reset-of-exhausted",
            ),
            (429, &[], page, "rate_limited (edge)"),
            (403, &[("retry-after", "30")], page, "rate_limited 30000 by retry-after (edge)"),
            (403, &[], "<html>no</html>", "not_limit"),
            (522, &[], "", "overloaded"),
        ],
    );
}

#[test]
fn discord_is_more_exact_in_the_body_than_in_the_header() {
    let body = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#;
    let exact = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1790510465.5"),
        ("x-ratelimit-reset-after", "64.571"),
    ];
    check(
        "discord",
        &[
            (429, &[("retry-after", "65")], body, "rate_limited 64570 by body retry_after"),
            (429, &[("retry-after", "65")], "", "rate_limited 65000 by retry-after"),
            (429, &exact, "", "rate_limited 64571 by reset-of-exhausted"),
            (
                429,
                &[("x-ratelimit-global", "true")],
                body,
                "rate_limited 64570 by body retry_after (global)",
            ),
            (
                429,
                &[("x-ratelimit-scope", "shared")],
                body,
                "rate_limited 64570 by body retry_after (shared)",
            ),
            (429, &[("x-ratelimit-scope", "user")], body, "rate_limited 64570 by body retry_after"),
        ],
    );
}

#[test]
fn docker_hub_counts_pulls_per_six_hours_and_had_an_instant_to_retry_after() {
    let feedback = read(
        "docker-hub",
        200,
        &[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")],
        "",
    );
    assert_eq!(limits(&feedback), ["requests 76/100 per 6h"]);
    check(
        "docker-hub",
        &[
            (429, &[("x-retry-after", "1790510500")], "", "rate_limited 100000 by x-retry-after"),
            (
                429,
                &[("x-retry-after", "1790510500"), ("retry-after", "7")],
                "",
                "rate_limited 7000 by retry-after",
            ),
            (
                429,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1790510460")],
                "",
                "rate_limited 60000 by reset-of-exhausted",
            ),
            (429, &[], r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"x"}]}"#, "rate_limited"),
        ],
    );
}
