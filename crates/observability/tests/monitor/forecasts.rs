//! Forecasts and advice, through the monitor.

use tidegate_observability::{Monitor, Sample, ServiceSample};
use tidegate_units::{Amounts, Dimension};

use crate::samples::{daily, limit, sample, service};

/// A service that is asked ten calls of 30 tokens a minute for half an hour, and in minute ten and eleven a
/// hundred, of which it grants twenty.
fn busy(monitor: &mut Monitor) -> Sample {
    let mut made = ServiceSample { limits: vec![limit(60_000, "1m", 0), daily(0)], ..service() };
    made.limits[0].dimension = Dimension::Requests;
    made.limits[0].amount = 50;
    made.limits.push(limit(30_000, "30s", 0));
    let mut last = sample(0, vec![made.clone()]);
    for second in 0..1_800_u64 {
        let minute = second / 60;
        let granted = match minute {
            10 | 11 => u64::from(second.is_multiple_of(3)),
            _ => u64::from(second.is_multiple_of(6)),
        };
        made.granted_by_gate += granted;
        made.refused += if (10..12).contains(&minute) && second % 60 < 40 { 2 } else { 0 };
        made.spent.reserved.add(&Amounts::of(Dimension::Tokens, granted * 3));
        made.limits[1].available = 1_000 - made.spent.reserved.get(Dimension::Tokens).min(1_000);
        last = sample(second * 1_000, vec![made.clone()]);
        monitor.observe(&last);
    }
    last
}

#[test]
fn a_status_foretells_and_advises() {
    let mut monitor = Monitor::new();
    let last = busy(&mut monitor);
    let status = monitor.status(&last);
    let service = &status.services[0];
    let advice: Vec<String> = service.advice.iter().map(|it| format!("{it:#?}")).collect();
    insta::assert_snapshot!("advice", advice.join("\n"));
    assert_eq!(service.forecasts.len(), 1, "of the limit of a day");
    // Rates are sums of powers, whose last bits are the platform's.
    let mut foretold = service.forecasts[0].clone();
    foretold.rate_per_second = (foretold.rate_per_second * 1e6).round() / 1e6;
    insta::assert_snapshot!("forecast", format!("{foretold:#?}"));
    let trend = &service.trends.five_minutes;
    assert!((trend.granted_per_second - 1.0 / 6.0).abs() < 0.01, "{trend:?}");
    assert!(monitor.series("anthropic").is_some_and(|series| series.points.len() == 600));
}

#[test]
fn nothing_is_advised_of_what_never_was() {
    let mut monitor = Monitor::new();
    let quiet = sample(0, vec![ServiceSample { limits: vec![daily(0)], ..service() }]);
    monitor.observe(&quiet);
    assert_eq!(monitor.status(&quiet).services[0].advice, []);
}
