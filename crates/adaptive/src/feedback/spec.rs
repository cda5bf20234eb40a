//! Profiles of services that are not built in, as they stand in a configuration.
//!
//! A profile begins with one that is known and adds to it: headers of its own, and rules that come
//! before all others. Nothing in it can make reading an answer slow: there are no patterns, only words
//! and parts of sentences, and no more of them than the bounds say.

mod fault;

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Span};

pub use fault::ProfileFault;

use super::evidence::Evidence;
use super::fields::Fields;
use super::limits::Means;
use super::moment::{self, Unit};
use super::names::window_name;
use super::profile::Profile;
use super::reported::Reported;
use super::{Class, number};

/// A profile of your own.
///
/// ```
/// use tidegate_adaptive::feedback::{Class, LimitHeaders, ProfileSpec, Response, RuleSpec, Unit};
/// use tidegate_units::Instant;
///
/// let spec = ProfileSpec {
///     limits: vec![LimitHeaders {
///         remaining: Some("X-Credits-Left".to_owned()),
///         ..LimitHeaders::of("requests")
///     }],
///     rules: vec![RuleSpec {
///         statuses: vec![420],
///         message: vec!["calm".to_owned()],
///         ..RuleSpec::of(Class::RateLimited)
///     }],
///     ..ProfileSpec::default()
/// };
/// let profile = spec.build("mine").expect("nothing is wrong with it");
/// let headers = [("x-credits-left", &b"0"[..])];
/// let feedback = profile.read(&Response {
///     status: 420,
///     headers: &headers,
///     body: b"Enhance your calm",
///     received_at: Instant::ZERO,
/// });
/// assert_eq!(feedback.class, Class::RateLimited);
///
/// let spec = ProfileSpec { like: "genric".to_owned(), ..ProfileSpec::default() };
/// assert!(spec.build("mine").unwrap_err()[0].to_string().starts_with("like: `genric`"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileSpec {
    /// The built-in profile that it begins with: `generic` unless another is named.
    pub like: String,
    /// Headers that tell of limits: at most [`ProfileSpec::LIMITS_MAX`].
    pub limits: Vec<LimitHeaders>,
    /// Headers that tell how long to wait, the first that can be read counts: at most
    /// [`ProfileSpec::RETRY_MAX`].
    pub retry_after: Vec<RetryHeader>,
    /// What means what; the first that fits counts, and any comes before those of `like`: at most
    /// [`ProfileSpec::RULES_MAX`].
    pub rules: Vec<RuleSpec>,
}

/// The headers that tell of one limit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitHeaders {
    /// What is limited: `requests`, `tokens`, or a name of your own, which is shown and not paced.
    pub dimension: String,
    /// The header with how much the limit holds.
    pub limit: Option<String>,
    /// The header with how much is left.
    pub remaining: Option<String>,
    /// The header with when it is renewed.
    pub reset: Option<String>,
    /// What a bare number in `reset` counts.
    pub unit: Unit,
    /// What happens at the reset.
    pub means: Means,
    /// Per how long the limit is, such as `1m`, where the service does not say.
    pub window: Option<String>,
}

/// A header that tells how long to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryHeader {
    /// Its name, in any case.
    pub header: String,
    /// What a bare number in it counts.
    #[serde(default)]
    pub unit: Unit,
}

/// What one kind of answer means.
///
/// Of each list any one has to fit, and every list that is not empty has to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// For which statuses: 100 to 599.
    #[serde(default)]
    pub statuses: Vec<u16>,
    /// Codes, types or reasons in the body, whole and as they are written.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Parts of what the body says to people, in any case.
    #[serde(default)]
    pub message: Vec<String>,
    /// What it means.
    pub class: Class,
    /// A word for what exactly, which is passed on.
    #[serde(default)]
    pub sub: Option<String>,
    /// How long to wait at least where the service does not say, such as `60s`.
    #[serde(default)]
    pub pause: Option<String>,
}

impl Default for ProfileSpec {
    fn default() -> Self {
        let like = "generic".to_owned();
        Self { like, limits: Vec::new(), retry_after: Vec::new(), rules: Vec::new() }
    }
}

impl LimitHeaders {
    /// A limit on `dimension`, of which no header is known yet.
    pub fn of(dimension: &str) -> Self {
        Self { dimension: dimension.to_owned(), ..Self::default() }
    }
}

impl RuleSpec {
    /// Everything means `class`.
    pub fn of(class: Class) -> Self {
        let (statuses, codes, message) = Default::default();
        Self { statuses, codes, message, class, sub: None, pause: None }
    }
}

