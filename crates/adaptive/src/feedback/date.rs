//! Points in time as services write them.
//!
//! HTTP has three forms of a date, of which two contain a comma or a two-digit year; others send RFC
//! 3339, or what JavaScript prints for a `Date`. All but RFC 3339 are the same words in another order,
//! so one reader takes them as they come: a month is a name, a time has colons, a year four digits.
//!
//! Instants here are those of the wall clock: their origin is 1970, UTC.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use tidegate_units::Instant;

/// The longest text that is looked at; the longest date there is has about 70 characters.
const LENGTH_MAX: usize = 128;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The instant that `text` says, in any of the forms; what was before 1970 is 1970.
pub(super) fn instant(text: &str) -> Option<Instant> {
    let text = text.trim();
    if text.len() > LENGTH_MAX {
        return None;
    }
    let at = if text.as_bytes().get(4) == Some(&b'-') { iso(text) } else { spoken(text) }?;
    Some(wall(at))
}

/// An instant of the wall clock as RFC 3339, UTC: `2026-10-01T00:00:00Z`.
///
/// ```
/// use tidegate_adaptive::feedback::rfc3339;
/// use tidegate_units::Instant;
///
/// assert_eq!(rfc3339(Instant::from_nanos(1_500_000_000)), "1970-01-01T00:00:01.5Z");
/// ```
pub fn rfc3339(at: Instant) -> String {
    Timestamp::from_nanosecond(at.as_nanos().into()).unwrap_or(Timestamp::MAX).to_string()
}

fn wall(at: Timestamp) -> Instant {
    match u64::try_from(at.as_nanosecond()) {
        Ok(nanos) => Instant::from_nanos(nanos),
        Err(_) if at < Timestamp::UNIX_EPOCH => Instant::ZERO,
        Err(_) => Instant::MAX,
    }
}

/// RFC 3339, and the same without an offset, which is taken as UTC.
fn iso(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let local = text.parse::<DateTime>().ok()?;
        Offset::UTC.to_timestamp(local).ok()
    })
}

/// What has been found of a date so far.
#[derive(Default)]
struct Found {
    day: Option<i8>,
    month: Option<i8>,
    year: Option<i16>,
    time: Option<(i8, i8, i8)>,
    offset: Option<i64>,
}

/// IMF-fixdate, RFC 850, asctime and JavaScript: see RFC 9110, section 5.6.7.
fn spoken(text: &str) -> Option<Timestamp> {
    let mut found = Found::default();
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    // JavaScript adds the name of the zone in brackets.
    for word in words.take_while(|word| !word.starts_with('(')) {
        found.take(word)?;
    }
    let (hour, minute, second) = found.time?;
    let local = DateTime::new(found.year?, found.month?, found.day?, hour, minute, second, 0);
    let utc = Offset::UTC.to_timestamp(local.ok()?).ok()?;
    utc.checked_sub(SignedDuration::from_secs(found.offset.unwrap_or(0))).ok()
}

impl Found {
    fn take(&mut self, word: &str) -> Option<()> {
        let parts: Vec<&str> = word.split('-').collect();
        if let [day, month, year] = parts[..] {
            return [day, month, year].into_iter().try_for_each(|part| self.take(part));
        }
        if word.contains(':') {
            once(&mut self.time, time(word)?)
        } else if let Some(offset) = offset(word) {
            once(&mut self.offset, offset)
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            self.number(word)
        } else if let Some(month) = month(word) {
            once(&mut self.month, month)
        } else {
            // A zone that is not known: no date is better than one that is hours off.
            self.time.is_none().then_some(())
        }
    }

    fn number(&mut self, word: &str) -> Option<()> {
        let number: i16 = word.parse().ok()?;
        match word.len() {
            4 => once(&mut self.year, number),
            1 | 2 if self.day.is_none() => once(&mut self.day, i8::try_from(number).ok()?),
            2 => {
                let century = if number < 70 { 2_000 } else { 1_900 };
                once(&mut self.year, century + number)
            }
            _ => None,
        }
    }
}

/// Keeps what is said once: text in which it stands twice is no date, but several.
fn once<T>(place: &mut Option<T>, found: T) -> Option<()> {
    place.is_none().then(|| *place = Some(found))
}

fn month(word: &str) -> Option<i8> {
    let place = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(word))?;
    i8::try_from(place + 1).ok()
}

fn time(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.split(':').map(|part| part.parse::<i8>().ok().filter(|it| *it >= 0));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // A leap second is as good as the one before it.
    parts.next().is_none().then_some((hour, minute, second.min(59)))
}

/// Seconds east of Greenwich: `GMT`, `UTC`, `Z`, `GMT+0200`, `-0700`.
fn offset(word: &str) -> Option<i64> {
    let names = ["GMT", "UTC", "UT", "Z"];
    let rest = names.iter().find_map(|name| word.strip_prefix(name)).unwrap_or(word);
    if rest.is_empty() {
        return Some(0);
    }
    let sign = match rest.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = rest.get(1..).filter(|it| it.len() == 4 && it.bytes().all(|b| b.is_ascii_digit()));
    let number: i64 = digits?.parse().ok()?;
    Some(sign * (number / 100 * 3_600 + number % 100 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_790_510_400;

    fn seconds(text: &str) -> Option<u64> {
        instant(text).map(|at| at.as_nanos() / 1_000_000_000)
    }

    #[test]
    fn every_form_of_a_date_is_the_same_instant() {
        for text in [
            "Sun, 27 Sep 2026 12:00:00 GMT",
            "Sunday, 27-Sep-26 12:00:00 GMT",
            "Sun Sep 27 12:00:00 2026",
            "2026-09-27T12:00:00Z",
            "2026-09-27T14:00:00+02:00",
            "2026-09-27 12:00:00",
            "Sun Sep 27 2026 14:00:00 GMT+0200 (Central European Summer Time)",
            "Sun, 27 Sep 2026 05:00:00 -0700",
        ] {
            assert_eq!(seconds(text), Some(NOON), "{text}");
        }
        assert_eq!(
            instant("2026-09-27T12:00:00.5Z").map(|at| at.as_nanos() % NOON),
            Some(500_000_000)
        );
    }

    #[test]
    fn years_beyond_2038_and_before_1970_are_dates() {
        assert_eq!(seconds("Thu, 07 Feb 2106 06:28:16 GMT"), Some(4_294_967_296));
        assert_eq!(seconds("Sat, 01 Jan 1938 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(instant("3000-01-01T00:00:00Z"), Some(Instant::MAX));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "27",
            "Sun",
            "12:00:00",
            "Sun, 31 Feb 2026 12:00:00 GMT",
            "2026-13-01T00:00:00Z",
            "Sun, 27 Sep 2026 25:00:00 GMT",
            "Sun, 27 Sep 2026 12:00:00 PST",
            "-1:-1:-1 Sep 1 2026",
            "Sun, 27 Sep 20266 12:00:00 GMT",
            "----",
            "2026-",
            "é:é:é",
            "Sep 27 2026",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert_eq!(instant(&"1".repeat(10_000)), None);
    }
}
