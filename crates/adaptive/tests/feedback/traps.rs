//! What programs that read answers have got wrong.

use tidegate_adaptive::Reset;
use tidegate_adaptive::feedback::Class;
use tidegate_units::{Instant, Span};

use crate::support::{DATE, check, noon, read, read_at, shown};

const NOTHING_LEFT: (&str, &str) = ("x-ratelimit-remaining", "0");

fn retry_after(value: &str) -> String {
    shown(&read("generic", 429, &[("retry-after", value)], ""))
}

#[test]
fn headers_may_be_missing_on_every_answer() {
    for provider in ["openai", "gitlab", "anthropic-oauth", "cohere", "generic"] {
        assert_eq!(shown(&read_at(provider, noon(), 200, &[], "{}")), "ok");
        assert_eq!(shown(&read_at(provider, noon(), 429, &[], "")), "rate_limited");
    }
}

#[test]
fn the_same_names_have_other_units_elsewhere() {
    let lines = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "12")];
    let minutes =
        [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "12m0s")];
    assert_eq!(shown(&read("azure", 429, &lines, "")), "rate_limited 12000 by reset-of-exhausted");
    assert_eq!(
        shown(&read("openai", 429, &minutes, "")),
        "rate_limited 720000 by reset-of-exhausted"
    );
    let day = Some(Span::from_secs(86_400));
    assert_eq!(read("groq", 429, &lines, "").limits[0].window, day);
    assert_eq!(read("openai", 429, &lines, "").limits[0].window, None);
}

#[test]
fn no_milliseconds_beside_a_second_are_a_second() {
    let lines = [("retry-after-ms", "0"), ("retry-after", "1")];
    assert_eq!(shown(&read("generic", 429, &lines, "")), "rate_limited 1000 by retry-after");
}

#[test]
fn decimals_are_neither_cut_off_nor_refused() {
    assert_eq!(retry_after("7.66"), "rate_limited 7660 by retry-after");
    assert_eq!(retry_after("0.0001"), "rate_limited 1 by retry-after");
    assert_eq!(retry_after("34.074824224"), "rate_limited 34075 by retry-after");
}

#[test]
fn a_date_is_not_split_at_its_comma() {
    for date in [
        "Sun, 27 Sep 2026 12:00:40 GMT",
        "Sunday, 27-Sep-26 12:00:40 GMT",
        "Sun Sep 27 12:00:40 2026",
    ] {
        assert_eq!(retry_after(date), "rate_limited 40000 by retry-after", "{date}");
    }
}

#[test]
fn a_clock_that_is_wrong_here_changes_nothing() {
    let hour = Span::from_secs(3_600);
    let lines = [
        DATE,
        NOTHING_LEFT,
        ("x-ratelimit-reset", "1790510410"),
        ("anthropic-ratelimit-tokens-reset", "2026-09-27T12:00:10Z"),
    ];
    for received_at in [noon(), noon() + hour, noon() - hour, Instant::ZERO, Instant::MAX] {
        let feedback = read_at("generic", received_at, 429, &lines, "");
        assert_eq!(shown(&feedback), "rate_limited 10000 by reset-of-exhausted");
    }
    // Where the service does not say what time it is, nothing else is left.
    let feedback = read_at("generic", noon() + Span::from_secs(4), 429, &lines[1..], "");
    assert_eq!(shown(&feedback), "rate_limited 6000 by reset-of-exhausted");
}

#[test]
fn a_date_that_cannot_be_read_is_as_good_as_none() {
    let lines = [("date", "yesterday"), ("retry-after", "Sun, 27 Sep 2026 12:00:10 GMT")];
    assert_eq!(
        shown(&read_at("generic", noon(), 429, &lines, "")),
        "rate_limited 10000 by retry-after"
    );
}

