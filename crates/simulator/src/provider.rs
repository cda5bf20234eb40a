//! The service behind the calls, emulated: it has limits, and tells nobody.
//!
//! A pure machine on virtual time. A request is decided when it *arrives*; what it generates is
//! charged when it *completes*, as services do that cannot know the length of an answer beforehand.
//! So the level of a bucket of tokens may fall below zero, and stays closed until it has recovered.
//!
//! # Invariants
//!
//! 1. A request is admitted by all limits or charged to none.
//! 2. What was admitted never exceeds a limit: [`Provider::arrivals`] counts it apart from the
//!    machine that decides, and its [`Arrivals::excess`] stays zero.
//! 3. Time is an argument. If it steps back, nothing is refilled and no window opens again.
//! 4. Arithmetic that decides is in integers, exact to the nanosecond and the millionth of a unit.

mod admission;
mod bucket;
mod count;
mod course;
mod headers;
mod limits;
mod network;
mod quantity;
mod service;
mod window;

use tidegate_units::{Dimension, Instant, Span};

use crate::random::{Random, Stream};

pub(crate) use admission::Admission;
pub use count::Arrivals;

pub use course::{CapacityStep, Noise, Swings};
pub use headers::{Behaviour, HeaderStyle, Headers, LimitHeader};
pub use limits::{DimensionLimit, ProviderLimits};
pub use network::Network;
pub use quantity::{Quantity, Rate};
pub use service::ServiceTime;

/// What the service answers. Spans count from the arrival of the request at the service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reply {
    /// It does the work; [`Provider::complete`] is due after the service time.
    Ok {
        /// Until the work is done: 0.5 s to 30 s.
        service_time: Span,
        /// Until the first token leaves; at most the service time.
        first_token: Span,
        /// Until the headers leave: with the first token if the response is streamed, when the work
        /// is done if not.
        headers_after: Span,
        /// The limits as they stood right after this request was admitted.
        headers: Option<Headers>,
    },
    /// A limit is reached (HTTP 429).
    RateLimited {
        /// The wait that the service asks for, in whole seconds.
        retry_after: Option<Span>,
        /// The limits as they stand.
        headers: Option<Headers>,
    },
    /// It has too much to do (HTTP 503, 529), which has nothing to do with a limit.
    Overloaded,
}

/// How many requests the service has seen, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All that arrived.
    pub arrived: u64,
    /// Those admitted.
    pub admitted: u64,
    /// Those refused at a limit.
    pub rate_limited: u64,
    /// Those turned away for overload.
    pub overloaded: u64,
}

/// An emulated service.
///
/// ```
/// use tidegate_simulator::{Behaviour, DimensionLimit, Provider, ProviderLimits, Rate, Reply};
/// use tidegate_units::{Instant, Span};
///
/// // Two at once, and one more every second.
/// let rate = Rate::from_micros_per_second(1_000_000).expect("in range");
/// let limit = DimensionLimit::bucket(rate, Span::from_secs(2), Span::from_secs(60));
/// let limits = ProviderLimits::requests(limit);
/// let mut provider = Provider::new(&limits, Behaviour::default(), 1);
///
/// let mut admitted = |millis| {
///     let now = Instant::ZERO + Span::from_millis(millis);
///     matches!(provider.arrive(now, 300, 40), Reply::Ok { .. })
/// };
/// assert_eq!([0, 0, 0, 999, 1_000].map(&mut admitted), [true, true, false, false, true]);
/// ```
#[derive(Debug)]
pub struct Provider {
    admission: Admission,
    behaviour: Behaviour,
    random: Random,
    /// Which responses lose their headers.
    loss: Random,
    tally: Tally,
    requests: Option<Arrivals>,
    tokens: Option<Arrivals>,
}

impl Provider {
    /// A service with full buckets, and windows at the phase that the seed gives them.
    pub fn new(limits: &ProviderLimits, behaviour: Behaviour, seed: u64) -> Self {
        let arrivals = |dimension| Arrivals::of(limits, dimension, seed);
        Self {
            admission: Admission::new(limits, seed),
            behaviour,
            random: Random::new(seed, Stream::Provider),
            loss: Random::new(seed, Stream::Loss),
            tally: Tally::default(),
            requests: arrivals(Dimension::Requests),
            tokens: arrivals(Dimension::Tokens),
        }
    }

