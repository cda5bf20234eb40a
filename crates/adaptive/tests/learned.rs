//! What was learned, saved and restored.

use proptest::prelude::*;
use tidegate_adaptive::{Aimd, Controller, Learned, LearnedPace, LearnedWindow};
use tidegate_units::{AdaptivePolicy, ControllerKind, Dimension, Instant, Span, WallOrigin};

const ORIGIN: u64 = 1_700_000_000_000_000_000;

fn at(secs: u64) -> Instant {
    Instant::ZERO + Span::from_secs(secs)
}

fn origin() -> WallOrigin {
    WallOrigin::when(Instant::ZERO, ORIGIN)
}

fn requests(per_second: f64, confidence: f64) -> LearnedPace {
    let (dimension, age) = (Dimension::Requests, Span::from_secs(3));
    LearnedPace { dimension, per_second, confidence, age, window: None }
}

#[test]
fn the_text_is_one_line_that_a_person_can_read() {
    let window = LearnedWindow { length: Span::from_secs(60), ends_in: Span::from_millis(17_250) };
    let tokens = LearnedPace {
        dimension: Dimension::Tokens,
        window: Some(window),
        ..requests(1_234.5, 0.75)
    };
    let learned = Learned::new(&[requests(3.9, 0.5), tokens], at(10), origin());
    insta::assert_snapshot!(learned.to_text(), @r#"{"version":1,"saved_at_ms":1700000010000,"paces":[{"dimension":"requests","per_second":3.9,"confidence":0.5,"age_ms":3000},{"dimension":"tokens","per_second":1234.5,"confidence":0.75,"age_ms":3000,"window":{"length_ms":60000,"phase_ms":47250}}]}"#);
    assert_eq!(Learned::parse(&learned.to_text()), Ok(learned));
}

#[test]
fn what_was_not_saved_by_tidegate_is_refused_whole() {
    let pace = |pace: &str| format!("{{\"version\":1,\"saved_at_ms\":5,\"paces\":[{pace}]}}");
    let one = "{\"dimension\":\"requests\",\"per_second\":1,\"confidence\":0.5,\"age_ms\":1}";
    let with = |from: &str, to: &str| pace(&one.replace(from, to));
    let window = |window: &str| with("\"age_ms\":1", &format!("\"age_ms\":1,\"window\":{window}"));
    assert!(Learned::parse(&pace(one)).is_ok());
    let texts = [
        String::new(),
        "[]".to_owned(),
        "{\"version\":2,\"future\":true}".to_owned(),
        "{\"version\":1}".to_owned(),
        pace(one).replace("saved_at_ms", "saved"),
        pace(&[one; 5].join(",")),
        pace(&[one, one].join(",")),
        with("requests", "slots"),
        with("requests", "Requests"),
        with("\"per_second\":1", "\"per_second\":0"),
        with("\"per_second\":1", "\"per_second\":-3.5"),
        with("\"per_second\":1", "\"per_second\":1e300"),
        with("\"per_second\":1", "\"per_second\":null"),
        with("0.5", "1.5"),
        with("\"age_ms\":1", "\"age_ms\":-1"),
        window("{\"length_ms\":10,\"phase_ms\":1}"),
        window("{\"length_ms\":60000,\"phase_ms\":60000}"),
        "x".repeat(70_000),
    ];
    let refused = |text: &String| Learned::parse(text).expect_err("refused").to_string();
    let refusals: Vec<String> = texts.iter().map(refused).collect();
    insta::assert_snapshot!(refusals.join("\n"), @r"
    this is not what was learned: EOF while parsing a value at line 1 column 0; remove it to learn anew
    this is not what was learned: invalid length 0, expected an object with a version at line 1 column 2; remove it to learn anew
    version 2 of what was learned: only 1 can be read; learn anew
    this is not what was learned: missing field `saved_at_ms` at line 1 column 13; remove it to learn anew
    this is not what was learned: unknown field `saved`, expected one of `version`, `saved_at_ms`, `paces` at line 1 column 20; remove it to learn anew
    5 paces: use at most 4, one per dimension
    a pace of requests that cannot be: use each dimension once, and no slots
    a pace of slots that cannot be: use each dimension once, and no slots
    this is not what was learned: `Requests` is no name for a dimension: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter at line 1 column 61; remove it to learn anew
    0.0 requests per second: use more than 0, at most 1000000000000
    -3.5 requests per second: use more than 0, at most 1000000000000
    1e300 requests per second: use more than 0, at most 1000000000000
    this is not what was learned: invalid type: null, expected f64 at line 1 column 79; remove it to learn anew
    a confidence of 1.5: use 0 to 1
    this is not what was learned: invalid value: integer `-1`, expected u64 at line 1 column 105; remove it to learn anew
    a window of 10ms: use 1s to 366d
    a phase of 1m in a window of 1m: use less than the window
    a text of 70000 bytes: use at most 65536; is it the right file?
    ");
}

#[test]
fn confidence_halves_every_six_hours_and_ends_in_forgetting() {
    let hour = 60 * 60;
    let learned = Learned::new(&[requests(3.9, 1.0)], at(0), origin());
    let confidence = |secs| learned.at(at(secs), origin()).first().map(|pace| pace.confidence);
    for (hours, left) in [(0, 1.0), (6, 0.5), (12, 0.25), (23, 0.07)] {
        let found = confidence(hours * hour).expect("known");
        assert!((found - left).abs() < 0.001, "PACE-6: {found} after {hours} h");
    }
    assert_eq!(confidence(25 * hour), None, "after a day nothing is left");
    let set_back = WallOrigin::when(Instant::ZERO, ORIGIN - 1_000_000_000_000);
    let found = learned.at(at(0), set_back)[0];
    assert!(
        found.confidence <= 1.0 && found.age >= Span::from_secs(3),
        "a clock that was set back"
    );
}

#[test]
fn a_pace_begins_where_the_last_run_ended() {
    let policy = AdaptivePolicy { controller: ControllerKind::Aimd, ..AdaptivePolicy::default() };
    let mut first = Aimd::new(&policy, at(0));
    assert!(first.learned(at(0)).is_empty(), "nothing is known yet");
    first.record_success(at(500));
    for round in 0..40 {
        first.record_rate_limit(at(510 + 20 * round));
        first.record_success(at(520 + 20 * round));
    }
    let saved = Learned::new(&first.learned(at(1_400)), at(1_400), origin()).to_text();
    let before = first.paces(at(1_400))[0];

    let learned = Learned::parse(&saved).expect("as saved").at(at(1_500), origin());
    let mut second = Aimd::new(&policy, at(1_500));
    second.restore(at(1_500), &learned);
    let after = second.paces(at(1_500))[0];
    assert_eq!(after.learned_per_second, before.learned_per_second, "PACE-6");
    assert!(after.confidence <= before.confidence && after.confidence > 0.9 * before.confidence);
    assert!((after.per_second / before.per_second - 1.0).abs() < 0.2, "{before:?} {after:?}");

    // Hardly known: nearly as if nothing had been.
    let mut doubtful = Aimd::new(&policy, at(1_500));
    doubtful.restore(at(1_500), &[requests(1_000.0, 0.01), requests(f64::NAN, 0.5)]);
    assert!(doubtful.paces(at(1_500))[0].per_second < 11.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// PACE-6: windows end at the same moments on the wall for whoever reads what was saved.
    #[test]
    fn a_window_keeps_its_place_on_the_wall(
        length in 1_u64..300,
        ends_in in 0_u64..300,
        later in 0_u64..1_000_000,
        per_second in 1e-6_f64..1e12,
        confidence in 0.2_f64..=1.0,
    ) {
        let ends_in = ends_in % length + 1;
        let seconds = Span::from_secs;
        let window = LearnedWindow { length: seconds(length), ends_in: seconds(ends_in) };
        let pace = LearnedPace { window: Some(window), ..requests(per_second, confidence) };
        let saved = Learned::new(&[pace], at(7), origin()).to_text();
        let read = Learned::parse(&saved).expect("as saved");
        let found = read.at(at(7 + later % 10_000), origin());
        prop_assert_eq!(found.len(), 1);
        prop_assert!((found[0].per_second / per_second - 1.0).abs() < 1e-12);
        let window = found[0].window.expect("a window");
        prop_assert!(window.ends_in <= window.length && !window.ends_in.is_zero());
        let (end, known) = (7 + later % 10_000 + window.ends_in.as_millis() / 1_000, 7 + ends_in);
        prop_assert_eq!(end.abs_diff(known) % length, 0, "{} {}", end, known);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", cut in 0_usize..200) {
        let _ = Learned::parse(&text);
        let saved = Learned::new(&[requests(1.0, 1.0)], at(0), origin()).to_text();
        let _ = Learned::parse(saved.get(..cut.min(saved.len())).expect("ASCII"));
    }
}
