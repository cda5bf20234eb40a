//! What is warned of, by kind.

use super::Warning;
use crate::status::{AlertKind, Severity};

/// The rules for a kind. No catch-all, so that a new kind cannot be forgotten.
pub(super) const fn of(kind: AlertKind) -> &'static [Warning] {
    match kind {
        AlertKind::Approaching => APPROACHING,
        AlertKind::Breach => BREACH,
        AlertKind::QuotaExhausted => QUOTA_EXHAUSTED,
        AlertKind::Throttling => THROTTLING,
        AlertKind::BreakerOpen => BREAKER_OPEN,
        AlertKind::QueueNearFull => QUEUE_NEAR_FULL,
        AlertKind::LearnedBelowConfigured => LEARNED_BELOW_CONFIGURED,
        AlertKind::LimiterDown => LIMITER_DOWN,
    }
}

/// Limits of less than an hour must be nearly used up for long, for then it is not one burst; longer ones are
/// quotas, which come back late.
const APPROACHING: &[Warning] = &[
    Warning {
        name: "TidegateLimitApproaching",
        severity: Severity::Warning,
        expression: "(tidegate_limit_used_ratio > 0.8 or tidegate_limit_used_ratio > 0.7 and ignoring (alertname, alertstate, kind, severity) ALERTS{alertname=\"TidegateLimitApproaching\", alertstate=\"firing\"}) and (tidegate_limit_recovery_seconds >= 60 < 3600)",
        holds: "10m",
        summary: "{{ or $labels.service \"all services\" }} uses {{ $value | humanizePercentage }} of the {{ $labels.dimension }} per {{ $labels.window }}",
        description: "A limit ({{ $labels.scope }} {{ $labels.of }}) has been nearly used up for ten minutes. Calls wait, and are refused when they cannot wait.",
    },
    Warning {
        name: "TidegateQuotaApproaching",
        severity: Severity::Warning,
        expression: "(tidegate_limit_used_ratio > 0.8 or tidegate_limit_used_ratio > 0.7 and ignoring (alertname, alertstate, kind, severity) ALERTS{alertname=\"TidegateQuotaApproaching\", alertstate=\"firing\"}) and tidegate_limit_recovery_seconds >= 3600",
        holds: "1m",
        summary: "{{ or $labels.service \"all services\" }} has used {{ $value | humanizePercentage }} of the {{ $labels.dimension }} per {{ $labels.window }}",
        description: "A long limit ({{ $labels.scope }} {{ $labels.of }}) is nearly used up. tidegate_limit_reset_seconds says when it is back.",
    },
];

const BREACH: &[Warning] = &[
    Warning {
        name: "TidegateLimitBreached",
        severity: Severity::Warning,
        expression: "(tidegate_limit_debt > 0 or tidegate_limit_max_over_admission and delta(tidegate_limit_max_over_admission[5m]) > 0) and tidegate_limit_recovery_seconds >= 60",
        holds: "0s",
        summary: "{{ or $labels.service \"all services\" }} has spent {{ $value }} {{ $labels.dimension }} more than the limit per {{ $labels.window }} allows",
        description: "Calls cost more than was estimated for them. tidegate_model_estimate_error_ratio says for which model.",
    },
    Warning {
        name: "TidegateLimitFarBreached",
        severity: Severity::Critical,
        expression: "(tidegate_limit_debt >= 1 and tidegate_limit_debt >= tidegate_limit_amount / 10) and tidegate_limit_recovery_seconds >= 60",
        holds: "0s",
        summary: "{{ or $labels.service \"all services\" }} has spent {{ $value }} {{ $labels.dimension }} more than the limit per {{ $labels.window }} allows",
        description: "More than a tenth of a limit was spent beyond it. The service may refuse calls for longer than usual, or charge for them.",
    },
];

