//! More rows than anybody can want.

use std::collections::BTreeMap;

use tidegate_observability::catalogue::SERIES_MAX;
use tidegate_observability::{
    LimitSample, PartSample, Sample, ScopeKind, ServiceSample, UsageRow, prometheus,
};
use tidegate_units::Dimension;

use crate::rich;

const MANY: usize = 100_000;
/// Bytes of the longest line that there can be: a name, six labels whose values are all escaped, a number.
const LINE_MAX: usize = 64 + 6 * (16 + 2 * 128) + 24;

/// Series, each named once: its name with its labels, and its value.
fn series(text: &str) -> BTreeMap<&str, f64> {
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let series: BTreeMap<&str, f64> = lines
        .iter()
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name, value.parse().expect("a number"))
        })
        .collect();
    assert_eq!(series.len(), lines.len(), "a series is there once");
    series
}

fn sum(series: &BTreeMap<&str, f64>, name: &str) -> u64 {
    let counts = series.iter().filter(|(series, _)| series.starts_with(name));
    counts.map(|(_, value)| value.to_string().parse::<u64>().expect("a whole number")).sum()
}

fn checked(sample: &Sample) -> String {
    let text = prometheus::render(sample, &[]);
    let found = series(&text).len();
    assert!(found <= SERIES_MAX, "{found} series");
    assert!(text.len() <= SERIES_MAX * LINE_MAX, "{} bytes", text.len());
    assert!(text.lines().all(|line| line.len() <= LINE_MAX));
    assert!(series(&text)["tidegate_metrics_series_dropped"] > 0.0);
    text
}

fn flooded(flood: impl FnOnce(&mut ServiceSample)) -> Sample {
    let mut service = rich::service();
    flood(&mut service);
    Sample { services: vec![service], ..rich::sample() }
}

fn long(number: usize) -> String {
    format!("{number:06}{}", "\"\\\u{1f980}".repeat(30))
}

fn limits() -> impl Iterator<Item = LimitSample> {
    (0..MANY).map(|n| rich::limit(Some("anthropic"), ScopeKind::Model, &long(n)))
}

#[test]
fn a_hundred_thousand_keys_are_no_more_series_than_may_be_and_all_are_counted() {
    let sample = flooded(|service| {
        let row = |n| UsageRow { name: long(n), ..rich::row("agent", "") };
        service.keys.rows = (0..MANY).map(row).collect();
    });
    let text = checked(&sample);
    let series = series(&text);
    // Six calls came when there was no room for their keys.
    assert_eq!(sum(&series, "tidegate_key_calls_total"), 500_006);
    // Of each key one series of calls, one of refusals, and what it used in two dimensions.
    let dropped = sum(&series, "tidegate_metrics_series_dropped");
    assert!(dropped >= u64::try_from(4 * MANY - SERIES_MAX).expect("it fits"), "{dropped}");
    assert_eq!(sum(&series, "tidegate_granted_total"), 120, "others keep what they have");
}

#[test]
fn so_it_is_with_limits_and_parts() {
    checked(&flooded(|service| service.limits = limits().collect()));
    let part = |limit: LimitSample| PartSample {
        scope: limit.scope,
        of: limit.of.clone(),
        waiting: 1,
        limits: vec![limit],
        slots: None,
        breaker: None,
    };
    checked(&flooded(|service| service.parts = limits().map(part).collect()));
}

#[test]
fn values_of_a_key_are_one_row_so_that_those_of_a_month_are_no_more() {
    let one = |n: usize| {
        let of = format!("agent={}", long(n));
        let limits = vec![rich::limit(Some("anthropic"), ScopeKind::Key, &of)];
        PartSample { scope: ScopeKind::Key, of, waiting: 1, limits, slots: None, breaker: None }
    };
    let text_of = |first: usize| {
        let sample = flooded(|service| service.parts = (first..first + 100).map(one).collect());
        prometheus::render(&sample, &[])
    };
    let names = |text: &str| series(text).into_keys().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&text_of(0)), names(&text_of(5_000)));
}

#[test]
fn so_it_is_with_refusals_of_every_kind() {
    let sample = flooded(|service| {
        let row = service.refusals[0].clone();
        let dimension = |n: usize| format!("d{n}").parse::<Dimension>().expect("a name");
        service.refusals = (0..MANY)
            .map(|n| {
                let mut row = row.clone();
                (row.of, row.dimension, row.count) = (long(n), dimension(n % 100), 2);
                row
            })
            .collect();
        service.refused = 200_003;
    });
    let text = checked(&sample);
    assert_eq!(sum(&series(&text), "tidegate_refused_total"), 200_003);
}

#[test]
fn so_it_is_with_services_and_everything_at_once() {
    let mut sample = rich::sample();
    for n in 0..300 {
        let mut service =
            ServiceSample { service: rich::name(&format!("s{n}")), ..rich::service() };
        let row = |n| UsageRow { name: long(n), ..rich::row("agent", "") };
        service.keys.rows = (0..40).map(row).collect();
        service.models.rows = (0..40).map(row).collect();
        service.limits = limits().take(20).collect();
        sample.services.push(service);
    }
    let text = checked(&sample);
    let series = series(&text);
    assert_eq!(sum(&series, "tidegate_granted_total"), 301 * 120);
    assert_eq!(sum(&series, "tidegate_wait_seconds_count"), 301 * 5);
    let infinite = series.iter().filter(|(name, _)| name.contains("le=\"+Inf\""));
    let waits: f64 = infinite.map(|(_, value)| value).sum();
    assert!((waits - 301.0 * 5.0).abs() < 0.1, "{waits}");
}
