//! Services of which nothing is known: every dialect of the common headers.

use crate::support::{check, limits, read};

const NOTHING_LEFT: (&str, &str) = ("x-ratelimit-remaining", "0");

#[test]
fn a_reset_is_read_in_every_form_that_services_write_it_in() {
    for (reset, millis) in [
        ("30", 30_000),
        ("0.25", 250),
        ("1790510430", 30_000),
        ("1790510430500", 30_500),
        ("1790510430.25", 30_250),
        ("Sun, 27 Sep 2026 12:00:30 GMT", 30_000),
        ("2026-09-27T12:00:30Z", 30_000),
        ("2026-09-27T14:00:30.001+02:00", 30_001),
        ("Sun Sep 27 2026 14:00:30 GMT+0200 (Central European Summer Time)", 30_000),
        ("6m0s", 360_000),
    ] {
        let expected = format!("rate_limited {millis} by reset-of-exhausted");
        check("generic", &[(429, &[NOTHING_LEFT, ("x-ratelimit-reset", reset)], "", &expected)]);
    }
}

#[test]
fn names_have_three_prefixes_and_any_window() {
    for prefix in ["X-RateLimit-", "X-Rate-Limit-", "RateLimit-"] {
        let [limit, remaining, reset] =
            ["Limit", "Remaining", "Reset"].map(|part| format!("{prefix}{part}"));
        let lines = [(limit.as_str(), "60"), (&remaining, "12"), (&reset, "48")];
        let feedback = read("generic", 200, &lines, "");
        assert_eq!(limits(&feedback), ["requests 12/60 full in 48000"], "{prefix}");
    }
    let feedback = read(
        "generic",
        200,
        &[
            ("X-RateLimit-Limit-Minute", "60"),
            ("X-RateLimit-Remaining-Minute", "59"),
            ("X-RateLimit-Limit-Hour", "1000"),
            ("X-RateLimit-Remaining-Hour", "3"),
            ("RateLimit-Limit", "1000"),
            ("RateLimit-Remaining", "3"),
            ("RateLimit-Reset", "1800"),
        ],
        "",
    );
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    requests_minute 59/60 per 1m
    requests_hour 3/1000 per 1h
    requests 3/1000 full in 1800000
    ");
}