const QUOTA_EXHAUSTED: &[Warning] = &[
    Warning {
        name: "TidegateQuotaExhausted",
        severity: Severity::Critical,
        expression: "tidegate_limit_used_ratio >= 1 and tidegate_limit_recovery_seconds >= 3600",
        holds: "0s",
        summary: "{{ or $labels.service \"all services\" }} has used up the {{ $labels.dimension }} per {{ $labels.window }}",
        description: "Nothing is left of a long limit ({{ $labels.scope }} {{ $labels.of }}). tidegate_limit_reset_seconds says when it is back.",
    },
    Warning {
        name: "TidegateQuotaExhaustedUpstream",
        severity: Severity::Critical,
        expression: "increase(tidegate_outcomes_total{outcome=\"quota_exhausted\"}[10m]) > 0",
        holds: "0s",
        summary: "{{ $labels.service }} says that a quota is used up",
        description: "It refused calls for a quota in the last ten minutes. What it counts is not what is counted here, or others use it too.",
    },
];

const THROTTLING: &[Warning] = &[
    Warning {
        name: "TidegateThrottling",
        severity: Severity::Warning,
        expression: "service:tidegate_throttled:ratio5m > 0.2 and service:tidegate_operations:rate5m * 300 >= 20",
        holds: "1m",
        summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.service }} are not granted at once",
        description: "More than a fifth of the operations of five minutes waited, were refused or were given up. tidegate_refused_total says which limit binds.",
    },
    Warning {
        name: "TidegateThrottlingMost",
        severity: Severity::Critical,
        expression: "service:tidegate_throttled:ratio5m > 0.5 and service:tidegate_operations:rate5m * 300 >= 20",
        holds: "1m",
        summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.service }} are not granted at once",
        description: "More than half of the operations of five minutes waited, were refused or were given up. tidegate_refused_total says which limit binds.",
    },
];

const BREAKER_OPEN: &[Warning] = &[Warning {
    name: "TidegateBreakerOpen",
    severity: Severity::Critical,
    expression: "tidegate_breaker_state{state=\"open\"} == 1",
    holds: "0s",
    summary: "the circuit breaker of {{ $labels.service }} {{ $labels.of }} is open",
    description: "Calls failed, and the service is left alone for a while. tidegate_outcomes_total says how calls end.",
}];

const QUEUE_NEAR_FULL: &[Warning] = &[
    Warning {
        name: "TidegateQueueNearFull",
        severity: Severity::Warning,
        expression: "service:tidegate_queued:ratio > 0.8",
        holds: "1m",
        summary: "the queue of {{ $labels.service }} is {{ $value | humanizePercentage }} full",
        description: "When it is full, calls are refused at once, and urgent ones push out others.",
    },
    Warning {
        name: "TidegateQueueFull",
        severity: Severity::Critical,
        expression: "service:tidegate_queued:ratio > 0.95",
        holds: "1m",
        summary: "the queue of {{ $labels.service }} is {{ $value | humanizePercentage }} full",
        description: "Calls are refused at once, and urgent ones push out others.",
    },
];

const LEARNED_BELOW_CONFIGURED: &[Warning] = &[Warning {
    name: "TidegateLearnedBelowConfigured",
    severity: Severity::Warning,
    expression: "dimension:tidegate_pace_learned:ratio < 0.5 and tidegate_pace_confidence_ratio >= 0.5",
    holds: "10m",
    summary: "{{ $labels.service }} bears {{ $value | humanizePercentage }} of the configured {{ $labels.dimension }} per second",
    description: "The limit that is configured is higher than what the service bears, or others use it too.",
}];

const LIMITER_DOWN: &[Warning] = &[Warning {
    name: "TidegateLimiterDown",
    severity: Severity::Critical,
    expression: "tidegate_limiter_running == 0",
    holds: "30s",
    summary: "the limiter of {{ $labels.service }} does not run",
    description: "It failed, or stops. Callers wait, and nothing is granted. tidegate_limiter_failures_total says how often it failed.",
}];
