//! Calendar windows: against dates written out by hand, and ALG-1 to ALG-7 where clocks are changed.
#![cfg(feature = "calendar")]

use proptest::prelude::*;
use tidegate_algorithms::{Algorithm, CalendarWindow, Carry, Decision};
use tidegate_units::{Calendar, Instant, Period, Span, WallOrigin, Zone};

#[path = "windows/model.rs"]
mod model;

use model::{advance, check_earliest, most_counted, most_in_a_span, play, steps};

const HOUR: Span = Span::from_secs(3_600);
const DAY: Span = Span::from_secs(86_400);

fn calendar(period: Period, zone: &str) -> Calendar {
    Calendar::new(period, zone.parse().expect("a zone"))
}

/// Seconds since 1970 of a date and hour in UTC, by the civil calendar's own arithmetic.
fn utc(year: u64, month: u64, day: u64, hour: u64, minute: u64) -> Instant {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let months = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let before = usize::try_from(month - 1).expect("small");
    let days = years + months[..before].iter().sum::<u64>() + day - 1;
    Instant::ZERO + DAY * days + HOUR * hour + Span::from_secs(60 * minute)
}

/// The period that holds `inside` starts and ends when it should.
fn assert_period(calendar: &Calendar, inside: Instant, start: Instant, end: Instant) {
    let number = calendar.number_at(inside);
    assert_eq!(calendar.start_of(number), start, "{calendar} start");
    assert_eq!(calendar.start_of(number + 1), end, "{calendar} end");
    for (at, is_inside) in [(start, true), (end - Span::from_nanos(1), true), (end, false)] {
        assert_eq!(calendar.number_at(at) == number, is_inside, "{calendar} at {at:?}");
    }
}

#[test]
fn days_have_24_hours_in_utc() {
    let days = calendar(Period::Day, "UTC");
    assert_eq!((days.shortest(), days.longest()), (DAY, DAY));
    assert_period(&days, utc(2026, 2, 28, 13, 5), utc(2026, 2, 28, 0, 0), utc(2026, 3, 1, 0, 0));
    assert_period(&days, utc(2028, 2, 29, 23, 59), utc(2028, 2, 29, 0, 0), utc(2028, 3, 1, 0, 0));
    assert_period(&days, Instant::ZERO, Instant::ZERO, utc(1970, 1, 2, 0, 0));
}

#[test]
fn days_have_23_or_25_hours_where_clocks_are_changed() {
    let berlin = calendar(Period::Day, "Europe/Berlin");
    assert_eq!((berlin.shortest(), berlin.longest()), (HOUR * 23, HOUR * 25));
    // 29 March 2026 is 23 hours long, 25 October 2026 25.
    assert_period(
        &berlin,
        utc(2026, 3, 29, 12, 0),
        utc(2026, 3, 28, 23, 0),
        utc(2026, 3, 29, 22, 0),
    );
    assert_period(
        &berlin,
        utc(2026, 10, 25, 1, 30),
        utc(2026, 10, 24, 22, 0),
        utc(2026, 10, 25, 23, 0),
    );
    let new_york = calendar(Period::Day, "America/New_York");
    assert_period(&new_york, utc(2026, 3, 8, 12, 0), utc(2026, 3, 8, 5, 0), utc(2026, 3, 9, 4, 0));
    assert_period(
        &new_york,
        utc(2026, 11, 1, 6, 30),
        utc(2026, 11, 1, 4, 0),
        utc(2026, 11, 2, 5, 0),
    );
    // Half an hour on Lord Howe Island: 4 October 2026, from 10:30 to 11 hours ahead of UTC.
    let lord_howe = calendar(Period::Day, "Australia/Lord_Howe");
    assert_period(
        &lord_howe,
        utc(2026, 10, 4, 0, 0),
        utc(2026, 10, 3, 13, 30),
        utc(2026, 10, 4, 13, 0),
    );
}

