//! An emulated service: the provider of the simulator, and what it does not emulate: outages, and calls
//! that get into each other's way.
//!
//! A pure machine on the time that it is told. It counts at its own door, so that what is shown of a
//! limiter can be held against what has really come.
//!
//! # Invariants
//!
//! - DEMO-1: every call that arrived was admitted, rate-limited, turned away, contended or failed: one of
//!   them, once.

use std::collections::BTreeMap;

use tidegate_adaptive::{Hint, Reset};
use tidegate_observability::UpstreamCount;
use tidegate_simulator::{
    Behaviour, CapacityStep, DimensionLimit, Headers, LimitHeader, Provider, ProviderLimits, Rate,
    Reply, Swings,
};
use tidegate_units::{Dimension, Instant, Span};

use crate::demo::plan::Bears;

/// For how long the capacity goes up and down; then it stays.
const STEPS_FOR: Span = Span::from_secs(7 * 86_400);
/// The most steps in that time.
const STEPS_MAX: u64 = 20_000;
/// The time that limits are stated for.
const STATED_PER: Span = Span::from_secs(60);

/// The tokens of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sizes {
    /// Tokens sent.
    pub(crate) input: u64,
    /// Tokens generated.
    pub(crate) output: u64,
}

/// What the service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It works on it for so long; then [`Upstream::complete`] is due.
    Works { for_span: Span, hints: Vec<Hint> },
    /// Too many requests.
    RateLimited { retry_after: Option<Span>, hints: Vec<Hint> },
    /// Too much to do.
    Overloaded,
    /// Others hold what the call needs.
    Contended,
    /// It is out of order.
    Failed,
}

/// An emulated service.
#[derive(Debug)]
pub(crate) struct Upstream {
    bears: Bears,
    provider: Provider,
    limits: ProviderLimits,
    speed: u64,
    count: UpstreamCount,
    tokens: Sizes,
}

impl Upstream {
    /// A service that has seen nothing. Capacity and outages go `hurried` times as fast as planned.
    pub(crate) fn new(bears: Bears, hurried: u64, seed: u64) -> Self {
        let rate = Rate::from_micros_per_second(bears.requests_milli.saturating_mul(1_000));
        let limit = DimensionLimit::bucket(
            rate.unwrap_or(Rate::MAX),
            Span::from_secs(bears.burst_s),
            STATED_PER,
        );
        let swings = Swings { steps: steps(&bears, hurried), ..Swings::default() };
        let limits = ProviderLimits::requests(limit).swinging(swings, STEPS_FOR);
        let behaviour = Behaviour::new(bears.headers, 0.5, bears.overload);
        let provider = Provider::new(&limits, behaviour, seed);
        let (count, tokens) = (UpstreamCount::default(), Sizes::default());
        Self { bears, provider, limits, speed: hurried, count, tokens }
    }

    /// A call arrives. Call it in order of time.
    pub(crate) fn arrive(&mut self, now: Instant, sizes: Sizes) -> Answer {
        self.count.arrived += 1;
        if self.is_out_of_order(now) {
            self.count.failed += 1;
            return Answer::Failed;
        }
        if self.slots(now).is_some_and(|slots| self.count.under_way >= slots) {
            self.count.contended += 1;
            return Answer::Contended;
        }
        match self.provider.arrive(now, sizes.input, sizes.output) {
            Reply::Ok { service_time, headers, .. } => {
                self.count.under_way += 1;
                self.count.under_way_max = self.count.under_way_max.max(self.count.under_way);
                self.tokens.input = self.tokens.input.saturating_add(sizes.input);
                let for_span = service_time.div(self.bears.hurry.max(1));
                Answer::Works { for_span, hints: hints(now, headers) }
            }
            Reply::RateLimited { retry_after, headers } => {
                Answer::RateLimited { retry_after, hints: hints(now, headers) }
            }
            Reply::Overloaded => Answer::Overloaded,
        }
    }

    /// The work on a call is done. Once for each that it works on.
    pub(crate) fn complete(&mut self, now: Instant, sizes: Sizes) {
        self.provider.complete(now, sizes.output);
        self.count.under_way = self.count.under_way.saturating_sub(1);
        self.tokens.output = self.tokens.output.saturating_add(sizes.output);
    }

    /// What it has counted.
    pub(crate) fn count(&self, now: Instant) -> UpstreamCount {
        let tally = self.provider.tally();
        let of = [
            (Dimension::InputTokens, self.tokens.input),
            (Dimension::OutputTokens, self.tokens.output),
        ];
        let used: BTreeMap<Dimension, u64> = of.into_iter().filter(|(_, used)| *used > 0).collect();
        UpstreamCount {
            admitted: tally.admitted,
            rate_limited: tally.rate_limited,
            overloaded: tally.overloaded,
            used,
            capacity_per_second: self.capacity(now),
            ..self.count.clone()
        }
    }

    fn is_out_of_order(&self, now: Instant) -> bool {
        let Some((every, lasts)) = self.bears.outage_s else {
            return false;
        };
        // At the end of each cycle, so that it begins with a service that works.
        let at = now.as_nanos().saturating_mul(self.speed) / 1_000_000_000 % every.max(1);
        at >= every.saturating_sub(lasts)
    }

