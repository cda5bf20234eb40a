//! Streamed answers as services write them, and how they are read.

use serde_json::{Value, json};
use tidegate_adaptive::{StreamUsage, Usage, UsageFamily, UsageStream};

pub(crate) fn read(family: UsageFamily, bytes: &[u8]) -> StreamUsage {
    let mut stream = UsageStream::new(family);
    stream.feed(bytes);
    stream.finish()
}

/// JSON objects, one a line.
pub(crate) fn lines(events: &[Value], end: &str) -> String {
    let one = |event: &Value| event.to_string() + end;
    events.iter().map(one).collect()
}

/// Server-sent events, each with its name or without.
pub(crate) fn sse(events: &[(&str, Value)]) -> String {
    let one = |(name, data): &(&str, Value)| match *name {
        "" => format!("data: {data}\n\n"),
        name => format!("event: {name}\ndata: {data}\n\n"),
    };
    events.iter().map(one).collect()
}

pub(crate) fn anthropic() -> Vec<(&'static str, Value)> {
    vec![
        (
            "message_start",
            json!({"type": "message_start", "message": {"type": "message", "content": [],
                "usage": {"input_tokens": 25, "cache_read_input_tokens": 1_000,
                    "cache_creation_input_tokens": 7, "output_tokens": 1}}}),
        ),
        ("ping", json!({"type": "ping"})),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Grüß ☕"}}),
        ),
        (
            "content_block_delta",
            json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "\n\"{"}}),
        ),
        (
            "message_delta",
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 15}}),
        ),
        ("message_stop", json!({"type": "message_stop"})),
    ]
}

pub(crate) fn chat() -> String {
    let chunk = |text: &str| json!({"choices": [{"delta": {"content": text}}], "usage": null});
    let events = [
        ("", json!({"choices": [{"delta": {"role": "assistant", "content": ""}}], "usage": null})),
        ("", chunk("one")),
        ("", chunk(" two")),
        ("", json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": null})),
        (
            "",
            json!({"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 12,
                "total_tokens": 52, "prompt_tokens_details": {"cached_tokens": 30}}}),
        ),
    ];
    sse(&events) + "data: [DONE]\n\n"
}

pub(crate) fn gemini() -> Vec<Value> {
    let part = |text: &str| json!([{"content": {"parts": [{"text": text}], "role": "model"}}]);
    vec![
        json!({"candidates": part("a"), "usageMetadata": {"promptTokenCount": 8,
            "candidatesTokenCount": 1, "totalTokenCount": 9}}),
        json!({"candidates": part("b\\\"}]"), "usageMetadata": {"promptTokenCount": 8,
            "candidatesTokenCount": 5, "totalTokenCount": 13}}),
        json!({"candidates": [{"content": {}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 6,
            "thoughtsTokenCount": 4, "totalTokenCount": 18}}),
    ]
}

pub(crate) fn tokens(usage: Option<Usage>) -> (Option<u64>, Option<u64>) {
    usage.map_or((None, None), |usage| (usage.all_input(), usage.output))
}
