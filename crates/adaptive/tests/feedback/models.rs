//! Anthropic, `OpenAI`, Groq, Mistral and Cohere.

use crate::support::{check, limits, read, shown};

#[test]
fn anthropic_says_in_types_and_messages_what_it_was() {
    let error =
        |kind: &str| format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"x"}}}}"#);
    let spent = r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-10-01 at 00:00 UTC."}}"#;
    let workspace = r#"{"type":"error","error":{"type":"rate_limit_error","message":"You have reached your specified workspace API usage limits."}}"#;
    let capped = r#"{"error":{"type":"rate_limit_error","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
    check(
        "anthropic",
        &[
            (
                429,
                &[("retry-after", "12")],
                &error("rate_limit_error"),
                "rate_limited 12000 by retry-after",
            ),
            (429, &[], &error("rate_limit_error"), "rate_limited"),
            (429, &[], capped, "quota_exhausted (spend-cap) until 2026-10-01T00:00:00Z"),
            (
                429,
                &[("retry-after", "5")],
                capped,
                "quota_exhausted (spend-cap) until 2026-10-01T00:00:00Z",
            ),
            (400, &[], spent, "quota_exhausted (usage-limit) until 2026-10-01T00:00:00Z"),
            (
                400,
                &[],
                &spent.replace(" You will regain access on 2026-10-01 at 00:00 UTC.", ""),
                "quota_exhausted (usage-limit)",
            ),
            (429, &[("retry-after", "3600")], workspace, "rate_limited 3600000 by retry-after"),
            (429, &[], workspace, "quota_exhausted (usage-limit)"),
            (402, &[], &error("billing_error"), "quota_exhausted"),
            (413, &[], &error("request_too_large"), "not_limit (too-large)"),
            (400, &[], &error("invalid_request_error"), "not_limit"),
            (401, &[], &error("authentication_error"), "not_limit"),
            (409, &[], &error("conflict_error"), "not_limit"),
            (500, &[], &error("api_error"), "overloaded"),
            (504, &[], &error("timeout_error"), "overloaded"),
            (529, &[], &error("overloaded_error"), "overloaded"),
            (
                529,
                &[("retry-after", "3")],
                &error("overloaded_error"),
                "overloaded 3000 by retry-after",
            ),
            (
                429,
                &[("retry-after-ms", "250"), ("retry-after", "1")],
                "",
                "rate_limited 250 by retry-after-ms",
            ),
        ],
    );
}

#[test]
fn an_error_may_come_in_a_stream_that_began_well() {
    let stream = |kind: &str| {
        format!(
            "event: message_start\ndata: {{\"type\":\"message_start\"}}\n\nevent: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"x\"}}}}\n\n"
        )
    };
    check(
        "anthropic",
        &[
            (200, &[], &stream("overloaded_error"), "overloaded"),
            (200, &[], &stream("rate_limit_error"), "rate_limited"),
            (200, &[], &stream("api_error"), "overloaded"),
            (200, &[], &stream("invalid_request_error"), "not_limit"),
            (200, &[], "event: ping\ndata: {\"type\":\"ping\"}\n\n", "ok"),
        ],
    );
    check(
        "openai",
        &[
            (
                200,
                &[],
                r#"data: {"type":"error","code":"rate_limit_exceeded","message":"x","sequence_number":3}"#,
                "rate_limited",
            ),
            (
                200,
                &[],
                r#"{"status":"failed","error":{"code":"rate_limit_exceeded"}}"#,
                "rate_limited",
            ),
            (
                200,
                &[],
                r#"data: {"type":"response.failed","response":{"error":{"code":"server_error"}}}"#,
                "overloaded",
            ),
            (200, &[], r#"{"error":null,"usage":null}"#, "ok"),
        ],
    );
}

#[test]
fn limits_of_anthropic_are_buckets_with_families_of_their_own() {
    let feedback = read(
        "anthropic",
        200,
        &[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-09-27T14:00:01.2+02:00"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-priority-input-tokens-remaining", "7000"),
            ("anthropic-fast-output-tokens-limit", "9"),
        ],
        "",
    );
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    requests 49/50 full in 1200 per 1m
    tokens 0/? per 1m
    priority_input_tokens 7000/?
    fast_output_tokens ?/9
    ");
}

