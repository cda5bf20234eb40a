//! The way to the service and back.

use tidegate_units::Span;

use crate::random::Random;

/// Shortest time of a request on its way, or of a response.
const BASE: Span = Span::from_millis(30);
/// Mean of what comes on top, exponentially distributed.
const JITTER_MEAN: f64 = 0.010;
/// From sending a request until its refusal is back: the shortest, and how much longer at most.
const REFUSAL: (Span, Span) = (Span::from_millis(80), Span::from_millis(20));

/// How long things take on the way. Nothing is lost, but one request may overtake another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network;

impl Network {
    /// One way, either way: 30 ms and an exponential with a mean of 10 ms.
    pub fn one_way(random: &mut Random) -> Span {
        BASE + Span::from_secs_f64(JITTER_MEAN * random.exponential())
    }

    /// The way back of a refusal whose request took `outbound`: the whole trip takes 80 ms to
    /// 100 ms, or 30 ms more than an `outbound` that leaves no room for that.
    pub fn refusal(random: &mut Random, outbound: Span) -> Span {
        let whole_trip = REFUSAL.0 + random.span_below(REFUSAL.1);
        (whole_trip - outbound).max(BASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn the_way_takes_forty_milliseconds_in_the_mean() {
        let mut random = Random::new(1, Stream::Network);
        let ways: Vec<f64> =
            (0..10_000).map(|_| Network::one_way(&mut random).as_secs_f64()).collect();
        assert!(ways.iter().all(|way| *way >= 0.030));
        assert!((ways.iter().sum::<f64>() / 1e4 - 0.040).abs() < 0.001);
    }

    #[test]
    fn a_refusal_is_back_within_a_tenth_of_a_second() {
        let mut random = Random::new(1, Stream::Network);
        for outbound in [30, 40, 50].map(Span::from_millis) {
            let trip = outbound + Network::refusal(&mut random, outbound);
            assert!((80..=100).contains(&trip.as_millis()), "{trip}");
        }
        assert_eq!(Network::refusal(&mut random, Span::from_secs(1)), BASE);
    }
}
