//! The gate: permits that were lent ahead of need, in one atomic word that callers take them from.
//!
//! One owner (an actor) opens, fills and closes the gate; any number of callers take from it. Taking
//! is one compare-and-swap over all dimensions: the whole cost or nothing. No clock is read, no lock
//! taken, nothing allocated.
//!
//! # Invariants
//!
//! - GATE-1: what was taken, what remains and what was handed back add up to what was put in.
//! - GATE-2: nothing is taken from a closed gate (LEASE-4: closing takes effect at once, for all).
//! - GATE-3: a caller's [`Taken::Granted::recorded_from`] lies before the instant at which the owner
//!   records what it took.
//! - GATE-4: the first take after the owner looked away is reported exactly once.

use tidegate_units::Instant;

use crate::packed::FIELD_BITS;
use crate::sync::{AtomicU64, Ordering};
use crate::{Layout, Packed};

/// The gate lets callers in.
const OPEN: u64 = 1 << (FIELD_BITS + 1);
/// Somebody took something since the owner let the gate cool.
const TOUCHED: u64 = 1 << FIELD_BITS;
/// The amounts.
const FIELDS: u64 = TOUCHED - 1;

/// The word, on a cache line of its own: 128 bytes, because neighbours are fetched in pairs.
///
/// ```
/// use tidegate_algorithms::gate::Guards;
/// use tidegate_algorithms::{Gate, Layout, Taken};
/// use tidegate_units::{Amounts, Cost, Dimension, Instant};
///
/// let layout = Layout::new(&[Dimension::Requests, Dimension::Tokens]).expect("two dimensions");
/// let gate = Gate::closed(Guards::from(&layout));
/// let cost = layout.pack(&Cost::request().tokens(300)).expect("it fits its fields");
/// assert_eq!(gate.take(cost), Taken::Refused, "it is closed");
///
/// let dimensions: Vec<_> = layout.dimensions().collect();
/// let lent = Amounts::charged(&Cost::request().requests(2).tokens(500), dimensions);
/// gate.open(layout.pack_amounts(&lent));
/// let granted = Taken::Granted { recorded_from: Instant::ZERO, first: true };
/// assert_eq!(gate.take(cost), granted);
/// assert_eq!(gate.take(cost), Taken::Refused, "200 tokens are left");
/// assert_eq!(layout.unpack(gate.close().remaining()).get(Dimension::Tokens), 200);
/// ```
#[derive(Debug)]
#[repr(align(128))]
pub struct Gate {
    word: AtomicU64,
    /// Until when takes have been recorded by the owner, in nanoseconds.
    settled: AtomicU64,
    guards: u64,
}

/// What came of trying to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// The whole cost was taken.
    Granted {
        /// The owner records the cost later than this.
        recorded_from: Instant,
        /// The gate had cooled: the owner wants to be woken.
        first: bool,
    },
    /// Not enough is left, or the gate is closed. Nothing was taken.
    Refused,
}

/// What the owner saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    word: u64,
}

impl Reading {
    /// What is left to take.
    pub fn remaining(self) -> Packed {
        Packed(self.word & FIELDS)
    }

    /// Whether somebody took something, be it nothing, since the gate was opened or last cooled.
    pub fn is_touched(self) -> bool {
        self.word & TOUCHED != 0
    }

    /// Whether callers are let in.
    pub fn is_open(self) -> bool {
        self.word & OPEN != 0
    }
}

impl Gate {
    /// A closed gate for amounts of this layout.
    #[cfg(not(loom))]
    pub const fn closed(guards: Guards) -> Self {
        Self { word: AtomicU64::new(0), settled: AtomicU64::new(0), guards: guards.0 }
    }

    /// A closed gate for amounts of this layout.
    #[cfg(loom)]
    pub fn closed(guards: Guards) -> Self {
        Self { word: AtomicU64::new(0), settled: AtomicU64::new(0), guards: guards.0 }
    }

    /// Takes the whole cost, or nothing. Called by anyone, on any thread.
    #[inline]
    pub fn take(&self, cost: Packed) -> Taken {
        self.take_above(cost, Packed::default())
    }

