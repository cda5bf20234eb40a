//! Traffic that nobody recorded, of the shape of an hour that somebody did.
//!
//! A clone of this project holds no trace. This makes one: a rate that wanders, requests that come
//! by chance at that rate, and sizes drawn from [quantiles of the real thing](shape). As recorded
//! traffic does, it has busy minutes and quiet ones, busy seconds within them, and many small
//! requests beside few large ones.
//!
//! The logarithm of the rate is the sum of a slow and a fast Ornstein–Uhlenbeck process: one moves
//! over minutes, the other over seconds. The slow one is moved and stretched to the same mean and
//! deviation for every seed, so that no seed is much busier than another. Arrivals are those of a
//! Poisson process of that rate, given that there are exactly as many as asked for.
//!
//! What it does not have: days and nights, keys, and users who come back.

mod demand;
pub mod shape;

use tidegate_units::Span;

use crate::number;
use crate::random::{Random, Stream};
use crate::trace::{Trace, TraceRequest};
use demand::Demand;

/// How a trace is made: how many requests, over how long, from which seed.
///
/// ```
/// use tidegate_simulator::Generator;
///
/// let trace = Generator::new(1).generate();
/// assert_eq!(trace.requests().len(), 19_366);
/// assert_eq!(trace, Generator::new(1).generate());
///
/// let refused = Generator::sized(1, 0, trace.span()).unwrap_err();
/// assert_eq!(refused.to_string(), "0 requests: use 2 to 10000000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generator {
    seed: u64,
    requests: u64,
    span: Span,
}

/// Why no trace can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GeneratorError {
    /// The number of requests is out of range.
    #[error("{requests} requests: use 2 to {}", Trace::REQUESTS_MAX)]
    Requests {
        /// As asked for.
        requests: u64,
    },
    /// The span is out of range.
    #[error("a span of {span}: use {} to {}", Generator::SPAN_MIN, Trace::SPAN_MAX)]
    Span {
        /// As asked for.
        span: Span,
    },
}

impl Generator {
    /// As many requests as the recorded hour.
    pub const REQUESTS: u64 = 19_366;
    /// The time from the first request of the recorded hour to the last.
    pub const SPAN: Span = Span::from_micros(3_501_721_937);
    /// The shortest span: the rate is drawn once a second.
    pub const SPAN_MIN: Span = Span::from_secs(1);

    /// An hour like the recorded one.
    pub fn new(seed: u64) -> Self {
        Self { seed, requests: Self::REQUESTS, span: Self::SPAN }
    }

    /// The same kind of traffic, in another amount.
    ///
    /// # Errors
    ///
    /// [`GeneratorError`] unless there are 2 to [`Trace::REQUESTS_MAX`] requests over
    /// [`Generator::SPAN_MIN`] to [`Trace::SPAN_MAX`].
    pub fn sized(seed: u64, requests: u64, span: Span) -> Result<Self, GeneratorError> {
        if !(2..=Trace::REQUESTS_MAX).contains(&requests) {
            return Err(GeneratorError::Requests { requests });
        }
        if !(Self::SPAN_MIN..=Trace::SPAN_MAX).contains(&span) {
            return Err(GeneratorError::Span { span });
        }
        Ok(Self { seed, requests, span })
    }

    /// Makes the trace; always the same one.
    pub fn generate(&self) -> Trace {
        let mut sizes = Random::new(self.seed, Stream::Sizes);
        let request = |at| {
            let (context_tokens, generated_tokens) = shape::draw(&mut sizes);
            TraceRequest { at, context_tokens, generated_tokens, key: None }
        };
        Trace::new(format!("generated-{}", self.seed), self.arrivals().map(request).collect())
    }

