//! The pace of one dimension: where it is, where it was refused, and what is owed.

use tidegate_units::policy::adaptive::Bounds;
use tidegate_units::{Dimension, Instant};

use crate::number::float;
use crate::slowdown::Slow;
use crate::stepped::Stepped;
use crate::{LearnedPace, Pace};

/// How much a refusal corrects what the service is thought to let through.
const LEARN: f64 = 0.25;

/// The pace of one dimension.
#[derive(Debug, Clone)]
pub(super) struct Swing {
    dimension: Dimension,
    bounds: Bounds,
    rate: f64,
    pacer: Stepped,
    /// When it was last lowered.
    lowered_at: Option<Instant>,
    /// The mean of the rates at which it was refused.
    learned: Option<f64>,
    confidence: f64,
    learned_at: Option<Instant>,
}

impl Swing {
    pub(super) fn new(dimension: Dimension, bounds: Bounds, now: Instant) -> Self {
        let pacer = Stepped::new(now);
        let rate = bounds.start;
        Self {
            dimension,
            bounds,
            rate,
            pacer,
            lowered_at: None,
            learned: None,
            confidence: 0.0,
            learned_at: None,
        }
    }

    pub(super) const fn dimension(&self) -> Dimension {
        self.dimension
    }

    pub(super) fn earliest(&self, now: Instant, slow: Slow) -> Instant {
        self.pacer.ready_at(now, self.rate, slow)
    }

    pub(super) fn ready(&self, now: Instant, slow: Slow) -> u64 {
        self.pacer.ready(now, self.rate, slow)
    }

    pub(super) fn charge(&mut self, now: Instant, amount: u64, sign: f64, slow: Slow) {
        if amount > 0 {
            self.settle(now, slow);
            self.pacer.spend(sign * float(amount));
        }
    }

    /// What came in until now came in at the rate until now.
    pub(super) fn settle(&mut self, now: Instant, slow: Slow) {
        self.pacer.advance(now, self.rate, slow);
    }

    /// Adds this share of the first pace.
    pub(super) fn climb(&mut self, now: Instant, share: f64, slow: Slow) {
        self.settle(now, slow);
        self.rate = (self.rate + share * self.bounds.start).min(self.bounds.max);
    }

    /// A call that was sent at `sent_at` was refused: leaves `decrease` of the pace, unless it was
    /// lowered since (PACE-3).
    pub(super) fn lower(&mut self, now: Instant, sent_at: Instant, decrease: f64, slow: Slow) {
        if self.lowered_at.is_some_and(|at| sent_at <= at) {
            return;
        }
        self.settle(now, slow);
        let learned = self.learned.get_or_insert(self.rate);
        *learned += LEARN * (self.rate - *learned);
        self.confidence += LEARN * (1.0 - self.confidence);
        self.lowered_at = Some(now);
        self.learned_at = Some(now);
        self.rate = (self.rate * decrease).max(self.bounds.min);
    }

    pub(super) fn learned(&self, now: Instant) -> Option<LearnedPace> {
        let (per_second, at) = (self.learned?, self.learned_at?);
        let Self { dimension, confidence, .. } = *self;
        Some(LearnedPace { dimension, per_second, confidence, age: now.since(at), window: None })
    }

    /// Begins below what was learned, as far as it is certain, and at the first pace for the rest.
    pub(super) fn restore(&mut self, now: Instant, pace: &LearnedPace, decrease: f64, slow: Slow) {
        self.settle(now, slow);
        let Bounds { min, start, max } = self.bounds;
        let below = start + pace.confidence * (pace.per_second * decrease - start);
        self.rate = below.clamp(min, max);
        self.learned = Some(pace.per_second);
        self.confidence = pace.confidence;
        self.learned_at = Some(now);
    }

    pub(super) fn pace(&self, now: Instant, slow: Slow) -> Pace {
        Pace {
            dimension: self.dimension,
            per_second: slow.of(self.rate, now),
            learned_per_second: self.learned,
            confidence: self.confidence,
            learned_at: self.learned_at,
        }
    }
}
