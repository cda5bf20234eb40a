//! Why the gate has not enough in it: what a caller is told who does not want to wait.

use tidegate_algorithms::LimitUsage;
use tidegate_units::{Code, Cost, Dimension, Instant, Limit, Reason, Rejection, Scope, Span};

/// Where the limits of a service stood when its gate ran short.
#[derive(Debug, Clone)]
pub struct Shortage {
    /// The service.
    pub scope: Scope,
    /// Its own limits.
    pub own: Vec<LimitUsage>,
    /// The limits that it shares.
    pub shared: Vec<Limit>,
    /// What there is to say of calls under way, where they are limited.
    pub slots: Option<Rejection>,
    /// What there is to say of the pace, where it lets nobody through from the gate, and until when that
    /// is so.
    pub pace: Option<(Rejection, Instant)>,
    /// The circuit breaker lets nothing through.
    pub breaker: Option<Rejection>,
    /// Requests that wait.
    pub queued: u64,
    /// The service wants to be left alone until then.
    pub paused_until: Option<Instant>,
    /// When there may be more: not before then.
    pub more_at: Instant,
}

impl Shortage {
    /// Why a call of `cost` was not granted from the gate at `now`.
    pub fn refuse(&self, now: Instant, cost: &Cost) -> Rejection {
        if let Some(open) = &self.breaker {
            return open.clone();
        }
        let least = Span::from_millis(1);
        let soon = self.more_at.since(now).max(least);
        let mut rejection = self.binding(cost);
        rejection.queue_position = (self.queued > 0).then_some(self.queued);
        match self.paused_until.filter(|until| *until > now) {
            Some(until) => {
                rejection.scope = self.scope.clone();
                rejection.retry_after = Some(until.since(now));
                rejection.because(Reason::Paused)
            }
            None => {
                let paced = self.pace.as_ref().filter(|_| rejection.reason == Reason::Paced);
                let paced = paced.map(|(_, until)| until.since(now).max(least));
                rejection.retry_after = Some(paced.unwrap_or(soon));
                rejection
            }
        }
    }

    /// The own limit with too little left, or else a shared one, or else whichever there is.
    fn binding(&self, cost: &Cost) -> Rejection {
        let asked = |limit: &Limit| cost.amount(limit.dimension());
        let short = |usage: &&LimitUsage| {
            let counted = asked(&usage.limit) > 0;
            counted && usage.available.saturating_add(usage.lent) < asked(&usage.limit)
        };
        if let Some(usage) = self.own.iter().find(short) {
            let used = usage.capacity - usage.available.min(usage.capacity);
            return rejection(&self.scope, &usage.limit, usage.capacity, used, cost);
        }
        if let Some(taken) = self.slots.as_ref().filter(|slots| slots.used >= slots.limit) {
            return taken.clone();
        }
        if let Some((paced, _)) = &self.pace {
            let requested = cost.amount(paced.dimension);
            return Rejection { requested, ..paced.clone() };
        }
        let shared = self.shared.iter().find(|limit| asked(limit) > 0);
        if let Some(limit) = shared {
            return rejection(&Scope::Global, limit, limit.amount(), limit.amount(), cost);
        }
        match self.own.first() {
            Some(usage) => {
                let used = usage.capacity - usage.available.min(usage.capacity);
                rejection(&self.scope, &usage.limit, usage.capacity, used, cost)
            }
            None => Rejection {
                code: Code::limit_reached(Dimension::Requests),
                reason: Reason::LimitReached,
                scope: self.scope.clone(),
                dimension: Dimension::Requests,
                limit: 0,
                window: Span::ZERO,
                used: 0,
                requested: cost.amount(Dimension::Requests),
                retry_after: None,
                queue_position: None,
            },
        }
    }
}

fn rejection(scope: &Scope, limit: &Limit, capacity: u64, used: u64, cost: &Cost) -> Rejection {
    Rejection {
        code: Code::limit_reached(limit.dimension()),
        reason: Reason::LimitReached,
        scope: scope.clone(),
        dimension: limit.dimension(),
        limit: capacity,
        window: limit.window(),
        used,
        requested: cost.amount(limit.dimension()),
        retry_after: None,
        queue_position: None,
    }
}
