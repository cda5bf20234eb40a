//! Rules against their promises: the worst case of a window is its amount, and rounding delays.

use proptest::prelude::*;
use tidegate_units::Dimension;

use super::*;

fn limit(amount: u64, window: Span) -> Limit {
    Limit::new(Dimension::Requests, amount, window).expect("in range")
}

#[test]
fn an_interval_that_is_a_part_of_a_nanosecond_is_kept_exactly() {
    let bucket = |amount| {
        let limit = limit(amount, Span::from_secs(1)).burst(5).expect("in range");
        KeyRule::new(&limit.guard(Span::ZERO).expect("in range")).fine()
    };
    assert_eq!(bucket(1_000), Pace::new(5, 1_000_000, Unit::Part(1)));
    assert_eq!(bucket(3), Pace::new(5, 1_000_000_000, Unit::Part(3)));
    // Quarters of a nanosecond where there is no part that fits, rounded up.
    assert_eq!(bucket(7_000), Pace::new(5, 571_429, Unit::Part(4)));
    assert_eq!(bucket(17), Pace::new(5, 235_294_118, Unit::Part(4)));
}

#[test]
fn a_window_sustains_what_its_burst_leaves() {
    let window = limit(100, Span::from_secs(60)).guard(Span::ZERO).expect("in range");
    let rule = KeyRule::new(&window);
    assert_eq!((rule.burst(), rule.sustained()), (10, 91));
    assert_eq!(rule.with_burst(1).interval(), Span::from_millis(600));
    assert_eq!(rule.with_burst(100).interval(), Span::from_secs(60));
    assert_eq!(rule.with_burst(0).burst(), 1);
    assert_eq!(rule.with_burst(1_000).burst(), 100);
    assert_eq!(KeyRule::new(&limit(1, Span::from_secs(1))).burst(), 1);
}

#[test]
fn a_bucket_keeps_the_shaped_burst() {
    let bucket = limit(60, Span::from_secs(60)).burst(10).expect("in range");
    let rule = KeyRule::new(&bucket);
    assert_eq!(rule.burst(), bucket.shaped_burst());
    assert_eq!(rule.with_burst(1_000).burst(), bucket.shaped_burst(), "never larger");
    assert_eq!(rule.with_burst(2).interval(), rule.interval());
}

#[test]
fn at_the_end_of_time_nothing_passes() {
    let pace = KeyRule::new(&limit(17, Span::from_secs(1))).fine();
    let late = pace.tick(Instant::MAX);
    assert_eq!(pace.step(0, late, 1), Step::Later(u64::MAX));
    let thirty_years = Instant::ZERO + Span::from_secs(30 * 366 * 86_400);
    assert!(matches!(pace.step(0, pace.tick(thirty_years), 1), Step::Admit(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// KEY-1: "N per window" means N, for either kind of tick.
    #[test]
    fn the_worst_case_of_a_window_is_its_amount(
        amount in prop_oneof![1..20_u64, 1..=Limit::AMOUNT_MAX],
        window in prop_oneof![1_000_000..2_000_000_000_u64, 1_000_000..=Limit::WINDOW_MAX.as_nanos()],
        part in 0..=1_000_u64,
    ) {
        let limit = limit(amount, Span::from_nanos(window));
        let burst = u64::try_from(u128::from(amount) * u128::from(part) / 1_000).expect("smaller");
        for rule in [KeyRule::new(&limit), KeyRule::new(&limit).with_burst(burst)] {
            for pace in [rule.fine(), rule.coarse()] {
                prop_assert!(pace.worst_case(limit.shaped_window()) <= amount, "KEY-1: {pace:?}");
                prop_assert!(pace.burst <= rule.burst() && pace.burst > 0);
            }
        }
        // Nothing is given away where a tick divides the interval: one tick less would break it.
        let rule = KeyRule::new(&limit).with_burst(burst);
        let pace = rule.fine();
        if pace.unit == Unit::Part(1) && pace.interval > 1 && pace.burst == rule.burst {
            let hasty = Pace::new(pace.burst, pace.interval - 1, pace.unit);
            prop_assert!(hasty.worst_case(limit.shaped_window()) > amount);
        }
    }

    /// No bucket refills faster than its limit, and a coarse one not much slower.
    #[test]
    fn no_interval_is_shorter_than_the_limits(
        amount in 1..=1_000_000_u64, window in 1_000_000..=Limit::WINDOW_MAX.as_nanos(), burst in 1..100_u64,
    ) {
        let limit = limit(amount, Span::from_nanos(window)).burst(burst).expect("in range");
        let rule = KeyRule::new(&limit);
        for pace in [rule.fine(), rule.coarse()] {
            let (nanos, parts) = match pace.unit {
                Unit::Part(parts) => (u128::from(pace.interval), u128::from(parts)),
                Unit::Shift(shift) => (u128::from(pace.interval) << shift, 1),
            };
            let (ours, exact) = (nanos * u128::from(amount), u128::from(window) * parts);
            prop_assert!(ours >= exact, "KEY-1: {pace:?}");
            if exact / u128::from(amount) > 4_096 {
                prop_assert!(ours - exact <= exact / 2_000, "{pace:?}");
            }
        }
    }
}
