//! Profiles of somebody's own.

use tidegate_adaptive::feedback::{
    Class, Feedback, LimitHeaders, Means, Profile, ProfileSpec, Response, RetryHeader, RuleSpec,
    Unit,
};

use crate::support::{DATE, limits, noon, shown};

fn spec() -> ProfileSpec {
    ProfileSpec {
        limits: vec![LimitHeaders {
            limit: Some("X-Quota-Max".to_owned()),
            remaining: Some("X-Quota-Left".to_owned()),
            reset: Some("X-Quota-Renews".to_owned()),
            unit: Unit::Milliseconds,
            means: Means::Full,
            window: Some("1h".to_owned()),
            ..LimitHeaders::of("requests")
        }],
        retry_after: vec![RetryHeader {
            header: "X-Come-Back".to_owned(),
            unit: Unit::Milliseconds,
        }],
        rules: vec![
            RuleSpec {
                statuses: vec![420],
                message: vec!["Nothing LEFT".to_owned()],
                sub: Some("plan".to_owned()),
                ..RuleSpec::of(Class::QuotaExhausted)
            },
            RuleSpec {
                statuses: vec![420, 509],
                pause: Some("30s".to_owned()),
                ..RuleSpec::of(Class::RateLimited)
            },
            RuleSpec { codes: vec!["E_BUSY".to_owned()], ..RuleSpec::of(Class::Contention) },
        ],
        ..ProfileSpec::default()
    }
}

fn read(profile: &Profile, status: u16, lines: &[(&str, &str)], body: &str) -> Feedback {
    let lines = [&[DATE], lines].concat();
    let headers: Vec<(&str, &[u8])> = lines.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let (body, received_at) = (body.as_bytes(), noon());
    profile.read(&Response { status, headers: &headers, body, received_at })
}

#[test]
fn rules_and_headers_of_ones_own_come_first() {
    let profile = spec().build("mine").expect("nothing is wrong with it");
    assert_eq!(profile.name(), "mine");
    for (status, lines, body, expected) in [
        (420, &[][..], r#"{"message":"nothing left"}"#, "quota_exhausted (plan)"),
        (420, &[], "", "rate_limited 30000 by provider-minimum"),
        (
            509,
            &[("x-come-back", "1500"), ("retry-after", "9")],
            "",
            "rate_limited 1500 by x-come-back",
        ),
        (509, &[("retry-after", "9")], "", "rate_limited 9000 by retry-after"),
        (400, &[("retry-after", "9")], r#"{"code":"E_BUSY"}"#, "contention 9000 by retry-after"),
        (429, &[], "", "rate_limited"),
        (404, &[], "", "not_limit"),
        (
            509,
            &[("x-quota-left", "0"), ("x-quota-renews", "250")],
            "",
            "rate_limited 250 by reset-of-exhausted",
        ),
    ] {
        assert_eq!(
            shown(&read(&profile, status, lines, body)),
            expected,
            "{status} {lines:?} {body}"
        );
    }
    let twice = [("x-come-back", "1500"), ("X-Come-Back", "2500"), ("x-come-back", "5")];
    let feedback = read(&profile, 509, &twice, "");
    assert_eq!(shown(&feedback), "rate_limited 2500 by x-come-back");
    let lines = [("x-quota-max", "60"), ("X-QUOTA-LEFT", "59"), ("x-quota-renews", "1000")];
    assert_eq!(limits(&read(&profile, 200, &lines, "")), ["requests 59/60 full in 1000 per 1h"]);
}

#[test]
fn a_profile_adds_to_the_one_that_it_is_like() {
    let spec = ProfileSpec { like: "openai".to_owned(), ..spec() };
    let profile = spec.build("mine").expect("nothing is wrong with it");
    let body = r#"{"error":{"code":"credit_balance_exhausted"},"usage":{"total_tokens":3}}"#;
    let feedback = read(&profile, 429, &[], body);
    assert_eq!(shown(&feedback), "quota_exhausted");
    assert_eq!(feedback.charge.and_then(|charge| charge.total), Some(3));
}

#[test]
fn a_profile_reads_back_as_it_was_written() {
    let text = serde_json::to_string(&spec()).expect("it has a text form");
    assert_eq!(serde_json::from_str::<ProfileSpec>(&text).expect("the same"), spec());
    for key in [
        r#""retry_after":[{"header":"X-Come-Back","unit":"milliseconds"}]"#,
        r#""class":"quota_exhausted""#,
    ] {
        assert!(text.contains(key), "{text}");
    }
    let bare: ProfileSpec = serde_json::from_str("{}").expect("everything has a default");
    assert_eq!(bare, ProfileSpec::default());
    let misspelt = serde_json::from_str::<ProfileSpec>(r#"{"rule":[]}"#);
    assert!(misspelt.is_err_and(|error| error.to_string().contains("unknown field `rule`")));
}

#[test]
fn two_limits_on_the_same_are_told_apart_by_their_windows() {
    let limit = |header: &str, window: &str| LimitHeaders {
        remaining: Some(header.to_owned()),
        window: Some(window.to_owned()),
        ..LimitHeaders::of("requests")
    };
    let spec = ProfileSpec {
        limits: vec![limit("x-left", "1m"), limit("x-left-today", "1d"), limit("x-more", "1d")],
        ..ProfileSpec::default()
    };
    let profile = spec.build("mine").expect("nothing is wrong with it");
    let lines = [("x-left", "9"), ("x-left-today", "700"), ("x-more", "600")];
    let expected = ["requests 9/? per 1m", "requests_day 600/? per 1d"];
    assert_eq!(limits(&read(&profile, 200, &lines, "")), expected);
}