    /// Decides on a request that arrives now. Call it in order of time.
    ///
    /// The tokens that it will generate are needed for how long that takes; they play no part in
    /// whether it is admitted.
    pub fn arrive(&mut self, now: Instant, context_tokens: u64, generated_tokens: u64) -> Reply {
        self.tally.arrived += 1;
        if self.random.chance(self.behaviour.overload()) {
            self.tally.overloaded += 1;
            self.count(now, context_tokens, false);
            return Reply::Overloaded;
        }
        let passes_at = self.admission.earliest(now, context_tokens);
        let passes = passes_at == Some(now);
        self.count(now, context_tokens, passes);
        if passes {
            self.admit(now, context_tokens, generated_tokens)
        } else {
            self.refuse(now, context_tokens)
        }
    }

    /// Charges what a request has generated. Call it once per admitted request, when its work is
    /// done, in order of time with the arrivals.
    pub fn complete(&mut self, now: Instant, generated_tokens: u64) {
        self.admission.complete(now, generated_tokens);
    }

    fn admit(&mut self, now: Instant, context_tokens: u64, generated_tokens: u64) -> Reply {
        self.tally.admitted += 1;
        self.admission.take(now, context_tokens);
        let ServiceTime { first_token, whole } =
            ServiceTime::draw(context_tokens, generated_tokens, &mut self.random);
        let streamed = self.random.chance(self.behaviour.streamed());
        let lost = self.loses_headers();
        Reply::Ok {
            service_time: whole,
            first_token,
            headers_after: if streamed { first_token } else { whole },
            headers: self.headers(now).filter(|_| !lost),
        }
    }

    fn refuse(&mut self, now: Instant, context_tokens: u64) -> Reply {
        self.tally.rate_limited += 1;
        let wait = self.admission.wait_as_of(now, context_tokens);
        if self.behaviour.penalty() {
            self.admission.burn_fraction(now);
        }
        let headers = self.headers(now);
        let retry_after = match self.behaviour.headers() {
            HeaderStyle::None => None,
            HeaderStyle::RetryAfter | HeaderStyle::Full => wait.map(whole_seconds),
        };
        // What loses one header loses all.
        let lost = self.loses_headers();
        Reply::RateLimited {
            retry_after: retry_after.filter(|_| !lost),
            headers: headers.filter(|_| !lost),
        }
    }

    fn headers(&self, now: Instant) -> Option<Headers> {
        (self.behaviour.headers() == HeaderStyle::Full).then(|| self.admission.headers(now))
    }

    fn loses_headers(&mut self) -> bool {
        self.loss.chance(self.behaviour.lost())
    }

    fn count(&mut self, now: Instant, context_tokens: u64, admitted: bool) {
        if let Some(arrivals) = &mut self.requests {
            arrivals.record(now, 1, admitted);
        }
        if let Some(arrivals) = &mut self.tokens {
            arrivals.record(now, context_tokens, admitted);
        }
    }

    /// How many requests came, and what became of them.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What was counted at the door against the limit on `dimension`; none where there is no limit.
    ///
    /// Tokens are counted as they are decided on: those sent, at arrival.
    pub fn arrivals(&self, dimension: Dimension) -> Option<&Arrivals> {
        match dimension {
            Dimension::Requests => self.requests.as_ref(),
            Dimension::Tokens => self.tokens.as_ref(),
            _ => None,
        }
    }

    /// The most that any interval or window was admitted beyond a limit: zero, or this emulation is
    /// broken. Over all dimensions, in the units of the one that it happened in.
    pub fn excess(&self) -> u64 {
        self.counted().map(Arrivals::excess).max().unwrap_or(0)
    }

    /// The same over everything that arrived: how far the clients themselves went beyond a limit.
    pub fn offered_excess(&self) -> u64 {
        self.counted().map(Arrivals::offered_excess).max().unwrap_or(0)
    }

    fn counted(&self) -> impl Iterator<Item = &Arrivals> {
        self.requests.iter().chain(&self.tokens)
    }
}

/// As HTTP states a wait: in whole seconds, rounded up, and never none at all.
fn whole_seconds(wait: Span) -> Span {
    Span::from_secs(wait.as_nanos().div_ceil(1_000_000_000).max(1))
}

#[cfg(test)]
mod tests;
