//! One part of a service: its limits, its slots, its breaker, and who waits there.

use tidegate_algorithms::Ledger;
use tidegate_units::{
    Amounts, BreakerPolicy, Code, Concurrency, Cost, Dimension, Instant, Limit, Priority, Reason,
    Rejection, Scope, Span, WallOrigin,
};

use crate::Request;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::order::Order;

/// One part.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) scope: Scope,
    pub(crate) ledger: Ledger,
    pub(crate) bulkhead: Option<Bulkhead>,
    pub(crate) breaker: Option<Breaker>,
    /// Who waits here.
    pub(crate) order: Order,
    /// Those of each class who have gone on and wait for the service.
    gone_on: [GoneOn; Priority::ALL.len()],
    /// How many wait anywhere to whom this part matters.
    pub(crate) users: u32,
    /// When the next who waits here can go on, as far as is known.
    pub(super) ready_at: Option<Instant>,
}

/// Calls that have gone on from a part and wait for the service.
#[derive(Debug, Clone, Default)]
pub(crate) struct GoneOn {
    /// What they take.
    pub(crate) amounts: Amounts,
    /// How many they are.
    pub(crate) count: u64,
}

/// What outlives a limiter that has failed, of a part of its service.
#[derive(Debug, Clone)]
pub(crate) struct PartPast {
    pub(super) bulkhead: Option<Bulkhead>,
    pub(super) breaker: Option<Breaker>,
    pub(super) debts: Vec<u64>,
}

impl Part {
    /// What is to be known of this part to a limiter that takes this one's place, if anything is.
    pub(crate) fn past(&self, now: Instant) -> Option<PartPast> {
        let debts = self.ledger.debts(now);
        let holds = self.bulkhead.as_ref().is_some_and(|bulkhead| bulkhead.held() > 0);
        let owes = debts.iter().any(|debt| *debt > 0);
        let (bulkhead, breaker) = (self.bulkhead.clone(), self.breaker.clone());
        (holds || owes || breaker.is_some()).then_some(PartPast { bulkhead, breaker, debts })
    }

    pub(super) fn new(
        scope: Scope,
        limits: &[Limit],
        (concurrency, breaker): (Option<Concurrency>, Option<BreakerPolicy>),
        order: Order,
        wall_origin: WallOrigin,
    ) -> Self {
        Self {
            ledger: Ledger::since(scope.clone(), limits, wall_origin),
            scope,
            bulkhead: concurrency.map(Bulkhead::new),
            breaker: breaker.map(Breaker::new),
            order,
            gone_on: Default::default(),
            users: 0,
            ready_at: None,
        }
    }

    /// Whether one more call may go on, beside those who have that are at least as urgent: whoever is
    /// less has to come back if there is not enough for both.
    pub(crate) fn may_go_on(&self, now: Instant, request: &Request) -> Result<(), Rejection> {
        let GoneOn { mut amounts, count } = self.gone_on(request.priority);
        amounts.add(&Amounts::charged(&request.cost, self.ledger.dimensions()));
        self.ledger.check_lend(now, &amounts)?;
        self.has_slot(count)
    }

    /// Those who have gone on and are at least as urgent.
    pub(crate) fn gone_on(&self, class: Priority) -> GoneOn {
        let mut all = GoneOn::default();
        for gone_on in &self.gone_on[..=class.index()] {
            all.amounts.add(&gone_on.amounts);
            all.count += gone_on.count;
        }
        all
    }

    /// Whether a call of `cost` may be granted.
    pub(crate) fn may_pass(&self, now: Instant, cost: &Cost) -> Result<(), Rejection> {
        self.ledger.check(now, cost)?;
        self.has_slot(0)
    }

    fn has_slot(&self, promised: u64) -> Result<(), Rejection> {
        match &self.bulkhead {
            Some(bulkhead) if bulkhead.free() <= promised => {
                Err(slots_taken(&self.scope, bulkhead))
            }
            _ => Ok(()),
        }
    }

    /// Counts a call among those who have gone on, or no longer.
    pub(crate) fn goes_on(&mut self, request: &Request, on: bool) {
        let amounts = Amounts::charged(&request.cost, self.ledger.dimensions());
        let gone_on = &mut self.gone_on[request.priority.index()];
        if on {
            gone_on.amounts.add(&amounts);
            gone_on.count += 1;
        } else {
            gone_on.amounts.subtract(&amounts);
            gone_on.count = gone_on.count.saturating_sub(1);
        }
    }

    /// Whether nothing would be lost if this part were forgotten.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let at_rest = self.bulkhead.as_ref().is_none_or(|bulkhead| bulkhead.held() == 0);
        self.users == 0 && at_rest && self.ledger.is_full(now)
    }
}

/// A refusal for want of a slot.
pub(crate) fn slots_taken(scope: &Scope, bulkhead: &Bulkhead) -> Rejection {
    let dimension = Dimension::Slots;
    Rejection {
        code: Code::limit_reached(dimension),
        reason: Reason::LimitReached,
        scope: scope.clone(),
        dimension,
        limit: bulkhead.slots(),
        window: Span::ZERO,
        used: bulkhead.slots().saturating_sub(bulkhead.free()),
        requested: 1,
        // When a call ends is not for us to say.
        retry_after: Some(Span::from_millis(1)),
        queue_position: None,
    }
}
