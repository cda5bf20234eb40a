//! Counts as they stand in an answer, before they mean the same for all providers.
//!
//! They are kept apart from [`Usage`] because an answer in pieces may state a prompt in one event and
//! what a cache gave of it in another: only what is known at the end can be told apart.
//!
//! # Invariants
//!
//! - USE-3: a count that is stated again replaces the one before.

use serde_json::Value;

use super::{Usage, UsageFamily};

/// What was stated, and how it is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    /// Input that is stated beside `input` by all providers that have it.
    tool_input: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
    total: Option<u64>,
    /// Whether `input` includes what a cache gave and took.
    cache_within: bool,
    /// Whether `output` leaves out what is `reasoning`.
    reasoning_beside: bool,
}

impl Counts {
    /// Reads an object that holds counts; `None` where there are none in it.
    pub(super) fn read(family: UsageFamily, object: &Value) -> Option<Self> {
        let counts = match family {
            UsageFamily::Anthropic => Self::anthropic(object),
            UsageFamily::OpenAi => Self::openai(object),
            UsageFamily::Gemini => Self::gemini(object),
            UsageFamily::Cohere => Self::cohere(object),
            UsageFamily::Bedrock => Self::bedrock(object),
            UsageFamily::Ollama => Self::ollama(object),
            UsageFamily::Generic => return Self::read(told_from_names(object), object),
        };
        counts.states_something().then_some(counts)
    }

    /// Takes over what `later` states.
    pub(super) fn update(&mut self, later: &Self) {
        let fields = [
            (&mut self.input, later.input),
            (&mut self.cache_read, later.cache_read),
            (&mut self.cache_write, later.cache_write),
            (&mut self.tool_input, later.tool_input),
            (&mut self.output, later.output),
            (&mut self.reasoning, later.reasoning),
            (&mut self.total, later.total),
        ];
        for (held, stated) in fields {
            *held = stated.or(*held);
        }
        self.cache_within |= later.cache_within;
        self.reasoning_beside |= later.reasoning_beside;
    }

    /// The same with one meaning for every provider. What a cache is said to have given or taken of a
    /// prompt is never more than the prompt.
    pub(super) fn usage(&self) -> Usage {
        let room = self.input.filter(|_| self.cache_within);
        let cache_read = self.cache_read.map(|read| read.min(room.unwrap_or(u64::MAX)));
        let room = room.map(|room| room - cache_read.unwrap_or(0));
        let cache_write = self.cache_write.map(|write| write.min(room.unwrap_or(u64::MAX)));
        let prompt = room.map(|room| room - cache_write.unwrap_or(0)).or(self.input);
        let parts = [prompt, self.tool_input];
        Usage {
            input: parts.into_iter().flatten().reduce(u64::saturating_add),
            cache_read,
            cache_write,
            output: self.all_output(),
            reasoning: self.reasoning,
            total: self.total,
        }
    }

    /// What was generated. Where it is cut off, only the total may tell.
    fn all_output(&self) -> Option<u64> {
        if !self.reasoning_beside {
            return self.output.map(|output| output.max(self.reasoning.unwrap_or(0)));
        }
        let reasoning = self.reasoning.unwrap_or(0);
        let stated = self.output.map(|output| output.saturating_add(reasoning));
        let rest = || {
            let sent = self.input?.saturating_add(self.tool_input.unwrap_or(0));
            Some(self.total?.saturating_sub(sent).max(reasoning))
        };
        stated.or_else(rest).or(self.reasoning)
    }

    fn states_something(&self) -> bool {
        let Self { input, cache_read, cache_write, tool_input, output, reasoning, total, .. } =
            self;
        [input, cache_read, cache_write, tool_input, output, reasoning, total]
            .iter()
            .any(|count| count.is_some())
    }

