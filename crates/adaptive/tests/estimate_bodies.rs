//! What calls ask for, and what is reserved for them: EST-1, EST-2, EST-4.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_adaptive::{
    Asked, ByCharacters, Estimates, Estimator, OutputKey, OutputPolicy, ReservationRule, Reserved,
};
use tidegate_units::{Cost, Dimension, Share};

/// Every character of a text is a token, a picture a hundred, a message nothing.
#[derive(Debug)]
struct Letters;

impl Estimator for Letters {
    fn text(&self, text: &str) -> u64 {
        u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
    }

    fn part(&self) -> u64 {
        100
    }

    fn message(&self) -> u64 {
        0
    }
}

fn input(body: &Value) -> u64 {
    Asked::of_body(body, &Letters).input
}

#[test]
fn only_what_a_model_reads_is_counted() {
    for (body, letters) in [
        (json!({"model": "gpt", "messages": [{"role": "user", "content": "12345"}]}), 5),
        (json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "123"}]}]}), 3),
        (json!({"system": "12", "messages": [], "metadata": {"user_id": "abcdef"}}), 2),
        (
            json!({"system_instruction": {"parts": [{"text": "12"}]},
                "contents": [{"role": "user", "parts": [{"text": "345"}]}],
                "safetySettings": [{"category": "long text"}]}),
            5,
        ),
        (json!({"model": "m", "input": "1234", "instructions": "5", "store": true}), 5),
        (json!({"model": "m", "prompt": ["12", "345"], "suffix": "6"}), 6),
        (json!({"model": "m", "input": [1, 2, 3, 500]}), 4),
        (json!({"message": "12", "chat_history": [{"role": "USER", "message": "345"}]}), 5),
        (json!({"texts": ["1", "2"], "input_type": "search"}), 2),
        (json!({"unknown": {"text": "123"}, "other": "45"}), 5),
        (json!("just text"), 9),
        (json!({}), 0),
        (json!(null), 0),
    ] {
        assert_eq!(input(&body), letters, "{body}");
    }
}

#[test]
fn tokens_stand_around_each_message() {
    let body = json!({"messages": [{"role": "user", "content": {"text": "1234"}}, {"x": "1"}]});
    assert_eq!(Asked::of_body(&body, &ByCharacters::default()).input, 4 + 1 + 1);
}

#[test]
fn schemas_of_tools_are_read_with_the_names_of_their_fields() {
    let tools =
        json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}], "messages": []});
    assert_eq!(input(&tools), 4 + 1 + 12 + 4 + 6);
}

#[test]
fn pictures_and_files_are_parts_and_their_bytes_are_not_text() {
    let data = "iVBORw0KGgo=".repeat(1_000);
    let url = format!("data:image/png;base64,{data}");
    let message = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
    for (body, tokens) in [
        (message(json!([{"type": "image_url", "image_url": {"url": url}}])), 100),
        (message(json!([{"type": "input_image", "image_url": url}])), 100),
        (message(json!([{"type": "image", "source": {"type": "base64", "data": data}}])), 100),
        (message(json!([{"image": {"format": "png", "source": {"bytes": data}}}])), 100),
        (message(json!([{"type": "file", "file": {"file_data": data}}, {"text": "a"}])), 101),
        (json!({"contents": [{"parts": [{"inlineData": {"mimeType": "a", "data": data}}]}]}), 100),
        (json!({"messages": [{"role": "user", "content": "ab", "images": [data, data]}]}), 202),
        (message(json!([{"type": "text", "text": "a", "image_url": null}])), 1),
    ] {
        assert_eq!(input(&body), tokens);
    }
}

