//! Clouds, whose models are one service among many.

use super::super::Class;
use super::super::conditions::{Resumes, Rule, Test};
use super::super::limits::{Means, Naming};
use super::super::moment::Unit;
use super::super::profile::{Counting, Provider, Quirk};
use super::models::OPENAI_RULES;
use super::{COMMON, COMMON_PREFIXES, SERVERS};

pub(super) const AZURE: Provider = Provider {
    names: &["azure", "azure-openai", "azure-foundry", "github-models"],
    naming: Naming {
        prefixes: COMMON_PREFIXES,
        // OpenAI's names, but numbers without a unit.
        unit: Unit::Seconds,
        means: Means::WindowEnd,
        windows: &[],
    },
    rules: &[
        &[
            Rule::new(&[403], &[Test::Phrase(&["quota"])], Class::QuotaExhausted),
            Rule::new(&[429], &[Test::Phrase(&["high demand"])], Class::Overloaded),
        ],
        OPENAI_RULES,
        &[Rule::new(
            &[429],
            &[Test::Value("x-ratelimit-abusepenalty-active", "true")],
            Class::RateLimited,
        )
        .sub("abuse-penalty")],
    ],
    overloads: SERVERS,
    quirks: &[Quirk::TokenPeriod],
    counting: Counting::OpenAi,
};

/// Words in the ids of quotas per day, and in reasons.
const DAILY: &[&str] = &["PerDay", "Daily", "daily"];

pub(super) const GEMINI: Provider = Provider {
    names: &["gemini", "vertex", "google", "google-ai", "vertex-ai"],
    naming: COMMON,
    rules: &[&[
        // It may come with a delay of seconds; the day is what counts.
        Rule::new(&[], &[Test::Inside(DAILY)], Class::QuotaExhausted)
            .sub("day")
            .resumes(Resumes::PacificMidnight),
        Rule::new(
            &[],
            &[Test::Word(&["QUOTA_EXHAUSTED", "INSUFFICIENT_G1_CREDITS_BALANCE"])],
            Class::QuotaExhausted,
        ),
        Rule::new(
            &[429],
            &[Test::Phrase(&["spending cap", "spend cap", "spending limit", "spend limit"])],
            Class::QuotaExhausted,
        )
        .sub("spend-cap"),
        Rule::new(&[403], &[Test::Word(&["VALIDATION_REQUIRED"])], Class::NotLimit),
        Rule::new(
            &[200, 403, 429, 499],
            &[Test::Word(&[
                "RESOURCE_EXHAUSTED",
                "RATE_LIMIT_EXCEEDED",
                "rateLimitExceeded",
                "userRateLimitExceeded",
            ])],
            Class::RateLimited,
        ),
        Rule::new(&[499], &[], Class::RateLimited),
        Rule::new(&[], &[Test::Word(&["UNAVAILABLE"])], Class::Overloaded),
    ]],
    overloads: SERVERS,
    quirks: &[Quirk::Violations],
    counting: Counting::Gemini,
};

pub(super) const AWS: Provider = Provider {
    names: &["aws", "bedrock", "amazon-bedrock"],
    naming: COMMON,
    rules: &[&[
        Rule::new(&[], &[Test::Word(&["ServiceQuotaExceededException"])], Class::QuotaExhausted)
            .resumes(Resumes::Unknown),
        // The codes that the SDKs of AWS take for throttling, with whatever status.
        Rule::new(
            &[],
            &[Test::Word(&[
                "Throttling",
                "ThrottlingException",
                "ThrottledException",
                "RequestThrottledException",
                "TooManyRequestsException",
                "ProvisionedThroughputExceededException",
                "TransactionInProgressException",
                "RequestLimitExceeded",
                "BandwidthLimitExceeded",
                "LimitExceededException",
                "RequestThrottled",
                "SlowDown",
                "PriorRequestNotComplete",
                "EC2ThrottledException",
            ])],
            Class::RateLimited,
        ),
        // It is 429 and has nothing to do with how much was sent: the model is being loaded.
        Rule::new(&[], &[Test::Word(&["ModelNotReadyException"])], Class::Overloaded)
            .sub("not-ready"),
        Rule::new(
            &[],
            &[Test::Word(&[
                "RequestTimeout",
                "RequestTimeoutException",
                "ModelTimeoutException",
                "ServiceUnavailable",
                "ServiceUnavailableException",
                "InternalServerException",
                "InternalFailure",
            ])],
            Class::Overloaded,
        ),
    ]],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::Bedrock,
};
