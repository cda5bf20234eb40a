//! The bulkhead: how many calls are under way at a time, so that a slow service cannot take everybody.
//!
//! Each call holds a slot from its grant until its permit is closed, for at most a lease; so a slot
//! whose holder is gone comes back by itself. A slot is free, lent to the gate, or held.
//!
//! Holders are not known one by one but as cohorts: how many of those counted at one instant are still
//! out. A call that was granted from the queue knows that instant. A call that took from the gate
//! knows the reading *before* it took, and was counted by the next one, which is the first of the
//! gate's cohorts after what it knows. Both kinds are kept apart, so neither can be taken for the
//! other. Readings are strictly later than each other for this reason: a reading within the same
//! nanosecond as the last, or by a clock that stepped back, is counted a nanosecond after that.
//!
//! A release is ignored if its cohort was healed. It was, for a gate's caller that knows `recorded`, if
//! a cohort after `recorded` was: cohorts are healed oldest first, so the first of them was.
//!
//! Where a caller saw an older reading than the last before it took, because its thread was held up
//! between the two, it releases for the cohort before its own. Both counts stay right together, and
//! the slot that remains is taken to be the younger: it is healed later, never sooner.
//!
//! # Invariants
//!
//! - SLOT-1: there are never more calls under way whose lease has not ended than there are slots,
//!   unless slots were taken away: then none is granted until there are fewer.
//! - SLOT-2: a slot is given back at most once; one whose holder is gone comes back when its lease
//!   ends.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use tidegate_units::policy::Concurrency;
use tidegate_units::{Instant, Span};

/// How many of those that were counted at an instant are still out.
type Cohorts = BTreeMap<Instant, u64>;

/// The machine. Granting and lending are the caller's to decide: only what [`Bulkhead::free`] allows.
///
/// ```
/// use tidegate_scheduler::bulkhead::Bulkhead;
/// use tidegate_units::policy::Concurrency;
/// use tidegate_units::{Instant, Span};
///
/// let mut bulkhead = Bulkhead::new(Concurrency::slots(2));
/// let start = Instant::ZERO + Span::from_secs(1);
/// let recorded = bulkhead.hold(start);
/// bulkhead.lend(1);
/// assert_eq!(bulkhead.free(), 0, "one is held, one in the gate");
///
/// // The caller closes its permit: once.
/// assert!(bulkhead.release(recorded, false));
/// assert!(!bulkhead.release(recorded, false), "refused: it has been given back");
/// assert_eq!(bulkhead.free(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulkhead {
    slots: u64,
    lease: Span,
    /// Granted from the queue. Together with the next: at most as many cohorts as slots are held.
    by_queue: Cohorts,
    /// Taken from the gate.
    by_gate: Cohorts,
    /// The sum of all cohorts.
    held: u64,
    in_gate: u64,
    /// The latest instant seen.
    latest: Instant,
    /// The last reading of the gate, as it was counted.
    reading: Instant,
    /// The latest of the gate's cohorts that was healed.
    healed: Option<Instant>,
}

impl Bulkhead {
    /// A bulkhead with all slots free. Figures beyond the range that [`Concurrency`] states are taken
    /// as the nearer end of it.
    pub fn new(concurrency: Concurrency) -> Self {
        let mut bulkhead = Self {
            slots: 0,
            lease: Span::ZERO,
            by_queue: Cohorts::new(),
            by_gate: Cohorts::new(),
            held: 0,
            in_gate: 0,
            latest: Instant::ZERO,
            reading: Instant::ZERO,
            healed: None,
        };
        bulkhead.resize(concurrency);
        bulkhead
    }

    /// How many slots there are, 1 to [`Concurrency::SLOTS_MAX`].
    pub fn slots(&self) -> u64 {
        self.slots
    }

    /// How long a slot is held at most.
    pub fn lease(&self) -> Span {
        self.lease
    }

    /// How many slots are neither held nor lent to the gate; 0 as long as more are than there are,
    /// after slots were taken away.
    pub fn free(&self) -> u64 {
        self.slots.saturating_sub(self.held).saturating_sub(self.in_gate)
    }

    /// How many slots calls hold, as far as is known.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// How many slots are lent to the gate, as far as is known.
    pub fn in_gate(&self) -> u64 {
        self.in_gate
    }

    /// A call was granted from the queue at `now` and holds a slot, which must have been free.
    ///
    /// Answers the instant that its permit has to carry: `now`, or the latest instant seen where the
    /// clock stepped back.
    ///
    /// # Panics
    ///
    /// With debug assertions, if no slot is free.
    pub fn hold(&mut self, now: Instant) -> Instant {
        debug_assert!(self.free() > 0, "SLOT-1: no slot is free");
        let at = self.see(now);
        *self.by_queue.entry(at).or_default() += 1;
        self.held += 1;
        at
    }

