//! What the limits of a provider were charged for a call, from what it says of usage.
//!
//! Providers count differently: cached tokens are inside the number of input tokens (`OpenAI`, Gemini) or
//! beside it (Anthropic, Bedrock), and count against the limit or not. What is found here is what the
//! limit is charged, which is not what stands on the bill.
//!
//! # Invariants
//!
//! - FEED-3: usage that is repeated in a stream is cumulative: the last of it counts, never the sum.

use serde_json::Value;
use tidegate_units::Cost;

use super::body::Body;
use super::fields::Fields;
use super::number;
use super::profile::Counting;

/// What a call was charged, as far as it is known. Tokens saturate at 2^64 − 1.
///
/// ```
/// use tidegate_adaptive::feedback::{Charge, Profile, Response};
/// use tidegate_units::{Dimension, Instant};
///
/// let body = br#"{"usage":{"prompt_tokens":13,"completion_tokens":5,"total_tokens":18}}"#;
/// let response = Response { status: 200, headers: &[], body, received_at: Instant::ZERO };
/// let profile = Profile::named("openai").expect("built in");
/// let charge = profile.read(&response).charge.expect("it says so");
/// assert_eq!(charge.total, Some(18));
/// assert_eq!(charge.cost().amount(Dimension::OutputTokens), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// Tokens that were sent.
    pub input: Option<u64>,
    /// Tokens that were generated.
    pub output: Option<u64>,
    /// Tokens in both directions.
    pub total: Option<u64>,
    /// In which of them the provider has its limits.
    pub counted: Counted,
}

/// In what a provider counts tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// In each direction on its own.
    Directions,
    /// In both directions together.
    Together,
    /// It differs.
    Either,
}

impl Charge {
    /// One request with these tokens.
    pub fn cost(&self) -> Cost {
        Cost::request()
            .input_tokens(self.input.unwrap_or(0))
            .output_tokens(self.output.unwrap_or(0))
            .tokens(self.total.unwrap_or(0))
    }

    fn of(input: Option<u64>, output: Option<u64>, counted: Counted) -> Option<Self> {
        let total = input.or(output)?.saturating_add(input.and(output).unwrap_or(0));
        Some(Self { input, output, total: Some(total), counted })
    }
}

/// What is said in the body, or else in headers.
pub(super) fn read(counting: Counting, fields: &Fields<'_>, body: &Body) -> Option<Charge> {
    let documents = || body.documents.iter().rev().map(|document| &document.value);
    match counting {
        Counting::Anthropic => anthropic(body),
        Counting::OpenAi => documents().find_map(openai),
        Counting::Groq => documents().find_map(groq),
        Counting::Mistral => mistral(fields).or_else(|| documents().find_map(openai)),
        Counting::Gemini => documents().find_map(gemini),
        Counting::Cohere => documents().find_map(cohere),
        Counting::Bedrock => documents().find_map(bedrock).or_else(|| bedrock_headers(fields)),
        Counting::Any => documents().find_map(any),
    }
}

/// A number of tokens; some services write them with a fraction of zero.
fn tokens(usage: &Value, name: &str) -> Option<u64> {
    match usage.get(name)? {
        Value::Number(number) => number.as_u64().or_else(|| number::amount(&number.to_string())),
        _ => None,
    }
}

/// Where usage stands: at the top, or in the response or the message that an event is about.
fn usage(document: &Value) -> Option<&Value> {
    let places =
        [&document["usage"], &document["response"]["usage"], &document["message"]["usage"]];
    let more = [&document["x_groq"]["usage"], &document["delta"]["usage"]];
    places.into_iter().chain(more).find(|usage| usage.is_object())
}

/// Input begins a stream and output ends it, so both are looked for. (FEED-3)
fn anthropic(body: &Body) -> Option<Charge> {
    let usages = || body.documents.iter().rev().filter_map(|document| usage(&document.value));
    let last = |name: &str| usages().find_map(|usage| tokens(usage, name));
    let (input, written) = (last("input_tokens"), last("cache_creation_input_tokens"));
    let models = body.documents.iter().map(|document| &document.value);
    let reads_count = models
        .filter_map(|it| it["model"].as_str().or_else(|| it["message"]["model"].as_str()))
        .any(|model| CACHE_READS_COUNT.iter().any(|older| model.starts_with(older)));
    let read = last("cache_read_input_tokens").filter(|_| reads_count);
    let input = input
        .map(|input| input.saturating_add(written.unwrap_or(0)).saturating_add(read.unwrap_or(0)));
    Charge::of(input, last("output_tokens"), Counted::Directions)
}

