//! What a service says is left of its limit, brought up to the present.
//!
//! A response tells how much was left when its call was admitted. Since then more was sent, and more
//! has come back; both are known here, the one exactly, the other from how earlier responses differ.
//! So the mirror shows what is left *now*, and the pace can be as fast as that allows and no faster:
//! refusals are not needed to find the limit, and a change of it is seen with the next response.
//!
//! # Invariants
//!
//! - PACE-7: of two reports the one whose call was sent later counts, in whichever order they arrive.
//! - PACE-8: no words of a service stop it for good: what cannot be true is left out, and what refusals
//!   contradict is not believed for a while.

use tidegate_units::{Instant, Priority, Span};

use super::history::History;
use crate::number::float;
use crate::{Hint, Reset};

/// A report older than this says nothing about the present.
const STALE: Span = Span::from_secs(60);
/// What is left over and above the margin is used up in so many seconds, alone and with others.
const USE_UP_S: f64 = 4.0;
const USE_UP_SHARED_S: f64 = 12.0;
/// The slowest pace where less than the margin is left, as a part of what comes back.
const SLOWEST: f64 = 0.05;
/// After so long most of it is forgotten that less came back.
const LOW_KEPT_S: f64 = 600.0;
/// Below this part of what the limit states, others use it too.
const SHARED: f64 = 0.75;
/// The end of a window at the service is seen here so much later at most.
const WINDOW_GUARD: Span = Span::from_millis(80);
/// By this long before its end a window is used up.
const WINDOW_REST_S: f64 = 0.3;
/// From this length on a window is not spent evenly while there is plenty.
const WINDOW_LONG: Span = Span::from_secs(120);
/// Instants of a reset that are no further apart than this are one: some are told in whole seconds.
const SAME_INSTANT: Span = Span::from_millis(1_100);
/// A reset that stands still for so long is the end of a window: that of a bucket moves with every call.
const SAME_FOR: Span = Span::from_secs(5);
/// So many refusals of calls for which there should have been room show that another limit holds.
const CONTRADICTIONS: u32 = 3;
/// And what is told is not believed for so long.
const DISBELIEF: Span = Span::from_secs(600);
/// Per how long a limit is that does not say.
const WINDOW: Span = Span::from_secs(60);
/// No reset further ahead is believed, where nothing is said of the window.
const RESET_MAX: Span = Span::from_secs(32 * 86_400);

/// The state of one limit at the service.
#[derive(Debug, Clone)]
pub(super) struct Mirror {
    report: Option<Report>,
    /// The report from which what comes back is measured.
    base: Option<Report>,
    /// What comes back per second.
    refill: f64,
    /// The least that came back per second of late.
    low: f64,
    /// What comes back per second as the limit states it.
    stated: f64,
    greatest: f64,
    /// What a call costs, on average.
    call_size: f64,
    /// By how much one differs from that, on average.
    call_deviation: f64,
    /// What the limit holds, as it says.
    limit: f64,
    window: Option<Window>,
    /// Since when resets are at the same instant.
    reset: Option<FirstReset>,
    /// How often a call was refused for which there should have been room.
    contradictions: u32,
    /// What is told is not believed before this.
    believed_from: Instant,
}

/// The first of several resets at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
struct FirstReset {
    at: Instant,
    heard_at: Instant,
}

/// What was left when the call that was sent at `sent_at` was admitted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Report {
    sent_at: Instant,
    remaining: f64,
}

/// A window that ends at a certain instant, and all that was used with it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    ends_at: Instant,
    length: Span,
}

impl Mirror {
    /// What a first hint tells; `None` if it does not tell enough.
    pub(super) fn new(hint: &Hint) -> Option<Self> {
        let stated = stated_rate(hint)?;
        hint.remaining?;
        Some(Self {
            report: None,
            base: None,
            refill: stated,
            low: stated,
            stated,
            greatest: 0.0,
            call_size: 1.0,
            call_deviation: 0.0,
            limit: 0.0,
            window: None,
            reset: None,
            contradictions: 0,
            believed_from: Instant::ZERO,
        })
    }

