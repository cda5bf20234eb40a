//! Which class an answer is of.
//!
//! The rules of a profile come first, then those of its provider, then those of everybody, and what none
//! of them knows the status says.
//!
//! # Invariants
//!
//! - FEED-5: a quota that is used up is told from a rate that was exceeded before anything else is
//!   read, and then no hint to try again counts.

use std::borrow::Cow;

use tidegate_units::Span;

use super::conditions::{Case, Resumes};
use super::profile::Profile;
use super::{Class, providers};

/// As long as a word from a header may be that is passed on.
const WORD_MAX: usize = 64;

/// What was judged, before anything else is read.
pub(super) struct Verdict {
    pub(super) class: Class,
    pub(super) sub: Option<Cow<'static, str>>,
    /// When a quota is there again.
    pub(super) resumes: Resumes,
    /// How long to wait at least where the service does not say.
    pub(super) minimum: Option<Span>,
}

impl Profile {
    /// The first rule that fits, or else what the status says. (FEED-5)
    pub(super) fn judge(&self, case: &Case<'_>) -> Verdict {
        if let Some(rule) = self.custom.rule(case.status, case.evidence) {
            let sub = rule.sub.clone().map(Cow::Owned);
            let (class, minimum) = (rule.class, rule.minimum());
            return Verdict { class, sub, resumes: Resumes::Unknown, minimum };
        }
        let own = self.provider.rules.iter().copied().flatten();
        let rule = own.chain(providers::RULES).find(|rule| case.fits(rule));
        let named = case.fields.first("stripe-rate-limited-reason");
        let named = named.filter(|it| it.len() <= WORD_MAX).map(|it| Cow::Owned(it.to_owned()));
        match rule {
            Some(rule) => Verdict {
                class: rule.class,
                sub: rule.sub.map(Cow::Borrowed).or(named),
                resumes: rule.resumes,
                minimum: rule.minimum,
            },
            None => {
                let class = self.by_status(case);
                Verdict { class, sub: named, resumes: Resumes::Unknown, minimum: None }
            }
        }
    }

    fn by_status(&self, case: &Case<'_>) -> Class {
        match case.status {
            100..=399 if case.evidence.failed_inside => Class::NotLimit,
            100..=399 => Class::Ok,
            429 => Class::RateLimited,
            503 | 529 => Class::Overloaded,
            status if self.provider.overloads.contains(&status) => Class::Overloaded,
            _ => Class::NotLimit,
        }
    }
}
