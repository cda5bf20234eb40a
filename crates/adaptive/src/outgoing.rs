//! The state of limits as services write it, for callers of our own.
//!
//! Who stands between programs and a service is a service to these programs: they have clients that
//! understand some provider's headers and wait when told to. So the same states are written in the words
//! of each: [`Dialect`] has the headers, [`retry_headers`] those by which a refused caller waits, and
//! [`Problem`] the body of a refusal.
//!
//! A client that comes too early is refused again, and one that comes late has lost a moment. So times
//! are rounded up, whatever their unit.
//!
//! # Invariants
//!
//! - OUT-1: no time that is written is earlier than the one that is meant.
//! - OUT-2: whatever names hold, what is written is one line of printable ASCII.
//! - OUT-3: what is written reads back as what was meant, with amounts exact up to 10^15 − 1 and times
//!   rounded up to the unit of the dialect.

use tidegate_units::{Dimension, Instant, Rejection, Span};

mod dialects;
mod ietf;
mod name;
mod problem;
mod text;

pub use name::{InvalidPolicyName, PolicyName};
pub use problem::Problem;

/// A header, by its name in small letters and its value.
pub type Header = (&'static str, String);

/// The state of one limit, as its caller is told.
///
/// ```
/// use tidegate_adaptive::{Dialect, LimitState};
/// use tidegate_units::{Dimension, Instant, Span};
///
/// let minute = LimitState {
///     name: "per-minute".parse()?,
///     dimension: Dimension::Requests,
///     limit: 60,
///     remaining: 12,
///     window: Span::from_secs(60),
///     more: Span::from_millis(1_000),
///     full: Span::from_millis(47_200),
/// };
/// let headers = Dialect::Ietf.headers(&[minute.clone()], Instant::ZERO);
/// assert_eq!(headers[0], ("ratelimit-policy", "\"per-minute\";q=60;w=60".to_owned()));
/// assert_eq!(headers[1], ("ratelimit", "\"per-minute\";r=12;t=1".to_owned()));
///
/// let headers = Dialect::OpenAi.headers(&[minute], Instant::ZERO);
/// assert_eq!(headers[2], ("x-ratelimit-reset-requests", "47.2s".to_owned()));
/// # Ok::<(), tidegate_adaptive::outgoing::InvalidPolicyName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitState {
    /// What it is called; different limits of one answer have different names.
    pub name: PolicyName,
    /// What it counts.
    pub dimension: Dimension,
    /// How much it holds when nothing of it is used.
    pub limit: u64,
    /// How much of it is left.
    pub remaining: u64,
    /// Per how long it is; zero for slots, which no window gives back.
    pub window: Span,
    /// How long until some more of it is there; zero where nobody knows, as with slots.
    pub more: Span,
    /// How long until all of it is there again.
    pub full: Span,
}

impl LimitState {
    /// What a refusal says of the limit that bound. Where a refusal does not say when there will be more,
    /// a window from now is certain to be long enough.
    pub fn of_rejection(rejection: &Rejection) -> Self {
        let Rejection { scope, dimension, limit, window, used, retry_after, .. } = rejection;
        let remaining = limit.saturating_sub(*used);
        let more = retry_after.unwrap_or(*window);
        Self {
            name: PolicyName::lossy(&format!("{dimension} of {scope}")),
            dimension: *dimension,
            limit: *limit,
            remaining,
            window: *window,
            more,
            full: if *used == 0 { Span::ZERO } else { more.max(*window) },
        }
    }
}

/// In whose words the state of limits is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// `RateLimit-Policy` and `RateLimit`, as the draft of the IETF (revision 10) has them: every limit,
    /// its rule, and when there will be more.
    Ietf,
    /// `x-ratelimit-*-requests` and `-tokens`: of each the limit that has least left, and in how long it
    /// will be full, as Go writes durations.
    OpenAi,
    /// `x-ratelimit-*`: the limit that has least left of the calls, or of anything where calls are not
    /// limited, and the second of the epoch in which it will be full.
    GitHub,
    /// `anthropic-ratelimit-*`: of requests, tokens, input and output the limit that has least left, and
    /// the second in which it will be full, in the form of RFC 3339.
    Anthropic,
}

impl Dialect {
    /// The most limits that are written: more would fill the room that servers have for headers.
    pub const LIMITS_MAX: usize = 32;

    /// The headers that tell of `limits` at the time `wall`, which is an instant whose origin is 1970.
    /// Those beyond [`Dialect::LIMITS_MAX`] are left out.
    pub fn headers(self, limits: &[LimitState], wall: Instant) -> Vec<Header> {
        let limits = &limits[..limits.len().min(Self::LIMITS_MAX)];
        match self {
            Self::Ietf => ietf::headers(limits),
            Self::OpenAi => dialects::openai(limits),
            Self::GitHub => dialects::github(limits, wall),
            Self::Anthropic => dialects::anthropic(limits, wall),
        }
    }
}

/// The headers that tell a caller to wait for `after`: in whole seconds, at least one, as RFC 9110 has it,
/// and in milliseconds for clients that know better.
///
/// ```
/// use tidegate_adaptive::outgoing::retry_headers;
/// use tidegate_units::Span;
///
/// let [seconds, millis] = retry_headers(Span::from_micros(1_200_001));
/// assert_eq!(seconds, ("retry-after", "2".to_owned()));
/// assert_eq!(millis, ("retry-after-ms", "1201".to_owned()));
/// assert_eq!(retry_headers(Span::ZERO)[0].1, "1");
/// ```
pub fn retry_headers(after: Span) -> [Header; 2] {
    [
        ("retry-after", text::seconds_up(after).max(1).to_string()),
        ("retry-after-ms", text::millis_up(after).max(1).to_string()),
    ]
}
