//! What calls took: of a service, by model, and by whom they were made for.
//!
//! Tables have as many rows as they have; what has none stands in a row `other`.

use tidegate_units::{Dimension, Outcome};

use crate::catalogue::{self, Metric, OTHER};
use crate::readings::{Readings, float};
use crate::sample::UsageSample;
use crate::tally::usage::{Spent, UsageCount};

/// How far the estimates were off, relative to what was used; `None` of nothing.
fn error(spent: &Spent, dimension: Dimension) -> Option<f64> {
    let used = spent.used(dimension);
    let (reserved, used) = (float(spent.reserved.get(dimension)), float(used));
    (used > 0.0).then(|| reserved / used - 1.0)
}

pub(super) fn service(readings: &mut Readings, name: &str, spent: &Spent) {
    for dimension in spent.dimensions() {
        let labels = [name, dimension.name()];
        readings.count(&catalogue::RESERVED, &labels, spent.reserved.get(dimension));
        readings.count(&catalogue::REFUNDED, &labels, spent.refunded.get(dimension));
        readings.count(&catalogue::OWED, &labels, spent.owed.get(dimension));
        readings.count(&catalogue::USED, &labels, spent.used(dimension));
        if let Some(error) = error(spent, dimension) {
            readings.level(&catalogue::ESTIMATE_ERROR, &labels, error);
        }
    }
}

pub(super) fn models(readings: &mut Readings, service: &str, table: &UsageSample) {
    for row in &table.rows {
        model(readings, service, &row.name, &row.count);
    }
    let rest = &table.other;
    if !rest.is_none() {
        model(readings, service, OTHER, rest);
    }
}

fn model(readings: &mut Readings, service: &str, model: &str, count: &UsageCount) {
    for outcome in Outcome::ALL {
        let calls = count.outcomes[outcome.index()];
        if calls > 0 || outcome == Outcome::Ok {
            readings.count(&catalogue::MODEL_CALLS, &[service, model, outcome.name()], calls);
        }
    }
    readings.count(&catalogue::MODEL_REFUSED, &[service, model], count.refused);
    let spent = &count.spent;
    for dimension in spent.dimensions() {
        let mut put = |metric: &Metric, amount| {
            readings.count(metric, &[service, model, dimension.name()], amount);
        };
        put(&catalogue::MODEL_RESERVED, spent.reserved.get(dimension));
        put(&catalogue::MODEL_REFUNDED, spent.refunded.get(dimension));
        put(&catalogue::MODEL_OWED, spent.owed.get(dimension));
        put(&catalogue::MODEL_USED, spent.used(dimension));
        if let Some(error) = error(spent, dimension) {
            readings.level(&catalogue::MODEL_ERROR, &[service, model, dimension.name()], error);
        }
    }
}

pub(super) fn keys(readings: &mut Readings, service: &str, table: &UsageSample) {
    for row in &table.rows {
        key(readings, [service, &row.kind, &row.name], &row.count);
    }
    let rest = &table.other;
    if !rest.is_none() {
        key(readings, [service, OTHER, OTHER], rest);
    }
}

fn key(readings: &mut Readings, [service, key, value]: [&str; 3], count: &UsageCount) {
    readings.count(&catalogue::KEY_CALLS, &[service, key, value], count.calls());
    readings.count(&catalogue::KEY_REFUSED, &[service, key, value], count.refused);
    for dimension in count.spent.dimensions() {
        let labels = [service, key, value, dimension.name()];
        readings.count(&catalogue::KEY_USED, &labels, count.spent.used(dimension));
    }
}
