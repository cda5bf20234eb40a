//! Finding out that a service counts in fixed windows, and when they end, though it does not say so.
//!
//! In a bucket there is room again soon after it was empty. A window that is used up stays shut until
//! it ends, and then all of it is there at once: so a dry spell that outlasts several single tries,
//! and is over all of a sudden, brackets the end of a window. Two such ends that lie a whole number of
//! windows apart are no accident.
//!
//! From then on what a window holds is spent evenly over it, and little is lost to finding its end.

use std::collections::VecDeque;

use tidegate_units::{Instant, Span};

use super::history::{History, Sum};

/// How long windows are. Of those that explain what was seen the longest is taken: evenly spent, it
/// keeps to the shorter ones too.
const LENGTHS: [Span; 12] = [
    Span::from_secs(3_600),
    Span::from_secs(900),
    Span::from_secs(600),
    Span::from_secs(300),
    Span::from_secs(120),
    Span::from_secs(60),
    Span::from_secs(45),
    Span::from_secs(30),
    Span::from_secs(20),
    Span::from_secs(15),
    Span::from_secs(10),
    Span::from_secs(5),
];
/// So many of the latest ends must all be explained.
const EXPLAINED: usize = 3;
/// So many refused tries in a row make a dry spell.
const TRIES: u32 = 3;
/// A wait that is asked for is the end of a window from this long on.
const ASKED_MIN: Span = Span::from_millis(2_500);
/// Waits are told in whole seconds, rounded up.
const ASKED_GRAIN: Span = Span::from_millis(1_100);
/// How far apart two ends may seem that are the same.
const SLACK: Span = Span::from_millis(300);
/// The ends that are remembered.
const BRACKETS_MAX: usize = 8;
/// Calls that go through in a row when a window has ended.
const FRESH_CALLS: f64 = 4.0;
/// So often the first call of a window may be refused, while it is found out when the window begins.
const MISSES: u32 = 8;
/// A window is spent by so long before its end, or by a thirtieth of it where that is less.
const REST: Span = Span::from_secs(2);
const REST_PART: u64 = 30;
/// An end that is known to this is not looked for any closer.
const NARROW: Span = Span::from_millis(400);
/// Every so many windows a few more calls are tried.
const MORE_EVERY: u32 = 6;
/// So many more, as a part of what a window holds, and two; twice as many each time that they go
/// through.
const MORE: f64 = 0.1;
const MORE_MAX: f64 = 0.8;
/// A refusal before this part of a window was spent is the end of a shorter one.
const SHORTER: f64 = 0.75;
/// A refusal before this part of a window was spent shows that it is none.
const MISTAKEN: f64 = 0.25;

/// An end of a window lies between these.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bracket {
    from: Instant,
    to: Instant,
    /// What had been accepted until then.
    accepted: Sum,
}

/// What is known of a service's windows.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    brackets: VecDeque<Bracket>,
    dry: Option<Dry>,
    known: Option<Known>,
}

/// Calls are refused one after the other.
#[derive(Debug, Clone, Copy)]
struct Dry {
    tries: u32,
    /// When the last of them was sent.
    last: Instant,
    /// When the first call was sent that is not known to have been refused.
    fresh: Option<(Instant, Sum)>,
}

/// A service that counts in windows.
#[derive(Debug, Clone, Copy)]
struct Known {
    length: Span,
    /// The end of a window lies between these, and a whole number of windows from them.
    from: Instant,
    to: Instant,
    /// What a window holds.
    holds: f64,
    /// When the present window was begun here, and what had been accepted until then.
    began: Instant,
    before: Sum,
    /// When the next one is begun.
    next: Instant,
    /// Windows since more was tried, and how much more.
    quiet: u32,
    more: f64,
    /// The present window is used up.
    spent: bool,
    /// Windows in a row whose first call was refused.
    missed: u32,
}

impl Windows {
    /// Whether the service is known to count in windows.
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// How long a window is, and when the next begins.
    pub(super) fn known(&self, now: Instant) -> Option<(Span, Instant)> {
        self.known.map(|known| (known.length, known.next_after(now)))
    }

    /// Begins with the windows that an earlier run knew; what was used of the present one is not known.
    pub(super) fn restore(&mut self, now: Instant, (length, ends): (Span, Instant), holds: f64) {
        let slack = SLACK.div(2);
        self.known = Some(Known {
            length,
            from: Instant::from_nanos(ends.as_nanos().saturating_sub(slack.as_nanos())),
            to: ends + slack,
            holds,
            began: now,
            before: Sum::default(),
            next: ends + slack,
            quiet: 0,
            more: MORE,
            spent: true,
            missed: 0,
        });
    }

