//! What a call will take, before it is made.
//!
//! Limits on tokens are charged when a call is let go, and what it takes is known when it has ended. Who
//! guesses too low is refused by the provider, who guesses too high leaves its limits unused. So the
//! input is counted from the body of the request, the output is what such calls took lately, and how
//! both make up what is reserved is a rule of the provider: some charge on arrival what might be
//! generated at most, some what was sent.
//!
//! - [`Asked`] is what the body of a request says, [`Estimator`] how text becomes tokens.
//! - [`Outputs`] has learned how much is generated, for each service, model and key.
//! - [`ReservationRule`] makes a [`Cost`] of both.
//!
//! What it took in the end is [`crate::usage`], and what comes of the difference [`crate::settling`].
//!
//! # Invariants
//!
//! - EST-1: by characters, more text is never estimated as fewer tokens, and no text as more than two
//!   tokens a character.
//! - EST-2: the work for one body is bounded, whatever is in it.
//! - EST-3: over what is remembered, what is expected is at least the quantile, and at most an eighth and
//!   one token above it.
//! - EST-4: what is reserved for an unknown output is at most what the call allows, and at most its share of the
//!   smallest quota, though at least one token.
//! - EST-5: a table never holds more keys than it may.

use serde::{Deserialize, Serialize};
use tidegate_units::{Cost, Instant, Share};

mod body;
mod characters;
mod outputs;
mod reservation;
mod sketch;
#[cfg(feature = "tokenizer")]
mod tokenizer;

pub use body::Asked;
pub use characters::{ByCharacters, Estimator};
pub use outputs::{InvalidOutputKey, OutputKey, Outputs, SavedOutputs};
pub use reservation::{ReservationRule, Reserved};
pub use sketch::{InvalidSketch, Sketch};
#[cfg(feature = "tokenizer")]
pub use tokenizer::Tokenizer;

use crate::Usage;

/// How the output of a call is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPolicy {
    /// The part of earlier calls that took no more than is expected: a half to all, 0.9 unless stated.
    pub quantile: Share,
    /// The most that is expected, as a part of the smallest quota: a quarter unless stated. A small quota then
    /// lets several calls go at once before anything was learned.
    pub share: Share,
    /// What is expected of calls of which nothing was learned: 1024 tokens unless stated.
    pub first: u64,
}

impl Default for OutputPolicy {
    fn default() -> Self {
        Self { quantile: Share::per_mille(900), share: Share::per_mille(250), first: 1_024 }
    }
}

/// Guesses what calls will take, and learns from what they took.
///
/// ```
/// use serde_json::json;
/// use tidegate_adaptive::{
///     Asked, ByCharacters, Estimates, OutputKey, OutputPolicy, ReservationRule, Usage,
/// };
/// use tidegate_units::{Cost, Instant};
///
/// let mut estimates = Estimates::new(OutputPolicy::default());
/// let planner = OutputKey::new("groq", Some("llama"), Some("planner"))?;
/// let body = json!({"messages": [{"role": "user", "content": "Hello, how are you?"}]});
/// let asked = Asked::of_body(&body, &ByCharacters::default());
///
/// // Nothing is known of the output, and the quota is small: a quarter of it.
/// let cost = estimates.reserve(ReservationRule::GROQ, &asked, &planner, Some(1_000));
/// assert_eq!(cost, Cost::request().input_tokens(9).output_tokens(250));
///
/// for _ in 0..20 {
///     let took = Usage { output: Some(40), ..Usage::default() };
///     estimates.learn(Instant::ZERO, &planner, &took);
/// }
/// let cost = estimates.reserve(ReservationRule::GROQ, &asked, &planner, Some(1_000));
/// assert_eq!(cost, Cost::request().input_tokens(9).output_tokens(43));
/// # Ok::<(), tidegate_adaptive::estimate::InvalidOutputKey>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Estimates {
    policy: OutputPolicy,
    outputs: Outputs,
}

impl Estimates {
    /// Nothing is learned yet.
    pub fn new(policy: OutputPolicy) -> Self {
        Self { policy, outputs: Outputs::default() }
    }

    /// The same with what was learned before.
    pub fn knowing(self, outputs: Outputs) -> Self {
        Self { outputs, ..self }
    }

    /// What was learned.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// What to reserve for a call. `smallest_quota` is the least amount of tokens that any limit of the call
    /// holds, if one is known.
    pub fn reserve(
        &self,
        rule: ReservationRule,
        asked: &Asked,
        key: &OutputKey,
        smallest_quota: Option<u64>,
    ) -> Cost {
        rule.cost(asked, self.expected(asked, key, smallest_quota), smallest_quota)
    }

    /// How much output to expect of a call: what such calls took, no more than the call allows, and no more than
    /// its share of the smallest quota; at least 1.
    pub fn expected(&self, asked: &Asked, key: &OutputKey, smallest_quota: Option<u64>) -> u64 {
        let learned = self.outputs.expected(key, self.policy.quantile);
        let usual = learned.unwrap_or(self.policy.first);
        let allowed = asked.allowed_output().unwrap_or(u64::MAX);
        let share = smallest_quota.map_or(u64::MAX, |quota| self.policy.share.of(quota));
        usual.min(allowed).min(share).max(1)
    }

    /// Learns at `now` from what a call took; one whose output is not known teaches nothing.
    pub fn learn(&mut self, now: Instant, key: &OutputKey, usage: &Usage) {
        if let Some(output) = usage.output {
            self.outputs.record(now, key, output);
        }
    }
}