impl ProfileSpec {
    /// The most limits that headers may tell of.
    pub const LIMITS_MAX: usize = 16;
    /// The most headers with a time to wait.
    pub const RETRY_MAX: usize = 8;
    /// The most rules: each is looked at for every answer.
    pub const RULES_MAX: usize = 64;
    /// The most statuses, codes or messages of one rule.
    pub const CHOICES_MAX: usize = 16;
    /// The longest name, code or part of a message, in bytes.
    pub const TEXT_MAX: usize = 128;

    /// Makes a profile of it, which is known as `name`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, with its place in the profile.
    pub fn build(&self, name: &str) -> Result<Profile, Vec<ProfileFault>> {
        let faults = fault::faults(self);
        match Profile::named(&self.like) {
            Some(base) if faults.is_empty() => {
                Ok(Profile { name: name.into(), custom: Custom::new(self), ..base })
            }
            _ => Err(faults),
        }
    }
}

/// What a profile adds to a built-in one, ready to be used: names in lower case.
#[derive(Debug, Clone, Default)]
pub(super) struct Custom {
    limits: Vec<LimitHeaders>,
    retry_after: Vec<RetryHeader>,
    rules: Vec<RuleSpec>,
}

impl Custom {
    fn new(spec: &ProfileSpec) -> Self {
        let lower = |name: &Option<String>| name.as_ref().map(|name| name.to_ascii_lowercase());
        let limit = |it: &LimitHeaders| LimitHeaders {
            limit: lower(&it.limit),
            remaining: lower(&it.remaining),
            reset: lower(&it.reset),
            ..it.clone()
        };
        let retry = |it: &RetryHeader| RetryHeader {
            header: it.header.to_ascii_lowercase(),
            unit: it.unit,
        };
        let rule = |it: &RuleSpec| RuleSpec {
            message: it.message.iter().map(|part| part.to_lowercase()).collect(),
            ..it.clone()
        };
        Self {
            limits: spec.limits.iter().map(limit).collect(),
            retry_after: spec.retry_after.iter().map(retry).collect(),
            rules: spec.rules.iter().map(rule).collect(),
        }
    }

    /// The first rule that fits.
    pub(super) fn rule(&self, status: u16, evidence: &Evidence) -> Option<&RuleSpec> {
        self.rules.iter().find(|rule| {
            let any = |empty: bool, fits: bool| empty || fits;
            any(rule.statuses.is_empty(), rule.statuses.contains(&status))
                && any(rule.codes.is_empty(), rule.codes.iter().any(|code| evidence.has(code)))
                && any(
                    rule.message.is_empty(),
                    rule.message.iter().any(|part| evidence.message.contains(part)),
                )
        })
    }

    /// What its own headers tell of limits; a second one on the same has its window behind it.
    pub(super) fn limits(&self, fields: &Fields<'_>) -> Vec<Reported> {
        let mut limits: Vec<Reported> = Vec::new();
        let read = self.limits.iter().map(|headers| headers.read(fields));
        for mut limit in read.filter(Reported::says_something) {
            if let Some(window) = limit.window
                && limits.iter().any(|held| held.name == limit.name)
            {
                limit.name = format!("{}_{}", limit.name, window_name(window)).into();
            }
            match limits.iter_mut().find(|held| held.name == limit.name) {
                Some(held) => held.merge(limit),
                None => limits.push(limit),
            }
        }
        limits
    }

    /// How long its own headers say to wait, and which.
    pub(super) fn wait(&self, fields: &Fields<'_>) -> Option<(Span, String)> {
        self.retry_after.iter().find_map(|it| {
            let values = fields.all(&it.header);
            let longest = values.filter_map(|value| moment::until(value, it.unit, fields.date()));
            Some((longest.max()?, it.header.clone()))
        })
    }
}

impl LimitHeaders {
    fn read(&self, fields: &Fields<'_>) -> Reported {
        let value = |name: &Option<String>| name.as_ref().and_then(|name| fields.first(name));
        let now: Instant = fields.date();
        let until = |text| moment::until(text, self.unit, now);
        Reported {
            limit: value(&self.limit).and_then(number::amount),
            remaining: value(&self.remaining).and_then(number::amount),
            reset: value(&self.reset).and_then(until).map(|span| self.means.reset(span)),
            window: self.window.as_ref().and_then(|window| window.parse().ok()),
            ..Reported::of(self.dimension.clone())
        }
    }
}

impl RuleSpec {
    /// How long to wait at least.
    pub(super) fn minimum(&self) -> Option<Span> {
        self.pause.as_ref().and_then(|pause| pause.parse().ok())
    }
}
