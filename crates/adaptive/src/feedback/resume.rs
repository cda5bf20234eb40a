//! When a quota that is used up is there again.

use tidegate_units::{Calendar, Instant, Period, Zone};

use super::conditions::Resumes;
use super::date;

const PACIFIC: &str = "America/Los_Angeles";

/// The instant, by the wall clock, as far as it is known.
pub(super) fn at(resumes: Resumes, now: Instant, message: &str) -> Option<Instant> {
    match resumes {
        Resumes::Unknown => None,
        Resumes::NextMonth => next(Period::Month, Zone::UTC, now),
        Resumes::PacificMidnight => next(Period::Day, PACIFIC.parse().ok()?, now),
        Resumes::Told => told(message),
    }
}

/// When the period that follows that of `now` begins.
fn next(period: Period, zone: Zone, now: Instant) -> Option<Instant> {
    let calendar = Calendar::new(period, zone);
    let start = calendar.start_of(calendar.number_at(now).saturating_add(1));
    (start < Instant::MAX).then_some(start)
}

/// A sentence such as "you will regain access on 2026-10-01 at 00:00 UTC".
fn told(message: &str) -> Option<Instant> {
    let rest = message.split_once("regain access on ")?.1;
    let mut words = rest.split_whitespace();
    let day = words.next()?;
    let day = day.trim_end_matches(['.', ',']);
    let time = match (words.next(), words.next()) {
        (Some("at"), Some(time)) => time.trim_end_matches(['.', ',']),
        _ => "00:00",
    };
    date::instant(&format!("{day}T{time}:00Z")).or_else(|| date::instant(&format!("{day}T{time}Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_california_ends_when_it_does_there() {
        let date = |text: &str| date::instant(text).expect("a date");
        for (now, then) in [
            ("2026-09-27T12:00:00Z", "2026-09-28T07:00:00Z"),
            ("2026-09-28T06:59:59Z", "2026-09-28T07:00:00Z"),
            ("2026-09-28T07:00:00Z", "2026-09-29T07:00:00Z"),
            // Summer time ends on 1 November.
            ("2026-11-01T12:00:00Z", "2026-11-02T08:00:00Z"),
        ] {
            assert_eq!(at(Resumes::PacificMidnight, date(now), ""), Some(date(then)), "{now}");
        }
        let december = at(Resumes::NextMonth, date("2026-12-31T23:59:59Z"), "");
        assert_eq!(december, Some(date("2027-01-01T00:00:00Z")));
        assert_eq!(at(Resumes::NextMonth, Instant::MAX, ""), None);
    }

    #[test]
    fn a_date_that_is_told_is_read() {
        let told = |text: &str| at(Resumes::Told, Instant::ZERO, text);
        let first = date::instant("2026-10-01T00:00:00Z");
        assert_eq!(told("you will regain access on 2026-10-01 at 00:00 utc."), first);
        assert_eq!(told("you will regain access on 2026-10-01."), first);
        assert_eq!(told("you will regain access on monday"), None);
        assert_eq!(told("you will not"), None);
    }
}
