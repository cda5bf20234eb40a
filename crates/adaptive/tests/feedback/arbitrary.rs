//! Whatever a service sends: FEED-1 to FEED-5 for bytes, for what is nearly right, and for the edges of
//! numbers.

use proptest::collection::vec;
use proptest::prelude::*;
use tidegate_adaptive::feedback::{
    Class, Feedback, LimitHeaders, Profile, ProfileSpec, Response, RetryHeader, RuleSpec, Unit,
};
use tidegate_units::{Instant, Span};

use crate::support::noon;

/// Names that mean something to somebody, and one that does not.
const NAMES: [&str; 40] = [
    "date",
    "age",
    "retry-after",
    "Retry-After",
    "retry-after-ms",
    "x-retry-after",
    "x-amz-retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-renewalperiod-tokens",
    "x-ratelimit-remaining-project-tokens",
    "ratelimit",
    "ratelimit-policy",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "ratelimit-resettime",
    "x-rate-limit-remaining-day",
    "x-ai-ratelimit-remaining-30-openai",
    "x-ai-ratelimit-retry-after",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-unified-5h-utilization",
    "anthropic-ratelimit-unified-5h-reset",
    "anthropic-ratelimit-unified-reset",
    "x-ratelimit-limit-req-minute",
    "x-ratelimit-tokens-query-cost",
    "x-amzn-errortype",
    "x-amzn-bedrock-input-token-count",
    "stripe-rate-limited-reason",
    "x-ratelimit-resource",
    "x-ratelimit-scope",
    "x-should-retry",
    "x-trial-endpoint-call-remaining",
    "x",
];

/// Pieces of which nearly right values are made.
const PIECES: [&str; 34] = [
    "0",
    "1",
    "30",
    "7.66",
    "-1",
    "NaN",
    "inf",
    "1e9",
    "18446744073709551615",
    "18446744073709551616",
    "1790510430",
    "1790510430500",
    "4294967296",
    "999999999999999",
    ",",
    ", ",
    ";",
    "w=60",
    "\"a\";r=0;t=5",
    "\"b\";q=9;w=1",
    "limit=5, remaining=0, reset=9",
    "6m0s",
    "1h2m3.5s",
    "ms",
    "s",
    ".",
    " ",
    "Sun, 27 Sep 2026 12:00:40 GMT",
    "Sunday, 27-Sep-26 12:00:40 GMT",
    "2026-09-27T12:00:30Z",
    "9999-12-31T23:59:59Z",
    "GMT+0200",
    "é",
    "\u{0}",
];

/// Bodies that mean something, to be cut, doubled and broken.
const BODIES: [&str; 9] = [
    r#"{"error":{"type":"rate_limit_error","code":"slow_down","message":"try again in 6m0s. Limit 5, Requested 9"}}"#,
    r#"[{"error":{"details":[{"violations":[{"quotaId":"PerDay","quotaValue":"9"}]},{"retryDelay":"1.5s"}]}}]"#,
    r#"{"retry_after":0.65,"usage":{"prompt_tokens":1,"completion_tokens":18446744073709551615}}"#,
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
    "<Error><Code>SlowDown</Code></Error>",
    "\0\0:exception-type\x07\0\x13throttlingException",
    r#"{"type":"rate_limits.updated","rate_limits":[{"name":"requests","remaining":1,"reset_seconds":0.1}]}"#,
    r#"{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}"#,
    r#"{"error":{"message":"You will regain access on 2026-10-01 at 00:00 UTC"}}"#,
];

fn values() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec(proptest::sample::select(PIECES.to_vec()), 0..4);
    prop_oneof![
        3 => pieces.prop_map(|pieces| pieces.concat().into_bytes()),
        1 => vec(any::<u8>(), 0..40),
        1 => any::<u64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(BODIES.to_vec());
    let broken = (known, any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    prop_oneof![
        1 => vec(any::<u8>(), 0..200),
        4 => broken.prop_map(|(text, place, byte, how)| {
            let mut bytes = text.as_bytes().to_vec();
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                _ => {}
            }
            bytes
        }),
    ]
}

fn statuses() -> impl Strategy<Value = u16> {
    let usual = vec![200, 400, 402, 403, 413, 429, 498, 499, 500, 503, 529];
    prop_oneof![4 => proptest::sample::select(usual), 1 => any::<u16>()]
}

/// Lines of headers, and of those one that may come very often.
fn lines() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    vec((proptest::sample::select(NAMES.to_vec()), values()), 0..12)
}

fn read(
    profile: &Profile,
    status: u16,
    lines: &[(&str, Vec<u8>)],
    body: &[u8],
    at: Instant,
) -> Feedback {
    let headers: Vec<(&str, &[u8])> = lines.iter().map(|(n, v)| (*n, v.as_slice())).collect();
    profile.read(&Response { status, headers: &headers, body, received_at: at })
}

