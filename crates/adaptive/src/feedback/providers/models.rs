//! Companies that sell language models over an interface of their own.

use tidegate_units::Span;

use super::super::Class;
use super::super::conditions::{Resumes, Rule, Test};
use super::super::limits::{Means, Naming};
use super::super::moment::Unit;
use super::super::names::Prefix;
use super::super::profile::{Counting, Provider, Quirk};
use super::{COMMON_PREFIXES, DAY, MINUTE, SERVERS};

/// How the message begins, in lower case, with which Anthropic refuses at 400 what would cost more than
/// the user has set.
const SPENT: &[&str] = &[
    "you have reached your specified api usage limits",
    "you have reached your specified workspace api usage limits",
];

pub(super) const ANTHROPIC: Provider = Provider {
    names: &["anthropic", "anthropic-oauth", "claude"],
    naming: Naming {
        prefixes: &[
            Prefix::of("anthropic-ratelimit-"),
            Prefix::of("anthropic-priority-").before("priority_"),
            Prefix::of("anthropic-fast-").before("fast_"),
        ],
        unit: Unit::Auto,
        means: Means::Full,
        windows: &[
            ("requests", MINUTE),
            ("tokens", MINUTE),
            ("input_tokens", MINUTE),
            ("output_tokens", MINUTE),
        ],
    },
    rules: &[&[
        Rule::new(&[], &[Test::Word(&["enforced_spend_limit_reached"])], Class::QuotaExhausted)
            .sub("spend-cap")
            .resumes(Resumes::NextMonth),
        Rule::new(&[400], &[Test::Phrase(SPENT)], Class::QuotaExhausted)
            .sub("usage-limit")
            .resumes(Resumes::Told),
        // The same limit of a workspace may come as 429; with `Retry-After` it is one to wait for.
        Rule::new(
            &[429],
            &[Test::Phrase(SPENT), Test::NoHeader("retry-after")],
            Class::QuotaExhausted,
        )
        .sub("usage-limit")
        .resumes(Resumes::Told),
        Rule::new(&[], &[Test::Word(&["billing_error"])], Class::QuotaExhausted),
        Rule::new(&[], &[Test::Word(&["request_too_large"])], Class::NotLimit).sub("too-large"),
        Rule::new(
            &[],
            &[Test::Word(&["overloaded_error", "api_error", "timeout_error"])],
            Class::Overloaded,
        ),
        Rule::new(&[], &[Test::Word(&["rate_limit_error"])], Class::RateLimited),
    ]],
    overloads: SERVERS,
    quirks: &[Quirk::Unified],
    counting: Counting::Anthropic,
};

/// What everybody means who speaks like `OpenAI`.
pub(super) const OPENAI_RULES: &[Rule] = &[
    // Only the code tells what has run out; all of them share one type.
    Rule::new(
        &[],
        &[Test::Word(&[
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
            "insufficient_quota",
            "billing_hard_limit_reached",
        ])],
        Class::QuotaExhausted,
    ),
    // More than the limit ever holds: no wait is long enough.
    Rule::new(&[413], &[], Class::NotLimit).sub("too-large"),
    Rule::new(&[429], &[Test::Phrase(&["request too large"])], Class::NotLimit).sub("too-large"),
    Rule::new(&[429], &[Test::NeverFits], Class::NotLimit).sub("too-large"),
    Rule::new(&[503], &[Test::Word(&["slow_down"])], Class::Overloaded),
    Rule::new(&[], &[Test::Word(&["slow_down"])], Class::RateLimited).sub("ramp"),
    Rule::new(
        &[],
        &[Test::Word(&["server_is_overloaded", "service_unavailable_error"])],
        Class::Overloaded,
    ),
    Rule::new(&[200], &[Test::Word(&["server_error"])], Class::Overloaded),
    Rule::new(&[], &[Test::Word(&["rate_limit_exceeded"])], Class::RateLimited),
];

pub(super) const OPENAI: Provider = Provider {
    names: &["openai"],
    naming: Naming {
        prefixes: COMMON_PREFIXES,
        unit: Unit::Auto,
        means: Means::Full,
        windows: &[],
    },
    rules: &[OPENAI_RULES],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::OpenAi,
};

pub(super) const GROQ: Provider = Provider {
    names: &["groq"],
    naming: Naming {
        prefixes: COMMON_PREFIXES,
        unit: Unit::Auto,
        means: Means::Full,
        // The same names as elsewhere, with another window: requests are counted per day.
        windows: &[("requests", DAY), ("tokens", MINUTE)],
    },
    rules: &[&[Rule::new(&[498], &[], Class::Overloaded).sub("flex-capacity")], OPENAI_RULES],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::Groq,
};

pub(super) const MISTRAL: Provider = Provider {
    names: &["mistral"],
    naming: Naming {
        prefixes: &[
            Prefix::of("x-ratelimitbysize-").counting("tokens"),
            Prefix::of("ratelimitbysize-").counting("tokens"),
            Prefix::of("x-ratelimit-"),
            Prefix::of("ratelimit-"),
        ],
        unit: Unit::Auto,
        means: Means::WindowEnd,
        windows: &[],
    },
    rules: &[&[
        // A limit of nothing is a model that was not bought.
        Rule::new(
            &[429],
            &[Test::Value("x-ratelimit-limit-req-minute", "0")],
            Class::QuotaExhausted,
        )
        .sub("no-entitlement"),
        Rule::new(&[429], &[Test::MonthExhausted], Class::QuotaExhausted).sub("month"),
    ]],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::Mistral,
};

pub(super) const COHERE: Provider = Provider {
    names: &["cohere"],
    naming: Naming {
        prefixes: COMMON_PREFIXES,
        unit: Unit::Auto,
        means: Means::WindowEnd,
        windows: &[("requests", Span::from_secs(60))],
    },
    rules: &[&[Rule::new(
        &[429],
        &[Test::Phrase(&["calls / month", "calls per month"])],
        Class::QuotaExhausted,
    )
    .sub("month")]],
    overloads: SERVERS,
    quirks: &[Quirk::Trial],
    counting: Counting::Cohere,
};
