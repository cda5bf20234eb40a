//! What a refusal tells of the capacity.
//!
//! Between two refusals the service's books were empty at both ends, so what it accepted meanwhile
//! *is* its capacity, to about one part in the number of calls. Refusals in quick succession are one
//! event; those that come much earlier than was expected, again and again, are made by others.

use libm::exp2;
use tidegate_units::{Instant, Span};

use super::phases::LOST;
use super::{Congestion, Lane, Mark, Phase};
use crate::law::history::Sum;

/// How many calls without a refusal are thought to show that there is room for more, at first.
pub(super) const REACH: f64 = 150.0;
/// The same where the capacity may be far off.
pub(super) const REACH_SHORT: f64 = 70.0;
/// The same where it has been confirmed again and again.
const REACH_MAX: f64 = 400.0;
/// How far below and above the capacity the pace goes, as a part of it.
pub(super) const SPREAD: f64 = 0.04;
const SPREAD_MAX: f64 = 0.2;
/// Refusals within so many calls of the last are one dry spell.
const DRY_CALLS: f64 = 8.0;
/// Above this share of early refusals, somebody else uses the limit too.
const CONTENDED: f64 = 0.35;
/// The most that is thought to have run over, as a multiple of what was used.
const RAN_OVER: f64 = 1.15;
/// After so many refusals in a row what came before was shut, not empty.
const WINDOW_LIKE: u32 = 3;
/// Over how long the present rate is measured.
const RECENT: Span = Span::from_secs(3);
/// A capacity that was there so long ago may come back, and is looked for more often.
const BEST_KEPT: Span = Span::from_secs(30 * 60);

impl Lane {
    /// A call that was sent at `sent_at` was refused, and has taken nothing. Answers what follows, if
    /// that is news.
    pub(in crate::law) fn refused(
        &mut self,
        now: Instant,
        (sent_at, asked): (Instant, Option<Span>),
        amount: f64,
    ) -> Option<Congestion> {
        self.history.refused(sent_at, Sum { calls: 1.0, amount });
        if self.event_at.is_some_and(|event_at| sent_at <= event_at) {
            return None;
        }
        let (before, pace) = (self.event_at, self.blind_rate(now));
        self.event_at = Some(now);
        let known = self.windows.is_known();
        let told = self.sees(now) || known;
        let contradicted = self.sees(now) && self.fullness(now, amount) < 1.0;
        let streak = if told { 0 } else { self.measure(now, (before, pace)) };
        let opens_at = self.windows.refused(now, (sent_at, streak), asked, &self.history);
        if let Some(mirror) = &mut self.mirror {
            mirror.refused(now, sent_at, contradicted);
        }
        self.sends = 0.0;
        // So long that the refused call, and one of the usual size, would have passed.
        let room = 2.0 * amount.max(self.call_size) + 2.0 * self.call_deviation;
        let wait = (room / self.capacity).clamp(0.02, 4.0);
        let wait = (wait * exp2(f64::from(streak.min(16)))).min(8.0);
        let wait = opens_at.map_or(Span::from_secs_f64(wait), |at| at.since(now));
        let streak = streak.max(u32::from(known));
        Some(Congestion { wait, streak })
    }

    /// Learns from a refusal what the capacity is. Answers how many there were in a row.
    fn measure(&mut self, now: Instant, before: (Option<Instant>, f64)) -> u32 {
        let Some(anchor) = self.anchor else {
            // Who sent hardly anything has not measured anything.
            let least = if self.history.total().calls < DRY_CALLS { 0.5 } else { 0.05 };
            let measured = (0.85 * self.recent_rate(now)).max(least * self.capacity);
            self.capacity = measured.clamp(self.min, self.max);
            self.confirm(now, 0.0);
            self.restart(now, REACH_SHORT);
            return 0;
        };
        let (accepted_rate, calls) = self.accepted_since(now, anchor);
        if std::mem::take(&mut self.drained) {
            self.capacity = (0.95 * self.capacity).max(self.min);
            self.restart(now, REACH_SHORT);
            return 0;
        }
        if calls < DRY_CALLS {
            self.streak += 1;
            self.phase = Phase::Brake;
            self.reach = REACH_SHORT;
            return self.streak;
        }
        self.confirm(now, 1.0);
        self.learn(now, before, (accepted_rate, calls));
        0
    }