/// What holds for every answer, whatever it is made of.
fn assert_sound(feedback: &Feedback) {
    if let Some(wait) = &feedback.wait {
        assert!(feedback.class.waits(), "FEED-5: {feedback:?}");
        let whole = wait.span.as_nanos().is_multiple_of(1_000_000);
        assert!(whole || wait.span == Span::MAX, "FEED-1: {feedback:?}");
    }
    assert!(feedback.resume_at.is_none() || feedback.class == Class::QuotaExhausted);
    assert!(feedback.limits.len() <= 32, "FEED-4: {feedback:?}");
    let names: std::collections::BTreeSet<_> = feedback.limits.iter().map(|it| &it.name).collect();
    assert_eq!(names.len(), feedback.limits.len(), "each name once: {feedback:?}");
    assert!(names.iter().all(|name| name.len() <= 256), "FEED-4: {feedback:?}");
    let hints = feedback.hints();
    let dimensions: std::collections::BTreeSet<_> = hints.iter().map(|it| it.dimension).collect();
    assert_eq!(dimensions.len(), hints.len(), "one hint a dimension: {feedback:?}");
    assert_eq!(feedback.observation().hints[..], hints[..]);
}

/// Every profile that is built in, and one that asks for headers that others know too.
fn profiles() -> Vec<Profile> {
    let limit = |remaining: &str, reset: &str| LimitHeaders {
        remaining: Some(remaining.to_owned()),
        reset: Some(reset.to_owned()),
        ..LimitHeaders::of("requests")
    };
    let spec = ProfileSpec {
        like: "openai".to_owned(),
        limits: vec![limit("ratelimit-limit", "date"), limit("x", "x"), limit("x", "retry-after")],
        retry_after: vec![RetryHeader { header: "x".to_owned(), unit: Unit::EpochMilliseconds }],
        rules: vec![RuleSpec { statuses: vec![403], ..RuleSpec::of(Class::Contention) }],
    };
    let own = spec.build("mine").expect("nothing is wrong with it");
    Profile::names().filter_map(Profile::named).chain([own]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic_and_are_read_soundly(
        status in statuses(),
        lines in lines(),
        body in bodies(),
        at in any::<u64>(),
    ) {
        for profile in profiles() {
            let feedback = read(&profile, status, &lines, &body, Instant::from_nanos(at));
            assert_sound(&feedback);
            let again = read(&profile, status, &lines, &body, Instant::from_nanos(at));
            prop_assert_eq!(feedback, again);
        }
    }

    #[test]
    fn the_clock_here_does_not_count_where_the_service_has_one(
        status in statuses(),
        lines in lines(),
        body in bodies(),
        clocks in any::<[u64; 2]>(),
    ) {
        let date = ("date", b"Sun, 27 Sep 2026 12:00:00 GMT".to_vec());
        let lines = [vec![date], lines].concat();
        for profile in profiles() {
            let [one, other] = clocks.map(|at| {
                read(&profile, status, &lines, &body, Instant::from_nanos(at))
            });
            prop_assert_eq!(one, other, "FEED-2");
        }
    }

    #[test]
    fn a_wait_is_never_shorter_than_what_was_said(whole in 0..10_000_000_u64, digits in "[0-9]{0,12}") {
        let text = if digits.is_empty() { whole.to_string() } else { format!("{whole}.{digits}") };
        let lines = [("retry-after", text.clone().into_bytes())];
        let feedback = read(&Profile::generic(), 429, &lines, b"", noon());
        let wait = feedback.wait.expect("a number").span.as_nanos();
        // The same in units of 10^-12 s, without rounding.
        let said = u128::from(whole) * 1_000_000_000_000
            + format!("{digits:0<12}").parse::<u128>().expect("digits");
        prop_assert!(u128::from(wait) * 1_000 >= said, "FEED-1: {text}");
        prop_assert!(u128::from(wait) * 1_000 < said + 1_000_000_000, "{text}");
    }
}

#[test]
fn more_headers_than_are_looked_at_are_passed_over() {
    let line = |place: usize| if place == Response::HEADERS_MAX { "retry-after" } else { "x" };
    let headers: Vec<(&str, &[u8])> = (0..100_000).map(|place| (line(place), &b"5"[..])).collect();
    let read = |headers: &[(&str, &[u8])]| {
        let response = Response { status: 429, headers, body: b"", received_at: noon() };
        Profile::generic().read(&response).wait
    };
    assert_eq!(read(&headers), None);
    assert!(read(&headers[1..]).is_some());
    let long = [b'0'; Response::VALUE_MAX + 1];
    assert_eq!(read(&[("retry-after", &long)]), None);
    assert!(read(&[("retry-after", &long[1..])]).is_some());
}

#[test]
fn more_limits_than_there_can_be_are_passed_over() {
    let names: Vec<String> = (0..200).map(|at| format!("x-ratelimit-remaining-a{at}")).collect();
    let headers: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"5"[..])).collect();
    for profile in profiles() {
        let response = Response { status: 200, headers: &headers, body: b"", received_at: noon() };
        assert_sound(&profile.read(&response));
    }
}

#[test]
fn of_a_long_body_only_both_ends_are_looked_at() {
    let filler = "x".repeat(Response::BODY_MAX);
    let error = r#""code":"insufficient_quota""#;
    let read = |body: &str| {
        let response =
            Response { status: 429, headers: &[], body: body.as_bytes(), received_at: noon() };
        Profile::generic().read(&response).class
    };
    assert_eq!(read(&format!("{{{error}}}")), Class::QuotaExhausted);
    assert_eq!(read(&format!("{{{error},\"x\":\"{filler}\"}}")), Class::RateLimited);
    let deep = "{\"error\":".repeat(7_000);
    for body in [deep.as_str(), &"[".repeat(1_000_000), &"data: {}\n".repeat(100_000)] {
        assert_eq!(read(body), Class::RateLimited);
    }
}
