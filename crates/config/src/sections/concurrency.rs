//! Reading `concurrency`: a number of slots, or a table with their lease, and how the number is learned.

use tidegate_units::{Concurrency, InFlightPolicy, PolicyError};

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::{Expected, Problem};

/// What can be said of the slots of a part.
const KEYS: [&str; 2] = ["slots", "lease"];
/// What can be said of those of a service.
const SERVICE_KEYS: [&str; 6] = ["slots", "lease", "learn", "min", "max", "tolerance"];
/// What says something only beside `learn`.
const LEARN_KEYS: [&str; 3] = ["min", "max", "tolerance"];

/// The slots of a part below the key `concurrency`; `None` where there is no such key.
pub(super) fn read(at: &Cursor<'_>, problems: &mut Problems) -> Option<Concurrency> {
    read_slots(&at.get("concurrency")?, &KEYS, problems)
}

/// The slots of a service below the key `concurrency`, and how their number is learned.
pub(super) fn read_learned(
    at: &Cursor<'_>,
    problems: &mut Problems,
) -> (Option<Concurrency>, Option<InFlightPolicy>) {
    let Some(at) = at.get("concurrency") else { return (None, None) };
    let concurrency = read_slots(&at, &SERVICE_KEYS, problems);
    let Some(Concurrency { slots, .. }) = concurrency else { return (None, None) };
    let Some(learn) = at.get("learn") else {
        for key in LEARN_KEYS {
            if let Some(at) = at.get(key) {
                at.fault(Problem::NotLearned { key }, problems);
            }
        }
        return (concurrency, None);
    };
    let text = learn.text(Expected::Learn, problems);
    let algorithm = text.and_then(|text| learn.valid(text.parse(), problems));
    let default = InFlightPolicy::default();
    let refused = |text| PolicyError::Slots { text };
    let policy = InFlightPolicy {
        algorithm: algorithm.unwrap_or_default(),
        min: at.count_or("min", default.min, refused, problems),
        max: at.count_or("max", default.max.max(slots), refused, problems),
        tolerance: at.share_or("tolerance", default.tolerance, problems),
    };
    at.note(policy.faults(), problems);
    if concurrency.is_some_and(|slots| slots.faults().is_empty()) && at.get("slots").is_some() {
        at.note(policy.fault_of_start(slots).into_iter().collect(), problems);
    }
    (concurrency, Some(policy))
}

fn read_slots(at: &Cursor<'_>, known: &[&str], problems: &mut Problems) -> Option<Concurrency> {
    let refused = |text| PolicyError::Slots { text };
    let concurrency = if at.is_number() {
        Concurrency::slots(at.count(refused, problems)?)
    } else if at.is_table() {
        read_table(at, known, refused, problems)
    } else {
        at.wrong_type(Expected::Concurrency, problems);
        return None;
    };
    at.note(concurrency.faults(), problems);
    Some(concurrency)
}

fn read_table(
    at: &Cursor<'_>,
    known: &[&str],
    refused: fn(String) -> PolicyError,
    problems: &mut Problems,
) -> Concurrency {
    at.check_keys(known, problems);
    // An unknown key may well be what is missing; then one fault says enough.
    let all_known = at.entries(problems).iter().all(|(key, _)| known.contains(key));
    if at.get("slots").is_none() && all_known {
        at.fault(Problem::NoSlots, problems);
    }
    // One slot stands in for what is missing or refused.
    let Concurrency { slots, lease } = Concurrency::slots(1);
    Concurrency {
        slots: at.count_or("slots", slots, refused, problems),
        lease: at.span_or("lease", lease, problems),
    }
}
