//! More of the same traffic, or less.

use tidegate_units::Span;

use crate::number;
use crate::random::{Random, Stream};
use crate::trace::{Trace, TraceRequest};

impl Trace {
    /// The same traffic `factor` times over: 0.01 to 100, beyond which it is taken to the nearest
    /// of the two. At most [`Trace::REQUESTS_MAX`] requests come out.
    ///
    /// Busy moments stay busy and quiet ones quiet. Above 1, each request is followed by copies of
    /// itself at random moments before the next request of the trace; below 1, each is kept by
    /// chance. The first request and the span stay.
    pub fn with_load(&self, factor: f64, seed: u64) -> Self {
        let factor = factor.clamp(0.01, 100.0);
        let mut random = Random::new(seed, Stream::Load);
        let mut requests = Vec::new();
        let last = self.requests.len().saturating_sub(1);
        for (index, request) in self.requests.iter().enumerate() {
            let next = self.requests.get(index + 1).map_or(request.at, |next| next.at);
            let by_chance = u64::from(random.chance(factor.fract()));
            let copies = number::nearest(factor.trunc()) + by_chance;
            // The ends hold the span in place, even of a thin trace.
            let at_least = u64::from(index == 0 || index == last);
            let room = Self::REQUESTS_MAX - number::count(requests.len());
            let copies = copies.max(at_least).min(room);
            requests.extend(copies_of(request, next - request.at, copies, &mut random));
        }
        Self::new(self.name.clone(), requests)
    }

    /// The part of this traffic that comes within `span` of its first request.
    ///
    /// ```
    /// use tidegate_simulator::Generator;
    /// use tidegate_units::Span;
    ///
    /// let trace = Generator::new(1).generate();
    /// let first = trace.first(Span::from_secs(600));
    /// assert!(first.span() <= Span::from_secs(600) && first.requests().len() > 1_000);
    /// assert_eq!(trace.first(Span::MAX), trace);
    /// ```
    pub fn first(&self, span: Span) -> Self {
        let requests = self.requests.iter().take_while(|request| request.at <= span);
        Self { name: self.name.clone(), requests: requests.cloned().collect() }
    }
}

/// A request and its copies, within `room` of it.
fn copies_of<'a>(
    request: &'a TraceRequest,
    room: Span,
    copies: u64,
    random: &'a mut Random,
) -> impl Iterator<Item = TraceRequest> + 'a {
    (0..copies).map(move |copy| {
        let later = if copy == 0 { Span::ZERO } else { random.span_below(room) };
        TraceRequest { at: request.at + later, ..request.clone() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Generator;

    #[test]
    fn load_changes_the_count_and_not_the_shape() {
        let trace = Generator::sized(3, 4_000, Span::from_secs(700)).expect("in range").generate();
        for factor in [0.1_f64, 1.0, 2.5, 10.0] {
            let loaded = trace.with_load(factor, 9);
            let expected = 4_000.0 * factor;
            let found = number::float(number::count(loaded.requests().len()));
            assert!((found - expected).abs() < 0.1 * expected, "{found} at {factor}");
            assert_eq!(loaded.span(), trace.span(), "at {factor}");
        }
        assert_eq!(trace.with_load(1.0, 9), trace);
    }

    #[test]
    fn a_factor_beyond_the_range_is_the_nearest_in_it() {
        let trace = Generator::sized(3, 100, Span::from_secs(20)).expect("in range").generate();
        assert_eq!(trace.with_load(1e12, 1).requests().len(), 10_000);
        assert!(trace.with_load(f64::NEG_INFINITY, 1).requests().len() >= 2);
        assert!(trace.with_load(f64::NAN, 1).requests().len() >= 2);
    }
}
