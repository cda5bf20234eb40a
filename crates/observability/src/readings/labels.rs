//! Values of labels: whatever a user names, a label is short and stays apart from the others.

/// The most bytes of a value: longer than any name of a service, a model or an agent should be.
pub(crate) const LENGTH_MAX: usize = 128;

/// What stands for the rest of a value that was cut: a mark, and the hash of the whole.
const TAIL: usize = 9;

/// The value if it is short; otherwise its beginning, `~` and eight hexadecimal digits made of the whole, so
/// that two long values with the same beginning do not become one.
pub(crate) fn cut(value: &str) -> String {
    if value.len() <= LENGTH_MAX {
        return value.to_owned();
    }
    let end = value.floor_char_boundary(LENGTH_MAX - TAIL);
    format!("{}~{:08x}", &value[..end], hash(value))
}

/// FNV-1a (Fowler, Noll, Vo) of 32 bits.
fn hash(value: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    value.bytes().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters_and_stays_apart() {
        let long = "ä".repeat(100);
        let (one, other) = (cut(&format!("{long}1")), cut(&format!("{long}2")));
        assert!(one.len() <= LENGTH_MAX && one.starts_with("ääää"), "{one}");
        assert_ne!(one, other);
        assert_eq!(cut(&"x".repeat(LENGTH_MAX)), "x".repeat(LENGTH_MAX));
        assert_eq!(cut(&"x".repeat(LENGTH_MAX + 1)).len(), LENGTH_MAX);
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash(""), 0x811c_9dc5);
        assert_eq!(hash("foobar"), 0xbf9c_f968);
    }
}
