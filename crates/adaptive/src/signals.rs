//! What is said by those who do not speak HTTP: databases, files, the operating system, programs.
//!
//! A database that is locked, a disk that is full and a program that was told 429 say, each in its own
//! numbers and words, what a status says elsewhere: somebody else holds it, there is no more of it, come
//! later. [`Signal`] is what was seen, [`Signal::outcome`] what it means for a limiter, so that the same
//! queue, pace and breaker stand before all of them.
//!
//! | outcome | what is told so | what helps |
//! |---|---|---|
//! | `contention` | locks, busy files, deadlocks, conflicts of transactions | fewer at a time, and again soon |
//! | `overloaded` | too many connections, no memory, no more open files, a database that is starting | fewer at a time, and again later |
//! | `quota_exhausted` | no space, a quota of a disk | nothing but space |
//! | `rate_limited` | a 429 that a program passes on | a lower pace |
//! | `failed` | everything else, time-outs and refused connections among it | depends |
//!
//! It does not decide whether a call may be made again: after a serialisation failure, a deadlock or
//! `SQLITE_BUSY_SNAPSHOT` the whole transaction has to be.
//!
//! # Invariants
//!
//! - SIG-1: what is full is never taken for a rate or for contention, by whichever road it is told.
//! - SIG-2: no more than [`Signal::TEXT_MAX`] bytes of a text are looked at, and no text panics.
//! - SIG-3: an extended code of `SQLite` means what its primary code means.
//! - SIG-4: what is told by a number and by the words that go with it means the same.

use std::io;
use std::process::ExitStatus;

use tidegate_units::Outcome;

use crate::Observation;

mod database;
mod system;
mod text;

/// What a call that is no HTTP request ended with.
///
/// ```
/// use tidegate_adaptive::Signal;
/// use tidegate_units::Outcome;
///
/// assert_eq!(Signal::Sqlite { code: 517 }.outcome(), Outcome::Contention);
/// assert_eq!(Signal::Postgres { sqlstate: "53300" }.outcome(), Outcome::Overloaded);
/// assert_eq!(Signal::Errno { number: 28 }.outcome(), Outcome::QuotaExhausted);
///
/// let git = Signal::Exit {
///     code: 128,
///     stderr: b"fatal: unable to access 'https://example.org/': The requested URL returned error: 429",
/// };
/// assert_eq!(git.outcome(), Outcome::RateLimited);
/// // What is not known has failed, and says nothing about limits.
/// assert_eq!(Signal::MySql { code: 1064 }.outcome(), Outcome::Failed);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// A result code of `SQLite`, primary or extended.
    Sqlite {
        /// The code.
        code: i32,
    },
    /// An error of Postgres.
    Postgres {
        /// Its five characters, as in `40P01`.
        sqlstate: &'a str,
    },
    /// An error of `MySQL` or `MariaDB`.
    MySql {
        /// The number of the error.
        code: u16,
    },
    /// A number of the operating system, as Linux numbers them. Other systems number some in another way:
    /// there [`Signal::Io`] says more.
    Errno {
        /// The number.
        number: i32,
    },
    /// The kind of an error of the standard library.
    Io {
        /// The kind.
        kind: io::ErrorKind,
    },
    /// A program has ended.
    Exit {
        /// Its exit code; 128 and the number of the signal for one that was killed, as shells say it.
        code: i32,
        /// What it wrote to its standard error. Only the beginning and the end are looked at.
        stderr: &'a [u8],
    },
    /// An error of which only the message is known.
    Message {
        /// The message. Only the beginning and the end are looked at.
        text: &'a str,
    },
}

impl Signal<'_> {
    /// The most that is looked at of a text: 4 KiB from its beginning and 12 KiB from its end. Programs
    /// say why they fail first or last, and what they print in between may be anything.
    pub const TEXT_MAX: usize = text::HEAD + text::TAIL;

    /// What it means for a limiter.
    ///
    /// The words of a program are asked before its exit code, for most programs have one code for
    /// everything; a program that ended with 0 has done its work, whatever it wrote.
    pub fn outcome(&self) -> Outcome {
        match *self {
            Self::Sqlite { code } => database::sqlite(code),
            Self::Postgres { sqlstate } => database::postgres(sqlstate),
            Self::MySql { code } => database::mysql(code),
            Self::Errno { number } => system::errno(number).unwrap_or(Outcome::Failed),
            Self::Io { kind } => system::kind(kind),
            Self::Exit { code: 0, .. } => Outcome::Ok,
            Self::Exit { code, stderr } => text::read(stderr).unwrap_or_else(|| system::exit(code)),
            Self::Message { text } => text::read(text.as_bytes()).unwrap_or(Outcome::Failed),
        }
    }
}

impl Observation {
    /// What `signal` says of a call.
    ///
    /// ```
    /// use tidegate_adaptive::{Observation, Signal};
    /// use tidegate_units::Outcome;
    ///
    /// let seen = Observation::from_signal(&Signal::Message { text: "database is locked" });
    /// assert_eq!(seen.outcome, Outcome::Contention);
    /// ```
    pub fn from_signal(signal: &Signal<'_>) -> Self {
        Self::new(signal.outcome())
    }

    /// What an error of the standard library says of a call: the number of the operating system where it
    /// has one that is known, otherwise its kind.
    ///
    /// ```
    /// use std::io;
    ///
    /// use tidegate_adaptive::Observation;
    /// use tidegate_units::Outcome;
    ///
    /// let full = io::Error::from(io::ErrorKind::StorageFull);
    /// assert_eq!(Observation::from_io_error(&full).outcome, Outcome::QuotaExhausted);
    /// ```
    pub fn from_io_error(error: &io::Error) -> Self {
        let number = error.raw_os_error().filter(|_| cfg!(target_os = "linux"));
        let known = number.and_then(system::errno);
        Self::new(known.unwrap_or_else(|| system::kind(error.kind())))
    }

    /// What the end of a program says of a call, with what it wrote to its standard error.
    ///
    /// ```no_run
    /// use std::process::Command;
    ///
    /// use tidegate_adaptive::Observation;
    ///
    /// let done = Command::new("git").args(["fetch", "origin"]).output()?;
    /// let seen = Observation::from_exit(done.status, &done.stderr);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_exit(status: ExitStatus, stderr: &[u8]) -> Self {
        Self::from_signal(&Signal::Exit { code: system::code(status), stderr })
    }
}
