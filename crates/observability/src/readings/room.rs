//! Who keeps how many rows when there are too many.

use super::{Family, Value};
use crate::catalogue::{self, Kind, OTHER, SERIES_MAX};

/// How many rows of one metric may sum up others: as many as its closed labels have values, up to this;
/// then one row sums up all.
const FOLDED_MAX: usize = 16;
/// Series kept free for such rows: [`FOLDED_MAX`] and one of every counter and of the histogram.
const RESERVE: usize = 1_000;

/// Takes away rows until all that are left are few enough. Answers how many series were.
pub(super) fn make(families: &mut [Family]) -> u64 {
    let needs: Vec<usize> = families.iter().map(Family::series).collect();
    let share = fair_share(&needs, SERIES_MAX - RESERVE);
    families.iter_mut().map(|family| trim(family, share)).sum()
}

/// The most that each may have, so that all together have at most `room`: who needs less than an equal share
/// leaves the rest to the others (max-min fairness; Bertsekas and Gallager, Data Networks, 6.5.2).
fn fair_share(needs: &[usize], room: usize) -> usize {
    let mut needs = needs.to_vec();
    needs.sort_unstable();
    let (mut left, mut takers) = (room, needs.len());
    for need in needs {
        let equal = left / takers;
        if need > equal {
            return equal;
        }
        (left, takers) = (left - need, takers - 1);
    }
    room
}

/// Leaves the first rows of a metric, as many as `share` series are; the others count in `other`.
fn trim(family: &mut Family, share: usize) -> u64 {
    let kept = share / family.series_per_row();
    let Some(first) = family.rows.keys().nth(kept).cloned() else {
        return 0;
    };
    let beyond = family.rows.split_off(&first);
    beyond.into_iter().map(|(labels, value)| fold(family, &labels, value)).sum()
}

/// Puts a row into the one that sums up such as it. Answers how many series are not there for it.
pub(super) fn fold(family: &mut Family, labels: &[String], value: Value) -> u64 {
    if family.metric.kind != Kind::Gauge {
        let names = family.metric.labels.iter().zip(labels);
        let folded =
            names.map(
                |(name, value)| {
                    if catalogue::is_closed(name) { value.clone() } else { OTHER.to_owned() }
                },
            );
        let mut folded: Vec<String> = folded.collect();
        if !family.rows.contains_key(&folded) && summing(family) >= FOLDED_MAX {
            folded = vec![OTHER.to_owned(); labels.len()];
        }
        let row = family.rows.entry(folded);
        row.and_modify(|sum| sum.merge(value)).or_insert(value);
    }
    u64::try_from(family.series_per_row()).unwrap_or(u64::MAX)
}

/// How many rows sum up others; counted no further than matters. Their first label, the service, is `other`.
fn summing(family: &Family) -> usize {
    let from = family.rows.range(vec![OTHER.to_owned()]..);
    from.take_while(|(labels, _)| labels[0] == OTHER).take(FOLDED_MAX).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rows: impl IntoIterator<Item = (String, String)>) -> Family {
        let mut family = Family::new(&catalogue::REFUSED);
        for (service, dimension) in rows {
            let labels = [&service, "paced", "service", "", &dimension, "1m"];
            family.rows.insert(labels.map(str::to_owned).to_vec(), Value::Count(1));
        }
        family
    }

    fn sum(family: &Family) -> u64 {
        let count = |value: &Value| match value {
            Value::Count(count) => *count,
            Value::Level(_) | Value::Waits(_) => 0,
        };
        family.rows.values().map(count).sum()
    }

    #[test]
    fn who_needs_little_leaves_the_rest_to_the_others() {
        assert_eq!(fair_share(&[1, 2, 100, 100], 43), 20);
        assert_eq!(fair_share(&[10, 10], 20), 20);
        assert_eq!(fair_share(&[10, 11], 20), 10);
        assert_eq!(fair_share(&[], 20), 20);
        assert_eq!(fair_share(&[5; 10], 3), 0);
    }

    #[test]
    fn what_is_beyond_is_summed_up_by_its_closed_labels() {
        let names = (0..100).map(|n| {
            (format!("s{n:03}"), if n % 2 == 0 { "requests" } else { "tokens" }.to_owned())
        });
        let mut family = refused(names);
        assert_eq!(trim(&mut family, 10), 90);
        assert_eq!((family.rows.len(), sum(&family)), (12, 100));
        let other = ["other", "paced", "service", "other", "tokens", "other"].map(str::to_owned);
        assert_eq!(family.rows.get(other.as_slice()), Some(&Value::Count(45)));
    }

    #[test]
    fn rows_that_sum_up_are_few_too() {
        let names = (0..500).map(|n| ("s".to_owned(), format!("d{n:03}")));
        let mut family = refused(names);
        assert_eq!(trim(&mut family, 10), 490);
        assert_eq!((family.rows.len(), sum(&family)), (10 + FOLDED_MAX + 1, 500));
    }

    #[test]
    fn gauges_beyond_are_left_out() {
        let mut family = Family::new(&catalogue::BACKING_OFF);
        for n in 0..20 {
            family.rows.insert(vec![format!("s{n:02}")], Value::Level(1.0));
        }
        assert_eq!(trim(&mut family, 5), 15);
        assert_eq!(family.rows.len(), 5);
    }
}
