//! What a misspelt word was probably meant to be.

/// Words longer than this are not compared: the time grows with the product of the lengths.
const LENGTH_MAX: usize = 64;

/// The candidate that needs the fewest corrections, if they are few for a word of this length.
pub(crate) fn closest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    if word.len() > LENGTH_MAX {
        return None;
    }
    let word = word.to_lowercase();
    // A letter in three: `tokns` is `tokens`, `zone` is not `tokens`.
    let most = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_corrected_and_a_different_word_is_not() {
        let known = ["requests", "tokens", "per", "guard"];
        for (word, meant) in [
            ("tokns", Some("tokens")),
            ("Reqeusts", Some("requests")),
            ("pre", Some("per")),
            ("zone", None),
            ("", None),
        ] {
            assert_eq!(closest(word, known), meant, "{word}");
        }
    }
}
