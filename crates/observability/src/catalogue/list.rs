//! The metrics, in the order in which they are documented: the program, its services, their limits, what
//! calls took, and by whom.

use super::{Kind, Metric, Unit};

macro_rules! metrics {
    ($($constant:ident = $kind:ident $unit:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                unit: Unit::$unit,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric, in the order in which they are documented.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    // The program.
    BUILD = Gauge Flag "tidegate_build_info" ["version"]
        "1, with the version of Tidegate as a label.";
    UPTIME = Gauge Seconds "tidegate_uptime_seconds" []
        "How long the program runs.";
    EVENTS_DROPPED = Counter Count "tidegate_events_dropped_total" []
        "Events that were dropped because nobody took them from the channel.";
    SERIES_DROPPED = Gauge Count "tidegate_metrics_series_dropped" []
        "Series that are not here because there would be too many; those of counters are summed up in rows named other.";
    ALERTS = Gauge Count "tidegate_alerts" ["service", "kind", "severity"]
        "Warnings that are raised now, by what they warn of.";

    // Limiters.
    RUNNING = Gauge Flag "tidegate_limiter_running" ["service"]
        "Whether the limiter of a service grants: neither failed nor stopping.";
    FAILURES = Counter Count "tidegate_limiter_failures_total" ["service"]
        "Times that the limiter of a service failed.";
    RESTARTS = Counter Count "tidegate_limiter_restarts_total" ["service"]
        "Times that it was restarted.";
    FORGONE = Counter Count "tidegate_settlements_forgone_total" ["service"]
        "Settlements that were summed up because the limiter did not keep up.";

    // What became of requests.
    GRANTED = Counter Count "tidegate_granted_total" ["service", "way"]
        "Permits granted, by the way they were granted: gate or queue.";
    UNCLAIMED = Counter Count "tidegate_unclaimed_total" ["service"]
        "Permits granted that nobody was there to take; they are among the granted.";
    WAITED = Counter Count "tidegate_waited_total" ["service"]
        "Permits that were not granted at once, which is within a millisecond.";
    REFUSED = Counter Count "tidegate_refused_total"
        ["service", "reason", "scope", "of", "dimension", "window"]
        "Requests that were refused, by the reason and the limit that bound.";
    EXPIRED = Counter Count "tidegate_expired_total" ["service"]
        "Requests that waited in vain until their deadline; they are among the refused.";
    WITHDRAWN = Counter Count "tidegate_withdrawn_total" ["service"]
        "Callers that stopped waiting.";
    OUTCOMES = Counter Count "tidegate_outcomes_total" ["service", "outcome"]
        "Calls that ended and said how.";
    LAST_GRANTED = Gauge Seconds "tidegate_last_granted_timestamp_seconds" ["service"]
        "When a permit was last granted, in seconds since 1970.";

    // Waiting.
    WAIT = Histogram Seconds "tidegate_wait_seconds" ["service", "class"]
        "How long those waited who were granted from the queue.";
    QUEUED = Gauge Count "tidegate_queued" ["service", "class"]
        "Requests that wait now, those that back off included.";
    BACKING_OFF = Gauge Count "tidegate_backing_off" ["service"]
        "Requests that back off before they wait again.";
    QUEUE_CAPACITY = Gauge Count "tidegate_queue_capacity" ["service"]
        "How many requests may wait.";
    PART_WAITING = Gauge Count "tidegate_part_waiting" ["service", "scope", "of"]
        "Requests that wait for a model, an endpoint or a key with limits of its own.";
    PAUSE = Gauge Seconds "tidegate_pause_seconds" ["service"]
        "How long the service still wants to be left alone; 0 if it does not.";

    // Limits.
    LIMIT_AMOUNT = Gauge Amount "tidegate_limit_amount"
        ["service", "scope", "of", "dimension", "window"]
        "How much a limit allows per window.";
    LIMIT_RECOVERY = Gauge Seconds "tidegate_limit_recovery_seconds"
        ["service", "scope", "of", "dimension", "window"]
        "How long it takes until a limit that is used up is back in full: its window, or the time that a bucket takes to fill.";
    LIMIT_CAPACITY = Gauge Amount "tidegate_limit_capacity"
        ["service", "scope", "of", "dimension", "window"]
        "The most that a limit lets pass at once.";
    LIMIT_USED = Gauge Ratio "tidegate_limit_used_ratio"
        ["service", "scope", "of", "dimension", "window"]
        "How much of its capacity calls have taken: 0 to 1. What is lent ahead is not taken.";
    LIMIT_AVAILABLE = Gauge Amount "tidegate_limit_available"
        ["service", "scope", "of", "dimension", "window"]
        "What a limit would let pass now and has not lent out.";
    LIMIT_LENT = Gauge Amount "tidegate_limit_lent"
        ["service", "scope", "of", "dimension", "window"]
        "What is lent out of a limit and not settled.";
    LIMIT_DEBT = Gauge Amount "tidegate_limit_debt"
        ["service", "scope", "of", "dimension", "window"]
        "What is spent beyond a limit now because calls cost more than estimated.";
    LIMIT_DEBT_MAX = Gauge Amount "tidegate_limit_max_over_admission"
        ["service", "scope", "of", "dimension", "window"]
        "The most that was ever spent beyond a limit.";
    LIMIT_RESET = Gauge Seconds "tidegate_limit_reset_seconds"
        ["service", "scope", "of", "dimension", "window"]
        "How long until nothing of a limit is used, if nothing else is spent.";
    IN_GATE = Gauge Amount "tidegate_in_gate" ["service", "dimension"]
        "Permits lent to the gate of a service.";
    BORROWED = Gauge Amount "tidegate_borrowed" ["service", "dimension"]
        "Permits of the shared limits that a service has borrowed and not put into its gate.";
    IN_FLIGHT = Gauge Count "tidegate_in_flight" ["service", "scope", "of"]
        "Calls under way, where they are limited.";
    IN_FLIGHT_MAX = Gauge Count "tidegate_in_flight_max" ["service", "scope", "of"]
        "How many calls may be under way.";
    BREAKER = Gauge Flag "tidegate_breaker_state" ["service", "scope", "of", "state"]
        "1 for the state in which a circuit breaker is, 0 for the others: closed, half open, open.";

    // Paces.
    PACE = Gauge PerSecond "tidegate_pace_per_second" ["service", "dimension"]
        "How fast calls are sent now.";
    PACE_LEARNED = Gauge PerSecond "tidegate_pace_learned_per_second" ["service", "dimension"]
        "How fast the service is thought to bear calls in the long run.";
    PACE_CONFIGURED = Gauge PerSecond "tidegate_pace_configured_per_second"
        ["service", "dimension"]
        "What the configuration allows, or begins with where it states no limit.";
    PACE_CONFIDENCE = Gauge Ratio "tidegate_pace_confidence_ratio" ["service", "dimension"]
        "How much of the learned pace is known rather than guessed: 0 to 1.";

    // Calls made again.
    RETRIES = Counter Count "tidegate_retries_total" ["service"]
        "Calls made again because they had failed.";
    HEDGES = Counter Count "tidegate_hedges_total" ["service"]
        "Calls made once more while they were under way.";
    RETRIES_DENIED = Counter Count "tidegate_retries_denied_total" ["service"]
        "Calls not made again because the budget was empty.";
    RETRY_BUDGET = Gauge Count "tidegate_retry_budget" ["service"]
        "How many calls the budget for retries has left.";

    // What calls took.
    RESERVED = Counter Amount "tidegate_reserved_total" ["service", "dimension"]
        "Charged when calls were granted: what was estimated.";
    REFUNDED = Counter Amount "tidegate_refunded_total" ["service", "dimension"]
        "Given back because calls took less than estimated.";
    OWED = Counter Amount "tidegate_owed_total" ["service", "dimension"]
        "Owed because calls took more than estimated.";
    USED = Gauge Amount "tidegate_used" ["service", "dimension"]
        "What calls used since the start, those under way as estimated; falls when they give back.";
    ESTIMATE_ERROR = Gauge Ratio "tidegate_estimate_error_ratio" ["service", "dimension"]
        "How far estimates were off what was used: 0.5 for half too much, -0.5 for half too little.";
    MODEL_CALLS = Counter Count "tidegate_model_calls_total" ["service", "model", "outcome"]
        "Calls that ended, by the model that they asked.";
    MODEL_REFUSED = Counter Count "tidegate_model_refused_total" ["service", "model"]
        "Requests that were refused, by the model that they asked.";
    MODEL_RESERVED = Counter Amount "tidegate_model_reserved_total"
        ["service", "model", "dimension"]
        "Charged when calls of a model were granted.";
    MODEL_REFUNDED = Counter Amount "tidegate_model_refunded_total"
        ["service", "model", "dimension"]
        "Given back because calls of a model took less than estimated.";
    MODEL_OWED = Counter Amount "tidegate_model_owed_total" ["service", "model", "dimension"]
        "Owed because calls of a model took more than estimated.";
    MODEL_USED = Gauge Amount "tidegate_model_used" ["service", "model", "dimension"]
        "What calls of a model used since the start.";
    MODEL_ERROR = Gauge Ratio "tidegate_model_estimate_error_ratio"
        ["service", "model", "dimension"]
        "How far estimates for a model were off what was used.";
    KEY_CALLS = Counter Count "tidegate_key_calls_total" ["service", "key", "value"]
        "Calls that ended, by whom they were made for.";
    KEY_REFUSED = Counter Count "tidegate_key_refused_total" ["service", "key", "value"]
        "Requests that were refused, by whom they were made for.";
    KEY_USED = Gauge Amount "tidegate_key_used" ["service", "key", "value", "dimension"]
        "What calls used since the start, by whom they were made for.";
}
