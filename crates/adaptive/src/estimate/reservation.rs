//! What a provider charges when a call arrives, and so what is reserved before it is sent.
//!
//! # Invariants
//!
//! - EST-4: what is reserved for an output is at most what the call allows.

use serde::{Deserialize, Serialize};
use tidegate_units::Cost;

use super::Asked;

/// How much output is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reserved {
    /// None: it counts as it is generated, or not at all.
    Nothing,
    /// What is expected.
    Expected,
    /// What the call allows at most, on top of the input, since the provider charges that on arrival; what is
    /// expected where the call does not say.
    Most,
    /// The larger of the input and what the call allows at most, since the provider charges that on arrival.
    Larger,
}

/// How a provider charges on arrival.
///
/// ```
/// use tidegate_adaptive::{Asked, ReservationRule};
/// use tidegate_units::{Cost, Dimension};
///
/// let asked = Asked { input: 300, max_output: Some(1_000), choices: 1 };
/// let reserved = |rule: ReservationRule| rule.cost(&asked, 80, None).amount(Dimension::Tokens);
/// assert_eq!(reserved(ReservationRule::OPENAI), 1_000);
/// assert_eq!(reserved(ReservationRule::AZURE), 1_300);
/// assert_eq!(reserved(ReservationRule::GEMINI), 300);
/// assert_eq!(reserved(ReservationRule::GROQ), 380);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReservationRule {
    /// How much output is reserved beside the input.
    pub output: Reserved,
}

impl ReservationRule {
    /// The input; output counts as it is generated.
    pub const ANTHROPIC: Self = Self { output: Reserved::Nothing };
    /// The rule that Anthropic's older pages state: what the call allows at most counts on arrival.
    pub const ANTHROPIC_OLDER: Self = Self { output: Reserved::Most };
    /// The larger of the input and what the call allows at most.
    pub const OPENAI: Self = Self { output: Reserved::Larger };
    /// The input and what the call allows at most.
    pub const AZURE: Self = Self { output: Reserved::Most };
    /// The input and what the call allows at most.
    pub const BEDROCK: Self = Self { output: Reserved::Most };
    /// The input.
    pub const GEMINI: Self = Self { output: Reserved::Nothing };
    /// The input and what is expected.
    pub const GROQ: Self = Self { output: Reserved::Expected };
    /// The input and what is expected.
    pub const MISTRAL: Self = Self { output: Reserved::Expected };
    /// The input and what is expected, for providers that are not known.
    pub const GENERIC: Self = Self { output: Reserved::Expected };

    /// The rule of a provider by its name, in small letters, as in a configuration;
    /// [`ReservationRule::GENERIC`] for one that is not known.
    pub fn of_provider(name: &str) -> Self {
        match name {
            "anthropic" | "anthropic-oauth" => Self::ANTHROPIC,
            "openai" => Self::OPENAI,
            "azure" | "azure-openai" | "github-models" => Self::AZURE,
            "bedrock" => Self::BEDROCK,
            "gemini" | "vertex" | "google" => Self::GEMINI,
            "groq" => Self::GROQ,
            "mistral" => Self::MISTRAL,
            _ => Self::GENERIC,
        }
    }

    /// What to reserve for a call that asks for `asked` and is expected to generate `expected` tokens.
    ///
    /// What a provider charges on arrival is reserved as it is charged, but never more of it than the smallest
    /// quota holds: a call that allows more than that may still be accepted, and would wait forever here.
    pub fn cost(self, asked: &Asked, expected: u64, smallest_quota: Option<u64>) -> Cost {
        let cost = Cost::request().input_tokens(asked.input);
        let quota = smallest_quota.unwrap_or(u64::MAX);
        let most = asked.allowed_output();
        let expected = expected.min(most.unwrap_or(u64::MAX));
        match self.output {
            Reserved::Nothing => cost,
            Reserved::Expected => cost.output_tokens(expected),
            Reserved::Most => {
                let room = quota.saturating_sub(asked.input).max(1);
                cost.output_tokens(most.map_or(expected, |most| most.min(room)))
            }
            Reserved::Larger => {
                let charged = most.unwrap_or(0).min(quota);
                cost.output_tokens(charged.saturating_sub(asked.input))
            }
        }
    }
}
