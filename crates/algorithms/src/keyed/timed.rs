//! A keyed limiter with a clock.
//!
//! With many keys, what a decision waits for is memory. So the clock is read between asking for the
//! line of a key and looking at it: the reading costs nothing while the line is on its way. Read first,
//! it would come on top.

use std::borrow::Borrow;
use std::hash::Hash;

use tidegate_units::Clock;

use super::{Answer, CompactKeyed, Keyed};

/// A limiter and the clock that it goes by. Never ask the limiter itself by another clock.
///
/// ```
/// use tidegate_algorithms::{Decision, Keyed, Timed};
/// use tidegate_units::{Limit, MonotonicClock};
///
/// let limit: Limit = "1 request per minute".parse()?;
/// let users = Timed::new(Keyed::<u64>::new(&limit, 1_000), MonotonicClock::new());
/// assert!(users.check(&7).is_admitted());
/// assert!(!users.check(&7).is_admitted());
/// assert_eq!(users.check_n(&8, 2).decision, Decision::Never);
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug)]
pub struct Timed<L, C> {
    limiter: L,
    clock: C,
}

impl<L, C: Clock> Timed<L, C> {
    /// `limiter`, going by `clock`.
    pub fn new(limiter: L, clock: C) -> Self {
        Self { limiter, clock }
    }

    /// The limiter itself.
    pub fn limiter(&self) -> &L {
        &self.limiter
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }
}

impl<K: Hash + Eq, C: Clock> Timed<Keyed<K>, C> {
    /// See [`Keyed::check`].
    #[inline]
    pub fn check<Q>(&self, key: &Q) -> Answer
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.check_n(key, 1)
    }

    /// See [`Keyed::check_n`].
    #[inline]
    pub fn check_n<Q>(&self, key: &Q, cost: u64) -> Answer
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.limiter.decide(self.limiter.hash(key), key, cost, || self.clock.now())
    }

    /// See [`Keyed::check_many`].
    pub fn check_many<Q>(&self, asked: &[(&Q, u64)], answers: &mut Vec<Answer>)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.limiter.check_many(asked, self.clock.now(), answers);
    }

    /// See [`Keyed::sweep`].
    pub fn sweep(&self) -> usize {
        self.limiter.sweep(self.clock.now())
    }
}

impl<C: Clock> Timed<CompactKeyed, C> {
    /// See [`CompactKeyed::check`].
    #[inline]
    pub fn check<Q: Hash + ?Sized>(&self, key: &Q) -> Answer {
        self.check_n(key, 1)
    }

    /// See [`CompactKeyed::check_n`].
    #[inline]
    pub fn check_n<Q: Hash + ?Sized>(&self, key: &Q, cost: u64) -> Answer {
        let spot = self.limiter.spot(key);
        self.limiter.touch(&spot);
        self.limiter.decide(&spot, cost, self.clock.now())
    }

    /// See [`CompactKeyed::check_many`].
    pub fn check_many<Q: Hash + ?Sized>(&self, asked: &[(&Q, u64)], answers: &mut Vec<Answer>) {
        self.limiter.check_many(asked, self.clock.now(), answers);
    }

    /// See [`CompactKeyed::sweep`].
    pub fn sweep(&self) -> usize {
        self.limiter.sweep(self.clock.now())
    }
}