#[test]
fn a_day_whose_midnight_does_not_exist_begins_at_one() {
    // São Paulo, 4 November 2018: at 00:00 it became 01:00, three hours behind UTC before.
    let sao_paulo = calendar(Period::Day, "America/Sao_Paulo");
    assert_period(
        &sao_paulo,
        utc(2018, 11, 4, 12, 0),
        utc(2018, 11, 4, 3, 0),
        utc(2018, 11, 5, 2, 0),
    );
    assert_period(
        &sao_paulo,
        utc(2018, 11, 4, 2, 59),
        utc(2018, 11, 3, 3, 0),
        utc(2018, 11, 4, 3, 0),
    );
    // Beirut, 26 March 2022: at 00:00 of the 27th it became 01:00, two hours ahead of UTC before.
    let beirut = calendar(Period::Day, "Asia/Beirut");
    assert_period(
        &beirut,
        utc(2022, 3, 27, 9, 0),
        utc(2022, 3, 26, 22, 0),
        utc(2022, 3, 27, 21, 0),
    );
}

#[test]
fn a_midnight_that_comes_twice_begins_one_day() {
    // São Paulo, 18 February 2018: at 00:00 it became 23:00 of the 17th, two hours behind UTC before.
    let sao_paulo = calendar(Period::Day, "America/Sao_Paulo");
    assert_period(
        &sao_paulo,
        utc(2018, 2, 18, 2, 30),
        utc(2018, 2, 17, 2, 0),
        utc(2018, 2, 18, 3, 0),
    );
    // St. John's, 6 November 2011 was no such case any more, 7 November 2010 was: at 00:01 it became
    // 23:01 of the 6th, 2:30 behind UTC before. The 7th begins at its first midnight.
    let st_johns = calendar(Period::Day, "America/St_Johns");
    let midnight = utc(2010, 11, 7, 2, 30);
    assert_period(&st_johns, midnight + HOUR.div(2), midnight, utc(2010, 11, 8, 3, 30));
}

#[test]
fn a_day_that_was_left_out_holds_no_instant() {
    // Samoa had no 30 December 2011: from ten hours behind UTC to fourteen ahead.
    let apia = calendar(Period::Day, "Pacific/Apia");
    let change = utc(2011, 12, 30, 10, 0);
    assert_period(&apia, change - HOUR, utc(2011, 12, 29, 10, 0), change);
    let last = apia.number_at(change - HOUR);
    assert_eq!(apia.number_at(change), last + 1, "the 30th has no number");
    assert_period(&apia, change + HOUR, change, utc(2011, 12, 31, 10, 0));
    // What was owed on the 29th is paid by the 31st, not by a day that nobody had.
    let rule = CalendarWindow::new(10, apia.clone(), WallOrigin::default());
    let mut state = rule.full();
    rule.record(&mut state, change - HOUR, 25);
    assert_eq!((rule.debt(&state, change), rule.debt(&state, change + DAY)), (5, 0));
    assert_eq!(apia.shortest(), HOUR * 23, "what was left out is no short day");
}

#[test]
fn weeks_begin_on_monday_and_months_and_years_on_the_first() {
    let week = calendar(Period::Week, "UTC");
    assert_period(&week, utc(2026, 11, 22, 2, 0), utc(2026, 11, 16, 0, 0), utc(2026, 11, 23, 0, 0));
    let week = calendar(Period::Week, "Europe/Berlin");
    assert_eq!((week.shortest(), week.longest()), (HOUR * 167, HOUR * 169));
    assert_period(&week, utc(2026, 3, 29, 12, 0), utc(2026, 3, 22, 23, 0), utc(2026, 3, 29, 22, 0));

    let month = calendar(Period::Month, "UTC");
    assert_eq!((month.shortest(), month.longest()), (DAY * 28, DAY * 31));
    assert_period(&month, utc(2026, 2, 3, 0, 0), utc(2026, 2, 1, 0, 0), utc(2026, 3, 1, 0, 0));
    assert_period(&month, utc(2028, 2, 3, 0, 0), utc(2028, 2, 1, 0, 0), utc(2028, 3, 1, 0, 0));
    assert_period(&month, utc(2026, 12, 31, 23, 0), utc(2026, 12, 1, 0, 0), utc(2027, 1, 1, 0, 0));
    let month = calendar(Period::Month, "America/Los_Angeles");
    // March 2026 lacks an hour: from eight to seven hours behind UTC.
    assert_period(&month, utc(2026, 3, 9, 0, 0), utc(2026, 3, 1, 8, 0), utc(2026, 4, 1, 7, 0));

    let year = calendar(Period::Year, "Asia/Kolkata");
    assert_period(
        &year,
        utc(2026, 1, 1, 0, 0),
        utc(2025, 12, 31, 18, 30),
        utc(2026, 12, 31, 18, 30),
    );
}