    /// When requests arrive: in order, the first at zero and the last at the span.
    fn arrivals(&self) -> impl Iterator<Item = Span> {
        let demand = Demand::draw(self.seed, self.span);
        // Given their number, the arrivals of a Poisson process split the demand as exponential
        // steps split their sum.
        let mut random = Random::new(self.seed, Stream::Arrivals);
        let steps: Vec<f64> = (1..self.requests).map(|_| random.exponential()).collect();
        let scale = demand.total() / steps.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let span = self.span;
        let (mut reached, mut second, mut before) = (0.0, 0, 0.0);
        let later = steps.into_iter().map(move |step| {
            reached += step * scale;
            while let Some(weight) = demand.weight(second).filter(|w| before + w < reached) {
                before += weight;
                second += 1;
            }
            let within = (reached - before) / demand.weight(second).unwrap_or(f64::INFINITY);
            let at = number::float(number::count(second)) + within * demand.length(second);
            Span::from_secs_f64(at).min(span)
        });
        let inner = later.take(number::place(self.requests - 2));
        std::iter::once(Span::ZERO).chain(inner).chain(std::iter::once(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests in each minute.
    fn minutes(trace: &Trace) -> Vec<u64> {
        let mut minutes = vec![0; 59];
        for request in trace.requests() {
            minutes[number::place(request.at.as_nanos() / 60_000_000_000)] += 1;
        }
        minutes
    }

    /// The value below which `share` of the requests are.
    fn quantile(trace: &Trace, share: f64, of: impl Fn(&TraceRequest) -> u64) -> f64 {
        let mut values: Vec<u64> = trace.requests().iter().map(of).collect();
        values.sort_unstable();
        let index = number::nearest(share * number::float(number::count(values.len() - 1)));
        number::float(values[number::place(index)])
    }

    #[test]
    fn every_seed_gives_an_hour_like_the_recorded_one() {
        for seed in 0..10 {
            let trace = Generator::new(seed).generate();
            assert_eq!(number::count(trace.requests().len()), Generator::REQUESTS);
            assert_eq!(trace.span(), Generator::SPAN);
            let minutes = minutes(&trace);
            let (last, whole) = minutes.split_last().expect("59 minutes");
            let (quietest, busiest) = (whole.iter().min(), whole.iter().max());
            assert!((140..=260).contains(quietest.expect("some")), "{seed}: {quietest:?}");
            assert!((430..=640).contains(busiest.expect("some")), "{seed}: {busiest:?}");
            assert!((20..=260).contains(last), "{seed}: the 22 s of the last minute hold {last}");
            let per_minute = number::float(trace.tokens()) / trace.span().as_secs_f64() * 60.0;
            assert!((per_minute / 453_215.0 - 1.0).abs() < 0.03, "{seed}: {per_minute} tokens");
        }
    }

    #[test]
    fn sizes_have_the_recorded_quantiles() {
        let trace = Generator::new(5).generate();
        let check = |share, of: fn(&TraceRequest) -> u64, expected: f64, tolerance: f64| {
            let found = quantile(&trace, share, of);
            let off = (found / expected - 1.0).abs();
            assert!(off <= tolerance, "{found} for {expected} at {share}");
        };
        for (share, expected) in [(0.25, 396.0), (0.5, 1_020.0), (0.75, 1_189.0), (0.95, 4_083.0)] {
            check(share, |request| request.context_tokens, expected, 0.03);
        }
        for (share, expected) in
            [(0.1, 54.0), (0.25, 85.0), (0.5, 129.0), (0.8, 400.0), (0.95, 451.0)]
        {
            check(share, |request| request.generated_tokens, expected, 0.1);
        }
    }

    #[test]
    fn seconds_are_burstier_than_chance() {
        let trace = Generator::new(2).generate();
        let mut seconds = vec![0.0; 3_502];
        for request in trace.requests() {
            seconds[number::place(request.at.as_nanos() / 1_000_000_000)] += 1.0;
        }
        let mean = seconds.iter().sum::<f64>() / 3_502.0;
        let variance = seconds.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / 3_502.0;
        assert!((1.25..1.6).contains(&(variance / mean)), "{}", variance / mean);
    }

    #[test]
    fn small_and_short_traces_are_whole_too() {
        for (requests, span) in [(2, Span::from_secs(1)), (1_000, Span::from_millis(1_500))] {
            let trace = Generator::sized(4, requests, span).expect("in range").generate();
            assert_eq!(number::count(trace.requests().len()), requests);
            assert_eq!(trace.span(), span);
            assert!(trace.requests().is_sorted_by_key(|request| request.at));
        }
    }

    #[test]
    fn a_trace_out_of_range_is_refused() {
        let refusals = [
            Generator::sized(0, 1, Generator::SPAN),
            Generator::sized(0, 10_000_001, Generator::SPAN),
            Generator::sized(0, 2, Span::from_millis(999)),
            Generator::sized(0, 2, Trace::SPAN_MAX + Span::from_nanos(1)),
        ];
        let texts = refusals.map(|refused| refused.expect_err("out of range").to_string());
        insta::assert_snapshot!(texts.join("\n"), @"
        1 requests: use 2 to 10000000
        10000001 requests: use 2 to 10000000
        a span of 999ms: use 1s to 31d
        a span of 2678400s: use 1s to 31d
        ");
    }
}
