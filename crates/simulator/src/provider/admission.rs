//! All limits of the service together: one yes or no.

use tidegate_units::{Dimension, Instant, Span};

use crate::provider::bucket::Bucket;
use crate::provider::course::Course;
use crate::provider::headers::{Headers, LimitHeader};
use crate::provider::limits::{DimensionLimit, ProviderLimits};
use crate::provider::window::{Grid, Window, scaled};

/// The state of every limit.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    requests: Option<Ledger>,
    tokens: Option<Ledger>,
    /// What stated limits follow.
    stated: Course,
}

impl Admission {
    /// Full buckets, and windows at the phase of this seed, on the course that this seed gives them.
    pub(crate) fn new(limits: &ProviderLimits, seed: u64) -> Self {
        let course = limits.course(seed);
        let ledger = |dimension| {
            let limit = limits.limit(dimension)?;
            let state = match *limit {
                DimensionLimit::Bucket { rate, burst, .. } => {
                    State::Bucket(Bucket::new(rate, burst, course.clone()))
                }
                DimensionLimit::Window { amount, window } => {
                    let grid = Grid::new(window, limits.phase(seed));
                    State::Window(Window::new(amount, grid, course.clone()))
                }
            };
            Some(Ledger { state, stated_amount: limit.stated_amount() })
        };
        let (requests, tokens) = (ledger(Dimension::Requests), ledger(Dimension::Tokens));
        let lies = limits.swings().limit_header_lies;
        Self { requests, tokens, stated: if lies { Course::constant() } else { course } }
    }

    /// When a request of so many tokens passes if no other comes first and the capacity goes its
    /// course: `now` or later, or never because it is larger than a full bucket or window.
    pub(crate) fn earliest(&self, now: Instant, context_tokens: u64) -> Option<Instant> {
        let of = |ledger: &Option<Ledger>, now, amount| match ledger {
            Some(ledger) => ledger.earliest(now, amount),
            None => Some(now),
        };
        let mut at = now;
        loop {
            let both = of(&self.requests, at, 1)?.max(of(&self.tokens, at, context_tokens)?);
            if both == at {
                return Some(at);
            }
            // While one limit makes room, a step may take that of the other: look again then.
            at = both;
        }
    }

    /// How long a refused request has to wait, as far as a service knows that does not know what
    /// becomes of its capacity; or it never fits.
    pub(crate) fn wait_as_of(&self, now: Instant, context_tokens: u64) -> Option<Span> {
        let of = |ledger: &Option<Ledger>, amount| match ledger {
            Some(ledger) => ledger.wait_as_of(now, amount),
            None => Some(Span::ZERO),
        };
        Some(of(&self.requests, 1)?.max(of(&self.tokens, context_tokens)?))
    }

    /// Charges an admitted request.
    pub(crate) fn take(&mut self, now: Instant, context_tokens: u64) {
        if let Some(ledger) = &mut self.requests {
            ledger.take(now, 1);
        }
        if let Some(ledger) = &mut self.tokens {
            ledger.take(now, context_tokens);
        }
    }

    /// Charges what a request has generated.
    pub(crate) fn complete(&mut self, now: Instant, generated_tokens: u64) {
        if let Some(ledger) = &mut self.tokens {
            ledger.take(now, generated_tokens);
        }
    }

    /// Takes the fraction of a permit that a bucket of requests holds.
    pub(crate) fn burn_fraction(&mut self, now: Instant) {
        if let Some(Ledger { state: State::Bucket(bucket), .. }) = &mut self.requests {
            bucket.burn_fraction(now);
        }
    }

    /// What the headers say now.
    pub(crate) fn headers(&self, now: Instant) -> Headers {
        let steps = self.stated.at(now).steps;
        let of = |ledger: &Option<Ledger>| ledger.as_ref().map(|ledger| ledger.header(now, steps));
        Headers { requests: of(&self.requests), tokens: of(&self.tokens) }
    }
}

/// One limit and its state.
#[derive(Debug, Clone)]
struct Ledger {
    state: State,
    stated_amount: u64,
}

#[derive(Debug, Clone)]
enum State {
    Bucket(Bucket),
    Window(Window),
}

impl Ledger {
    fn earliest(&self, now: Instant, amount: u64) -> Option<Instant> {
        match &self.state {
            State::Bucket(bucket) => bucket.earliest(now, amount),
            State::Window(window) => window.earliest(now, amount),
        }
    }

    fn wait_as_of(&self, now: Instant, amount: u64) -> Option<Span> {
        match &self.state {
            State::Bucket(bucket) => bucket.wait_as_of(now, amount),
            State::Window(window) => window.wait_as_of(now, amount),
        }
    }

    fn take(&mut self, now: Instant, amount: u64) {
        match &mut self.state {
            State::Bucket(bucket) => bucket.take(now, amount),
            State::Window(window) => window.take(now, amount),
        }
    }

    fn header(&self, now: Instant, steps: u64) -> LimitHeader {
        let limit = scaled(self.stated_amount, steps);
        match &self.state {
            State::Bucket(bucket) => bucket.header(now, limit),
            State::Window(window) => window.header(now, limit),
        }
    }
}