#[test]
fn time_that_is_not_in_sight_is_saturated() {
    for period in Period::ALL {
        let calendar = calendar(period, "America/New_York");
        let last = calendar.number_at(Instant::MAX);
        assert!(calendar.start_of(last) < Instant::MAX);
        assert_eq!(calendar.start_of(last + 1), Instant::MAX);
        for number in [last + 1_000, 1 << 40, u64::MAX / 2, u64::MAX] {
            assert_eq!(calendar.start_of(number), Instant::MAX);
        }
    }
}

#[test]
fn every_zone_is_found_by_its_name_and_written_as_it() {
    for name in Zone::names().iter().filter(|name| *name != "Etc/Unknown") {
        let zone: Zone = name.parse().expect("it is listed");
        let text = serde_json::to_string(&calendar(Period::Day, name)).expect("it is written");
        assert_eq!(text, format!("{{\"period\":\"day\",\"zone\":\"{zone}\"}}"));
        let read: Calendar = serde_json::from_str(&text).expect("it is read");
        assert_eq!(read, calendar(Period::Day, name));
        // Vostok, which nobody's sun tells the time, changed by seven hours at once.
        assert!(read.shortest() >= HOUR * 17 && read.longest() <= HOUR * 31, "{read}");
    }
    assert!("Etc/Unknown".parse::<Zone>().is_err(), "it would pass for UTC");
    assert!("".parse::<Zone>().is_err());
    assert!("x".repeat(100).parse::<Zone>().is_err());
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
];

/// Instants near which clocks were changed, in one of the zones or another.
fn near_a_change() -> impl Strategy<Value = Instant> {
    let changes = prop_oneof![
        Just(utc(2011, 12, 30, 10, 0)),
        Just(utc(2018, 11, 4, 3, 0)),
        Just(utc(2010, 11, 7, 2, 31)),
        Just(utc(2026, 3, 29, 1, 0)),
        Just(utc(2026, 10, 25, 1, 0)),
        (0_u64..580).prop_map(|years| Instant::ZERO + DAY * (365 * years)),
    ];
    (changes, 0..6 * 86_400_u64).prop_map(|(at, seconds)| at + Span::from_secs(seconds) - DAY * 3)
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let zone = (0..ZONES.len()).prop_map(|index| ZONES[index]);
    (prop_oneof![3 => Just(Period::Day), 1 => Just(Period::Week), 1 => Just(Period::Month), 1 => Just(Period::Year)], zone)
        .prop_map(|(period, zone)| calendar(period, zone))
}

fn rule() -> impl Strategy<Value = (CalendarWindow, Span)> {
    let guard = prop_oneof![Just(Span::ZERO), Just(Span::from_millis(250)), Just(HOUR * 5)];
    let origin = near_a_change().prop_map(|at| WallOrigin::when(Instant::ZERO, at.as_nanos()));
    let days = (0..ZONES.len()).prop_map(|index| calendar(Period::Day, ZONES[index]));
    (1_u64..9, days, guard, origin).prop_map(|(amount, calendar, guard, origin)| {
        (CalendarWindow::new(amount, calendar, origin).guard(guard), guard)
    })
}

