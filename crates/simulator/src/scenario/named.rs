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
//! | `step` | capacity and stated limit halve from 1200 s to 2200 s |
//! | `step-dense` | the same with ten times the arrivals |
//! | `noisy` | 80 %, of which other tenants take a share that varies |
//! | `8cl` | eight independent clients share the limit |
//! | `8cl-dense` | the same with ten times the arrivals |
//! | `tpm` | the limit is on tokens |
//! | `under-120` | capacity is 120 % of the load, so that the limit should cost nothing |
//!
//! `fair-keys`, without an ending, is `const-none` with four clients, of which `greedy` sends 70 % of
//! all requests and three `steady` ones 10 % each: what each of them waits shows whether a queue is fair.

use std::collections::BTreeMap;

use tidegate_units::Span;

use crate::provider::{CapacityStep, HeaderStyle, Noise};
use crate::scenario::{
    Capacity, KeyShares, LimitKind, LimitShare, Scenario, ScenarioError, ScenarioFault,
};

/// What makes a plain scenario into another.
type Differs = fn(&mut Scenario);

/// The names without their endings, and what differs in each.
const BASES: [(&str, Differs); 10] = [
    ("const", |scenario| scenario.requests = Some(share(700_000, 10))),
    ("const-b1s", |scenario| scenario.requests = Some(share(700_000, 1))),
    ("window", |scenario| {
        scenario.kind = LimitKind::Window;
        scenario.requests = Some(share(700_000, 10));
    }),
    ("step", halved_for_a_while),
    ("step-dense", |scenario| {
        halved_for_a_while(scenario);
        scenario.clients.load_factor = DENSE;
    }),
    ("noisy", |scenario| {
        scenario.requests = Some(share(800_000, 10));
        let period = Span::from_secs(600);
        scenario.swings.noise = Some(Noise { amplitude_millionths: 250_000, period });
    }),
    ("8cl", |scenario| {
        scenario.requests = Some(share(700_000, 10));
        scenario.clients.count = 8;
    }),
    ("8cl-dense", |scenario| {
        scenario.requests = Some(share(700_000, 10));
        scenario.clients.count = 8;
        scenario.clients.load_factor = DENSE;
    }),
    ("tpm", |scenario| scenario.tokens = Some(share(700_000, 10))),
    ("under-120", |scenario| scenario.requests = Some(share(1_200_000, 10))),
];

/// How many times over the trace arrives where it is dense.
const DENSE: f64 = 10.0;

/// The endings, and what each tells.
const ENDINGS: [(&str, HeaderStyle); 3] =
    [("none", HeaderStyle::None), ("ra", HeaderStyle::RetryAfter), ("hdr", HeaderStyle::Full)];

/// Who sends what in `fair-keys`.
const FAIR_KEYS: [(&str, f64); 4] =
    [("greedy", 0.7), ("steady-1", 0.1), ("steady-2", 0.1), ("steady-3", 0.1)];

const fn share(millionths: u64, burst_secs: u64) -> LimitShare {
    LimitShare { capacity: Capacity::OfLoad { millionths }, burst: Span::from_secs(burst_secs) }
}

/// Half of the capacity for a thousand seconds.
fn halved_for_a_while(scenario: &mut Scenario) {
    scenario.requests = Some(share(700_000, 10));
    let step = |secs, millionths| CapacityStep { at: Span::from_secs(secs), millionths };
    scenario.swings.steps = vec![step(1_200, 500_000), step(2_200, 1_000_000)];
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
        assert_eq!(all().count(), 31);
        for scenario in all() {
            assert_eq!(Scenario::named(scenario.name()).expect("known"), scenario);
        }
        insta::assert_snapshot!(Scenario::named("const").expect_err("no ending"), @"no scenario `const`: use one of const-none, const-ra, const-hdr, const-b1s-none, const-b1s-ra, const-b1s-hdr, window-none, window-ra, window-hdr, step-none, step-ra, step-hdr, step-dense-none, step-dense-ra, step-dense-hdr, noisy-none, noisy-ra, noisy-hdr, 8cl-none, 8cl-ra, 8cl-hdr, 8cl-dense-none, 8cl-dense-ra, 8cl-dense-hdr, tpm-none, tpm-ra, tpm-hdr, under-120-none, under-120-ra, under-120-hdr, fair-keys");
    }

    #[test]
    fn a_name_means_what_its_file_would_say() {
        let text = "name = \"window-hdr\"\n[provider]\nkind = \"window\"\nwindow_s = 60\n\
                    headers = \"full\"\nrequests = { rate_of_load = 0.7, burst_s = 10 }";
        let written = Scenario::parse(text, "window.toml").expect("a scenario");
        assert_eq!(Scenario::named("window-hdr").expect("known"), written);
        let text = "name = \"step-dense-none\"\n[provider]\nrequests = { rate_of_load = 0.7 }\n\
                    steps = [{ at_s = 1200, factor = 0.5 }, { at_s = 2200, factor = 1 }]\n\
                    [clients]\nload_factor = 10";
        let written = Scenario::parse(text, "step.toml").expect("a scenario");
        assert_eq!(Scenario::named("step-dense-none").expect("known"), written);
        let text = "name = \"noisy-ra\"\n[provider]\nrequests = { rate_of_load = 0.8 }\n\
                    headers = \"retry_after\"\nnoise = { amplitude = 0.25, period_s = 600 }";
        let written = Scenario::parse(text, "noisy.toml").expect("a scenario");
        assert_eq!(Scenario::named("noisy-ra").expect("known"), written);
        let text = "name = \"8cl-hdr\"\n[provider]\nrequests = { rate_of_load = 0.7 }\n\
                    headers = \"full\"\n[clients]\ncount = 8";
        let written = Scenario::parse(text, "clients.toml").expect("a scenario");
        assert_eq!(Scenario::named("8cl-hdr").expect("known"), written);
        let text = "name = \"fair-keys\"\n[provider]\nrequests = { rate_of_load = 0.7 }\n[clients.keys]\n\
                    shares = { greedy = 0.7, steady-1 = 0.1, steady-2 = 0.1, steady-3 = 0.1 }";
        let written = Scenario::parse(text, "keys.toml").expect("a scenario");
        assert_eq!(Scenario::named("fair-keys").expect("known"), written);
    }
}
