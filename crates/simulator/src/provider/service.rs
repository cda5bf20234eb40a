//! How long the service works on a request.

use tidegate_units::Span;

use crate::number;
use crate::random::Random;

/// Until the first token of a request without a prompt, in seconds.
const START: f64 = 0.3;
/// Tokens of a prompt that are read per second.
const READ_PER_SECOND: f64 = 8_000.0;
/// From one generated token to the next, in seconds.
const PER_TOKEN: f64 = 0.030;
/// Deviation of the logarithm of the time to the first token.
const FIRST_TOKEN_SIGMA: f64 = 0.25;
/// Deviation of the logarithm of the time from there to the last.
const GENERATION_SIGMA: f64 = 0.15;
/// The shortest and the longest time in all, in seconds.
const RANGE: (f64, f64) = (0.5, 30.0);

/// How long a request takes from admission on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceTime {
    /// Until the first token; at most `whole`.
    pub first_token: Span,
    /// Until the last: 0.5 s to 30 s.
    pub whole: Span,
}

impl ServiceTime {
    /// Draws one: reading and generating each take their mean times a lognormal of mean 1.
    pub fn draw(context_tokens: u64, generated_tokens: u64, random: &mut Random) -> Self {
        let (reading, generating) = means(context_tokens, generated_tokens);
        let reading = reading * random.lognormal(FIRST_TOKEN_SIGMA);
        let generating = generating * random.lognormal(GENERATION_SIGMA);
        Self::of(reading, generating)
    }

    /// What it takes where neither reading nor generating varies.
    pub fn mean(context_tokens: u64, generated_tokens: u64) -> Self {
        let (reading, generating) = means(context_tokens, generated_tokens);
        Self::of(reading, generating)
    }

    fn of(reading: f64, generating: f64) -> Self {
        let whole = Span::from_secs_f64((reading + generating).clamp(RANGE.0, RANGE.1));
        Self { first_token: Span::from_secs_f64(reading).min(whole), whole }
    }
}

/// Mean seconds of reading a request and of generating its answer.
fn means(context_tokens: u64, generated_tokens: u64) -> (f64, f64) {
    let reading = START + number::float(context_tokens) / READ_PER_SECOND;
    (reading, PER_TOKEN * number::float(generated_tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn draws_scatter_around_the_mean() {
        let mut random = Random::new(1, Stream::Provider);
        let mean = ServiceTime::mean(1_000, 200);
        assert_eq!(mean.first_token, Span::from_millis(425));
        assert_eq!(mean.whole, Span::from_millis(6_425));
        let drawn: Vec<f64> = (0..10_000)
            .map(|_| ServiceTime::draw(1_000, 200, &mut random).whole.as_secs_f64())
            .collect();
        assert!((drawn.iter().sum::<f64>() / 1e4 - 6.425).abs() < 0.05);
    }

    #[test]
    fn every_time_is_in_range() {
        let mut random = Random::new(1, Stream::Provider);
        for (context, generated) in [(0, 0), (0, 1), (100_000_000, 0), (1, u64::MAX)] {
            let ServiceTime { first_token, whole } =
                ServiceTime::draw(context, generated, &mut random);
            assert!((Span::from_millis(500)..=Span::from_secs(30)).contains(&whole));
            assert!(first_token <= whole);
        }
    }
}