#[test]
fn how_much_may_be_generated_stands_in_many_places() {
    for (body, most) in [
        (json!({"max_tokens": 7}), Some(7)),
        (json!({"max_tokens": 7, "max_completion_tokens": 9}), Some(9)),
        (json!({"max_output_tokens": 7, "n": 3}), Some(21)),
        (json!({"generationConfig": {"maxOutputTokens": 7, "candidateCount": 2}}), Some(14)),
        (json!({"inferenceConfig": {"maxTokens": 7}}), Some(7)),
        (json!({"options": {"num_predict": 7}}), Some(7)),
        (json!({"options": {"num_predict": -1}}), None),
        (json!({"max_tokens": null, "n": 0}), None),
        (json!({"max_tokens": 1, "n": u64::MAX}), Some(128)),
        (json!({"max_tokens": u64::MAX, "n": 2}), Some(u64::MAX)),
        (json!([]), None),
    ] {
        assert_eq!(Asked::of_body(&body, &Letters).allowed_output(), most, "{body}");
    }
}

#[test]
fn a_body_that_cannot_be_read_is_guessed_by_its_length() {
    let of = |body: &[u8]| Asked::of_bytes(body, &Letters);
    assert_eq!(of(b"{\"prompt\":\"123\",\"max_tokens\":4}").allowed_output(), Some(4));
    assert_eq!(of(b"no JSON at all"), Asked::sending(4));
    assert_eq!(of(b""), Asked::sending(0));
    let large = json!({"prompt": "x".repeat(2 << 20)}).to_string();
    assert_eq!(of(large.as_bytes()).input, (2 << 18) + 4);
}

#[test]
fn what_is_beyond_the_bounds_of_a_look_is_guessed_or_left_out() {
    let text = "é".repeat(600 * 1_024);
    let long = json!({"messages": [text, "é"]});
    let letters = 1_200 * 1_024 / 4;
    assert_eq!(input(&long), letters + 1, "EST-2: the long one by its length");
    let half = "é".repeat(200 * 1_024);
    let three = json!({"messages": [half, half, half]});
    assert_eq!(input(&three), 500 * 1_024, "EST-2: the third by its length");
    let many = Value::Array(vec![json!("a"); 70_000]);
    assert_eq!(input(&json!({"messages": many})), 65_536, "EST-2");
    let object: serde_json::Map<_, _> = (0..70_000).map(|i| (i.to_string(), json!("a"))).collect();
    assert_eq!(input(&json!({"messages": object})), 65_536, "EST-2");
    let deep = |depth| (0..depth).fold(json!("a"), |inner, _| json!([inner]));
    assert_eq!(input(&json!({"prompt": deep(64)})), 1);
    assert_eq!(input(&json!({"prompt": deep(65)})), 0, "EST-2");
}

fn key() -> OutputKey {
    OutputKey::new("service", Some("model"), Some("key")).expect("a key")
}

#[test]
fn each_provider_reserves_what_it_charges_on_arrival() {
    let cost = |input, output| Cost::request().input_tokens(input).output_tokens(output);
    let asked = Asked { input: 300, max_output: Some(500), choices: 2 };
    let open = Asked::sending(300);
    for (name, limited, unlimited) in [
        ("openai", cost(300, 700), cost(300, 0)),
        ("azure", cost(300, 1_000), cost(300, 80)),
        ("bedrock", cost(300, 1_000), cost(300, 80)),
        ("anthropic", cost(300, 0), cost(300, 0)),
        ("gemini", cost(300, 0), cost(300, 0)),
        ("groq", cost(300, 80), cost(300, 80)),
        ("mistral", cost(300, 80), cost(300, 80)),
        ("ollama", cost(300, 80), cost(300, 80)),
    ] {
        let rule = ReservationRule::of_provider(name);
        assert_eq!(rule.cost(&asked, 80, None), limited, "{name}");
        assert_eq!(rule.cost(&open, 80, None), unlimited, "{name}");
    }
    assert_eq!(ReservationRule::GROQ.cost(&asked, 5_000, None), cost(300, 1_000), "EST-4");
    let older = ReservationRule::ANTHROPIC_OLDER;
    assert_eq!(older.cost(&asked, 80, None), cost(300, 1_000));
    let large = Asked { input: 2_000, ..asked };
    assert_eq!(ReservationRule::OPENAI.cost(&large, 80, None), cost(2_000, 0), "a maximum, no sum");
}

