//! What is wrong with a service as a whole: too much is throttled, its queue is full, its breaker is open.

use tidegate_units::{AlertPolicy, Share};

use super::reading::{Reading, Step, clear_of};
use super::words::{about, percent};
use crate::monitor::counts::Counts;
use crate::monitor::number::float;
use crate::sample::{BreakerPhase, PaceSample, ServiceSample};
use crate::status::{AlertKind, share};

/// The fewest operations in five minutes of which a share says anything.
const OPERATIONS_MIN: u64 = 20;
/// A service that wants to be left alone for so long has run out of more than a rate.
const PAUSE_LONG: u64 = 300_000;
/// How far a learned pace may fall short of the configured one.
const SHORTFALL: f64 = 0.5;
/// How sure it must be.
const CONFIDENCE_MIN: f64 = 0.5;
/// The part of a queue from which on it is full for all who come together.
const QUEUE_FULL: f64 = 0.95;

/// What a service did lately, and what was told of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lately {
    /// In the last minute.
    pub(crate) minute: Counts,
    /// In the last five.
    pub(crate) five_minutes: Counts,
    /// Whether its limiter was given up.
    pub(crate) given_up: bool,
}

/// Reads what is near a threshold of a service.
pub(super) fn read(
    service: &ServiceSample,
    lately: &Lately,
    settings: &AlertPolicy,
    readings: &mut Vec<Reading>,
) {
    readings.extend(throttling(service, lately, settings));
    readings.extend(quota(service, lately));
    readings.extend(queue(service, settings));
    readings.extend(down(service, lately, settings));
    readings.extend(service.paces.iter().filter_map(|pace| shortfall(service, pace, settings)));
    readings.extend(breakers(service));
}

/// The share of operations that were not granted at once, over a minute and over five: the smaller of the
/// two, so that neither a hiccup is a warning nor what is over for a minute.
fn throttling(service: &ServiceSample, lately: &Lately, settings: &AlertPolicy) -> Option<Reading> {
    let (minute, five) = (&lately.minute, &lately.five_minutes);
    let level = minute.throttle_rate().min(five.throttle_rate());
    let threshold = part(settings.throttled);
    if five.operations() < OPERATIONS_MIN || level < clear_of(threshold) {
        return None;
    }
    let text = format!(
        "{} % of the calls of `{}` were not granted at once in the last five minutes: {} of {}, {} of them \
         refused",
        percent(five.throttled(), five.operations()),
        service.service,
        five.throttled(),
        five.operations(),
        five.refused
    );
    let hold_ms = settings.hold.as_millis();
    let critical = Step { level: part(settings.throttled_critical), hold_ms };
    Some(Reading {
        level,
        warning: Step { level: threshold, hold_ms },
        critical: Some(critical),
        ..reading(AlertKind::Throttling, service, text)
    })
}

/// The service says that a quota is used up, or wants to be left alone for so long that one must be.
fn quota(service: &ServiceSample, lately: &Lately) -> Option<Reading> {
    let said = lately.five_minutes.ended(tidegate_units::Outcome::QuotaExhausted);
    let paused = service.paused_for_ms.filter(|paused| *paused >= PAUSE_LONG);
    let text = match (said, paused) {
        (0, None) => return None,
        (0, Some(paused)) => {
            format!("`{}` wants to be left alone for {}", service.service, about(paused))
        }
        (_, None) => format!("`{}` says that a quota is used up", service.service),
        (_, Some(paused)) => format!(
            "`{}` says that a quota is used up, and wants to be left alone for {}",
            service.service,
            about(paused)
        ),
    };
    let critical = (said > 0).then_some(Step { level: 1.0, hold_ms: 0 });
    Some(Reading { critical, ..reading(AlertKind::QuotaExhausted, service, text) })
}

