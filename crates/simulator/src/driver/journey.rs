//! What happens to calls between their client and the provider, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_units::{Instant, Priority, Span};

use crate::driver::steps;
use crate::driver::tally::{Course, Load, Tally};
use crate::driver::tenants::Tenants;
use crate::provider::CapacityStep;
use crate::report::Run;
use crate::scenario::ClockSkew;
use crate::{
    Controller, Headers, Ideal, Network, Provider, ProviderLimits, Random, Reply, Scenario, Stream,
    Trace, TraceRequest, number,
};

/// Something that a client learns or does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    /// A request comes in from the trace.
    Arrived,
    /// A client wanted to try again now.
    Again,
    /// The headers of the call have come, and more is to follow.
    Told,
    /// The call is done.
    Done,
    /// The provider refused the call at a limit, and may have said how long to wait.
    Refused { retry_after: Option<Span> },
    /// The provider had too much to do.
    Overloaded,
}

/// What is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Something happens to a call.
    Call { now: Instant, call: usize, happening: Happening },
    /// The controller's own deadline has come.
    Deadline { now: Instant },
    /// The trace is over.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// At the client.
    Client(Happening),
    /// The call arrives at the provider, having been under way for so long.
    AtProvider { outbound: Span },
    /// The provider has done the work.
    Completed,
}

/// All calls of one run.
#[derive(Debug)]
pub(super) struct Journey {
    requests: Vec<TraceRequest>,
    classes: Vec<Priority>,
    tenants: Tenants,
    refusals: Vec<u32>,
    /// What the provider has said of its limits with each call, and nobody has read.
    headers: Vec<Option<Headers>>,
    max_retries: u32,
    steps: Vec<CapacityStep>,
    horizon: Instant,
    provider: Provider,
    work_is_tokens: bool,
    work: u64,
    arrived: usize,
    now: Instant,
    clock_skew: ClockSkew,
    events: BinaryHeap<Reverse<(Instant, u64, usize, Event)>>,
    scheduled: u64,
    network: Random,
    pub(super) tally: Tally,
}

impl Journey {
    pub(super) fn new(
        traffic: &Trace,
        scenario: &Scenario,
        limits: &ProviderLimits,
        seed: u64,
    ) -> Self {
        let mut draws = Random::new(seed, Stream::Clients);
        let requests = traffic.requests().to_vec();
        let shares = scenario.clients().classes;
        let classes: Vec<Priority> =
            requests.iter().map(|_| shares.pick(draws.uniform())).collect();
        Self {
            tenants: Tenants::deal(requests.len(), scenario.clients(), seed),
            refusals: vec![0; requests.len()],
            headers: vec![None; requests.len()],
            max_retries: scenario.clients().max_retries,
            steps: scenario.swings().steps.clone(),
            horizon: Instant::ZERO + traffic.span(),
            provider: Provider::new(limits, scenario.behaviour(), seed),
            work_is_tokens: limits.work_dimension().is_tokens(),
            work: 0,
            arrived: 0,
            now: Instant::ZERO,
            clock_skew: scenario.clock_skew(),
            events: BinaryHeap::new(),
            scheduled: 0,
            network: Random::new(seed, Stream::Network),
            tally: Tally::new((&requests, &classes), scenario, limits, (traffic.span(), seed)),
            requests,
            classes,
        }
    }

    pub(super) fn requests(&self) -> &[TraceRequest] {
        &self.requests
    }

    /// When the last thing happened that was told.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// How far the clients' clocks are off.
    pub(super) fn clock_skew(&self) -> ClockSkew {
        self.clock_skew
    }

    /// The clients.
    pub(super) fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// What the provider has said of its limits with a call, once.
    pub(super) fn take_headers(&mut self, call: usize) -> Option<Headers> {
        self.headers[call].take()
    }

    pub(super) fn class(&self, call: usize) -> Priority {
        self.classes[call]
    }

    /// How many requests have come in from the trace.
    pub(super) fn arrived(&self) -> usize {
        self.arrived
    }

    /// Sends a call on its way.
    pub(super) fn send(&mut self, now: Instant, call: usize) {
        let outbound = Network::one_way(&mut self.network);
        self.schedule(now + outbound, call, Event::AtProvider { outbound });
    }

    /// Has the client try again later.
    pub(super) fn again(&mut self, at: Instant, call: usize) {
        self.schedule(at, call, Event::Client(Happening::Again));
    }

    /// Counts one refusal of a call. Answers which it was, the first being 0, or `None` if the call
    /// has failed for good.
    pub(super) fn refused(&mut self, call: usize) -> Option<u32> {
        let before = self.refusals[call];
        self.refusals[call] += 1;
        if before >= self.max_retries {
            self.fail();
            return None;
        }
        Some(before)
    }

    /// Counts a call that has failed for good.
    pub(super) fn fail(&mut self) {
        self.tally.failed += 1;
    }

