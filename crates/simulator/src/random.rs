//! Draws from a seed: the same on every machine, and independent from one use to the next.

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng as _;
use tidegate_units::Span;

use crate::number;

/// What the draws are for. Each use has a stream of its own, so that more draws for one leave the
/// others as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// How busy each second of a generated trace is.
    Rates,
    /// When its requests arrive.
    Arrivals,
    /// How large its requests are.
    Sizes,
    /// Which requests of a trace are repeated or left out, and when.
    Load,
    /// How long calls take on the network.
    Network,
    /// How the provider answers.
    Provider,
    /// The phase of the provider's windows.
    Phase,
    /// What the clients draw: classes, jitter.
    Clients,
    /// Whose each request is.
    Keys,
    /// What other tenants take of the provider's capacity.
    Noise,
    /// Which responses lose their headers.
    Loss,
    /// Which of several clients sends each request.
    Tenants,
}

impl Stream {
    /// The number of the PCG stream.
    const fn number(self) -> u128 {
        match self {
            Self::Rates => 1,
            Self::Arrivals => 2,
            Self::Sizes => 3,
            Self::Load => 4,
            Self::Network => 5,
            Self::Provider => 6,
            Self::Phase => 7,
            Self::Clients => 8,
            Self::Keys => 9,
            Self::Noise => 10,
            Self::Loss => 11,
            Self::Tenants => 12,
        }
    }
}

/// A source of draws. Equal seeds and streams give equal draws, in equal order.
///
/// ```
/// use tidegate_simulator::random::{Random, Stream};
///
/// let mut one = Random::new(7, Stream::Network);
/// let mut other = Random::new(7, Stream::Network);
/// assert!((one.uniform() - other.uniform()).abs() < f64::EPSILON);
/// ```
#[derive(Debug, Clone)]
pub struct Random {
    pcg: Pcg64,
}

impl Random {
    /// The draws of `seed` for one use.
    pub fn new(seed: u64, stream: Stream) -> Self {
        let mut pcg = Pcg64::new(u128::from(seed), stream.number());
        // Neighbouring seeds start with similar outputs; a few steps part them.
        pcg.advance(1 << 20);
        Self { pcg }
    }

    /// Sixty-four random bits.
    pub fn bits(&mut self) -> u64 {
        self.pcg.next_u64()
    }

    /// Uniform in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        number::float(self.bits() >> 11) / number::float(1 << 53)
    }

    /// True with probability `share`, which is 0 to 1. Always takes one draw.
    pub fn chance(&mut self, share: f64) -> bool {
        self.uniform() < share
    }

    /// Exponential with a mean of 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Normal with a mean of 0 and a deviation of 1.
    pub fn normal(&mut self) -> f64 {
        // Box and Muller; the second of the pair is not kept, so that a draw has no memory.
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Lognormal with a mean of 1; `sigma` is the deviation of its logarithm.
    pub fn lognormal(&mut self, sigma: f64) -> f64 {
        libm::exp(sigma * self.normal() - sigma * sigma / 2.0)
    }

    /// Uniform in `[0, end)`, to the nanosecond; zero if `end` is.
    pub fn span_below(&mut self, end: Span) -> Span {
        // The high half of the product is below `end`, and as good as uniform for any span in use.
        let product = u128::from(self.bits()) * u128::from(end.as_nanos());
        Span::from_nanos(number::ratio(product, 1 << 64).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of many draws.
    fn moments(draw: impl Fn(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random::new(1, Stream::Clients);
        let draws: Vec<f64> = (0..100_000).map(|_| draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        (mean, draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1e5)
    }

    #[test]
    fn draws_have_the_moments_they_promise() {
        let check = |(mean, variance): (f64, f64), expected_mean: f64, expected_variance: f64| {
            assert!((mean - expected_mean).abs() < 0.02, "mean {mean}");
            assert!((variance - expected_variance).abs() < 0.03, "variance {variance}");
        };
        check(moments(Random::uniform), 0.5, 1.0 / 12.0);
        check(moments(Random::exponential), 1.0, 1.0);
        check(moments(Random::normal), 0.0, 1.0);
        check(moments(|random| random.lognormal(0.5)), 1.0, 0.284);
        check(moments(|random| random.span_below(Span::from_secs(1)).as_secs_f64()), 0.5, 0.0833);
    }

    #[test]
    fn seeds_and_streams_differ_from_the_first_draw() {
        let mut first: Vec<u64> = (0..100)
            .flat_map(|seed| [Stream::Network, Stream::Provider].map(|s| Random::new(seed, s)))
            .map(|mut random| random.bits() >> 40)
            .collect();
        first.sort_unstable();
        first.dedup();
        assert!(first.len() > 195, "{} different of 200", first.len());
    }

    #[test]
    fn nothing_is_below_zero() {
        assert_eq!(Random::new(1, Stream::Phase).span_below(Span::ZERO), Span::ZERO);
    }
}
