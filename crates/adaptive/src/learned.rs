//! What was learned, kept for a later run: a text that is checked as a whole before any of it counts.
//!
//! A program that starts again would have to be refused to find out what it knew before. What it knew
//! gets less certain with time: confidence halves every [`HALF_LIFE`], and what is hardly known any
//! more is forgotten.
//!
//! Controllers know no wall clock. What they hand over is relative to now; the saved form says when,
//! on the wall, so that it can be read by another process.
//!
//! # Invariants
//!
//! - PACE-6: what is restored is what was saved, with its confidence lowered by its age, or nothing.

use libm::exp2;
use serde::{Deserialize, Serialize};
use tidegate_units::{AdaptivePolicy, Dimension, Instant, Span, WallOrigin};

use crate::number::float;

mod error;

pub use error::LearnedError;

/// After how long half of the confidence is gone. Limits change with plans and with what others use,
/// within hours rather than minutes.
pub const HALF_LIFE: Span = Span::from_secs(6 * 60 * 60);
/// The confidence below which nothing is known: that of a certain pace after a day.
pub const CONFIDENCE_MIN: f64 = 1.0 / 16.0;
/// The largest text in bytes. A valid one has a few hundred.
pub const TEXT_MAX: usize = 64 * 1_024;
/// The form that is written, and the only one that is read.
const VERSION: u32 = 1;
/// The highest capacity per second that is believed.
const CAPACITY_MAX: f64 = 1e12;
/// The longest window: a leap year.
const WINDOW_MAX: Span = Span::from_secs(366 * 86_400);
/// The shortest window that can be told from a bucket.
const WINDOW_MIN: Span = Span::from_secs(1);

/// What a controller knows of one dimension, relative to the instant at which it was asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearnedPace {
    /// What is paced.
    pub dimension: Dimension,
    /// What the service lets through, per second.
    pub per_second: f64,
    /// How much of that is known rather than guessed, 0 to 1: when it was last confirmed where a
    /// controller says it, now where it is told to one.
    pub confidence: f64,
    /// How long ago it was last confirmed.
    pub age: Span,
    /// The window by which the service counts, where it is known.
    pub window: Option<LearnedWindow>,
}

/// A window by which a service counts, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedWindow {
    /// How long each is.
    pub length: Span,
    /// In how long the present one ends.
    pub ends_in: Span,
}

/// What was learned of one service, as it is saved.
///
/// ```
/// use tidegate_adaptive::{Learned, LearnedPace};
/// use tidegate_units::{Dimension, Instant, Span, WallOrigin};
///
/// let pace = LearnedPace {
///     dimension: Dimension::Requests,
///     per_second: 3.9,
///     confidence: 0.8,
///     age: Span::from_secs(10),
///     window: None,
/// };
/// let (now, origin) = (Instant::ZERO, WallOrigin::when(Instant::ZERO, 1_700_000_000_000_000_000));
/// let saved = Learned::new(&[pace], now, origin).to_text();
///
/// // Six hours later, half of it is certain still.
/// let later = now + Span::from_secs(6 * 60 * 60);
/// let learned = Learned::parse(&saved)?.at(later, origin);
/// assert!((learned[0].confidence - 0.4).abs() < 0.001);
///
/// let refused = Learned::parse("{\"version\":7}").unwrap_err();
/// assert_eq!(refused.to_string(), "version 7 of what was learned: only 1 can be read; learn anew");
/// # Ok::<(), tidegate_adaptive::LearnedError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    version: u32,
    /// When it was saved, in milliseconds since 1970.
    saved_at_ms: u64,
    paces: Vec<SavedPace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedPace {
    dimension: Dimension,
    per_second: f64,
    confidence: f64,
    age_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<SavedWindow>,
}

/// A window by the wall clock: one ends whenever the milliseconds since 1970, divided by the length,
/// leave the phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedWindow {
    length_ms: u64,
    phase_ms: u64,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with a version")]
struct Versioned {
    version: u32,
}

impl LearnedPace {
    /// Whether this can be true of a service.
    pub fn is_sound(&self) -> bool {
        SavedPace::of(self, 0).check().is_ok()
    }
}

impl Learned {
    /// What a controller learned until `now`. Paces that cannot be true are left out.
    pub fn new(paces: &[LearnedPace], now: Instant, origin: WallOrigin) -> Self {
        let saved_at_ms = unix_millis(now, origin);
        let sound = paces.iter().filter(|pace| pace.is_sound());
        let mut saved: Vec<SavedPace> = Vec::new();
        for pace in sound.take(AdaptivePolicy::DIMENSIONS_MAX) {
            if saved.iter().all(|other| other.dimension != pace.dimension) {
                saved.push(SavedPace::of(pace, saved_at_ms));
            }
        }
        Self { version: VERSION, saved_at_ms, paces: saved }
    }

