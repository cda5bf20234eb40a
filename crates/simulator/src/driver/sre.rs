//! Adaptive throttling as in the book of Google's site reliability engineers, for comparison.
//!
//! A client counts what it wanted to send in the last two minutes and what was accepted of that. Once
//! it wants more than twice what is accepted, it refuses some calls itself, with a probability of
//! `max(0, (requests − K · accepts) / (requests + 1))`. What it refuses itself is tried again as if
//! the service had refused it. That protects the service; it does not look for a pace.
//!
//! Source: Beyer, Jones, Petoff, Murphy (eds.), "Site Reliability Engineering", 2016, chapter 21,
//! "Handling overload", equation 21-1.

use std::collections::VecDeque;

use tidegate_units::{Instant, Span};

use crate::driver::journey::{Happening, Journey, Next};
use crate::driver::naive::backoff;
use crate::{Random, Stream, number};

/// `K`: how much more than what is accepted a client sends.
const MULTIPLIER: f64 = 2.0;
/// Over how long is counted.
const WINDOW_SECS: u64 = 120;

/// What one client remembers of the last two minutes.
#[derive(Debug, Default)]
struct Throttle {
    /// By second: which, and the requests and accepts in it.
    seconds: VecDeque<(u64, u64, u64)>,
    requests: u64,
    accepts: u64,
}

impl Throttle {
    /// The probability with which a call is refused here and now.
    fn refuses(&mut self, now: Instant) -> f64 {
        self.forget(now);
        let requests = number::float(self.requests);
        let beyond = requests - MULTIPLIER * number::float(self.accepts);
        (beyond / (requests + 1.0)).max(0.0)
    }

    /// A call wants to be sent.
    fn requested(&mut self, now: Instant) {
        self.count(now, 1, 0);
    }

    /// A call was accepted.
    fn accepted(&mut self, now: Instant) {
        self.count(now, 0, 1);
    }

    fn count(&mut self, now: Instant, requests: u64, accepts: u64) {
        self.forget(now);
        let second = second(now);
        self.requests += requests;
        self.accepts += accepts;
        match self.seconds.back_mut() {
            Some((last, of_requests, of_accepts)) if *last == second => {
                *of_requests += requests;
                *of_accepts += accepts;
            }
            _ => self.seconds.push_back((second, requests, accepts)),
        }
    }

    fn forget(&mut self, now: Instant) {
        let oldest = (second(now) + 1).saturating_sub(WINDOW_SECS);
        while let Some((second, requests, accepts)) = self.seconds.front().copied() {
            if second >= oldest {
                return;
            }
            self.requests -= requests;
            self.accepts -= accepts;
            self.seconds.pop_front();
        }
    }
}

fn second(now: Instant) -> u64 {
    now.as_nanos() / Span::from_secs(1).as_nanos()
}

pub(super) fn run(journey: &mut Journey, seed: u64, progress: &mut dyn FnMut(usize, usize)) {
    let mut draws = Random::new(seed, Stream::Clients);
    let mut clients: Vec<Throttle> =
        (0..journey.tenants().count()).map(|_| Throttle::default()).collect();
    loop {
        let Next::Call { now, call, happening } = journey.next(None) else {
            return;
        };
        let client = &mut clients[journey.tenants().of(call)];
        match happening {
            Happening::Arrived | Happening::Again => {
                journey.tally.decisions += 1;
                let refused = draws.chance(client.refuses(now));
                client.requested(now);
                if refused {
                    retry(journey, now, call, None, &mut draws);
                } else {
                    journey.send(now, call);
                }
            }
            Happening::Refused { retry_after } => {
                retry(journey, now, call, retry_after, &mut draws);
            }
            Happening::Overloaded => retry(journey, now, call, None, &mut draws),
            Happening::Done => client.accepted(now),
            Happening::Told => {}
        }
        progress(journey.arrived(), journey.requests().len());
    }
}

/// Has a call tried again, when the service asked for that or after a back-off.
fn retry(
    journey: &mut Journey,
    now: Instant,
    call: usize,
    asked: Option<Span>,
    draws: &mut Random,
) {
    if let Some(refusals) = journey.refused(call) {
        let wait = asked.unwrap_or_else(|| backoff(refusals, draws));
        journey.again(now + wait, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn the_probability_is_as_in_the_book() {
        let mut throttle = Throttle::default();
        assert!(throttle.refuses(at(0)).abs() < 1e-12);
        for _ in 0..100 {
            throttle.requested(at(1));
        }
        for _ in 0..50 {
            throttle.accepted(at(2));
        }
        assert!(throttle.refuses(at(2)).abs() < 1e-12, "half of it is accepted");
        for _ in 0..60 {
            throttle.requested(at(3));
        }
        // (160 − 2 · 50) / 161.
        assert!((throttle.refuses(at(3)) - 60.0 / 161.0).abs() < 1e-12);
    }

    #[test]
    fn two_minutes_are_remembered() {
        let mut throttle = Throttle::default();
        throttle.requested(at(10));
        throttle.requested(at(10));
        assert!((throttle.refuses(at(129)) - 2.0 / 3.0).abs() < 1e-12);
        assert!(throttle.refuses(at(130)).abs() < 1e-12);
        assert!(throttle.seconds.is_empty());
    }
}
