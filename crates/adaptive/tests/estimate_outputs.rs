//! How much output is expected, against an exact count, and tables that stay bounded: EST-3, EST-5.

use proptest::prelude::*;
use tidegate_adaptive::estimate::Sketch;
use tidegate_adaptive::{
    Asked, Estimates, OutputKey, OutputPolicy, Outputs, ReservationRule, SavedOutputs, Usage,
};
use tidegate_units::{Cost, Instant, Share, Span};

const P90: Share = Share::per_mille(900);
const DAY: Span = Span::from_secs(86_400);

fn key(service: &str, model: &str, key: &str) -> OutputKey {
    let part = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    let leaked = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    OutputKey::new(service, part(leaked(model)), part(leaked(key))).expect("a key")
}

/// The least amount that `share` of `amounts` does not exceed.
fn exact(amounts: &[u64], share: Share) -> u64 {
    let mut sorted = amounts.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * usize::from(share.as_per_mille())).div_ceil(1_000).max(1);
    sorted[rank - 1]
}

fn sketch(amounts: &[u64]) -> Sketch {
    let mut sketch = Sketch::default();
    for amount in amounts {
        sketch.record(*amount);
    }
    sketch
}

/// Numbers as a linear congruence makes them, the same every time.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let step = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    std::iter::successors(Some(seed), step).map(|state| state >> 33)
}

/// What calls of many kinds take.
fn distributions() -> Vec<(&'static str, Vec<u64>)> {
    let with = |shape: fn(u64) -> u64| numbers(7).skip(1).take(4_000).map(shape).collect();
    vec![
        ("constant", with(|_| 317)),
        ("even", with(|number| number % 4_000)),
        (
            "two humps",
            with(|number| if number % 5 == 0 { 6_000 + number % 999 } else { number % 90 }),
        ),
        // Doubling with every second bit that is set, as amounts over many magnitudes do.
        ("heavy tail", with(|number| (1 << (number.trailing_ones() * 2).min(20)) | (number % 3))),
        ("nothing and much", with(|number| if number % 8 == 0 { 1 << 23 } else { 0 })),
    ]
}

#[test]
fn what_is_expected_comes_near_the_exact_quantile_and_stays_there() {
    for (name, amounts) in distributions() {
        let mut sketch = Sketch::default();
        for (index, amount) in amounts.iter().enumerate() {
            sketch.record(*amount);
            if index < 500 || index % 7 != 0 {
                continue;
            }
            for share in [500, 900, 950].map(Share::per_mille) {
                // Between 256 and 512 calls are remembered in full, and older ones in part: what is said lies
                // among the exact quantiles of what came lately, five per cent around the one that is asked for.
                let lately = &amounts[index.saturating_sub(1_500)..=index];
                let around = |by: i16| {
                    let share = i16::try_from(share.as_per_mille()).expect("a thousand");
                    exact(lately, Share::per_mille((share + by).unsigned_abs()))
                };
                let said = sketch.quantile(share).expect("known");
                let most = around(50) + around(50) / 8 + 1;
                assert!(said >= around(-50) && said <= most, "EST-3: {name} {index}: {said}");
            }
        }
    }
}

#[test]
fn a_change_is_learned_within_a_thousand_calls() {
    let mut sketch = sketch(&vec![100; 3_000]);
    let up = (1..=1_024).find(|_| {
        sketch.record(5_000);
        sketch.quantile(P90).is_some_and(|said| said >= 5_000)
    });
    assert!(up.is_some_and(|calls| calls <= 60), "up at once: {up:?}");
    for _ in 0..1_024 {
        sketch.record(5_000);
    }
    let down = (1..=1_024).find(|_| {
        sketch.record(100);
        sketch.quantile(P90).is_some_and(|said| said < 200)
    });
    assert!(down.is_some(), "and down slowly");
}

#[test]
fn amounts_beyond_all_models_are_counted_as_the_largest() {
    let sketch = sketch(&[u64::MAX, 1 << 40]);
    assert_eq!(sketch.quantile(P90), Some((1 << 24) - 1));
    assert_eq!(sketch.calls(), 2);
    assert_eq!(sketch.quantile(Share::NONE), Some((1 << 24) - 1), "the least of them");
}

