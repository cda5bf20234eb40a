//! What callers of our own are told, read back by a parser of its own: OUT-1 to OUT-3.

use proptest::prelude::*;
use sfv::{BareItem, Item, List, ListEntry, Parser};
use tidegate_adaptive::outgoing::{Header, retry_headers};
use tidegate_adaptive::{Dialect, LimitState, PolicyName, Problem};
use tidegate_units::{Code, Dimension, Instant, Reason, Rejection, Scope, Span};

const DIALECTS: [Dialect; 4] =
    [Dialect::Ietf, Dialect::OpenAi, Dialect::GitHub, Dialect::Anthropic];

/// 27 September 2026, noon.
const NOON: Instant = Instant::from_nanos(1_790_510_400_000_000_000);

fn limit(name: &str, dimension: Dimension, amounts: [u64; 2], millis: [u64; 3]) -> LimitState {
    let [limit, remaining] = amounts;
    let [window, more, full] = millis.map(Span::from_millis);
    LimitState { name: PolicyName::lossy(name), dimension, limit, remaining, window, more, full }
}

fn limits() -> [LimitState; 6] {
    [
        limit("burst", Dimension::Requests, [50, 0], [60_000, 1_200, 60_000]),
        limit("daily", Dimension::Requests, [1_000, 0], [86_400_000, 1_200, 7_200_500]),
        limit("in", Dimension::InputTokens, [40_000, 39_000], [60_000, 1, 1_500]),
        limit("out \"quoted\\\"", Dimension::OutputTokens, [8_000, 8_000], [60_000, 5, 0]),
        limit("slots", Dimension::Slots, [8, 1], [0, 0, 0]),
        limit("bytes", Dimension::Bytes, [1 << 40, 7], [1, 1, 1]),
    ]
}

fn lines(headers: &[Header]) -> String {
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    lines.join("\n")
}

