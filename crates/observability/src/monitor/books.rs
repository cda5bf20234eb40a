//! What each service has counted, from one sample to the next.
//!
//! Counters count from the start of a limiter. Where one falls, the limiter began anew, and what it says is
//! what it did since. A service that is missing from a sample is remembered, so that nothing is counted twice
//! when it is back.
//!
//! # Invariants
//!
//! - MON-2: what is added up over all differences is what the counters say, as long as none of them fell:
//!   for each service, for each row, and for those without a row.

use std::collections::BTreeMap;

use tidegate_units::ServiceName;

use super::counts::Counts;
use crate::sample::{Sample, ServiceSample, UsageSample};
use crate::tally::usage::{UsageCount, UsageRow};

/// The most services that are remembered; a configuration has at most 256.
pub(crate) const SERVICES_MAX: usize = 512;

/// What is known of each service.
#[derive(Debug, Default)]
pub(crate) struct Books {
    services: BTreeMap<ServiceName, Book>,
}

/// What is known of one.
#[derive(Debug, Clone, Default)]
struct Book {
    last: Counts,
    total: Counts,
    models: UsageSample,
    keys: UsageSample,
}

/// What a service did since the sample before.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Delta {
    pub(crate) counts: Counts,
    pub(crate) models: Usage,
    pub(crate) keys: Usage,
}

/// What calls did by model or by key: rows, and those that are not told apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Usage {
    pub(crate) rows: Vec<UsageRow>,
    pub(crate) other: UsageCount,
}

impl Books {
    /// What this service did since it was last taken down. Whoever only reads may have a sample that is older
    /// than that, which is no new beginning: then it did nothing since.
    pub(crate) fn delta(&self, sample: &ServiceSample) -> Delta {
        let Some(book) = self.services.get(&sample.service) else {
            return delta(&Book::default(), sample);
        };
        Delta {
            counts: Counts::of(sample).since(&book.last),
            models: usage(&book.models, &sample.models, false),
            keys: usage(&book.keys, &sample.keys, false),
        }
    }

    /// Everything this service did, added up over all its beginnings; see [`Books::delta`].
    pub(crate) fn total(&self, sample: &ServiceSample) -> Counts {
        let Some(book) = self.services.get(&sample.service) else {
            return Counts::of(sample);
        };
        let mut total = book.total.clone();
        total.add(&Counts::of(sample).since(&book.last));
        total
    }

    /// Takes a sample down; answers what each service did.
    pub(crate) fn absorb(&mut self, sample: &Sample) -> Vec<(ServiceName, Delta)> {
        let mut deltas = Vec::new();
        for service in &sample.services {
            let known = self.services.contains_key(&service.service);
            if !known && !self.make_room(sample) || known && says_nothing(service) {
                continue;
            }
            let book = self.services.entry(service.service.clone()).or_default();
            let delta = delta(book, service);
            book.take_down(service, &delta.counts);
            deltas.push((service.service.clone(), delta));
        }
        deltas
    }

    /// Forgets a service that is no longer there, if there are too many.
    fn make_room(&mut self, sample: &Sample) -> bool {
        if self.services.len() < SERVICES_MAX {
            return true;
        }
        let gone = self.services.keys().find(|name| sample.service(name.as_str()).is_none());
        gone.cloned().is_some_and(|name| self.services.remove(&name).is_some())
    }

    /// Whether this service is known.
    pub(crate) fn knows(&self, service: &ServiceName) -> bool {
        self.services.contains_key(service)
    }
}

impl Book {
    fn take_down(&mut self, sample: &ServiceSample, delta: &Counts) {
        self.total.add(delta);
        self.last = Counts::of(sample);
        // Most seconds bring no news of models and keys, and their names are not worth copying then.
        if self.models != sample.models {
            self.models = sample.models.clone();
        }
        if self.keys != sample.keys {
            self.keys = sample.keys.clone();
        }
    }
}

/// A limiter that is gone says that it does not run, and counts nothing; that is no new beginning.
fn says_nothing(sample: &ServiceSample) -> bool {
    !sample.running && Counts::of(sample).is_none()
}

fn delta(book: &Book, sample: &ServiceSample) -> Delta {
    Delta {
        counts: difference(&Counts::of(sample), &book.last),
        models: usage(&book.models, &sample.models, true),
        keys: usage(&book.keys, &sample.keys, true),
    }
}

/// What was added, or everything if the counters began anew.
fn difference(now: &Counts, last: &Counts) -> Counts {
    if now.covers(last) { now.since(last) } else { now.clone() }
}

