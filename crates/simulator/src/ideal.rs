//! What a client that knew everything would have got.
//!
//! First come, first served, without any delay on the way: each request of the trace is admitted at
//! the first moment at which the provider's limits permit it, and none overtakes another. That is
//! the denominator of goodput, which says how much of it a client reached that had to find out.
//!
//! What a request generates is charged when it completes, as at the provider. The completion is put
//! at the *mean* service time after admission: the yardstick is to depend on the limits and the
//! trace, not on a draw.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tidegate_units::{Dimension, Instant, Span};

use crate::provider::{Admission, ProviderLimits, ServiceTime};
use crate::trace::{Trace, TraceRequest};

/// How much would have been admitted by the end of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ideal {
    /// Requests.
    pub admitted: u64,
    /// Their tokens, in both directions.
    pub tokens: u64,
    /// What goodput is measured in: requests where requests are limited, else tokens.
    pub work: u64,
}

impl Ideal {
    /// Plays a trace against limits until its last request has come. The seed gives windows the
    /// phase that they have at the [provider](crate::Provider) of the same seed.
    ///
    /// Overload and penalties are left out: no limit asks for them.
    ///
    /// Requests that are larger than an empty limit can never pass; they are left out rather than
    /// waited for.
    pub fn of(trace: &Trace, limits: &ProviderLimits, seed: u64) -> Self {
        Self::until(trace.span(), trace, limits, seed)
    }

    /// The same, played for as long as `horizon`, counted from the first request: for runs that go
    /// on after the last, while there is a queue.
    pub fn until(horizon: Span, trace: &Trace, limits: &ProviderLimits, seed: u64) -> Self {
        Self::play(horizon, trace, limits, seed, &mut |_, _| {})
    }

    /// The same, and tells when it gets how much work admitted.
    pub(crate) fn play(
        horizon: Span,
        trace: &Trace,
        limits: &ProviderLimits,
        seed: u64,
        admitted: &mut dyn FnMut(Instant, u64),
    ) -> Self {
        let in_tokens = limits.work_dimension().is_tokens();
        let horizon = Instant::ZERO + horizon;
        let mut queue = Queue {
            admission: Admission::new(limits, seed),
            completions: BinaryHeap::new(),
            now: Instant::ZERO,
        };
        let mut ideal = Self::default();
        for request in trace.requests() {
            match queue.admit(request, horizon) {
                Admitted::Yes => {
                    ideal.admitted += 1;
                    ideal.tokens = ideal.tokens.saturating_add(request.tokens());
                    admitted(queue.now, if in_tokens { request.tokens() } else { 1 });
                }
                Admitted::Never => {}
                Admitted::TooLate => break,
            }
        }
        ideal.work = match limits.work_dimension() {
            Dimension::Tokens => ideal.tokens,
            _ => ideal.admitted,
        };
        ideal
    }
}

/// Whether a request passes.
enum Admitted {
    Yes,
    Never,
    TooLate,
}

/// The one queue, and what is still at work.
struct Queue {
    admission: Admission,
    completions: BinaryHeap<Reverse<(Instant, u64)>>,
    now: Instant,
}

impl Queue {
    /// Waits until the limits permit a request, and admits it.
    fn admit(&mut self, request: &TraceRequest, horizon: Instant) -> Admitted {
        self.now = self.now.max(Instant::ZERO + request.at);
        loop {
            self.complete_until(self.now);
            if self.now > horizon {
                return Admitted::TooLate;
            }
            match self.admission.earliest(self.now, request.context_tokens) {
                None => return Admitted::Never,
                Some(at) if at <= self.now => break,
                // What completes on the way there may make the wait longer: look again then.
                Some(at) => self.now = at,
            }
        }
        self.admission.take(self.now, request.context_tokens);
        let whole = ServiceTime::mean(request.context_tokens, request.generated_tokens).whole;
        self.completions.push(Reverse((self.now + whole, request.generated_tokens)));
        Admitted::Yes
    }

    fn next_completion(&self) -> Option<Instant> {
        self.completions.peek().map(|Reverse((at, _))| *at)
    }

