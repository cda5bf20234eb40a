//! A service in virtual time, with a limit that it keeps, and a program that always has calls to make.

use std::collections::VecDeque;

use tidegate_adaptive::{Answer, Controller, Hint, Law, Reset};
use tidegate_units::{Amounts, Cost, Dimension, Instant, Outcome, Priority, Span};

/// How long an answer takes.
const TRIP: Span = Span::from_millis(100);

/// How the service counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counts {
    /// A bucket that holds so many.
    Bucket(f64),
    /// Windows of so many seconds.
    Windows(u32),
}

/// What the service does with calls.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) per_second: f64,
    pub(crate) counts: Counts,
    /// Whether it says what is left.
    pub(crate) tells: bool,
    /// What it says is left on top of what is.
    pub(crate) lies: u64,
    pub(crate) level: f64,
    pub(crate) at: Instant,
}

/// What a program saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) accepted: u32,
    pub(crate) refused: u32,
    pub(crate) sent_at: Vec<Instant>,
}

impl Service {
    pub(crate) fn new(per_second: f64, counts: Counts) -> Self {
        let level = match counts {
            Counts::Bucket(burst) => burst,
            Counts::Windows(seconds) => per_second * f64::from(seconds),
        };
        Self { per_second, counts, tells: false, lies: 0, level, at: Instant::ZERO }
    }

    /// Decides on a call at `now`.
    fn accepts(&mut self, now: Instant) -> bool {
        match self.counts {
            Counts::Bucket(burst) => {
                let back = self.per_second * now.since(self.at).as_secs_f64();
                self.level = (self.level + back).min(burst);
            }
            Counts::Windows(seconds) => {
                let length = Span::from_secs(seconds.into()).as_nanos();
                if now.as_nanos() / length > self.at.as_nanos() / length {
                    self.level = self.per_second * f64::from(seconds);
                }
            }
        }
        self.at = now;
        let accepted = self.level >= 1.0;
        self.level -= if accepted { 1.0 } else { 0.0 };
        accepted
    }

    fn hint(&self) -> Option<Hint> {
        let Counts::Bucket(burst) = self.counts else {
            return None;
        };
        let whole = |amount: f64| Span::from_secs_f64(amount.max(0.0) / 1e9).as_nanos();
        let full = Span::from_secs_f64((burst - self.level) / self.per_second);
        self.tells.then(|| Hint {
            limit: Some(whole(self.per_second * 60.0)),
            remaining: Some(whole(self.level.floor()) + self.lies),
            reset: Some(Reset::Full(full)),
            window: Some(Span::from_secs(60)),
            ..Hint::of(Dimension::Requests)
        })
    }
}

/// Calls as fast as the law lets it, from `from` to `until`.
pub(crate) fn call(
    law: &mut Law,
    service: &mut Service,
    (from, until): (Instant, Instant),
) -> Seen {
    let (cost, none) = (Cost::request(), Amounts::NONE);
    let mut seen = Seen::default();
    let mut under_way: VecDeque<(Instant, Instant, bool, Option<Hint>)> = VecDeque::new();
    let mut now = from;
    while now < until {
        law.waits(now, true);
        let ready = law.earliest(now, &cost, Priority::Normal);
        let answer_at = under_way.front().map(|(_, at, _, _)| *at);
        if let Some(at) = answer_at.filter(|at| *at <= ready.max(now))
            && let Some((sent_at, _, accepted, hint)) = under_way.pop_front()
        {
            now = now.max(at);
            let outcome = if accepted { Outcome::Ok } else { Outcome::RateLimited };
            let hints: Vec<Hint> = hint.into_iter().collect();
            let (debt, refund, hints) = (&none, &none, hints.as_slice());
            let answer =
                Answer { sent_at, cost: &cost, debt, refund, outcome, retry_after: None, hints };
            law.answered(now, &answer);
            continue;
        }
        if ready > now {
            now = ready.min(now + Span::from_secs(1));
            continue;
        }
        law.sent(now, &cost);
        let accepted = service.accepts(now);
        *(if accepted { &mut seen.accepted } else { &mut seen.refused }) += 1;
        seen.sent_at.push(now);
        under_way.push_back((now, now + TRIP, accepted, service.hint()));
    }
    seen
}