#[test]
fn a_policy_may_stand_behind_the_limit() {
    let lines = [
        ("x-ratelimit-limit", r#"100, 10;w=1, 100;w=60;name="x""#),
        ("x-ratelimit-remaining", "99"),
    ];
    assert_eq!(limits(&read("generic", 200, &lines, "")), ["requests 99/100 per 1m"]);
    let lines = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")];
    assert_eq!(limits(&read("generic", 200, &lines, "")), ["requests 76/100 per 6h"]);
}

#[test]
fn kong_limits_what_is_behind_it_under_names_of_its_own() {
    let feedback = read(
        "generic",
        429,
        &[
            ("X-AI-RateLimit-Limit-minute-openai", "1000"),
            ("X-AI-RateLimit-Remaining-minute-openai", "0"),
            ("X-AI-RateLimit-Limit-30-azure", "500"),
            ("X-AI-RateLimit-Reset", "37"),
            ("X-AI-RateLimit-Retry-After-minute-openai", "37"),
        ],
        "",
    );
    assert_eq!(feedback.wait.as_ref().map(|wait| wait.span.as_millis()), Some(37_000));
    insta::assert_snapshot!(limits(&feedback).join("\n"), @r"
    tokens 0/1000 full in 37000 per 1m
    tokens_30s ?/500 per 30s
    ");
    check(
        "generic",
        &[
            (
                429,
                &[("x-ai-ratelimit-retry-after", "5")],
                "",
                "rate_limited 5000 by x-ai-ratelimit-retry-after",
            ),
            (
                429,
                &[("x-ai-ratelimit-retry-after", "5"), ("retry-after", "9")],
                "",
                "rate_limited 9000 by retry-after",
            ),
            (
                429,
                &[("ratelimit-remaining", "0"), ("ratelimit-reset", "20")],
                "",
                "rate_limited 20000 by reset-of-exhausted",
            ),
        ],
    );
}

#[test]
fn of_several_policies_the_one_that_has_nothing_left_counts() {
    let field = |text| ("ratelimit", text);
    check(
        "generic",
        &[
            (
                429,
                &[field(r#""burst";r=0;t=5, "daily";r=400;t=3600"#)],
                "",
                "rate_limited 5000 by reset-of-exhausted",
            ),
            (
                429,
                &[field(r#""burst";r=0;t=5"#), field(r#""daily";r=0;t=3600"#)],
                "",
                "rate_limited 3600000 by reset-of-exhausted",
            ),
            (429, &[field(r#""burst";r=0"#)], "", "rate_limited"),
            (429, &[field(r#""burst";r=3;t=5"#)], "", "rate_limited"),
            (429, &[field(r#""burst";r=0;t=-5"#)], "", "rate_limited"),
            (429, &[field(r#""burst";r=0;t=5"#), ("age", "12")], "", "rate_limited"),
            (200, &[field(r#""burst";r=0;t=5"#)], "", "ok"),
        ],
    );
}

#[test]
fn problem_types_tell_too_much_to_do_from_too_much_asked() {
    let problem = |name: &str| {
        format!(
            r#"{{"type":"https://iana.org/assignments/http-problem-types#{name}","title":"x","violated-policies":["daily"]}}"#
        )
    };
    check(
        "generic",
        &[
            (
                429,
                &[("retry-after", "3")],
                &problem("quota-exceeded"),
                "rate_limited 3000 by retry-after",
            ),
            (
                503,
                &[("retry-after", "3")],
                &problem("temporary-reduced-capacity"),
                "overloaded 3000 by retry-after",
            ),
            (429, &[], &problem("temporary-reduced-capacity"), "overloaded"),
            (429, &[], &problem("abnormal-usage-detected"), "rate_limited (abnormal-usage)"),
        ],
    );
}

#[test]
fn a_status_says_what_nothing_else_does() {
    check(
        "generic",
        &[
            (200, &[("retry-after", "5")], "", "ok"),
            (204, &[], "", "ok"),
            (301, &[("retry-after", "5")], "", "ok"),
            (400, &[], "", "not_limit"),
            (402, &[], "", "quota_exhausted"),
            (404, &[("retry-after", "5")], "", "not_limit"),
            (423, &[("retry-after", "5")], "", "contention 5000 by retry-after"),
            (429, &[], "", "rate_limited"),
            (500, &[], "", "not_limit"),
            (502, &[], "", "overloaded"),
            (
                503,
                &[("retry-after", "Sun, 27 Sep 2026 12:01:00 GMT")],
                "",
                "overloaded 60000 by retry-after",
            ),
            (503, &[NOTHING_LEFT, ("x-ratelimit-reset", "30")], "", "overloaded"),
            (504, &[], "", "overloaded"),
            (529, &[], "", "overloaded"),
            (429, &[], r#"{"error":{"code":"insufficient_quota"}}"#, "quota_exhausted"),
            (200, &[], r#"{"errors":[{"extensions":{"code":"THROTTLED"}}]}"#, "rate_limited"),
        ],
    );
}

#[test]
fn a_body_may_say_when_in_a_field_or_a_sentence() {
    check(
        "generic",
        &[
            (429, &[], r#"{"retry_after":0.65}"#, "rate_limited 650 by body retry_after"),
            (
                429,
                &[],
                r#"{"error":{"retryAfterMs":1500}}"#,
                "rate_limited 1500 by body retry_after",
            ),
            (
                429,
                &[],
                r#"{"parameters":{"retry_after":7}}"#,
                "rate_limited 7000 by body retry_after",
            ),
            (429, &[], "Slow down. Try again in 5 minutes.", "rate_limited 300000 by body-hint"),
            (
                429,
                &[("retry-after", "9")],
                r#"{"retry_after":1}"#,
                "rate_limited 9000 by retry-after",
            ),
            (429, &[], r#"{"retry_after":-1}"#, "rate_limited"),
            (429, &[], r#"{"retry_after":1e300}"#, "rate_limited"),
            (200, &[], r#"{"retry_after":5}"#, "ok"),
        ],
    );
}
