//! Usage of streamed answers, whole, cut off and broken, in chunks of any size: USE-1 to USE-4.

#[path = "usage_streams/answers.rs"]
mod answers;
#[path = "usage_streams/frames.rs"]
mod frames;
#[path = "usage_streams/splits.rs"]
mod splits;

use serde_json::{Value, json};
use tidegate_adaptive::{Known, UsageFamily};

use answers::{anthropic, chat, gemini, lines, read, sse, tokens};

#[test]
fn an_anthropic_stream_takes_its_input_from_the_start_and_its_output_from_the_end() {
    let end = read(UsageFamily::Anthropic, sse(&anthropic()).as_bytes());
    assert_eq!((end.known, end.pieces, end.unread), (Known::Complete, 2, 0));
    let usage = end.usage.expect("usage");
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write),
        (Some(25), Some(1_000), Some(7))
    );
    assert_eq!(usage.output, Some(15), "USE-3: the last word, no sum");
    assert_eq!(end.failure, None);
}

#[test]
fn a_chat_completion_ends_with_a_chunk_without_choices() {
    let end = read(UsageFamily::OpenAi, chat().as_bytes());
    assert_eq!((end.known, end.pieces, end.unread), (Known::Complete, 2, 0));
    let usage = end.usage.expect("usage");
    assert_eq!((usage.input, usage.cache_read, usage.output), (Some(10), Some(30), Some(12)));
}

#[test]
fn usage_that_grows_with_every_chunk_is_not_complete_before_the_end() {
    let chunk = |output, reason: Value| {
        let choice = json!([{"delta": {"content": "x"}, "finish_reason": reason}]);
        json!({"choices": choice, "usage": {"prompt_tokens": 4, "completion_tokens": output}})
    };
    let growing = sse(&[("", chunk(1, json!(null))), ("", chunk(2, json!(null)))]);
    let cut = read(UsageFamily::OpenAi, growing.as_bytes());
    assert_eq!((cut.known, tokens(cut.usage)), (Known::Partial, (Some(4), Some(2))));
    let done = growing.clone() + "data: [DONE]\n\n";
    assert_eq!(read(UsageFamily::OpenAi, done.as_bytes()).known, Known::Complete);
    let whole = growing + &sse(&[("", chunk(3, json!("stop")))]);
    let end = read(UsageFamily::OpenAi, whole.as_bytes());
    assert_eq!((end.known, tokens(end.usage)), (Known::Complete, (Some(4), Some(3))));
    let groq = json!({"choices": [{"delta": {}, "finish_reason": "stop"}],
        "x_groq": {"usage": {"prompt_tokens": 5, "completion_tokens": 6}}});
    let end = read(UsageFamily::OpenAi, sse(&[("", groq)]).as_bytes());
    assert_eq!((end.known, tokens(end.usage)), (Known::Complete, (Some(5), Some(6))));
}

#[test]
fn a_response_ends_completed_incomplete_or_failed() {
    for kind in ["response.completed", "response.incomplete", "response.failed"] {
        let error = if kind == "response.failed" {
            json!({"code": "rate_limit_exceeded", "message": "slow down"})
        } else {
            Value::Null
        };
        let events = [
            ("response.created", json!({"type": "response.created", "response": {"usage": null}})),
            (
                "response.output_text.delta",
                json!({"type": "response.output_text.delta", "delta": "Hi"}),
            ),
            (
                kind,
                json!({"type": kind, "response": {"error": error, "usage": {"input_tokens": 9,
                    "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3,
                    "total_tokens": 12}}}),
            ),
        ];
        let end = read(UsageFamily::OpenAi, sse(&events).as_bytes());
        assert_eq!((end.known, end.pieces), (Known::Complete, 1), "{kind}");
        assert_eq!(tokens(end.usage), (Some(9), Some(3)), "{kind}");
        let code = end.failure.map(|body| body["error"]["code"].clone());
        assert_eq!(code.is_some(), kind == "response.failed");
        assert!(code.is_none_or(|code| code == "rate_limit_exceeded"));
    }
}

#[test]
fn gemini_streams_as_events_as_a_list_and_in_lines() {
    let chunks = gemini();
    let events: Vec<_> = chunks.iter().map(|chunk| ("", chunk.clone())).collect();
    let list = serde_json::to_string_pretty(&Value::Array(chunks.clone())).expect("text");
    let lines = lines(&chunks, "\r\n");
    for text in [sse(&events), list, lines] {
        let end = read(UsageFamily::Gemini, text.as_bytes());
        assert_eq!((end.known, end.pieces, end.unread), (Known::Complete, 2, 0), "{text}");
        assert_eq!(tokens(end.usage), (Some(8), Some(10)), "USE-3: cumulative, never summed");
    }
}

