//! The headers of providers that have one triple for each thing they count.
//!
//! Where several limits count the same, the one with least left is told, which is what these providers
//! do themselves.

use tidegate_units::{Dimension, Instant};

use super::text::{epoch, go_duration, rfc_3339};
use super::{Header, LimitState};

/// Names of a triple: limit, remaining, reset.
type Triple = [&'static str; 3];

const OPENAI_REQUESTS: Triple =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const OPENAI_TOKENS: Triple =
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
const GITHUB: Triple = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
const ANTHROPIC_REQUESTS: Triple = [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];
const ANTHROPIC_TOKENS: Triple = [
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];
const ANTHROPIC_INPUT: Triple = [
    "anthropic-ratelimit-input-tokens-limit",
    "anthropic-ratelimit-input-tokens-remaining",
    "anthropic-ratelimit-input-tokens-reset",
];
const ANTHROPIC_OUTPUT: Triple = [
    "anthropic-ratelimit-output-tokens-limit",
    "anthropic-ratelimit-output-tokens-remaining",
    "anthropic-ratelimit-output-tokens-reset",
];

pub(super) fn openai(limits: &[LimitState]) -> Vec<Header> {
    let write = |names, limit: &LimitState| triple(names, limit, go_duration(limit.full));
    let requests = least(limits, |dimension| dimension == Dimension::Requests);
    let tokens = least(limits, |dimension| dimension.is_tokens());
    let told = [(OPENAI_REQUESTS, requests), (OPENAI_TOKENS, tokens)];
    told.into_iter().filter_map(|(names, limit)| Some(write(names, limit?))).flatten().collect()
}

pub(super) fn github(limits: &[LimitState], wall: Instant) -> Vec<Header> {
    let requests = least(limits, |dimension| dimension == Dimension::Requests);
    let Some(limit) = requests.or_else(|| least(limits, |_| true)) else { return Vec::new() };
    let mut headers = triple(GITHUB, limit, epoch(wall + limit.full).to_string()).to_vec();
    let used = limit.limit.saturating_sub(limit.remaining);
    headers.push(("x-ratelimit-used", used.to_string()));
    headers.push(("x-ratelimit-resource", limit.name.as_str().to_owned()));
    headers
}

pub(super) fn anthropic(limits: &[LimitState], wall: Instant) -> Vec<Header> {
    let told = [
        (ANTHROPIC_REQUESTS, least(limits, |dimension| dimension == Dimension::Requests)),
        (ANTHROPIC_TOKENS, least(limits, |dimension| dimension.is_tokens())),
        (ANTHROPIC_INPUT, least(limits, |dimension| dimension == Dimension::InputTokens)),
        (ANTHROPIC_OUTPUT, least(limits, |dimension| dimension == Dimension::OutputTokens)),
    ];
    let write = |names, limit: &LimitState| triple(names, limit, rfc_3339(wall + limit.full));
    told.into_iter().filter_map(|(names, limit)| Some(write(names, limit?))).flatten().collect()
}

/// The limit that has least left of those whose dimension is asked for; of several the one that takes
/// longest.
fn least(limits: &[LimitState], asked: impl Fn(Dimension) -> bool) -> Option<&LimitState> {
    let rank = |limit: &&LimitState| (limit.remaining, std::cmp::Reverse(limit.full));
    limits.iter().filter(|limit| asked(limit.dimension)).min_by_key(rank)
}

fn triple(names: Triple, limit: &LimitState, reset: String) -> [Header; 3] {
    let [of_limit, of_remaining, of_reset] = names;
    [
        (of_limit, limit.limit.to_string()),
        (of_remaining, limit.remaining.to_string()),
        (of_reset, reset),
    ]
}
