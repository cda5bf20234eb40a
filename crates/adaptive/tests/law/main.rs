//! The law against services in virtual time: what it finds out, and what it never does (PACE-1 to
//! PACE-4, PACE-7, PACE-8).

mod service;

use proptest::prelude::*;
use service::{Counts, Service, call};
use tidegate_adaptive::{Answer, Controller, Hint, Law, LearnedPace, LearnedWindow, Reset};
use tidegate_units::{AdaptivePolicy, Amounts, Cost, Dimension, Instant, Outcome, Priority, Span};

fn at(secs: u64) -> Instant {
    Instant::ZERO + Span::from_secs(secs)
}

fn law(starts: &[&str]) -> Law {
    let start: Vec<_> = starts.iter().map(|text| text.parse().expect("a rate")).collect();
    let dimensions = start.iter().map(tidegate_units::RateOf::dimension).collect();
    Law::new(&AdaptivePolicy { dimensions, start, ..AdaptivePolicy::default() }, Instant::ZERO)
}

fn end(law: &mut Law, (now, sent_at): (Instant, Instant), outcome: Outcome, hints: &[Hint]) {
    let (cost, none) = (Cost::request(), Amounts::NONE);
    let (cost, debt, refund) = (&cost, &none, &none);
    law.answered(now, &Answer { sent_at, cost, debt, refund, outcome, retry_after: None, hints });
}

fn learned(law: &Law, now: Instant) -> f64 {
    law.paces(now)[0].learned_per_second.expect("something is known")
}

/// A law that knows a service of ten calls a second.
fn knowing() -> (Law, Service) {
    let (mut law, mut service) =
        (law(&["1 request per second"]), Service::new(10.0, Counts::Bucket(50.0)));
    call(&mut law, &mut service, (at(0), at(600)));
    (law, service)
}

#[test]
fn the_capacity_of_a_bucket_is_found_and_used() {
    let (mut law, mut service) = knowing();
    let seen = call(&mut law, &mut service, (at(600), at(1_800)));
    assert!((learned(&law, at(1_800)) - 10.0).abs() < 0.2, "{}", learned(&law, at(1_800)));
    assert!(seen.accepted > 11_900, "of 12000: {}", seen.accepted);
    assert!(seen.refused < 40, "{} refused", seen.refused);
}

#[test]
fn calls_are_spaced_out_by_the_pace() {
    let (mut law, mut service) = knowing();
    let seen = call(&mut law, &mut service, (at(600), at(900)));
    let close =
        seen.sent_at.windows(2).filter(|pair| pair[1].since(pair[0]) < Span::from_millis(45));
    assert_eq!(close.count(), 0, "PACE-1: never faster than twice the capacity");
}

#[test]
fn a_capacity_that_is_halved_and_comes_back_is_followed() {
    let (mut law, mut service) = knowing();
    service.per_second = 5.0;
    call(&mut law, &mut service, (at(600), at(660)));
    assert!((learned(&law, at(660)) - 5.0).abs() < 0.5, "{}", learned(&law, at(660)));
    service.per_second = 10.0;
    call(&mut law, &mut service, (at(660), at(780)));
    assert!((learned(&law, at(780)) - 10.0).abs() < 1.0, "{}", learned(&law, at(780)));
}

#[test]
fn overload_and_failures_slow_down_and_lower_nothing() {
    for outcome in [Outcome::Overloaded, Outcome::Failed] {
        let (mut law, _) = knowing();
        let before = learned(&law, at(600));
        for tenth in 0..100 {
            let now = at(600) + Span::from_millis(tenth * 100);
            law.sent(now, &Cost::request());
            end(&mut law, (now + Span::from_millis(50), now), outcome, &[]);
        }
        let pace = law.paces(at(610))[0];
        assert!(pace.per_second < 0.5 * before, "{outcome:?}: {pace:?}");
        let after = pace.learned_per_second.expect("known");
        assert!((after / before - 1.0).abs() < 0.05, "PACE-2 {outcome:?}: {before} to {after}");
        assert!(law.paces(at(720))[0].per_second > 0.9 * before, "{outcome:?}: it is forgiven");
    }
}

