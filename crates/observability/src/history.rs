//! What every service did, minute by minute and hour by hour, and what its models and keys did by the hour.
//!
//! Where samples say what was counted since the start, this remembers when. It can be saved and restored, and
//! then goes on where it ended.
//!
//! What is kept has a bound by number, not by age, so that a wall clock that leaps for a moment erases nothing:
//! [`MINUTES_MAX`] minutes and [`HOURS_MAX`] hours in which anything happened, with at most
//! [`MINUTE_ROWS_MAX`] and [`HOUR_ROWS_MAX`] rows in all. A row takes about 700 bytes with two dimensions and 100
//! more for each further one, so that all of it stays below 40 MB. Beyond the bound minutes are forgotten first;
//! then the models and keys of the oldest hours are summed up, and at last the oldest hours.
//!
//! # Invariants
//!
//! - HIST-1: for each service, all hours and what is older come to what its counters say; for models and keys,
//!   all rows and those that are not told apart come to the total of their table.
//! - HIST-2: never more rows than the bounds allow, whatever is added or restored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_units::ServiceName;

use crate::monitor::books::{Delta, Usage};
use crate::monitor::counts::Counts;
use crate::sample::UnixMillis;
use crate::tally::usage::UsageCount;

mod bounds;

/// The version of the form of a [`History`].
pub const SCHEMA: &str = "tidegate.history/1";
/// The most minutes: a day of them.
pub const MINUTES_MAX: usize = 1_440;
/// The most hours: 31 days of them.
pub const HOURS_MAX: usize = 744;
/// The most rows of a service in a minute: a day of thirteen busy services.
pub const MINUTE_ROWS_MAX: usize = 20_000;
/// The most rows of a service, a model or a key in an hour.
pub const HOUR_ROWS_MAX: usize = 20_000;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 3_600_000;

/// What every service did, and when.
///
/// ```
/// use tidegate_observability::{History, Monitor, Sample, ServiceSample};
///
/// let mut monitor = Monitor::new();
/// let mut service = ServiceSample::new("anthropic".parse()?);
/// service.granted_by_gate = 7;
/// monitor.observe(&Sample { services: vec![service.clone()], ..Sample::default() });
///
/// let saved = serde_json::to_string(&monitor.history())?;
/// let mut restarted = Monitor::new();
/// restarted.restore(serde_json::from_str(&saved)?)?;
/// assert_eq!(restarted.history().sum(&service.service).granted(), 7);
///
/// let other = saved.replace("history/1", "history/9");
/// let refused = restarted.restore(serde_json::from_str(&other)?).unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "a history of the form `tidegate.history/9`: this version reads `tidegate.history/1`"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    schema: String,
    /// By the milliseconds at which each minute begins.
    minutes: BTreeMap<u64, BTreeMap<ServiceName, Counts>>,
    /// By the milliseconds at which each hour begins.
    hours: BTreeMap<u64, BTreeMap<ServiceName, Hour>>,
    /// What the hours came to that are forgotten.
    older: BTreeMap<ServiceName, Counts>,
    #[serde(skip)]
    minute_rows: usize,
    #[serde(skip)]
    hour_rows: usize,
}

/// What a service did in an hour.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Hour {
    /// In all.
    pub counts: Counts,
    /// By model.
    pub models: Told,
    /// By key.
    pub keys: Told,
}

/// What calls did that are told apart, and the others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Told {
    /// By kind, which is `model` or the name of a key, and by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, BTreeMap<String, UsageCount>>,
    /// Those that are not told apart.
    #[serde(default, skip_serializing_if = "UsageCount::is_none")]
    pub other: UsageCount,
}

/// A history that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a history of the form `{}`: this version reads `{SCHEMA}`", .schema.chars().take(60).collect::<String>())]
pub struct UnknownHistory {
    schema: String,
}

impl Default for History {
    fn default() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            minutes: BTreeMap::new(),
            hours: BTreeMap::new(),
            older: BTreeMap::new(),
            minute_rows: 0,
            hour_rows: 0,
        }
    }
}

impl History {
    /// Adds what services did until now.
    pub(crate) fn add(&mut self, at: UnixMillis, deltas: &[(ServiceName, Delta)]) {
        let (minute, hour) = (at.0 - at.0 % MINUTE, at.0 - at.0 % HOUR);
        for (service, delta) in deltas {
            if !delta.counts.is_none() {
                self.in_minute(minute, service).add(&delta.counts);
                self.in_hour(hour, service).counts.add(&delta.counts);
            }
            self.add_usage(hour, service, &delta.models, |hour| &mut hour.models);
            self.add_usage(hour, service, &delta.keys, |hour| &mut hour.keys);
        }
        self.keep_bounds();
    }

