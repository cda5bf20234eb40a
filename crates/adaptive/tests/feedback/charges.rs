//! What calls are charged, by the providers' own counting; of streams the last that is said (FEED-3).

use tidegate_adaptive::feedback::{Charge, Counted};

use crate::support::read;

/// Input, output and total, or nothing.
fn charge(provider: &str, body: &str) -> Option<[Option<u64>; 3]> {
    let feedback = read(provider, 200, &[], body);
    feedback.charge.map(|Charge { input, output, total, .. }| [input, output, total])
}

fn of(input: u64, output: u64, total: u64) -> [Option<u64>; 3] {
    [Some(input), Some(output), Some(total)]
}

#[test]
fn what_anthropic_reads_from_its_cache_is_free_for_most_models() {
    let body = |model: &str| {
        format!(
            r#"{{"model":"{model}","usage":{{"input_tokens":10,"cache_creation_input_tokens":200,"cache_read_input_tokens":3000,"output_tokens":5}}}}"#
        )
    };
    assert_eq!(charge("anthropic", &body("claude-sonnet-4")).expect("usage"), of(210, 5, 215));
    assert_eq!(
        charge("anthropic", &body("claude-3-5-haiku-20241022")).expect("usage"),
        of(3_210, 5, 3_215)
    );
}

#[test]
fn of_a_stream_the_last_usage_counts_and_not_the_sum() {
    let stream = "event: message_start\n\
        data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":10}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\n";
    assert_eq!(charge("anthropic", stream).expect("usage"), of(25, 15, 40));
    let stream = "data: {\"usage\":null}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":13,\"completion_tokens\":5,\"total_tokens\":18}}\n\ndata: [DONE]\n\n";
    assert_eq!(charge("openai", stream).expect("usage"), of(13, 5, 18));
    let chunk = |output: u64| {
        format!(
            "data: {{\"usageMetadata\":{{\"promptTokenCount\":4,\"candidatesTokenCount\":{output},\"totalTokenCount\":{}}}}}\n\n",
            4 + output
        )
    };
    assert_eq!(
        charge("gemini", &format!("{}{}", chunk(3), chunk(8))).expect("usage"),
        of(4, 8, 12)
    );
    assert_eq!(charge("openai", "data: {\"usage\":null}\n\n"), None);
}

#[test]
fn openai_counts_what_is_cached_and_groq_does_not() {
    let body = r#"{"usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920}}}"#;
    assert_eq!(charge("openai", body).expect("usage"), of(2_006, 300, 2_306));
    assert_eq!(charge("azure", body).expect("usage"), of(2_006, 300, 2_306));
    assert_eq!(charge("groq", body).expect("usage"), of(86, 300, 386));
    let responses = r#"{"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,"total_tokens":123}}"#;
    assert_eq!(charge("openai", responses).expect("usage"), of(36, 87, 123));
    let embeddings = r#"{"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    assert_eq!(charge("openai", embeddings), Some([Some(8), None, Some(8)]));
}

#[test]
fn thoughts_of_gemini_are_beside_its_answer() {
    let body = r#"{"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":20,"thoughtsTokenCount":30,"cachedContentTokenCount":5,"totalTokenCount":60}}"#;
    assert_eq!(charge("gemini", body).expect("usage"), of(10, 50, 60));
    assert_eq!(charge("vertex", &format!("[{body}]")).expect("usage"), of(10, 50, 60));
    let tool = r#"{"usageMetadata":{"promptTokenCount":10,"toolUsePromptTokenCount":7,"candidatesTokenCount":1}}"#;
    assert_eq!(charge("gemini", tool).expect("usage"), of(17, 1, 18));
    let live =
        r#"{"usageMetadata":{"promptTokenCount":10,"responseTokenCount":4,"totalTokenCount":14}}"#;
    assert_eq!(charge("gemini", live).expect("usage"), of(10, 4, 14));
}

#[test]
fn mistral_says_in_a_header_what_a_call_costs() {
    let body = r#"{"usage":{"prompt_tokens":2000,"completion_tokens":804,"total_tokens":2804}}"#;
    assert_eq!(charge("mistral", body).expect("usage"), of(2_000, 804, 2_804));
    for name in ["x-ratelimit-tokens-query-cost", "ratelimitbysize-query-cost"] {
        let feedback = read("mistral", 200, &[(name, "2804")], "{}");
        assert_eq!(feedback.charge.and_then(|charge| charge.total), Some(2_804), "{name}");
    }
}

#[test]
fn cohere_has_two_places_and_fractions_of_zero() {
    let first = r#"{"meta":{"billed_units":{"input_tokens":5,"output_tokens":9},"tokens":{"input_tokens":70,"output_tokens":9}}}"#;
    assert_eq!(charge("cohere", first).expect("usage"), of(5, 9, 14));
    let second = r#"{"usage":{"billed_units":{"input_tokens":5.0,"output_tokens":9.0}}}"#;
    assert_eq!(charge("cohere", second).expect("usage"), of(5, 9, 14));
    let bare = r#"{"usage":{"tokens":{"input_tokens":70,"output_tokens":9}}}"#;
    assert_eq!(charge("cohere", bare).expect("usage"), of(70, 9, 79));
}

#[test]
fn bedrock_says_it_in_the_body_an_event_or_headers() {
    let usage = r#""usage":{"inputTokens":30,"outputTokens":7,"totalTokens":137,"cacheReadInputTokens":80,"cacheWriteInputTokens":20}"#;
    assert_eq!(charge("bedrock", &format!("{{{usage}}}")).expect("usage"), of(50, 7, 57));
    assert_eq!(
        charge("bedrock", &format!("{{\"metadata\":{{{usage}}}}}")).expect("usage"),
        of(50, 7, 57)
    );
    let lines =
        [("x-amzn-bedrock-input-token-count", "12"), ("x-amzn-bedrock-output-token-count", "3")];
    let charge = read("bedrock", 200, &lines, "{}").charge.expect("headers say it");
    assert_eq!((charge.input, charge.output, charge.counted), (Some(12), Some(3), Counted::Either));
}

#[test]
fn usage_that_makes_no_sense_is_none() {
    for body in [
        "{}",
        r#"{"usage":7}"#,
        r#"{"usage":{"prompt_tokens":-1}}"#,
        r#"{"usage":{"prompt_tokens":"9"}}"#,
        r#"{"usage":{"total_tokens":null}}"#,
        r#"{"usage":{"prompt_tokens":1e300}}"#,
    ] {
        for provider in ["openai", "anthropic", "groq", "gemini", "cohere", "bedrock", "generic"] {
            assert_eq!(charge(provider, body), None, "{provider} {body}");
        }
    }
    let huge = r#"{"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":5}}"#;
    assert_eq!(charge("openai", huge).expect("usage"), of(u64::MAX, 5, u64::MAX));
}
