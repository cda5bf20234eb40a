//! The pace of a service whose pace is learned: what it is, and what is reported by hand.

use std::time::Duration;

use tidegate_adaptive::Pace;
use tidegate_scheduler::messages::Paces;
use tidegate_scheduler::{Call, Settlement};
use tidegate_units::{Amounts, Instant, Outcome, Span};

use crate::{AcquireError, Handle};

/// How long ago a call is thought to have been sent of which only the refusal is reported. Refusals within
/// so long are one event.
const ROUND_TRIP: Span = Span::from_millis(200);

impl Handle {
    /// How fast calls are sent to the service, one pace for each dimension of which it is learned; none
    /// where nothing is.
    ///
    /// ```
    /// use tidegate::{AdaptivePolicy, ControllerKind, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let policy = AdaptivePolicy {
    ///     controller: ControllerKind::Aimd,
    ///     start: vec!["10 requests per second".parse()?],
    ///     ..AdaptivePolicy::default()
    /// };
    /// let service = ServiceConfig::default().with_adaptive(policy);
    /// let tidegate = Tidegate::builder().service("search", service)?.start()?;
    /// let search = tidegate.service("search")?;
    /// assert!((search.pace().await?[0].per_second - 10.0).abs() < 0.01);
    ///
    /// // A call that was made without a permit was refused.
    /// search.record_rate_limit(None);
    /// assert!((search.pace().await?[0].per_second - 9.0).abs() < 0.01);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Handle::usage`].
    pub async fn pace(&self) -> Result<Vec<Pace>, AcquireError> {
        self.core.limiter.send(Paces).await.map_err(|_| self.core.gone())
    }

    /// A call succeeded that was made without a permit, or whose permit is closed. A call with a permit is
    /// reported by [`Permit::settle`](crate::Permit::settle).
    pub fn record_success(&self) {
        self.record(Outcome::Ok, Span::ZERO, None);
    }

    /// A call was refused for a rate that was made without a permit. Where the service said how long it
    /// wants to be left alone, nobody is let through to it until then.
    pub fn record_rate_limit(&self, retry_after: Option<Duration>) {
        self.record(Outcome::RateLimited, ROUND_TRIP, retry_after.map(Span::from));
    }

    fn record(&self, outcome: Outcome, took: Span, pause: Option<Span>) {
        let (refund, debt) = (Amounts::NONE, Amounts::NONE);
        // No permit was recorded at the origin of the clock, so no slot is taken to be free by this.
        let recorded = Instant::ZERO;
        let call = Call { took: Some(took), ..Call::default() };
        let closed = Settlement::Closed { outcome, recorded, refund, debt, pause, call };
        self.core.front.settle(closed);
    }
}
