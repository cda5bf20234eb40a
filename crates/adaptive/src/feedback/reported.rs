//! What a response said about one limit.

use std::borrow::Cow;

use tidegate_units::{Dimension, Span};

use crate::{Hint, Reset};

/// What services call what Tidegate counts. A project's limit binds like any other.
const COUNTED: [(&str, Dimension); 8] = [
    ("requests", Dimension::Requests),
    ("project_requests", Dimension::Requests),
    ("tokens", Dimension::Tokens),
    ("project_tokens", Dimension::Tokens),
    ("input_tokens", Dimension::InputTokens),
    ("output_tokens", Dimension::OutputTokens),
    ("bytes", Dimension::Bytes),
    ("slots", Dimension::Slots),
];

/// One limit as the service reports it with an answer.
///
/// ```
/// use tidegate_adaptive::feedback::Reported;
/// use tidegate_adaptive::Reset;
/// use tidegate_units::{Dimension, Span};
///
/// let reported = Reported {
///     limit: Some(60),
///     remaining: Some(0),
///     reset: Some(Reset::WindowEnd(Span::from_secs(20))),
///     ..Reported::of("requests")
/// };
/// assert_eq!(reported.dimension(), Some(Dimension::Requests));
/// assert!(reported.is_exhausted());
/// // What Tidegate does not count itself is reported all the same.
/// assert_eq!(Reported::of("credits").dimension(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// What is limited, in the words of the service: `requests`, `input_tokens`, `project_tokens`. A
    /// second limit on the same has its window behind it: `tokens_month`.
    pub name: Cow<'static, str>,
    /// How much the limit holds when nothing of it is used.
    pub limit: Option<u64>,
    /// How much of it is left; services round it, so that 0 may mean "little".
    pub remaining: Option<u64>,
    /// When there will be more, from the answer on.
    pub reset: Option<Reset>,
    /// Per how long the limit is.
    pub window: Option<Span>,
    /// Which of several limits of the same kind it is, where they have names.
    pub policy: Option<Box<str>>,
    /// How much of it is used, in thousandths, where that is all that is said.
    pub used_thousandths: Option<u64>,
}

impl Reported {
    /// Nothing is known yet of the limit on `name`.
    pub fn of(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            limit: None,
            remaining: None,
            reset: None,
            window: None,
            policy: None,
            used_thousandths: None,
        }
    }

    /// What Tidegate counts that comes closest, if it counts that at all.
    pub fn dimension(&self) -> Option<Dimension> {
        let is = |base: &str| {
            let rest = self.name.strip_prefix(base);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        COUNTED.iter().find(|(base, _)| is(base)).map(|(_, dimension)| *dimension)
    }

    /// Whether it tells more than that there is a limit.
    pub(super) fn says_something(&self) -> bool {
        let amounts = self.limit.or(self.remaining).or(self.used_thousandths);
        amounts.is_some() || self.reset.is_some()
    }

    /// Whether nothing is left of it.
    pub fn is_exhausted(&self) -> bool {
        self.remaining == Some(0)
    }

    /// In how long all of it is there again.
    pub fn full_in(&self) -> Option<Span> {
        match self.reset? {
            Reset::Full(span) | Reset::WindowEnd(span) => Some(span),
            Reset::More(_) => None,
        }
    }

    /// The same for a controller, if it is about something that is counted.
    pub(super) fn hint(&self) -> Option<Hint> {
        let Self { limit, remaining, reset, window, .. } = *self;
        // A limit per no time at all has no rate.
        let window = window.filter(|window| !window.is_zero());
        let hint = Hint { dimension: self.dimension()?, limit, remaining, reset, window };
        hint.says_something().then_some(hint)
    }

    /// Adds what another line says of the same limit: of two amounts the smaller, of two waits the
    /// longer.
    pub(super) fn merge(&mut self, other: Self) {
        self.limit = smaller(self.limit, other.limit);
        self.remaining = smaller(self.remaining, other.remaining);
        self.reset = match (self.reset, other.reset) {
            (Some(one), Some(two)) => Some(if two.span() > one.span() { two } else { one }),
            (one, two) => one.or(two),
        };
        self.window = self.window.or(other.window);
        self.policy = self.policy.take().or(other.policy);
        self.used_thousandths = self.used_thousandths.max(other.used_thousandths);
    }
}

fn smaller(one: Option<u64>, two: Option<u64>) -> Option<u64> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one.min(two)),
        (one, two) => one.or(two),
    }
}
