//! What rules and states look like before anybody has checked them, and what may be wrong with them.
//!
//! What is read back from a file or from the wire was written by somebody else, if only by an earlier
//! version. Every rule and state is decoded into a plain struct of this module first and becomes its
//! own type only when it could also have come about by use: then no number in it can make a rule divide
//! by zero, grow beyond its bound or give back what nobody spent.

use std::collections::VecDeque;

use serde::Deserialize;
use thiserror::Error;
use tidegate_units::{Instant, Span};

use crate::sliding_counter::SEGMENTS_MAX;

/// Why a decoded rule is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum RuleError {
    #[error("an amount of 0 per window: use 1 to {}", u64::MAX)]
    Amount,
    #[error("a window of 0s: use 1ns or more")]
    Window,
    #[error("a capacity of 0: use 1 to {}", u64::MAX)]
    Capacity,
    #[error("a window of {segments} segments: use 1 to {SEGMENTS_MAX}")]
    Segments { segments: u64 },
}

/// Why a decoded state is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum StateError {
    #[error("{given} entries: keep at most {most}, and merge the oldest")]
    TooMany { given: usize, most: usize },
    #[error(
        "entry {index} is not later than the one before it: list them oldest first, each instant once"
    )]
    Order { index: usize },
    #[error("entry {index} is of 0 permits: use 1 to {}, or leave it out", u64::MAX)]
    Nothing { index: usize },
    #[error("{recorded} permits recorded, but the entries add up to {sum}: use the sum")]
    Sum { recorded: u128, sum: u128 },
    #[error("an entry later than anything recorded: use instants up to that")]
    EntriesAhead,
    #[error(
        "low {index} does not lie above the one before it, or was noted earlier: list rising values, oldest first"
    )]
    Lows { index: usize },
    #[error("a low noted after the bucket was last touched: use instants up to that")]
    LowsAhead,
}

/// A bucket's rule as it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct BucketRule {
    amount: u64,
    window: Span,
    capacity: u64,
}

impl BucketRule {
    /// Amount, window and capacity, none of them zero.
    pub(crate) fn checked(self) -> Result<(u64, Span, u64), RuleError> {
        check_rate(self.amount, self.window)?;
        match self.capacity {
            0 => Err(RuleError::Capacity),
            capacity => Ok((self.amount, self.window, capacity)),
        }
    }
}

/// A log's rule as it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct LogRule {
    amount: u64,
    window: Span,
}

impl LogRule {
    /// Amount and window, neither of them zero.
    pub(crate) fn checked(self) -> Result<(u64, Span), RuleError> {
        check_rate(self.amount, self.window)?;
        Ok((self.amount, self.window))
    }
}

/// A counter's rule as it was written.
#[derive(Debug, Deserialize)]
pub(crate) struct CounterRule {
    amount: u64,
    window: Span,
    segments: u64,
}

impl CounterRule {
    /// Amount, window and segments, in their ranges.
    pub(crate) fn checked(self) -> Result<(u64, Span, u64), RuleError> {
        check_rate(self.amount, self.window)?;
        match self.segments {
            segments @ 1..=SEGMENTS_MAX => Ok((self.amount, self.window, segments)),
            segments => Err(RuleError::Segments { segments }),
        }
    }
}

fn check_rate(amount: u64, window: Span) -> Result<(), RuleError> {
    match (amount, window.is_zero()) {
        (0, _) => Err(RuleError::Amount),
        (_, true) => Err(RuleError::Window),
        _ => Ok(()),
    }
}

/// Answers what the entries add up to, if they rise strictly, are of something each, and are at most
/// `most`.
pub(crate) fn check_entries(
    entries: impl ExactSizeIterator<Item = (Instant, u64)>,
    most: usize,
) -> Result<u128, StateError> {
    let given = entries.len();
    if given > most {
        return Err(StateError::TooMany { given, most });
    }
    let mut newest = None;
    let mut sum = 0;
    for (index, (at, amount)) in entries.enumerate() {
        if newest.is_some_and(|newest| newest >= at) {
            return Err(StateError::Order { index });
        }
        if amount == 0 {
            return Err(StateError::Nothing { index });
        }
        newest = Some(at);
        sum += u128::from(amount);
    }
    Ok(sum)
}

/// Whether values rise strictly, instants do not fall, and there are at most `most`.
pub(crate) fn check_lows(lows: &VecDeque<(Instant, u128)>, most: usize) -> Result<(), StateError> {
    if lows.len() > most {
        return Err(StateError::TooMany { given: lows.len(), most });
    }
    let pairs = lows.iter().zip(lows.iter().skip(1));
    let falls = |((at, low), (next_at, next)): (&(Instant, u128), &(Instant, u128))| {
        next_at < at || next <= low
    };
    match pairs.map(falls).position(|falls| falls) {
        Some(before) => Err(StateError::Lows { index: before + 1 }),
        None => Ok(()),
    }
}
