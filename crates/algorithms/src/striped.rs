//! One bucket in stripes, so that threads do not fight for a cache line.
//!
//! Every thread takes from a stripe of its own, which borrows a lease of permits from the bucket when
//! it runs dry: one reading of the clock for many permits. What lies in stripes was charged earlier
//! than it will be spent, and the bucket refills meanwhile; so that nobody sees more than the limit,
//! the bucket is made smaller by all that stripes can hold.
//!
//! # Invariants
//!
//! - STRIPED-1: no interval sees more admitted than the whole bucket allows, whatever threads do.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering as Order};

use tidegate_units::{Clock, Instant};

use crate::sync::{AtomicU64, Ordering};
use crate::{Algorithm, Decision, Gcra, Shared};

/// The most stripes: more threads than this share them.
pub const STRIPES_MAX: usize = 256;

/// Marks a stripe that a [`Local`] has to itself.
const CLAIMED: u64 = u64::MAX;

/// A bucket that many threads take from at once.
///
/// Within any span it lets through no more than the bucket that it was made from, and at one instant
/// at least what that holds less all leases. A cost larger than that never fits.
///
/// ```
/// use tidegate_algorithms::{Decision, Gcra, Striped};
/// use tidegate_units::{Instant, ManualClock, Span};
///
/// let bucket = Gcra::new(10_000, Span::from_secs(1), 10_000);
/// let striped = Striped::new(bucket, 4, 64, ManualClock::at(Instant::ZERO))?;
/// assert_eq!(striped.take(1), Decision::Admit);
///
/// // A thread of its own stripe needs no atomic operation at all.
/// let local = striped.local().expect("one of four");
/// assert_eq!(local.take(1), Decision::Admit);
///
/// // The leases have to fit into the bucket.
/// let refused = Striped::new(bucket, 200, 64, ManualClock::at(Instant::ZERO)).unwrap_err();
/// assert!(refused.to_string().contains("leave nothing of a bucket of 10000"));
///
/// // Nor is more let through than there is.
/// let striped = Striped::new(Gcra::new(10, Span::from_secs(1), 10), 2, 2, ManualClock::default())?;
/// assert_eq!((0..100).filter(|_| striped.take(1) == Decision::Admit).count(), 6);
/// assert_eq!(striped.take(1), Decision::Later { retry_after: Span::from_millis(100) });
/// assert_eq!(striped.take(7), Decision::Never);
/// # Ok::<(), tidegate_algorithms::striped::StripedError>(())
/// ```
#[derive(Debug)]
pub struct Striped<C> {
    shared: Shared,
    stripes: Box<[Stripe]>,
    lease: u64,
    clock: C,
}

/// Permits that were charged and not yet spent, on a cache line of their own.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    left: AtomicU64,
}

/// Why a bucket cannot be striped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StripedError {
    /// Too few stripes, or too many.
    #[error("{stripes} stripes: use 1 to {STRIPES_MAX}")]
    Stripes {
        /// As asked for.
        stripes: usize,
    },
    /// Nothing would be left to borrow from.
    #[error(
        "leases of {lease} for {stripes} stripes leave nothing of a bucket of {capacity}: use fewer stripes, shorter leases or a larger bucket"
    )]
    Leases {
        /// Permits a lease.
        lease: u64,
        /// As asked for.
        stripes: usize,
        /// What the bucket holds.
        capacity: u64,
    },
    /// The state of the bucket does not fit one word; see [`Shared::new`].
    #[error(
        "a bucket that takes more than 52 days to fill cannot be striped: count it by one limiter"
    )]
    TooSlow,
}

impl<C: Clock> Striped<C> {
    /// `bucket` in so many stripes, each of which borrows up to `lease` permits at a time.
    ///
    /// # Errors
    ///
    /// [`StripedError`] when the number of stripes is not 1 to [`STRIPES_MAX`], when all leases together
    /// are not less than what the bucket holds, or when the bucket fills too slowly; see [`Shared::new`].
    pub fn new(bucket: Gcra, stripes: usize, lease: u64, clock: C) -> Result<Self, StripedError> {
        if stripes == 0 || stripes > STRIPES_MAX {
            return Err(StripedError::Stripes { stripes });
        }
        let capacity = bucket.capacity();
        let fenced = u64::try_from(stripes).unwrap_or(u64::MAX).saturating_mul(lease);
        let rest = capacity.saturating_sub(fenced);
        if rest == 0 {
            return Err(StripedError::Leases { lease, stripes, capacity });
        }
        let shared = Shared::new(bucket.holding(rest)).ok_or(StripedError::TooSlow)?;
        let stripe = |_| Stripe { left: AtomicU64::new(0) };
        Ok(Self { shared, stripes: (0..stripes).map(stripe).collect(), lease, clock })
    }

    /// Takes the whole cost or nothing, on the stripe of this thread.
    ///
    /// The wait of a refusal is that of the bucket behind the stripes: exact if no lease comes back and
    /// nothing else is taken.
    #[inline]
    pub fn take(&self, cost: u64) -> Decision {
        let stripe = &self.stripes[thread_number() % self.stripes.len()];
        if stripe.take(cost) {
            return Decision::Admit;
        }
        self.borrow(cost, |surplus| stripe.put(surplus, self.lease), stripe.room(self.lease))
    }

