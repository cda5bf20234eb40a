//! The providers that are built in, as data, and the rules that hold for all of them.

mod clouds;
mod models;
mod services;

use tidegate_units::Span;

use super::Class;
use super::conditions::{Rule, Test};
use super::limits::{Means, Naming};
use super::moment::Unit;
use super::names::Prefix;
use super::profile::{Counting, Provider};

/// Every provider; `generic` is the last.
pub(super) const ALL: &[&Provider] = &[
    &models::ANTHROPIC,
    &models::OPENAI,
    &clouds::AZURE,
    &clouds::GEMINI,
    &models::GROQ,
    &models::MISTRAL,
    &models::COHERE,
    &clouds::AWS,
    &services::GITHUB,
    &services::GITLAB,
    &services::SLACK,
    &services::STRIPE,
    &services::CLOUDFLARE,
    &services::DISCORD,
    &services::DOCKER_HUB,
    &GENERIC,
];

const MINUTE: Span = Span::from_secs(60);
const DAY: Span = Span::from_secs(86_400);

/// The names that most services use. The longer ones come first: one prefix begins another.
const COMMON_PREFIXES: &[Prefix] = &[
    Prefix::of("x-ai-ratelimit-").counting("tokens").proxied(),
    Prefix::of("x-ratelimit-"),
    Prefix::of("x-rate-limit-"),
    Prefix::of("ratelimit-"),
];

const COMMON: Naming =
    Naming { prefixes: COMMON_PREFIXES, unit: Unit::Auto, means: Means::WindowEnd, windows: &[] };

/// Statuses of proxies and of those behind them who could not answer.
const GATEWAYS: &[u16] = &[502, 504];
/// Everything that a server may say when it has failed.
const SERVERS: &[u16] = &[500, 502, 504, 520, 521, 522, 523, 524];

/// How long GitHub wants to be left alone at least, where it does not say.
const SECONDARY: Span = MINUTE;

/// GitHub's other limits, known by what it says of them. They hold for whoever is reached through a
/// proxy and not known to be GitHub, too.
const SECONDARY_RULE: Rule = Rule::new(
    &[403, 429],
    &[Test::Phrase(&["secondary rate limit", "abuse detection mechanism"])],
    Class::RateLimited,
)
.sub("secondary")
.at_least(SECONDARY);

/// What holds for everybody, after the rules of the provider.
pub(super) const RULES: &[Rule] = &[
    // Pages of the proxy that many services stand behind, whatever the service itself is like.
    Rule::new(
        &[403, 429, 503],
        &[Test::Phrase(&["error code: 1015", "error 1015"])],
        Class::RateLimited,
    )
    .sub("edge"),
    SECONDARY_RULE,
    // The problem types of the draft on `RateLimit`.
    Rule::new(&[429, 503], &[Test::Word(&["temporary-reduced-capacity"])], Class::Overloaded),
    Rule::new(&[403, 429], &[Test::Word(&["abnormal-usage-detected"])], Class::RateLimited)
        .sub("abnormal-usage"),
    Rule::new(&[403, 429], &[Test::Word(&["quota-exceeded"])], Class::RateLimited),
    // Budgets, under the codes that services have copied from each other.
    Rule::new(
        &[403, 429],
        &[Test::Word(&["insufficient_quota", "insufficient_balance"])],
        Class::QuotaExhausted,
    ),
    Rule::new(&[402], &[], Class::QuotaExhausted),
    Rule::new(&[423], &[], Class::Contention),
    // A status that says it went well, and errors inside that say it did not.
    Rule::new(
        &[200],
        &[Test::Word(&["rate_limit_exceeded", "rate_limit_error", "RATE_LIMITED", "THROTTLED"])],
        Class::RateLimited,
    ),
    Rule::new(&[200], &[Test::Word(&["overloaded_error"])], Class::Overloaded),
];

pub(super) const GENERIC: Provider = Provider {
    names: &["generic"],
    naming: COMMON,
    rules: &[],
    overloads: GATEWAYS,
    quirks: &[],
    counting: Counting::Any,
};