    /// The next thing that concerns a client, or its controller's deadline if that comes first.
    pub(super) fn next(&mut self, deadline: Option<Instant>) -> Next {
        loop {
            let arrival = self.requests.get(self.arrived).map(|it| Instant::ZERO + it.at);
            let event = self.events.peek().map(|Reverse((at, ..))| *at);
            let times = [arrival, event, deadline];
            let Some(now) = times.into_iter().flatten().min().filter(|it| *it <= self.horizon)
            else {
                return Next::End;
            };
            self.now = now;
            if deadline.is_some_and(|at| at <= now) {
                return Next::Deadline { now };
            }
            if arrival == Some(now) {
                let call = self.arrived;
                self.arrived += 1;
                self.tally.count(now, Load::Offered);
                self.tally.fairness.offered(now, self.tenants.of(call), self.work_of(call));
                return Next::Call { now, call, happening: Happening::Arrived };
            }
            if let Some(Reverse((now, _, call, event))) = self.events.pop() {
                match event {
                    Event::Client(happening) => return Next::Call { now, call, happening },
                    Event::AtProvider { outbound } => self.at_provider(now, call, outbound),
                    Event::Completed => self.completed(now, call),
                }
            }
        }
    }

    fn schedule(&mut self, at: Instant, call: usize, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((at, self.scheduled, call, event)));
    }

    fn at_provider(&mut self, now: Instant, call: usize, outbound: Span) {
        let TraceRequest { at, context_tokens, generated_tokens, .. } = self.requests[call];
        match self.provider.arrive(now, context_tokens, generated_tokens) {
            Reply::Ok { service_time, headers_after, headers, .. } => {
                self.tally.count(now, Load::Admitted);
                self.tally.waited(call, now.since(Instant::ZERO + at));
                let work = self.work_of(call);
                self.work = self.work.saturating_add(work);
                self.tally.pulse.admitted(now, work);
                self.tally.fairness.admitted(now, self.tenants.of(call), work);
                self.headers[call] = headers;
                if headers.is_some() && headers_after < service_time {
                    let back = Network::one_way(&mut self.network);
                    self.schedule(now + headers_after + back, call, Event::Client(Happening::Told));
                }
                self.schedule(now + service_time, call, Event::Completed);
            }
            Reply::RateLimited { retry_after, headers } => {
                self.tally.count(now, Load::Refused);
                self.tally.pulse.refused(now);
                self.headers[call] = headers;
                let back = Network::refusal(&mut self.network, outbound);
                let happening = Happening::Refused { retry_after };
                self.schedule(now + back, call, Event::Client(happening));
            }
            Reply::Overloaded => {
                let back = Network::refusal(&mut self.network, outbound);
                self.schedule(now + back, call, Event::Client(Happening::Overloaded));
            }
        }
    }

    /// What a call counts for.
    fn work_of(&self, call: usize) -> u64 {
        if self.work_is_tokens { self.requests[call].tokens() } else { 1 }
    }

    fn completed(&mut self, now: Instant, call: usize) {
        self.provider.complete(now, self.requests[call].generated_tokens);
        let back = Network::one_way(&mut self.network);
        self.schedule(now + back, call, Event::Client(Happening::Done));
    }

    /// Somewhere to write down what happened when.
    pub(super) fn blank_course(&self) -> Course {
        Course::of(&self.tally.pulse)
    }

    /// The report of the run, compared with what the omniscient queue got in all and when.
    pub(super) fn finish(
        mut self,
        controller: Controller,
        seed: u64,
        (ideal, course): (&Ideal, &Course),
        took: Span,
    ) -> Run {
        let provider = self.provider.tally();
        let share = |part: u64, of: u64| number::float(part) / number::float(of.max(1));
        Run {
            controller: controller.name().to_owned(),
            seed,
            goodput: share(self.work, ideal.work),
            refused_per_1000: 1_000.0 * share(provider.rate_limited, provider.admitted),
            failed: self.tally.failed,
            waiting: number::count(self.arrived)
                .saturating_sub(provider.admitted)
                .saturating_sub(self.tally.failed),
            admitted: provider.admitted,
            excess: self.provider.excess(),
            offered_excess: self.provider.offered_excess(),
            wait_s: self.tally.by_class.waits_s(),
            wait_s_by_key: self.tally.by_key.waits_s(),
            served: self.tally.by_class.served(),
            served_by_key: self.tally.by_key.served(),
            steps: steps::met(&self.steps, &self.tally.pulse, course.work()),
            jain_60s: self.tally.fairness.index(),
            decisions_per_s: number::nearest(
                number::float(self.tally.decisions) / took.as_secs_f64(),
            ),
            load: self.tally.load(),
            pace: self.tally.pulse.points(),
        }
    }
}

#[cfg(test)]
mod tests;
