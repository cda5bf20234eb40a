//! How much output the calls of a service, a model and a key take, as a bounded table that can be kept.
//!
//! Of a key of which little is known, what its model takes is asked, and then its service. When the table is
//! full, whoever has not been heard of for longest has to go.
//!
//! # Invariants
//!
//! - EST-5: a table never holds more keys than it may.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidegate_units::{Instant, Share, Span};

use super::Sketch;

/// So many calls have to be remembered of a key before it is asked: fewer have no ninth tenth.
const CALLS_MIN: u64 = 10;

/// How old what was kept may be: after a week nobody knows what has become of the service.
const AGE_MAX: Span = Span::from_secs(7 * 86_400);

/// What was kept weighs half as much after so long, so that what is new soon counts for more.
const HALF_LIFE: Span = Span::from_secs(86_400);

/// Whose calls are told apart: a service, one of its models, somebody on whose behalf it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "KeyText", into = "KeyText")]
pub struct OutputKey {
    service: Arc<str>,
    model: Option<Arc<str>>,
    key: Option<Arc<str>>,
}

/// A part of a key that is empty or too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of {bytes} bytes in a key of outputs: use 1 to {}", OutputKey::PART_MAX)]
pub struct InvalidOutputKey {
    bytes: usize,
}

impl OutputKey {
    /// The longest part, in bytes.
    pub const PART_MAX: usize = 128;

    /// The calls to a service, or those to one of its models, on behalf of somebody.
    ///
    /// ```
    /// use tidegate_adaptive::OutputKey;
    ///
    /// assert!(OutputKey::new("anthropic", Some("claude"), None).is_ok());
    /// assert_eq!(
    ///     OutputKey::new("", None, None).unwrap_err().to_string(),
    ///     "a part of 0 bytes in a key of outputs: use 1 to 128"
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidOutputKey`] for a part that is empty or longer than [`OutputKey::PART_MAX`].
    pub fn new(
        service: &str,
        model: Option<&str>,
        key: Option<&str>,
    ) -> Result<Self, InvalidOutputKey> {
        let part = |text: &str| match text.len() {
            1..=Self::PART_MAX => Ok(Arc::from(text)),
            bytes => Err(InvalidOutputKey { bytes }),
        };
        Ok(Self {
            service: part(service)?,
            model: model.map(part).transpose()?,
            key: key.map(part).transpose()?,
        })
    }

    /// This key and those that it is a part of: without the key, without the model.
    fn wider(&self) -> impl Iterator<Item = Self> {
        let of_model = Self { key: None, ..self.clone() };
        let of_service = Self { model: None, ..of_model.clone() };
        let mut keys = vec![self.clone(), of_model, of_service];
        keys.dedup();
        keys.into_iter()
    }
}

/// What was learned of one key.
#[derive(Debug, Clone)]
struct Entry {
    sketch: Sketch,
    heard_at: Instant,
    /// How long before that it was heard of in truth: another process did, and nothing came since.
    older_by: Span,
    /// How often what was kept was halved for its age.
    faded: u32,
    /// The place among all that was heard, for when instants are equal or step back.
    turn: u64,
}

/// What calls took, by key.
///
/// ```
/// use tidegate_adaptive::{OutputKey, Outputs};
/// use tidegate_units::{Instant, Share, Span};
///
/// let mut outputs = Outputs::default();
/// let planner = OutputKey::new("openai", Some("gpt"), Some("planner"))?;
/// for _ in 0..10 {
///     outputs.record(Instant::ZERO, &planner, 7);
/// }
/// assert_eq!(outputs.expected(&planner, Share::per_mille(900)), Some(7));
/// // Of somebody else nothing is known, but what the model takes.
/// let critic = OutputKey::new("openai", Some("gpt"), Some("critic"))?;
/// assert_eq!(outputs.expected(&critic, Share::per_mille(900)), Some(7));
///
/// // Kept, and read again by another process, an hour later, whose clock begins anew.
/// let text = serde_json::to_string(&outputs.save(Instant::ZERO)).expect("text");
/// let saved = serde_json::from_str(&text).expect("it was written so");
/// let again = Outputs::restore(saved, Instant::ZERO, Span::from_secs(3_600));
/// assert_eq!(again.expected(&planner, Share::per_mille(900)), Some(7));
/// # Ok::<(), tidegate_adaptive::estimate::InvalidOutputKey>(())
/// ```
#[derive(Debug, Clone)]
pub struct Outputs {
    entries: BTreeMap<OutputKey, Entry>,
    keys_max: usize,
    turn: u64,
}

/// What was learned, to be kept. Instants mean nothing to another process: ages do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedOutputs {
    keys_max: usize,
    /// From the one that was not heard of for longest to the latest.
    entries: Vec<SavedEntry>,
}

