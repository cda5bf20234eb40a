//! What answers of all providers say that a call took, and what of it is charged: USE-3, USE-5.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_adaptive::{ChargeRule, Counted, Usage, UsageFamily};
use tidegate_units::{Cost, Dimension};

/// Input without caches, read from a cache, written to one, output, reasoning, total.
type Figures = [Option<u64>; 6];

fn figures(family: UsageFamily, body: &Value) -> Option<Figures> {
    Usage::of_body(family, body).map(|usage| {
        let Usage { input, cache_read, cache_write, output, reasoning, total } = usage;
        [input, cache_read, cache_write, output, reasoning, total]
    })
}

#[test]
fn every_provider_is_read_in_its_own_words() {
    let openai = json!({"usage": {"prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 20}}});
    let responses = json!({"object": "response", "usage": {"input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 6},
        "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 130}});
    let anthropic = json!({"type": "message", "usage": {"input_tokens": 30,
        "cache_read_input_tokens": 64, "cache_creation_input_tokens": 6, "output_tokens": 30}});
    let by_term = json!({"usage": {"input_tokens": 30, "cache_read_input_tokens": 64,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 2},
        "output_tokens": 30}});
    let gemini = json!({"usageMetadata": {"promptTokenCount": 90, "cachedContentTokenCount": 64,
        "toolUsePromptTokenCount": 10, "candidatesTokenCount": 10, "thoughtsTokenCount": 20,
        "totalTokenCount": 130}});
    let cohere = json!({"meta": {"billed_units": {"input_tokens": 5.0, "output_tokens": 30.0},
        "tokens": {"input_tokens": 100.0, "output_tokens": 29.2}}});
    let cohere_2 = json!({"usage": {"billed_units": {"input_tokens": 5, "output_tokens": 30}}});
    let bedrock = json!({"usage": {"inputTokens": 30, "outputTokens": 30, "totalTokens": 130,
        "cacheReadInputTokens": 64, "cacheWriteInputTokens": 6}});
    let ollama = json!({"done": true, "prompt_eval_count": 100, "eval_count": 30});
    let cached = [Some(30), Some(64), Some(6), Some(30)];
    let with = |reasoning, total| {
        let [input, read, write, output] = cached;
        Some([input, read, write, output, reasoning, total])
    };
    let plain = |input, output| Some([Some(input), None, None, Some(output), None, None]);
    let gemini_figures = [Some(36), Some(64), None, Some(30), Some(20), Some(130)];
    for (family, body, expected) in [
        (UsageFamily::OpenAi, &openai, with(Some(20), Some(130))),
        (UsageFamily::OpenAi, &responses, with(Some(20), Some(130))),
        (UsageFamily::Anthropic, &anthropic, with(None, None)),
        (UsageFamily::Anthropic, &by_term, with(None, None)),
        (UsageFamily::Gemini, &gemini, Some(gemini_figures)),
        (UsageFamily::Cohere, &cohere, plain(100, 30)),
        (UsageFamily::Cohere, &cohere_2, plain(5, 30)),
        (UsageFamily::Bedrock, &bedrock, with(None, Some(130))),
        (UsageFamily::Bedrock, &anthropic, with(None, None)),
        (UsageFamily::Ollama, &ollama, plain(100, 30)),
    ] {
        assert_eq!(figures(family, body), expected, "{family:?} {body}");
        assert_eq!(figures(UsageFamily::Generic, body), expected, "generic {body}");
    }
}

#[test]
fn the_last_element_of_a_streamed_list_has_the_last_word() {
    let list = json!([
        {"candidates": [], "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 4}},
        {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 9, "totalTokenCount": 19}},
        {"candidates": []},
    ]);
    let expected = [Some(10), None, None, Some(9), None, Some(19)];
    assert_eq!(figures(UsageFamily::Gemini, &list), Some(expected), "USE-3");
}

#[test]
fn output_that_was_cut_off_is_told_from_the_total() {
    let of = |usage: Value| {
        let usage = Usage::of_body(UsageFamily::Gemini, &json!({"usageMetadata": usage}));
        usage.and_then(|usage| usage.output)
    };
    let cut = json!({"promptTokenCount": 10, "thoughtsTokenCount": 500, "totalTokenCount": 510});
    assert_eq!(of(cut), Some(500));
    let longer = json!({"promptTokenCount": 10, "thoughtsTokenCount": 500, "totalTokenCount": 600});
    assert_eq!(of(longer), Some(590));
    assert_eq!(of(json!({"promptTokenCount": 10, "thoughtsTokenCount": 7})), Some(7));
    assert_eq!(of(json!({"promptTokenCount": 10})), None);
}

#[test]
fn what_is_no_count_is_none() {
    let of = |input: Value| {
        let body = json!({"usage": {"input_tokens": input, "output_tokens": 1}});
        Usage::of_body(UsageFamily::Anthropic, &body).and_then(|usage| usage.input)
    };
    let none =
        [json!(-1), json!(null), json!("many"), json!(""), json!("-3"), json!([7]), json!(true)];
    for value in none {
        assert_eq!(of(value.clone()), None, "{value}");
    }
    assert_eq!(of(json!("12")), Some(12));
    assert_eq!(of(json!(11.2)), Some(12), "never too little");
    assert_eq!(of(json!(1e300)), Some(u64::MAX));
    let nothing =
        [json!({}), json!({"usage": null}), json!({"usage": "free"}), json!([]), json!(7)];
    for body in nothing {
        assert_eq!(figures(UsageFamily::Generic, &body), None, "{body}");
    }
}

#[test]
fn what_a_cache_is_said_to_hold_is_never_more_than_the_prompt() {
    let body = json!({"usage": {"prompt_tokens": 10, "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 90}}});
    let expected = [Some(0), Some(8), Some(2), Some(1), None, None];
    assert_eq!(figures(UsageFamily::OpenAi, &body), Some(expected));
    let body = json!({"usage": {"completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 9}}});
    let expected = [None, None, None, Some(9), Some(9), None];
    assert_eq!(figures(UsageFamily::OpenAi, &body), Some(expected), "nor thoughts than output");
}

#[test]
fn each_rule_charges_what_its_provider_counts() {
    let usage = Usage {
        input: Some(1_000),
        cache_read: Some(200),
        cache_write: Some(30),
        output: Some(4),
        reasoning: Some(3),
        total: Some(1_234),
    };
    let cost = |input, output| Cost::request().input_tokens(input).output_tokens(output);
    let burnt = ChargeRule::BEDROCK.output_times(5);
    for (rule, expected) in [
        (ChargeRule::ANTHROPIC, cost(1_030, 4)),
        (ChargeRule::ANTHROPIC_CACHE_COUNTS, cost(1_230, 4)),
        (ChargeRule::OPENAI, cost(1_230, 4).tokens(1_234)),
        (ChargeRule::GEMINI, cost(1_230, 0)),
        (ChargeRule::GROQ, cost(1_030, 4)),
        (ChargeRule::BEDROCK, cost(1_030, 4)),
        (burnt, cost(1_030, 20)),
    ] {
        assert_eq!(usage.charge(rule), expected, "{rule:?}");
    }
}

#[test]
fn where_only_the_sum_is_known_the_sum_counts() {
    let usage = Usage { total: Some(50), output: Some(20), ..Usage::default() };
    let tokens = |rule| usage.charge(rule).amount(Dimension::Tokens);
    assert_eq!(tokens(ChargeRule::OPENAI), 50);
    assert_eq!(tokens(ChargeRule::ANTHROPIC), 50);
    assert_eq!(tokens(ChargeRule::GEMINI), 30);
    let given = Usage { cache_read: Some(5), ..usage };
    assert_eq!(given.charge(ChargeRule::GEMINI).amount(Dimension::InputTokens), 30);
    let forgiving = ChargeRule { cache_read: false, ..ChargeRule::GEMINI };
    assert_eq!(given.charge(forgiving).amount(Dimension::InputTokens), 25);
    assert_eq!(usage.charge(ChargeRule::ANTHROPIC).amount(Dimension::InputTokens), 30);
    let cached = Usage { cache_read: Some(5), ..usage };
    assert_eq!(cached.charge(ChargeRule::GROQ).amount(Dimension::Tokens), 45);
    assert_eq!(Usage::default().charge(ChargeRule::OPENAI), Cost::request());
}

#[test]
fn names_of_providers_lead_to_their_families_and_rules() {
    assert_eq!(ChargeRule::of_provider("anthropic"), ChargeRule::ANTHROPIC);
    assert_eq!(ChargeRule::ANTHROPIC.counted, Counted::Apart);
    assert_eq!(ChargeRule::ANTHROPIC_CACHE_COUNTS.counted, Counted::Apart);
    assert_eq!(ChargeRule::of_provider("bedrock"), ChargeRule::BEDROCK);
    assert_eq!(ChargeRule::of_provider("gemini").counted, Counted::InputOnly);
    assert_eq!(ChargeRule::of_provider("groq"), ChargeRule::GROQ);
    assert_eq!(ChargeRule::of_provider("nobody"), ChargeRule::ALL);
    assert_eq!(UsageFamily::of_provider("groq"), UsageFamily::OpenAi);
    assert_eq!(UsageFamily::of_provider("bedrock"), UsageFamily::Bedrock);
}

fn amount() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![1 => Just(None), 6 => (0_u64..5_000).prop_map(Some), 1 => any::<u64>().prop_map(Some)]
}

fn rule() -> impl Strategy<Value = ChargeRule> {
    let counted =
        prop_oneof![Just(Counted::Apart), Just(Counted::Together), Just(Counted::InputOnly)];
    (counted, any::<bool>(), any::<bool>(), any::<u8>()).prop_map(
        |(counted, cache_read, cache_write, output_times)| ChargeRule {
            counted,
            cache_read,
            cache_write,
            output_times,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// USE-5, and what is known to count is charged.
    #[test]
    fn a_charge_lies_between_what_surely_counts_and_everything(
        (input, cache_read, cache_write) in (amount(), amount(), amount()),
        (output, total) in (amount(), amount()),
        rule in rule(),
    ) {
        let usage = Usage { input, cache_read, cache_write, output, reasoning: None, total };
        let cost = usage.charge(rule);
        let times = u64::from(rule.output_times.clamp(1, 100));
        let most = usage.all_tokens().saturating_add(
            output.unwrap_or(0).saturating_mul(times - 1),
        );
        prop_assert!(cost.amount(Dimension::Tokens) <= most);
        prop_assert!(cost.amount(Dimension::InputTokens) >= input.unwrap_or(0));
        let counts_output = rule.counted != Counted::InputOnly;
        let burnt = output.unwrap_or(0).saturating_mul(times);
        prop_assert_eq!(cost.amount(Dimension::OutputTokens), if counts_output { burnt } else { 0 });
        prop_assert_eq!(cost.amount(Dimension::Requests), 1);
    }
}
