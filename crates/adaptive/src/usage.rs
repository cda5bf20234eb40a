//! What a call really cost, as the service says it in the body of its answer.
//!
//! Every provider counts, and no two count alike: what was read from a cache stands inside the count
//! of the prompt with one and beside it with another, and what the model thought before it spoke is
//! part of the output here and a figure of its own there. [`Usage`] is one form for all of them, in
//! which no token is in two fields, and [`ChargeRule`] says which of them a provider's limits count.
//! [`UsageStream`] finds the same in an answer that arrives in pieces.
//!
//! It estimates nothing: what a call will take is the business of [`crate::estimate`].
//!
//! # Invariants
//!
//! - USE-1: the same bytes, cut into chunks in any way, give the same usage.
//! - USE-2: what a reader holds never exceeds [`UsageStream::HELD_MAX`], whatever arrives.
//! - USE-3: counts that are repeated are cumulative: the last wins, none is added to another.
//! - USE-4: nothing that arrives makes a reader panic, and usage is called complete only where the
//!   service has said its last.
//! - USE-5: a rule charges no token twice, and no more than the service counted, times what it makes of
//!   each.

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod body;
mod charge;
mod counts;
mod event;
mod frames;
mod skim;
mod stream;

pub use charge::{ChargeRule, Counted};
pub use stream::{Known, StreamUsage, UsageStream};

/// How a family of providers writes what a call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageFamily {
    /// `usage.input_tokens`, with what a cache took or gave beside it.
    Anthropic,
    /// `usage.prompt_tokens` or, in the Responses API, `usage.input_tokens`, with what a cache gave
    /// inside it; also Azure, Groq, Mistral and most gateways.
    OpenAi,
    /// `usageMetadata.promptTokenCount`, with what a cache gave inside it, and thoughts beside the
    /// candidates.
    Gemini,
    /// `usage.tokens` and `usage.billed_units`, or both under `meta`.
    Cohere,
    /// `usage.inputTokens`, with what a cache took or gave beside it.
    Bedrock,
    /// `prompt_eval_count` and `eval_count` at the top.
    Ollama,
    /// Not known: told from the names that occur.
    #[default]
    Generic,
}

impl UsageFamily {
    /// The family of a provider by its name, in small letters, as in a configuration;
    /// [`UsageFamily::Generic`] for one that is not known.
    ///
    /// ```
    /// use tidegate_adaptive::UsageFamily;
    ///
    /// assert_eq!(UsageFamily::of_provider("azure"), UsageFamily::OpenAi);
    /// assert_eq!(UsageFamily::of_provider("vertex"), UsageFamily::Gemini);
    /// assert_eq!(UsageFamily::of_provider("somebody"), UsageFamily::Generic);
    /// ```
    pub fn of_provider(name: &str) -> Self {
        match name {
            "anthropic" | "anthropic-oauth" => Self::Anthropic,
            "openai" | "azure" | "azure-openai" | "github-models" | "groq" | "mistral" => {
                Self::OpenAi
            }
            "gemini" | "vertex" | "google" => Self::Gemini,
            "cohere" => Self::Cohere,
            "bedrock" => Self::Bedrock,
            "ollama" => Self::Ollama,
            _ => Self::Generic,
        }
    }
}

/// What one call took, in tokens. A field that the service left out is `None`, which is not zero.
///
/// `input`, `cache_read` and `cache_write` have no token in common, whichever way the provider writes
/// them; `reasoning` is a part of `output`. Sums saturate at 2^64 − 1.
///
/// ```
/// use serde_json::json;
/// use tidegate_adaptive::{Usage, UsageFamily};
///
/// // The cached tokens are part of the prompt here …
/// let body = json!({"usage": {"prompt_tokens": 1_000, "completion_tokens": 50, "total_tokens": 1_050,
///     "prompt_tokens_details": {"cached_tokens": 800}}});
/// let openai = Usage::of_body(UsageFamily::OpenAi, &body).expect("usage");
/// // … and come on top of it there.
/// let body = json!({"usage": {"input_tokens": 200, "cache_read_input_tokens": 800,
///     "output_tokens": 50}});
/// let anthropic = Usage::of_body(UsageFamily::Anthropic, &body).expect("usage");
///
/// for usage in [openai, anthropic] {
///     assert_eq!((usage.input, usage.cache_read, usage.output), (Some(200), Some(800), Some(50)));
///     assert_eq!(usage.all_tokens(), 1_050);
/// }
/// // An answer that says nothing of it.
/// assert_eq!(Usage::of_body(UsageFamily::OpenAi, &json!({"usage": null})), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens sent that no cache gave or took.
    pub input: Option<u64>,
    /// Tokens sent that were read from a cache.
    pub cache_read: Option<u64>,
    /// Tokens sent that were written to a cache.
    pub cache_write: Option<u64>,
    /// Tokens generated, all of them.
    pub output: Option<u64>,
    /// Those of `output` that the model thought and did not say.
    pub reasoning: Option<u64>,
    /// The sum as the service states it.
    pub total: Option<u64>,
}

impl Usage {
    /// What the body of an answer says that the call took; `None` where it says nothing. Of a list,
    /// as a streamed answer that was kept whole is one, the last word on each count is taken.
    pub fn of_body(family: UsageFamily, body: &Value) -> Option<Self> {
        body::counts_of(family, body).map(|counts| counts.usage())
    }

    /// All tokens sent, whatever a cache did; `None` where no part of them is stated.
    pub fn all_input(&self) -> Option<u64> {
        let parts = [self.input, self.cache_read, self.cache_write];
        parts.into_iter().flatten().reduce(u64::saturating_add)
    }

    /// All tokens in both directions: the larger of what is stated and the sum of the parts.
    pub fn all_tokens(&self) -> u64 {
        let sum = self.all_input().unwrap_or(0).saturating_add(self.output.unwrap_or(0));
        sum.max(self.total.unwrap_or(0))
    }
}
