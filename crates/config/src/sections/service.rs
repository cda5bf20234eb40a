//! Reading one service, and the guard that all its limits share.

use tidegate_units::{DimensionName, Limit, Span};

use super::{adaptive, breaker, concurrency, provider, queue, retry, scoped};
use crate::ServiceConfig;
use crate::cursor::Cursor;
use crate::error::Problems;
use crate::limits::{self, Stated};

const KEYS: [&str; 11] = [
    "provider",
    "limits",
    "guard",
    "concurrency",
    "queue",
    "adaptive",
    "retry",
    "breaker",
    "models",
    "endpoints",
    "each",
];

/// Reads the service at `at`, whose limits may count the built-in dimensions and those `declared`.
pub(super) fn read(
    at: &Cursor<'_>,
    declared: &[DimensionName],
    problems: &mut Problems,
) -> ServiceConfig {
    at.check_keys(&KEYS, problems);
    let guard = at.get("guard");
    let span = guard.as_ref().and_then(|at| at.span(problems));
    let mut limits = Limits { declared, guard: span, shortest: None };
    let (concurrency, in_flight) = concurrency::read_learned(at, problems);
    let service = ServiceConfig {
        provider: provider::read(at, problems),
        limits: limits.read(at, problems),
        queue: at.get("queue").map(|at| queue::read(&at, declared, problems)).unwrap_or_default(),
        concurrency,
        in_flight,
        adaptive: adaptive::read(at, declared, problems),
        retry: at.get("retry").map(|at| retry::read(&at, problems)).unwrap_or_default(),
        breaker: breaker::read(at, problems),
        scoped: scoped::read(at, &mut limits, problems),
    };
    if let Some(at) = guard {
        limits.check_guard(&at, problems);
    }
    service
}

/// What holds for every limit of one service, its own and those of its parts.
pub(super) struct Limits<'d> {
    declared: &'d [DimensionName],
    guard: Option<Span>,
    /// The limit with the shortest window of those that state no guard.
    shortest: Option<Limit>,
}

impl Limits<'_> {
    /// The limits below the key `limits`, with the service's guard where they state none.
    pub(super) fn read(&mut self, at: &Cursor<'_>, problems: &mut Problems) -> Vec<Limit> {
        let Some(at) = at.get("limits") else { return Vec::new() };
        let stated = limits::read(&at, self.declared, problems);
        stated.into_iter().map(|stated| self.guarded(stated)).collect()
    }

    fn guarded(&mut self, Stated { limit, has_guard }: Stated) -> Limit {
        if has_guard {
            return limit;
        }
        if self.shortest.as_ref().is_none_or(|shortest| limit.window() < shortest.window()) {
            self.shortest = Some(limit.clone());
        }
        match self.guard {
            // A guard that is too long for this limit is too long for the shortest.
            Some(guard) => limit.clone().guard(guard).unwrap_or(limit),
            None => limit,
        }
    }

    /// Notes a fault at `at` unless the guard fits the shortest window that it is for.
    fn check_guard(self, at: &Cursor<'_>, problems: &mut Problems) {
        if let (Some(guard), Some(shortest)) = (self.guard, self.shortest) {
            at.valid(shortest.guard(guard), problems);
        }
    }
}
