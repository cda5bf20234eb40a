//! Calls as the AWS SDKs make them in adaptive retry mode: held back by a [rate limiter](rate) that
//! learns, and tried again after an exponential back-off with full jitter.
//!
//! Who wants to send waits in the order of coming; the SDKs know neither classes nor keys.

mod rate;

use std::collections::VecDeque;

use tidegate_units::{Instant, Span};

use crate::driver::journey::{Happening, Journey, Next};
use crate::{Random, Stream};
use rate::RateLimiter;

/// The longest back-off, in seconds: 1 s at most before the first retry, twice that before the next.
const BACKOFF_MAX: f64 = 20.0;

/// One client.
#[derive(Debug, Default)]
struct Client {
    limiter: RateLimiter,
    /// Calls that want to be sent.
    waiting: VecDeque<usize>,
}

impl Client {
    /// When the next call is sent, if one waits.
    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.limiter.ready_at(now))
    }

    /// Sends all that may be sent.
    fn send(&mut self, now: Instant, journey: &mut Journey) {
        while self.limiter.ready_at(now) <= now
            && let Some(call) = self.waiting.pop_front()
        {
            self.limiter.sent(now);
            journey.tally.decisions += 1;
            journey.send(now, call);
        }
    }
}

pub(super) fn run(journey: &mut Journey, seed: u64, progress: &mut dyn FnMut(usize, usize)) {
    let mut draws = Random::new(seed, Stream::Clients);
    let mut clients: Vec<Client> =
        (0..journey.tenants().count()).map(|_| Client::default()).collect();
    loop {
        let now = journey.now();
        let deadline = clients.iter().filter_map(|client| client.next_deadline(now)).min();
        match journey.next(deadline) {
            Next::End => return,
            Next::Deadline { now } => {
                for client in &mut clients {
                    client.send(now, journey);
                }
            }
            Next::Call { now, call, happening } => {
                let client = &mut clients[journey.tenants().of(call)];
                match happening {
                    Happening::Arrived | Happening::Again => client.waiting.push_back(call),
                    Happening::Done => client.limiter.answered(now, false),
                    Happening::Refused { .. } => {
                        client.limiter.answered(now, true);
                        retry(journey, now, call, &mut draws);
                    }
                    Happening::Overloaded => {
                        client.limiter.answered(now, false);
                        retry(journey, now, call, &mut draws);
                    }
                    Happening::Told => {}
                }
                client.send(now, journey);
            }
        }
        progress(journey.arrived(), journey.requests().len());
    }
}

/// Has a call tried again, unless it has failed for good.
fn retry(journey: &mut Journey, now: Instant, call: usize, draws: &mut Random) {
    if let Some(refusals) = journey.refused(call) {
        journey.again(now + backoff(refusals, draws.uniform()), call);
    }
}

/// The back-off after so many refusals before this one, for a draw that is uniform in `[0, 1)`.
fn backoff(refusals: u32, draw: f64) -> Span {
    let doubled = libm::exp2(f64::from(refusals.min(16)));
    Span::from_secs_f64((draw * doubled).min(BACKOFF_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_twenty_seconds() {
        let backoffs = [0, 1, 2, 5, 100].map(|refusals| backoff(refusals, 0.75).as_millis());
        assert_eq!(backoffs, [750, 1_500, 3_000, 20_000, 20_000]);
    }
}
