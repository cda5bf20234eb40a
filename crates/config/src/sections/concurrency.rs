//! Reading `concurrency`: a number of slots, or a table with their lease.

use tidegate_units::{Concurrency, PolicyError};

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::{Expected, Problem};

const KEYS: [&str; 2] = ["slots", "lease"];

/// The slots below the key `concurrency`; `None` where there is no such key.
pub(super) fn read(at: &Cursor<'_>, problems: &mut Problems) -> Option<Concurrency> {
    let at = at.get("concurrency")?;
    let refused = |text| PolicyError::Slots { text };
    let concurrency = if at.is_number() {
        Concurrency::slots(at.count(refused, problems)?)
    } else if at.is_table() {
        read_table(&at, refused, problems)
    } else {
        at.wrong_type(Expected::Concurrency, problems);
        return None;
    };
    at.note(concurrency.faults(), problems);
    Some(concurrency)
}

fn read_table(
    at: &Cursor<'_>,
    refused: fn(String) -> PolicyError,
    problems: &mut Problems,
) -> Concurrency {
    at.check_keys(&KEYS, problems);
    // An unknown key may well be what is missing; then one fault says enough.
    let all_known = at.entries(problems).iter().all(|(key, _)| KEYS.contains(key));
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
