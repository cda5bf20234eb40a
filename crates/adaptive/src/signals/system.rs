//! Numbers of the operating system, kinds of errors, exit codes of programs.
//!
//! # Invariants
//!
//! - SIG-1: what is full is never taken for a rate or for contention.

use std::io::ErrorKind;
use std::process::ExitStatus;

use tidegate_units::Outcome;

/// What a number of Linux means; `None` for one that says nothing here.
pub(super) const fn errno(number: i32) -> Option<Outcome> {
    Some(match number {
        // EINTR: the call was broken off from this side.
        4 => Outcome::Cancelled,
        // EAGAIN or EWOULDBLOCK, EBUSY, ETXTBSY, EDEADLK: somebody else has it.
        11 | 16 | 26 | 35 => Outcome::Contention,
        // ENOMEM, ENFILE, EMFILE, ENOLCK, ENOBUFS: too much at a time.
        12 | 23 | 24 | 37 | 105 => Outcome::Overloaded,
        // ENOSPC, EDQUOT.
        28 | 122 => Outcome::QuotaExhausted,
        // ECONNRESET, ETIMEDOUT, ECONNREFUSED: nobody knows why.
        104 | 110 | 111 => Outcome::Failed,
        _ => return None,
    })
}

pub(super) const fn kind(kind: ErrorKind) -> Outcome {
    match kind {
        ErrorKind::Interrupted => Outcome::Cancelled,
        ErrorKind::WouldBlock
        | ErrorKind::ResourceBusy
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::Deadlock => Outcome::Contention,
        ErrorKind::OutOfMemory => Outcome::Overloaded,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Outcome::QuotaExhausted,
        _ => Outcome::Failed,
    }
}

/// What an exit code means by custom, where the program said nothing that is understood.
pub(super) const fn exit(code: i32) -> Outcome {
    match code {
        0 => Outcome::Ok,
        // EX_TEMPFAIL of sysexits.h: try again later. And killed for good, which mostly the kernel does, where
        // there is no memory.
        75 | 137 => Outcome::Overloaded,
        // Interrupted from the keyboard, or asked to end.
        130 | 143 => Outcome::Cancelled,
        // Among these 124, by which `timeout` says that a program took too long.
        _ => Outcome::Failed,
    }
}

/// The exit code, in the way of shells where the program was killed.
#[cfg(unix)]
pub(super) fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;

    let killed = || status.signal().map(|signal| signal.saturating_add(128));
    status.code().or_else(killed).unwrap_or(-1)
}

/// The exit code.
#[cfg(not(unix))]
pub(super) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}
