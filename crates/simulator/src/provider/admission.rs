//! All limits of the service together: one yes or no.

use tidegate_units::{Dimension, Instant};

use crate::provider::bucket::Bucket;
use crate::provider::headers::{Headers, LimitHeader};
use crate::provider::limits::{DimensionLimit, ProviderLimits};
use crate::provider::window::{Grid, Window};

/// The state of every limit.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    requests: Option<Ledger>,
    tokens: Option<Ledger>,
}

impl Admission {
    /// Full buckets, and windows at the phase of this seed.
    pub(crate) fn new(limits: &ProviderLimits, seed: u64) -> Self {
        let ledger = |dimension| {
            let limit = limits.limit(dimension)?;
            let state = match *limit {
                DimensionLimit::Bucket { rate, burst, .. } => {
                    State::Bucket(Bucket::new(rate, burst))
                }
                DimensionLimit::Window { amount, window } => {
                    State::Window(Window::new(amount, Grid::new(window, limits.phase(seed))))
                }
            };
            Some(Ledger { state, stated_amount: limit.stated_amount() })
        };
        Self { requests: ledger(Dimension::Requests), tokens: ledger(Dimension::Tokens) }
    }

    /// When a request of so many tokens passes if no other comes first: `now` or later, or never
    /// because it is larger than a full bucket or window.
    pub(crate) fn earliest(&self, now: Instant, context_tokens: u64) -> Option<Instant> {
        let of = |ledger: &Option<Ledger>, amount| match ledger {
            Some(ledger) => ledger.earliest(now, amount),
            None => Some(now),
        };
        // Nothing is taken meanwhile, so what passes at one time passes at any later one.
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
        let of = |ledger: &Option<Ledger>| ledger.as_ref().map(|ledger| ledger.header(now));
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

    fn take(&mut self, now: Instant, amount: u64) {
        match &mut self.state {
            State::Bucket(bucket) => bucket.take(now, amount),
            State::Window(window) => window.take(now, amount),
        }
    }

    fn header(&self, now: Instant) -> LimitHeader {
        match &self.state {
            State::Bucket(bucket) => bucket.header(now, self.stated_amount),
            State::Window(window) => window.header(now, self.stated_amount),
        }
    }
}
