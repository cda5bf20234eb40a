//! What was sent when, and not refused: so that what a response says of a moment long past can be
//! brought up to date.

use std::collections::VecDeque;

use tidegate_units::{Instant, Span};

/// The most moments that are kept. With [`GRAIN`] between them that is 40 s of the densest traffic,
/// longer than most calls take; what is older is taken for unknown.
const MOMENTS_MAX: usize = 4_096;
/// Sends closer together than this are one moment.
const GRAIN: Span = Span::from_millis(10);

/// Sums over everything that was sent, by the instant of sending.
#[derive(Debug, Clone)]
pub(crate) struct History {
    moments: VecDeque<Moment>,
    /// All that was sent and not refused.
    total: Sum,
    /// What was sent before the first moment that is kept, and until when.
    forgotten: Sum,
    forgotten_until: Instant,
}

/// Calls, and what they cost together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sum {
    pub(crate) calls: f64,
    pub(crate) amount: f64,
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    /// What was sent in it.
    sent: Sum,
}

impl History {
    pub(crate) fn new(now: Instant) -> Self {
        let (total, forgotten) = (Sum::default(), Sum::default());
        Self { moments: VecDeque::new(), total, forgotten, forgotten_until: now }
    }

    /// A call was sent, or its size corrected, at `now`.
    pub(crate) fn sent(&mut self, now: Instant, sum: Sum) {
        self.total = self.total.plus(sum);
        if let Some(last) = self.moments.back_mut()
            && now.since(last.at) < GRAIN
        {
            last.sent = last.sent.plus(sum);
            return;
        }
        if self.moments.len() == MOMENTS_MAX
            && let Some(first) = self.moments.pop_front()
        {
            self.forgotten = self.forgotten.plus(first.sent);
            self.forgotten_until = first.at;
        }
        self.moments.push_back(Moment { at: now, sent: sum });
    }

    /// A call that was sent then was refused: it has taken nothing.
    pub(crate) fn refused(&mut self, sent_at: Instant, sum: Sum) {
        self.total = self.total.minus(sum);
        let after = self.moments.partition_point(|moment| moment.at <= sent_at);
        match after.checked_sub(1).and_then(|place| self.moments.get_mut(place)) {
            Some(moment) => moment.sent = moment.sent.minus(sum),
            None => self.forgotten = self.forgotten.minus(sum),
        }
    }

    /// All that was sent and not refused.
    pub(crate) fn total(&self) -> Sum {
        self.total
    }

    /// What was sent after `instant`, and not refused; `None` where that is not known any more.
    pub(crate) fn since(&self, instant: Instant) -> Option<Sum> {
        if instant < self.forgotten_until {
            return None;
        }
        let later = self.moments.iter().rev().take_while(|moment| moment.at > instant);
        Some(later.fold(Sum::default(), |sum, moment| sum.plus(moment.sent)))
    }
}

impl Sum {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { calls: self.calls + other.calls, amount: self.amount + other.amount }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self { calls: self.calls - other.calls, amount: self.amount - other.amount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    fn calls(calls: f64) -> Sum {
        Sum { calls, amount: calls * 100.0 }
    }

    #[test]
    fn what_was_sent_since_an_instant_is_known_less_what_was_refused() {
        let mut history = History::new(Instant::ZERO);
        for second in 1..=10 {
            history.sent(at(second * 1_000), calls(1.0));
        }
        assert_eq!(history.since(at(7_000)), Some(calls(3.0)));
        history.refused(at(9_000), calls(1.0));
        assert_eq!(history.since(at(7_000)), Some(calls(2.0)));
        assert_eq!(history.since(at(9_000)), Some(calls(1.0)), "it was sent before that");
        assert_eq!(history.total(), calls(9.0));
    }

    #[test]
    fn what_is_too_long_ago_is_not_known() {
        let mut history = History::new(Instant::ZERO);
        for millis in 0..20_000 {
            history.sent(at(millis * 10), calls(1.0));
        }
        assert!(history.moments.len() <= MOMENTS_MAX);
        assert_eq!(history.since(at(100)), None);
        assert_eq!(history.since(at(199_980)), Some(calls(1.0)));
        history.refused(at(1), calls(1.0));
        assert_eq!(history.total(), calls(19_999.0));
    }
}