#[test]
fn refusals_of_one_event_lower_the_pace_once() {
    let (mut law, _) = knowing();
    for millis in 0..20 {
        law.sent(at(600) + Span::from_millis(millis), &Cost::request());
    }
    let refuse = |law: &mut Law, millis| {
        let sent_at = at(600) + Span::from_millis(millis);
        end(law, (sent_at + Span::from_millis(100), sent_at), Outcome::RateLimited, &[]);
    };
    refuse(&mut law, 0);
    let once = learned(&law, at(601));
    for millis in 1..20 {
        refuse(&mut law, millis);
    }
    assert!((learned(&law, at(601)) - once).abs() < 1e-9, "PACE-3");
}

#[test]
fn after_a_pause_one_call_goes_alone() {
    let (mut law, _) = knowing();
    let (cost, none) = (Cost::request(), Amounts::NONE);
    law.sent(at(600), &cost);
    let asked = Some(Span::from_secs(3));
    let (sent_at, outcome, hints) = (at(600), Outcome::RateLimited, &[]);
    let answer = Answer {
        sent_at,
        cost: &cost,
        debt: &none,
        refund: &none,
        outcome,
        retry_after: asked,
        hints,
    };
    law.answered(at(601), &answer);
    assert_eq!(law.earliest(at(601), &cost, Priority::Critical), at(604));
    assert_eq!(law.lendable(at(602), Dimension::Requests), Some(0), "nothing through the gate");
    assert_eq!(law.lendable(at(604), Dimension::Requests), Some(1), "or the one");
    law.sent(at(604), &cost);
    let next = law.earliest(at(604), &cost, Priority::Critical);
    assert!(next > at(604) + Span::from_millis(150), "PACE-4: {next:?}");
    assert!(next < at(607), "a refusal would be known by then: {next:?}");
}

#[test]
fn where_the_service_says_what_is_left_nothing_is_refused() {
    let mut service = Service { tells: true, ..Service::new(10.0, Counts::Bucket(50.0)) };
    let mut law = law(&["1 request per second"]);
    let seen = call(&mut law, &mut service, (at(0), at(1_200)));
    assert_eq!(seen.refused, 0);
    assert!(seen.accepted > 11_800, "of 12050: {}", seen.accepted);
}

#[test]
fn a_bucket_that_never_has_anything_left_is_called_all_the_same() {
    let mut service = Service { tells: true, ..Service::new(2.0, Counts::Bucket(1.0)) };
    let mut law = law(&["1 request per second"]);
    let seen = call(&mut law, &mut service, (at(0), at(600)));
    assert!(seen.accepted > 600, "PACE-8, of 1200: {}", seen.accepted);
}

#[test]
fn what_is_told_and_contradicted_is_not_believed() {
    let mut service =
        Service { tells: true, lies: 1_000, ..Service::new(5.0, Counts::Bucket(5.0)) };
    let mut law = law(&["1 request per second"]);
    let seen = call(&mut law, &mut service, (at(0), at(1_800)));
    assert!(seen.refused < 300, "PACE-8: {} refused", seen.refused);
    assert!(seen.accepted > 8_000, "of 9000: {}", seen.accepted);
}

#[test]
fn of_two_reports_the_one_of_the_later_call_counts() {
    let hint = |remaining| Hint {
        limit: Some(60),
        remaining: Some(remaining),
        reset: Some(Reset::Full(Span::from_secs(30))),
        ..Hint::of(Dimension::Requests)
    };
    let paced = |order: [(u64, u64); 2]| {
        let mut law = law(&["1 request per second"]);
        for (sent_at, remaining) in order {
            law.hinted(at(12), at(sent_at), &[hint(remaining)]);
        }
        law.earliest(at(12), &Cost::request(), Priority::Normal)
    };
    assert_eq!(paced([(10, 50), (12, 0)]), paced([(12, 0), (10, 50)]), "PACE-7");
    assert!(paced([(12, 0), (10, 50)]) > at(12));
}

#[test]
fn windows_are_found_out_and_spent_to_their_end() {
    let mut service = Service::new(4.0, Counts::Windows(60));
    let mut law = law(&["1 request per second"]);
    call(&mut law, &mut service, (at(0), at(900)));
    let seen = call(&mut law, &mut service, (at(900), at(2_100)));
    assert!(seen.refused < 15, "in twenty windows: {}", seen.refused);
    assert!(seen.accepted > 4_500, "of 4800: {}", seen.accepted);
    let window = law.learned(at(2_100))[0].window.expect("known");
    assert_eq!(window.length, Span::from_secs(60));
    assert!(window.ends_in <= window.length);
}

