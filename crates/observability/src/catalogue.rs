//! Every metric, in one place.

/// What kind of metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises, until the program starts anew.
    Counter,
    /// Rises and falls.
    Gauge,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with its unit last.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The labels that it carries.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric, in the order in which they are documented.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    GRANTED = Counter "tidegate_granted_total" ["service", "way"]
        "Permits granted, by the way they were granted: gate or queue.";
    REFUSED = Counter "tidegate_refused_total" ["service"]
        "Requests that were refused, whatever the reason.";
    EXPIRED = Counter "tidegate_expired_total" ["service"]
        "Requests that waited in vain until their deadline; they are among the refused.";
    WITHDRAWN = Counter "tidegate_withdrawn_total" ["service"]
        "Callers that stopped waiting.";
    OUTCOMES = Counter "tidegate_outcomes_total" ["service", "outcome"]
        "Calls that ended and said how.";
    QUEUED = Gauge "tidegate_queued" ["service"]
        "Requests that wait now.";
    LIMIT = Gauge "tidegate_limit_capacity" ["scope", "dimension", "window"]
        "The most that a limit lets pass at once, in the unit of its dimension.";
    AVAILABLE = Gauge "tidegate_limit_available" ["scope", "dimension", "window"]
        "What a limit would let pass now and has not lent out.";
    LENT = Gauge "tidegate_limit_lent" ["scope", "dimension", "window"]
        "What is lent out of a limit and not settled.";
    DEBT = Gauge "tidegate_limit_debt" ["scope", "dimension", "window"]
        "What was spent beyond a limit because calls cost more than estimated.";
    FAILURES = Counter "tidegate_limiter_failures_total" ["service"]
        "Times that the limiter of a service failed.";
    RESTARTS = Counter "tidegate_limiter_restarts_total" ["service"]
        "Times that it was restarted.";
    DROPPED = Counter "tidegate_events_dropped_total" []
        "Events that were dropped because nobody took them from the channel.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_helps_keep_to_the_conventions() {
        for metric in ALL {
            let counter = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), counter, "{}", metric.name);
            assert!(metric.name.starts_with("tidegate_"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len(), "a name is used once");
    }
}
