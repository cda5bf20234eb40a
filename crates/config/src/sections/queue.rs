//! Reading `queue`: how many calls may wait, for how long, and who is next.

use tidegate_units::{
    Amounts, Dimension, DimensionName, Key, Overflow, PolicyError, Priority, QueuePolicy, Share,
};

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::limits;
use crate::problem::{Expected, Problem, excerpt};

const KEYS: [&str; 9] = [
    "capacity",
    "timeout",
    "overflow",
    "max_cost",
    "strict",
    "shares",
    "floors",
    "backfill",
    "fair_between",
];

/// Reads a queue whose costs may be in the built-in dimensions and those `declared`.
pub(super) fn read(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> QueuePolicy {
    at.check_keys(&KEYS, problems);
    let default = QueuePolicy::default();
    let max_cost = at.get("max_cost").map(|at| read_max_cost(&at, declared, problems));
    let queue = QueuePolicy {
        capacity: read_capacity(at, default.capacity, problems),
        timeout: at.span_or("timeout", default.timeout, problems),
        overflow: at
            .get("overflow")
            .and_then(|at| read_overflow(&at, problems))
            .unwrap_or_default(),
        max_cost: max_cost.unwrap_or(default.max_cost),
        strict: match at.get("strict") {
            Some(at) => read_strict(&at, problems),
            None => default.strict,
        },
        shares: read_shares(at, "shares", default.shares, problems),
        floors: read_shares(at, "floors", default.floors, problems),
        backfill: at.span_or("backfill", default.backfill, problems),
        fair_between: at.get("fair_between").and_then(|at| {
            let text = at.text(Expected::KeyName, problems)?;
            at.valid(Key::name_of(text), problems)
        }),
    };
    at.note(queue.faults(), problems);
    queue
}

fn read_capacity(at: &Cursor<'_>, default: usize, problems: &mut Problems) -> usize {
    let refused = |text| PolicyError::Capacity { text };
    let capacity = at.get("capacity").and_then(|at| at.whole(refused, problems));
    capacity.map_or(default, |capacity| usize::try_from(capacity).unwrap_or(usize::MAX))
}

fn read_overflow(at: &Cursor<'_>, problems: &mut Problems) -> Option<Overflow> {
    let text = at.text(Expected::Overflow, problems)?;
    at.valid(text.parse(), problems)
}

/// The least urgent class that is served strictly; `None` if no class is.
fn read_strict(at: &Cursor<'_>, problems: &mut Problems) -> Option<Priority> {
    let text = at.text(Expected::Strict, problems)?;
    if text == "none" {
        return None;
    }
    let class = text.parse().map_err(|_| Problem::Strict { text: excerpt(text) });
    at.valid(class, problems)
}

fn read_max_cost(at: &Cursor<'_>, declared: &[DimensionName], problems: &mut Problems) -> Amounts {
    let mut amounts = Amounts::NONE;
    for (name, at) in at.entries(problems) {
        let Some(dimension) = limits::known_dimension(name, declared) else {
            at.fault(limits::unknown_dimension(name, declared), problems);
            continue;
        };
        if let Some(amount) = at.whole(|text| refused(dimension, text), problems) {
            amounts.set(dimension, amount);
        }
    }
    amounts
}

fn refused(dimension: Dimension, text: String) -> PolicyError {
    match dimension {
        Dimension::Slots => PolicyError::MaxCostOfSlots,
        _ => PolicyError::MaxCost { dimension, text },
    }
}

/// A share for each class; one that is not named keeps its `default`.
fn read_shares(
    at: &Cursor<'_>,
    key: &str,
    default: [Share; Priority::ALL.len()],
    problems: &mut Problems,
) -> [Share; Priority::ALL.len()] {
    let Some(at) = at.get(key) else { return default };
    at.check_keys(&Priority::ALL.map(Priority::name), problems);
    let mut shares = default;
    for (class, share) in Priority::ALL.into_iter().zip(&mut shares) {
        if let Some(at) = at.get(class.name()) {
            // A share that was refused is nothing, so that it makes no sum too large.
            *share = at.share(problems).unwrap_or(Share::NONE);
        }
    }
    shares
}