#[test]
fn the_ietf_hears_of_every_limit() {
    insta::assert_snapshot!(lines(&Dialect::Ietf.headers(&limits(), NOON)), @r#"
        ratelimit-policy: "burst";q=50;w=60, "daily";q=1000;w=86400, "in";q=40000;qu="input-tokens";w=60, "out \"quoted\\\"";q=8000;qu="output-tokens";w=60, "slots";q=8;qu="concurrent-requests", "bytes";q=1099511627776;qu="content-bytes";w=1
        ratelimit: "burst";r=0;t=2, "daily";r=0;t=2, "in";r=39000;t=1, "out \"quoted\\\"";r=8000, "slots";r=1, "bytes";r=7;t=1
        "#);
    assert_eq!(Dialect::Ietf.headers(&[], NOON), []);
    let huge = limit("huge", Dimension::Requests, [u64::MAX, 1 << 60], [u64::MAX, 0, 0]);
    insta::assert_snapshot!(lines(&Dialect::Ietf.headers(&[huge], NOON)), @r#"
    ratelimit-policy: "huge";q=999999999999999;w=18446744074
    ratelimit: "huge";r=999999999999999
    "#);
}

#[test]
fn clients_of_openai_hear_of_the_limits_that_bind() {
    insta::assert_snapshot!(lines(&Dialect::OpenAi.headers(&limits(), NOON)), @r"
        x-ratelimit-limit-requests: 1000
        x-ratelimit-remaining-requests: 0
        x-ratelimit-reset-requests: 2h0m0.5s
        x-ratelimit-limit-tokens: 8000
        x-ratelimit-remaining-tokens: 8000
        x-ratelimit-reset-tokens: 0s
        ");
}

#[test]
fn clients_of_github_hear_of_one_limit() {
    insta::assert_snapshot!(lines(&Dialect::GitHub.headers(&limits(), NOON)), @r"
        x-ratelimit-limit: 1000
        x-ratelimit-remaining: 0
        x-ratelimit-reset: 1790517601
        x-ratelimit-used: 1000
        x-ratelimit-resource: daily
        ");
    insta::assert_snapshot!(lines(&Dialect::GitHub.headers(&limits()[4..], NOON)), @r"
        x-ratelimit-limit: 8
        x-ratelimit-remaining: 1
        x-ratelimit-reset: 1790510400
        x-ratelimit-used: 7
        x-ratelimit-resource: slots
        ");
    assert_eq!(Dialect::GitHub.headers(&[], NOON), []);
}

#[test]
fn clients_of_anthropic_hear_of_each_direction() {
    insta::assert_snapshot!(lines(&Dialect::Anthropic.headers(&limits(), NOON)), @r"
        anthropic-ratelimit-requests-limit: 1000
        anthropic-ratelimit-requests-remaining: 0
        anthropic-ratelimit-requests-reset: 2026-09-27T14:00:01Z
        anthropic-ratelimit-tokens-limit: 8000
        anthropic-ratelimit-tokens-remaining: 8000
        anthropic-ratelimit-tokens-reset: 2026-09-27T12:00:00Z
        anthropic-ratelimit-input-tokens-limit: 40000
        anthropic-ratelimit-input-tokens-remaining: 39000
        anthropic-ratelimit-input-tokens-reset: 2026-09-27T12:00:02Z
        anthropic-ratelimit-output-tokens-limit: 8000
        anthropic-ratelimit-output-tokens-remaining: 8000
        anthropic-ratelimit-output-tokens-reset: 2026-09-27T12:00:00Z
        ");
}

fn rejection() -> Rejection {
    Rejection {
        code: Code::E4405,
        reason: Reason::LimitReached,
        scope: Scope::model(&"anthropic".parse().expect("a name"), "claude-\"*\n"),
        dimension: Dimension::InputTokens,
        limit: 40_000,
        window: Span::from_secs(60),
        used: 39_500,
        requested: 1_000,
        retry_after: Some(Span::from_micros(750_001)),
        queue_position: Some(3),
    }
}

#[test]
fn a_refusal_is_a_problem_with_figures() {
    let problem = Problem::of(&rejection());
    let body = serde_json::to_string_pretty(&problem).expect("text");
    insta::assert_snapshot!(format!("{}\n{}\n\n{body}", problem.status(), lines(&problem.headers())), @r#"
        429
        content-type: application/problem+json
        retry-after: 1
        retry-after-ms: 751

        {
          "code": "E4405",
          "detail": "the limit of model `claude-\"*\n` of service `anthropic` is reached: 39500 of 40000 input_tokens per 1m used, 1000 asked for, 3 waiting ahead; retry after 750.001ms (E4405)",
          "dimension": "input_tokens",
          "limit": 40000,
          "queue-position": 3,
          "reason": "limit_reached",
          "requested": 1000,
          "retry-after-ms": 751,
          "scope": "model `claude-\"*\n` of service `anthropic`",
          "status": 429,
          "title": "Request cannot be satisfied as assigned quota has been exceeded",
          "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
          "used": 39500,
          "violated-policies": [
            "input_tokens of model `claude-\"*_` of service `anthropic`"
          ]
        }
        "#);
    let named = problem.violating(&limits()[..2]).body();
    assert_eq!(named["violated-policies"], serde_json::json!(["burst", "daily"]));
}

#[test]
fn every_reason_has_its_status() {
    for (reason, status) in [
        (Reason::LimitReached, 429),
        (Reason::NoneAtHand, 429),
        (Reason::DeadlineTooClose, 429),
        (Reason::DeadlinePassed, 429),
        (Reason::QueueFull, 503),
        (Reason::Displaced, 503),
        (Reason::Paused, 503),
        (Reason::BreakerOpen, 503),
        (Reason::NeverFits, 413),
    ] {
        let problem = Problem::of(&rejection().because(reason));
        assert_eq!(problem.status(), status);
        let body = problem.body();
        assert_eq!(body["status"], status);
        assert_eq!(body.get("violated-policies").is_some(), status == 429, "{reason:?}");
    }
    let never = Rejection { retry_after: None, ..rejection() }.because(Reason::NeverFits);
    let names: Vec<_> = Problem::of(&never).headers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["content-type"], "nothing to wait for");
}

#[test]
fn a_refusal_tells_the_state_of_its_limit() {
    let state = LimitState::of_rejection(&rejection());
    assert_eq!((state.limit, state.remaining), (40_000, 500));
    assert_eq!((state.more, state.full), (Span::from_micros(750_001), Span::from_secs(60)));
    assert_eq!(state.name.as_str(), "input_tokens of model `claude-\"*_` of service `anthropic`");
    let unused = Rejection { used: 0, retry_after: None, ..rejection() };
    let state = LimitState::of_rejection(&unused);
    assert_eq!(
        (state.remaining, state.more, state.full),
        (40_000, Span::from_secs(60), Span::ZERO)
    );
}

#[test]
fn names_are_printable_or_refused() {
    let refused = |text: &str| text.parse::<PolicyName>().expect_err("refused").to_string();
    insta::assert_snapshot!([refused(""), refused(&"x".repeat(65)), refused("é")].join("\n"), @r"
        a name of 0 bytes for a limit: use 1 to 64 printable characters of ASCII
        a name of 65 bytes for a limit: use 1 to 64 printable characters of ASCII
        a name with the character 'é' for a limit: use 1 to 64 printable characters of ASCII
        ");
    assert_eq!(PolicyName::lossy("").as_str(), "limit");
    assert_eq!(PolicyName::lossy(&"é".repeat(99)).as_str(), "_".repeat(64));
}

#[test]
fn no_more_limits_are_written_than_there_is_room_for() {
    let many = vec![limits()[0].clone(); 1_000];
    let headers = Dialect::Ietf.headers(&many, NOON);
    assert_eq!(headers[0].1.matches("burst").count(), Dialect::LIMITS_MAX);
    assert_eq!(
        Problem::of(&rejection()).violating(&many).body()["violated-policies"][32],
        serde_json::Value::Null
    );
}

/// What a header says, by its name.
fn said<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|(held, _)| *held == name).map(|(_, value)| value.as_str())
}

/// Milliseconds of a duration as Go writes it.
fn from_go(text: &str) -> Option<u64> {
    let (mut millis, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let unit = match &after[..letters] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1_000.0,
            "ms" => 1.0,
            _ => return None,
        };
        millis += number.parse::<f64>().ok()? * unit;
        rest = &after[letters..];
    }
    format!("{millis:.0}").parse().ok()
}

/// Seconds since 1970 of an instant as RFC 3339 writes it, by counting days.
fn from_rfc_3339(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let months: u64 = lengths.iter().zip(1..month).map(|(length, _)| length).sum();
    let clock = number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    Some((years + months + day - 1) * 86_400 + clock)
}

/// The names of a list with two of their parameters.
fn from_ietf(text: &str, parameters: [&str; 2]) -> Vec<(String, [Option<u64>; 2])> {
    let list: List = Parser::new(text).parse().expect("a list");
    let number = |item: &Item, name: &str| match item.params.get(name) {
        Some(BareItem::Integer(number)) => u64::try_from(i64::from(*number)).ok(),
        _ => None,
    };
    let read = |entry: ListEntry| match entry {
        ListEntry::Item(item) => {
            let figures = parameters.map(|name| number(&item, name));
            let name = item.bare_item.as_string().expect("a name").as_str().to_owned();
            (name, figures)
        }
        ListEntry::InnerList(list) => panic!("{list:?}"),
    };
    list.into_iter().map(read).collect()
}

fn state() -> impl Strategy<Value = LimitState> {
    let dimension = prop_oneof![
        Just(Dimension::Requests),
        Just(Dimension::Tokens),
        Just(Dimension::InputTokens),
        Just(Dimension::OutputTokens),
        Just(Dimension::Bytes),
        Just("images".parse().expect("a name")),
    ];
    let span = || prop_oneof![0_u64..5_000_000_000, 0_u64..200_000_000_000_000];
    let amounts = (1_u64..1_000_000_000_000, any::<prop::sample::Index>());
    (".{0,70}", dimension, amounts, (1_u64..100_000_000_000, span(), span())).prop_map(
        |(name, dimension, (limit, remaining), (window, more, full))| LimitState {
            name: PolicyName::lossy(&name),
            dimension,
            limit,
            remaining: u64::try_from(remaining.index(usize::MAX)).unwrap_or(0) % (limit + 1),
            window: Span::from_nanos(window),
            more: Span::from_nanos(more),
            full: Span::from_nanos(full),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// OUT-2.
    #[test]
    fn no_name_breaks_a_line(
        states in prop::collection::vec(state(), 0..5), wall in any::<u64>(),
    ) {
        for dialect in DIALECTS {
            for (name, value) in dialect.headers(&states, Instant::from_nanos(wall)) {
                prop_assert!(value.bytes().all(|byte| (0x20..0x7F).contains(&byte)), "{name}: {value}");
                prop_assert!(!value.is_empty());
            }
        }
    }

    /// OUT-1, OUT-3.
    #[test]
    fn what_is_written_for_the_ietf_reads_back(states in prop::collection::vec(state(), 1..5)) {
        let headers = Dialect::Ietf.headers(&states, NOON);
        let policies = from_ietf(said(&headers, "ratelimit-policy").expect("written"), ["q", "w"]);
        let rests = from_ietf(said(&headers, "ratelimit").expect("written"), ["r", "t"]);
        prop_assert_eq!(policies.len(), states.len());
        for ((state, policy), rest) in states.iter().zip(policies).zip(rests) {
            let seconds = |span: Span| span.as_nanos().div_ceil(1_000_000_000);
            let name = state.name.as_str().to_owned();
            let more = Some(seconds(state.more)).filter(|more| state.remaining < state.limit && *more > 0);
            prop_assert_eq!(policy, (name.clone(), [Some(state.limit), Some(seconds(state.window))]));
            prop_assert_eq!(rest, (name, [Some(state.remaining), more]));
        }
    }

    /// OUT-1, OUT-3.
    #[test]
    fn what_is_written_for_clients_of_providers_reads_back(state in state(), second in 0_u64..4_000_000_000) {
        let state = LimitState { dimension: Dimension::Requests, ..state };
        let wall = Instant::ZERO + Span::from_secs(second);
        let full = wall + state.full;
        for (dialect, names) in [
            (Dialect::OpenAi, ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]),
            (Dialect::GitHub, ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]),
            (Dialect::Anthropic, ["anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"]),
        ] {
            let headers = dialect.headers(std::slice::from_ref(&state), wall);
            let [limit, remaining, reset] = names.map(|name| said(&headers, name).expect("written"));
            prop_assert_eq!(limit.parse(), Ok(state.limit));
            prop_assert_eq!(remaining.parse(), Ok(state.remaining));
            let (unit, read) = match dialect {
                Dialect::OpenAi => (1_000_000, from_go(reset).map(|millis| wall + Span::from_millis(millis))),
                Dialect::GitHub => {
                    let seconds = reset.parse().ok();
                    (1_000_000_000, seconds.map(|at| Instant::ZERO + Span::from_secs(at)))
                }
                _ => (1_000_000_000, from_rfc_3339(reset).map(|at| Instant::ZERO + Span::from_secs(at))),
            };
            let read = read.expect("a time");
            prop_assert!(read >= full, "OUT-1: {}", reset);
            prop_assert!(read.since(full) < Span::from_nanos(unit), "{}", reset);
        }
    }

    /// OUT-1.
    #[test]
    fn nobody_is_told_to_come_too_early(nanos in prop_oneof![Just(0), 0_u64..5_000_000_000, any::<u64>()]) {
        let [seconds, millis] = retry_headers(Span::from_nanos(nanos)).map(|(_, value)| value);
        let (seconds, millis): (u64, u64) = (seconds.parse()?, millis.parse()?);
        prop_assert!(seconds >= 1 && millis >= 1);
        prop_assert!(u128::from(seconds) * 1_000_000_000 >= u128::from(nanos));
        prop_assert!(u128::from(millis) * 1_000_000 >= u128::from(nanos));
        prop_assert!(seconds == 1 || u128::from(seconds - 1) * 1_000_000_000 < u128::from(nanos));
    }
}