/// Models for which what is read from the cache counts against the limit of input tokens.
const CACHE_READS_COUNT: [&str; 3] = ["claude-3-5-haiku", "claude-3-haiku", "claude-3-opus"];

/// Chat completions say `prompt` and `completion`, responses `input` and `output`.
fn openai(document: &Value) -> Option<Charge> {
    let usage = usage(document)?;
    let input = tokens(usage, "prompt_tokens").or_else(|| tokens(usage, "input_tokens"));
    let output = tokens(usage, "completion_tokens").or_else(|| tokens(usage, "output_tokens"));
    let total = tokens(usage, "total_tokens");
    let charge = Charge::of(input, output, Counted::Together);
    let bare = Charge { input: None, output: None, total, counted: Counted::Together };
    match charge {
        Some(charge) => Some(Charge { total: total.or(charge.total), ..charge }),
        None => total.map(|_| bare),
    }
}

/// As `OpenAI`, but what was cached does not count.
fn groq(document: &Value) -> Option<Charge> {
    let charge = openai(document)?;
    let usage = usage(document)?;
    let details = usage.get("prompt_tokens_details").or_else(|| usage.get("input_tokens_details"));
    let cached = details.and_then(|it| tokens(it, "cached_tokens")).unwrap_or(0);
    let less = |amount: Option<u64>| amount.map(|amount| amount.saturating_sub(cached));
    Some(Charge { input: less(charge.input), total: less(charge.total), ..charge })
}

/// What it costs stands in a header of its own.
fn mistral(fields: &Fields<'_>) -> Option<Charge> {
    let names = ["x-ratelimit-tokens-query-cost", "ratelimitbysize-query-cost"];
    let total = names.iter().find_map(|name| fields.first(name).and_then(number::amount))?;
    Some(Charge { input: None, output: None, total: Some(total), counted: Counted::Together })
}

fn gemini(document: &Value) -> Option<Charge> {
    let usage = document.get("usageMetadata").or_else(|| document.get("usage_metadata"))?;
    let sum = |names: [&str; 2]| {
        let [first, second] = names.map(|name| tokens(usage, name));
        first.map_or(second, |first| Some(first.saturating_add(second.unwrap_or(0))))
    };
    // Thoughts are beside what was answered; live sessions have another name for that.
    let output = sum(["candidatesTokenCount", "thoughtsTokenCount"]);
    let output = output.max(sum(["responseTokenCount", "thoughtsTokenCount"]));
    let input = sum(["promptTokenCount", "toolUsePromptTokenCount"]);
    let charge = Charge::of(input, output, Counted::Either)?;
    Some(Charge { total: tokens(usage, "totalTokenCount").or(charge.total), ..charge })
}

fn cohere(document: &Value) -> Option<Charge> {
    let places = [&document["usage"], &document["meta"], &document["delta"]["usage"]];
    let units = places.iter().flat_map(|place| [&place["billed_units"], &place["tokens"]]);
    let inside = [&document["response"]["meta"]["billed_units"]];
    units.chain(inside).find_map(|units| {
        Charge::of(tokens(units, "input_tokens"), tokens(units, "output_tokens"), Counted::Either)
    })
}

/// What was read from the cache is given back when the call is settled.
fn bedrock(document: &Value) -> Option<Charge> {
    let usage = usage(document).or_else(|| Some(&document["metadata"]["usage"]))?;
    let Some(input) = tokens(usage, "inputTokens") else { return any_but_bedrock(document) };
    let written = tokens(usage, "cacheWriteInputTokens").unwrap_or(0);
    let input = Some(input.saturating_add(written));
    Charge::of(input, tokens(usage, "outputTokens"), Counted::Either)
}

fn bedrock_headers(fields: &Fields<'_>) -> Option<Charge> {
    let header = |name: &str| fields.first(name).and_then(number::amount);
    let input = header("x-amzn-bedrock-input-token-count");
    Charge::of(input, header("x-amzn-bedrock-output-token-count"), Counted::Either)
}

/// The model's own form, which `InvokeModel` passes on.
fn any_but_bedrock(document: &Value) -> Option<Charge> {
    gemini(document).or_else(|| openai(document)).or_else(|| cohere(document))
}

fn any(document: &Value) -> Option<Charge> {
    any_but_bedrock(document).or_else(|| bedrock(document))
}