    /// As text: one line of JSON.
    pub fn to_text(&self) -> String {
        // Numbers and names can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Learned::to_text`] wrote.
    ///
    /// # Errors
    ///
    /// [`LearnedError`], with the first thing that is wrong; nothing of the text counts then.
    pub fn parse(text: &str) -> Result<Self, LearnedError> {
        if text.len() > TEXT_MAX {
            return Err(LearnedError::TextTooLong { bytes: text.len() });
        }
        let form = |error: serde_json::Error| LearnedError::Form { message: error.to_string() };
        let Versioned { version } = serde_json::from_str(text).map_err(form)?;
        if version != VERSION {
            return Err(LearnedError::Version { version });
        }
        let learned: Self = serde_json::from_str(text).map_err(form)?;
        learned.check()?;
        Ok(learned)
    }

    fn check(&self) -> Result<(), LearnedError> {
        let count = self.paces.len();
        if count > AdaptivePolicy::DIMENSIONS_MAX {
            return Err(LearnedError::Paces { count });
        }
        for (index, pace) in self.paces.iter().enumerate() {
            let SavedPace { dimension, .. } = *pace;
            if self.paces[..index].iter().any(|other| other.dimension == dimension) {
                return Err(LearnedError::Dimension { dimension });
            }
            pace.check()?;
        }
        Ok(())
    }

    /// What of it is still known at `now`, relative to that. A wall clock that was set back since
    /// makes nothing more certain.
    pub fn at(&self, now: Instant, origin: WallOrigin) -> Vec<LearnedPace> {
        let wall_ms = unix_millis(now, origin);
        let since = wall_ms.saturating_sub(self.saved_at_ms);
        let aged = self.paces.iter().map(|pace| pace.aged(since, wall_ms));
        aged.filter(|pace| pace.confidence >= CONFIDENCE_MIN).collect()
    }
}

impl SavedPace {
    fn of(pace: &LearnedPace, wall_ms: u64) -> Self {
        let window = pace.window.map(|LearnedWindow { length, ends_in }| {
            let length_ms = length.as_millis();
            let ends_at = wall_ms.saturating_add(ends_in.as_millis());
            SavedWindow { length_ms, phase_ms: ends_at.checked_rem(length_ms).unwrap_or(0) }
        });
        let LearnedPace { dimension, per_second, confidence, age, .. } = *pace;
        Self { dimension, per_second, confidence, age_ms: age.as_millis(), window }
    }

    fn check(&self) -> Result<(), LearnedError> {
        let Self { dimension, per_second, confidence, window, .. } = *self;
        if dimension == Dimension::Slots {
            return Err(LearnedError::Dimension { dimension });
        }
        if !(per_second > 0.0 && per_second <= CAPACITY_MAX) {
            return Err(LearnedError::Capacity { dimension, per_second });
        }
        if !(0.0..=1.0).contains(&confidence) {
            return Err(LearnedError::Confidence { confidence });
        }
        window.map_or(Ok(()), |window| window.check())
    }

    /// The same `since` milliseconds after it was saved.
    fn aged(&self, since: u64, wall_ms: u64) -> LearnedPace {
        let Self { dimension, per_second, confidence, age_ms, window } = *self;
        let age = Span::from_millis(age_ms.saturating_add(since));
        let confidence = decayed(confidence, age);
        let window = window.map(|window| window.at(wall_ms));
        LearnedPace { dimension, per_second, confidence, age, window }
    }
}

impl SavedWindow {
    fn check(&self) -> Result<(), LearnedError> {
        let (length, phase) = (Span::from_millis(self.length_ms), Span::from_millis(self.phase_ms));
        if !(WINDOW_MIN..=WINDOW_MAX).contains(&length) {
            return Err(LearnedError::Window { length });
        }
        if phase >= length {
            return Err(LearnedError::Phase { phase, length });
        }
        Ok(())
    }

    /// Relative to the wall clock: between 1 ms and the length are left of the present one.
    fn at(&self, wall_ms: u64) -> LearnedWindow {
        let Self { length_ms, phase_ms } = *self;
        let into = wall_ms.checked_rem(length_ms).unwrap_or(0);
        let left = if phase_ms > into { phase_ms - into } else { phase_ms + length_ms - into };
        LearnedWindow {
            length: Span::from_millis(length_ms),
            ends_in: Span::from_millis(left.min(length_ms)),
        }
    }
}

/// What is left of a confidence after so long: half of it after [`HALF_LIFE`].
pub fn decayed(confidence: f64, age: Span) -> f64 {
    confidence * exp2(-float(age.as_nanos()) / float(HALF_LIFE.as_nanos()))
}

fn unix_millis(now: Instant, origin: WallOrigin) -> u64 {
    origin.to_wall(now).since(Instant::ZERO).as_millis()
}
