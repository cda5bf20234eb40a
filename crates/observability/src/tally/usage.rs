//! What calls took, by the model that they asked or by whom they were made for.

use std::collections::HashMap;

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

    fn add(&mut self, other: &Self) {
        self.reserved.add(&other.reserved);
        self.refunded.add(&other.refunded);
        self.owed.add(&other.owed);
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

    fn add(&mut self, more: &Self) {
        for (count, more) in self.outcomes.iter_mut().zip(&more.outcomes) {
            *count = count.saturating_add(*more);
        }
        self.refused = self.refused.saturating_add(more.refused);
        self.spent.add(&more.spent);
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
#[derive(Debug, Clone)]
pub struct UsageTable {
    max: usize,
    rows: HashMap<(String, String), (Instant, UsageCount), RandomState>,
    total: UsageCount,
}

impl PartialEq for UsageTable {
    fn eq(&self, other: &Self) -> bool {
        (self.max, &self.total) == (other.max, &other.total) && self.rows == other.rows
    }
}

impl Eq for UsageTable {}

impl UsageTable {
    /// An empty table for at most `max` rows.
    pub fn new(max: usize) -> Self {
        Self { max, rows: HashMap::default(), total: UsageCount::default() }
    }

    /// Something happened on behalf of one.
    pub fn add(&mut self, now: Instant, (kind, name): (&str, &str), more: &UsageCount) {
        self.total.add(more);
        let row = (kind.to_owned(), name.to_owned());
        if !self.rows.contains_key(&row) && self.rows.len() >= self.max && !self.make_room(now) {
            return;
        }
        let (used_at, count) = self.rows.entry(row).or_insert_with(|| (now, UsageCount::default()));
        *used_at = now;
        count.add(more);
    }

    /// Drops the row that was used the longest ago, if that is long enough.
    fn make_room(&mut self, now: Instant) -> bool {
        let oldest = self.rows.iter().min_by_key(|(name, (used_at, _))| (*used_at, *name));
        let idle = oldest.filter(|(_, (used_at, _))| now.since(*used_at) >= IDLE);
        let Some(row) = idle.map(|(row, _)| row.clone()) else {
            return false;
        };
        self.rows.remove(&row).is_some()
    }

    /// The rows, by kind and name.
    pub fn rows(&self) -> Vec<UsageRow> {
        let row = |((kind, name), (_, count)): (&(String, String), &(Instant, UsageCount))| {
            UsageRow { kind: kind.clone(), name: name.clone(), count: count.clone() }
        };
        let mut rows: Vec<UsageRow> = self.rows.iter().map(row).collect();
        rows.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
        rows
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
        assert_eq!(table.total().calls(), 4);
        table.add(at(3_609), ("agent", "d"), &one_call());
        assert_eq!(names(&table), ["a", "b"], "b was used an hour ago less a second");
        table.add(at(3_610), ("agent", "d"), &one_call());
        assert_eq!(names(&table), ["a", "d"]);
        assert_eq!(table.total().spent.used(Dimension::Tokens), 30);
    }
}
