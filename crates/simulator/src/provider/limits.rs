//! What the service holds its clients to, in absolute numbers.

use std::sync::Arc;

use tidegate_units::{Dimension, Span};

use crate::provider::course::{Course, Swings};
use crate::provider::quantity::{Quantity, Rate};
use crate::random::{Random, Stream};

/// A limit on one dimension, as the service counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DimensionLimit {
    /// A bucket that starts full.
    Bucket {
        /// What it refills at.
        rate: Rate,
        /// What it holds.
        burst: Quantity,
        /// The time that the service states the limit for: `rate · window` is its limit header.
        window: Span,
    },
    /// Windows laid end to end.
    Window {
        /// What each may hold.
        amount: u64,
        /// How long each is; never zero.
        window: Span,
    },
}

impl DimensionLimit {
    /// A bucket that holds what comes in over `burst`, stated per `window`.
    pub fn bucket(rate: Rate, burst: Span, window: Span) -> Self {
        Self::Bucket { rate, burst: rate.over(burst), window }
    }

    /// Windows that hold `rate · window`, rounded to the nearest whole number.
    pub fn window(rate: Rate, window: Span) -> Self {
        Self::Window { amount: nearest(rate.over(window)), window: at_least_a_nano(window) }
    }

    /// What passes per second in the long run.
    pub fn rate_per_second(&self) -> f64 {
        match self {
            Self::Bucket { rate, .. } => rate.per_second(),
            Self::Window { amount, window } => crate::number::float(*amount) / window.as_secs_f64(),
        }
    }

    /// The most that passes at once.
    pub fn at_once(&self) -> Quantity {
        match self {
            Self::Bucket { burst, .. } => *burst,
            Self::Window { amount, .. } => Quantity::whole(*amount),
        }
    }

    /// The time that the limit is stated for.
    pub fn stated_window(&self) -> Span {
        match self {
            Self::Bucket { window, .. } | Self::Window { window, .. } => *window,
        }
    }

    /// The amount that the limit header states, per [`DimensionLimit::stated_window`].
    pub fn stated_amount(&self) -> u64 {
        match self {
            Self::Bucket { rate, window, .. } => nearest(rate.over(*window)),
            Self::Window { amount, .. } => *amount,
        }
    }
}

/// All limits of a service: on requests, on tokens, or on both, and how they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLimits {
    requests: Option<DimensionLimit>,
    tokens: Option<DimensionLimit>,
    swings: Arc<Swings>,
    /// For how long it changes.
    span: Span,
}

impl ProviderLimits {
    /// A limit on requests only.
    pub fn requests(limit: DimensionLimit) -> Self {
        Self::new(Some(limit), None)
    }

    /// A limit on tokens only: those sent are charged at admission, those generated at completion.
    pub fn tokens(limit: DimensionLimit) -> Self {
        Self::new(None, Some(limit))
    }

    /// Limits on both, of which either may bind.
    pub fn both(requests: DimensionLimit, tokens: DimensionLimit) -> Self {
        Self::new(Some(requests), Some(tokens))
    }

    /// Limits on whichever are given.
    pub(crate) fn new(requests: Option<DimensionLimit>, tokens: Option<DimensionLimit>) -> Self {
        Self { requests, tokens, swings: Arc::default(), span: Span::ZERO }
    }

    /// The same, changing in a run over `span`.
    pub fn swinging(self, swings: Swings, span: Span) -> Self {
        Self { swings: Arc::new(swings), span, ..self }
    }

    /// What changes them.
    pub fn swings(&self) -> &Swings {
        &self.swings
    }

    /// How they change in the run of this seed.
    pub(crate) fn course(&self, seed: u64) -> Course {
        Course::new(&self.swings, self.span, seed)
    }

    /// The limit on a dimension; none for all but requests and tokens.
    pub fn limit(&self, dimension: Dimension) -> Option<&DimensionLimit> {
        match dimension {
            Dimension::Requests => self.requests.as_ref(),
            Dimension::Tokens => self.tokens.as_ref(),
            _ => None,
        }
    }

    /// Every limit with its dimension, requests first.
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, &DimensionLimit)> {
        let requests = self.requests.iter().map(|limit| (Dimension::Requests, limit));
        requests.chain(self.tokens.iter().map(|limit| (Dimension::Tokens, limit)))
    }

    /// What work is measured in: requests where they are limited, else tokens.
    pub fn work_dimension(&self) -> Dimension {
        if self.requests.is_some() { Dimension::Requests } else { Dimension::Tokens }
    }

    /// Where the windows of a run begin, after the origin of its clock. All limits share the phase.
    pub fn phase(&self, seed: u64) -> Span {
        let longest = self.iter().map(|(_, limit)| limit.stated_window()).max();
        Random::new(seed, Stream::Phase).span_below(longest.unwrap_or_default())
    }
}

/// The nearest whole number of units.
fn nearest(quantity: Quantity) -> u64 {
    let doubled = quantity + quantity;
    (doubled + Quantity::whole(1)).floor() / 2
}

/// No window is empty, or it would never end.
fn at_least_a_nano(window: Span) -> Span {
    window.max(Span::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_second(micros: u64) -> Rate {
        Rate::from_micros_per_second(micros).expect("in range")
    }

    #[test]
    fn amounts_are_stated_to_the_nearest() {
        let minute = Span::from_secs(60);
        for (micros, amount) in [(3_871_000, 232), (3_875_000, 233), (3_876_000, 233), (100, 0)] {
            let window = DimensionLimit::window(per_second(micros), minute);
            assert_eq!(window.stated_amount(), amount);
            let bucket = DimensionLimit::bucket(per_second(micros), minute, minute);
            assert_eq!(bucket.stated_amount(), amount);
        }
    }

    #[test]
    fn the_phase_is_within_the_window_and_follows_the_seed() {
        let minute = Span::from_secs(60);
        let limits =
            ProviderLimits::requests(DimensionLimit::window(per_second(1_000_000), minute));
        let phases: Vec<Span> = (0..50).map(|seed| limits.phase(seed)).collect();
        assert!(phases.iter().all(|phase| *phase < minute));
        assert!(phases.iter().any(|phase| *phase > Span::from_secs(45)));
        assert!(phases.iter().any(|phase| *phase < Span::from_secs(15)));
        assert_eq!(limits.phase(7), limits.phase(7));
    }
}