#[test]
fn a_subscription_waits_for_the_window_that_refused() {
    let window = |name: &'static str, value: &'static str| (name, value);
    let both = [
        window("anthropic-ratelimit-unified-5h-utilization", "0.42"),
        window("anthropic-ratelimit-unified-5h-reset", "1790517600"),
        window("anthropic-ratelimit-unified-7d-utilization", "1.02"),
        window("anthropic-ratelimit-unified-7d-reset", "2026-10-02T12:00:00Z"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&both[..], more].concat();
    let claim = |window| ("anthropic-ratelimit-unified-representative-claim", window);
    check(
        "anthropic",
        &[
            (429, &with(&[claim("five_hour")]), "", "rate_limited 7200000 by unified-5h-reset"),
            (429, &with(&[claim("seven_day")]), "", "rate_limited 432000000 by unified-7d-reset"),
            (429, &with(&[]), "", "rate_limited 432000000 by unified-7d-reset"),
            (429, &with(&[("retry-after", "9")]), "", "rate_limited 9000 by retry-after"),
            (
                429,
                &[("anthropic-ratelimit-unified-reset", "1790510460")],
                "",
                "rate_limited 60000 by unified-reset",
            ),
            (
                429,
                &[
                    ("anthropic-ratelimit-unified-5h-status", "rejected"),
                    ("anthropic-ratelimit-unified-5h-reset", "1790510401"),
                ],
                "",
                "rate_limited 1000 by unified-5h-reset",
            ),
            (200, &with(&[("anthropic-ratelimit-unified-status", "allowed_warning")]), "{}", "ok"),
            (429, &[], "", "rate_limited"),
        ],
    );
    let full = [both[1], ("anthropic-ratelimit-unified-5h-utilization", "1.0")];
    assert_eq!(
        shown(&read("anthropic", 429, &full, "")),
        "rate_limited 7200000 by unified-5h-reset"
    );
    let feedback = read("anthropic-oauth", 200, &both, "{}");
    assert_eq!(feedback.limits[0].used_thousandths, Some(420));
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    5h ?/? full in 7200000 per 5h
    7d ?/? full in 432000000 per 7d
    ");
}

#[test]
fn openai_says_in_a_code_what_has_run_out() {
    let error = |kind: &str, code: &str, message: &str| {
        format!(
            r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":"{code}"}}}}"#
        )
    };
    let big = "Request too large for gpt-x in organization org-x on tokens per min (TPM): Limit 30000, Requested 41000.";
    let never = "Rate limit reached on tokens per min: Limit 30,000, Used 0, Requested 41,000.";
    let now = "Rate limit reached on tokens per min: Limit 30,000, Used 29,000, Requested 4,100. Please try again in 6m0s.";
    check(
        "openai",
        &[
            (
                429,
                &[],
                &error("tokens", "rate_limit_exceeded", now),
                "rate_limited 360000 by body-hint",
            ),
            (
                429,
                &[("retry-after", "20")],
                &error("tokens", "rate_limit_exceeded", now),
                "rate_limited 20000 by retry-after",
            ),
            (429, &[], &error("tokens", "rate_limit_exceeded", big), "not_limit (too-large)"),
            (429, &[], &error("tokens", "rate_limit_exceeded", never), "not_limit (too-large)"),
            (429, &[], &error("rate_limit_error", "slow_down", "x"), "rate_limited (ramp)"),
            (503, &[], &error("x", "slow_down", "x"), "overloaded"),
            (
                503,
                &[("retry-after", "4")],
                &error("service_unavailable_error", "server_is_overloaded", "x"),
                "overloaded 4000 by retry-after",
            ),
            (500, &[], &error("server_error", "x", "x"), "overloaded"),
            (
                429,
                &[("retry-after", "20")],
                &error("insufficient_quota", "insufficient_quota", "x"),
                "quota_exhausted",
            ),
            (
                429,
                &[],
                &error("insufficient_quota", "organization_spend_limit_exceeded", "x"),
                "quota_exhausted",
            ),
            (
                429,
                &[],
                &error("insufficient_quota", "project_spend_limit_exceeded", "x"),
                "quota_exhausted",
            ),
            (
                429,
                &[],
                &error("requests", "organization_usage_limit_exceeded", "x"),
                "quota_exhausted",
            ),
            (400, &[], &error("invalid_request_error", "x", "x"), "not_limit"),
            (429, &[], "", "rate_limited"),
        ],
    );
}

#[test]
fn a_project_may_be_out_of_tokens_while_its_organisation_is_not() {
    let headers = [
        ("x-ratelimit-limit-tokens", "150000"),
        ("x-ratelimit-remaining-tokens", "149984"),
        ("x-ratelimit-reset-tokens", "6m0s"),
        ("x-ratelimit-limit-project-tokens", "60000"),
        ("x-ratelimit-remaining-project-tokens", "0"),
        ("x-ratelimit-reset-project-tokens", "3.5s"),
        ("x-ratelimit-remaining-tokens_usage_based", "9"),
    ];
    let feedback = read("openai", 429, &headers, "");
    assert_eq!(shown(&feedback), "rate_limited 3500 by reset-of-exhausted");
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    tokens 149984/150000 full in 360000
    project_tokens 0/60000 full in 3500
    tokens_usage_based 9/?
    ");
}

#[test]
fn groq_counts_requests_by_the_day_under_the_same_names() {
    let headers = [
        ("x-ratelimit-limit-requests", "14400"),
        ("x-ratelimit-remaining-requests", "14370"),
        ("x-ratelimit-reset-requests", "2m59.56s"),
        ("x-ratelimit-limit-tokens", "18000"),
        ("x-ratelimit-remaining-tokens", "17997"),
        ("x-ratelimit-reset-tokens", "7.66s"),
    ];
    let feedback = read("groq", 200, &headers, "{}");
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    requests_day 14370/14400 full in 179560 per 1d
    tokens 17997/18000 full in 7660 per 1m
    ");
    let error = |message: &str| {
        format!(
            r#"{{"error":{{"message":"{message}","type":"tokens","code":"rate_limit_exceeded"}}}}"#
        )
    };
    check(
        "groq",
        &[
            (429, &[("retry-after", "7.66")], &error("x"), "rate_limited 7660 by retry-after"),
            (429, &[], &error("Please try again in 7.66s."), "rate_limited 7660 by body-hint"),
            (413, &[], &error("Request too large for model"), "not_limit (too-large)"),
            (498, &[], "", "overloaded (flex-capacity)"),
            (503, &[], "", "overloaded"),
        ],
    );
}

#[test]
fn mistral_has_two_families_of_headers_and_a_limit_of_nothing() {
    let feedback = read(
        "mistral",
        200,
        &[
            ("ratelimitbysize-limit", "500000"),
            ("ratelimitbysize-remaining", "499000"),
            ("ratelimitbysize-reset", "52"),
            ("x-ratelimitbysize-limit-minute", "500000"),
            ("x-ratelimitbysize-remaining-month", "999"),
        ],
        "{}",
    );
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    tokens 499000/500000 full in 52000
    tokens_minute ?/500000 per 1m
    tokens_month 999/? per 30d
    ");
    let body = r#"{"message":"Rate limit exceeded","code":"1300"}"#;
    check(
        "mistral",
        &[
            (429, &[], body, "rate_limited"),
            (429, &[("retry-after", "3")], body, "rate_limited 3000 by retry-after"),
            (
                429,
                &[("x-ratelimit-limit-req-minute", "0")],
                r#"{"type":"rate_limited"}"#,
                "quota_exhausted (no-entitlement)",
            ),
            (429, &[("x-ratelimit-remaining-tokens-month", "0")], body, "quota_exhausted (month)"),
            (
                429,
                &[("ratelimitbysize-remaining", "0"), ("ratelimitbysize-reset", "52")],
                body,
                "rate_limited 52000 by reset-of-exhausted",
            ),
        ],
    );
}

#[test]
fn cohere_tells_of_trial_keys_and_not_when_it_refuses() {
    let feedback = read(
        "cohere",
        200,
        &[
            ("x-endpoint-monthly-call-limit", "1000"),
            ("x-trial-endpoint-call-limit", "20"),
            ("x-trial-endpoint-call-remaining", "19"),
        ],
        "{}",
    );
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    requests 19/20 per 1m
    requests_month ?/1000 per 30d
    ");
    check(
        "cohere",
        &[
            (
                429,
                &[],
                r#"{"message":"trial token rate limit exceeded, limit is 100000 tokens per minute"}"#,
                "rate_limited",
            ),
            (
                429,
                &[],
                r#"{"message":"You are using a Trial key, which is limited to 1000 API calls / month."}"#,
                "quota_exhausted (month)",
            ),
            (400, &[], r#"{"message":"invalid request"}"#, "not_limit"),
        ],
    );
}
