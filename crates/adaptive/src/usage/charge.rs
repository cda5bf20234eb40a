//! What of a usage a provider's limits count.
//!
//! A limit on tokens is a rule about which tokens: one provider forgives what a cache gave, another
//! counts a token of output several times, a third does not count output at all. Whoever settles with
//! the wrong rule drifts away from the provider's own books with every call.
//!
//! # Invariants
//!
//! - USE-5: a rule charges no token twice, and no more than the service counted, times what it makes
//!   of each.

use serde::{Deserialize, Serialize};
use tidegate_units::{Cost, Dimension};

use super::Usage;

/// The limits on tokens that a provider has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Input and output against limits of their own.
    Apart,
    /// Input and output against one limit.
    Together,
    /// Input only; output is free of limits.
    InputOnly,
}

/// Which tokens count, and how often.
///
/// ```
/// use tidegate_adaptive::{ChargeRule, Usage};
/// use tidegate_units::{Cost, Dimension};
///
/// let usage = Usage {
///     input: Some(1_200),
///     cache_read: Some(88_000),
///     cache_write: Some(300),
///     output: Some(310),
///     ..Usage::default()
/// };
/// let charged = usage.charge(ChargeRule::ANTHROPIC);
/// assert_eq!(charged, Cost::request().input_tokens(1_500).output_tokens(310));
/// let older = usage.charge(ChargeRule::ANTHROPIC_CACHE_COUNTS);
/// assert_eq!(older.amount(Dimension::InputTokens), 89_500);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChargeRule {
    /// Against what.
    pub counted: Counted,
    /// Whether tokens that were read from a cache count.
    pub cache_read: bool,
    /// Whether tokens that were written to a cache count.
    pub cache_write: bool,
    /// How many tokens of a limit one token of output takes: 1 to 100, what is outside is taken as the
    /// nearer end.
    pub output_times: u8,
}

impl ChargeRule {
    /// The most often that one token of output counts; ten times more than is known of anybody.
    pub const OUTPUT_TIMES_MAX: u8 = 100;

    /// Every token counts once, against one limit.
    pub const ALL: Self =
        Self { counted: Counted::Together, cache_read: true, cache_write: true, output_times: 1 };
    /// Input and output apart; what a cache gave does not count.
    pub const ANTHROPIC: Self = Self { counted: Counted::Apart, cache_read: false, ..Self::ALL };
    /// The same for the older models, for which what a cache gave does count.
    pub const ANTHROPIC_CACHE_COUNTS: Self = Self { counted: Counted::Apart, ..Self::ALL };
    /// Every token counts; also for Azure.
    pub const OPENAI: Self = Self::ALL;
    /// Input only, with what a cache gave.
    pub const GEMINI: Self = Self { counted: Counted::InputOnly, ..Self::ALL };
    /// What a cache gave does not count.
    pub const GROQ: Self = Self { cache_read: false, ..Self::ALL };
    /// Every token counts.
    pub const MISTRAL: Self = Self::ALL;
    /// Every token counts.
    pub const COHERE: Self = Self::ALL;
    /// What a cache gave is released when the call is settled.
    pub const BEDROCK: Self = Self { cache_read: false, ..Self::ALL };

    /// The rule of a provider by its name, in small letters, as in a configuration;
    /// [`ChargeRule::ALL`] for one that is not known.
    pub fn of_provider(name: &str) -> Self {
        match name {
            "anthropic" | "anthropic-oauth" => Self::ANTHROPIC,
            "gemini" | "vertex" | "google" => Self::GEMINI,
            "groq" => Self::GROQ,
            "bedrock" => Self::BEDROCK,
            _ => Self::ALL,
        }
    }

    /// The same with `times` for each token of output, as Bedrock burns down the quota of some models
    /// five times as fast. It shows in `output_tokens` as well, which then are tokens of quota.
    pub const fn output_times(self, times: u8) -> Self {
        Self { output_times: times, ..self }
    }

    fn input(self, usage: &Usage) -> Option<u64> {
        let read = if self.cache_read { usage.cache_read } else { None };
        let written = if self.cache_write { usage.cache_write } else { None };
        let parts = [usage.input, read, written];
        parts.into_iter().flatten().reduce(u64::saturating_add)
    }

    fn output(self, usage: &Usage) -> Option<u64> {
        let times = u64::from(self.output_times.clamp(1, Self::OUTPUT_TIMES_MAX));
        match self.counted {
            Counted::InputOnly => None,
            Counted::Apart | Counted::Together => {
                usage.output.map(|output| output.saturating_mul(times))
            }
        }
    }
}

impl Usage {
    /// What `rule` charges for it: one request, and the tokens that count.
    ///
    /// Where only the sum of all tokens is stated, what cannot be told apart counts.
    pub fn charge(&self, rule: ChargeRule) -> Cost {
        let (input, output) = (rule.input(self), rule.output(self));
        let cost =
            Cost::request().input_tokens(input.unwrap_or(0)).output_tokens(output.unwrap_or(0));
        let Some(total) = self.total else { return cost };
        let free = if rule.cache_read { 0 } else { self.cache_read.unwrap_or(0) };
        let total = total.saturating_sub(free);
        if rule.counted == Counted::InputOnly {
            let sent = total.saturating_sub(self.output.unwrap_or(0));
            return if self.input.is_none() { cost.input_tokens(sent) } else { cost };
        }
        let parts_are_known = self.input.is_some() && self.output.is_some();
        if parts_are_known && rule != ChargeRule::ALL {
            return cost;
        }
        let known = cost.amount(Dimension::Tokens);
        cost.tokens(total.max(known))
    }
}