/// What each row has more than before, and what is left of the total. Less than before is a new beginning,
/// where there may be one.
fn usage(last: &UsageSample, now: &UsageSample, may_begin: bool) -> Usage {
    if last == now {
        return Usage::default();
    }
    let anew = may_begin && !now.total.covers(&last.total);
    let before: BTreeMap<(&str, &str), &UsageCount> =
        last.rows.iter().filter(|_| !anew).map(|row| (name_of(row), &row.count)).collect();
    let mut other = if anew { now.total.clone() } else { now.total.since(&last.total) };
    let mut rows = Vec::new();
    for row in &now.rows {
        let grown = match before.get(&name_of(row)) {
            // One that fell had made room for others, and is back.
            Some(then) if row.count.covers(then) => row.count.since(then),
            _ => row.count.clone(),
        };
        let count = at_most(&grown, &other);
        if !count.is_none() {
            other = other.since(&count);
            rows.push(UsageRow { count, ..row.clone() });
        }
    }
    Usage { rows, other }
}

fn name_of(row: &UsageRow) -> (&str, &str) {
    (&row.kind, &row.name)
}

/// As much of `count` as `all` has: rows never make more than their total.
fn at_most(count: &UsageCount, all: &UsageCount) -> UsageCount {
    count.since(&count.since(all))
}

#[cfg(test)]
mod tests {
    use tidegate_units::{Amounts, Dimension};

    use super::*;
    use crate::tally::usage::Spent;

    fn calls(ok: u64) -> UsageCount {
        let spent = Spent { reserved: Amounts::of(Dimension::Tokens, ok), ..Spent::default() };
        UsageCount { outcomes: [ok, 0, 0, 0, 0, 0, 0], refused: 0, spent }
    }

    fn table(rows: &[(&str, u64)], total: u64) -> UsageSample {
        let row = |(name, ok): &(&str, u64)| UsageRow {
            kind: "model".to_owned(),
            name: (*name).to_owned(),
            count: calls(*ok),
        };
        UsageSample { rows: rows.iter().map(row).collect(), other: calls(0), total: calls(total) }
    }

    fn seen(usage: &Usage) -> (Vec<(&str, u64)>, u64) {
        let rows = usage.rows.iter().map(|row| (row.name.as_str(), row.count.calls()));
        (rows.collect(), usage.other.calls())
    }

    #[test]
    fn what_rows_do_not_explain_goes_to_the_others() {
        let before = table(&[("a", 5), ("b", 3)], 10);
        let after = table(&[("a", 9), ("c", 2)], 20);
        let told = usage(&before, &after, true);
        assert_eq!(seen(&told), (vec![("a", 4), ("c", 2)], 4));
        assert_eq!(seen(&usage(&after, &after, true)), (vec![], 0));
    }

    #[test]
    fn a_row_that_made_room_and_is_back_counts_from_zero() {
        let told = usage(&table(&[("a", 50)], 60), &table(&[("a", 2)], 65), true);
        assert_eq!(seen(&told), (vec![("a", 2)], 3));
    }

    #[test]
    fn a_table_that_began_anew_counts_in_full_and_rows_never_exceed_it() {
        let told = usage(&table(&[("a", 5)], 100), &table(&[("a", 6)], 6), true);
        assert_eq!(seen(&told), (vec![("a", 6)], 0));
        let told = usage(&table(&[], 100), &table(&[("a", 50), ("b", 50)], 110), true);
        assert_eq!(seen(&told), (vec![("a", 10)], 0));
        assert_eq!(told.rows[0].count.spent.used(Dimension::Tokens), 10);
    }

    #[test]
    fn a_service_that_was_missing_is_not_counted_twice() {
        let mut service = ServiceSample::new("a".parse().expect("a name"));
        let mut books = Books::default();
        let mut granted = 0;
        let gone = ServiceSample { running: false, ..service.clone() };
        for (count, there) in [(10, true), (12, false), (15, true), (4, true), (6, true)] {
            service.granted_by_gate = count;
            let services = if there { vec![service.clone()] } else { Vec::new() };
            books.absorb(&Sample { services: vec![gone.clone()], ..Sample::default() });
            let deltas = books.absorb(&Sample { services, ..Sample::default() });
            granted += deltas.iter().map(|(_, delta)| delta.counts.granted()).sum::<u64>();
        }
        assert_eq!(granted, 15 + 6);
        assert_eq!(books.total(&gone).granted(), 21);
        service.granted_by_gate = 7;
        assert_eq!(books.total(&service).granted(), 22);
        assert_eq!(books.delta(&service).counts.granted(), 1);
    }
}