#[test]
fn bedrock_cohere_and_ollama_end_in_their_own_ways() {
    let bedrock = [
        json!({"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}}),
        json!({"messageStop": {"stopReason": "end_turn"}}),
        json!({"metadata": {"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
            "metrics": {"latencyMs": 100}}}),
    ];
    let payloads = [
        json!({"contentBlockIndex": 0, "delta": {"text": "Hi"}, "p": "abc"}),
        json!({"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}, "p": "ab"}),
    ];
    let invoked = [
        json!({"type": "content_block_delta", "delta": {"text": "Hi"}}),
        json!({"type": "message_stop", "amazon-bedrock-invocationMetrics":
            {"inputTokenCount": 5, "outputTokenCount": 2, "invocationLatency": 3}}),
    ];
    let cohere = [
        json!({"type": "content-delta", "delta": {"message": {"content": {"text": "Hi"}}}}),
        json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE",
            "usage": {"tokens": {"input_tokens": 5.0, "output_tokens": 2.0}}}}),
    ];
    let cohere_1 = [
        json!({"event_type": "text-generation", "text": "Hi"}),
        json!({"event_type": "stream-end", "response": {"meta": {"tokens":
            {"input_tokens": 5, "output_tokens": 2}}}}),
    ];
    let ollama = [
        json!({"message": {"role": "assistant", "content": "Hi"}, "done": false}),
        json!({"message": {"content": ""}, "done": true, "prompt_eval_count": 5, "eval_count": 2}),
    ];
    let all: [(UsageFamily, &[Value]); 6] = [
        (UsageFamily::Bedrock, &bedrock),
        (UsageFamily::Bedrock, &payloads),
        (UsageFamily::Bedrock, &invoked),
        (UsageFamily::Cohere, &cohere),
        (UsageFamily::Cohere, &cohere_1),
        (UsageFamily::Ollama, &ollama),
    ];
    for (family, events) in all {
        for family in [family, UsageFamily::Generic] {
            let lines = lines(events, "\n");
            let end = read(family, lines.as_bytes());
            assert_eq!((end.known, end.pieces), (Known::Complete, 1), "{family:?} {lines}");
            assert_eq!(tokens(end.usage), (Some(5), Some(2)), "{family:?}");
        }
    }
}

#[test]
fn a_body_that_is_not_streamed_at_all_is_read_as_well() {
    let chat = json!({"object": "chat.completion", "choices": [{"finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2}});
    let message = json!({"type": "message", "usage": {"input_tokens": 5, "output_tokens": 2}});
    let failed = json!({"error": {"message": "no", "code": "rate_limit_exceeded"}});
    for (family, body) in [(UsageFamily::OpenAi, chat), (UsageFamily::Anthropic, message)] {
        let end = read(family, body.to_string().as_bytes());
        assert_eq!((end.known, tokens(end.usage)), (Known::Complete, (Some(5), Some(2))), "{body}");
    }
    let end = read(UsageFamily::OpenAi, failed.to_string().as_bytes());
    assert_eq!((end.known, end.failure), (Known::Nothing, Some(failed)));
}

#[test]
fn an_error_after_a_success_is_reported_as_a_body() {
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
    let mut events = anthropic();
    events.truncate(3);
    events.push(("error", error.clone()));
    let end = read(UsageFamily::Anthropic, sse(&events).as_bytes());
    assert_eq!((end.known, end.failure), (Known::Partial, Some(error)));
    assert_eq!(tokens(end.usage), (Some(1_032), Some(1)));

    let bare = json!({"type": "error", "code": "server_error", "message": "sorry"});
    let end = read(UsageFamily::OpenAi, sse(&[("error", bare)]).as_bytes());
    assert_eq!(end.failure.map(|body| body["error"]["code"].clone()), Some(json!("server_error")));

    let frame = json!({"throttlingException": {"message": "Too many tokens"}});
    let end = read(UsageFamily::Bedrock, frame.to_string().as_bytes());
    let body = json!({"__type": "throttlingException", "message": "Too many tokens"});
    assert_eq!((end.known, end.failure), (Known::Nothing, Some(body)));

    let first = json!({"error": {"code": "one"}});
    let both = [("", first.clone()), ("", json!({"error": {"code": "two"}}))];
    assert_eq!(read(UsageFamily::OpenAi, sse(&both).as_bytes()).failure, Some(first));
    let named = read(UsageFamily::OpenAi, b"event: error\ndata: {\"code\": \"three\"}\n\n");
    assert_eq!(named.failure, Some(json!({"error": {"code": "three"}})));

    let listed = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]);
    let end = read(UsageFamily::Gemini, listed.to_string().as_bytes());
    assert_eq!(end.failure, Some(listed[0].clone()));
}

#[test]
fn a_stream_that_breaks_off_says_what_it_knew() {
    let text = sse(&anthropic());
    let at = text.find("message_delta").expect("it is there");
    let end = read(UsageFamily::Anthropic, &text.as_bytes()[..at]);
    assert_eq!((end.known, tokens(end.usage)), (Known::Partial, (Some(1_032), Some(1))));
    assert_eq!(tokens(end.at_least()), (Some(1_032), Some(2)), "a token for each piece");

    let chat = chat();
    let at = chat.find("\"choices\":[]").expect("it is there");
    let end = read(UsageFamily::OpenAi, &chat.as_bytes()[..at]);
    assert_eq!((end.known, end.usage, end.pieces), (Known::Partial, None, 2));
    assert_eq!(tokens(end.at_least()), (None, Some(2)));

    let end = read(UsageFamily::OpenAi, b"");
    assert_eq!((end.known, end.at_least()), (Known::Nothing, None));
    // Without being asked for it, no chunk counts anything.
    let end = read(UsageFamily::OpenAi, b"data: {\"choices\":[]}\n\ndata: [DONE]\n\n");
    assert_eq!(end.known, Known::Nothing);
}
