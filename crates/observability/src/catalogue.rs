//! Every metric, in one place: what is scraped, pushed, drawn and documented is named here and nowhere else.
//!
//! A metric has a name that ends in its unit, a kind, labels and a sentence. Names follow the conventions of
//! [Prometheus](https://prometheus.io/docs/practices/naming/): base units, `_total` for what only rises.
//! Labels whose values are few and known ([`is_closed`]) are kept when rows are summed up for want of room;
//! the others are not.
//!
//! # Invariants
//!
//! - OBS-3: whatever a sample holds, at most [`SERIES_MAX`] series are made of it, and those of counters
//!   and histograms that are left out count in a row `other`, so that sums stay exact.

mod list;
mod words;

pub use list::*;
pub use words::{EVENTS, alert_meaning, event_name, reason_name};

/// The most series that are made of one sample: what a scrape of a program should not exceed, for each is
/// kept by whoever scrapes.
pub const SERIES_MAX: usize = 10_000;

/// What a row is called that sums up those without room.
pub const OTHER: &str = "other";

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, until the program starts anew.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts below fixed bounds, and the sum; each of them only rises.
    Histogram,
}

impl Kind {
    /// Its name in the text that is scraped.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Requests, calls, events: things.
    Count,
    /// What its label `dimension` names.
    Amount,
    /// What its label `dimension` names, per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// A share: 0 to 1, or a relative error.
    Ratio,
    /// 1 for yes, 0 for no.
    Flag,
}

impl Unit {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Amount => "its dimension",
            Self::PerSecond => "its dimension per second",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Flag => "0 or 1",
        }
    }

    /// In the code of [UCUM](https://ucum.org), as OpenTelemetry wants it.
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Count | Self::Amount | Self::Ratio | Self::Flag => "1",
            Self::PerSecond => "1/s",
            Self::Seconds => "s",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with its unit last.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it is measured in.
    pub unit: Unit,
    /// The labels that it carries.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// The metric of that name. The `_bucket`, `_sum` and `_count` of a histogram lead to it.
///
/// ```
/// use tidegate_observability::catalogue;
///
/// assert_eq!(catalogue::find("tidegate_wait_seconds_bucket"), Some(&catalogue::WAIT));
/// assert_eq!(catalogue::find("tidegate_granted"), None, "a counter ends in `_total`");
/// ```
pub fn find(name: &str) -> Option<&'static Metric> {
    let suffixes = ["_bucket", "_sum", "_count"];
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    ALL.iter().find(|metric| {
        metric.name == name || (metric.kind == Kind::Histogram && Some(metric.name) == base)
    })
}

/// Whether the values of a label are few, and known beforehand.
pub fn is_closed(label: &str) -> bool {
    ["way", "reason", "scope", "dimension", "class", "outcome", "state", "kind", "severity"]
        .contains(&label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_helps_keep_to_the_conventions() {
        for metric in ALL {
            let name = metric.name;
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{name}");
            assert_eq!(name.ends_with("_ratio"), metric.unit == Unit::Ratio, "{name}");
            assert_eq!(name.ends_with("_per_second"), metric.unit == Unit::PerSecond, "{name}");
            assert!(name.starts_with("tidegate_"), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
            let amount = matches!(metric.unit, Unit::Amount | Unit::PerSecond);
            assert!(!amount || metric.labels.contains(&"dimension"), "{name} has a dimension");
        }
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len(), "a name is used once");
    }

    #[test]
    fn a_metric_is_found_by_its_name_and_only_a_histogram_by_its_parts() {
        for metric in ALL {
            assert_eq!(find(metric.name), Some(metric));
        }
        assert_eq!(find("tidegate_wait_seconds_sum"), Some(&WAIT));
        assert_eq!(find("tidegate_granted_total_sum"), None);
        assert_eq!(find("granted_total"), None);
    }
}
