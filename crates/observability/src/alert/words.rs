//! The words that warnings share: what a limit applies to, how long something is.

use crate::sample::{LimitSample, ScopeKind};

/// What a limit applies to: `` `anthropic` ``, or ``the model `claude-*` of `anthropic` ``.
pub(crate) fn subject(limit: &LimitSample) -> String {
    let service = limit.service.as_ref().map_or("", |service| service.as_str());
    match limit.scope {
        ScopeKind::Global => "everything together".to_owned(),
        ScopeKind::Service => format!("`{service}`"),
        scope => format!("the {} `{}` of `{service}`", scope.name(), limit.of),
    }
}

/// A limit as a person would state it.
pub(crate) fn stated(limit: &LimitSample) -> String {
    format!("{} {} per {}", limit.amount, limit.dimension, limit.per)
}

/// A length of time in its two largest units.
pub(crate) fn about(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    let shown = parts.iter().skip(first).take(2).enumerate();
    let shown = shown.filter(|(place, (count, _))| *place == 0 || *count > 0);
    shown.map(|(_, (count, unit))| format!("{count}{unit}")).collect::<Vec<_>>().join(" ")
}

/// A share in whole per cent, rounded down, so that 100 % is all.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let percent = u128::from(part) * 100 / u128::from(whole.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_its_two_largest_units() {
        let lengths =
            [0, 1, 59_000, 60_000, 61_500, 7_200_000, 7_259_000, 90_061_000, 31 * 86_400_000];
        let words = lengths.map(about);
        assert_eq!(words, ["0s", "1s", "59s", "1m", "1m 2s", "2h", "2h", "1d 1h", "31d"]);
    }
}