    /// Takes the whole cost if at least `floor` is left then, or nothing. Called by anyone, on any
    /// thread.
    #[inline]
    pub fn take_above(&self, cost: Packed, floor: Packed) -> Taken {
        // Before the word: what is read here was published before what we then take was looked at.
        let recorded_from = self.settled.load(Ordering::Acquire);
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let after = (word | self.guards).wrapping_sub(cost.0);
            if !self.is_open_with(after, floor) {
                return Taken::Refused;
            }
            let next = (after & !self.guards) | TOUCHED;
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    return Taken::Granted {
                        recorded_from: Instant::from_nanos(recorded_from),
                        first: word & TOUCHED == 0,
                    };
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// Whether a cost would be granted now. Takes nothing.
    pub fn has(&self, cost: Packed) -> bool {
        self.has_above(cost, Packed::default())
    }

    /// Whether a cost would be granted now and at least `floor` be left. Takes nothing.
    pub fn has_above(&self, cost: Packed, floor: Packed) -> bool {
        let word = self.word.load(Ordering::Acquire);
        self.is_open_with((word | self.guards).wrapping_sub(cost.0), floor)
    }

    /// Whether an open gate is left with `floor`, where `after` is what is left of the word with its
    /// guards set: a field that went below zero, or would without the floor, has lost its guard.
    #[inline]
    fn is_open_with(&self, after: u64, floor: Packed) -> bool {
        let above = after.wrapping_sub(floor.0);
        after & above & (self.guards | OPEN) == self.guards | OPEN
    }

    /// What is left. To be called by the owner *before* it reads the clock: what has been taken by
    /// now may be recorded at any later instant, and at no earlier one.
    pub fn read(&self) -> Reading {
        Reading { word: self.word.load(Ordering::Acquire) }
    }

    /// Closes the gate and takes out what is left. Owner only; also before it reads the clock.
    pub fn close(&self) -> Reading {
        Reading { word: self.word.swap(0, Ordering::AcqRel) }
    }

    /// Closes the gate and leaves what is left in it, for the owner to find. Called by anyone who
    /// learns that the service wants a pause.
    pub fn shut(&self) {
        self.word.fetch_and(!OPEN, Ordering::SeqCst);
    }

    /// Opens a gate that [`Gate::close`] has emptied, with `amounts` in it. Owner only.
    pub fn open(&self, amounts: Packed) {
        // In one order with `shut`: of an opening and a wish for a pause, one sees the other.
        self.word.store(OPEN | amounts.0, Ordering::SeqCst);
    }

    /// Adds to an open gate. Owner only, who sees to it that no field overflows.
    pub fn fill(&self, amounts: Packed) {
        self.word.fetch_add(amounts.0, Ordering::AcqRel);
    }

    /// Publishes that everything taken before a reading is now recorded, at `now`. Owner only, after
    /// [`Gate::read`] or [`Gate::close`].
    pub fn settled(&self, now: Instant) {
        self.settled.store(now.as_nanos(), Ordering::Release);
    }

    /// Lets the gate cool, so that the next take is reported; not if somebody took since `seen`.
    /// Answers whether it cooled. Owner only.
    pub fn cool(&self, seen: Reading) -> bool {
        let cooled = seen.word & !TOUCHED;
        self.word.compare_exchange(seen.word, cooled, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// The guard bits of a layout: all that a gate needs to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guards(u64);

impl Guards {
    /// For a gate that is never opened.
    pub const NONE: Self = Self(0);
}

impl From<&Layout> for Guards {
    fn from(layout: &Layout) -> Self {
        Self(layout.guards())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use tidegate_units::{Amounts, Cost, Dimension};

    use super::*;

    fn gate(requests: u64, tokens: u64) -> (Layout, Gate) {
        let layout = Layout::new(&[Dimension::Requests, Dimension::Tokens]).expect("two");
        let gate = Gate::closed(Guards::from(&layout));
        let amounts =
            [(Dimension::Requests, requests), (Dimension::Tokens, tokens)].into_iter().collect();
        gate.open(layout.pack_amounts(&amounts));
        (layout, gate)
    }

    fn granted(taken: Taken) -> bool {
        matches!(taken, Taken::Granted { .. })
    }

    #[test]
    fn a_cost_is_taken_whole_or_not_at_all() {
        let (layout, gate) = gate(2, 100);
        let cost = |tokens| layout.pack(&Cost::request().tokens(tokens)).expect("small");
        assert!(granted(gate.take(cost(60))));
        assert!(!granted(gate.take(cost(41))), "tokens are short");
        assert!(granted(gate.take(cost(40))), "the refusal took no request");
        assert!(!granted(gate.take(cost(0))), "requests are short");
        assert!(layout.unpack(gate.read().remaining()).is_none());
    }

    #[test]
    fn a_closed_gate_grants_nothing_not_even_nothing() {
        let (layout, gate) = gate(5, 5);
        let left = layout.unpack(gate.close().remaining());
        assert_eq!(left.get(Dimension::Requests), 5);
        assert_eq!(gate.take(Packed::default()), Taken::Refused);
        assert_eq!(gate.take(layout.pack(&Cost::request()).expect("small")), Taken::Refused);
    }

    #[test]
    fn a_shut_gate_keeps_what_is_left() {
        let (layout, gate) = gate(5, 5);
        gate.shut();
        assert!(!gate.read().is_open());
        assert_eq!(gate.take(layout.pack(&Cost::request()).expect("small")), Taken::Refused);
        assert_eq!(layout.unpack(gate.close().remaining()).get(Dimension::Requests), 5);
    }

    #[test]
    fn the_first_take_after_cooling_is_reported_once() {
        let (layout, gate) = gate(5, 5);
        let one = layout.pack(&Cost::request()).expect("small");
        let first = |taken| matches!(taken, Taken::Granted { first: true, .. });
        assert!(first(gate.take(one)));
        assert!(!first(gate.take(one)));
        let seen = gate.read();
        assert!(!first(gate.take(one)));
        assert!(!gate.cool(seen), "somebody took since");
        assert!(gate.cool(gate.read()));
        assert!(first(gate.take(one)));
    }

    #[test]
    fn filling_adds_to_what_is_left() {
        let (layout, gate) = gate(1, 10);
        gate.fill(layout.pack_amounts(&Amounts::of(Dimension::Tokens, 7)));
        let left = layout.unpack(gate.read().remaining());
        assert_eq!((left.get(Dimension::Requests), left.get(Dimension::Tokens)), (1, 17));
    }
    #[test]
    fn asking_takes_nothing_and_answers_what_a_take_would() {
        let (layout, gate) = gate(2, 100);
        let packed =
            |cost: (u64, u64)| layout.pack(&Cost::request().requests(cost.0).tokens(cost.1));
        for cost in [(0, 0), (2, 100), (2, 101), (3, 100), (3, 101), (1, 50)] {
            let cost = packed(cost).expect("small");
            let before = gate.read();
            let has = gate.has(cost);
            assert_eq!(gate.read(), before, "asking takes nothing and is no touch");
            assert_eq!(has, granted(gate.take(cost)), "{cost:?} of {before:?}");
            let _ = gate.close();
            gate.open(before.remaining());
        }
        let nothing = Packed::default();
        assert!(gate.has(nothing));
        gate.shut();
        assert!(!gate.has(nothing), "GATE-2: though all is still there");
        let _ = gate.close();
        assert!(!gate.has(nothing), "GATE-2");
    }

    #[test]
    fn a_gate_is_open_from_its_opening_until_it_is_closed() {
        let gate = Gate::closed(Guards::NONE);
        assert!(!gate.read().is_open());
        gate.open(Packed::default());
        assert!(gate.read().is_open(), "with nothing in it too");
        assert!(gate.close().is_open(), "as it was when it was closed");
        assert!(!gate.read().is_open());
    }

    #[test]
    fn a_gate_is_touched_by_any_take_until_it_cools() {
        let (layout, gate) = gate(5, 5);
        assert!(!gate.read().is_touched(), "nobody took since it was opened");
        assert!(granted(gate.take(Packed::default())));
        assert!(gate.read().is_touched(), "though nothing was taken");
        assert!(gate.cool(gate.read()));
        assert!(!gate.read().is_touched());
        assert_eq!(
            gate.take(layout.pack(&Cost::request().requests(6)).expect("small")),
            Taken::Refused
        );
        assert!(!gate.read().is_touched(), "a refusal is no touch");
    }

    #[test]
    fn a_caller_is_told_until_when_takes_have_been_recorded() {
        let (layout, gate) = gate(5, 5);
        let one = layout.pack(&Cost::request()).expect("small");
        let from = |taken| match taken {
            Taken::Granted { recorded_from, .. } => Some(recorded_from),
            Taken::Refused => None,
        };
        assert_eq!(from(gate.take(one)), Some(Instant::ZERO), "nothing has been recorded");
        gate.settled(Instant::from_nanos(7));
        assert_eq!(from(gate.take(one)), Some(Instant::from_nanos(7)), "GATE-3");
        let _ = gate.close();
        gate.open(Packed::default());
        assert_eq!(
            from(gate.take(Packed::default())),
            Some(Instant::from_nanos(7)),
            "opened again"
        );
    }
}