    /// A response to the call that was sent at `sent_at` tells this.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        (sent_at, hint): (Instant, &Hint),
        (call_size, call_deviation): (f64, f64),
        history: &History,
    ) {
        self.call_size = call_size.max(1.0);
        self.call_deviation = call_deviation;
        let Some(remaining) = hint.remaining else {
            return;
        };
        if self.report.is_some_and(|report| sent_at <= report.sent_at) {
            return;
        }
        if let Some(stated) = stated_rate(hint) {
            self.restate(stated);
        }
        if let Some(limit) = hint.limit {
            self.limit = float(limit);
        }
        let report = Report { sent_at, remaining: float(remaining) };
        self.greatest = self.greatest.max(report.remaining);
        self.report = Some(report);
        self.hear_reset(now, hint);
        if self.window.is_none() {
            self.measure(report, history);
        }
    }

    /// The limit states another rate: what comes back has changed as much, if it was all of it.
    fn restate(&mut self, stated: f64) {
        let all_of_it = self.refill > 0.9 * self.stated;
        if (stated - self.stated).abs() > 0.01 * self.stated {
            let factor = stated / self.stated;
            self.greatest = if factor < 1.0 { self.greatest * factor } else { self.greatest };
            self.refill = if all_of_it { stated } else { (self.refill * factor).min(stated) };
            self.stated = stated;
            self.low = self.refill;
            self.base = None;
        }
    }

    fn hear_reset(&mut self, now: Instant, hint: &Hint) {
        let Some(reset) = hint.reset else {
            return;
        };
        let ahead_max = hint.window.map_or(RESET_MAX, |window| window + SAME_INSTANT);
        if reset.span() > ahead_max {
            return;
        }
        let at = now + reset.span();
        // A window is at least as long as what is left of it.
        let known = self.window.map_or(WINDOW, |window| window.length);
        let length = hint.window.unwrap_or(known.max(reset.span()));
        let same = self.reset.is_some_and(|first| apart(first.at, at) < SAME_INSTANT);
        let first = self.reset.filter(|_| same).unwrap_or(FirstReset { at, heard_at: now });
        self.reset = Some(first);
        let stands = now.since(first.heard_at) > SAME_FOR && reset.span() > SAME_INSTANT;
        match reset {
            Reset::WindowEnd(_) => self.window = Some(Window { ends_at: at, length }),
            // A bucket that is drawn from is full later and later.
            _ if same && stands => self.window = Some(Window { ends_at: at, length }),
            _ if !same => self.window = None,
            _ => {}
        }
    }

    /// Measures what comes back between two reports that are far enough apart.
    fn measure(&mut self, report: Report, history: &History) {
        let Some(base) = self.base else {
            self.base = Some(report);
            return;
        };
        let apart_s = report.sent_at.since(base.sent_at).as_secs_f64();
        if apart_s < (12.0 / self.refill.max(1e-6)).clamp(6.0, 60.0) {
            return;
        }
        self.base = Some(report);
        let sent = |since| history.since(since).map(|sum| sum.amount);
        let (Some(since_base), Some(since)) = (sent(base.sent_at), sent(report.sent_at)) else {
            return;
        };
        let back = report.remaining - base.remaining + since_base - since;
        let measured = (back / apart_s).max(0.0);
        let full = report.remaining >= 0.95 * self.greatest;
        self.refill = if full {
            (1.25 * self.refill.max(measured)).min(self.stated.max(1.25 * measured))
        } else {
            let most = self.stated.max(measured);
            (self.refill + 0.6 * (measured - self.refill)).clamp(0.01 * self.stated, most)
        };
        let forgotten = (apart_s / LOW_KEPT_S).min(1.0);
        self.low = self.refill.min(self.low + forgotten * (self.refill - self.low));
    }

    /// What is left at `now`; `None` if nothing recent was heard.
    pub(super) fn left(&self, now: Instant, history: &History) -> Option<f64> {
        if now < self.believed_from {
            return None;
        }
        let report = self.report.filter(|it| now.since(it.sent_at) < STALE || self.in_window())?;
        if let Some(window) = self.window {
            return self.left_in_window(now, window, report, history);
        }
        let sent = history.since(report.sent_at)?.amount;
        let back = self.refill * now.since(report.sent_at).as_secs_f64();
        // A bucket that was never seen to hold a call holds one all the same, or nobody would pass.
        Some((report.remaining - sent + back).min(self.greatest.max(self.call_size)))
    }

    /// What a window holds: what its limit says, or the most that was ever left.
    fn holds(&self) -> f64 {
        self.limit.max(self.greatest).max(1.0)
    }

    fn in_window(&self) -> bool {
        self.window.is_some_and(|window| window.length > STALE)
    }

    fn left_in_window(
        &self,
        now: Instant,
        window: Window,
        report: Report,
        history: &History,
    ) -> Option<f64> {
        let started = start_of(window, now);
        if report.sent_at >= started {
            return Some(report.remaining - history.since(report.sent_at)?.amount);
        }
        Some(self.holds() - history.since(started)?.amount)
    }

    /// The pace, if what is left is known.
    pub(super) fn rate(
        &self,
        now: Instant,
        (call_size, class): (f64, Priority),
        history: &History,
    ) -> Option<f64> {
        let left = self.left(now, history)?;
        if let Some(window) = self.window {
            return Some(self.rate_in_window(now, window, left));
        }
        let shared = self.low < SHARED * self.stated;
        let mut margin = (0.3 * self.refill).max(1.5 * call_size + 2.0 * self.call_deviation);
        if shared {
            margin = margin.max((2.2 * self.stated).min(0.4 * self.greatest));
        }
        // Of a small bucket not all is kept back.
        margin = margin.min(0.4 * self.greatest.max(call_size));
        if class <= Priority::High {
            margin *= 0.5;
        }
        let use_up = if shared { USE_UP_SHARED_S } else { USE_UP_S };
        Some(if left > margin {
            self.refill + (left - margin) / use_up
        } else {
            self.refill * (left / margin).max(SLOWEST)
        })
    }

    /// The pace that spends what is left evenly; of a long window half of what an even pace would have
    /// left by now may be spent at will, so that nobody waits while there is plenty.
    fn rate_in_window(&self, now: Instant, window: Window, left: f64) -> f64 {
        let time = end_of(window, now).since(now).as_secs_f64();
        let even = left.max(0.0) / (time - WINDOW_REST_S).max(0.05);
        if window.length < WINDOW_LONG {
            return even;
        }
        let due = self.holds() * (time / window.length.as_secs_f64()).min(1.0);
        even + (left - 0.5 * due).max(0.0) / USE_UP_S
    }

    /// When `needed` is left, if it is not now.
    pub(super) fn covers_at(
        &self,
        now: Instant,
        needed: f64,
        history: &History,
    ) -> Option<Instant> {
        let left = self.left(now, history)?;
        if self.window.is_some() && left >= needed.min(self.holds()) || left >= needed {
            return None;
        }
        if let Some(window) = self.window {
            return Some(end_of(window, now));
        }
        let needed = needed.min(self.greatest.max(self.call_size));
        if left >= needed {
            return None;
        }
        let wait = Span::from_secs_f64(((needed - left) / self.refill.max(1e-6)).clamp(0.0, 60.0));
        Some(now + wait).filter(|at| *at > now)
    }

    /// A call that was sent then was refused, whatever was thought to be left: where that was enough,
    /// what is told is not the limit that holds, and is not believed for a while.
    pub(super) fn refused(&mut self, now: Instant, sent_at: Instant, contradicted: bool) {
        if contradicted {
            self.contradictions += 1;
        }
        if self.contradictions >= CONTRADICTIONS {
            self.contradictions = 0;
            self.believed_from = now + DISBELIEF;
        }
        if self.report.is_some_and(|report| sent_at > report.sent_at) {
            self.report = Some(Report { sent_at, remaining: 0.0 });
            self.base = None;
        }
    }

    /// What comes back per second.
    pub(super) fn refill(&self) -> f64 {
        match self.window {
            Some(window) => self.holds() / window.length.as_secs_f64(),
            None => self.refill,
        }
    }
}

/// The rate that a limit states.
fn stated_rate(hint: &Hint) -> Option<f64> {
    let window = hint.window.filter(|window| *window > Span::ZERO).unwrap_or(WINDOW);
    Some(float(hint.limit?) / window.as_secs_f64()).filter(|rate| *rate > 0.0)
}

fn apart(one: Instant, other: Instant) -> Span {
    if one > other { one.since(other) } else { other.since(one) }
}

/// The end of the window that `now` is in, as it is seen here.
fn end_of(window: Window, now: Instant) -> Instant {
    let mut ends_at = window.ends_at + WINDOW_GUARD;
    if ends_at <= now {
        let length = window.length.as_nanos().max(1);
        let passed = now.since(ends_at).as_nanos() / length + 1;
        ends_at = ends_at + Span::from_nanos(passed.saturating_mul(length));
    }
    ends_at
}

/// Its start.
fn start_of(window: Window, now: Instant) -> Instant {
    let length = window.length.as_nanos();
    Instant::from_nanos(end_of(window, now).as_nanos().saturating_sub(length))
}
