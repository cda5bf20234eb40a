//! Keeping to a pace that is learned: what the limiter asks its controller, and tells it.
//!
//! A pace is no limit. Limits are stated and never broken; a pace is what the service is thought to
//! bear just now, and holds beside them. The controller hears of everything that is sent, whichever
//! way it was granted, and of every call that ends.

use tidegate_adaptive::{Answer, Controller, Hint, Pace};
use tidegate_units::{
    Amounts, Code, Concurrency, Cost, Dimension, Instant, Outcome, Priority, Reason, Rejection,
    Span,
};

use super::Limiter;
use super::close::sent_at;
use crate::settlement::Call;
use crate::tariff::Totals;

/// Per how long a pace is told.
const TOLD_PER: Span = Span::from_secs(60);

impl Limiter {
    /// Has `controller` set the pace from now on.
    pub fn set_controller(&mut self, now: Instant, controller: Box<dyn Controller>) {
        self.controller = Some(controller);
        self.plan(now);
    }

    /// A service told about its limits before the call that was sent at `sent_at` has ended: with the
    /// headers of a response that is still being read.
    pub fn hinted(&mut self, now: Instant, sent_at: Instant, hints: &[Hint]) {
        self.pause.heard(sent_at, Outcome::Ok);
        if let Some(controller) = &mut self.controller {
            controller.hinted(now, sent_at, hints);
        }
        self.plan(now);
    }

    /// The paces at present, one for each dimension that is paced.
    pub fn paces(&self, now: Instant) -> Vec<Pace> {
        self.controller.as_ref().map(|controller| controller.paces(now)).unwrap_or_default()
    }

    /// Whether a call keeps to the pace if it is sent now.
    pub(super) fn keeps_pace(
        &self,
        now: Instant,
        (cost, class): (&Cost, Priority),
    ) -> Result<(), Rejection> {
        let Some(controller) = &self.controller else {
            return Ok(());
        };
        match controller.earliest(now, cost, class) {
            at if at <= now => Ok(()),
            at => Err(self.too_fast(now, cost, at.since(now))),
        }
    }

    /// Whether nobody else is out alone, to find out whether the service is there again (QUOTA-1).
    pub(super) fn waits_for_no_probe(&self, now: Instant, cost: &Cost) -> Result<(), Rejection> {
        let Some(until) = self.pause.probed_until(now) else {
            return Ok(());
        };
        let retry_after = Some(until.since(now));
        let rejection = Rejection { retry_after, ..self.first_limit(now, cost) };
        Err(rejection.because(Reason::Paused))
    }

    fn too_fast(&self, now: Instant, cost: &Cost, wait: Span) -> Rejection {
        let paces = self.paces(now);
        let slowest = paces.iter().max_by(|a, b| slowness(a, cost).total_cmp(&slowness(b, cost)));
        let dimension = slowest.map_or(Dimension::Requests, |pace| pace.dimension);
        let limit = slowest.map_or(0, |pace| pace.amount_per(TOLD_PER));
        Rejection {
            code: Code::E4424,
            reason: Reason::Paced,
            scope: self.ledger.scope().clone(),
            dimension,
            limit,
            window: TOLD_PER,
            used: limit,
            requested: cost.amount(dimension),
            retry_after: Some(wait),
            queue_position: None,
        }
    }

    /// What there is to say of the pace to those who do not want to wait, if it lets none of them through,
    /// and until when it does not.
    pub(super) fn pace_shortage(&self, now: Instant) -> Option<(Rejection, Instant)> {
        let controller = self.controller.as_ref()?;
        let one = Cost::request();
        let is_short = controller.lendable(now, Dimension::Requests)? == 0;
        let at = controller.earliest(now, &one, Priority::Normal);
        is_short.then(|| (self.too_fast(now, &one, at.since(now)), at))
    }

    /// By when so much is sent at the present pace, as far as that can be foretold.
    pub(super) fn paced_until(&self, now: Instant, totals: &Totals) -> Instant {
        let dimensions = self.tariff.dimensions();
        let paces = self.paces(now);
        let long = |pace: &Pace| pace.time_for(totals.get(dimensions, pace.dimension));
        now + paces.iter().map(long).max().unwrap_or(Span::ZERO)
    }

    /// A call has ended.
    pub(super) fn tell_controller(
        &mut self,
        now: Instant,
        (recorded, outcome): (Instant, Outcome),
        (refund, debt): (&Amounts, &Amounts),
        (call, retry_after): (&Call, Option<Span>),
    ) {
        let Some(controller) = &mut self.controller else {
            return;
        };
        let sent_at = sent_at(now, recorded, call);
        let one = Cost::request();
        let cost = call.cost.as_ref().unwrap_or(&one);
        let hints = &call.hints;
        controller
            .answered(now, &Answer { sent_at, cost, debt, refund, outcome, retry_after, hints });
    }

    /// There are as many slots as the controller says. Where that is fewer than were given out, what lies in
    /// the gate is taken back.
    pub(super) fn resize_slots(&mut self, now: Instant) {
        let learned = self.controller.as_ref().and_then(|controller| controller.slots(now));
        let (Some(slots), Some(concurrency)) = (learned, self.config.concurrency) else {
            return;
        };
        let Some(bulkhead) = &mut self.bulkhead else {
            return;
        };
        bulkhead.resize(Concurrency { slots, ..concurrency });
        if bulkhead.held() + bulkhead.in_gate() > bulkhead.slots() && bulkhead.in_gate() > 0 {
            self.close_gate();
        }
    }

    /// Until when the controller wants nothing to be sent.
    pub(super) fn silent_until(&self, now: Instant) -> Option<Instant> {
        self.controller.as_ref()?.silent_until(now)
    }

    /// When the gate can be given more, as far as the pace goes.
    pub(super) fn pace_gains_at(&self, now: Instant) -> Option<Instant> {
        let controller = self.controller.as_ref()?;
        let short = controller.lendable(now, Dimension::Requests)? == 0;
        let at = controller.earliest(now, &Cost::request(), Priority::Normal);
        Some(at).filter(|at| short && *at > now)
    }
}

/// How long a call of `cost` takes at this pace.
fn slowness(pace: &Pace, cost: &Cost) -> f64 {
    pace.time_for(cost.amount(pace.dimension)).as_secs_f64()
}
