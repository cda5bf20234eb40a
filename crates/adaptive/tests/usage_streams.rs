//! Usage of streamed answers, whole, cut off and broken, in chunks of any size: USE-1 to USE-4.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_adaptive::{Known, StreamUsage, Usage, UsageFamily, UsageStream};

const FAMILIES: [UsageFamily; 7] = [
    UsageFamily::Anthropic,
    UsageFamily::OpenAi,
    UsageFamily::Gemini,
    UsageFamily::Cohere,
    UsageFamily::Bedrock,
    UsageFamily::Ollama,
    UsageFamily::Generic,
];

fn read(family: UsageFamily, bytes: &[u8]) -> StreamUsage {
    let mut stream = UsageStream::new(family);
    stream.feed(bytes);
    stream.finish()
}

/// JSON objects, one a line.
fn lines(events: &[Value], end: &str) -> String {
    let one = |event: &Value| event.to_string() + end;
    events.iter().map(one).collect()
}

/// Server-sent events, each with its name or without.
fn sse(events: &[(&str, Value)]) -> String {
    let one = |(name, data): &(&str, Value)| match *name {
        "" => format!("data: {data}\n\n"),
        name => format!("event: {name}\ndata: {data}\n\n"),
    };
    events.iter().map(one).collect()
}

fn anthropic() -> Vec<(&'static str, Value)> {
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

fn chat() -> String {
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

fn gemini() -> Vec<Value> {
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

fn tokens(usage: Option<Usage>) -> (Option<u64>, Option<u64>) {
    usage.map_or((None, None), |usage| (usage.all_input(), usage.output))
}

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

#[test]
fn the_last_event_counts_even_without_its_blank_line() {
    let text = chat();
    let text = text.strip_suffix("\n\ndata: [DONE]\n\n").expect("it ends so");
    assert_eq!(read(UsageFamily::OpenAi, text.as_bytes()).known, Known::Complete);
    let glued = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\ndata: [DONE]";
    let end = read(UsageFamily::OpenAi, glued.as_bytes());
    assert_eq!((end.known, end.unread), (Known::Complete, 0));
}

#[test]
fn lines_end_in_three_ways_and_fields_are_told_exactly() {
    let text = "\u{feff}: note\nid: 7\nretry:10\nevent\neventual: error\ndatax: {\"error\":1}\ndat: {\"error\":2}\n\
                data:{\"choices\":[],\ndata:\"usage\":{\"prompt_tokens\":3}}\n\ndata\n\n";
    for end in ["\n", "\r\n", "\r"] {
        let text = text.replace('\n', end);
        let said = read(UsageFamily::OpenAi, text.as_bytes());
        assert_eq!((said.known, said.failure), (Known::Complete, None), "{end:?}");
        assert_eq!(tokens(said.usage), (Some(3), None));
    }
    let marked = "\u{feff}data: {\"error\": 1}\n\n";
    assert_eq!(read(UsageFamily::OpenAi, marked.as_bytes()).failure, Some(json!({"error": 1})));
    let renamed = b"event: ping\nevent: error\ndata: {\"code\": 2}\n\ndata: {\"code\": 3}\n\n";
    let said = read(UsageFamily::OpenAi, renamed).failure;
    assert_eq!(said, Some(json!({"error": {"code": 2}})), "the last name, of one event");
    let torn = b"data: {\"usage\":{\"prompt_tokens\":1\ndata: 2}}\n\n";
    assert_eq!(read(UsageFamily::OpenAi, torn).usage, None, "a new line is no join");
}

#[test]
fn objects_in_a_row_are_told_apart_by_their_brackets() {
    let counts = "{\"choices\":[],\"usage\":{\"prompt_tokens\":3}}";
    for before in [
        "{\"x\":\"\\\\\"}",
        "{\"x\":\"}\\\"}{\"}",
        "{\"a\":[{},\"]\"]} ,",
        "[ ",
        "{\"cut\": \"off\n",
    ] {
        let mut stream = UsageStream::new(UsageFamily::OpenAi);
        stream.feed(format!("{before}{counts}").as_bytes());
        let said = stream.report();
        assert_eq!(
            (said.known, tokens(said.usage)),
            (Known::Complete, (Some(3), None)),
            "{before}"
        );
    }
}

#[test]
fn a_large_event_is_not_held_and_its_usage_is_found() {
    let large = "x\\\"{[".repeat(100_000);
    // Counts that are not those of the call stand before and after those that are.
    let output = format!("[{{\"text\":\"{large}\",\"usage\":{{\"input_tokens\":999}}}}]");
    let error = format!("{{\"x\":\"{large}\"}}");
    let text = format!(
        "event: response.completed\ndata: {{\"type\":\"response.completed\",\"error\":{error},\
         \"response\":{{\"usage\":{{\"input_tokens\":9,\"output_tokens\":3}},\"output\":{output}}},\
         \"delta\":{{\"output\":{output},\"inner\":{{\"usage\":{{\"input_tokens\":998}}}}}}}}\n\n"
    );
    let mut stream = UsageStream::new(UsageFamily::OpenAi);
    for chunk in text.as_bytes().chunks(1_000) {
        stream.feed(chunk);
        assert!(stream.held() <= UsageStream::HELD_MAX, "USE-2");
    }
    let end = stream.finish();
    assert_eq!((end.known, tokens(end.usage)), (Known::Complete, (Some(9), Some(3))));
    assert_eq!(end, read(UsageFamily::OpenAi, text.as_bytes()), "USE-1");

    let picture = format!(
        "[{{\"candidates\": [{{\"content\": {{\"parts\": [\"{large}\"]}}, \"finishReason\": \"STOP\"}}],\n\
         \"usageMetadata\": {{\"promptTokenCount\": 4, \"totalTokenCount\": 9}}}}]"
    );
    let end = read(UsageFamily::Gemini, picture.as_bytes());
    assert_eq!((end.known, tokens(end.usage)), (Known::Complete, (Some(4), Some(5))));
}

#[test]
fn an_event_is_read_alike_just_below_the_bound_and_just_beyond_it() {
    let counts = "\"choices\":[],\"usage\":{\"prompt_tokens\":3}}";
    let padding = UsageStream::EVENT_MAX - counts.len() - "{\"x\":\"\",".len();
    for length in padding - 1..=padding + 1 {
        let event = format!("{{\"x\":\"{}\",{counts}", "y".repeat(length));
        let text = format!("data: {event}\n\ndata: [DONE]\n\n");
        for size in [1, 7, 4_096, UsageStream::EVENT_MAX, text.len()] {
            let mut stream = UsageStream::new(UsageFamily::OpenAi);
            for chunk in text.as_bytes().chunks(size) {
                stream.feed(chunk);
                assert!(stream.held() <= UsageStream::EVENT_MAX, "USE-2");
            }
            assert_eq!(tokens(stream.usage()), (Some(3), None), "USE-1: {length} {size}");
            assert_eq!(stream.finish().known, Known::Complete);
        }
    }
}

#[test]
fn events_that_are_nested_too_deeply_are_skimmed() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let text =
        format!("data: {{\"x\":{deep},\"choices\":0,\"usage\":{{\"prompt_tokens\":3}}}}\n\n");
    let end = read(UsageFamily::OpenAi, text.as_bytes());
    assert_eq!((tokens(end.usage), end.unread), ((Some(3), None), 0));
    let cut = "data: {\"done\":true,\"prompt_eval_count\":12";
    assert_eq!(read(UsageFamily::Ollama, cut.as_bytes()).usage, None, "it may have been 123");
    assert_eq!(read(UsageFamily::OpenAi, b"data: <html>\n\n").unread, 1);
}

/// What streams are made of, well or badly put together.
const WORDS: &[&str] = &[
    "data",
    ":",
    " ",
    "\r",
    "\n",
    "\n\n",
    "event",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    ",",
    "\"usage\":",
    "{\"prompt_tokens\":7}",
    "\"choices\":[]",
    "[DONE]",
    "null",
    "\u{feff}",
    "\"error\":",
    "\"response\":",
    "\"type\":\"message_stop\"",
    "9",
    "é",
];

/// Bytes as they come from services, from services that are broken, and from nobody.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let whole = prop_oneof![
        Just(sse(&anthropic())),
        Just(chat()),
        Just(chat().replace('\n', "\r\n")),
        Just(Value::Array(gemini()).to_string()),
        Just(lines(&gemini(), "\n")),
    ];
    let whole = whole.prop_map(String::into_bytes);
    let cut = (whole.clone(), any::<prop::sample::Index>()).prop_map(|(mut bytes, at)| {
        bytes.truncate(at.index(bytes.len()));
        bytes
    });
    let broken = (whole.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut bytes, at, byte)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        },
    );
    let grammar = prop::collection::vec(prop::sample::select(WORDS), 0..60);
    let grammar = grammar.prop_map(|words| words.concat().into_bytes());
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![2 => whole, 2 => cut, 2 => broken, 4 => grammar, 1 => noise]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// USE-1, USE-2, USE-4.
    #[test]
    fn any_split_of_the_same_bytes_gives_the_same(
        bytes in bytes(),
        splits in prop::collection::vec(1_usize..40, 1..30),
        family in prop::sample::select(&FAMILIES[..]),
    ) {
        let whole = read(family, &bytes);
        let mut stream = UsageStream::new(family);
        let mut rest = &bytes[..];
        for length in splits.iter().cycle() {
            let (chunk, after) = rest.split_at((*length).min(rest.len()));
            stream.feed(chunk);
            prop_assert!(stream.held() <= UsageStream::HELD_MAX);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let parts = stream.finish();
        prop_assert_eq!(&parts, &whole);
        let mut one_by_one = UsageStream::new(family);
        for byte in &bytes {
            one_by_one.feed(&[*byte]);
        }
        prop_assert_eq!(one_by_one.finish(), whole);
    }

    /// Every prefix of an answer is known to be one, but for what follows the last word.
    #[test]
    fn a_part_of_an_answer_is_never_taken_for_the_whole(at in any::<prop::sample::Index>()) {
        let text = sse(&anthropic());
        let at = at.index(text.len());
        let end = read(UsageFamily::Anthropic, &text.as_bytes()[..at]);
        let complete = at >= text.find("\"output_tokens\":15}}").expect("it is there") + 20;
        prop_assert_eq!(end.known == Known::Complete, complete);
    }
}
