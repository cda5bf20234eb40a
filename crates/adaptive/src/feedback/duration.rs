//! Lengths of time as services write them: `6m0s`, `120ms`, `34.074824224s`, `26 seconds`.
//!
//! A length is one or more numbers with a unit, added up. In a header the whole value has to be one;
//! in a message it is what a sentence goes on with.

use tidegate_units::Span;

use super::number;

/// What units are called, with their nanoseconds.
const UNITS: [(&[&str], u64); 7] = [
    (&["ns"], 1),
    (&["us", "µs", "μs"], 1_000),
    (&["ms", "msec", "msecs", "millisecond", "milliseconds"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], 1_000_000_000),
    (&["m", "min", "mins", "minute", "minutes"], 60_000_000_000),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000_000_000),
    (&["d", "day", "days"], 86_400_000_000_000),
];

/// The most numbers that one length is made of: days to nanoseconds.
const PARTS_MAX: usize = 7;

/// A whole text that is a length of time.
pub(super) fn whole(text: &str) -> Option<Span> {
    let (span, rest) = leading(text.trim())?;
    rest.trim().is_empty().then_some(span)
}

/// The length that `text` begins with, and what follows it.
pub(super) fn leading(text: &str) -> Option<(Span, &str)> {
    let (mut total, mut rest) = part(text)?;
    for _ in 1..PARTS_MAX {
        let Some((more, left)) = part(rest) else { break };
        total = total.saturating_add(more);
        rest = left;
    }
    Some((Span::from_nanos(total), rest))
}

/// One number with its unit, in nanoseconds, and what follows.
fn part(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let fraction = text.get(end + 1..).filter(|_| text[end..].starts_with('.')).unwrap_or("");
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let end = if digits > 0 { end + 1 + digits } else { end };
    let (digits, rest) = text.split_at(end);
    let rest = rest.trim_start_matches(' ');
    let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(letters);
    let lower = name.to_lowercase();
    let (_, unit) = UNITS.iter().find(|(names, _)| names.contains(&lower.as_str()))?;
    Some((number::nanos(digits, *unit).filter(|_| !digits.is_empty())?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_services_are_read() {
        for (text, micros) in [
            ("1s", 1_000_000),
            ("6m0s", 360_000_000),
            ("120ms", 120_000),
            ("0s", 0),
            ("1h2m3.5s", 3_723_500_000),
            ("2m59.56s", 179_560_000),
            ("900ms", 900_000),
            ("26 seconds", 26_000_000),
            ("1 minute 30 seconds", 90_000_000),
            ("250µs", 250),
        ] {
            assert_eq!(whole(text), Some(Span::from_micros(micros)), "{text}");
        }
        let (span, rest) = leading("34.074824224s. More").expect("a length");
        assert_eq!((span, rest), (Span::from_nanos(34_074_824_224), ". More"));
    }

    #[test]
    fn what_is_no_length_is_none() {
        for text in ["", "s", "5", "-1s", "1.5", "1x", "1s?", ".5s", "NaNs", "1e3s", "5."] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn a_sum_saturates() {
        assert_eq!(whole("18446744073709551615d1s"), Some(Span::MAX));
    }
}
