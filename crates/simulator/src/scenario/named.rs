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
//!
//! `fair-keys`, without an ending, is `const-none` with four clients, of which `greedy` sends 70 % of
//! all requests and three `steady` ones 10 % each: what each of them waits shows whether a queue is fair.

use std::collections::BTreeMap;

use tidegate_units::Span;

use crate::provider::HeaderStyle;
use crate::scenario::{
    Capacity, KeyShares, LimitKind, LimitShare, Scenario, ScenarioError, ScenarioFault,
};

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

/// Who sends what in `fair-keys`.
const FAIR_KEYS: [(&str, f64); 4] =
    [("greedy", 0.7), ("steady-1", 0.1), ("steady-2", 0.1), ("steady-3", 0.1)];

const fn share(millionths: u64, burst_secs: u64) -> LimitShare {
    LimitShare { capacity: Capacity::OfLoad { millionths }, burst: Span::from_secs(burst_secs) }
}

/// Every scenario that has a name.
pub fn all() -> impl Iterator<Item = Scenario> {
    let with_endings = BASES.into_iter().flat_map(|(base, differ)| {
        ENDINGS.into_iter().map(move |(ending, headers)| {
            let mut scenario = Scenario::plain(&format!("{base}-{ending}"));
            differ(&mut scenario);
            scenario.behaviour = scenario.behaviour.telling(headers);
            scenario
        })
    });
    with_endings.chain([fair_keys()])
}

/// One client that wants more than all others together.
fn fair_keys() -> Scenario {
    let mut scenario = Scenario::plain("fair-keys");
    scenario.requests = Some(share(700_000, 10));
    let shares: BTreeMap<String, f64> =
        FAIR_KEYS.map(|(name, share)| (name.to_owned(), share)).into();
    scenario.clients.keys = KeyShares::named(&shares);
    scenario
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
        assert_eq!(all().count(), 16);
        for scenario in all() {
            assert_eq!(Scenario::named(scenario.name()).expect("known"), scenario);
        }
        insta::assert_snapshot!(Scenario::named("const").expect_err("no ending"), @"no scenario `const`: use one of const-none, const-ra, const-hdr, const-b1s-none, const-b1s-ra, const-b1s-hdr, window-none, window-ra, window-hdr, tpm-none, tpm-ra, tpm-hdr, under-120-none, under-120-ra, under-120-hdr, fair-keys");
    }

    #[test]
    fn a_name_means_what_its_file_would_say() {
        let text = "name = \"window-hdr\"\n[provider]\nkind = \"window\"\nwindow_s = 60\n\
                    headers = \"full\"\nrequests = { rate_of_load = 0.7, burst_s = 10 }";
        let written = Scenario::parse(text, "window.toml").expect("a scenario");
        assert_eq!(Scenario::named("window-hdr").expect("known"), written);
        let text = "name = \"fair-keys\"\n[provider]\nrequests = { rate_of_load = 0.7 }\n[clients.keys]\n\
                    shares = { greedy = 0.7, steady-1 = 0.1, steady-2 = 0.1, steady-3 = 0.1 }";
        let written = Scenario::parse(text, "keys.toml").expect("a scenario");
        assert_eq!(Scenario::named("fair-keys").expect("known"), written);
    }
}
