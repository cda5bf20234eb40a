//! What a service answered, in one form for all services.
//!
//! Every service says in its own way that it has had enough: in a status, in headers that have the same
//! names elsewhere with other units, in a field of a body, in a sentence. A [`Profile`] knows how one
//! of them does; [`Profile::read`] makes [`Feedback`] of a [`Response`]: what class of answer it is, how
//! long to wait, what is left of which limit, what the call was charged.
//!
//! Nothing here reads a clock, and nothing that a service sends can make it panic or take long.
//!
//! # Invariants
//!
//! - FEED-1: a wait is never shorter than what was said: it is rounded up to milliseconds.
//! - FEED-2: instants are compared with the service's own clock wherever it says what it shows.
//! - FEED-3: usage that is repeated in a stream is cumulative: the last of it counts, never the sum.
//! - FEED-4: arbitrary bytes never panic, and only a bounded part of them is looked at.
//! - FEED-5: a quota that is used up is told from a rate that was exceeded before anything else is
//!   read, and then no hint to try again counts.

mod body;
mod charge;
mod class;
mod conditions;
mod date;
mod duration;
mod evidence;
mod fields;
mod judge;
mod limits;
mod moment;
mod names;
mod number;
mod profile;
mod providers;
mod reported;
mod response;
mod resume;
mod said;
mod spec;
mod structured;
mod unified;
mod wait;

use std::borrow::Cow;

use tidegate_units::{Dimension, Instant, Outcome};

use crate::{Hint, Observation};
use body::Body;
use conditions::Case;
use evidence::Evidence;
use fields::Fields;
use judge::Verdict;
use profile::Quirk;
use wait::Sources;

pub use charge::{Charge, Counted};
pub use class::Class;
pub use date::rfc3339;
pub use limits::Means;
pub use moment::Unit;
pub use profile::Profile;
pub use reported::Reported;
pub use response::Response;
pub use spec::{LimitHeaders, ProfileFault, ProfileSpec, RetryHeader, RuleSpec};
pub use wait::Wait;

/// What is said of a call that failed because another holds the same object.
const LOCKED: &str = "object-lock";

/// What a service answered.
///
/// ```
/// use tidegate_adaptive::feedback::{Class, Profile, Response};
/// use tidegate_units::{Instant, Outcome, Span};
///
/// let headers = [
///     ("Date", &b"Sun, 27 Sep 2026 12:00:00 GMT"[..]),
///     ("Retry-After", b"7.66"),
///     ("x-ratelimit-remaining-tokens", b"6200"),
/// ];
/// let profile = Profile::named("groq").expect("built in");
/// let feedback = profile.read(&Response {
///     status: 429,
///     headers: &headers,
///     body: br#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#,
///     received_at: Instant::ZERO,
/// });
/// assert_eq!(feedback.class, Class::RateLimited);
/// let wait = feedback.wait.as_ref().expect("it says how long");
/// assert_eq!((wait.span, wait.source.as_ref()), (Span::from_millis(7_660), "retry-after"));
/// assert_eq!(feedback.hints()[0].remaining, Some(6_200));
/// assert_eq!(feedback.observation().outcome, Outcome::RateLimited);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub class: Class,
    /// What exactly, in a word, where that is known: `secondary`, `too-large`, `endpoint-rate`.
    pub sub: Option<Cow<'static, str>>,
    /// How long to leave the service alone, where it says so and waiting helps.
    pub wait: Option<Wait>,
    /// The limits that it reports, whatever the class.
    pub limits: Vec<Reported>,
    /// What the call was charged.
    pub charge: Option<Charge>,
    /// When a quota that is used up is there again, by the wall clock.
    pub resume_at: Option<Instant>,
    /// Whether the service says outright that trying again makes sense, or that it does not.
    pub should_retry: Option<bool>,
}

