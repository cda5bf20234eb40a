//! What Prometheus is told to compute and to warn of, from the metrics alone.
//!
//! Thresholds are those that [`AlertPolicy`](tidegate_units::AlertPolicy) has by default. A limit is worth a
//! warning only if its window is a minute or longer: shorter ones are full whenever they are used well. A
//! warning about a level that wavers goes on until it is clearly below, which the rule sees by its own
//! `ALERTS`.

mod warnings;

use std::fmt::Write;

use crate::status::{AlertKind, Severity};

/// How often rules are evaluated: half the shortest time for which a level must hold.
const INTERVAL: &str = "30s";

/// A figure that is computed and kept under a name.
struct Record {
    name: &'static str,
    expression: &'static str,
}

/// A condition of which somebody is warned.
struct Warning {
    name: &'static str,
    severity: Severity,
    expression: &'static str,
    /// How long it must hold.
    holds: &'static str,
    /// What is the matter, with labels and value filled in by Prometheus.
    summary: &'static str,
    /// What it means, and what to do.
    description: &'static str,
}

/// Figures that rules and dashboards share. What is summed up is what tells rows of one service apart, so
/// that several processes stay apart.
const RECORDS: &[Record] = &[
    Record {
        name: "service:tidegate_granted:rate5m",
        expression: "sum without (way) (rate(tidegate_granted_total[5m])) - rate(tidegate_unclaimed_total[5m])",
    },
    Record {
        name: "service:tidegate_refused:rate5m",
        expression: "sum without (reason, scope, of, dimension, window) (rate(tidegate_refused_total[5m]))",
    },
    Record {
        name: "service:tidegate_operations:rate5m",
        expression: "service:tidegate_granted:rate5m + service:tidegate_refused:rate5m + rate(tidegate_withdrawn_total[5m])",
    },
    Record {
        name: "service:tidegate_throttled:ratio5m",
        expression: "(rate(tidegate_waited_total[5m]) + service:tidegate_refused:rate5m + rate(tidegate_withdrawn_total[5m])) / (service:tidegate_operations:rate5m > 0)",
    },
    Record {
        name: "service:tidegate_queued:ratio",
        expression: "sum without (class) (tidegate_queued) / (tidegate_queue_capacity > 0)",
    },
    Record {
        name: "service:tidegate_wait_seconds:p50_5m",
        expression: "histogram_quantile(0.5, sum without (class) (rate(tidegate_wait_seconds_bucket[5m])))",
    },
    Record {
        name: "service:tidegate_wait_seconds:p99_5m",
        expression: "histogram_quantile(0.99, sum without (class) (rate(tidegate_wait_seconds_bucket[5m])))",
    },
    Record {
        name: "dimension:tidegate_used:rate5m",
        expression: "rate(tidegate_reserved_total[5m]) - rate(tidegate_refunded_total[5m]) + rate(tidegate_owed_total[5m])",
    },
    Record {
        name: "dimension:tidegate_pace_learned:ratio",
        expression: "tidegate_pace_learned_per_second / (tidegate_pace_configured_per_second > 0)",
    },
];

/// The rule file: two groups, figures and warnings. Every [`AlertKind`] has a warning.
///
/// ```
/// let rules = tidegate_observability::prometheus::rules_yaml();
/// assert!(rules.contains("alert: TidegateLimiterDown"));
/// ```
pub fn rules_yaml() -> String {
    let mut yaml = "# Written from the catalogue of metrics; `cargo xtask docs` writes it anew.\n\
                    groups:\n"
        .to_owned();
    group(&mut yaml, "tidegate-figures");
    for record in RECORDS {
        line(&mut yaml, "      - record: ", record.name);
        line(&mut yaml, "        expr: ", &quoted(record.expression));
    }
    group(&mut yaml, "tidegate-warnings");
    for kind in AlertKind::ALL {
        for warning in warnings::of(kind) {
            self::warning(&mut yaml, kind, warning);
        }
    }
    yaml
}

fn group(yaml: &mut String, name: &str) {
    line(yaml, "  - name: ", name);
    line(yaml, "    interval: ", INTERVAL);
    line(yaml, "    rules:", "");
}

fn warning(yaml: &mut String, kind: AlertKind, warning: &Warning) {
    line(yaml, "      - alert: ", warning.name);
    line(yaml, "        expr: ", &quoted(warning.expression));
    line(yaml, "        for: ", warning.holds);
    line(yaml, "        labels:", "");
    line(yaml, "          kind: ", kind.name());
    line(yaml, "          severity: ", warning.severity.name());
    line(yaml, "        annotations:", "");
    line(yaml, "          summary: ", &quoted(warning.summary));
    line(yaml, "          description: ", &quoted(warning.description));
}

fn line(yaml: &mut String, key: &str, value: &str) {
    writeln!(yaml, "{key}{value}").expect("a string takes everything");
}

/// As a scalar of YAML in which nothing is an escape but a doubled quote.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_warning_has_a_rule_and_every_rule_a_name_of_its_own() {
        let mut names = Vec::new();
        for kind in AlertKind::ALL {
            let warnings = warnings::of(kind);
            assert!(!warnings.is_empty(), "{}", kind.name());
            names.extend(warnings.iter().map(|warning| warning.name));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_quote_is_doubled() {
        assert_eq!(quoted("it's \"so\""), "'it''s \"so\"'");
    }
}
