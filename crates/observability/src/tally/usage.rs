//! What calls took, by the model that they asked or by whom they were made for.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use tidegate_units::{Amounts, Dimension, Instant, Outcome, Span};

/// A row that nobody has used for so long makes room for another.
pub const IDLE: Span = Span::from_secs(3_600);

/// What was charged, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Charged when calls were granted: what was estimated.
    #[serde(with = "by_dimension")]
    pub reserved: Amounts,
    /// Given back, because they took less.
    #[serde(with = "by_dimension")]
    pub refunded: Amounts,
    /// Owed beyond it, because they took more.
    #[serde(with = "by_dimension")]
    pub owed: Amounts,
}

impl Spent {
    /// What was really used of a dimension, as far as calls have ended.
    pub fn used(&self, dimension: Dimension) -> u64 {
        let kept = self.reserved.get(dimension).saturating_sub(self.refunded.get(dimension));
        kept.saturating_add(self.owed.get(dimension))
    }

    /// Every dimension in which anything was charged or owed.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let mut dimensions: Vec<Dimension> = self.reserved.iter().map(|(it, _)| it).collect();
        for (dimension, _) in self.owed.iter() {
            if !dimensions.contains(&dimension) {
                dimensions.push(dimension);
            }
        }
        dimensions
    }

    /// The same and `other` together.
    pub fn add(&mut self, other: &Self) {
        self.reserved.add(&other.reserved);
        self.refunded.add(&other.refunded);
        self.owed.add(&other.owed);
    }

    /// Whether this can be what `earlier` has grown to.
    pub fn covers(&self, earlier: &Self) -> bool {
        self.reserved.covers(&earlier.reserved)
            && self.refunded.covers(&earlier.refunded)
            && self.owed.covers(&earlier.owed)
    }

    /// What was added since this was `earlier`, each amount never below zero.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            reserved: self.reserved.less(&earlier.reserved),
            refunded: self.refunded.less(&earlier.refunded),
            owed: self.owed.less(&earlier.owed),
        }
    }

    /// Whether nothing was charged, given back or owed.
    pub fn is_none(&self) -> bool {
        self.reserved.is_none() && self.refunded.is_none() && self.owed.is_none()
    }
}

/// What the calls of one model or one key came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsageCount {
    /// Calls that have ended, by [`Outcome::index`].
    #[serde(with = "crate::sample::outcomes")]
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Requests that were refused.
    pub refused: u64,
    /// What they took.
    pub spent: Spent,
}

impl UsageCount {
    /// Calls that have ended.
    pub fn calls(&self) -> u64 {
        self.outcomes.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The same and `more` together.
    pub fn add(&mut self, more: &Self) {
        for (count, more) in self.outcomes.iter_mut().zip(&more.outcomes) {
            *count = count.saturating_add(*more);
        }
        self.refused = self.refused.saturating_add(more.refused);
        self.spent.add(&more.spent);
    }

    /// Whether this can be what `earlier` has grown to.
    pub fn covers(&self, earlier: &Self) -> bool {
        let outcomes = self.outcomes.iter().zip(&earlier.outcomes).all(|(now, then)| now >= then);
        outcomes && self.refused >= earlier.refused && self.spent.covers(&earlier.spent)
    }

    /// What was added since this was `earlier`, each number never below zero.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut outcomes = self.outcomes;
        for (count, then) in outcomes.iter_mut().zip(&earlier.outcomes) {
            *count = count.saturating_sub(*then);
        }
        let refused = self.refused.saturating_sub(earlier.refused);
        Self { outcomes, refused, spent: self.spent.since(&earlier.spent) }
    }

    /// Whether nothing was counted.
    pub fn is_none(&self) -> bool {
        self.calls() == 0 && self.refused == 0 && self.spent.is_none()
    }
}

/// A row of a table as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// `model`, or the name of a key, such as `agent`.
    pub kind: String,
    /// Which one.
    pub name: String,
    /// What its calls came to.
    #[serde(flatten)]
    pub count: UsageCount,
}