/// Two days after the origin, so that stepping back has somewhere to go.
const START: Instant = Instant::from_nanos(2 * 86_400_000_000_000);

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_instant_lies_in_exactly_one_period(calendar in any_calendar(), at in near_a_change()) {
        let number = calendar.number_at(at);
        let (start, end) = (calendar.start_of(number), calendar.start_of(number + 1));
        prop_assert!(start <= at && at < end, "{start:?} {at:?} {end:?}");
        let length = end.since(start);
        prop_assert!(length <= calendar.longest());
        prop_assert!(start == Instant::ZERO || length >= calendar.shortest());
        prop_assert!(calendar.number_at(end) > number);
        for number in number.saturating_sub(3)..number + 3 {
            let (this, next) = (calendar.start_of(number), calendar.start_of(number + 1));
            prop_assert!(this < next || next == Instant::ZERO || this == Instant::MAX);
        }
    }

    #[test]
    fn no_day_at_the_service_counts_more_than_the_amount(
        (rule, guard) in rule(), steps in steps(DAY), backwards in any::<u64>(), refunds in any::<u64>(),
    ) {
        for (backwards, refunds) in [(0, 0), (backwards & backwards >> 7, 0), (0, refunds)] {
            let spent = play(&rule, START, &steps, backwards, refunds);
            prop_assert!(most_counted(rule.windows(), guard, &spent) <= rule.capacity(), "ALG-4, ALG-5");
        }
    }

    #[test]
    fn no_span_sees_more_than_the_worst_case(
        (rule, _) in rule(), steps in steps(DAY), span in 0_u64..200,
    ) {
        let spent = play(&rule, START, &steps, 0, 0);
        let span = HOUR * span;
        prop_assert!(most_in_a_span(&spent, span) <= rule.worst_case(span), "ALG-6");
    }

    #[test]
    fn queues_and_levels_go_on_over_changed_clocks(
        (rule, _) in rule(), steps in steps(DAY), total in 1_u64..30, wait in 0_u64..60,
    ) {
        let (mut state, mut now) = (rule.full(), START);
        for (index, step) in steps.iter().enumerate() {
            now = advance(now, step.nanos);
            if index % 7 == 0 {
                rule.record(&mut state, now, step.cost * 3);
            }
            let _ = rule.take(&mut state, now, step.cost);
        }
        check_earliest(&rule, &state, now, total);
        let then = now + HOUR * wait;
        prop_assert!(rule.available(&state, then) >= rule.available(&state, now), "ALG-3");
        let reset = rule.reset_at(&state, now);
        prop_assert_eq!(rule.available(&state, reset), rule.capacity());
    }

    /// However the origin is corrected while calls are made: what one window of the wall clock holds
    /// is never more than the amount, counted at the latest time on the wall that was reached.
    #[test]
    fn a_wall_clock_that_is_set_never_mints(
        (rule, _) in rule(), steps in steps(DAY), shifts in proptest::collection::vec(-40_i64..40, 60),
        refunds in any::<u64>(),
    ) {
        let rule = rule.guard(Span::ZERO);
        let base = Instant::ZERO + DAY * 20_000;
        let (mut state, mut now, mut reached) = (rule.full(), START, Instant::ZERO);
        let mut spent: Vec<(u64, Instant, u64)> = Vec::new();
        let calendar = calendar(Period::Day, "America/St_Johns");
        for (index, (step, shift)) in steps.iter().zip(shifts).enumerate() {
            now = advance(now, step.nanos);
            let shifted = advance(base, shift * 3_600_000_000_000);
            let origin = WallOrigin::when(Instant::ZERO, shifted.as_nanos());
            let rule = CalendarWindow::new(rule.capacity(), calendar.clone(), origin);
            if step.cost > 0 && rule.take(&mut state, now, step.cost) == Decision::Admit {
                reached = reached.max(origin.to_wall(now));
                spent.push((calendar.number_at(reached), now, step.cost));
            }
            if refunds >> (index % 64) & 1 == 1 && !spent.is_empty() {
                let chosen = index % spent.len();
                reached = reached.max(origin.to_wall(now));
                let (_, recorded, left) = &mut spent[chosen];
                *left -= rule.refund(&mut state, now, *recorded, *left);
            }
            for (number, _, _) in &spent {
                let same = spent.iter().filter(|(other, _, _)| other == number);
                prop_assert!(same.map(|(_, _, cost)| cost).sum::<u64>() <= rule.capacity(), "ALG-4");
            }
        }
    }

    #[test]
    fn extreme_numbers_do_not_panic(
        calendar in any_calendar(), amount in any::<u64>(), guard in any::<u64>(), origin in any::<u64>(),
        times in proptest::collection::vec(any::<u64>(), 1..20),
    ) {
        let origin = WallOrigin::when(Instant::ZERO, origin);
        let rule = CalendarWindow::new(amount, calendar, origin).guard(Span::from_nanos(guard));
        let mut state = rule.full();
        for at in times {
            let now = Instant::from_nanos(at);
            let _ = rule.take(&mut state, now, at % 10);
            rule.record(&mut state, now, at);
            let _ = rule.refund(&mut state, now, Instant::from_nanos(at / 2), at / 3);
            let _ = (rule.reset_at(&state, now), rule.earliest(&state, now, at));
            let _ = (rule.worst_case(Span::from_nanos(at)), rule.empty(now), rule.debt(&state, now));
            state = rule.reconfigured(&state, now, &rule.clone().with_origin(origin), Carry::AsIs);
        }
    }
}