#[test]
fn what_has_passed_is_no_wait_and_not_a_huge_one() {
    assert_eq!(retry_after("Sun, 27 Sep 2026 11:59:00 GMT"), "rate_limited 0 by retry-after");
    let lines = [NOTHING_LEFT, ("x-ratelimit-reset", "1790510399")];
    assert_eq!(shown(&read("github", 403, &lines, "")), "rate_limited 0 by reset-of-exhausted");
}

#[test]
fn what_is_no_number_is_no_hint() {
    for value in
        ["-5", "", "NaN", "inf", "-inf", "1e9", "0x10", "18446744073709551616", "five", "5 5", ","]
    {
        assert_eq!(retry_after(value), "rate_limited", "{value}");
        let lines = [NOTHING_LEFT, ("x-ratelimit-reset", value)];
        assert_eq!(shown(&read("generic", 429, &lines, "")), "rate_limited", "{value}");
    }
    assert_eq!(retry_after("0"), "rate_limited 0 by retry-after");
    let lines = [("retry-after", "soon"), NOTHING_LEFT, ("x-ratelimit-reset", "9")];
    assert_eq!(shown(&read("generic", 429, &lines, "")), "rate_limited 9000 by reset-of-exhausted");
}

#[test]
fn a_huge_wait_is_reported_and_not_believed() {
    assert_eq!(retry_after("1000000"), "rate_limited 1000000000 by retry-after");
    let feedback = read("generic", 429, &[("retry-after", "18446744073709551615")], "");
    let asked = feedback.observation().retry_after.expect("it says how long");
    let mut pause = tidegate_adaptive::Pause::default();
    pause.ask(Instant::ZERO, asked);
    assert_eq!(
        pause.until(Instant::ZERO),
        Some(Instant::ZERO + tidegate_adaptive::pause::PAUSE_MAX)
    );
}

#[test]
fn of_values_that_come_twice_the_longest_counts() {
    let lines = [("retry-after", "5"), ("Retry-After", "30"), ("retry-after", "soon")];
    assert_eq!(shown(&read("generic", 429, &lines, "")), "rate_limited 30000 by retry-after");
    assert_eq!(retry_after("5, 30"), "rate_limited 30000 by retry-after");
    let lines = [("x-ratelimit-remaining", "5"), NOTHING_LEFT, ("x-ratelimit-reset", "3, 4")];
    assert_eq!(shown(&read("generic", 429, &lines, "")), "rate_limited 4000 by reset-of-exhausted");
    for resets in [["3", "4"], ["4", "3"]] {
        let [one, two] = resets.map(|reset| ("x-ratelimit-reset", reset));
        let feedback = read("generic", 429, &[NOTHING_LEFT, one, two], "");
        assert_eq!(shown(&feedback), "rate_limited 4000 by reset-of-exhausted");
    }
}

#[test]
fn full_some_more_and_the_end_of_a_window_are_told_apart() {
    let tokens = [
        ("anthropic-ratelimit-tokens-reset", "2026-09-27T12:01:00Z"),
        ("anthropic-ratelimit-tokens-remaining", "1"),
    ];
    let minute = Span::from_secs(60);
    assert_eq!(read("anthropic", 200, &tokens, "").hints()[0].reset, Some(Reset::Full(minute)));
    let field = [("ratelimit", "\"a\";r=1;t=60")];
    assert_eq!(read("generic", 200, &field, "").hints()[0].reset, Some(Reset::More(minute)));
    let window = [("x-ratelimit-reset", "1790510460")];
    assert_eq!(read("github", 200, &window, "").hints()[0].reset, Some(Reset::WindowEnd(minute)));
    let bucket = [("x-ratelimit-reset-tokens", "1m0s")];
    assert_eq!(read("openai", 200, &bucket, "").hints()[0].reset, Some(Reset::Full(minute)));
}

#[test]
fn something_left_on_a_refusal_means_that_another_limit_refused() {
    let lines = [("x-ratelimit-remaining", "595"), ("x-ratelimit-reset", "60")];
    for provider in ["generic", "gitlab", "groq", "openai"] {
        assert_eq!(shown(&read(provider, 429, &lines, "")), "rate_limited", "{provider}");
    }
}

