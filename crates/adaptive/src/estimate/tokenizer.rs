//! Tokens counted by the vocabularies of `OpenAI`, which are built in.
//!
//! Models of others count differently, mostly within a fifth.

use super::Estimator;

/// Counts by a vocabulary.
///
/// ```
/// use tidegate_adaptive::Estimator;
/// use tidegate_adaptive::estimate::Tokenizer;
///
/// assert_eq!(Tokenizer::o200k().text("Hello, world"), 3);
/// assert_eq!(Tokenizer::cl100k().text(""), 0);
/// ```
#[derive(Clone, Copy)]
pub struct Tokenizer {
    name: &'static str,
    vocabulary: &'static bpe_openai::Tokenizer,
}

impl Tokenizer {
    /// The vocabulary of GPT-4o and what came after it.
    pub fn o200k() -> Self {
        Self { name: "o200k", vocabulary: bpe_openai::o200k_base() }
    }

    /// The vocabulary of GPT-4 and GPT-3.5.
    pub fn cl100k() -> Self {
        Self { name: "cl100k", vocabulary: bpe_openai::cl100k_base() }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tokenizer").field(&self.name).finish()
    }
}

impl Estimator for Tokenizer {
    fn text(&self, text: &str) -> u64 {
        u64::try_from(self.vocabulary.count(text)).unwrap_or(u64::MAX)
    }
}
