//! What is remembered of what happened when.

use proptest::prelude::*;
use tidegate_observability::history::{HOUR_ROWS_MAX, HOURS_MAX, MINUTE_ROWS_MAX, MINUTES_MAX};
use tidegate_observability::{
    Counts, History, Monitor, Sample, ServiceSample, Spent, UnixMillis, UsageCount, UsageRow,
};
use tidegate_units::{Amounts, Dimension, ServiceName};

use crate::samples::{BEGAN, name, service};

const HOUR: u64 = 3_600_000;

fn at(at: u64, services: Vec<ServiceSample>) -> Sample {
    Sample { at: UnixMillis(at), services, ..Sample::default() }
}

fn granted(service: &ServiceName, count: u64) -> ServiceSample {
    ServiceSample { granted_by_gate: count, ..ServiceSample::new(service.clone()) }
}

/// Sums over all hours of what is told of models: rows, and others.
fn told(history: &History) -> (u64, u64) {
    let hours = history.hours(UnixMillis(0)).flat_map(|(_, services)| services.values());
    hours.fold((0, 0), |(rows, other), hour| {
        let told = hour.models.total().calls() - hour.models.other.calls();
        (rows + told, other + hour.models.other.calls())
    })
}

/// Adds calls of a model to a row of a sample, which appears where it was not.
fn call(made: &mut ServiceSample, model: u8, calls: u64) {
    let spent = Spent { reserved: Amounts::of(Dimension::Tokens, calls * 10), ..Spent::default() };
    let count = UsageCount { outcomes: [calls, 0, 0, 0, 0, 0, 0], refused: 0, spent };
    let model = format!("m{model}");
    made.models.total.add(&count);
    made.outcomes[0] += calls;
    match made.models.rows.iter_mut().find(|row| row.name == model) {
        Some(row) => row.count.add(&count),
        None => made.models.rows.push(UsageRow { kind: "model".to_owned(), name: model, count }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// MON-2 and HIST-1: what is remembered comes to what the counters say, whenever samples come and
    /// whatever the clock on the wall says, across a restart with and without rows that make room.
    #[test]
    fn history_comes_to_the_counters(
        steps in prop::collection::vec(
            (any::<i16>(), 0_u64..50, 0_u64..9, 0_u8..6, 0_u64..5, any::<bool>()), 1..120),
        restart in 0_usize..120,
    ) {
        let (mut monitor, mut made, mut before) = (Monitor::new(), service(), service());
        let mut wall = BEGAN;
        for (index, (jump, gate, refused, model, calls, gone)) in steps.into_iter().enumerate() {
            if index == restart {
                let saved = serde_json::to_string(&monitor.history()).expect("it serialises");
                monitor = Monitor::new();
                monitor.restore(serde_json::from_str(&saved).expect("it is its own")).expect("known");
                (before, made) = (made, service());
            }
            wall = wall.saturating_add_signed(i64::from(jump) * 30_000);
            made.granted_by_gate += gate;
            made.unclaimed += u64::from(gate > 40);
            made.refused += refused;
            call(&mut made, model, calls);
            monitor.observe(&at(wall, vec![made.clone()]));
            if gone && !made.models.rows.is_empty() {
                made.models.rows.remove(usize::from(model) % made.models.rows.len());
            }
        }
        let mut expected = Counts::of(&made);
        if restart <= 120 && before.granted_by_gate + before.refused + before.outcomes[0] > 0 {
            expected.add(&Counts::of(&before));
        }
        let history = monitor.history();
        prop_assert_eq!(history.sum(&name()), expected.clone());
        let (rows, other) = told(&history);
        prop_assert_eq!(rows + other, expected.outcomes[0]);
        let mut minutes = Counts::default();
        for (_, counts) in history.minutes(&name(), UnixMillis(0)) {
            minutes.add(counts);
        }
        prop_assert_eq!(minutes, expected);
    }
}

#[test]
fn a_clock_that_leaps_for_a_moment_erases_nothing() {
    let mut monitor = Monitor::new();
    let leaps = [0, HOUR, 20 * 365 * 24 * HOUR, 2 * HOUR, 0];
    for (count, leap) in (1..).zip(leaps) {
        monitor.observe(&at(BEGAN + leap, vec![granted(&name(), 10 * count)]));
    }
    let history = monitor.history();
    let hours: Vec<(u64, u64)> = history
        .hours(UnixMillis(0))
        .map(|(at, services)| ((at.0 - BEGAN) / HOUR, services[&name()].counts.granted()))
        .collect();
    assert_eq!(hours, [(0, 20), (1, 10), (2, 10), (20 * 365 * 24, 10)]);
}

#[test]
fn what_is_older_than_a_month_is_summed_up() {
    let mut monitor = Monitor::new();
    for hour in 0..800 {
        monitor.observe(&at(BEGAN + hour * HOUR, vec![granted(&name(), hour + 1)]));
    }
    let history = monitor.history();
    assert_eq!(history.hours(UnixMillis(0)).count(), HOURS_MAX);
    assert_eq!(history.sum(&name()).granted(), 800);
    for minute in 0..1_500 {
        let made = granted(&name(), 800 + minute);
        monitor.observe(&at(BEGAN + 801 * HOUR + minute * 60_000, vec![made]));
    }
    assert_eq!(monitor.history().minutes(&name(), UnixMillis(0)).count(), MINUTES_MAX);
    assert_eq!(monitor.history().sum(&name()).granted(), 2_299);
}

/// HIST-2, and HIST-1 when rows are summed up.
#[test]
fn rows_keep_to_their_bounds_and_sums_stay_exact() {
    let mut monitor = Monitor::new();
    let names: Vec<ServiceName> =
        (0..100).map(|index| format!("s{index}").parse().expect("a name")).collect();
    let mut made: Vec<ServiceSample> = names.iter().map(|name| granted(name, 0)).collect();
    for hour in 0..5 {
        for service in &mut made {
            service.granted_by_gate += 3;
            for model in 0..60 {
                call(service, model, 1);
            }
        }
        monitor.observe(&at(BEGAN + hour * HOUR, made.clone()));
        let (minutes, hours) = monitor.history().rows();
        assert!(minutes <= MINUTE_ROWS_MAX && hours <= HOUR_ROWS_MAX, "{minutes} {hours}");
    }
    let history = monitor.history();
    let (rows, other) = told(&history);
    assert_eq!(rows + other, 5 * 100 * 60);
    assert!(rows > 15_000 && other >= 2 * 6_000, "the last hours are told apart: {rows} {other}");
    let newest = history.hours(UnixMillis(BEGAN + 4 * HOUR)).flat_map(|(_, it)| it.values());
    assert!(newest.into_iter().all(|hour| hour.models.other.calls() == 0));
    for name in &names {
        assert_eq!(history.sum(name).granted(), 15);
    }
    let mut again = History::default();
    again.merge(history.clone()).expect("known");
    again.merge(history.clone()).expect("known");
    assert_eq!(again.sum(&names[7]).granted(), 30);
    assert_eq!(again.rows(), history.rows());
}

/// HIST-2 within one hour: those that came first stay told apart.
#[test]
fn an_hour_with_too_many_names_sums_up_those_that_came_last() {
    let mut monitor = Monitor::new();
    let names = (0..100).map(|index| format!("s{index}").parse().expect("a name"));
    let mut made: Vec<ServiceSample> = names.map(|name| granted(&name, 1)).collect();
    for _ in 0..2 {
        for service in &mut made {
            for model in 0..250 {
                call(service, model, 1);
            }
        }
        monitor.observe(&at(BEGAN, made.clone()));
    }
    let history = monitor.history();
    assert!(history.rows().1 <= HOUR_ROWS_MAX);
    let (rows, other) = told(&history);
    assert_eq!(rows + other, 2 * 25_000);
    assert!(rows >= 2 * 19_300, "{rows}");
}

#[test]
fn a_flood_of_minutes_forgets_the_oldest_first() {
    let mut monitor = Monitor::new();
    let names: Vec<ServiceName> =
        (0..300).map(|index| format!("s{index}").parse().expect("a name")).collect();
    for minute in 0..100 {
        let made = names.iter().map(|name| granted(name, minute + 1)).collect();
        monitor.observe(&at(BEGAN + minute * 60_000, made));
    }
    let history = monitor.history();
    assert_eq!(history.rows().0, 300 * (MINUTE_ROWS_MAX / 300));
    let first = history.minutes(&names[0], UnixMillis(0)).next().map(|(at, _)| at);
    assert_eq!(first, Some(UnixMillis(BEGAN + 34 * 60_000)));
    assert!(size_of::<Counts>() <= 400, "{} bytes of a row in place", size_of::<Counts>());
}

#[test]
fn a_saved_history_of_a_quiet_service_is_short() {
    let mut monitor = Monitor::new();
    monitor.observe(&at(BEGAN, vec![granted(&name(), 3)]));
    let text = serde_json::to_string(&monitor.history()).expect("it serialises");
    insta::assert_snapshot!(text);
}
