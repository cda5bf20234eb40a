//! Reservations: permits of the future, each promised for an instant.
//!
//! A caller who would have to wait is told until when, and the permit is kept for it; there is no
//! queue and nobody has to ask again. Two books are kept: what is due (the present), and what will
//! have been spent when everything promised has come due (the future). A promise is made at the first
//! instant at which the future has room, never before an earlier promise, so that nobody overtakes.
//!
//! Taking a promise back strikes it from the list and writes the future anew from the present and
//! what is left of the list. So exactly the cancelled permits come back, and every other promise stays
//! where it is. `Reservation.CancelAt` of golang.org/x/time/rate, which keeps no list, gives back the
//! cancelled tokens less those that were reserved after them.
//!
//! # Invariants
//!
//! - RES-1: no limit is broken by the instants for which permits were promised, immediate ones
//!   included.
//! - RES-2: a cancellation gives back what the cancelled reservation itself holds and no more: any
//!   history with cancellations admits only what the history without the cancelled ones allows.
//! - RES-3: a promised instant never moves.
//! - RES-4: a refused reservation changes nothing.

use std::collections::VecDeque;

use thiserror::Error;
use tidegate_units::{Instant, Span};

use crate::{Book, Decision};

/// The most promises that are not due yet. A cancellation goes through all of them; so many take well
/// under a millisecond.
pub const PENDING_MAX: usize = 4_096;

/// Permits that are promised for one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation<C> {
    /// By which to cancel it. Never used twice by the same [`Reservations`].
    pub id: u64,
    /// From when on the permits may be used.
    pub at: Instant,
    /// What is promised.
    pub cost: C,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// The cost is larger than what can pass at once, or passes no more before the clock ends.
    #[error(
        "a cost that never fits: reserve at most what the limit lets through at once, or raise the limit"
    )]
    Never,
    /// The permits would come too late.
    #[error("a wait of {wait}: at most {within} was accepted, accept more or try again later")]
    TooLate {
        /// How long the permits would have to be waited for.
        wait: Span,
        /// How long the caller wanted to wait at most.
        within: Span,
    },
    /// Too much is promised already.
    #[error(
        "{PENDING_MAX} reservations are not due yet, which is the most: the next is due in {wait}"
    )]
    Full {
        /// How long until one of them is due.
        wait: Span,
    },
}

/// Promises on what a book will have room for.
///
/// An instant that lies before one seen earlier (a clock that stepped back) counts as that one: it
/// delays callers and mints nothing. Costs are those of the book: whole permits, or a
/// [`Cost`](tidegate_units::Cost) over several dimensions. Nothing panics.
///
/// ```
/// use tidegate_algorithms::{Counter, Reservations, ReserveError, TokenBucket};
/// use tidegate_units::{Instant, Span};
///
/// let millis = Span::from_millis;
/// let bucket = TokenBucket::new(10, Span::from_secs(1), 2);
/// let mut reservations = Reservations::new(Counter::full(bucket));
/// let now = Instant::ZERO;
///
/// // Two are there, the next ones come every 100 ms.
/// let first = reservations.reserve(now, 2, Span::ZERO)?;
/// let second = reservations.reserve(now, 1, millis(500))?;
/// let third = reservations.reserve(now, 2, millis(500))?;
/// assert_eq!([first.at, second.at, third.at], [now, now + millis(100), now + millis(300)]);
///
/// // A fourth would have to wait for longer than it wants; nothing is kept for it.
/// let refused = reservations.reserve(now, 2, millis(400)).unwrap_err();
/// assert_eq!(refused, ReserveError::TooLate { wait: millis(500), within: millis(400) });
/// assert_eq!(
///     refused.to_string(),
///     "a wait of 500ms: at most 400ms was accepted, accept more or try again later"
/// );
///
/// // The third is given up: its permits come back, and the second stays where it is.
/// assert_eq!(reservations.cancel(now, third.id), Some(2));
/// assert_eq!(reservations.reserve(now, 2, millis(400))?.at, third.at);
/// // The first was due at once: there is nothing left to be taken back.
/// assert_eq!(reservations.cancel(now, first.id), None);
/// // Three at once are more than the bucket ever holds.
/// assert_eq!(reservations.reserve(now, 3, Span::MAX), Err(ReserveError::Never));
/// # Ok::<(), ReserveError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reservations<B: Book> {
    /// Everything that is due has been recorded.
    present: B,
    /// The present, with all that is pending recorded at its instant.
    future: B,
    /// What is not due yet, in the order of its instants.
    pending: VecDeque<Reservation<B::Cost>>,
    next_id: u64,
    /// The latest instant seen.
    latest: Instant,
}

