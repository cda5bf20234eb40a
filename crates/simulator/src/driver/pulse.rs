//! A run second by second: what the provider could do, what it did, and what pace was kept.

use tidegate_units::{Instant, Span};

use crate::number;
use crate::provider::{DimensionLimit, ProviderLimits};
use crate::report::PacePoint;

/// The length of a beat, unless the run is so long that there would be more than [`BEATS_MAX`].
const BEAT: Span = Span::from_secs(1);
/// The most beats: five and a half hours of seconds.
const BEATS_MAX: u64 = 20_000;

/// All beats of one run.
#[derive(Debug)]
pub(super) struct Pulse {
    length: Span,
    beats: Vec<Beat>,
    /// The first beat of which the pace is not known.
    unpaced: usize,
}

/// One stretch of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Beat {
    /// What the limit lets in per second, in the unit of work.
    pub(super) capacity: f64,
    /// Work that was admitted.
    pub(super) work: u64,
    /// Calls that were refused at a limit.
    pub(super) refused: u64,
    /// What the controllers say their pace is, together and per second.
    pub(super) pace: Option<f64>,
}

impl Pulse {
    /// The beats of a run under these limits, of this seed.
    pub(super) fn new(limits: &ProviderLimits, horizon: Span, seed: u64) -> Self {
        let length = BEAT.max(horizon.div(BEATS_MAX));
        let course = limits.course(seed);
        let limit = limits.limit(limits.work_dimension());
        let nominal = limit.map_or(0.0, DimensionLimit::rate_per_second);
        let beat = |index| {
            let middle = Instant::ZERO + length * index + length.div(2);
            let capacity = nominal * number::float(course.at(middle).whole()) / 1e6;
            Beat { capacity, ..Beat::default() }
        };
        let beats = (0..=horizon.as_nanos() / length.as_nanos()).map(beat).collect();
        Self { length, beats, unpaced: 0 }
    }

    pub(super) fn length(&self) -> Span {
        self.length
    }

    pub(super) fn length_s(&self) -> f64 {
        self.length.as_secs_f64()
    }

    pub(super) fn beats(&self) -> &[Beat] {
        &self.beats
    }

    /// In which beat an instant is.
    pub(super) fn index(&self, now: Instant) -> usize {
        number::place(now.as_nanos() / self.length.as_nanos())
    }

    /// When the pace is to be looked at next.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.index(now) >= self.unpaced
    }

    /// The pace is `pace` now, and has been for as long as nobody looked.
    pub(super) fn paced(&mut self, now: Instant, pace: f64) {
        let end = (self.index(now) + 1).min(self.beats.len());
        for beat in self.beats.iter_mut().take(end).skip(self.unpaced) {
            beat.pace = Some(pace);
        }
        self.unpaced = self.unpaced.max(end);
    }

    pub(super) fn admitted(&mut self, now: Instant, work: u64) {
        let index = self.index(now);
        if let Some(beat) = self.beats.get_mut(index) {
            beat.work = beat.work.saturating_add(work);
        }
    }

    pub(super) fn refused(&mut self, now: Instant) {
        let index = self.index(now);
        if let Some(beat) = self.beats.get_mut(index) {
            beat.refused += 1;
        }
    }

    /// The beats as a report has them.
    pub(super) fn points(&self) -> Vec<PacePoint> {
        let length = self.length_s();
        let point = |(index, beat): (usize, &Beat)| PacePoint {
            at_s: (number::float(number::count(index)) + 0.5) * length,
            capacity: beat.capacity,
            admitted: number::float(beat.work) / length,
            pace: beat.pace,
        };
        self.beats.iter().enumerate().map(point).collect()
    }
}