    /// Charges everything that is done by `now`.
    fn complete_until(&mut self, now: Instant) {
        while self.next_completion().is_some_and(|at| at <= now) {
            if let Some(Reverse((at, generated))) = self.completions.pop() {
                self.admission.complete(at, generated);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Generator;
    use crate::number;
    use crate::provider::{Behaviour, DimensionLimit, Provider, Rate, Reply};
    use crate::scenario::Scenario;

    fn ideal(name: &str, trace: &Trace) -> Ideal {
        let limits = Scenario::named(name).expect("known").resolve(trace).expect("limits");
        Ideal::of(trace, &limits, 1)
    }

    /// `work` over all work of the trace.
    fn share(work: u64, whole: u64) -> f64 {
        number::float(work) / number::float(whole)
    }

    #[test]
    fn under_a_limit_of_70_percent_nearly_that_much_passes() {
        let trace = Generator::new(1).generate();
        let requests = number::count(trace.requests().len());
        for name in ["const-none", "const-b1s-hdr", "window-ra"] {
            let admitted = share(ideal(name, &trace).work, requests);
            assert!((0.66..0.72).contains(&admitted), "{name}: {admitted}");
        }
        let tokens = share(ideal("tpm-none", &trace).work, trace.tokens());
        assert!((0.68..0.71).contains(&tokens), "tpm: {tokens}");
    }

    #[test]
    fn a_limit_above_the_load_costs_little() {
        let trace = Generator::new(1).generate();
        let requests = number::count(trace.requests().len());
        let admitted = share(ideal("under-120-none", &trace).work, requests);
        assert!(admitted > 0.97, "{admitted}");
    }

    #[test]
    fn a_later_horizon_empties_the_queue() {
        let trace = Generator::new(1).generate();
        let scenario = Scenario::named("const-none").expect("known");
        let limits = scenario.resolve(&trace).expect("limits");
        let later = Ideal::until(Span::from_secs(10_000), &trace, &limits, 1);
        assert_eq!(later.admitted, number::count(trace.requests().len()));
        assert_eq!(later.tokens, trace.tokens());
    }

    #[test]
    fn a_completion_makes_those_who_wait_wait_longer() {
        let rate = Rate::from_micros_per_second(100_000_000).expect("in range");
        let limit = DimensionLimit::bucket(rate, Span::from_secs(10), Span::from_secs(60));
        let request = |secs| TraceRequest {
            at: Span::from_secs(secs),
            context_tokens: 800,
            generated_tokens: 50,
            key: None,
        };
        let trace = Trace::new("debt", vec![request(0), request(1)]);
        let limits = ProviderLimits::tokens(limit);
        // 200 of 1000 are left; 600 more would take 6 s, and the 50 of the answer half a second.
        let admitted =
            |millis| Ideal::until(Span::from_millis(millis), &trace, &limits, 1).admitted;
        assert_eq!([6_499, 6_500].map(admitted), [1, 2]);
    }

    #[test]
    fn a_request_that_never_fits_holds_nobody_up() {
        let rate = Rate::from_micros_per_second(100_000_000).expect("in range");
        let burst = Span::from_secs(1);
        let limits = ProviderLimits::tokens(DimensionLimit::bucket(rate, burst, burst));
        let request = |secs, context_tokens| TraceRequest {
            at: Span::from_secs(secs),
            context_tokens,
            generated_tokens: 0,
            key: None,
        };
        let trace = Trace::new("large", vec![request(0, 101), request(1, 100), request(2, 50)]);
        let ideal = Ideal::of(&trace, &limits, 1);
        assert_eq!(ideal, Ideal { admitted: 2, tokens: 150, work: 150 });
    }

    #[test]
    fn nobody_who_only_asks_gets_more_requests_than_the_ideal() {
        let trace = Generator::new(2).generate();
        let scenario = Scenario::named("const-none").expect("known");
        let limits = scenario.resolve(&trace).expect("limits");
        let mut provider = Provider::new(&limits, Behaviour::default(), 1);
        let admitted = trace.requests().iter().filter(|request| {
            let now = Instant::ZERO + request.at;
            let reply = provider.arrive(now, request.context_tokens, request.generated_tokens);
            matches!(reply, Reply::Ok { .. })
        });
        let admitted = number::count(admitted.count());
        let ideal = Ideal::of(&trace, &limits, 1);
        assert!(admitted <= ideal.admitted, "{admitted} of {}", ideal.admitted);
    }
}