#[test]
fn the_worst_case_of_a_day_in_utc_is_reached() {
    let guard = Span::from_secs(1);
    let rule = CalendarWindow::new(10, calendar(Period::Day, "UTC"), WallOrigin::default());
    let rule = rule.guard(guard);
    let midnight = utc(2026, 3, 29, 0, 0);
    let first = midnight - guard - Span::from_nanos(1);
    for (span, expected) in [
        (Span::ZERO, 0),
        (Span::from_nanos(1), 10),
        (guard + Span::from_nanos(1), 10),
        (guard + Span::from_nanos(2), 20),
        (DAY, 20),
        (DAY + guard + Span::from_nanos(1), 20),
        (DAY + guard + Span::from_nanos(2), 30),
    ] {
        let mut state = rule.full();
        let mut passed = 0;
        for at in [first, midnight, midnight + DAY] {
            if at.since(first) < span && rule.take(&mut state, at, 10) == Decision::Admit {
                passed += 10;
            }
        }
        assert_eq!((passed, rule.worst_case(span)), (expected, expected), "{span}");
    }
}

#[test]
fn another_amount_keeps_what_was_used_today_and_another_zone_begins_with_the_balance() {
    let rule = |amount, zone| {
        CalendarWindow::new(amount, calendar(Period::Day, zone), WallOrigin::default())
    };
    let (small, large) = (rule(10, "UTC"), rule(20, "UTC"));
    let now = utc(2026, 3, 29, 23, 30);
    let mut state = small.full();
    assert_eq!(small.take(&mut state, now, 6), Decision::Admit);
    let after = small.reconfigured(&state, now, &large, Carry::Additive);
    assert_eq!(large.available(&after, now), 14);
    assert_eq!(large.available(&after, now + HOUR), 20, "a new day");
    let mut after = after;
    assert_eq!(large.refund(&mut after, now, now, 6), 0, "it belongs to the rule before");

    let berlin = rule(20, "Europe/Berlin");
    let after = small.reconfigured(&state, now, &berlin, Carry::Additive);
    assert_eq!(
        berlin.available(&after, now + HOUR),
        14,
        "its day began two hours before that of UTC"
    );
    assert_eq!(berlin.available(&after, now + DAY), 20);
    let after = small.reconfigured(&state, now, &large, Carry::Reset);
    assert_eq!(large.available(&after, now), 20);
}

/// While the days stay where they are, it is known what was used today, whatever the balance says.
#[test]
fn a_lowered_amount_counts_what_was_used_today() {
    let rule = |amount| {
        let days = calendar(Period::Day, "Europe/Berlin");
        CalendarWindow::new(amount, days, WallOrigin::default())
    };
    let (large, small) = (rule(20), rule(10));
    let now = utc(2026, 3, 29, 12, 0);
    let mut state = large.full();
    assert_eq!(large.take(&mut state, now, 6), Decision::Admit);
    // Of 20, 14 are available, so that 10 would be by the balance alone.
    let after = large.reconfigured(&state, now, &small, Carry::AsIs);
    assert_eq!(small.available(&after, now), 4);
}
