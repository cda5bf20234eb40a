//! Limits per calendar period: per day in Berlin rather than per any 24 hours.
//!
//! How such a limit is counted is known, so it has neither a shape nor a burst to be told.

use super::{EnforcedAs, Limit, LimitError};
use crate::{Calendar, Dimension, Period, Zone};

impl Limit {
    /// `amount` of `dimension` per period of `calendar`, for a service that starts afresh with each.
    ///
    /// ```
    /// use tidegate_units::{Calendar, Dimension, Limit, Period, Span};
    ///
    /// let limit: Limit = "5_000_000 tokens per day in Europe/Berlin".parse()?;
    /// let calendar = Calendar::new(Period::Day, "Europe/Berlin".parse()?);
    /// assert_eq!(limit, Limit::per_calendar(Dimension::Tokens, 5_000_000, calendar)?);
    /// assert_eq!(limit.window(), Span::from_secs(25 * 3_600), "the longest that a day can be");
    ///
    /// let refused = "50 requests per 36h in UTC".parse::<Limit>().unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "`36h` is no period of a calendar: use day, week, month or year, or leave out the zone"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`LimitError`] when the amount is outside its range.
    pub fn per_calendar(
        dimension: Dimension,
        amount: u64,
        calendar: Calendar,
    ) -> Result<Self, LimitError> {
        // A year may be longer than the longest window, by what its clocks were set back.
        let mut limit = Self::new(dimension, amount, calendar.longest().min(Self::WINDOW_MAX))?;
        limit.window = calendar.longest();
        limit.enforced_as = EnforcedAs::FixedWindow;
        limit.calendar = Some(calendar);
        Ok(limit)
    }

    /// The calendar whose periods are the windows; `None` where windows are of one length.
    pub fn calendar(&self) -> Option<&Calendar> {
        self.calendar.as_ref()
    }
}

/// What stands behind `per`, in two parts.
pub(super) fn read(
    dimension: Dimension,
    amount: u64,
    period: &str,
    zone: &str,
) -> Result<Limit, LimitError> {
    let (period, zone): (Period, Zone) = (period.parse()?, zone.parse()?);
    Limit::per_calendar(dimension, amount, Calendar::new(period, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Span;

    #[test]
    fn a_period_of_a_calendar_reads_and_prints_and_is_counted_in_one_way() {
        let limit: Limit = "1_000 tokens per month in Europe/Berlin".parse().expect("a limit");
        assert_eq!(limit.to_string(), "1000 tokens per month in Europe/Berlin");
        assert_eq!(limit.to_string().parse(), Ok(limit.clone()));
        let longest = Span::from_secs(31 * 86_400 + 3_600);
        assert_eq!((limit.window(), limit.shape()), (longest, EnforcedAs::FixedWindow));
        assert_eq!(limit.recovery(), longest + Limit::GUARD_DEFAULT);
        assert_eq!(limit.clone().enforced_as(EnforcedAs::TokenBucket), limit);
        let json = serde_json::to_string(&limit).expect("it is written");
        assert_eq!(serde_json::from_str::<Limit>(&json).expect("it is read"), limit);
        let any: Limit = "5 requests per day".parse().expect("a limit");
        let day: Limit = "5 requests per day in UTC".parse().expect("a limit");
        assert_eq!((any.calendar(), any.window()), (None, day.window()));
        assert_ne!(any, day);
        assert!(
            "5 requests per year in Africa/Casablanca".parse::<Limit>().is_ok(),
            "366 days and 1 h"
        );
    }

    #[test]
    fn what_is_no_period_of_a_calendar_is_refused() {
        let texts = [
            "50 requests per day in Berlin",
            "50 requests per day in ",
            "50 requests per 36h in UTC",
            "50 requests per minute in UTC",
            "50 requests per month",
            "50 requests per week",
            "0 requests per day in UTC",
            "5 slots per day in UTC",
        ];
        let refused = texts.map(|text| text.parse::<Limit>().expect_err("refused").to_string());
        let burst = "5 requests per day in UTC".parse::<Limit>().and_then(|limit| limit.burst(9));
        let burst = burst.expect_err("refused").to_string();
        insta::assert_snapshot!(refused.join("\n") + "\n" + &burst, @r#"
        `Berlin` is no time zone that is known here: use a name of the IANA database, such as `UTC` or `Europe/Berlin`
        `` is no time zone that is known here: use a name of the IANA database, such as `UTC` or `Europe/Berlin`
        `36h` is no period of a calendar: use day, week, month or year, or leave out the zone
        `minute` is no period of a calendar: use day, week, month or year, or leave out the zone
        a month is of no fixed length: add a time zone, as in `per month in UTC` or `zone = "UTC"`, or write a length such as `7d`
        a week is of no fixed length: add a time zone, as in `per week in UTC` or `zone = "UTC"`, or write a length such as `7d`
        an amount of 0: use 1 to 1000000000000 per window
        slots are held, not spent: use `concurrency`
        a burst of a limit per day in UTC: only a token-bucket has one, remove it
        "#);
    }
}
