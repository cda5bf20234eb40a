//! The service as its clients meet it.

use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Span::from_millis(millis)
}

fn rate(micros: u64) -> Rate {
    Rate::from_micros_per_second(micros).expect("in range")
}

const MINUTE: Span = Span::from_secs(60);

/// A bucket of `burst_secs` of `micros` per second.
fn bucket(micros: u64, burst_secs: u64) -> DimensionLimit {
    DimensionLimit::bucket(rate(micros), Span::from_secs(burst_secs), MINUTE)
}

fn is_ok(reply: &Reply) -> bool {
    matches!(reply, Reply::Ok { .. })
}

#[test]
fn a_refusal_of_one_limit_charges_neither() {
    let limits = ProviderLimits::both(bucket(1_000_000, 10), bucket(100_000_000, 1));
    let behaviour = Behaviour::new(HeaderStyle::Full, 0.5, 0.0);
    let mut provider = Provider::new(&limits, behaviour, 1);
    assert!(is_ok(&provider.arrive(at(0), 80, 10)));
    let Reply::RateLimited { headers: Some(headers), retry_after } = provider.arrive(at(0), 80, 10)
    else {
        panic!("20 tokens are left");
    };
    assert_eq!(headers.requests.map(|header| header.remaining), Some(9));
    assert_eq!(headers.tokens.map(|header| header.remaining), Some(20));
    assert_eq!(retry_after, Some(Span::from_secs(1)));
}

#[test]
fn what_is_generated_is_charged_on_completion() {
    let limits = ProviderLimits::tokens(bucket(100_000_000, 1));
    let mut provider = Provider::new(&limits, Behaviour::default(), 1);
    assert!(is_ok(&provider.arrive(at(0), 50, 1_000)));
    assert!(is_ok(&provider.arrive(at(0), 50, 1_000)));
    provider.complete(at(1_000), 300);
    assert!(!is_ok(&provider.arrive(at(1_000), 0, 1)), "200 in debt");
    assert!(!is_ok(&provider.arrive(at(2_999), 0, 1)));
    assert!(is_ok(&provider.arrive(at(3_000), 0, 1)));
    assert_eq!(provider.excess(), 0);
}

#[test]
fn a_request_larger_than_the_limit_is_refused_without_a_promise() {
    let behaviour = Behaviour::new(HeaderStyle::RetryAfter, 0.5, 0.0);
    let window = DimensionLimit::Window { amount: 100, window: MINUTE };
    for limit in [bucket(100_000_000, 1), window] {
        let mut provider = Provider::new(&ProviderLimits::tokens(limit), behaviour, 1);
        let refused = provider.arrive(at(0), 101, 1);
        assert_eq!(refused, Reply::RateLimited { retry_after: None, headers: None });
    }
}

#[test]
fn headers_are_told_as_much_as_the_style_says() {
    let reply_of_second = |style| {
        let limits = ProviderLimits::requests(bucket(300_000, 4));
        let mut provider = Provider::new(&limits, Behaviour::new(style, 0.5, 0.0), 1);
        let first = provider.arrive(at(0), 1, 1);
        (first, provider.arrive(at(0), 1, 1))
    };
    let told = [HeaderStyle::None, HeaderStyle::RetryAfter, HeaderStyle::Full].map(|style| {
        let (first, second) = reply_of_second(style);
        let Reply::Ok { headers: first, .. } = first else { panic!("one passes") };
        let Reply::RateLimited { retry_after, headers } = second else { panic!("one only") };
        (first.is_some(), retry_after.map(|wait| wait.to_string()), headers.is_some())
    });
    // 0.8 of a permit are missing at 0.3 per second: 2.7 s.
    let wait = Some("3s".to_owned());
    assert_eq!(told, [(false, None, false), (false, wait.clone(), false), (true, wait, true)]);
}

#[test]
fn headers_come_with_the_first_token_for_the_share_that_is_streamed() {
    for (streamed, expected) in [(0.0, 0..=0), (0.5, 440..=560), (1.0, 1_000..=1_000)] {
        let limits = ProviderLimits::requests(bucket(1_000_000_000, 10));
        let behaviour = Behaviour::new(HeaderStyle::Full, streamed, 0.0);
        let mut provider = Provider::new(&limits, behaviour, 3);
        let early = (0..1_000).filter(|_| {
            let reply = provider.arrive(at(0), 100, 100);
            let Reply::Ok { first_token, headers_after, service_time, .. } = reply else {
                panic!("there is room");
            };
            assert!(first_token < service_time);
            headers_after == first_token
        });
        let early = early.count();
        assert!(expected.contains(&early), "{early} at {streamed}");
    }
}

#[test]
fn overload_is_no_limit_and_charges_nothing() {
    let limits = ProviderLimits::requests(bucket(1_000_000, 1_000));
    let mut provider = Provider::new(&limits, Behaviour::new(HeaderStyle::None, 0.5, 0.3), 3);
    let overloaded =
        (0..1_000).filter(|_| provider.arrive(at(0), 1, 1) == Reply::Overloaded).count();
    assert!((240..=360).contains(&overloaded), "{overloaded}");
    let tally = provider.tally();
    assert_eq!((tally.arrived, tally.rate_limited), (1_000, 0));
    assert_eq!(tally.admitted + tally.overloaded, 1_000);
    assert_eq!(
        provider.arrivals(Dimension::Requests).map(Arrivals::admitted),
        Some(tally.admitted)
    );
}

#[test]
fn a_penalty_burns_the_fraction_of_a_permit() {
    let limits = ProviderLimits::requests(bucket(1_000_000, 1));
    for (penalty, passes) in [(false, true), (true, false)] {
        let behaviour = Behaviour::default().burning_fractions(penalty);
        let mut provider = Provider::new(&limits, behaviour, 1);
        assert!(is_ok(&provider.arrive(at(0), 1, 1)));
        assert!(!is_ok(&provider.arrive(at(900), 1, 1)));
        assert_eq!(is_ok(&provider.arrive(at(1_100), 1, 1)), passes);
    }
}

