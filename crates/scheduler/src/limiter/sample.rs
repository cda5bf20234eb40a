//! What a limiter says about itself to those who look on: its counters and where everything stands.

use std::collections::BTreeMap;

use tidegate_adaptive::Pace;
use tidegate_algorithms::{LimitUsage, Reading};
use tidegate_observability::{
    BreakerPhase, LimitSample, PaceSample, PartSample, ScopeKind, ServiceSample, SlotsSample,
    Spent, Tally, UnixMillis, UsageCount, UsageSample, UsageTable,
};
use tidegate_units::{
    Amounts, Dimension, Instant, Limit, Outcome, Priority, RateOf, Rejection, Span,
};

use super::{Counts, Event, Limiter, LimiterState, PartState, SlotsState};
use crate::breaker::BreakerState;
use crate::settlement::Call;
use crate::{Labels, Request};

impl Limiter {
    /// Where it stands and what it counted, with everything of which it has heard accounted for.
    ///
    /// What the limiter does not know is left as it is for whoever does: refusals of those who do not wait,
    /// retries, failures.
    pub fn sample(&self, now: Instant) -> ServiceSample {
        let origin = self.config.wall_origin;
        let state = self.state(now);
        let Tally { waits, waited, refusals, spent, models, keys, last_granted, .. } = &self.tally;
        let counts = state.counts;
        let classes = Priority::ALL.into_iter().zip(waits);
        let service = self.config.service.clone();
        ServiceSample {
            granted_by_gate: counts.granted_by_gate,
            granted_by_queue: counts.granted_by_queue,
            waited: *waited,
            unclaimed: counts.unclaimed,
            refused: counts.refused,
            refusals: refusals.rows().to_vec(),
            refusals_other: counts.refused.saturating_sub(refusals.total() - refusals.other()),
            expired: counts.expired,
            withdrawn: counts.withdrawn,
            outcomes: counts.outcomes,
            waits: classes
                .filter(|(_, waits)| waits.count() > 0)
                .map(|(class, waits)| (class, *waits))
                .collect(),
            limits: state.limits.iter().map(|usage| self.limit_sample(usage)).collect(),
            parts: state.parts.iter().map(part_sample).collect(),
            paces: self.pace_samples(now),
            spent: spent.clone(),
            models: usage_sample(models),
            keys: usage_sample(keys),
            last_granted: last_granted.map(|at| UnixMillis::of(origin, at)),
            ..standing(state, self.config.queue.capacity, ServiceSample::new(service))
        }
    }

    /// The most that was ever spent beyond each limit is known of the service's own; of those of its parts,
    /// what is now.
    fn limit_sample(&self, usage: &LimitUsage) -> LimitSample {
        let limit = &usage.limit;
        let most = self.tally.overdrawn.most(limit.dimension(), limit.window());
        LimitSample { debt_max: most.max(usage.debt), ..limit_sample(usage) }
    }

    fn pace_samples(&self, now: Instant) -> Vec<PaceSample> {
        let sample = |pace: Pace| PaceSample {
            dimension: pace.dimension,
            per_second: pace.per_second,
            learned_per_second: pace.learned_per_second,
            confidence: pace.confidence,
            configured_per_second: self.configured_rate(pace.dimension),
        };
        self.paces(now).into_iter().map(sample).collect()
    }

    /// The least that the service's own limits allow in the long run; where they say nothing, where the pace
    /// began.
    fn configured_rate(&self, dimension: Dimension) -> Option<f64> {
        let limits = self.ledger.limits().filter(|limit| limit.dimension() == dimension);
        let rate = |limit: &Limit| RateOf::new(dimension, limit.amount(), limit.window()).ok();
        let least = limits.filter_map(rate).map(|rate| rate.per_second()).reduce(f64::min);
        let start = || Some(self.config.adaptive.as_ref()?.bounds(dimension).start);
        least.or_else(start)
    }

    /// A call has ended, of which this is known.
    pub(super) fn count_settled(
        &mut self,
        now: Instant,
        outcome: Outcome,
        (refund, debt): (&Amounts, &Amounts),
        call: &Call,
    ) {
        self.tally.settled(refund, debt);
        let Some(labels) = call.labels.as_deref() else {
            return;
        };
        let counted = self.gate_dimensions.iter().copied().filter(|it| *it != Dimension::Slots);
        let reserved = call.cost.as_ref().map(|cost| Amounts::charged(cost, counted));
        let (reserved, refunded) = (reserved.unwrap_or_default(), refund.clone());
        let spent = Spent { reserved, refunded, owed: debt.clone() };
        let mut count = UsageCount { spent, ..UsageCount::default() };
        count.outcomes[outcome.index()] = 1;
        self.tally.count_for(now, labels, &count);
    }

