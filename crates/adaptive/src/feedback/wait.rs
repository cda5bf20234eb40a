//! How long a service wants to be left alone, and where it says so.
//!
//! Services say it in several places at once, and not always the same. The order in which they are
//! believed goes from what was said for this very refusal to what can only be concluded:
//!
//! 1. all tokens of a window that is known are gone (Azure, whose `Retry-After` leads back into it);
//! 2. headers of a profile of one's own, `retry-after-ms`, `x-amz-retry-after`, `Retry-After`;
//! 3. what the body says: a field, and then a sentence;
//! 4. the end of a subscription's window;
//! 5. the reset of a limit of which exactly nothing is left;
//! 6. what the provider asks for in general.
//!
//! # Invariants
//!
//! - FEED-1: a wait is never shorter than what was said: it is rounded up to milliseconds.

use std::borrow::Cow;

use tidegate_units::Span;

use super::Class;
use super::body::Body;
use super::evidence::Evidence;
use super::fields::Fields;
use super::moment::{self, Unit};
use super::profile::{Profile, Quirk};
use super::reported::Reported;
use super::{said, unified};

/// A time to wait, and where it was said.
///
/// It is what the service said, without any bound: a service that asks for twelve days is reported as
/// such, and [`Pause`](crate::Pause) decides how long to leave it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// How long, from the answer on, in whole milliseconds.
    pub span: Span,
    /// Where that was said, such as `retry-after` or `reset-of-exhausted`.
    pub source: Cow<'static, str>,
}

impl Wait {
    fn new(span: Span, source: impl Into<Cow<'static, str>>) -> Self {
        Self { span: rounded(span), source: source.into() }
    }
}

/// `span`, rounded up to whole milliseconds. (FEED-1)
fn rounded(span: Span) -> Span {
    let millis = span.as_nanos().div_ceil(1_000_000);
    Span::from_millis(millis)
}

/// Everything that may say how long.
pub(super) struct Sources<'a> {
    pub(super) profile: &'a Profile,
    pub(super) fields: &'a Fields<'a>,
    pub(super) body: &'a Body,
    pub(super) evidence: &'a Evidence,
    pub(super) limits: &'a [Reported],
    /// What the provider asks for in general.
    pub(super) minimum: Option<Span>,
}

impl Sources<'_> {
    /// How long to wait after an answer of this class; `None` where nobody says.
    pub(super) fn wait(&self, class: Class) -> Option<Wait> {
        if !class.waits() {
            return None;
        }
        if class != Class::RateLimited {
            // Limits have nothing to do with it, so neither has their reset.
            return self.asked();
        }
        let asked = match self.exhausted_period() {
            // The server may know of more than the window.
            Some(period) => Some(self.asked().filter(|it| it.span > period.span).unwrap_or(period)),
            None => self.asked(),
        };
        asked.or_else(|| self.subscription()).or_else(|| self.reset()).or_else(|| self.general())
    }

    /// What was said for this answer.
    fn asked(&self) -> Option<Wait> {
        let custom = self.profile.custom.wait(self.fields);
        let custom = custom.map(|(span, name)| Wait::new(span, name));
        let first = || {
            let field = self.profile.provider.has(Quirk::BodyFirst).then(|| self.field());
            custom.or(field.flatten())
        };
        first().or_else(|| self.headers()).or_else(|| self.in_body())
    }

    fn headers(&self) -> Option<Wait> {
        let milliseconds = self.header("retry-after-ms", Unit::Milliseconds);
        milliseconds
            .filter(|wait| !wait.span.is_zero())
            .or_else(|| self.header("x-amz-retry-after", Unit::Milliseconds))
            .or_else(|| self.header("retry-after", Unit::Seconds))
            .or_else(|| self.header("x-retry-after", Unit::Auto))
            .or_else(|| self.behind_proxy())
    }

    /// The longest that the lines of one header say.
    fn header(&self, name: &'static str, unit: Unit) -> Option<Wait> {
        let date = self.fields.date();
        let spans = self.fields.all(name).filter_map(|value| moment::until(value, unit, date));
        spans.max().map(|span| Wait::new(span, name))
    }

    /// Kong's headers for what is limited behind it: one for all, and one for each.
    fn behind_proxy(&self) -> Option<Wait> {
        const NAME: &str = "x-ai-ratelimit-retry-after";
        self.header(NAME, Unit::Seconds).or_else(|| {
            let each = self.fields.lines().filter(|(name, _)| name.starts_with(NAME));
            let date = self.fields.date();
            let spans = each.filter_map(|(_, value)| moment::until(value, Unit::Seconds, date));
            spans.max().map(|span| Wait::new(span, NAME))
        })
    }

    fn field(&self) -> Option<Wait> {
        said::retry_after(self.body).map(|span| Wait::new(span, "body retry_after"))
    }

    fn in_body(&self) -> Option<Wait> {
        let info = said::retry_info(self.body).map(|span| Wait::new(span, "retryinfo"));
        let sentence = || {
            let span = said::sentence(&self.evidence.message)?;
            Some(Wait::new(span, "body-hint"))
        };
        info.or_else(|| self.field()).or_else(sentence)
    }

    /// The window of tokens, where the provider says how long it is and all of it is used up.
    fn exhausted_period(&self) -> Option<Wait> {
        let tokens = self.limits.iter().find(|it| it.name == "tokens" && it.is_exhausted());
        let period = tokens.filter(|_| self.profile.provider.has(Quirk::TokenPeriod))?.window?;
        Some(Wait::new(period, "renewalperiod"))
    }

    fn subscription(&self) -> Option<Wait> {
        let unified = self.profile.provider.has(Quirk::Unified).then(|| unified::wait(self.fields));
        unified.flatten().map(|(span, source)| Wait::new(span, source))
    }

    /// The longest reset of a limit of which exactly nothing is left. Others may have been reported
    /// by a limiter that did not refuse.
    fn reset(&self) -> Option<Wait> {
        let resets = self.limits.iter().filter(|it| it.is_exhausted()).filter_map(|it| it.reset);
        let longest = resets.map(crate::Reset::span).max()?;
        Some(Wait::new(longest, "reset-of-exhausted"))
    }

    fn general(&self) -> Option<Wait> {
        self.minimum.map(|span| Wait::new(span, "provider-minimum"))
    }
}