/// Steps within the first minutes, and noise or none.
fn swings() -> impl Strategy<Value = Swings> {
    let steps = prop::collection::vec((1_u64..60_000, 1_000_u64..3_000_000), 0..5);
    let noise = prop::option::of((1_u64..500_000, 1_u64..300));
    (steps, noise).prop_map(|(gaps, noise)| {
        let mut at = Span::ZERO;
        let step = |(gap, millionths)| {
            at = at + Span::from_millis(gap);
            CapacityStep { at, millionths }
        };
        let steps = gaps.into_iter().map(step).collect();
        let noise = noise.map(|(amplitude_millionths, secs)| Noise {
            amplitude_millionths,
            period: Span::from_secs(secs),
        });
        Swings { steps, noise, limit_header_lies: false }
    })
}

#[test]
fn a_stated_limit_follows_steps_unless_it_lies_and_never_noise() {
    let step = CapacityStep { at: Span::from_secs(5), millionths: 500_000 };
    let noise = Noise { amplitude_millionths: 250_000, period: Span::from_secs(600) };
    let stated = [false, true].map(|limit_header_lies| {
        let swings = Swings { steps: vec![step], noise: Some(noise), limit_header_lies };
        let limits = ProviderLimits::requests(bucket(2_000_000, 10));
        let limits = limits.swinging(swings, Span::from_secs(60));
        let behaviour = Behaviour::new(HeaderStyle::Full, 0.5, 0.0);
        let mut provider = Provider::new(&limits, behaviour, 1);
        [at(4_999), at(5_000)].map(|now| match provider.arrive(now, 1, 1) {
            Reply::Ok { headers: Some(headers), .. } => headers.requests.map(|of| of.limit),
            _ => None,
        })
    });
    assert_eq!(stated, [[Some(120), Some(60)], [Some(120), Some(120)]]);
}

#[test]
fn lost_headers_are_lost_whole_and_change_nothing_else() {
    let replies = |lost| {
        let limits = ProviderLimits::requests(bucket(1_000_000, 500));
        let behaviour = Behaviour::new(HeaderStyle::Full, 0.5, 0.0).losing(lost);
        let mut provider = Provider::new(&limits, behaviour, 3);
        let all: Vec<Reply> = (0..1_000).map(|_| provider.arrive(at(0), 100, 100)).collect();
        all
    };
    let told = |reply: &Reply| match reply {
        Reply::Ok { headers, .. } => headers.is_some(),
        Reply::RateLimited { headers, retry_after } => {
            assert_eq!(headers.is_some(), retry_after.is_some());
            headers.is_some()
        }
        Reply::Overloaded => panic!("there is none"),
    };
    let (all, some) = (replies(0.0), replies(0.3));
    assert!(all.iter().all(told));
    let left = some.iter().filter(|reply| told(reply)).count();
    assert!((640..=760).contains(&left), "{left}");
    assert!(all.iter().zip(&some).all(|(one, other)| is_ok(one) == is_ok(other)));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// However clients behave, what is admitted keeps every limit, and a counter that knows
    /// nothing of the machine agrees.
    #[test]
    fn no_client_gets_more_than_the_limit(
        steps in prop::collection::vec((0_u64..3_000, 0_u64..300, 0_u64..400, any::<bool>()), 1..200),
        micros in 100_000_u64..5_000_000,
        seed in any::<u64>(),
        windows in any::<bool>(),
        penalty in any::<bool>(),
        swings in swings(),
    ) {
        let limit = |micros| if windows {
            DimensionLimit::window(rate(micros), Span::from_secs(20))
        } else {
            bucket(micros, 5)
        };
        let limits = ProviderLimits::both(limit(micros), limit(micros * 100));
        let limits = limits.swinging(swings, Span::from_secs(300));
        let behaviour = Behaviour::new(HeaderStyle::Full, 0.5, 0.1).burning_fractions(penalty);
        let mut provider = Provider::new(&limits, behaviour, seed);
        let mut now = Instant::ZERO;
        for (gap, context, generated, completes) in steps {
            now = now + Span::from_millis(gap);
            let reply = provider.arrive(now, context, generated);
            if completes && is_ok(&reply) {
                provider.complete(now, generated);
            }
        }
        prop_assert_eq!(provider.excess(), 0);
        let tally = provider.tally();
        prop_assert_eq!(tally.arrived, tally.admitted + tally.rate_limited + tally.overloaded);
    }

    /// A retry that waits as it was told passes, if nobody else comes first.
    #[test]
    fn a_stated_wait_is_enough(
        before in 0_u64..30,
        context in 0_u64..300,
        start in 0_u64..100_000,
        seed in any::<u64>(),
        windows in any::<bool>(),
    ) {
        let limit = |micros| if windows {
            DimensionLimit::window(rate(micros), Span::from_secs(20))
        } else {
            bucket(micros, 5)
        };
        let limits = ProviderLimits::both(limit(1_300_000), limit(97_000_000));
        let behaviour = Behaviour::new(HeaderStyle::RetryAfter, 0.5, 0.0);
        let mut provider = Provider::new(&limits, behaviour, seed);
        for _ in 0..before {
            let _ = provider.arrive(at(start), 60, 0);
        }
        if let Reply::RateLimited { retry_after, .. } = provider.arrive(at(start), context, 0) {
            let wait = retry_after.expect("it fits an empty limit");
            prop_assert!(is_ok(&provider.arrive(at(start) + wait, context, 0)));
        }
    }
}