/// Rows by kind and name, as many as there may be, and the sum over all that ever were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageTable {
    max: usize,
    len: usize,
    kinds: BTreeMap<String, HashMap<String, Row, RandomState>>,
    other: UsageCount,
    total: UsageCount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    used_at: Instant,
    count: UsageCount,
}

impl UsageTable {
    /// An empty table for at most `max` rows.
    pub fn new(max: usize) -> Self {
        let (other, total) = (UsageCount::default(), UsageCount::default());
        Self { max, len: 0, kinds: BTreeMap::new(), other, total }
    }

    /// Something happened on behalf of one. A call for several counts for each of them, and as often in the
    /// sum.
    pub fn add(&mut self, now: Instant, (kind, name): (&str, &str), more: &UsageCount) {
        self.total.add(more);
        if let Some(row) = self.kinds.get_mut(kind).and_then(|names| names.get_mut(name)) {
            row.used_at = now;
            row.count.add(more);
        } else if self.len < self.max || self.make_room(now) {
            let row = Row { used_at: now, count: more.clone() };
            self.kinds.entry(kind.to_owned()).or_default().insert(name.to_owned(), row);
            self.len += 1;
        } else {
            self.other.add(more);
        }
    }

    /// Drops the row that was used the longest ago, if that is long enough.
    fn make_room(&mut self, now: Instant) -> bool {
        let rows = self.kinds.iter().flat_map(|(kind, names)| {
            names.iter().map(move |(name, row)| (row.used_at, kind, name))
        });
        let Some((used_at, kind, name)) = rows.min() else {
            return false;
        };
        if now.since(used_at) < IDLE {
            return false;
        }
        let (kind, name) = (kind.clone(), name.clone());
        if let Some(names) = self.kinds.get_mut(&kind) {
            names.remove(&name);
        }
        self.len -= 1;
        true
    }

    /// The rows, by kind and name.
    pub fn rows(&self) -> Vec<UsageRow> {
        let row = |kind: &String, (name, row): (&String, &Row)| UsageRow {
            kind: kind.clone(),
            name: name.clone(),
            count: row.count.clone(),
        };
        let mut rows: Vec<UsageRow> = Vec::with_capacity(self.len);
        for (kind, names) in &self.kinds {
            rows.extend(names.iter().map(|it| row(kind, it)));
        }
        rows.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        rows
    }

    /// The sum over everything that was added without a row. What a row held that made room for another is not
    /// in it: a counter that jumped by that would count it twice.
    pub fn other(&self) -> &UsageCount {
        &self.other
    }

    /// The sum over everything that was ever added, those that have no row included.
    pub fn total(&self) -> &UsageCount {
        &self.total
    }
}

/// Amounts with the dimension as the name of each.
mod by_dimension {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tidegate_units::{Amounts, Dimension};

    pub(super) fn serialize<S: Serializer>(
        amounts: &Amounts,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        amounts.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Amounts, D::Error> {
        Ok(BTreeMap::<Dimension, u64>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_call() -> UsageCount {
        let spent = Spent { reserved: Amounts::of(Dimension::Tokens, 5), ..Spent::default() };
        UsageCount { outcomes: [1, 0, 0, 0, 0, 0, 0], refused: 0, spent }
    }

    #[test]
    fn a_full_table_sums_up_newcomers_until_a_row_is_idle() {
        let mut table = UsageTable::new(2);
        let at = |secs| Instant::ZERO + Span::from_secs(secs);
        for (secs, name) in [(0, "a"), (10, "b"), (20, "c"), (30, "a")] {
            table.add(at(secs), ("agent", name), &one_call());
        }
        let names = |table: &UsageTable| {
            table.rows().iter().map(|row| row.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&table), ["a", "b"]);
        assert_eq!((table.total().calls(), table.other().calls()), (4, 1));
        table.add(at(3_609), ("agent", "d"), &one_call());
        assert_eq!(names(&table), ["a", "b"], "b was used an hour ago less a second");
        table.add(at(3_610), ("agent", "d"), &one_call());
        assert_eq!(names(&table), ["a", "d"]);
        assert_eq!(table.other().calls(), 2, "what `b` held is in the sum alone");
        assert_eq!(table.total().spent.used(Dimension::Tokens), 30);
    }
}
