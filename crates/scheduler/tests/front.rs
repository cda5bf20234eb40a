//! The way back from callers to the actor, where it does not keep up: what must not be lost is summed up.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tidegate_observability::EventSender;
use tidegate_scheduler::front::{Front, SETTLEMENTS_MAX};
use tidegate_scheduler::{Call, Labels, LimiterConfig, Settlement};
use tidegate_units::{Amounts, Cost, Instant, ManualClock, Outcome, Priority, Span};

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
fn a_flood_of_refusals_leaves_room_for_what_calls_give_back() {
    let limits = vec!["1 request per minute".parse().expect("a limit")];
    let config = LimiterConfig::new("service".parse().expect("a name"), limits);
    let front =
        Front::new(&config, Arc::new(ManualClock::at(Instant::ZERO)), EventSender::to_nobody());
    let labels = Labels { model: Some("large".into()), ..Labels::default() };
    let rejection = front.refuse(&Cost::request());
    for _ in 0..SETTLEMENTS_MAX {
        front.turned_away(&rejection, Priority::Normal, Some(&labels));
    }
    let half = u64::try_from(SETTLEMENTS_MAX / 2).expect("it fits");
    assert_eq!(front.forgone(), half, "the others are counted as not told");
    for _ in 0..half {
        front.settle(ended(Outcome::Ok, None));
    }
    assert_eq!((front.forgone(), front.drain().len()), (half, SETTLEMENTS_MAX));
    let all = u64::try_from(SETTLEMENTS_MAX).expect("it fits");
    assert_eq!(front.all_turned_away().total(), all, "by their reason all are counted");
}

#[test]
fn the_actor_is_woken_for_a_refusal_as_for_what_follows_it() {
    let limits = vec!["1 request per minute".parse().expect("a limit")];
    let config = LimiterConfig::new("service".parse().expect("a name"), limits);
    let front =
        Front::new(&config, Arc::new(ManualClock::at(Instant::ZERO)), EventSender::to_nobody());
    let labels = Labels { model: Some("large".into()), ..Labels::default() };
    let never = front.never(&Cost::request().requests(2)).expect("it never fits");
    front.turned_away(&never, Priority::Normal, Some(&labels));
    front.settle(ended(Outcome::Ok, None));
    let woken = pin!(front.woken()).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(woken, Poll::Ready(()));
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