impl Profile {
    /// Reads an answer. It never fails: what cannot be read is passed over.
    pub fn read(&self, response: &Response<'_>) -> Feedback {
        let fields = Fields::new(response);
        let body = Body::read(response.body);
        let evidence = Evidence::gather(response, &fields, &body);
        let limits = self.limits(&fields, &body);
        let case =
            Case { status: response.status, fields: &fields, evidence: &evidence, limits: &limits };
        let Verdict { class, sub, resumes, minimum } = self.judge(&case);
        let sources = Sources {
            profile: self,
            fields: &fields,
            body: &body,
            evidence: &evidence,
            limits: &limits,
            minimum,
        };
        let wait = sources.wait(class);
        let resume_at = (class == Class::QuotaExhausted)
            .then(|| resume::at(resumes, fields.date(), &evidence.message))
            .flatten();
        let charge = charge::read(self.provider.counting, &fields, &body);
        let should_retry = fields.should_retry();
        let status = response.status;
        Feedback { status, class, sub, wait, limits, charge, resume_at, should_retry }
    }

    /// Every limit that is reported, in whatever form.
    fn limits(&self, fields: &Fields<'_>, body: &Body) -> Vec<Reported> {
        let mut limits = self.custom.limits(fields);
        let mut add = |more: Vec<Reported>| {
            for one in more {
                let room = limits.len() < limits::LIMITS_MAX;
                match limits.iter_mut().find(|held| held.name == one.name) {
                    Some(held) => held.merge(one),
                    None if room => limits.push(one),
                    None => {}
                }
            }
        };
        if !fields.is_cached() {
            add(limits::read(fields, &self.provider.naming));
            add(structured::read(fields));
        }
        if self.provider.has(Quirk::Unified) {
            add(unified::read(fields));
        }
        if self.provider.has(Quirk::Violations) {
            add(said::violations(body));
        }
        if self.provider.has(Quirk::Trial) {
            add(limits::trial(fields));
        }
        if self.provider.counting == profile::Counting::OpenAi {
            add(said::live_limits(body));
        }
        limits
    }
}

impl Feedback {
    /// What a controller hears of the limits: at most one hint for each dimension, of several limits
    /// the one of which least is left.
    ///
    /// What Tidegate does not count is left out.
    pub fn hints(&self) -> Vec<Hint> {
        let mut hints: Vec<Hint> = Vec::new();
        for hint in self.limits.iter().filter_map(Reported::hint) {
            match hints.iter_mut().find(|held| held.dimension == hint.dimension) {
                Some(held) if is_tighter(&hint, held) => *held = hint,
                Some(_) => {}
                None => hints.push(hint),
            }
        }
        hints
    }

    /// The limit of which least is left, of those on `dimension`.
    pub fn tightest(&self, dimension: Dimension) -> Option<&Reported> {
        let on = self.limits.iter().filter(|it| it.dimension() == Some(dimension));
        on.reduce(|held, one| match (held.hint(), one.hint()) {
            (Some(first), Some(second)) if is_tighter(&second, &first) => one,
            (None, Some(_)) => one,
            _ => held,
        })
    }

    /// What a permit is settled with: how the call ended, what it was charged if it was answered at
    /// all, how long to wait, and the hints.
    pub fn observation(&self) -> Observation {
        let locked = self.sub.as_deref() == Some(LOCKED);
        let outcome = if locked { Outcome::Contention } else { self.class.outcome() };
        Observation {
            outcome,
            actual: self.charge.as_ref().filter(|_| self.status < 400).map(Charge::cost),
            retry_after: self.wait.as_ref().map(|wait| wait.span),
            hints: self.hints().into(),
        }
    }
}

/// Whether less is left of one than of the other; who says what is left comes before who does not, and
/// of the same the one that takes longer.
fn is_tighter(one: &Hint, other: &Hint) -> bool {
    let order = |hint: &Hint| {
        let reset = hint.reset.map(crate::Reset::span).unwrap_or_default();
        (hint.remaining.is_none(), hint.remaining, std::cmp::Reverse(reset))
    };
    order(one) < order(other)
}