    /// Which step of the plan holds now.
    fn step(&self, now: Instant) -> u64 {
        let length = Span::from_secs(self.bears.step_s).div(self.speed.max(1)).as_nanos();
        now.as_nanos().min(STEPS_FOR.as_nanos()) / length.max(1)
    }

    fn slots(&self, now: Instant) -> Option<u64> {
        cycled(self.bears.slots, self.step(now))
    }

    fn capacity(&self, now: Instant) -> Option<f64> {
        if self.bears.slots.is_empty() && self.bears.requests_milli < 1_000_000 {
            let limit = self.limits.limit(Dimension::Requests)?;
            let steps = self.limits.swings().steps.as_slice();
            let passed = steps.partition_point(|step| Instant::ZERO + step.at <= now);
            let millionths = passed.checked_sub(1).map_or(1_000_000, |at| steps[at].millionths);
            let factor = Span::from_micros(millionths).as_secs_f64();
            return Some(limit.rate_per_second() * factor);
        }
        None
    }
}

/// What headers say, as an adapter of this service reads them.
fn hints(now: Instant, headers: Option<Headers>) -> Vec<Hint> {
    let hint = |header: LimitHeader| Hint {
        limit: Some(header.limit),
        remaining: Some(header.remaining),
        reset: Some(Reset::Full(header.reset_at.since(now))),
        window: Some(STATED_PER),
        ..Hint::of(Dimension::Requests)
    };
    headers.and_then(|headers| headers.requests).map(hint).into_iter().collect()
}

/// The course of the capacity, over and over.
fn steps(bears: &Bears, speed: u64) -> Vec<CapacityStep> {
    if bears.steps_milli.len() < 2 {
        return Vec::new();
    }
    let length = Span::from_secs(bears.step_s).div(speed.max(1)).max(Span::from_secs(1));
    let count = (STEPS_FOR.as_nanos() / length.as_nanos()).min(STEPS_MAX);
    let step = |at: u64| {
        let milli = cycled(bears.steps_milli, at).unwrap_or(1_000);
        CapacityStep { at: length * at, millionths: milli.saturating_mul(1_000) }
    };
    (1..=count).map(step).collect()
}

/// What stands at a place in a list that begins again at its end.
fn cycled(list: &[u64], at: u64) -> Option<u64> {
    let length = u64::try_from(list.len()).ok().filter(|length| *length > 0)?;
    usize::try_from(at % length).ok().and_then(|place| list.get(place)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::plan::PLANS;

    /// After the last call and all work.
    const END: u64 = 400_000;

    fn bears(service: &str) -> Bears {
        PLANS.iter().find(|plan| plan.service == service).expect("it is planned").bears
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn every_call_is_counted_as_one_thing() {
        for plan in &PLANS {
            let mut upstream = Upstream::new(plan.bears, 10, 3);
            let (mut due, mut worked) = (Vec::<(Instant, Sizes)>::new(), 0);
            for call in 0..4_000 {
                let now = at(call * 37);
                due.retain(|(end, sizes)| {
                    if *end <= now {
                        upstream.complete(now, *sizes);
                    }
                    *end > now
                });
                let sizes = Sizes { input: 10, output: 4 };
                if let Answer::Works { for_span, .. } = upstream.arrive(now, sizes) {
                    due.push((now + for_span, sizes));
                    worked += 1;
                }
            }
            for (end, sizes) in due {
                upstream.complete(end, sizes);
            }
            let count = upstream.count(at(END));
            let parts = count.admitted + count.rate_limited + count.overloaded;
            assert_eq!(count.arrived, 4_000, "{}", plan.service);
            assert_eq!(count.arrived, parts + count.contended + count.failed, "{}", plan.service);
            assert_eq!((count.admitted, count.under_way), (worked, 0), "{}", plan.service);
            assert_eq!(count.used[&Dimension::InputTokens], 10 * worked);
            assert_eq!(count.used[&Dimension::OutputTokens], 4 * worked);
        }
    }

    #[test]
    fn an_outage_comes_at_the_end_of_each_cycle_and_goes() {
        let mut upstream = Upstream::new(bears("ollama"), 1, 1);
        let failed = [0, 124_999, 125_000, 149_999, 150_000, 275_000]
            .map(|millis| upstream.arrive(at(millis), Sizes::default()) == Answer::Failed);
        assert_eq!(failed, [false, false, true, true, false, true]);
    }

    #[test]
    fn the_capacity_that_is_shown_steps_with_the_speed() {
        let upstream = Upstream::new(bears("openai"), 10, 1);
        let shown = [0, 7_999, 8_000, 16_000, 24_000, 40_000].map(|millis| {
            let capacity = upstream.count(at(millis)).capacity_per_second.expect("it has one");
            format!("{capacity:.2}")
        });
        assert_eq!(shown, ["2.50", "2.50", "1.00", "2.50", "4.00", "2.50"]);
    }

    #[test]
    fn calls_get_into_each_others_way_where_there_are_slots() {
        let mut upstream = Upstream::new(bears("git"), 1, 1);
        let mut contended = 0;
        for _ in 0..9 {
            contended += u64::from(upstream.arrive(at(0), Sizes::default()) == Answer::Contended);
        }
        assert_eq!((contended, upstream.count(at(0)).under_way_max), (1, 8));
        upstream.complete(at(1), Sizes::default());
        assert_ne!(upstream.arrive(at(1), Sizes::default()), Answer::Contended);
    }
}
