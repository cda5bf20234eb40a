//! No limiter: every request is sent at once, and again after a while when it was refused.
//!
//! The retry is what most programs do: exponential back-off with jitter, or the wait that the
//! provider asks for.

use tidegate_units::{Backoff, Span};

use crate::driver::journey::{Happening, Journey, Next};
use crate::{Random, Stream};

/// The wait before the first retry is up to this long, twice as long before each further one.
const BACKOFF: Backoff = Backoff { base: Span::from_secs(1), max: Span::from_secs(60) };

/// How much of the back-off is left to chance.
const JITTER: f64 = 0.25;

pub(super) fn run(journey: &mut Journey, seed: u64, progress: &mut dyn FnMut(usize, usize)) {
    let mut draws = Random::new(seed, Stream::Clients);
    loop {
        let Next::Call { now, call, happening } = journey.next(None) else {
            return;
        };
        match happening {
            Happening::Arrived | Happening::Again => {
                journey.tally.decisions += 1;
                journey.send(now, call);
            }
            Happening::Refused { .. } | Happening::Overloaded => {
                if let Some(refusals) = journey.refused(call) {
                    let asked = match happening {
                        Happening::Refused { retry_after } => retry_after,
                        _ => None,
                    };
                    let wait = asked.unwrap_or_else(|| backoff(refusals, &mut draws));
                    journey.again(now + wait, call);
                }
            }
            Happening::Told | Happening::Done => {}
        }
        progress(journey.arrived(), journey.requests().len());
    }
}

/// The back-off after so many refusals before this one, more or less [`JITTER`].
pub(super) fn backoff(refusals: u32, draws: &mut Random) -> Span {
    let factor = 1.0 - JITTER + 2.0 * JITTER * draws.uniform();
    Span::from_secs_f64(BACKOFF.delay(refusals).as_secs_f64() * factor)
}
