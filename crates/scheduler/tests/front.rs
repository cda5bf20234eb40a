//! The way back from callers to the actor, where it does not keep up: what must not be lost is summed up.

use std::sync::Arc;

use tidegate_observability::EventSender;
use tidegate_scheduler::front::Front;
use tidegate_scheduler::{Call, LimiterConfig, Settlement};
use tidegate_units::{Amounts, Instant, ManualClock, Outcome, Span};

fn ended(outcome: Outcome, pause: Option<Span>) -> Settlement {
    let (recorded, refund, debt) = (Instant::ZERO, Amounts::NONE, Amounts::NONE);
    Settlement::Closed { outcome, recorded, refund, debt, pause, call: Call::default() }
}

/// What the actor hears last, after so many calls that it does not keep up, and then these.
fn summed_up(last: &[(Outcome, Option<Span>)]) -> (Outcome, Option<Span>) {
    let config = LimiterConfig::new("service".parse().expect("a name"), Vec::new());
    let front =
        Front::new(&config, Arc::new(ManualClock::at(Instant::ZERO)), EventSender::to_nobody());
    while front.forgone() == 0 {
        front.settle(ended(Outcome::Ok, None));
    }
    for (outcome, pause) in last {
        front.settle(ended(*outcome, *pause));
    }
    match front.drain().pop() {
        Some(Settlement::Closed { outcome, pause, .. }) => (outcome, pause),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_quota_that_is_used_up_is_heard_of_however_many_others_are_forgone() {
    let days = Some(Span::from_secs(3 * 86_400));
    let short = (Outcome::RateLimited, Some(Span::from_secs(2)));
    assert_eq!(summed_up(&[]), (Outcome::Ok, None));
    assert_eq!(summed_up(&[short]), short);
    let quota = (Outcome::QuotaExhausted, days);
    assert_eq!(summed_up(&[short, quota, short]), quota, "QUOTA-1");
    let hour = Some(Span::from_secs(3_600));
    let untold = (Outcome::QuotaExhausted, None);
    assert_eq!(summed_up(&[untold, short]).1, hour, "QUOTA-1: as it did not say");
}