    pub(super) fn count_refused(&mut self, now: Instant, request: &Request, why: &Rejection) {
        self.tally.refused(why);
        if let Some(labels) = request.labels.as_deref() {
            let count = UsageCount { refused: 1, ..UsageCount::default() };
            self.tally.count_for(now, labels, &count);
        }
    }

    pub(super) fn count_turned_away(&mut self, now: Instant, labels: &Labels) {
        let count = UsageCount { refused: 1, ..UsageCount::default() };
        self.tally.count_for(now, labels, &count);
    }

    /// After more was spent than was lent for it.
    pub(super) fn see_debts(&mut self, now: Instant, debt: &Amounts) {
        if debt.is_none() {
            return;
        }
        for usage in self.ledger.usage(now) {
            let (dimension, window) = (usage.limit.dimension(), usage.limit.window());
            self.tally.overdrawn.saw(dimension, window, usage.debt);
        }
    }

    /// What was counted, with what callers have taken from the gate that was closed with this left in it.
    pub(super) fn counted_when_closed(&self, now: Instant, reading: Reading) -> (Counts, Tally) {
        let (mut counts, mut tally) = (self.counts, self.tally.clone());
        let used = self.gate.inside().less(&self.gate.left(reading));
        counts.granted_by_gate += used.get(Dimension::Requests);
        tally.taken_from_gate(now, &used);
        // What nobody was told is decided anew.
        for event in &self.events {
            match event {
                Event::Granted { charged, .. } => {
                    counts.unclaimed += 1;
                    tally.settled(charged, &Amounts::NONE);
                }
                Event::Refused { rejection, .. } => {
                    counts.refused = counts.refused.saturating_sub(1);
                    tally.refusals.take_back(rejection);
                }
                Event::Unanswered { .. } | Event::Stopped { .. } => {
                    counts.refused = counts.refused.saturating_sub(1);
                }
                _ => {}
            }
        }
        (counts, tally)
    }
}

/// Counts for the model and the keys of a call.
trait CountFor {
    fn count_for(&mut self, now: Instant, labels: &Labels, count: &UsageCount);
}

impl CountFor for Tally {
    fn count_for(&mut self, now: Instant, labels: &Labels, count: &UsageCount) {
        if let Some(model) = labels.model.as_deref() {
            self.models.add(now, ("model", model), count);
        }
        for key in &labels.keys {
            self.keys.add(now, (key.name().as_str(), key.value()), count);
        }
    }
}

fn part_sample(part: &PartState) -> PartSample {
    let (scope, of) = ScopeKind::with_value(&part.scope);
    PartSample {
        scope,
        of,
        waiting: whole(part.waiting),
        limits: part.limits.iter().map(limit_sample).collect(),
        slots: part.slots.map(slots),
        breaker: part.breaker.map(phase),
    }
}

/// What the state says that is no counter.
fn standing(state: LimiterState, capacity: usize, sample: ServiceSample) -> ServiceSample {
    let classes = state.queued_by_class.into_iter();
    ServiceSample {
        queued: whole(state.queued),
        queued_by_class: classes.map(|(class, waiting)| (class, whole(waiting))).collect(),
        backing_off: whole(state.backing_off),
        queue_capacity: whole(capacity),
        slots: state.slots.map(slots),
        breaker: state.breaker.map(phase),
        paused_for_ms: state.paused_for.map(Span::as_millis),
        in_gate: by_dimension(&state.in_gate),
        borrowed: by_dimension(&state.borrowed),
        running: !state.suspended && !state.stopping,
        stopping: state.stopping,
        ..sample
    }
}

/// A limit as others see it.
pub fn limit_sample(usage: &LimitUsage) -> LimitSample {
    let (scope, of) = ScopeKind::with_value(&usage.scope);
    let limit = &usage.limit;
    LimitSample {
        service: usage.scope.service().cloned(),
        scope,
        of,
        dimension: limit.dimension(),
        window_ms: limit.window().as_millis(),
        per: limit.per(),
        amount: limit.amount(),
        capacity: usage.capacity,
        available: usage.available,
        lent: usage.lent,
        debt: usage.debt,
        debt_max: usage.debt,
        resets_after_ms: usage.resets_after.as_millis(),
    }
}

/// Where a breaker stands.
pub fn phase(state: BreakerState) -> BreakerPhase {
    match state {
        BreakerState::Closed => BreakerPhase::Closed,
        BreakerState::Open { .. } => BreakerPhase::Open,
        BreakerState::HalfOpen { .. } => BreakerPhase::HalfOpen,
    }
}

fn slots(state: SlotsState) -> SlotsSample {
    SlotsSample { held: state.held, slots: state.slots }
}

fn usage_sample(table: &UsageTable) -> UsageSample {
    let (other, total) = (table.other().clone(), table.total().clone());
    UsageSample { rows: table.rows(), other, total }
}

fn by_dimension(amounts: &Amounts) -> BTreeMap<Dimension, u64> {
    amounts.iter().filter(|(_, amount)| *amount > 0).collect()
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
