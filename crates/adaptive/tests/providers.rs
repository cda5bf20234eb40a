//! The names of providers that a configuration may say are those whose answers are understood.

use std::collections::BTreeSet;

use tidegate_adaptive::Profile;
use tidegate_units::provider::BUILT_IN;

#[test]
fn every_provider_that_may_be_named_is_understood_and_the_other_way_round() {
    let understood: BTreeSet<&str> = Profile::names().collect();
    assert_eq!(understood, BUILT_IN.into_iter().collect());
    for name in BUILT_IN {
        assert!(Profile::named(name).is_some(), "{name}");
    }
}