/// What was learned of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SavedEntry {
    key: OutputKey,
    age: Span,
    #[serde(default)]
    faded: u32,
    sketch: Sketch,
}

impl Default for Outputs {
    fn default() -> Self {
        Self::holding(Self::KEYS_DEFAULT)
    }
}

impl Outputs {
    /// How many keys a table holds unless stated: each takes about 1 KiB.
    pub const KEYS_DEFAULT: usize = 1_024;
    /// The most keys that a table may hold.
    pub const KEYS_MAX: usize = 65_536;

    /// An empty table for so many keys, models and services among them: 3 to 65 536; what is outside is taken
    /// as the nearer end.
    pub fn holding(keys: usize) -> Self {
        Self { entries: BTreeMap::new(), keys_max: keys.clamp(3, Self::KEYS_MAX), turn: 0 }
    }

    /// How many keys are known, models and services among them.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A call of `key` ended at `now` and took `amount`. It counts for its model and its service as well.
    pub fn record(&mut self, now: Instant, key: &OutputKey, amount: u64) {
        for key in key.wider() {
            self.turn = self.turn.saturating_add(1);
            let (turn, heard_at) = (self.turn, now);
            let entry = self.entries.entry(key).or_insert_with(|| Entry {
                sketch: Sketch::default(),
                heard_at,
                older_by: Span::ZERO,
                faded: 0,
                turn,
            });
            entry.sketch.record(amount);
            entry.heard_at = entry.heard_at.max(now);
            (entry.older_by, entry.faded, entry.turn) = (Span::ZERO, 0, turn);
        }
        self.evict();
    }

    /// What `share` of the calls of `key` did not exceed; where too little is known of it, of its model, and then
    /// of its service. `None` where nothing is known.
    pub fn expected(&self, key: &OutputKey, share: Share) -> Option<u64> {
        let known = |key: OutputKey| {
            let sketch = &self.entries.get(&key)?.sketch;
            if sketch.calls() < CALLS_MIN { None } else { sketch.quantile(share) }
        };
        key.wider().find_map(known)
    }

    /// What is known, to be kept.
    pub fn save(&self, now: Instant) -> SavedOutputs {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.turn);
        let saved = |(key, entry): (&OutputKey, &Entry)| SavedEntry {
            key: key.clone(),
            age: now.since(entry.heard_at) + entry.older_by,
            faded: entry.faded,
            sketch: entry.sketch.clone(),
        };
        let entries = entries.into_iter().map(saved).collect();
        SavedOutputs { keys_max: self.keys_max, entries }
    }

    /// What was kept, read at `now`, which is `elapsed` after it was saved. What was not heard of for a week is
    /// left out, and the rest weighs less with every day.
    pub fn restore(saved: SavedOutputs, now: Instant, elapsed: Span) -> Self {
        let mut outputs = Self::holding(saved.keys_max);
        for SavedEntry { key, age, faded, mut sketch } in saved.entries {
            let older_by = age + elapsed;
            if older_by > AGE_MAX {
                continue;
            }
            let halvings = older_by.as_nanos() / HALF_LIFE.as_nanos();
            let halvings = u32::try_from(halvings).unwrap_or(u32::MAX);
            sketch.fade(halvings.saturating_sub(faded));
            outputs.turn = outputs.turn.saturating_add(1);
            let (heard_at, faded, turn) = (now, halvings, outputs.turn);
            outputs.entries.insert(key, Entry { sketch, heard_at, older_by, faded, turn });
            outputs.evict();
        }
        outputs
    }

    /// Lets those go who were not heard of for longest, until the table is as large as it may be.
    fn evict(&mut self) {
        while self.entries.len() > self.keys_max {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.turn);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            self.entries.remove(&oldest);
        }
    }
}

/// The text form of a key.
#[derive(Serialize, Deserialize)]
struct KeyText {
    service: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl TryFrom<KeyText> for OutputKey {
    type Error = InvalidOutputKey;

    fn try_from(text: KeyText) -> Result<Self, InvalidOutputKey> {
        Self::new(&text.service, text.model.as_deref(), text.key.as_deref())
    }
}

impl From<OutputKey> for KeyText {
    fn from(key: OutputKey) -> Self {
        let text = |part: Arc<str>| part.as_ref().to_owned();
        Self { service: text(key.service), model: key.model.map(text), key: key.key.map(text) }
    }
}
