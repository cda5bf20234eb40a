//! `2023-11-16 18:15:46.6805900`: a time in UTC, exact to the nanosecond.
//!
//! The proleptic Gregorian calendar without leap seconds, years 1970 to 9999. The letter `T` may
//! stand for the space, and `Z` or `+00:00` may follow; other offsets are refused, since the traces
//! that are read here have none.

/// Nanoseconds in a second.
const SECOND: u128 = 1_000_000_000;

/// Nanoseconds since 1970, or nothing if the text is no such time.
pub(super) fn nanos_since_1970(text: &str) -> Option<u128> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let (date, time) = text.split_once([' ', 'T'])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(u128::from(seconds) * SECOND + u128::from(fraction_nanos(fraction)?))
}

/// Three numbers of exactly so many digits, parted by `separator`.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = whole(part)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// A number of digits only: no sign, no space.
fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The digits after the point, 1 to 9 of them, as nanoseconds.
fn fraction_nanos(digits: &str) -> Option<u64> {
    let missing = 9_usize.checked_sub(digits.len())?;
    let scale = 10_u64.checked_pow(u32::try_from(missing).ok()?)?;
    Some(whole(digits)? * scale)
}

/// Days from 1970-01-01 to a date that exists; the year is 1970 to 9999.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let leap_day = u64::from(is_leap(year));
    let length = LENGTHS.get(index)? + if month == 2 { leap_day } else { 0 };
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let leap_days = leap_days_before(year) - leap_days_before(1970);
    let this_year = BEFORE.get(index)? + if month > 2 { leap_day } else { 0 } + day - 1;
    Some((year - 1970) * 365 + leap_days + this_year)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Leap days in the years 1 to `year - 1`.
fn leap_days_before(year: u64) -> u64 {
    let last = year - 1;
    last / 4 - last / 100 + last / 400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact() {
        for (text, nanos) in [
            ("1970-01-01 00:00:00", 0),
            ("1970-01-01 00:00:00.000000001", 1),
            ("2000-02-29 23:59:59.5", 951_868_799_500_000_000),
            ("2023-11-16 18:15:46.6805900", 1_700_158_546_680_590_000),
            ("2023-11-16T18:15:46.6805900Z", 1_700_158_546_680_590_000),
            ("2024-05-10 00:00:00.009930+00:00", 1_715_299_200_009_930_000),
            ("9999-12-31 23:59:59", 253_402_300_799_000_000_000),
        ] {
            assert_eq!(nanos_since_1970(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2023-11-16",
            "2023-11-16 18:15",
            "2023-11-31 00:00:00",
            "2023-02-29 00:00:00",
            "2100-02-29 00:00:00",
            "2023-00-01 00:00:00",
            "2023-13-01 00:00:00",
            "1969-12-31 23:59:59",
            "0000-01-01 00:00:00",
            "2023-11-16 24:00:00",
            "2023-11-16 18:60:00",
            "2023-11-16 18:15:60",
            "2023-11-16 18:15:46.",
            "2023-11-16 18:15:46.1234567890",
            "2023-11-16 18:15:46.-1",
            "2023-11-16 +8:15:46",
            "2023-11-16 18:15:46+02:00",
            "2023-11-16 18:15:46:00",
            "٢٠٢٣-11-16 18:15:46",
        ] {
            assert_eq!(nanos_since_1970(text), None, "{text}");
        }
    }
}
