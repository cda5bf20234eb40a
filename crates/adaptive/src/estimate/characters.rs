//! How text becomes tokens.
//!
//! A token of English is about four characters, one of Russian about two, and a character of Chinese about
//! one token; a smiley may be two. How long a character is in UTF-8 tells these apart.
//!
//! # Invariants
//!
//! - EST-1: more text is never fewer tokens, and no text is more than two tokens a character.

use std::fmt;

/// Counts the tokens of a text, or guesses them.
///
/// What it says must be computed in time proportional to the text.
pub trait Estimator: fmt::Debug {
    /// How many tokens `text` is.
    fn text(&self, text: &str) -> u64;

    /// How many tokens a picture is, or another part that is no text: 1600 unless stated, which is what a large
    /// picture takes of those who say it.
    fn part(&self) -> u64 {
        1_600
    }

    /// How many tokens stand around each message: 4 unless stated.
    fn message(&self) -> u64 {
        4
    }
}

/// Guesses by characters, by how many of ASCII make a token.
///
/// ```
/// use tidegate_adaptive::{ByCharacters, Estimator};
///
/// let estimator = ByCharacters::default();
/// assert_eq!(estimator.text(""), 0);
/// assert_eq!(estimator.text("Hello, world"), 3);
/// assert_eq!(estimator.text("Привет, мир"), 5);
/// assert_eq!(estimator.text("你好世界"), 4);
/// // Code has shorter words.
/// assert_eq!(ByCharacters::per_token(3).text("if(a[i]<b)i++"), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByCharacters {
    per_token: u64,
}

impl Default for ByCharacters {
    fn default() -> Self {
        Self { per_token: 4 }
    }
}

impl ByCharacters {
    /// So many characters of ASCII are a token: 1 to 16; what is outside is taken as the nearer end.
    pub fn per_token(characters: u8) -> Self {
        Self { per_token: u64::from(characters).clamp(1, 16) }
    }

    /// How many tokens so many bytes of ASCII are.
    pub(super) const fn bytes(self, bytes: u64) -> u64 {
        bytes.div_ceil(self.per_token)
    }
}

impl Estimator for ByCharacters {
    fn text(&self, text: &str) -> u64 {
        // In parts of a token, of which there are `per_token`.
        let parts = text.chars().map(|character| match character.len_utf8() {
            1 => 1,
            2 => self.per_token.div_ceil(2),
            3 => self.per_token,
            _ => 2 * self.per_token,
        });
        parts.sum::<u64>().div_ceil(self.per_token)
    }
}