    /// Adds another history to this one, as if all of it had been added here.
    ///
    /// # Errors
    ///
    /// [`UnknownHistory`] if it has a form that this version does not know; nothing is added then.
    pub fn merge(&mut self, other: Self) -> Result<(), UnknownHistory> {
        if other.schema != SCHEMA {
            return Err(UnknownHistory { schema: other.schema });
        }
        for (minute, services) in other.minutes {
            for (service, counts) in services {
                self.in_minute(minute - minute % MINUTE, &service).add(&counts);
            }
        }
        for (hour, services) in other.hours {
            for (service, of_hour) in services {
                self.merge_hour(hour - hour % HOUR, &service, of_hour);
            }
            self.keep_bounds();
        }
        for (service, counts) in other.older {
            self.add_older(service, &counts);
        }
        self.keep_bounds();
        Ok(())
    }

    /// Everything that a service ever did.
    pub fn sum(&self, service: &ServiceName) -> Counts {
        let mut sum = self.older.get(service).cloned().unwrap_or_default();
        for hour in self.hours.values().filter_map(|services| services.get(service)) {
            sum.add(&hour.counts);
        }
        sum
    }

    /// What a service did in each minute that is remembered and that began at `from` or later.
    pub fn minutes(
        &self,
        service: &ServiceName,
        from: UnixMillis,
    ) -> impl Iterator<Item = (UnixMillis, &Counts)> {
        let minutes = self.minutes.range(from.0..);
        minutes.filter_map(|(at, services)| Some((UnixMillis(*at), services.get(service)?)))
    }

    /// What each service did in each hour that is remembered and that began at `from` or later.
    pub fn hours(
        &self,
        from: UnixMillis,
    ) -> impl Iterator<Item = (UnixMillis, &BTreeMap<ServiceName, Hour>)> {
        self.hours.range(from.0..).map(|(at, services)| (UnixMillis(*at), services))
    }

    /// How many rows there are, of minutes and of hours.
    pub fn rows(&self) -> (usize, usize) {
        (self.minute_rows, self.hour_rows)
    }

    fn in_minute(&mut self, minute: u64, service: &ServiceName) -> &mut Counts {
        let services = self.minutes.entry(minute).or_default();
        self.minute_rows += usize::from(!services.contains_key(service));
        services.entry(service.clone()).or_default()
    }

    fn in_hour(&mut self, hour: u64, service: &ServiceName) -> &mut Hour {
        let services = self.hours.entry(hour).or_default();
        self.hour_rows += usize::from(!services.contains_key(service));
        services.entry(service.clone()).or_default()
    }

    fn merge_hour(&mut self, hour: u64, service: &ServiceName, of_hour: Hour) {
        self.in_hour(hour, service).counts.add(&of_hour.counts);
        let Hour { models, keys, .. } = of_hour;
        for (told, table) in [(models, TABLES[0]), (keys, TABLES[1])] {
            for (kind, names) in &told.rows {
                for (name, count) in names {
                    self.add_row(hour, service, (kind, name), count, table);
                }
            }
            table(self.in_hour(hour, service)).other.add(&told.other);
        }
    }

    fn add_usage(&mut self, hour: u64, service: &ServiceName, usage: &Usage, table: Table) {
        for row in &usage.rows {
            self.add_row(hour, service, (&row.kind, &row.name), &row.count, table);
        }
        if !usage.other.is_none() {
            table(self.in_hour(hour, service)).other.add(&usage.other);
        }
    }

    /// Adds to a row of an hour; to the others, where there is no room for one more row.
    fn add_row(
        &mut self,
        hour: u64,
        service: &ServiceName,
        (kind, name): (&str, &str),
        count: &UsageCount,
        table: Table,
    ) {
        let told = table(self.in_hour(hour, service));
        if let Some(known) = told.rows.get_mut(kind).and_then(|names| names.get_mut(name)) {
            known.add(count);
            return;
        }
        let room = self.make_room(hour);
        let told = table(self.in_hour(hour, service));
        if room {
            told.rows.entry(kind.to_owned()).or_default().insert(name.to_owned(), count.clone());
            self.hour_rows += 1;
        } else {
            told.other.add(count);
        }
    }
}

/// Which of the two tables of an hour is meant.
type Table = fn(&mut Hour) -> &mut Told;
const TABLES: [Table; 2] = [|hour| &mut hour.models, |hour| &mut hour.keys];

impl Hour {
    /// How many rows it takes.
    fn rows(&self) -> usize {
        1 + self.models.count() + self.keys.count()
    }
}

impl Told {
    fn count(&self) -> usize {
        self.rows.values().map(BTreeMap::len).sum()
    }

    /// Sums all rows up; answers how many there were.
    fn sum_up(&mut self) -> usize {
        let count = self.count();
        for row in std::mem::take(&mut self.rows).into_values().flat_map(BTreeMap::into_values) {
            self.other.add(&row);
        }
        count
    }

    /// All of them together.
    pub fn total(&self) -> UsageCount {
        let mut total = self.other.clone();
        for row in self.rows.values().flat_map(BTreeMap::values) {
            total.add(row);
        }
        total
    }
}
