//! The scenarios that have a name.
//!
//! Unless named: capacity is 70 % of the mean load, a bucket on requests holds ten seconds of it,
//! and half of the responses are streamed. Each name ends in how much the responses tell: `-none`,
//! `-ra` for Retry-After only, `-hdr` for everything.
//!
//! | name | what differs |
//! |---|---|
//! | `const` | nothing |
//! | `const-b1s` | the bucket holds one second |
//! | `window` | fixed windows of 60 s |
//! | `tpm` | the limit is on tokens |
//! | `under-120` | capacity is 120 % of the load, so that the limit should cost nothing |

use tidegate_units::Span;

use crate::provider::HeaderStyle;
use crate::scenario::{Capacity, LimitKind, LimitShare, Scenario, ScenarioError, ScenarioFault};

/// What makes a plain scenario into another.
type Differs = fn(&mut Scenario);

/// The names without their endings, and what differs in each.
const BASES: [(&str, Differs); 5] = [
    ("const", |scenario| scenario.requests = Some(share(700_000, 10))),
    ("const-b1s", |scenario| scenario.requests = Some(share(700_000, 1))),
    ("window", |scenario| {
        scenario.kind = LimitKind::Window;
        scenario.requests = Some(share(700_000, 10));
    }),
    ("tpm", |scenario| scenario.tokens = Some(share(700_000, 10))),
    ("under-120", |scenario| scenario.requests = Some(share(1_200_000, 10))),
];

/// The endings, and what each tells.
const ENDINGS: [(&str, HeaderStyle); 3] =
    [("none", HeaderStyle::None), ("ra", HeaderStyle::RetryAfter), ("hdr", HeaderStyle::Full)];

const fn share(millionths: u64, burst_secs: u64) -> LimitShare {
    LimitShare { capacity: Capacity::OfLoad { millionths }, burst: Span::from_secs(burst_secs) }
}

/// Every scenario that has a name.
pub fn all() -> impl Iterator<Item = Scenario> {
    BASES.into_iter().flat_map(|(base, differ)| {
        ENDINGS.into_iter().map(move |(ending, headers)| {
            let mut scenario = Scenario::plain(&format!("{base}-{ending}"));
            differ(&mut scenario);
            scenario.behaviour = scenario.behaviour.telling(headers);
            scenario
        })
    })
}

/// The scenario of that name.
pub(super) fn find(name: &str) -> Result<Scenario, ScenarioError> {
    all().find(|scenario| scenario.name() == name).ok_or_else(|| {
        let known: Vec<String> = all().map(|scenario| scenario.name).collect();
        let name = name.chars().take(80).filter(|c| !c.is_control()).collect();
        let fault = ScenarioFault::UnknownName { name, known: known.join(", ") };
        ScenarioError::new(None, None, fault)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        assert_eq!(all().count(), 15);
        for scenario in all() {
            assert_eq!(Scenario::named(scenario.name()).expect("known"), scenario);
        }
        insta::assert_snapshot!(Scenario::named("const").expect_err("no ending"), @"no scenario `const`: use one of const-none, const-ra, const-hdr, const-b1s-none, const-b1s-ra, const-b1s-hdr, window-none, window-ra, window-hdr, tpm-none, tpm-ra, tpm-hdr, under-120-none, under-120-ra, under-120-hdr");
    }

    #[test]
    fn a_name_means_what_its_file_would_say() {
        let text = "name = \"window-hdr\"\n[provider]\nkind = \"window\"\nwindow_s = 60\n\
                    headers = \"full\"\nrequests = { rate_of_load = 0.7, burst_s = 10 }";
        let written = Scenario::parse(text, "window.toml").expect("a scenario");
        assert_eq!(Scenario::named("window-hdr").expect("known"), written);
    }
}