    fn anthropic(object: &Value) -> Self {
        let by_term = || {
            let terms = object.get("cache_creation")?;
            let of = |name| count(terms, &[name]);
            let (short, long) = (of("ephemeral_5m_input_tokens"), of("ephemeral_1h_input_tokens"));
            [short, long].into_iter().flatten().reduce(u64::saturating_add)
        };
        Self {
            input: count(object, &["input_tokens"]),
            cache_read: count(object, &["cache_read_input_tokens"]),
            cache_write: count(object, &["cache_creation_input_tokens"]).or_else(by_term),
            output: count(object, &["output_tokens"]),
            ..Self::default()
        }
    }

    fn openai(object: &Value) -> Self {
        let detail = |names: [&str; 2], field| {
            names.into_iter().find_map(|name| count(object.get(name)?, &[field]))
        };
        let prompt = ["prompt_tokens_details", "input_tokens_details"];
        let completion = ["completion_tokens_details", "output_tokens_details"];
        Self {
            input: count(object, &["prompt_tokens", "input_tokens"]),
            cache_read: detail(prompt, "cached_tokens"),
            cache_write: detail(prompt, "cache_write_tokens"),
            output: count(object, &["completion_tokens", "output_tokens"]),
            reasoning: detail(completion, "reasoning_tokens"),
            total: count(object, &["total_tokens"]),
            cache_within: true,
            ..Self::default()
        }
    }

    fn gemini(object: &Value) -> Self {
        Self {
            input: count(object, &["promptTokenCount"]),
            cache_read: count(object, &["cachedContentTokenCount"]),
            tool_input: count(object, &["toolUsePromptTokenCount"]),
            output: count(object, &["candidatesTokenCount", "responseTokenCount"]),
            reasoning: count(object, &["thoughtsTokenCount"]),
            total: count(object, &["totalTokenCount"]),
            cache_within: true,
            reasoning_beside: true,
            ..Self::default()
        }
    }

    /// What was counted rather than what was billed, where both are stated: the larger of the two.
    fn cohere(object: &Value) -> Self {
        let parts = ["tokens", "billed_units"].into_iter().filter_map(|part| object.get(part));
        let of = |name| parts.clone().find_map(|part| count(part, &[name]));
        Self { input: of("input_tokens"), output: of("output_tokens"), ..Self::default() }
    }

    fn bedrock(object: &Value) -> Self {
        Self {
            input: count(object, &["inputTokens", "inputTokenCount", "input_tokens"]),
            cache_read: count(
                object,
                &["cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens"],
            ),
            cache_write: count(
                object,
                &[
                    "cacheWriteInputTokens",
                    "cacheWriteInputTokenCount",
                    "cache_creation_input_tokens",
                ],
            ),
            output: count(object, &["outputTokens", "outputTokenCount", "output_tokens"]),
            total: count(object, &["totalTokens"]),
            ..Self::default()
        }
    }

    fn ollama(object: &Value) -> Self {
        Self {
            input: count(object, &["prompt_eval_count"]),
            output: count(object, &["eval_count"]),
            ..Self::default()
        }
    }
}

/// The family whose names occur in `object`.
fn told_from_names(object: &Value) -> UsageFamily {
    let has = |names: &[&str]| names.iter().any(|name| object.get(name).is_some());
    if has(&["promptTokenCount", "totalTokenCount", "thoughtsTokenCount"]) {
        UsageFamily::Gemini
    } else if has(&["inputTokens", "outputTokens", "inputTokenCount", "outputTokenCount"]) {
        UsageFamily::Bedrock
    } else if has(&["tokens", "billed_units"]) {
        UsageFamily::Cohere
    } else if has(&["prompt_eval_count", "eval_count"]) {
        UsageFamily::Ollama
    } else if has(&["prompt_tokens", "total_tokens", "input_tokens_details"]) {
        UsageFamily::OpenAi
    } else {
        UsageFamily::Anthropic
    }
}

/// The first of `names` in `object` that is a count.
fn count(object: &Value, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| whole(object.get(name)?))
}

/// A count: a number that is not negative, rounded up, or digits in quotes, as large numbers are
/// written where every number is a float.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| rounded_up(number.as_f64()?)),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative numbers are told apart before, and what is too large saturates"
)]
fn rounded_up(number: f64) -> Option<u64> {
    (number.is_finite() && number >= 0.0).then(|| number.ceil() as u64)
}