fn queue(service: &ServiceSample, settings: &AlertPolicy) -> Option<Reading> {
    let (queued, capacity) = (service.queued, service.queue_capacity);
    let (level, threshold) = (share(queued, capacity), part(settings.queue));
    if level < clear_of(threshold) {
        return None;
    }
    let text = format!(
        "{queued} calls wait for `{}`, and at most {capacity} may; those that come on top are refused",
        service.service
    );
    let hold_ms = settings.hold.as_millis();
    Some(Reading {
        level,
        warning: Step { level: threshold, hold_ms },
        critical: Some(Step { level: QUEUE_FULL.max(threshold), hold_ms }),
        ..reading(AlertKind::QueueNearFull, service, text)
    })
}

/// A limiter that does not run: critical once it was given up, or rests for longer than any other level
/// must hold.
fn down(service: &ServiceSample, lately: &Lately, settings: &AlertPolicy) -> Option<Reading> {
    // Who was told to stop is not missed.
    if service.running || service.stopping {
        return None;
    }
    let (what, hold_ms) = if lately.given_up {
        ("failed too often and was stopped", 0)
    } else {
        ("does not run", settings.hold.as_millis())
    };
    let text = format!(
        "the limiter of `{}` {what}: nothing is granted; {} failures, {} restarts",
        service.service, service.failures, service.restarts
    );
    let critical = Some(Step { level: 1.0, hold_ms });
    Some(Reading { critical, ..reading(AlertKind::LimiterDown, service, text) })
}

fn shortfall(
    service: &ServiceSample,
    pace: &PaceSample,
    settings: &AlertPolicy,
) -> Option<Reading> {
    let (learned, configured) = pace.learned_per_second.zip(pace.configured_per_second)?;
    if pace.confidence < CONFIDENCE_MIN || configured <= 0.0 {
        return None;
    }
    let level = 1.0 - learned / configured;
    if !level.is_finite() || level < clear_of(SHORTFALL) {
        return None;
    }
    let text = format!(
        "`{}` bears {learned:.2} {} per second, and {configured:.2} are configured: check the limits of its plan",
        service.service, pace.dimension
    );
    let warning = Step { level: SHORTFALL, hold_ms: settings.hold.as_millis() };
    let read = reading(AlertKind::LearnedBelowConfigured, service, text);
    Some(Reading { id: format!("{}:{}", read.id, pace.dimension), level, warning, ..read })
}

/// Breakers that are open. One that lets a few calls try is neither open nor closed.
fn breakers(service: &ServiceSample) -> Vec<Reading> {
    let of_service = service.breaker.map(|phase| (phase, String::new(), String::new()));
    let of_parts = service.parts.iter().filter_map(|part| {
        let name = format!("{}={}", part.scope.name(), part.of);
        let words = format!("the {} `{}` of ", part.scope.name(), part.of);
        Some((part.breaker?, name, words))
    });
    let open = of_service.into_iter().chain(of_parts).filter(|it| it.0 != BreakerPhase::Closed);
    let read = |(phase, name, words): (BreakerPhase, String, String)| {
        let text = format!(
            "the circuit breaker of {words}`{}` is open: its calls fail, and none is let through",
            service.service
        );
        let mut read = reading(AlertKind::BreakerOpen, service, text);
        read.of_part = !name.is_empty();
        if read.of_part {
            read.id = format!("{}:{name}", read.id);
        }
        read.level = if phase == BreakerPhase::Open { 1.0 } else { 0.5 };
        read
    };
    open.map(read).collect()
}

/// What all readings of a service have in common.
fn reading(kind: AlertKind, service: &ServiceSample, text: String) -> Reading {
    Reading {
        id: format!("{}:{}", kind.name(), service.service),
        kind,
        service: Some(service.service.clone()),
        level: 1.0,
        warning: Step { level: 1.0, hold_ms: 0 },
        critical: None,
        of_part: false,
        text,
    }
}

fn part(share: Share) -> f64 {
    float(u64::from(share.as_per_mille())) / 1_000.0
}