    fn learn(
        &mut self,
        now: Instant,
        (before, pace): (Option<Instant>, f64),
        (rate, calls): (f64, f64),
    ) {
        let contended = self.phase == Phase::Contention;
        let (mut found, mut surprised) = (rate, false);
        let weight_of = calls * self.evenness();
        if let Phase::Probe { far: Some(far), .. } = self.phase
            && now.since(far.at).as_secs_f64() > self.doubling()
        {
            let lately = self.accepted_since(now, far).0;
            let more = rate > 1.15 * self.capacity && lately > 1.8 * rate;
            surprised = more && weight_of >= 16.0 && self.streak < WINDOW_LIKE;
            // Refused only far beyond what was accepted as before: a small bucket has run over meanwhile.
            let as_before = (rate / self.capacity - 1.0).abs() < 0.06;
            found = match (surprised, as_before) {
                (true, _) => f64::midpoint(rate, lately),
                (false, true) => f64::midpoint(rate, lately.clamp(rate, RAN_OVER * rate)),
                (false, false) => rate,
            };
        }
        if contended {
            found = pace;
        }
        let off = found / self.capacity - 1.0;
        let sure =
            contended || (off.abs() > 0.1 && off.abs() * weight_of > 1.6 && weight_of >= 6.0);
        let weight = if sure { 1.0 } else { weight_of / (weight_of + 30.0) };
        self.capacity = (self.capacity + weight * (found - self.capacity)).max(self.min);
        self.judge_earliness(now, before, contended);
        self.unsure = surprised;
        let seen = (weight_of >= 16.0).then_some(if surprised { rate } else { found });
        self.choose_reach(now, seen, off, surprised);
        self.restart(now, self.reach);
        if self.early > CONTENDED {
            self.phase = Phase::Contention;
        }
    }

    /// Refusals that come much earlier than was thought are made by others.
    fn judge_earliness(&mut self, now: Instant, before: Option<Instant>, contended: bool) {
        let soon = before.is_some_and(|at| now.since(at) < Span::from_secs(60));
        let early = match self.phase {
            _ if std::mem::take(&mut self.unsure) => false,
            Phase::Brake => false,
            _ if contended => soon,
            _ => self.sends < 0.5 * self.reach,
        };
        self.early += 0.25 * (f64::from(u8::from(early)) - self.early);
        let factor = if early { 1.5 } else { 0.8 };
        self.spread = (self.spread * factor).clamp(SPREAD, SPREAD_MAX);
    }

    fn choose_reach(&mut self, now: Instant, seen: Option<f64>, off: f64, surprised: bool) {
        if let Some(seen) = seen {
            if seen > self.best || now.since(self.best_at) > BEST_KEPT {
                (self.best, self.best_at) = (seen, now);
            } else if seen > 0.9 * self.best {
                self.best_at = now;
            }
        }
        let dropped = self.capacity < LOST * self.best;
        if surprised || dropped {
            self.reach = REACH_SHORT;
        } else if off.abs() > 0.06 {
            self.reach = (0.6 * self.reach).max(REACH);
        } else if off.abs() < 0.03 {
            self.reach = (1.5 * self.reach).min(REACH_MAX);
        }
    }

    /// Measures from here on.
    pub(super) fn restart(&mut self, now: Instant, reach: f64) {
        self.anchor = Some(self.mark(now));
        self.drained = false;
        self.streak = 0;
        self.reach = reach;
        self.phase = Phase::Cruise;
    }

    /// What was accepted per second of late.
    pub(super) fn recent_rate(&self, now: Instant) -> f64 {
        let from = if now.as_nanos() > RECENT.as_nanos() { now - RECENT } else { Instant::ZERO };
        let recent = self.history.since(from).unwrap_or_default();
        recent.amount / RECENT.as_secs_f64()
    }

    pub(super) fn mark(&self, now: Instant) -> Mark {
        Mark { at: now, accepted: self.history.total() }
    }

    /// What was accepted since `mark`, per second, and in how many calls.
    pub(super) fn accepted_since(&self, now: Instant, mark: Mark) -> (f64, f64) {
        let accepted = self.history.total().minus(mark.accepted);
        (accepted.amount / now.since(mark.at).as_secs_f64().max(1e-3), accepted.calls)
    }
}
