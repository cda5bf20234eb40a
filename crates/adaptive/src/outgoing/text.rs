//! Times as headers have them.
//!
//! # Invariants
//!
//! - OUT-1: rounded up, never down.

use tidegate_units::{Instant, Span};

const NANOS_PER_MILLI: u64 = 1_000_000;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Whole seconds, rounded up.
pub(super) const fn seconds_up(span: Span) -> u64 {
    span.as_nanos().div_ceil(NANOS_PER_SECOND)
}

/// Whole milliseconds, rounded up.
pub(super) const fn millis_up(span: Span) -> u64 {
    span.as_nanos().div_ceil(NANOS_PER_MILLI)
}

/// Seconds since 1970, rounded up.
pub(super) const fn epoch(wall: Instant) -> u64 {
    wall.as_nanos().div_ceil(NANOS_PER_SECOND)
}

/// As Go writes durations: `1h2m3.5s`, `6m0s`, `120ms`, `0s`; to the millisecond, so that the sign for
/// microseconds, which is not ASCII, never occurs.
pub(super) fn go_duration(span: Span) -> String {
    let millis = millis_up(span);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, thousandths) = (millis / 1_000 % 60, millis % 1_000);
    let fraction = format!(".{thousandths:03}");
    let seconds = format!("{seconds}{}s", fraction.trim_end_matches('0').trim_end_matches('.'));
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        (_, _) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// As RFC 3339 writes an instant, in whole seconds: `2026-09-27T12:00:30Z`.
pub(super) fn rfc_3339(wall: Instant) -> String {
    let seconds = epoch(wall);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date so many days after 1 January 1970, in the Gregorian calendar.
///
/// Counted in years that begin in March, so that the day that is there only now and then is the last, and
/// in spans of 400 years, after which all repeats (Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1_460 + day_of_era / 146_096;
    let year_of_era = (day_of_era + day_of_era / 36_524 - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, later) = match month_from_march {
        0..=9 => (month_from_march + 3, 0),
        _ => (month_from_march - 9, 1),
    };
    (era * 400 + year_of_era + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ms"),
            (120_000_000, "120ms"),
            (999_000_001, "1s"),
            (1_000_000_000, "1s"),
            (7_660_000_000, "7.66s"),
            (59_999_999_999, "1m0s"),
            (360_000_000_000, "6m0s"),
            (3_723_500_000_000, "1h2m3.5s"),
            (86_400_000_000_000, "24h0m0s"),
        ] {
            assert_eq!(go_duration(Span::from_nanos(nanos)), text);
        }
        assert_eq!(go_duration(Span::MAX), "5124095h34m33.71s");
    }

    #[test]
    fn instants_are_dates_of_the_gregorian_calendar() {
        let at = |seconds| rfc_3339(Instant::ZERO + Span::from_secs(seconds));
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_790_510_430, "2026-09-27T12:00:30Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(at(seconds), text);
        }
        assert_eq!(rfc_3339(Instant::from_nanos(1)), "1970-01-01T00:00:01Z", "OUT-1");
        assert_eq!(rfc_3339(Instant::MAX), "2554-07-21T23:34:34Z");
    }
}
