//! Guesses by characters beside counts by a vocabulary, with the feature `tokenizer`.
#![cfg(feature = "tokenizer")]

use tidegate_adaptive::estimate::Tokenizer;
use tidegate_adaptive::{Asked, ByCharacters, Estimator};

const TEXTS: [(&str, &str); 4] = [
    (
        "prose",
        "A tide gate opens and closes by itself as the water behind it rises and falls; nobody \
        has to stand beside it, and nobody has to decide.",
    ),
    (
        "code",
        "fn step(&mut self, now: Instant) -> Option<Span> { self.until.map(|end| end.since(now)) }",
    ),
    ("Russian", "Шлюз открывается и закрывается сам, когда вода за ним поднимается и опускается."),
    ("Chinese", "潮闸会随着后面水位的升降自行开启和关闭，没有人需要站在旁边。"),
];

#[test]
fn a_guess_by_characters_is_within_a_factor_of_two() {
    let guess = ByCharacters::default();
    for vocabulary in [Tokenizer::o200k(), Tokenizer::cl100k()] {
        for (name, text) in TEXTS {
            let (guessed, counted) = (guess.text(text), vocabulary.text(text));
            assert!(
                guessed <= 2 * counted && counted <= 2 * guessed,
                "{name}: {guessed} {counted}"
            );
        }
    }
}

#[test]
fn a_body_is_counted_by_whichever_estimator_is_given() {
    let body = serde_json::json!({"messages": [{"role": "user", "content": "Hello, world"}]});
    assert_eq!(Asked::of_body(&body, &Tokenizer::o200k()).input, 3 + 4);
    assert_eq!(format!("{:?}", Tokenizer::cl100k()), "Tokenizer(\"cl100k\")");
}
