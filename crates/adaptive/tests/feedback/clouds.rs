//! Azure and GitHub Models, Gemini and Vertex, AWS and Bedrock.

use crate::support::{check, limits, read};

#[test]
fn numbers_of_azure_are_seconds_whatever_openai_means_by_the_same_names() {
    let feedback = read(
        "azure",
        200,
        &[
            ("x-ratelimit-limit-requests", "9000"),
            ("x-ratelimit-remaining-requests", "8999"),
            ("x-ratelimit-renewalperiod-requests", "10"),
            ("x-ratelimit-reset-requests", "0"),
            ("x-ratelimit-limit-tokens", "1500000"),
            ("x-ratelimit-remaining-tokens", "745399"),
            ("x-ratelimit-renewalperiod-tokens", "60"),
            ("x-ratelimit-reset-tokens", "30"),
        ],
        "{}",
    );
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    requests 8999/9000 full in 0 per 10s
    tokens 745399/1500000 full in 30000 per 1m
    ");
}

#[test]
fn azure_refuses_by_tokens_by_requests_and_by_demand() {
    let busy = r#"{"error":{"code":"429","message":"The service is currently experiencing high demand."}}"#;
    let quota = r#"{"error":{"code":"403","message":"Token quota is exceeded. Try again later."}}"#;
    let tokens =
        [("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-renewalperiod-tokens", "60")];
    let after = |seconds: &'static str| [&tokens[..], &[("retry-after", seconds)]].concat();
    let requests = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-renewalperiod-requests", "10"),
        ("x-ratelimit-reset-requests", "0"),
        ("x-ratelimit-remaining-tokens", "5000"),
        ("x-ratelimit-renewalperiod-tokens", "60"),
        ("x-ratelimit-type", "Requests"),
    ];
    let told = [&requests[..], &[("retry-after", "8"), ("retry-after-ms", "7500")]].concat();
    check(
        "azure",
        &[
            (429, &after("1"), "{}", "rate_limited 60000 by renewalperiod"),
            (429, &after("86400"), "{}", "rate_limited 86400000 by retry-after"),
            (429, &told, "{}", "rate_limited 7500 by retry-after-ms"),
            (429, &requests, "{}", "rate_limited 10000 by reset-of-exhausted"),
            (
                429,
                &[("retry-after-ms", "0"), ("retry-after", "1")],
                "{}",
                "rate_limited 1000 by retry-after",
            ),
            (
                429,
                &[("retry-after-ms", "0"), ("retry-after", "0")],
                "{}",
                "rate_limited 0 by retry-after",
            ),
            (429, &[("retry-after", "2")], busy, "overloaded 2000 by retry-after"),
            (403, &[], quota, "quota_exhausted"),
            (403, &[], r#"{"error":{"code":"AccessDenied"}}"#, "not_limit"),
            (503, &[], "{}", "overloaded"),
            (
                429,
                &[],
                r#"{"error":{"code":"429","message":"Please retry after 26 seconds."}}"#,
                "rate_limited 26000 by body-hint",
            ),
        ],
    );
    check(
        "github-models",
        &[
            (
                429,
                &[("x-ratelimit-type", "UserByModelByDay")],
                r#"{"error":{"code":"RateLimitReached","message":"Rate limit of 50 per 86400s exceeded. Please wait 3600 seconds before retrying."}}"#,
                "rate_limited 3600000 by body-hint",
            ),
            (
                429,
                &[("x-ratelimit-abusepenalty-active", "True")],
                "{}",
                "rate_limited (abuse-penalty)",
            ),
            (429, &[("x-ratelimit-abusepenalty-active", "False")], "{}", "rate_limited"),
        ],
    );
}

/// An error of Google with these details.
fn google(message: &str, details: &str) -> String {
    format!(
        r#"{{"error":{{"code":429,"message":"{message}","status":"RESOURCE_EXHAUSTED","details":[{details}]}}}}"#
    )
}

fn violation(id: &str) -> String {
    format!(
        r#"{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{id}","quotaValue":"20"}}]}}"#
    )
}

const RETRY: &str = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"18.2s"}"#;
const MINUTE: &str = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
const DAY: &str = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";