#[test]
fn a_first_refusal_of_nearly_nothing_halves_the_pace_at_most() {
    let mut law = law(&["10 requests per second"]);
    law.sent(at(60), &Cost::request());
    end(&mut law, (at(61), at(60)), Outcome::RateLimited, &[]);
    assert!(learned(&law, at(61)) >= 5.0);
}

#[test]
fn what_was_learned_is_begun_with() {
    let (knows, mut service) = knowing();
    let mut fresh = law(&["1 request per second"]);
    fresh.restore(at(600), &knows.learned(at(600)));
    let seen = call(&mut fresh, &mut service, (at(600), at(660)));
    assert!(seen.accepted > 500, "of 600: {}", seen.accepted);
}

#[test]
fn a_window_that_ends_later_than_it_can_is_not_begun_with() {
    let mut law = law(&["1 request per second"]);
    let window = LearnedWindow { length: Span::from_secs(60), ends_in: Span::MAX };
    let pace = LearnedPace {
        dimension: Dimension::Requests,
        per_second: 2.0,
        confidence: 1.0,
        age: Span::ZERO,
        window: Some(window),
    };
    law.restore(at(10), &[pace]);
    let at_once = law.earliest(at(10), &Cost::request(), Priority::Normal);
    assert!(at_once <= at(11), "PACE-8: {at_once:?}");
    law.restore(
        at(10),
        &[LearnedPace {
            window: Some(LearnedWindow { ends_in: Span::from_secs(20), ..window }),
            ..pace
        }],
    );
    let after = law.earliest(at(10), &Cost::request(), Priority::Normal);
    assert!(after >= at(30) && after < at(31), "what was used of it is not known: {after:?}");
}

#[test]
fn of_two_limits_the_one_that_is_reached_is_learned() {
    let mut law = law(&["20 requests per second", "20000 tokens per second"]);
    let mut bucket = Service::new(5.0, Counts::Bucket(20.0));
    let seen = call(&mut law, &mut bucket, (at(0), at(300)));
    assert!(seen.refused < 60, "{} refused", seen.refused);
    let paces = law.paces(at(300));
    assert!(paces[0].per_second < 7.0, "{paces:?}");
    assert!(paces[1].per_second >= 19_000.0, "no call took tokens: {paces:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a service says of its limits, in whichever order: a call passes within an hour or so,
    /// and every pace is a number.
    #[test]
    fn no_words_of_a_service_stop_it_for_good(
        words in prop::collection::vec(
            (
                prop::option::of(prop_oneof![0..100_u64, Just(u64::MAX)]),
                prop::option::of(prop_oneof![0..100_u64, Just(u64::MAX)]),
                prop::option::of(prop_oneof![0..7_200_000_u64, Just(u64::MAX / 1_000_000)]),
                0..3_u8,
                prop::option::of(prop_oneof![Just(0_u64), 1..7_200_u64]),
                0..Outcome::ALL.len(),
                0..5_000_u64,
            ),
            1..60,
        )
    ) {
        let mut law = law(&["2 requests per second"]);
        let mut now = at(10);
        for (limit, remaining, reset, kind, window, outcome, millis) in words {
            let reset = reset.map(Span::from_millis).map(|span| match kind {
                0 => Reset::Full(span),
                1 => Reset::More(span),
                _ => Reset::WindowEnd(span),
            });
            let window = window.map(Span::from_secs);
            let hint = Hint { limit, remaining, reset, window, ..Hint::of(Dimension::Requests) };
            law.sent(now, &Cost::request());
            let sent_at = now;
            now = now + Span::from_millis(millis);
            end(&mut law, (now, sent_at), Outcome::ALL[outcome], &[hint]);
            let pace = law.paces(now)[0];
            prop_assert!(pace.per_second.is_finite() && pace.per_second > 0.0, "{pace:?}");
            prop_assert!(pace.learned_per_second.is_none_or(f64::is_finite), "{pace:?}");
        }
        let end = now + Span::from_secs(3 * 3_600);
        let mut tries = 0;
        while law.earliest(now, &Cost::request(), Priority::Normal) > now {
            law.waits(now, true);
            now = law.earliest(now, &Cost::request(), Priority::Normal).max(now + Span::from_millis(1));
            tries += 1;
            prop_assert!(now < end && tries < 10_000, "PACE-8: {law:?}");
        }
    }
}