    /// Puts `count` slots, which must be free, into the gate.
    ///
    /// # Panics
    ///
    /// With debug assertions, if so many are not free.
    pub fn lend(&mut self, count: u64) {
        debug_assert!(count <= self.free(), "SLOT-1: {count} slots are not free");
        self.in_gate = self.in_gate.saturating_add(count);
    }

    /// Takes back `count` slots that nobody took from the gate.
    ///
    /// # Panics
    ///
    /// With debug assertions, if so many are not in the gate.
    pub fn take_back(&mut self, count: u64) {
        debug_assert!(count <= self.in_gate, "SLOT-1: {count} slots are not in the gate");
        self.in_gate = self.in_gate.saturating_sub(count);
    }

    /// The gate was read at `now`, and `count` of its slots were taken. To be called at *every*
    /// reading, also with 0, before anything else is told of that reading.
    ///
    /// Answers the instant at which they are counted, which callers of the gate are to be told from
    /// then on: `now`, or a little after the last reading where that is not later.
    ///
    /// # Panics
    ///
    /// With debug assertions, if so many were not in the gate.
    pub fn taken_from_gate(&mut self, now: Instant, count: u64) -> Instant {
        debug_assert!(count <= self.in_gate, "SLOT-1: {count} slots were not in the gate");
        let next = self.reading + Span::from_nanos(1);
        self.reading = self.see(now).max(next);
        if count > 0 {
            self.in_gate = self.in_gate.saturating_sub(count);
            *self.by_gate.entry(self.reading).or_default() += count;
            self.held = self.held.saturating_add(count);
        }
        self.reading
    }

    /// A permit was closed; `recorded` is the instant it carries. Answers whether a slot is given
    /// back by that: it is not where the lease has ended and [`Bulkhead::heal`] was faster.
    ///
    /// What the gate's callers took by now must have been told first.
    pub fn release(&mut self, recorded: Instant, by_gate: bool) -> bool {
        let released = if by_gate {
            let healed = self.healed.is_some_and(|healed| recorded < healed);
            let first = self.by_gate.range((Excluded(recorded), Unbounded)).next();
            let first = first.map(|(at, _)| *at).filter(|_| !healed);
            first.is_some_and(|at| one_less(&mut self.by_gate, at))
        } else {
            one_less(&mut self.by_queue, recorded)
        };
        self.held -= u64::from(released);
        released
    }

    /// Frees the slots whose lease has ended by `now`. Answers how many.
    pub fn heal(&mut self, now: Instant) -> u64 {
        let now = self.see(now);
        let (from_queue, _) = expire(&mut self.by_queue, self.lease, now);
        let (from_gate, latest) = expire(&mut self.by_gate, self.lease, now);
        self.healed = self.healed.max(latest);
        let healed = from_queue + from_gate;
        self.held -= healed;
        healed
    }

    /// When the oldest lease ends, if any slot is held: the time for [`Bulkhead::heal`].
    pub fn next_deadline(&self) -> Option<Instant> {
        let oldest = [&self.by_queue, &self.by_gate].map(|cohorts| cohorts.first_key_value());
        let oldest = oldest.into_iter().flatten().map(|(at, _)| *at).min();
        oldest.map(|at| at + self.lease)
    }

    /// Other slots or another lease from now on, for the calls under way too. No call is revoked:
    /// where more slots are held than there are, none is free until enough were given back.
    pub fn resize(&mut self, concurrency: Concurrency) {
        self.slots = u64::from(concurrency.slots.clamp(1, Concurrency::SLOTS_MAX));
        self.lease = concurrency.lease.clamp(Concurrency::LEASE_MIN, Concurrency::LEASE_MAX);
    }

    /// `now`, or the latest instant seen if that is later: no cohort is ever counted at an instant
    /// that may have been healed.
    fn see(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }
}

/// Takes one out of the cohort at exactly `at`, if there is one.
fn one_less(cohorts: &mut Cohorts, at: Instant) -> bool {
    let Some(count) = cohorts.get_mut(&at) else {
        return false;
    };
    *count -= 1;
    if *count == 0 {
        cohorts.remove(&at);
    }
    true
}

/// Removes the cohorts whose lease has ended. Answers how many were in them, and the latest of them.
fn expire(cohorts: &mut Cohorts, lease: Span, now: Instant) -> (u64, Option<Instant>) {
    let (mut expired, mut latest) = (0, None);
    while let Some(oldest) = cohorts.first_entry().filter(|it| *it.key() + lease <= now) {
        latest = Some(*oldest.key());
        expired += oldest.remove();
    }
    (expired, latest)
}
