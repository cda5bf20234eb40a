//! The header lines of a response that can be read at all.
//!
//! # Invariants
//!
//! - FEED-2: instants are compared with the service's own clock wherever it says what it shows.

use tidegate_units::Instant;

use super::{Response, date, number};

/// Names in lower case with their values, in the order of the lines.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    lines: Vec<(String, &'a str)>,
    date: Instant,
}

impl<'a> Fields<'a> {
    pub(super) fn new(response: &Response<'a>) -> Self {
        let read = |(name, value): &(&str, &'a [u8])| {
            let value = Some(*value).filter(|value| value.len() <= Response::VALUE_MAX)?;
            let text = std::str::from_utf8(value).ok()?.trim();
            (name.len() <= Response::VALUE_MAX).then(|| (name.trim().to_ascii_lowercase(), text))
        };
        let lines: Vec<(String, &'a str)> =
            response.headers.iter().take(Response::HEADERS_MAX).filter_map(read).collect();
        let mut dates = lines.iter().filter(|(name, _)| name == "date");
        let date = dates.find_map(|(_, value)| date::instant(value));
        Self { date: date.unwrap_or(response.received_at), lines }
    }

    /// Every line.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.lines.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The values of all lines of this name; `name` in lower case.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(held, _)| held == name).map(|(_, value)| *value)
    }

    /// The value of the first line of this name that holds anything.
    pub(super) fn first(&self, name: &str) -> Option<&'a str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// The time at the service when it answered: what its `Date` says, or else the clock here. (FEED-2)
    pub(super) const fn date(&self) -> Instant {
        self.date
    }

    /// Whether it came out of a cache: what it says of limits was said to somebody else, earlier.
    pub(super) fn is_cached(&self) -> bool {
        self.all("age").filter_map(number::amount).any(|seconds| seconds > 0)
    }

    /// What the service says of trying again, where it says so outright.
    pub(super) fn should_retry(&self) -> Option<bool> {
        let said = self.first("x-should-retry").or_else(|| self.first("stripe-should-retry"));
        match said {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        }
    }
}
