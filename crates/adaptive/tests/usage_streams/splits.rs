//! Any bytes in chunks of any size: USE-1, USE-2, USE-4.

use proptest::prelude::*;
use serde_json::Value;
use tidegate_adaptive::{Known, UsageFamily, UsageStream};

use crate::answers::{anthropic, chat, gemini, lines, read, sse};

const FAMILIES: [UsageFamily; 7] = [
    UsageFamily::Anthropic,
    UsageFamily::OpenAi,
    UsageFamily::Gemini,
    UsageFamily::Cohere,
    UsageFamily::Bedrock,
    UsageFamily::Ollama,
    UsageFamily::Generic,
];

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
