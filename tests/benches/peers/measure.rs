//! Measuring several contenders side by side.

use std::hint::black_box;

use serde_json::{Value, json};
use tidegate_units::{Clock, MonotonicClock, Span};

/// How long and how often.
pub(crate) struct Plan {
    rounds: usize,
    sample: Span,
}

impl Plan {
    /// Enough to see that it works.
    pub(crate) fn quick() -> Self {
        Self { rounds: 3, sample: Span::from_millis(10) }
    }

    /// Enough to trust the medians.
    pub(crate) fn thorough() -> Self {
        Self { rounds: 11, sample: Span::from_millis(100) }
    }

    /// Whether there is no time for large tables.
    pub(crate) fn is_quick(&self) -> bool {
        self.rounds < 5
    }
}

/// Something to measure: does its operation so many times.
pub(crate) struct Contender<'a> {
    pub(crate) run: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(run: impl FnMut(u64) + 'a) -> Self {
        Self { run: Box::new(run) }
    }

    /// A contender whose operation is done by two threads at once: time is that of both, operations
    /// are those of both.
    pub(crate) fn on_two_threads(operation: impl Fn() + Sync + 'a) -> Self {
        Self::by_two_threads(move |times| (0..times).for_each(|_| operation()))
    }

    /// The same where each thread does its part in one go.
    pub(crate) fn by_two_threads(part: impl Fn(u64) + Sync + 'a) -> Self {
        Self::new(move |times| {
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| part(times / 2));
                }
            });
        })
    }
}

/// Nanoseconds per operation.
pub(crate) struct Timing {
    min: f64,
    pub(crate) median: f64,
}

impl Timing {
    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { min: samples[0], median: samples[samples.len() / 2] }
    }

    pub(crate) fn json(&self) -> Value {
        let short = |nanos: f64| (nanos * 100.0).round() / 100.0;
        json!({ "min": short(self.min), "median": short(self.median) })
    }
}

/// Measures every contender once per round.
pub(crate) fn interleaved(plan: &Plan, contenders: &mut [Contender<'_>]) -> Vec<Timing> {
    let clock = MonotonicClock::new();
    let times: Vec<u64> =
        contenders.iter_mut().map(|contender| calibrate(plan, &clock, contender)).collect();
    let mut samples = vec![Vec::new(); contenders.len()];
    for _ in 0..plan.rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            let nanos = time(&clock, contender, times[index]);
            samples[index].push(nanos / f64_of(times[index]));
        }
    }
    samples.into_iter().map(Timing::of).collect()
}

/// How often to do the operation for a sample to take long enough.
fn calibrate(plan: &Plan, clock: &MonotonicClock, contender: &mut Contender<'_>) -> u64 {
    let mut times = 1_000;
    loop {
        let nanos = time(clock, contender, times);
        if nanos >= plan.sample.as_secs_f64() * 1e9 / 4.0 {
            let scale = plan.sample.as_secs_f64() * 1e9 / nanos;
            return Span::from_secs_f64(f64_of(times) * scale / 1e9).as_nanos().max(1_000);
        }
        times *= 2;
    }
}

fn time(clock: &MonotonicClock, contender: &mut Contender<'_>, times: u64) -> f64 {
    let start = clock.now();
    (contender.run)(black_box(times));
    clock.now().since(start).as_secs_f64() * 1e9
}

pub(crate) fn f64_of(number: u64) -> f64 {
    Span::from_nanos(number).as_secs_f64() * 1e9
}

/// One line of the report: ours against a peer, and the ratio that is wanted.
pub(crate) fn line(
    part: &str,
    name: &str,
    ours: &Timing,
    peer: Option<(&str, &Timing)>,
    target: Option<f64>,
) -> Value {
    line_in(part, name, "ns", ours, peer, target)
}

/// The same in another unit.
pub(crate) fn line_in(
    part: &str,
    name: &str,
    unit: &str,
    ours: &Timing,
    peer: Option<(&str, &Timing)>,
    target: Option<f64>,
) -> Value {
    let ratio = peer.map(|(_, peer)| (ours.median / peer.median * 1_000.0).round() / 1_000.0);
    json!({
        "part": part,
        "name": name,
        "unit": unit,
        "ours": ours.json(),
        "peer": peer.map(|(name, _)| name),
        "peer_value": peer.map(|(_, timing)| timing.json()),
        "ratio": ratio,
        "target": target,
    })
}