#[test]
fn nothing_left_after_rounding_is_no_refusal() {
    let lines = [
        ("anthropic-ratelimit-tokens-limit", "30000"),
        ("anthropic-ratelimit-tokens-remaining", "0"),
    ];
    let feedback = read("anthropic", 200, &lines, "{}");
    assert_eq!((feedback.class, feedback.hints()[0].remaining), (Class::Ok, Some(0)));
}

#[test]
fn a_429_need_not_be_a_limit() {
    let lock = r#"{"error":{"code":"lock_timeout"}}"#;
    assert_eq!(read("stripe", 429, &[], lock).class, Class::NotLimit);
    let bill = r#"{"error":{"type":"insufficient_quota","code":"credit_balance_exhausted"}}"#;
    assert_eq!(read("openai", 429, &[], bill).class, Class::QuotaExhausted);
}

#[test]
fn a_hint_beside_a_quota_that_is_used_up_is_ignored() {
    let day = r#"{"error":{"details":[{"violations":[{"quotaId":"RequestsPerDay"}]},{"retryDelay":"18s"}]}}"#;
    check(
        "gemini",
        &[(429, &[("retry-after", "18")], day, "quota_exhausted (day) until 2026-09-28T07:00:00Z")],
    );
    let quota = r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#;
    check(
        "openai",
        &[(429, &[("retry-after", "18"), ("retry-after-ms", "9")], quota, "quota_exhausted")],
    );
}

#[test]
fn seconds_since_1970_have_more_than_32_bits() {
    for (reset, seconds) in [("2147483648", 2_147_483_648_u64), ("4294967297", 4_294_967_297)] {
        let lines = [NOTHING_LEFT, ("x-ratelimit-reset", reset)];
        let expected =
            format!("rate_limited {} by reset-of-exhausted", (seconds - 1_790_510_400) * 1_000);
        assert_eq!(shown(&read("github", 403, &lines, "")), expected);
    }
}

#[test]
fn pages_and_empty_bodies_are_no_errors_to_read() {
    for body in
        ["", "<html><body>502</body></html>", "upstream connect error", "{", "null", "[]", "\u{0}"]
    {
        assert_eq!(shown(&read("openai", 503, &[], body)), "overloaded", "{body}");
        assert_eq!(shown(&read("vertex", 429, &[], body)), "rate_limited", "{body}");
    }
}

#[test]
fn names_that_others_invented_for_anthropic_mean_nothing() {
    let lines = [
        ("claude-ratelimit-remaining", "0"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "9"),
    ];
    let feedback = read("anthropic", 429, &lines, "");
    assert_eq!((shown(&feedback), feedback.limits.len()), ("rate_limited".to_owned(), 0));
}

#[test]
fn what_comes_out_of_a_cache_was_said_to_somebody_else() {
    let lines = [NOTHING_LEFT, ("x-ratelimit-reset", "30"), ("age", "12")];
    let feedback = read("generic", 429, &lines, "");
    assert_eq!((shown(&feedback), feedback.limits.len()), ("rate_limited".to_owned(), 0));
    let feedback = read("generic", 429, &lines[..2], "");
    assert_eq!(shown(&feedback), "rate_limited 30000 by reset-of-exhausted");
}

#[test]
fn a_window_of_no_length_is_none() {
    let lines = [
        ("x-ratelimit-limit-tokens", "60000"),
        ("x-ratelimit-remaining-tokens", "59000"),
        ("x-ratelimit-renewalperiod-tokens", "0"),
    ];
    assert_eq!(read("azure", 200, &lines, "").hints()[0].window, None);
    let lines = [("ratelimit-limit", "100;w=0"), ("ratelimit-remaining", "76;w=0")];
    assert_eq!(read("docker-hub", 200, &lines, "").hints()[0].window, None);
}
