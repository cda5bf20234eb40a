//! What is on the dashboard.

use super::panel::{Panel, Row, Shape};

/// From the top down.
pub(super) const ROWS: &[Row] = &[
    Row { title: "Now", panels: NOW },
    Row { title: "Requests", panels: REQUESTS },
    Row { title: "Limits", panels: LIMITS },
    Row { title: "Waiting", panels: WAITING },
    Row { title: "Paces", panels: PACES },
    Row { title: "What calls take", panels: WHAT_CALLS_TAKE },
    Row { title: "Failures", panels: FAILURES },
];

const NOW: &[Panel] = &[
    Panel::lines(
        "Limiters that run",
        "Services whose limiter grants.",
        "short",
        &[("sum(tidegate_limiter_running{own})", "")],
    )
    .figure(),
    Panel::lines(
        "Warnings",
        "Raised now, as the program itself sees it.",
        "short",
        &[("sum(tidegate_alerts{own}) or vector(0)", "")],
    )
    .figure()
    .coloured(&[(1.0, "orange")]),
    Panel::lines(
        "Granted per second",
        "Permits granted and taken.",
        "reqps",
        &[("sum(service:tidegate_granted:rate5m{own})", "")],
    )
    .figure(),
    Panel::lines(
        "Not granted at once",
        "The share of operations that waited, were refused or were given up, of the service \
         where it is largest.",
        "percentunit",
        &[("max(service:tidegate_throttled:ratio5m{own})", "")],
    )
    .figure()
    .coloured(&[(0.2, "orange"), (0.5, "red")]),
    Panel::lines(
        "Waiting",
        "Requests that wait now.",
        "short",
        &[("sum(tidegate_queued{own})", "")],
    )
    .figure(),
    Panel::lines(
        "Lost to the observer",
        "Events dropped because nobody took them, and series left out because there would be \
         too many.",
        "short",
        &[
            (
                r#"sum(increase(tidegate_events_dropped_total{instance=~"$instance"}[1h]))"#,
                "events in an hour",
            ),
            (r#"sum(tidegate_metrics_series_dropped{instance=~"$instance"})"#, "series"),
        ],
    )
    .figure()
    .coloured(&[(1.0, "orange")]),
];

const REQUESTS: &[Panel] = &[
    Panel::lines(
        "Granted per second",
        "From the gate at once, or from the queue.",
        "reqps",
        &[(
            "sum by (service, way) (rate(tidegate_granted_total{own}[$__rate_interval]))",
            "{{service}} {{way}}",
        )],
    ),
    Panel::lines(
        "Refused per second, by reason",
        "Here, before a call was made.",
        "reqps",
        &[(
            "sum by (service, reason, dimension) (rate(tidegate_refused_total{own}[$__rate_interval])) > 0",
            "{{service}} {{reason}} {{dimension}}",
        )],
    ),
    Panel::lines(
        "Not granted at once",
        "The share of operations that waited, were refused or were given up, over five minutes.",
        "percentunit",
        &[("service:tidegate_throttled:ratio5m{own}", "{{service}}")],
    ),
    Panel::lines(
        "Refused by the service per second",
        "Calls that were granted here and refused there: 429 for a rate, overload, quotas.",
        "reqps",
        &[(
            r#"sum by (service, outcome) (rate(tidegate_outcomes_total{own, outcome=~"rate_limited|overloaded|quota_exhausted"}[$__rate_interval]))"#,
            "{{service}} {{outcome}}",
        )],
    ),
    Panel::lines(
        "How calls end, per second",
        "Calls of which it was said.",
        "reqps",
        &[(
            "sum by (service, outcome) (rate(tidegate_outcomes_total{own}[$__rate_interval])) > 0",
            "{{service}} {{outcome}}",
        )],
    ),
    Panel::lines(
        "Given up per second",
        "Callers that stopped waiting, that waited in vain until their deadline, and grants \
         nobody took.",
        "reqps",
        &[
            (
                "sum by (service) (rate(tidegate_withdrawn_total{own}[$__rate_interval]))",
                "{{service}} withdrawn",
            ),
            (
                "sum by (service) (rate(tidegate_expired_total{own}[$__rate_interval]))",
                "{{service}} expired",
            ),
            (
                "sum by (service) (rate(tidegate_unclaimed_total{own}[$__rate_interval]))",
                "{{service}} unclaimed",
            ),
        ],
    ),
];

const LIMITS: &[Panel] = &[
    Panel::lines(
        "Used of each limit",
        "What calls have taken; what is lent ahead is not.",
        "percentunit",
        &[(
            "sort_desc(tidegate_limit_used_ratio{own})",
            "{{service}} {{scope}} {{of}} {{dimension}} per {{window}}",
        )],
    )
    .shaped(Shape::Bars)
    .sized(12, 9)
    .coloured(&[(0.8, "orange"), (0.95, "red")]),
    Panel::lines(
        "Used of each limit over time",
        "What calls have taken.",
        "percentunit",
        &[(
            "tidegate_limit_used_ratio{own}",
            "{{service}} {{scope}} {{of}} {{dimension}} per {{window}}",
        )],
    )
    .sized(12, 9),
    Panel::lines(
        "Spent beyond limits",
        "Because calls cost more than estimated: now, and the most that ever was.",
        "short",
        &[
            ("tidegate_limit_debt{own} > 0", "{{service}} {{dimension}} per {{window}} now"),
            (
                "tidegate_limit_max_over_admission{own} > 0",
                "{{service}} {{dimension}} per {{window}} ever",
            ),
        ],
    ),
    Panel::lines(
        "Until limits are back",
        "How long until nothing of a limit is used, if nothing else is spent.",
        "s",
        &[("tidegate_limit_reset_seconds{own}", "{{service}} {{of}} {{dimension}} per {{window}}")],
    ),
    Panel::lines(
        "Lent and not spent",
        "Permits in gates, and borrowed from shared limits.",
        "short",
        &[
            (
                "sum by (service, dimension) (tidegate_in_gate{own})",
                "{{service}} {{dimension}} in the gate",
            ),
            (
                "sum by (service, dimension) (tidegate_borrowed{own})",
                "{{service}} {{dimension}} borrowed",
            ),
        ],
    ),
];

const WAITING: &[Panel] = &[
    Panel::lines(
        "How long callers wait",
        "Of those granted from the queue: half, nine in ten and 99 in a hundred wait at most \
         so long.",
        "s",
        &[
            (
                "histogram_quantile(0.5, sum by (service, le) (rate(tidegate_wait_seconds_bucket{own}[$__rate_interval])))",
                "{{service}} half",
            ),
            (
                "histogram_quantile(0.9, sum by (service, le) (rate(tidegate_wait_seconds_bucket{own}[$__rate_interval])))",
                "{{service}} nine in ten",
            ),
            (
                "histogram_quantile(0.99, sum by (service, le) (rate(tidegate_wait_seconds_bucket{own}[$__rate_interval])))",
                "{{service}} 99 in a hundred",
            ),
        ],
    ),
    Panel::lines(
        "Queue, by class",
        "Requests that wait now, and how many may.",
        "short",
        &[
            ("sum by (service, class) (tidegate_queued{own})", "{{service}} {{class}}"),
            ("sum by (service) (tidegate_queue_capacity{own})", "{{service}} may wait"),
        ],
    ),
    Panel::lines(
        "Waiting for parts, and backing off",
        "For models, endpoints and keys with limits of their own; and before a retry.",
        "short",
        &[
            (
                "sum by (service, scope, of) (tidegate_part_waiting{own})",
                "{{service}} {{scope}} {{of}}",
            ),
            ("sum by (service) (tidegate_backing_off{own})", "{{service}} back off"),
        ],
    ),
];

const PACES: &[Panel] = &[
    Panel::lines(
        "Sent, learned and configured per second",
        "How fast calls are sent, what the service is thought to bear, and what the \
         configuration allows.",
        "short",
        &[
            (
                "sum by (service, dimension) (tidegate_pace_per_second{own})",
                "{{service}} {{dimension}} sent",
            ),
            (
                "sum by (service, dimension) (tidegate_pace_learned_per_second{own})",
                "{{service}} {{dimension}} learned",
            ),
            (
                "sum by (service, dimension) (tidegate_pace_configured_per_second{own})",
                "{{service}} {{dimension}} configured",
            ),
        ],
    )
    .sized(12, 8),
    Panel::lines(
        "How sure that is",
        "How much of the learned pace is known rather than guessed.",
        "percentunit",
        &[("tidegate_pace_confidence_ratio{own}", "{{service}} {{dimension}}")],
    )
    .sized(6, 8),
    Panel::lines(
        "Pauses",
        "How long services still want to be left alone.",
        "s",
        &[("max by (service) (tidegate_pause_seconds{own})", "{{service}}")],
    )
    .sized(6, 8),
];

const WHAT_CALLS_TAKE: &[Panel] = &[
    Panel::lines(
        "Reserved and used per second",
        "What was estimated when calls were granted, and what they took.",
        "short",
        &[
            (
                "sum by (service, dimension) (rate(tidegate_reserved_total{own}[5m]))",
                "{{service}} {{dimension}} reserved",
            ),
            (
                "sum by (service, dimension) (dimension:tidegate_used:rate5m{own})",
                "{{service}} {{dimension}} used",
            ),
        ],
    ),
    Panel::lines(
        "How far estimates are off, by model",
        "50 % for half too much, -50 % for half too little.",
        "percentunit",
        &[("tidegate_model_estimate_error_ratio{own}", "{{service}} {{model}} {{dimension}}")],
    )
    .signed(),
    Panel::lines(
        "Used since the start, by model",
        "The ten that used the most.",
        "short",
        &[(
            "topk(10, sum by (service, model, dimension) (tidegate_model_used{own}))",
            "{{service}} {{model}} {{dimension}}",
        )],
    )
    .shaped(Shape::Bars),
    Panel::lines(
        "Calls per second, by model",
        "Calls that ended.",
        "reqps",
        &[(
            "sum by (service, model) (rate(tidegate_model_calls_total{own}[$__rate_interval]))",
            "{{service}} {{model}}",
        )],
    ),
    Panel::lines(
        "Calls per second, by whom",
        "The ten that call the most.",
        "reqps",
        &[(
            "topk(10, sum by (service, key, value) (rate(tidegate_key_calls_total{own}[$__rate_interval])))",
            "{{service}} {{key}} {{value}}",
        )],
    ),
    Panel::lines(
        "Refused per second, by whom",
        "The ten that are refused the most.",
        "reqps",
        &[(
            "topk(10, sum by (service, key, value) (rate(tidegate_key_refused_total{own}[$__rate_interval])) > 0)",
            "{{service}} {{key}} {{value}}",
        )],
    ),
];

const FAILURES: &[Panel] = &[
    Panel::lines(
        "Circuit breakers",
        "0 closed, 1 lets a few calls try, 2 open.",
        "short",
        &[(
            r#"2 * max by (service, scope, of) (tidegate_breaker_state{own, state="open"}) + max by (service, scope, of) (tidegate_breaker_state{own, state="half_open"})"#,
            "{{service}} {{scope}} {{of}}",
        )],
    )
    .shaped(Shape::States)
    .coloured(&[(1.0, "orange"), (2.0, "red")]),
    Panel::lines(
        "Calls under way",
        "And how many may be, where they are limited.",
        "short",
        &[
            ("sum by (service, scope, of) (tidegate_in_flight{own})", "{{service}} {{of}}"),
            (
                "sum by (service, scope, of) (tidegate_in_flight_max{own})",
                "{{service}} {{of}} at most",
            ),
        ],
    ),
    Panel::lines(
        "Made again per second",
        "Retries, hedges, and what was not made again because the budget was empty.",
        "reqps",
        &[
            (
                "sum by (service) (rate(tidegate_retries_total{own}[$__rate_interval]))",
                "{{service}} retries",
            ),
            (
                "sum by (service) (rate(tidegate_hedges_total{own}[$__rate_interval]))",
                "{{service}} hedges",
            ),
            (
                "sum by (service) (rate(tidegate_retries_denied_total{own}[$__rate_interval]))",
                "{{service}} denied",
            ),
        ],
    ),
    Panel::lines(
        "Limiters",
        "Failures and restarts in an hour, and settlements that were summed up.",
        "short",
        &[
            (
                "sum by (service) (increase(tidegate_limiter_failures_total{own}[1h]))",
                "{{service}} failures",
            ),
            (
                "sum by (service) (increase(tidegate_limiter_restarts_total{own}[1h]))",
                "{{service}} restarts",
            ),
            (
                "sum by (service) (increase(tidegate_settlements_forgone_total{own}[1h]))",
                "{{service}} summed up",
            ),
        ],
    )
    .sized(12, 8),
    Panel::lines(
        "Warnings",
        "By kind, as the program itself sees them, and by the rules of Prometheus.",
        "short",
        &[
            (
                "sum by (service, kind, severity) (tidegate_alerts{own})",
                "{{service}} {{kind}} {{severity}}",
            ),
            (
                r#"sum by (alertname, service) (ALERTS{alertname=~"Tidegate.*", alertstate="firing", service=~"$service"})"#,
                "{{alertname}} {{service}}",
            ),
        ],
    )
    .sized(12, 8),
];
