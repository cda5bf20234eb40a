//! Error codes of databases.
//!
//! # Invariants
//!
//! - SIG-3: an extended code of `SQLite` means what its primary code means.

use tidegate_units::Outcome;

/// The part of an extended code that is the primary one.
const SQLITE_PRIMARY: i32 = 0xFF;

/// The classes of success, warnings, and no data.
const OF_SUCCESS: [&str; 3] = ["00", "01", "02"];

pub(super) const fn sqlite(code: i32) -> Outcome {
    match code & SQLITE_PRIMARY {
        // OK, ROW and DONE.
        0 | 100 | 101 => Outcome::Ok,
        // BUSY, LOCKED, and PROTOCOL: the race for the locks of a write-ahead log was lost too often.
        5 | 6 | 15 => Outcome::Contention,
        // NOMEM.
        7 => Outcome::Overloaded,
        // INTERRUPT: the caller asked for it.
        9 => Outcome::Cancelled,
        // FULL.
        13 => Outcome::QuotaExhausted,
        _ => Outcome::Failed,
    }
}

pub(super) fn postgres(sqlstate: &str) -> Outcome {
    match sqlstate {
        // Serialisation failure, deadlock, lock not available, object in use.
        "40001" | "40P01" | "55P03" | "55006" => Outcome::Contention,
        // Disk full.
        "53100" => Outcome::QuotaExhausted,
        // Insufficient resources, out of memory, too many connections, cannot connect now.
        "53000" | "53200" | "53300" | "57P03" => Outcome::Overloaded,
        _ if sqlstate.len() == 5 && OF_SUCCESS.iter().any(|class| sqlstate.starts_with(class)) => {
            Outcome::Ok
        }
        _ => Outcome::Failed,
    }
}

pub(super) const fn mysql(code: u16) -> Outcome {
    match code {
        0 => Outcome::Ok,
        // Lock wait timeout, deadlock, deadlock of a distributed transaction, NOWAIT.
        1205 | 1213 | 1614 | 3572 => Outcome::Contention,
        // Disk full, table full.
        1021 | 1114 => Outcome::QuotaExhausted,
        // Too many connections, in all and of one user; no memory, no resources, no room for locks, too many
        // transactions.
        1037 | 1040 | 1041 | 1203 | 1206 | 1637 => Outcome::Overloaded,
        // A user's statements, updates or connections per hour.
        1226 => Outcome::RateLimited,
        // The query was interrupted.
        1317 => Outcome::Cancelled,
        _ => Outcome::Failed,
    }
}
