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
use tidegate_units::{Amounts, Dimension, Instant, Limit, Reason, Rejection, Scope};

use super::{Event, Limiter};
use crate::Request;

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

    /// Refuses those who wait in vain, now that other limits hold; whom the others ahead of them leave
    /// too little time for is not known before those are judged.
    fn judge_again(&mut self, now: Instant) {
        let mut total = Amounts::NONE;
        for request in self.queue.in_order() {
            let amounts = self.queue.amounts(&request);
            total.add(&amounts);
            let vain = self.never(now, &request).or_else(|| self.too_late(now, &request, &total));
            if let Some(rejection) = vain {
                total.subtract(&amounts);
                self.queue.remove(request.ticket);
                self.refuse(request.ticket, rejection);
            }
        }
    }

    /// Why a request can never be granted, if that is so.
    pub(super) fn never(&self, now: Instant, request: &Request) -> Option<Rejection> {
        let shared = self.shared_when_full.check(now, &request.cost);
        let own = self.ledger.check(now, &request.cost);
        let refused = [shared, own].into_iter().filter_map(Result::err);
        refused.into_iter().find(|rejection| rejection.reason == Reason::NeverFits)
    }

    /// Why a request is not worth waiting for, if it would be served after its deadline, at the end of
    /// a queue that takes `total`.
    pub(super) fn too_late(
        &self,
        now: Instant,
        request: &Request,
        total: &Amounts,
    ) -> Option<Rejection> {
        let served_at = self.ledger.earliest(now, total);
        let paused_until = self.pause.until(now);
        let served_at = paused_until.map_or(served_at, |until| until.max(served_at));
        if served_at <= request.deadline {
            return None;
        }
        let rejection = self.describe(now, request, Some(served_at.since(now)));
        Some(match paused_until {
            Some(_) => rejection,
            None => rejection.because(Reason::DeadlineTooClose),
        })
    }
}