#[test]
fn a_quota_smaller_than_what_a_call_allows_still_lets_it_go() {
    let asked = Asked { input: 300, max_output: Some(64_000), choices: 1 };
    for rule in [ReservationRule::AZURE, ReservationRule::OPENAI] {
        let cost = rule.cost(&asked, 80, Some(8_000));
        assert_eq!(cost.amount(Dimension::Tokens), 8_000, "{rule:?}");
    }
}

#[test]
fn a_small_quota_is_of_use_before_anything_is_learned() {
    let estimates = Estimates::new(OutputPolicy::default());
    let expected = |asked: &Asked, quota| estimates.expected(asked, &key(), quota);
    let open = Asked::sending(10);
    assert_eq!(expected(&open, None), 1_024);
    assert_eq!(expected(&open, Some(1_000)), 250, "EST-4");
    assert_eq!(expected(&open, Some(3)), 1, "EST-4: never nothing");
    assert_eq!(expected(&Asked { max_output: Some(20), ..open }, Some(1_000)), 20, "EST-4");
    let half = OutputPolicy { share: Share::per_mille(500), ..OutputPolicy::default() };
    assert_eq!(Estimates::new(half).expected(&open, &key(), Some(1_000)), 500);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,40}", "[а-яё ]{0,40}", "[一-龥]{0,40}", ".{0,40}"]
}

/// Any JSON.
fn value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(
            &["messages", "content", "role", "tools", "image_url", "n", "max_tokens"][..]
        )
        .prop_map(str::to_owned),
        text(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// EST-1.
    #[test]
    fn more_text_is_more_tokens(first in text(), second in text(), per_token in 0_u8..20) {
        let estimator = ByCharacters::per_token(per_token);
        let (one, other) = (estimator.text(&first), estimator.text(&second));
        let both = estimator.text(&format!("{first}{second}"));
        prop_assert!(both >= one.max(other));
        prop_assert!(both <= one + other);
        let characters = u64::try_from(first.chars().count())?;
        prop_assert!(one <= 2 * characters);
        prop_assert!(one * 16 >= characters);
    }

    /// EST-1, EST-2: whatever a body is, and one more message is never less.
    #[test]
    fn a_longer_conversation_is_never_estimated_as_less(
        mut messages in prop::collection::vec(value(), 0..5), more in value(),
    ) {
        let estimator = ByCharacters::default();
        let before = Asked::of_body(&json!({"messages": messages}), &estimator);
        messages.push(more.clone());
        let body = json!({"messages": messages});
        let after = Asked::of_body(&body, &estimator);
        prop_assert!(after.input >= before.input);
        let bytes = u64::try_from(body.to_string().len())?;
        prop_assert!(after.input <= bytes * 1_600);
        let by_bytes = Asked::of_bytes(body.to_string().as_bytes(), &estimator);
        prop_assert_eq!(by_bytes, after);
        let _ = Asked::of_body(&more, &estimator);
    }

    /// EST-4.
    #[test]
    fn what_is_reserved_stays_within_what_is_allowed(
        input in 0_u64..100_000, max_output in prop::option::of(0_u64..100_000), choices in 0_u64..4,
        quota in prop::option::of(1_u64..100_000),
        output in prop::sample::select(&[Reserved::Nothing, Reserved::Expected, Reserved::Most, Reserved::Larger][..]),
    ) {
        let asked = Asked { input, max_output, choices };
        let estimates = Estimates::new(OutputPolicy::default());
        let expected = estimates.expected(&asked, &key(), quota);
        let share = quota.map_or(u64::MAX, |quota| (quota / 4).max(1));
        prop_assert!(expected >= 1 && expected <= share);
        prop_assert!(expected <= asked.allowed_output().unwrap_or(u64::MAX).max(1));
        let cost = estimates.reserve(ReservationRule { output }, &asked, &key(), quota);
        prop_assert_eq!(cost.amount(Dimension::InputTokens), input);
        prop_assert_eq!(cost.amount(Dimension::Requests), 1);
        let reserved = cost.amount(Dimension::OutputTokens);
        prop_assert!(reserved <= asked.allowed_output().unwrap_or(u64::MAX).max(1));
        prop_assert!(reserved <= quota.unwrap_or(u64::MAX));
    }
}