    /// The pace at which the present window is spent, and none is left over.
    pub(super) fn rate(&self, now: Instant, history: &History) -> Option<f64> {
        let known = self.known?;
        let (left, ends) = known.left(now, history);
        let rest = REST.min(known.length.div(REST_PART)).as_secs_f64();
        let time = ends.since(now).as_secs_f64() - rest;
        Some(left.max(0.0) / time.max(rest / 4.0))
    }

    /// What passes per second in the long run.
    pub(super) fn capacity(&self) -> Option<f64> {
        self.known.map(|known| known.holds / known.length.as_secs_f64())
    }

    /// When `needed` can be sent, if not now.
    pub(super) fn covers_at(
        &self,
        now: Instant,
        needed: f64,
        history: &History,
    ) -> Option<Instant> {
        let known = self.known?;
        let (left, ends) = known.left(now, history);
        (left < needed.min(known.holds)).then_some(ends)
    }

    /// Lets windows pass.
    pub(super) fn advance(&mut self, now: Instant, history: &History) {
        let Some(known) = &mut self.known else {
            return;
        };
        if now >= known.next {
            let used = history.total().minus(known.before).amount;
            known.begin(now, history.total(), used);
        }
    }

    /// A call was sent.
    pub(super) fn sent(&mut self, now: Instant, sends: f64, total: Sum) {
        let Some(dry) = &mut self.dry else {
            return;
        };
        match dry.fresh {
            None if now > dry.last => dry.fresh = Some((now, total)),
            Some((fresh, accepted)) if sends >= FRESH_CALLS && now.since(fresh) > SLACK => {
                let bracket = Bracket { from: dry.last, to: fresh, accepted };
                let long = dry.tries >= TRIES;
                self.dry = None;
                if let Some(known) = &mut self.known {
                    known.ended(bracket);
                } else if long {
                    self.remember(bracket);
                }
            }
            _ => {}
        }
    }

    /// A call that was sent at `sent_at` was refused, the `streak`th in a row; the service asked for a
    /// wait. Answers when a service that is known to count in windows can be called again.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        (sent_at, streak): (Instant, u32),
        asked: Option<Span>,
        history: &History,
    ) -> Option<Instant> {
        if self.known.is_some() {
            return self.refused_in_window(now, sent_at, history);
        }
        let last = self.dry.map_or(sent_at, |dry| dry.last.max(sent_at));
        self.dry = Some(Dry { tries: streak, last, fresh: None });
        if let Some(asked) = asked.filter(|asked| *asked >= ASKED_MIN) {
            let to = now + asked;
            let from = Instant::from_nanos(to.as_nanos().saturating_sub(ASKED_GRAIN.as_nanos()));
            self.remember(Bracket { from, to, accepted: history.total() });
            self.dry = None;
        }
        None
    }

    fn refused_in_window(
        &mut self,
        now: Instant,
        sent_at: Instant,
        history: &History,
    ) -> Option<Instant> {
        let known = self.known.as_mut()?;
        let used = history.total().minus(known.before).amount;
        if used < 1.0 && known.missed < MISSES {
            // It has not ended yet.
            known.not_ended_by(sent_at);
            self.dry = Some(Dry { tries: 0, last: sent_at, fresh: None });
            return self.known.map(|known| known.next);
        }
        if used < MISTAKEN * known.holds {
            *self = Self::default();
            return None;
        }
        if used < SHORTER * known.holds {
            let Some(shorter) = known.shorter() else {
                *self = Self::default();
                return None;
            };
            *known = shorter;
        } else {
            known.holds = used;
        }
        (known.spent, known.quiet, known.more) = (true, 0, MORE);
        self.dry = Some(Dry { tries: 0, last: sent_at, fresh: None });
        Some(known.next_after(now))
    }

    /// An end of a window was seen, if it is one.
    fn remember(&mut self, bracket: Bracket) {
        let agrees = |length: Span| {
            let mut earlier = self.brackets.iter().rev().take(EXPLAINED);
            let holds = earlier.clone().find_map(|other| other.agrees(&bracket, length))?;
            let all = earlier.all(|other| other.agrees(&bracket, length).is_some());
            all.then_some((length, holds))
        };
        if let Some((length, holds)) = LENGTHS.into_iter().find_map(agrees) {
            self.known = Some(Known {
                length,
                from: bracket.from,
                to: bracket.to,
                holds,
                began: bracket.to,
                before: bracket.accepted,
                next: bracket.to + length,
                quiet: 0,
                more: MORE,
                spent: false,
                missed: 0,
            });
            self.brackets.clear();
            return;
        }
        if self.brackets.len() == BRACKETS_MAX {
            self.brackets.pop_front();
        }
        self.brackets.push_back(bracket);
    }
}

