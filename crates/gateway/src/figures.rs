//! Figures as people read them in a table: short, and always in the same way.

/// An amount: exact below ten thousand, then with three figures.
pub(crate) fn amount(amount: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];

    if amount < 10_000 {
        return amount.to_string();
    }
    let unit = UNITS.iter().find(|(unit, _)| amount >= *unit);
    let (unit, name) = unit.copied().unwrap_or((1, ""));
    let (whole, tenth) = (amount / unit, amount % unit / (unit / 10).max(1));
    if whole < 100 { format!("{whole}.{tenth}{name}") } else { format!("{whole}{name}") }
}

/// A length of time, in two units at most.
pub(crate) fn span_ms(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 if millis == 0 => "0s".to_owned(),
        0 => format!("{millis}ms"),
        1..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// The head of a table.
pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        let amounts = [0, 9_999, 10_000, 99_999, 100_000, 1_234_567, 999_999_999, 12_000_000_000];
        let shown = amounts.map(amount).join(" ");
        assert_eq!(shown, "0 9999 10.0k 99.9k 100k 1.2M 999M 12.0G");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let spans = [0, 999, 1_000, 59_999, 60_000, 3_599_000, 3_600_000, 86_399_000, 90_000_000];
        let shown = spans.map(span_ms).join(", ");
        assert_eq!(shown, "0s, 999ms, 1s, 59s, 1m 00s, 59m 59s, 1h 00m, 23h 59m, 1d 01h");
    }
}
