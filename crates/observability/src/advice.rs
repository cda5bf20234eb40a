//! Which limit would have been enough for what was asked.
//!
//! What was asked in a stretch is what came, whether it was granted, refused, given up or still waits. Of the
//! dimensions but requests it is what was reserved, and as much again for each call that was not granted as
//! those took that were. The most in any stretch as long as the window is what would have let everything pass
//! at once. Callers that ask again after a refusal are counted again, so it is rather too much than too
//! little; stretches begin with minutes, beyond a day with hours, so a shorter burst across two of them shows
//! only in part.

use std::collections::VecDeque;

use tidegate_units::{Dimension, ServiceName};

use crate::alert::{about, stated, subject};
use crate::history::History;
use crate::monitor::counts::Counts;
use crate::monitor::number::{float, whole};
use crate::sample::{LimitSample, ScopeKind, ServiceSample, UnixMillis};
use crate::status::Advice;

/// Of shorter windows minutes say nothing.
const WINDOW_MIN: u64 = 60_000;
/// Less of the past tells nothing.
const OVER_MIN: u64 = 600_000;
/// Longer windows are looked at by the hour.
const WINDOW_OF_HOURS: u64 = 86_400_000;

/// Which limits of a service would have been enough. Of models, endpoints and keys it is not remembered what
/// was asked minute by minute.
pub(crate) fn of(service: &ServiceSample, at: UnixMillis, history: &History) -> Vec<Advice> {
    let limits = service.limits.iter().filter(|limit| {
        limit.scope == ScopeKind::Service
            && limit.dimension != Dimension::Slots
            && limit.window_ms >= WINDOW_MIN
    });
    limits.filter_map(|limit| advice(limit, &service.service, at, history)).collect()
}

fn advice(
    limit: &LimitSample,
    service: &ServiceName,
    at: UnixMillis,
    history: &History,
) -> Option<Advice> {
    let stretches: Vec<(u64, &Counts)> = if limit.window_ms > WINDOW_OF_HOURS {
        let hours = history.hours(UnixMillis(0));
        hours.filter_map(|(at, services)| Some((at.0, &services.get(service)?.counts))).collect()
    } else {
        history.minutes(service, UnixMillis(0)).map(|(at, counts)| (at.0, counts)).collect()
    };
    // What a wall clock put into the future tells nothing of the past.
    let past = || stretches.iter().filter(|(began, _)| *began <= at.0);
    let over_ms = at.0.saturating_sub(past().next()?.0);
    if over_ms < OVER_MIN {
        return None;
    }
    let each = cost_of_one(limit.dimension, past().map(|(_, counts)| *counts));
    let asked = past().map(|(began, counts)| (*began, asked(limit.dimension, counts, each)));
    let peak = most_within(limit.window_ms, asked);
    if peak <= limit.amount && over_ms < limit.window_ms {
        // It is not known yet whether it is enough.
        return None;
    }
    let enough = rounded_up(peak);
    Some(Advice {
        scope: limit.scope,
        of: limit.of.clone(),
        dimension: limit.dimension,
        per: limit.per.clone(),
        amount: limit.amount,
        peak,
        enough,
        over_ms,
        text: text(limit, peak, enough, over_ms),
    })
}

/// What a call that was granted reserved on average.
fn cost_of_one<'c>(dimension: Dimension, counts: impl Iterator<Item = &'c Counts>) -> f64 {
    let (mut reserved, mut granted) = (0_u64, 0_u64);
    for counts in counts {
        reserved = reserved.saturating_add(counts.spent.reserved.get(dimension));
        granted = granted.saturating_add(counts.granted());
    }
    if granted == 0 { 0.0 } else { float(reserved) / float(granted) }
}

/// What was asked in a stretch: less than was granted, where those were granted who asked before.
fn asked(dimension: Dimension, counts: &Counts, each: f64) -> f64 {
    if dimension == Dimension::Requests {
        return float(counts.asked);
    }
    let not_granted = float(counts.asked) - float(counts.granted());
    (float(counts.spent.reserved.get(dimension)) + not_granted * each).max(0.0)
}

/// The most within a stretch of this length.
fn most_within(window: u64, asked: impl Iterator<Item = (u64, f64)>) -> u64 {
    let (mut within, mut sum, mut most) = (VecDeque::new(), 0.0_f64, 0.0_f64);
    for (began, amount) in asked {
        within.push_back((began, amount));
        sum += amount;
        while within.front().is_some_and(|(first, _)| began - first >= window) {
            sum -= within.pop_front().map_or(0.0, |(_, amount)| amount);
        }
        most = most.max(sum);
    }
    whole(most)
}

/// Two digits that count, rounded up: a limit is a round number.
fn rounded_up(amount: u64) -> u64 {
    let mut unit = 1_u64;
    while amount / unit >= 100 {
        unit = unit.saturating_mul(10);
    }
    amount.div_ceil(unit).saturating_mul(unit).max(1)
}

fn text(limit: &LimitSample, peak: u64, enough: u64, over_ms: u64) -> String {
    let (subject, dimension, per) = (subject(limit), limit.dimension, &limit.per);
    let over = about(over_ms.max(60_000));
    if peak <= limit.amount {
        return format!(
            "{} was enough for {subject} in the last {over}: at most {peak} were asked in such a window",
            stated(limit)
        );
    }
    format!(
        "{enough} {dimension} per {per} would have let all calls of {subject} pass at once in the last {over}: \
         {peak} were asked in one such window, and {} are allowed",
        limit.amount
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_rounded_up_to_two_digits() {
        let rounded = [0, 1, 99, 100, 101, 1_234, 90_001].map(rounded_up);
        assert_eq!(rounded, [1, 1, 99, 100, 110, 1_300, 91_000]);
    }

    #[test]
    fn the_most_within_a_window_is_found_wherever_it_begins() {
        let asked = [(0, 5.0), (60, 1.0), (120, 7.0), (300, 6.0), (310, 6.0), (400, 1.0)];
        let most = |window| most_within(window, asked.into_iter());
        assert_eq!([most(1), most(60), most(61), most(121), most(1_000)], [7, 12, 12, 13, 26]);
    }
}