#[test]
fn gemini_says_in_the_body_alone_what_was_exceeded() {
    let both = |id: &str| google("x", &format!("{},{RETRY}", violation(id)));
    let reason = |reason: &str| google("x", &format!(r#"{{"reason":"{reason}"}},{RETRY}"#));
    let midnight = "quota_exhausted (day) until 2026-09-28T07:00:00Z";
    check(
        "gemini",
        &[
            (429, &[], &both(MINUTE), "rate_limited 18200 by retryinfo"),
            (429, &[], &both(DAY), midnight),
            (
                429,
                &[],
                &google("x", &format!("{},{},{RETRY}", violation(MINUTE), violation(DAY))),
                midnight,
            ),
            (429, &[], &google("x", r#"{"metadata":{"quota_limit":"RequestsPerDay"}}"#), midnight),
            (429, &[], &google("x", &violation(MINUTE)), "rate_limited"),
            (429, &[], &google("Please retry in 5.5s.", ""), "rate_limited 5500 by body-hint"),
            (429, &[], &google("Please retry in 900ms.", ""), "rate_limited 900 by body-hint"),
            (429, &[("retry-after", "40")], &both(MINUTE), "rate_limited 40000 by retry-after"),
            (429, &[], &google("x", r#"{"retryDelay":"900ms"}"#), "rate_limited 900 by retryinfo"),
            (
                429,
                &[],
                &google("x", r#"{"retryDelay":"500s"}"#),
                "rate_limited 500000 by retryinfo",
            ),
            (429, &[], &reason("QUOTA_EXHAUSTED"), "quota_exhausted"),
            (429, &[], &reason("INSUFFICIENT_G1_CREDITS_BALANCE"), "quota_exhausted"),
            (429, &[], &reason("RATE_LIMIT_EXCEEDED"), "rate_limited 18200 by retryinfo"),
            (
                429,
                &[],
                &google("Your project has exceeded its monthly spending cap.", ""),
                "quota_exhausted (spend-cap)",
            ),
            (402, &[], "{}", "quota_exhausted"),
            (402, &[], &both(DAY), midnight),
            (
                403,
                &[],
                r#"{"error":{"code":403,"status":"PERMISSION_DENIED","details":[{"reason":"VALIDATION_REQUIRED"}]}}"#,
                "not_limit",
            ),
            (
                403,
                &[],
                r#"{"error":{"code":403,"errors":[{"reason":"rateLimitExceeded"}]}}"#,
                "rate_limited",
            ),
            (503, &[], r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#, "overloaded"),
            (499, &[], "", "rate_limited"),
            (429, &[], "", "rate_limited"),
        ],
    );
    let feedback = read(
        "gemini",
        429,
        &[],
        &google(
            "x",
            &format!(
                "{},{}",
                violation(MINUTE),
                violation("GenerateContentInputTokensPerModelPerMinute")
            ),
        ),
    );
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    requests 0/20 per 1m
    input_tokens 0/20 per 1m
    ");
}

#[test]
fn a_quota_by_the_day_is_another_limit_than_one_by_the_minute() {
    let details = format!("{},{}", violation(DAY), violation(MINUTE));
    let feedback = read("gemini", 429, &[], &google("x", &details));
    assert_eq!(limits(&feedback), ["requests_day 0/20 per 1d", "requests 0/20 per 1m"]);
}

#[test]
fn vertex_may_wrap_an_error_into_an_array_or_a_stream() {
    let error = google("x", &format!("{},{RETRY}", violation(MINUTE)));
    check(
        "vertex",
        &[
            (429, &[], &format!("[{error}]"), "rate_limited 18200 by retryinfo"),
            (
                200,
                &[],
                &format!("data: {{\"candidates\":[]}}\n\ndata: {error}\n\n"),
                "rate_limited 18200 by retryinfo",
            ),
            (429, &[], "[]", "rate_limited"),
        ],
    );
}

#[test]
fn throttling_at_aws_is_a_code_with_any_status() {
    let json = |kind: &str| format!(r#"{{"__type":"com.amazonaws#{kind}","message":"x"}}"#);
    let xml = |code: &str| {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>x</Message></Error>")
    };
    check(
        "aws",
        &[
            (400, &[], &json("ThrottlingException"), "rate_limited"),
            (400, &[], &json("ProvisionedThroughputExceededException"), "rate_limited"),
            (429, &[], &json("TooManyRequestsException"), "rate_limited"),
            (400, &[("x-amzn-errortype", "RequestThrottled:http://internal/")], "", "rate_limited"),
            (503, &[], &xml("SlowDown"), "rate_limited"),
            (503, &[], &xml("ServiceUnavailable"), "overloaded"),
            (400, &[], &xml("RequestTimeout"), "overloaded"),
            (500, &[], "", "overloaded"),
            (400, &[], &json("ValidationException"), "not_limit"),
            (403, &[], &xml("AccessDenied"), "not_limit"),
            (
                400,
                &[("x-amz-retry-after", "1500"), ("retry-after", "9")],
                &json("Throttling"),
                "rate_limited 1500 by x-amz-retry-after",
            ),
            (503, &[("x-amz-retry-after", "20")], "", "overloaded 20 by x-amz-retry-after"),
        ],
    );
    check(
        "bedrock",
        &[
            (429, &[], r#"{"message":"Too many requests"}"#, "rate_limited"),
            (400, &[], &json("ServiceQuotaExceededException"), "quota_exhausted"),
            (429, &[], &json("ModelNotReadyException"), "overloaded (not-ready)"),
            (
                200,
                &[],
                "\0\0\0:exception-type\x07\0\x13throttlingException\r:content-type",
                "rate_limited",
            ),
            (200, &[], r#"{"throttlingException":{"message":"x"}}"#, "rate_limited"),
            (
                200,
                &[(":exception-type", "throttlingException")],
                r#"{"message":"x"}"#,
                "rate_limited",
            ),
            (200, &[], &json("throttlingException"), "rate_limited"),
            (200, &[], r#"{"modelStreamErrorException":{"message":"x"}}"#, "not_limit"),
        ],
    );
}