impl<B: Book> Reservations<B> {
    /// Nothing is promised yet of what `present` has room for.
    pub fn new(present: B) -> Self {
        let future = present.clone();
        Self { present, future, pending: VecDeque::new(), next_id: 0, latest: Instant::ZERO }
    }

    /// Promises `cost` for the first instant, not before `now` and not before an earlier promise, at
    /// which there will be room for it.
    ///
    /// # Errors
    ///
    /// [`ReserveError`] when there is no such instant, when it lies further away than `within`, or when
    /// [`PENDING_MAX`] promises are not due yet. Then nothing has changed (RES-4).
    pub fn reserve(
        &mut self,
        now: Instant,
        cost: B::Cost,
        within: Span,
    ) -> Result<Reservation<B::Cost>, ReserveError> {
        let present = self.mature(now);
        let at = self.first_room(&cost).ok_or(ReserveError::Never)?;
        if at > present + within {
            return Err(ReserveError::TooLate { wait: at.since(now), within });
        }
        if at > present && self.pending.len() >= PENDING_MAX {
            let next = self.pending.front().map_or(at, |reservation| reservation.at);
            return Err(ReserveError::Full { wait: next.since(now) });
        }
        Ok(self.promise(at, cost))
    }

    /// Takes `cost` if there is room for it now and nothing is promised that is not due yet.
    pub fn take(&mut self, now: Instant, cost: B::Cost) -> Decision {
        let present = self.mature(now);
        match self.first_room(&cost) {
            None => Decision::Never,
            Some(at) if at > present => Decision::later(now, at),
            Some(at) => {
                self.promise(at, cost);
                Decision::Admit
            }
        }
    }

    /// Takes a promise back and answers what was given back: all of its cost, or nothing if it is due
    /// already, was cancelled before or never existed. All other promises stay as they are.
    ///
    /// What is due may have been used; to give back what was not, see [`Reservations::amend`].
    pub fn cancel(&mut self, now: Instant, id: u64) -> Option<B::Cost> {
        self.mature(now);
        let index = self.pending.iter().position(|reservation| reservation.id == id)?;
        let cancelled = self.pending.remove(index)?;
        self.rewrite_future();
        Some(cancelled.cost)
    }

    /// Changes what is due, as by a refund or by recording what a call took beyond its estimate. What is
    /// promised stays promised, even where there is no more room for it.
    pub fn amend<T>(&mut self, now: Instant, change: impl FnOnce(&mut B) -> T) -> T {
        self.mature(now);
        let answer = change(&mut self.present);
        self.rewrite_future();
        answer
    }

    /// Counts as spent what is due by `now`, and answers the latest instant seen, from which on
    /// everything is reckoned. Every other method begins with this.
    pub fn mature(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        while let Some(due) = self.pending.pop_front_if(|next| next.at <= self.latest) {
            self.present.record(due.at, &due.cost);
        }
        self.latest
    }

    /// What is promised and was not due when last looked at, in the order of its instants.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &Reservation<B::Cost>> {
        self.pending.iter()
    }

    /// What is due, recorded.
    pub fn present(&self) -> &B {
        &self.present
    }

    /// The first instant, from the last promise on, at which there will be room for `cost`.
    ///
    /// A book that answers a wait and then has no room either waits for something that time does not
    /// bring: a loan, or an instant after the last of the clock.
    fn first_room(&self, cost: &B::Cost) -> Option<Instant> {
        let last = self.pending.back().map_or(self.latest, |last| last.at.max(self.latest));
        let at = match self.future.decide(last, cost) {
            Decision::Admit => return Some(last),
            Decision::Later { retry_after } => last + retry_after,
            Decision::Never => return None,
        };
        (self.future.decide(at, cost) == Decision::Admit).then_some(at)
    }

    /// Writes a promise into the future, and into the present too if it is due.
    fn promise(&mut self, at: Instant, cost: B::Cost) -> Reservation<B::Cost> {
        let reservation = Reservation { id: self.next_id, at, cost };
        self.next_id = self.next_id.wrapping_add(1);
        self.future.record(at, &reservation.cost);
        if at <= self.latest {
            self.present.record(at, &reservation.cost);
        } else {
            self.pending.push_back(reservation.clone());
        }
        reservation
    }

    /// The present, and every pending promise at its instant: what the future is by definition.
    fn rewrite_future(&mut self) {
        self.future = self.present.clone();
        for reservation in &self.pending {
            self.future.record(reservation.at, &reservation.cost);
        }
    }
}
