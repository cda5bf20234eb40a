//! Forecasts against loads that were made up, and how often their intervals hold.

use tidegate_units::Dimension;

use super::*;
use crate::sample::ScopeKind;

/// The same numbers for the same seed: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        float((z ^ (z >> 31)) >> 11) / float(1 << 53)
    }

    /// How many of so many calls per second come in ten seconds.
    fn calls(&mut self, per_second: f64) -> u64 {
        (0..10).map(|_| u64::from(self.roll() < per_second)).sum()
    }
}

fn limit(spent: u64, capacity: u64) -> LimitSample {
    LimitSample {
        service: None,
        scope: ScopeKind::Global,
        of: String::new(),
        dimension: Dimension::Tokens,
        window_ms: 86_400_000,
        per: "day in UTC".to_owned(),
        amount: capacity,
        capacity,
        available: capacity.saturating_sub(spent),
        lent: 0,
        debt: 0,
        debt_max: 0,
        resets_after_ms: 40_000_000,
    }
}

/// How often the interval of a forecast after an hour held when the limit was used up later, in per cent:
/// earlier than it, within it, later.
fn coverage(rest: u64, load: impl Fn(&mut Dice, u64, u64) -> u64) -> (u64, u64, u64) {
    const RUNS: u64 = 300;
    let (mut early, mut inside, mut late) = (0, 0, 0);
    for seed in 0..RUNS {
        let (mut dice, mut usage, mut used) = (Dice(seed), Usage::default(), 0);
        for step in 0..=360 {
            usage.look(step * 10_000, &limit(used, u64::MAX / 2));
            used += load(&mut dice, seed, step);
        }
        let foretold = of(&limit(used, used + rest), Some(&usage));
        let Between { low, high, .. } =
            foretold.expect("it is long known").exhausted_in_ms.expect("it is used");
        let (begun, mut step) = (used, 361);
        while used < begun + rest {
            used += load(&mut dice, seed, step);
            step += 1;
        }
        let took = (step - 361) * 10_000;
        match high {
            _ if took < low => early += 1,
            Some(high) if took > high => late += 1,
            _ => inside += 1,
        }
    }
    (early * 100 / RUNS, inside * 100 / RUNS, late * 100 / RUNS)
}

/// Calls of a hundred, at one rate all the time.
fn constant(dice: &mut Dice, _: u64, _: u64) -> u64 {
    100 * dice.calls(0.2)
}

/// In three stretches of ten, each of three minutes, a lot; in the others nothing.
fn bursty(dice: &mut Dice, seed: u64, step: u64) -> u64 {
    let bursts = Dice(seed * 1_000 + step / 18).roll() < 0.3;
    if bursts { 100 * dice.calls(0.7) } else { 0 }
}

/// From nothing to twice the mean within the hour, and on.
fn rising(dice: &mut Dice, _: u64, step: u64) -> u64 {
    100 * dice.calls((float(step) / 360.0 * 0.4).min(0.95))
}

/// The same, but level from then on.
fn risen(dice: &mut Dice, seed: u64, step: u64) -> u64 {
    rising(dice, seed, step.min(360))
}

#[test]
fn the_interval_holds_as_often_as_it_says() {
    let lines = [
        ("constant", coverage(100_000, constant)),
        ("constant, soon", coverage(10_000, constant)),
        ("bursty", coverage(100_000, bursty)),
        ("rising", coverage(100_000, rising)),
        ("rising, soon", coverage(30_000, rising)),
        ("risen, then level", coverage(100_000, risen)),
    ];
    let line = |(load, (early, inside, late)): (&str, (u64, u64, u64))| {
        format!(
            "{load}: in {inside} % of the runs it is inside, in {early} % earlier, in {late} % later"
        )
    };
    insta::assert_snapshot!(lines.map(line).join("\n"));
    assert!(lines.iter().all(|(_, (_, inside, _))| *inside >= 75), "{lines:?}");
}

#[test]
fn what_is_not_used_is_never_used_up() {
    let mut usage = Usage::default();
    for minute in 0..30 {
        usage.look(minute * 60_000, &limit(500, 1_000));
    }
    let foretold = of(&limit(500, 1_000), Some(&usage)).expect("it is long known");
    assert_eq!((foretold.exhausted_in_ms, foretold.before_reset), (None, false));
    assert_eq!(of(&limit(500, 1_000), None), None, "nothing is known");
    let gone = of(&limit(1_000, 1_000), None).expect("it is used up");
    assert_eq!(gone.exhausted_in_ms, Some(Between { low: 0, likely: 0, high: Some(0) }));
    assert!(gone.before_reset);
}

#[test]
fn an_even_use_is_foretold_to_the_minute() {
    let mut usage = Usage::default();
    for second in 0..=3_600 {
        usage.look(second * 1_000, &limit(second, 1_000_000));
    }
    let foretold = of(&limit(3_600, 10_000), Some(&usage)).expect("it is long known");
    let Between { low, likely, high } = foretold.exhausted_in_ms.expect("it is used");
    assert!((foretold.rate_per_second - 1.0).abs() < 1e-9);
    assert_eq!((low, likely, high), (6_400_000, 6_400_000, Some(6_400_000)));
    assert!(foretold.before_reset);
    let soon = LimitSample { resets_after_ms: 6_400_000, ..limit(3_600, 10_000) };
    assert!(!of(&soon, Some(&usage)).expect("it is long known").before_reset);
}

#[test]
fn the_end_of_a_period_is_no_negative_use() {
    let mut usage = Usage::default();
    let at = |spent, resets_after_ms| LimitSample { resets_after_ms, ..limit(spent, 10_000) };
    for minute in 0..30 {
        usage.look(minute * 60_000, &at(5_000 + 60 * minute, 1_800_000 - 60_000 * minute));
    }
    for minute in 30..40 {
        usage.look(minute * 60_000, &at(60 * (minute - 29), 86_400_000 - 60_000 * minute));
    }
    let rate = of(&at(600, 80_000_000), Some(&usage)).expect("it is long known").rate_per_second;
    assert!((rate - 1.0).abs() < 0.15, "{rate}");
    assert!(usage.minutes().iter().all(|net| *net >= 0.0));
}

#[test]
fn what_comes_back_is_taken_off_and_a_silence_counts_for_its_length() {
    let mut usage = Usage::default();
    for minute in 0..20 {
        usage.look(minute * 60_000, &limit(1_000 - 10 * (minute % 2), 10_000));
    }
    assert_eq!(of(&limit(1_000, 10_000), Some(&usage)).and_then(|it| it.exhausted_in_ms), None);
    let mut usage = Usage::default();
    usage.look(0, &limit(0, 10_000));
    usage.look(1_800_000, &limit(300, 10_000));
    assert_eq!(usage.minutes(), vec![10.0; 30]);
    usage.look(100 * 3_600_000, &limit(300, 10_000));
    assert_eq!(usage.minutes(), vec![0.0; 60]);
}

#[test]
fn few_minutes_say_nothing_and_a_change_of_the_limit_is_no_use() {
    let mut usage = Usage::default();
    for minute in 0..=4 {
        usage.look(minute * 60_000, &limit(10 * minute, 10_000));
    }
    assert_eq!(of(&limit(40, 10_000), Some(&usage)).and_then(|it| it.exhausted_in_ms), None);
    usage.look(300_000, &limit(9_000, 20_000));
    assert_eq!(usage.minutes(), [10.0, 10.0, 10.0, 10.0, 0.0]);
}
