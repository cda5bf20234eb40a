//! From shares of a load to numbers per second.

use tidegate_units::{Dimension, Span};

use crate::number;
use crate::provider::{DimensionLimit, ProviderLimits, Rate};
use crate::scenario::{Capacity, LimitKind, LimitShare, ResolveError, Scenario};
use crate::trace::Trace;

impl Scenario {
    /// The limits of this scenario for the traffic that its clients send.
    ///
    /// The load is the mean over the span of the trace: requests, or tokens in both directions. Pass
    /// what [`Scenario::traffic`] returns, so that a share stays a share whatever the load factor.
    /// Rates are rounded down to a millionth per second; the amount of a window to the nearest.
    ///
    /// # Errors
    ///
    /// [`ResolveError`] when the trace offers no load to take a share of, or when a limit is so low
    /// that nothing would ever pass.
    pub fn resolve(&self, trace: &Trace) -> Result<ProviderLimits, ResolveError> {
        let requests = number::count(trace.requests().len());
        let resolved = |share: Option<LimitShare>, dimension, amount| {
            share.map(|share| self.limit(share, dimension, amount, trace.span())).transpose()
        };
        let on_requests = resolved(self.requests, Dimension::Requests, requests)?;
        let on_tokens = resolved(self.tokens, Dimension::Tokens, trace.tokens())?;
        let limits = ProviderLimits::new(on_requests, on_tokens);
        Ok(limits.swinging(self.swings.clone(), trace.span()))
    }

    fn limit(
        &self,
        share: LimitShare,
        dimension: Dimension,
        amount: u64,
        span: Span,
    ) -> Result<DimensionLimit, ResolveError> {
        let rate = match share.capacity {
            Capacity::Absolute(rate) => Some(rate),
            Capacity::OfLoad { millionths } => Rate::share_of(amount, span, millionths),
        };
        let rate = rate.ok_or(ResolveError::Rate { dimension, amount, span })?;
        let limit = match self.kind {
            LimitKind::Bucket => DimensionLimit::bucket(rate, share.burst, self.window),
            LimitKind::Window => DimensionLimit::window(rate, self.window),
        };
        if limit.at_once().floor() == 0 {
            let per_second = format!("{}", rate.per_second());
            return Err(ResolveError::NothingPasses { dimension, per_second });
        }
        Ok(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::TraceRequest;

    /// So many requests of 100 + 20 tokens, evenly over 100 s.
    fn trace(requests: u64) -> Trace {
        let request = |index: u64| TraceRequest {
            at: Span::from_secs(100).div(requests.saturating_sub(1).max(1)) * index,
            context_tokens: 100,
            generated_tokens: 20,
            key: None,
        };
        Trace::new("even", (0..requests).map(request).collect())
    }

    fn scenario(provider: &str) -> Scenario {
        Scenario::parse(&format!("name = \"test\"\n[provider]\n{provider}"), "test.toml")
            .expect("a scenario")
    }

    fn stated(provider: &str) -> String {
        let limits = scenario(provider).resolve(&trace(1_001)).expect("limits");
        let describe = |(dimension, limit): (Dimension, &DimensionLimit)| {
            format!(
                "{dimension}: {:.3}/s, {:.3} at once, {} per {}",
                limit.rate_per_second(),
                limit.at_once().as_f64(),
                limit.stated_amount(),
                limit.stated_window()
            )
        };
        limits.iter().map(describe).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn shares_become_rates() {
        let shares = [
            "requests = { rate_of_load = 0.7, burst_s = 10 }",
            "requests = { rate = 3.9, burst_s = 1 }",
            "tokens = { rate_of_load = 0.7 }",
            "kind = \"window\"\nrequests = { rate_of_load = 0.7 }\ntokens = { rate = 2.5 }\nwindow_s = 10",
        ];
        insta::assert_snapshot!(shares.map(stated).join("\n"), @"
        requests: 7.007/s, 70.070 at once, 420 per 1m
        requests: 3.900/s, 3.900 at once, 234 per 1m
        tokens: 840.840/s, 8408.400 at once, 50450 per 1m
        requests: 7.000/s, 70.000 at once, 70 per 10s; tokens: 2.500/s, 25.000 at once, 25 per 10s
        ");
    }

    #[test]
    fn what_lets_nothing_pass_is_refused() {
        let slow = scenario("requests = { rate = 0.5, burst_s = 1 }");
        let share = scenario("tokens = { rate_of_load = 0.7 }");
        let refusals = [
            slow.resolve(&trace(1_001)).expect_err("less than one at once"),
            share.resolve(&trace(1)).expect_err("no span"),
            share.resolve(&trace(0)).expect_err("no load"),
        ];
        insta::assert_snapshot!(refusals.map(|error| error.to_string()).join("\n"), @"
        nothing would ever pass: 0.5 requests per second leave room for less than one at once, use a larger share, burst_s or window_s
        120 tokens over 0s give no rate: a share of the load needs a trace that offers 0.000001 to 1000000000 tokens per second
        0 tokens over 0s give no rate: a share of the load needs a trace that offers 0.000001 to 1000000000 tokens per second
        ");
    }
}