impl Bracket {
    /// What a window of this length holds, if these can both be ends of one.
    fn agrees(&self, later: &Self, length: Span) -> Option<f64> {
        let length = length.as_nanos();
        let between = later.to.since(self.to).as_nanos();
        let windows = (between + length / 2) / length;
        let off = between.abs_diff(windows * length);
        let width = |it: &Self| it.to.since(it.from);
        let slack = width(self).max(width(later)).max(SLACK);
        // Brackets as wide as half a window agree with anything.
        let sharp = slack.as_nanos() * 4 < length;
        let all = later.accepted.minus(self.accepted).amount;
        let each = all / crate::number::float(windows.max(1));
        (windows > 0 && sharp && off <= slack.as_nanos() && each >= 1.0).then_some(each)
    }
}

impl Known {
    /// The same with windows of the next shorter length of which a whole number makes one of these.
    fn shorter(&self) -> Option<Self> {
        let own = self.length.as_nanos();
        let parts = |length: Span| own / length.as_nanos();
        let mut lengths = LENGTHS.into_iter().filter(|it| it.as_nanos() < own);
        let length = lengths.find(|it| own.is_multiple_of(it.as_nanos()))?;
        let holds = self.holds / crate::number::float(parts(length));
        let mut next = self.next;
        while next > self.began + length {
            next = Instant::from_nanos(next.as_nanos() - length.as_nanos());
        }
        Some(Self { length, holds, next, ..*self })
    }

    /// What is left of the present window, and when the next begins.
    fn left(&self, now: Instant, history: &History) -> (f64, Instant) {
        let next = self.next_after(now);
        if now >= self.next {
            return (self.allowed(), next);
        }
        let used = history.total().minus(self.before).amount;
        let left = if self.spent { 0.0 } else { self.allowed() - used };
        (left, next)
    }

    /// What is sent in the present window.
    fn allowed(&self) -> f64 {
        if self.quiet >= MORE_EVERY { self.holds * (1.0 + self.more) + 2.0 } else { self.holds }
    }

    /// The first begin of a window after `now`.
    fn next_after(&self, now: Instant) -> Instant {
        if now < self.next {
            return self.next;
        }
        let length = self.length.as_nanos();
        let windows = now.since(self.next).as_nanos() / length + 1;
        self.next + Span::from_nanos(windows * length)
    }

    /// A window begins in which nothing has been used; so much was in the one before.
    fn begin(&mut self, now: Instant, accepted: Sum, used: f64) {
        if self.quiet >= MORE_EVERY {
            // More went through than was thought to: so it holds that much.
            let went_through = used > self.holds + 1.0;
            self.more = if went_through { (2.0 * self.more).min(MORE_MAX) } else { self.more };
            self.quiet = if went_through { MORE_EVERY } else { 1 };
            self.holds = self.holds.max(used);
        } else {
            self.quiet += 1;
        }
        self.spent = false;
        self.began = now;
        self.before = accepted;
        let last = self.next;
        self.next = self.next_after(now);
        // Where the end is not known well, the middle of what is possible is tried.
        let width = self.to.since(self.from);
        let ends = self.to + self.windows_until(last, self.to);
        if width > NARROW {
            let earlier = width.div(2);
            let next = ends + self.length;
            self.next = Instant::from_nanos(next.as_nanos().saturating_sub(earlier.as_nanos()));
        } else {
            self.next = ends + self.length;
        }
    }

    /// The whole number of windows from `from` to about `until`.
    fn windows_until(&self, until: Instant, from: Instant) -> Span {
        let length = self.length.as_nanos();
        let windows = (until.since(from).as_nanos() + length / 2) / length;
        Span::from_nanos(windows * length)
    }

    /// A call sent then was refused, though the window before should have ended.
    fn not_ended_by(&mut self, sent_at: Instant) {
        self.missed += 1;
        let shift = self.windows_until(sent_at, self.to);
        let from = self.from + shift;
        let to = (self.to + shift).max(sent_at + NARROW);
        self.from = from.max(sent_at);
        self.to = to;
        let middle = to.since(self.from).div(2);
        self.next = if to.since(self.from) > NARROW { self.from + middle } else { to };
    }

    /// Calls went through again: the end of a window lies in `bracket`.
    fn ended(&mut self, bracket: Bracket) {
        self.missed = 0;
        let shift = self.windows_until(bracket.to, self.to);
        let to = (self.to + shift).min(bracket.to);
        let from = (self.from + shift).max(bracket.from).min(to);
        (self.from, self.to) = (from, to);
    }
}
