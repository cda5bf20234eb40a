//! Rules that say what an answer means: tables, in which the first line that fits counts.

use tidegate_units::Span;

use super::Class;
use super::evidence::Evidence;
use super::fields::Fields;
use super::reported::Reported;

/// What has to be the case, beside the status.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    /// A code, type or reason of the body is one of these.
    Word(&'static [&'static str]),
    /// A code, type or reason of the body contains one of these.
    Inside(&'static [&'static str]),
    /// What the body says to people contains one of these, in lower case.
    Phrase(&'static [&'static str]),
    /// There is a header of this name that holds something.
    Header(&'static str),
    /// There is none.
    NoHeader(&'static str),
    /// A header has this value.
    Value(&'static str, &'static str),
    /// Nothing is left of some limit.
    Exhausted,
    /// Nothing is left of a limit per month or longer.
    MonthExhausted,
    /// More was asked for than the limit could ever hold.
    NeverFits,
}

/// When what is used up is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resumes {
    /// Nobody says.
    Unknown,
    /// On the first of the next month, UTC.
    NextMonth,
    /// At midnight in California.
    PacificMidnight,
    /// When the message says so.
    Told,
}

/// One line of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// For which statuses; none means all.
    pub(super) statuses: &'static [u16],
    /// What else has to hold, all of it.
    pub(super) tests: &'static [Test],
    pub(super) class: Class,
    pub(super) sub: Option<&'static str>,
    pub(super) resumes: Resumes,
    /// How long to wait at least where the service does not say.
    pub(super) minimum: Option<Span>,
}

impl Rule {
    pub(super) const fn new(
        statuses: &'static [u16],
        tests: &'static [Test],
        class: Class,
    ) -> Self {
        Self { statuses, tests, class, sub: None, resumes: Resumes::Unknown, minimum: None }
    }

    pub(super) const fn sub(self, sub: &'static str) -> Self {
        Self { sub: Some(sub), ..self }
    }

    pub(super) const fn resumes(self, resumes: Resumes) -> Self {
        Self { resumes, ..self }
    }

    pub(super) const fn at_least(self, minimum: Span) -> Self {
        Self { minimum: Some(minimum), ..self }
    }
}

/// What rules look at.
pub(super) struct Case<'a> {
    pub(super) status: u16,
    pub(super) fields: &'a Fields<'a>,
    pub(super) evidence: &'a Evidence,
    pub(super) limits: &'a [Reported],
}

/// The shortest window that counts as a month.
const MONTH: Span = Span::from_secs(28 * 86_400);

impl Case<'_> {
    pub(super) fn fits(&self, rule: &Rule) -> bool {
        let status = rule.statuses.is_empty() || rule.statuses.contains(&self.status);
        status && rule.tests.iter().all(|test| self.holds(*test))
    }

    fn holds(&self, test: Test) -> bool {
        let Self { fields, evidence: Evidence { words, message, .. }, limits, .. } = self;
        match test {
            Test::Word(known) => words.iter().any(|word| known.contains(&word.as_str())),
            Test::Inside(parts) => {
                words.iter().any(|word| parts.iter().any(|part| word.contains(part)))
            }
            Test::Phrase(phrases) => phrases.iter().any(|phrase| message.contains(phrase)),
            Test::Header(name) => fields.first(name).is_some(),
            Test::NoHeader(name) => fields.first(name).is_none(),
            Test::Value(name, value) => fields.all(name).any(|it| it.eq_ignore_ascii_case(value)),
            Test::Exhausted => limits.iter().any(Reported::is_exhausted),
            Test::MonthExhausted => {
                limits.iter().any(|it| it.is_exhausted() && it.window >= Some(MONTH))
            }
            Test::NeverFits => never_fits(message),
        }
    }
}

/// Whether a message such as "Limit 30000, Used 0, Requested 41000" tells of more than there ever is.
fn never_fits(message: &str) -> bool {
    let number = |rest: &str| {
        let rest = rest.trim_start_matches([' ', ':']);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(rest.len());
        rest[..end].replace(',', "").parse::<u64>().ok()
    };
    // A sentence mostly says "rate limit" before it says how much that is.
    let limit = message.split("limit").skip(1).find_map(number);
    let requested = message.split("requested").skip(1).find_map(number);
    limit.zip(requested).is_some_and(|(limit, requested)| requested > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_ever_is_is_told_from_more_than_there_is_now() {
        for (message, never) in [
            ("rate limit reached on tokens: limit 150000, used 149000, requested 4000.", false),
            ("rate limit reached on tokens: limit 30000, requested 41000.", true),
            ("limit 150,000, used 149,000, requested 4,000", false),
            ("limit: 10, requested: 10", false),
            ("limit: 10, requested: 99999999999999999999", false),
            ("limit of what was requested", false),
            ("", false),
        ] {
            assert_eq!(never_fits(message), never, "{message}");
        }
    }
}