    /// A stripe that nobody else takes from, for use by one thread. `None` if all are taken.
    ///
    /// It goes back, with what is left in it, when the value is dropped.
    pub fn local(&self) -> Option<Local<'_, C>> {
        self.stripes.iter().find_map(|stripe| {
            let left = stripe.claim()?;
            Some(Local { striped: self, stripe, left: Cell::new(left) })
        })
    }

    /// The most that is let through within any `span`: what the whole bucket lets through.
    pub fn worst_case(&self, span: tidegate_units::Span) -> u64 {
        let shared = self.shared.limit();
        shared.holding(shared.capacity().saturating_add(self.fenced())).worst_case(span)
    }

    fn fenced(&self) -> u64 {
        u64::try_from(self.stripes.len()).unwrap_or(u64::MAX).saturating_mul(self.lease)
    }

    /// Takes from the bucket, and a lease of up to `room` with it if there is enough for both;
    /// whatever of it `put` does not take goes back.
    #[cold]
    fn borrow(&self, cost: u64, put: impl FnOnce(u64) -> u64, room: u64) -> Decision {
        let now = self.clock.now();
        let ahead = self.shared.available(now).saturating_sub(cost).min(room);
        if ahead > 0 && self.shared.take(now, cost.saturating_add(ahead)) == Decision::Admit {
            self.give_back(now, put(ahead));
            return Decision::Admit;
        }
        match self.shared.take(now, cost) {
            // The bucket is empty; perhaps somebody else's stripe is not.
            Decision::Later { .. } if self.stripes.iter().any(|stripe| stripe.take(cost)) => {
                Decision::Admit
            }
            decision => decision,
        }
    }

    fn give_back(&self, now: Instant, surplus: u64) {
        if surplus > 0 {
            // Charged just now; what has dripped in since is forgone.
            self.shared.refund_now(&self.clock, now, surplus);
        }
    }
}

impl Stripe {
    #[inline]
    fn take(&self, cost: u64) -> bool {
        let mut left = self.left.load(Ordering::Relaxed);
        while left != CLAIMED && left >= cost {
            let next = left - cost;
            match self.left.compare_exchange_weak(left, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(changed) => left = changed,
            }
        }
        false
    }

    /// How much of a lease is missing.
    fn room(&self, lease: u64) -> u64 {
        match self.left.load(Ordering::Relaxed) {
            CLAIMED => 0,
            left => lease.saturating_sub(left),
        }
    }

    /// Adds as much of `surplus` as makes up a lease. Answers what is too much.
    fn put(&self, surplus: u64, lease: u64) -> u64 {
        let mut left = self.left.load(Ordering::Relaxed);
        loop {
            let added = surplus.min(lease.saturating_sub(left));
            if left == CLAIMED || added == 0 {
                return surplus;
            }
            let next = left + added;
            match self.left.compare_exchange_weak(left, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return surplus - added,
                Err(changed) => left = changed,
            }
        }
    }

    /// Takes the stripe with all that is in it; `None` if somebody else has it.
    fn claim(&self) -> Option<u64> {
        let left = self.left.swap(CLAIMED, Ordering::AcqRel);
        (left != CLAIMED).then_some(left)
    }
}

/// A stripe of a [`Striped`] bucket for one thread: taking is a subtraction.
///
/// ```
/// use tidegate_algorithms::{Decision, Gcra, Striped};
/// use tidegate_units::{ManualClock, Span};
///
/// let bucket = Gcra::new(10, Span::from_secs(1), 10);
/// let striped = Striped::new(bucket, 1, 4, ManualClock::default())?;
/// let local = striped.local().expect("the only one");
/// assert!(striped.local().is_none(), "somebody has it");
/// assert_eq!((0..100).filter(|_| local.take(1) == Decision::Admit).count(), 6);
/// assert!(matches!(local.take(1), Decision::Later { .. }));
/// drop(local);
/// assert!(striped.local().is_some());
/// # Ok::<(), tidegate_algorithms::striped::StripedError>(())
/// ```
#[derive(Debug)]
pub struct Local<'a, C> {
    striped: &'a Striped<C>,
    stripe: &'a Stripe,
    left: Cell<u64>,
}

impl<C: Clock> Local<'_, C> {
    /// Takes the whole cost or nothing.
    #[inline]
    pub fn take(&self, cost: u64) -> Decision {
        if let Some(left) = self.left.get().checked_sub(cost) {
            self.left.set(left);
            return Decision::Admit;
        }
        let room = self.striped.lease.saturating_sub(self.left.get());
        let put = |surplus| {
            self.left.set(self.left.get() + surplus);
            0
        };
        self.striped.borrow(cost, put, room)
    }
}

impl<C> Drop for Local<'_, C> {
    fn drop(&mut self) {
        self.stripe.left.store(self.left.get(), Ordering::Release);
    }
}

/// A small number that is this thread's own, for as long as there are few threads.
#[inline]
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Order::Relaxed) % STRIPES_MAX);
        }
        number.get()
    })
}
