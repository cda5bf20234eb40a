//! Services that programs call for other things than models.

use tidegate_units::Span;

use super::super::Class;
use super::super::conditions::{Rule, Test};
use super::super::limits::Naming;
use super::super::profile::{Counting, Provider, Quirk};
use super::{COMMON, GATEWAYS, SECONDARY, SECONDARY_RULE, SERVERS};

pub(super) const GITHUB: Provider = Provider {
    names: &["github"],
    naming: COMMON,
    rules: &[&[
        // Of GraphQL they may come with status 200.
        Rule { statuses: &[200, 403, 429], ..SECONDARY_RULE },
        Rule::new(&[200, 403], &[Test::Word(&["RATE_LIMITED", "RATE_LIMIT"])], Class::RateLimited),
        Rule::new(&[403, 429], &[Test::Exhausted], Class::RateLimited),
        Rule::new(&[403, 429], &[Test::Phrase(&["api rate limit exceeded"])], Class::RateLimited),
        // A limit that is not the hourly one can only be one of the others.
        Rule::new(&[429], &[], Class::RateLimited).sub("secondary").at_least(SECONDARY),
        Rule::new(&[403], &[Test::Header("retry-after")], Class::RateLimited)
            .sub("secondary")
            .at_least(SECONDARY),
    ]],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::Any,
};

pub(super) const GITLAB: Provider = Provider {
    names: &["gitlab"],
    // A number here is an instant, under names that others send lengths in; it is known by its size, and
    // what is too small for one is better waited for than taken for a moment in 1970.
    naming: Naming { windows: &[("requests", Span::from_secs(60))], ..COMMON },
    rules: &[],
    overloads: GATEWAYS,
    quirks: &[],
    counting: Counting::Any,
};

pub(super) const SLACK: Provider = Provider {
    names: &["slack"],
    naming: COMMON,
    rules: &[&[Rule::new(
        &[],
        &[Test::Word(&["ratelimited", "rate_limited"])],
        Class::RateLimited,
    )]],
    overloads: GATEWAYS,
    quirks: &[],
    counting: Counting::Any,
};

pub(super) const STRIPE: Provider = Provider {
    names: &["stripe"],
    naming: COMMON,
    rules: &[&[
        Rule::new(&[429], &[Test::Header("stripe-rate-limited-reason")], Class::RateLimited),
        // Another call holds the same object; no rate was exceeded, and none is to be lowered.
        Rule::new(&[], &[Test::Word(&["lock_timeout"])], Class::NotLimit).sub(super::super::LOCKED),
    ]],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::Any,
};

pub(super) const CLOUDFLARE: Provider = Provider {
    names: &["cloudflare"],
    naming: COMMON,
    rules: &[],
    overloads: SERVERS,
    quirks: &[],
    counting: Counting::Any,
};

pub(super) const DISCORD: Provider = Provider {
    names: &["discord"],
    naming: COMMON,
    rules: &[&[
        Rule::new(&[429], &[Test::Value("x-ratelimit-global", "true")], Class::RateLimited)
            .sub("global"),
        Rule::new(&[429], &[Test::Value("x-ratelimit-scope", "global")], Class::RateLimited)
            .sub("global"),
        Rule::new(&[429], &[Test::Value("x-ratelimit-scope", "shared")], Class::RateLimited)
            .sub("shared"),
    ]],
    overloads: SERVERS,
    quirks: &[Quirk::BodyFirst],
    counting: Counting::Any,
};

pub(super) const DOCKER_HUB: Provider = Provider {
    names: &["docker-hub", "dockerhub", "docker"],
    naming: COMMON,
    rules: &[&[Rule::new(&[403, 429], &[Test::Word(&["TOOMANYREQUESTS"])], Class::RateLimited)]],
    overloads: GATEWAYS,
    quirks: &[],
    counting: Counting::Any,
};
