//! Limits that change while callers come and wait.
//!
//! What the gate holds was lent under the old limits. So a change closes the gate, and is made at the
//! instant at which its content is back in the books: until then the old limits hold, from then on
//! the new ones. Whoever waits is judged anew, and granted at once if there is room now.
//!
//! # Invariants
//!
//! - LIM-5: a change of limits takes effect at one instant, with nothing lent; a change that is
//!   refused changes nothing.

use tidegate_algorithms::{Carry, Ledger};
use tidegate_units::{Dimension, Instant, Limit, Scope};

use super::{Event, Limiter};
use crate::order::Slot;
use crate::tariff::Tariff;

/// The most limits in one place, as in a configuration. A call is checked against each of them.
pub const LIMITS_MAX: usize = 64;

/// Why limits cannot be changed to these; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedLimits {
    /// There are more than [`LIMITS_MAX`].
    #[error("{count} limits for {scope}: use at most {LIMITS_MAX} in one place")]
    TooMany {
        /// What they apply to.
        scope: Scope,
        /// How many there are.
        count: usize,
    },
    /// Calls that are under way have not been counted in this dimension.
    #[error(
        "a limit on {dimension} for {scope}: only {known} can be limited while it runs, \
         restart with the new limits"
    )]
    UnknownDimension {
        /// What the limit applies to.
        scope: Scope,
        /// What it would count.
        dimension: Dimension,
        /// What can be limited.
        known: String,
    },
    /// One change at a time.
    #[error("another change of the limits of {scope} is under way: wait until it is answered")]
    UnderWay {
        /// What they apply to.
        scope: Scope,
    },
}

impl RefusedLimits {
    /// Whether `limits` can take the place of those of `scope`, where `known` is counted.
    ///
    /// # Errors
    ///
    /// [`RefusedLimits::TooMany`] or [`RefusedLimits::UnknownDimension`].
    pub fn check(scope: &Scope, limits: &[Limit], known: &[Dimension]) -> Result<(), Self> {
        let (scope, count) = (scope.clone(), limits.len());
        if count > LIMITS_MAX {
            return Err(Self::TooMany { scope, count });
        }
        let mut dimensions = limits.iter().map(Limit::dimension);
        let Some(dimension) = dimensions.find(|dimension| !known.contains(dimension)) else {
            return Ok(());
        };
        let known: Vec<&str> = known.iter().map(Dimension::name).collect();
        Err(Self::UnknownDimension { scope, dimension, known: known.join(", ") })
    }
}

/// Own limits that wait until the gate is closed.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) limits: Vec<Limit>,
    pub(super) carry: Carry,
}

impl Limiter {
    /// Puts these limits in the place of the service's own, as soon as the gate is closed; `carry`
    /// says how much of what was used goes with them.
    ///
    /// Who waits for more than the new limits can ever hold, or would be served too late, is refused;
    /// everybody else is granted in order, at once if there is room. A limit may be left out, and come
    /// back later; what was used meanwhile is then not known to it.
    ///
    /// # Errors
    ///
    /// [`RefusedLimits`], and nothing has changed: for too many limits, for a dimension that calls
    /// have not been counted in, and while another change waits for the gate.
    pub fn reconfigure(
        &mut self,
        now: Instant,
        limits: &[Limit],
        carry: Carry,
    ) -> Result<(), RefusedLimits> {
        let scope = self.ledger.scope();
        RefusedLimits::check(scope, limits, &self.gate_dimensions)?;
        if self.change.is_some() {
            return Err(RefusedLimits::UnderWay { scope: scope.clone() });
        }
        self.change = Some(Change { limits: limits.to_vec(), carry });
        self.change_when_closed(now);
        Ok(())
    }

    /// The supervisor says which limits all services share from now on. What was lent under the old
    /// ones goes back, and is answered by a report even if there is nothing to give.
    pub fn relimit_shared(&mut self, now: Instant, limits: &[Limit]) {
        self.shared_change = Some(limits.to_vec());
        self.change_when_closed(now);
    }

    fn change_when_closed(&mut self, now: Instant) {
        if self.gate.has_anything() {
            self.close_gate();
        } else if !self.closing {
            self.make_changes(now);
            self.plan(now);
        }
    }

    /// Makes the changes that waited for the gate, which is closed and accounted for. Should this
    /// fail half way, they still wait, for [`Limiter::past`] to make them.
    pub(super) fn make_changes(&mut self, now: Instant) {
        if self.change.is_none() && self.shared_change.is_none() {
            return;
        }
        if let Some(Change { limits, carry }) = &self.change {
            let mut ledger = self.ledger.clone();
            ledger.reconfigure(now, limits, *carry);
            self.ledger = ledger;
            self.change = None;
        }
        if let Some(limits) = &self.shared_change {
            self.shared_when_full = Ledger::new(Scope::Global, limits);
            self.shared_change = None;
            self.give_back_slice(now);
            self.slice.relimit(self.latest, self.shared_when_full.dimensions());
            self.more_to_borrow_at = None;
        }
        self.tick = super::tick(self.ledger.limits().chain(self.shared_when_full.limits()));
        let limits = self.ledger.limits().chain(self.shared_when_full.limits());
        self.line.set_tariff(Tariff::new(&self.gate_dimensions, limits));
        self.blocked_by = None;
        self.tell_limits();
        self.judge_again(now);
    }

    /// Has those who ask told what the limits are.
    pub(super) fn tell_limits(&mut self) {
        self.events.push_back(Event::Limits {
            own: self.ledger.limits().cloned().collect(),
            shared: self.shared_when_full.limits().cloned().collect(),
        });
    }

    /// Refuses those who wait in vain, now that other limits hold; in
    /// their order, for whom the others ahead leave too little time is not known before those are
    /// judged.
    pub(super) fn judge_again(&mut self, now: Instant) {
        let rank = |slot: &Slot| {
            let entry = self.queue.get(*slot)?;
            let request = &entry.request;
            Some((request.priority, self.rules.rank(request.deadline, entry.arrival)))
        };
        let mut slots = self.queue.slots();
        slots.sort_by_cached_key(rank);
        for slot in slots {
            let Some(entry) = self.queue.get(slot) else {
                continue;
            };
            let never = self.never(now, &entry.request.cost, &entry.scopes);
            if let Some(rejection) = never.or_else(|| self.too_late(now, slot)) {
                self.refuse_slot(now, slot, rejection);
            }
        }
    }
}