#[test]
fn a_sketch_that_cannot_be_is_refused() {
    let refused =
        |text: &str| serde_json::from_str::<Sketch>(text).expect_err("refused").to_string();
    insta::assert_snapshot!(refused(r#"{"176":1}"#), @"a class 176 of amounts: use 0 to 175");
    insta::assert_snapshot!(refused(r#"{"0":2097152}"#), @"amounts that weigh 2097152 together: at most 2097151, record fewer");
    let most: Sketch = serde_json::from_str(r#"{"0":2097151}"#).expect("as much as there may be");
    assert_eq!(most.calls(), 512);
}

#[test]
fn estimates_learn_and_what_they_learned_is_kept() {
    let mut estimates = Estimates::new(OutputPolicy::default());
    let (planner, asked) = (key("s", "m", "planner"), Asked::sending(30));
    let took = |output| Usage { input: Some(30), output, ..Usage::default() };
    assert!(estimates.outputs().is_empty());
    for _ in 0..10 {
        estimates.learn(Instant::ZERO, &planner, &took(None));
    }
    assert!(estimates.outputs().is_empty(), "what is not known teaches nothing");
    for _ in 0..10 {
        estimates.learn(Instant::ZERO, &planner, &took(Some(6)));
    }
    assert!(!estimates.outputs().is_empty());
    let cost = Cost::request().input_tokens(30).output_tokens(6);
    let rule = ReservationRule::GENERIC;
    assert_eq!(estimates.reserve(rule, &asked, &planner, None), cost);
    let kept = estimates.outputs().clone();
    let other = Estimates::new(OutputPolicy::default()).knowing(kept);
    assert_eq!(other.reserve(rule, &asked, &planner, None), cost);
}

#[test]
fn of_whom_little_is_known_the_model_is_asked_and_then_the_service() {
    let mut outputs = Outputs::default();
    let expected = |outputs: &Outputs, asked: [&str; 3]| {
        outputs.expected(&key(asked[0], asked[1], asked[2]), P90)
    };
    for _ in 0..9 {
        outputs.record(Instant::ZERO, &key("s", "m", "a"), 5);
    }
    assert_eq!(expected(&outputs, ["s", "m", "a"]), None, "too few");
    outputs.record(Instant::ZERO, &key("s", "m", "b"), 7);
    assert_eq!(expected(&outputs, ["s", "m", "a"]), Some(5), "the model");
    assert_eq!(expected(&outputs, ["s", "m", ""]), Some(5));
    assert_eq!(expected(&outputs, ["s", "other", "a"]), Some(5), "the service");
    assert_eq!(expected(&outputs, ["t", "m", "a"]), None);
    for _ in 0..10 {
        outputs.record(Instant::ZERO, &key("s", "m", "b"), 7);
    }
    assert_eq!(expected(&outputs, ["s", "m", "b"]), Some(7), "its own");
    assert_eq!(outputs.len(), 4);
    // Somebody without a model counts for the service alone.
    outputs.record(Instant::ZERO, &key("s", "", "c"), 1);
    assert_eq!(outputs.len(), 5);
}

#[test]
fn who_was_not_heard_of_for_longest_has_to_go() {
    let mut outputs = Outputs::holding(4);
    for name in ["a", "b", "a", "c"] {
        for _ in 0..10 {
            outputs.record(Instant::ZERO, &key("s", "m", name), 3);
        }
    }
    assert_eq!(outputs.len(), 4);
    let lonely = |name: &str| {
        // Apart from what its model and service say, which both say 3.
        let saved = serde_json::to_string(&outputs.save(Instant::ZERO)).expect("text");
        saved.contains(&format!("\"key\":\"{name}\""))
    };
    assert!(lonely("a") && !lonely("b") && lonely("c"), "EST-5");
}

#[test]
fn what_is_kept_is_known_again_and_fades_with_age() {
    let now = Instant::ZERO + DAY * 30;
    let mut outputs = Outputs::holding(10);
    for _ in 0..200 {
        outputs.record(now - DAY * 5, &key("old", "", ""), 3);
    }
    for _ in 0..200 {
        outputs.record(now, &key("new", "", ""), 4);
    }
    let text = serde_json::to_string(&outputs.save(now)).expect("text");
    let restored = |elapsed| {
        let saved: SavedOutputs = serde_json::from_str(&text).expect("it was written so");
        Outputs::restore(saved, Instant::from_nanos(5), elapsed)
    };
    let said = |outputs: &Outputs, name: &str| outputs.expected(&key(name, "", ""), P90);
    let at_once = restored(Span::ZERO);
    assert_eq!(
        (said(&at_once, "old"), said(&at_once, "new")),
        (None, Some(4)),
        "200 / 32 are too few"
    );
    assert_eq!(at_once.len(), 2);
    let later = restored(DAY * 3);
    assert_eq!((later.len(), said(&later, "new")), (1, Some(4)), "a week is the most");
    // After three days what is new counts for more than two hundred calls of old.
    let mut later = later;
    for _ in 0..30 {
        later.record(Instant::from_nanos(6), &key("new", "", ""), 1_000);
    }
    assert_eq!(said(&later, "new"), Some(1_023));
    let mut fresh = restored(Span::ZERO);
    for _ in 0..20 {
        fresh.record(Instant::from_nanos(6), &key("new", "", ""), 1_000);
    }
    assert_eq!(said(&fresh, "new"), Some(4));
    assert_eq!(restored(Span::MAX).len(), 0);
}

#[test]
fn age_counts_once_however_often_a_table_is_kept() {
    let mut outputs = Outputs::default();
    for _ in 0..400 {
        outputs.record(Instant::ZERO + DAY, &key("s", "", ""), 3);
    }
    // A clock that steps back makes nothing older.
    outputs.record(Instant::ZERO, &key("s", "", ""), 3);
    let mut saved = outputs.save(Instant::ZERO + DAY);
    // Each process lives for an hour, at the beginning of its clock, and hears nothing.
    for _ in 0..48 {
        let outputs = Outputs::restore(saved, Instant::ZERO, Span::ZERO);
        saved = outputs.save(Instant::ZERO + Span::from_secs(3_600));
    }
    let text = serde_json::to_string(&saved).expect("text");
    assert!(text.contains(&format!("\"age\":{}", (DAY * 2).as_nanos())), "{text}");
    let kept = |elapsed| Outputs::restore(saved.clone(), Instant::ZERO, elapsed);
    let known = |outputs: &Outputs| outputs.expected(&key("s", "", ""), P90);
    assert_eq!(known(&kept(DAY * 3)), Some(3), "401 / 2^5 are enough");
    assert_eq!(known(&kept(DAY * 4)), None, "401 / 2^6 are not");
    assert_eq!(kept(DAY * 5).len(), 1);
    assert_eq!(kept(DAY * 5 + Span::from_nanos(1)).len(), 0);
    // What is heard of again is young.
    let mut again = kept(DAY * 4);
    again.record(Instant::ZERO, &key("s", "", ""), 3);
    assert_eq!(Outputs::restore(again.save(Instant::ZERO), Instant::ZERO, DAY * 7).len(), 1);
}

#[test]
fn a_table_that_became_smaller_keeps_those_heard_of_last() {
    let mut outputs = Outputs::default();
    for name in ["b", "d", "a", "c", "e"] {
        outputs.record(Instant::ZERO, &key(name, "", ""), 3);
    }
    let text = serde_json::to_string(&outputs.save(Instant::ZERO)).expect("text");
    let smaller = text.replace("\"keys_max\":1024", "\"keys_max\":3");
    let saved = serde_json::from_str(&smaller).expect("it was written so");
    let kept = Outputs::restore(saved, Instant::ZERO, Span::ZERO).save(Instant::ZERO);
    let text = serde_json::to_string(&kept).expect("text");
    let held = ["a", "b", "c", "d", "e"].map(|name| text.contains(&format!("\"{name}\"")));
    assert_eq!(held, [true, false, true, false, true], "EST-5");
}

#[test]
fn what_somebody_else_wrote_stays_within_the_bounds() {
    let entry = |name: usize| format!(r#"{{"key":{{"service":"s{name}"}},"age":0,"sketch":{{}}}}"#);
    let entries: Vec<String> = (0..50).map(entry).collect();
    let text = format!(r#"{{"keys_max":5,"entries":[{}]}}"#, entries.join(","));
    let saved: SavedOutputs = serde_json::from_str(&text).expect("well formed");
    let outputs = Outputs::restore(saved, Instant::ZERO, Span::ZERO);
    assert_eq!(outputs.len(), 5, "EST-5");
    assert_eq!(Outputs::holding(0).len(), 0);
    let long = format!(r#"{{"service":"{}"}}"#, "x".repeat(129));
    let refused = serde_json::from_str::<OutputKey>(&long).expect_err("refused").to_string();
    insta::assert_snapshot!(refused, @"a part of 129 bytes in a key of outputs: use 1 to 128");
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..20, 0_u64..5_000, 0_u64..(1 << 24)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// EST-3, exactly, while nothing has been forgotten.
    #[test]
    fn a_quantile_is_the_exact_one_to_the_end_of_its_class(
        amounts in prop::collection::vec(amount(), 1..500), share in 1_u16..1_000,
    ) {
        let share = Share::per_mille(share);
        let said = sketch(&amounts).quantile(share).expect("known");
        let exact = exact(&amounts, share);
        prop_assert!(said >= exact, "{said} {exact}");
        prop_assert!(said <= exact + exact / 8 + 1, "{said} {exact}");
    }

    /// A larger share is never a smaller amount, and what is written reads back.
    #[test]
    fn quantiles_rise_and_sketches_are_kept(
        amounts in prop::collection::vec(amount(), 1..1_200), shares in prop::collection::vec(0_u16..=1_000, 2..6),
    ) {
        let sketch = sketch(&amounts);
        let mut shares = shares;
        shares.sort_unstable();
        let said: Vec<_> = shares.iter().map(|share| sketch.quantile(Share::per_mille(*share))).collect();
        prop_assert!(said.is_sorted(), "{said:?}");
        prop_assert!(sketch.calls() <= 512);
        let text = serde_json::to_string(&sketch).expect("text");
        prop_assert_eq!(serde_json::from_str::<Sketch>(&text).expect("it was written so"), sketch);
    }

    /// EST-5.
    #[test]
    fn a_table_never_outgrows_its_bound(
        calls in prop::collection::vec((0_u8..4, 0_u8..6, 0_u8..9, amount()), 0..80), keys in 0_usize..12,
    ) {
        let mut outputs = Outputs::holding(keys);
        for (service, model, name, amount) in calls {
            let name = OutputKey::new(&format!("s{service}"), Some(&format!("m{model}")), Some(&format!("k{name}")));
            outputs.record(Instant::ZERO, &name.expect("a key"), amount);
            prop_assert!(outputs.len() <= keys.max(3));
        }
    }
}
