//! What those who look on are told, and what they ask.

use actix::prelude::*;
use tidegate_observability::{EventKind, ServiceSample};
use tidegate_units::{Instant, Limit, Rejection, Scope};

use super::LimiterActor;
use crate::limiter::phase;
use crate::messages::TakeSample;
use crate::{Labels, Ticket};

impl LimiterActor {
    pub(super) fn tell_refused(&self, now: Instant, ticket: Ticket, rejection: &Rejection) {
        let Some(waiting) = self.waiting.get(&ticket) else {
            return;
        };
        let request = &waiting.request;
        let labels = request.labels.as_deref();
        self.front.events().send_frequent(now, self.front.service(), || EventKind::Refused {
            class: request.priority,
            model: labels.and_then(Labels::model_text),
            key: labels.and_then(Labels::key_text),
            rejection: rejection.clone(),
        });
    }

    /// A call that has just come was not answered at once.
    pub(super) fn tell_if_waiting(&self, ticket: Ticket) {
        let events = self.front.events();
        if !events.are_waits_wanted() {
            return;
        }
        if let Some(waiting) = self.waiting.get(&ticket) {
            let request = &waiting.request;
            let labels = request.labels.as_deref();
            events.send_frequent(self.front.now(), self.front.service(), || EventKind::Waiting {
                class: request.priority,
                model: labels.and_then(Labels::model_text),
                key: labels.and_then(Labels::key_text),
                queued: u64::try_from(self.waiting.len()).unwrap_or(u64::MAX),
            });
        }
    }

    pub(super) fn tell_limits(&self, now: Instant, own: &[Limit]) {
        let service = self.front.service();
        let scope = Scope::Service(service.clone());
        let limits = own
            .iter()
            .map(|limit| format!("{} {} per {}", limit.amount(), limit.dimension(), limit.per()));
        let kind = EventKind::LimitsChanged { scope, limits: limits.collect() };
        self.front.events().send(now, Some(service), kind);
    }

    /// The breaker of the service stands elsewhere than when this was last asked.
    pub(super) fn tell_breaker(&mut self, now: Instant) {
        let stands = self.machine.breaker_state(now).map(phase);
        if stands == self.breaker {
            return;
        }
        let began = self.breaker.is_none();
        self.breaker = stands;
        if let Some(to) = stands.filter(|_| !began) {
            let service = self.front.service();
            let scope = Scope::Service(service.clone());
            let kind = EventKind::BreakerChanged { scope, to };
            self.front.events().send(now, Some(service), kind);
        }
    }
}

impl Handler<TakeSample> for LimiterActor {
    type Result = MessageResult<TakeSample>;

    /// Settles the gate first, so that what is answered is exact. Those who were turned away without asking
    /// are added.
    fn handle(&mut self, _: TakeSample, ctx: &mut Context<Self>) -> Self::Result {
        let mut sample = None;
        self.enter(ctx, |machine, now| sample = Some(machine.sample(now)));
        // One that was stopped counts no more, and what it has counted stays so.
        let mut sample = sample.unwrap_or_else(|| {
            let stopped = self.machine.sample(self.front.now());
            ServiceSample { running: false, ..stopped }
        });
        let turned_away = self.front.all_turned_away();
        sample.refused += turned_away.total();
        sample.refusals_other += turned_away.other();
        for row in turned_away.rows() {
            sample.add_refusals(row);
        }
        sample.forgone = self.front.forgone();
        MessageResult(sample)
    }
}
