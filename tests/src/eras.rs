//! What a service would hold against a limiter whose limits changed on the way.
//!
//! A limit that was in force from one instant to another is checked in two ways. Alone: what arrived
//! while it was in force fits it, as if there had been nothing else. Together with its predecessor of
//! the same kind: what arrived under both fits the larger of the two, counted over the shorter window,
//! so that a window which overlaps the change holds no more than one or the other allowed.
//!
//! After a reset, and where a limit had no predecessor, there is no second check: what was spent
//! before is forgotten or was never counted.
//!
//! Changes are placed between arrivals, not at instants: many things happen at one instant.

use tidegate_units::{EnforcedAs, Instant, Limit};

use crate::{Arrival, excess};

/// The limits of one place over time.
#[derive(Debug, Clone)]
pub struct Eras(Vec<Era>);

/// Limits that were in force together.
#[derive(Debug, Clone)]
struct Era {
    limits: Vec<Limit>,
    /// How many calls had arrived when they were made the limits.
    from: usize,
    /// How many had when they held everywhere, if they ever did.
    held_from: Option<usize>,
    /// What was used before was forgotten.
    reset: bool,
}

impl Eras {
    /// Limits that held from the start.
    pub fn new(limits: Vec<Limit>) -> Self {
        Self(vec![Era { limits, from: 0, held_from: Some(0), reset: true }])
    }

    /// The limits now.
    pub fn limits(&self) -> &[Limit] {
        self.0.last().map_or(&[], |era| &era.limits)
    }

    /// After `arrived` calls these became the limits.
    pub fn changed(&mut self, arrived: usize, limits: Vec<Limit>, reset: bool) {
        self.0.push(Era { limits, from: arrived, held_from: None, reset });
    }

    /// After `arrived` calls, or before, the limits hold everywhere.
    pub fn hold(&mut self, arrived: usize) {
        if let Some(era) = self.0.last_mut() {
            era.held_from.get_or_insert(arrived);
        }
    }

    /// By how much any limit was passed, with what it was; `arrivals` in their order.
    pub fn passed(&self, arrivals: &[Arrival]) -> Option<String> {
        let end = |index: usize| self.0.get(index + 1).map_or(arrivals.len(), |next| next.from);
        for (index, era) in self.0.iter().enumerate() {
            let Some(from) = era.held_from else { continue };
            let alone = &arrivals[from..end(index)];
            if let Some(limit) = era.limits.iter().find(|limit| over(limit, alone) > 0) {
                return Some(format!("{limit}, in force after {from} calls"));
            }
            let Some(next) = self.0.get(index + 1).filter(|next| !next.reset) else { continue };
            let both = &arrivals[from..end(index + 1)];
            let pairs = era.limits.iter().filter_map(|old| larger(old, &next.limits));
            if let Some(limit) = pairs.into_iter().find(|limit| over(limit, both) > 0) {
                return Some(format!("{limit}, across the change after {} calls", next.from));
            }
        }
        None
    }
}

/// A limit that lets through what `old` does, and what its only successor does.
fn larger(old: &Limit, successors: &[Limit]) -> Option<Limit> {
    let mut same = successors.iter().filter(|new| new.dimension() == old.dimension());
    let (new, None) = (same.next()?, same.next()) else { return None };
    let is_bucket = |limit: &Limit| limit.shape() == EnforcedAs::TokenBucket;
    match (is_bucket(old), is_bucket(new)) {
        (true, true) => {
            let per = |limit: &Limit, other: &Limit| {
                u128::from(limit.amount()) * u128::from(other.window().as_nanos())
            };
            let faster = if per(old, new) > per(new, old) { old } else { new };
            faster.clone().burst(old.burst_amount().max(new.burst_amount())).ok()
        }
        (false, false) => {
            let amount = old.amount().max(new.amount());
            Limit::new(old.dimension(), amount, old.window().min(new.window())).ok()
        }
        _ => None,
    }
}

/// How much more arrived than a limit lets through.
fn over(limit: &Limit, arrivals: &[Arrival]) -> u64 {
    match limit.shape() {
        EnforcedAs::TokenBucket => over_bucket(limit, arrivals),
        _ => excess(limit, arrivals),
    }
}

/// By how much any interval goes beyond what a bucket lets through.
fn over_bucket(limit: &Limit, arrivals: &[Arrival]) -> u64 {
    let window = u128::from(limit.window().as_nanos());
    let full = u128::from(limit.burst_amount()) * window;
    // A bucket filled with what arrives, in units of 1 / window.
    let (mut level, mut at) = (0_u128, Instant::ZERO);
    let mut over = 0;
    for arrival in arrivals {
        let leaked = u128::from(arrival.at.since(at).as_nanos()) * u128::from(limit.amount());
        let amount = if limit.dimension().is_tokens() { arrival.tokens } else { 1 };
        level = level.saturating_sub(leaked) + u128::from(amount) * window;
        at = arrival.at;
        over = over.max(level.saturating_sub(full).div_ceil(window));
    }
    u64::try_from(over).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use tidegate_units::Span;

    use super::*;

    fn limit(amount: u64) -> Limit {
        Limit::new(tidegate_units::Dimension::Requests, amount, Span::from_secs(1))
            .expect("a limit")
    }

    fn arrivals(millis: &[u64]) -> Vec<Arrival> {
        let at = |millis: &u64| Instant::ZERO + Span::from_millis(*millis);
        millis.iter().map(|millis| Arrival { at: at(millis), tokens: 0 }).collect()
    }

    #[test]
    fn a_window_over_a_change_may_hold_the_larger_amount_and_no_more() {
        let mut eras = Eras::new(vec![limit(3)]);
        eras.changed(2, vec![limit(2)], false);
        eras.hold(2);
        assert_eq!(eras.passed(&arrivals(&[0, 100, 600])), None);
        assert!(eras.passed(&arrivals(&[0, 100, 600, 700])).expect("four").contains("across"));
        let three = arrivals(&[0, 100, 1_600, 1_700, 1_800]);
        assert!(eras.passed(&three).expect("three").contains("in force"));
        assert_eq!(eras.passed(&arrivals(&[0, 100, 1_200, 1_300])), None);
    }

    #[test]
    fn limits_that_do_not_hold_yet_are_not_asked_for() {
        let mut eras = Eras::new(vec![limit(3)]);
        eras.changed(1, vec![limit(1)], false);
        assert_eq!(eras.passed(&arrivals(&[0, 600, 700])), None);
        eras.hold(2);
        assert_eq!(eras.passed(&arrivals(&[0, 600, 700])), None);
        assert!(eras.passed(&arrivals(&[0, 600, 700, 800])).is_some());
        eras.changed(3, vec![limit(4)], true);
        eras.hold(3);
        assert_eq!(eras.passed(&arrivals(&[0, 0, 0, 1, 1, 1, 1])), None, "a reset");
    }
}
