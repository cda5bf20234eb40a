//! The hour on the wall as text.

use crate::sample::UnixMillis;

/// The hour that a time is in, in UTC, as `2026-01-05 13:00Z`. Days are counted as in Howard Hinnant,
/// "chrono-compatible low-level date algorithms" (2013): years begin in March, so that a leap day is the last.
pub(super) fn in_utc(at: UnixMillis) -> String {
    let hours = at.0 / 3_600_000;
    let (days, hour) = (hours / 24 + 719_468, hours % 24);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        // By `date -u -d @SECONDS`.
        for (seconds, text) in [
            (0, "1970-01-01 00:00Z"),
            (951_825_599, "2000-02-29 11:00Z"),
            (1_709_251_199, "2024-02-29 23:00Z"),
            (1_709_251_200, "2024-03-01 00:00Z"),
            (1_767_225_599, "2025-12-31 23:00Z"),
            (4_107_542_400, "2100-03-01 00:00Z"),
        ] {
            assert_eq!(in_utc(UnixMillis(seconds * 1_000)), text);
        }
        assert!(in_utc(UnixMillis(u64::MAX)).ends_with("00Z"), "no time is too late");
    }
}
