//! Lines, brackets and bounds: USE-1, USE-2.

use serde_json::json;
use tidegate_adaptive::{Known, UsageFamily, UsageStream};

use crate::answers::{chat, read, tokens};

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
