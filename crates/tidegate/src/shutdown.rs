//! Stopping in order: nothing new passes, who waits is served for a while, then nobody waits.
//!
//! # Invariants
//!
//! - STOP-1: once a stop has begun, no call that comes later passes, whether it waits or tries; when it
//!   is answered, nobody waits.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tidegate_scheduler::messages::Drain as DrainLimiter;
use tidegate_units::Span;

use crate::handle::Core;
use crate::{Handle, Tidegate};

/// How long those who wait are still served when a service stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "give it to `shutdown` or `drain`"]
pub struct Drain {
    within: Duration,
}

impl Drain {
    /// Serves those who wait for as long as this, and tells those who are left then that it was stopped.
    pub const fn within(span: Duration) -> Self {
        Self { within: span }
    }

    /// Tells everybody who waits at once.
    pub const fn now() -> Self {
        Self::within(Duration::ZERO)
    }
}

impl Tidegate {
    /// Stops all services, each as [`Handle::drain`] does, at the same time. When it returns, nobody
    /// waits. Dropping the `Tidegate` afterwards ends what runs.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate::{Drain, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::default())?.start()?;
    /// let git = tidegate.service("git")?;
    /// git.request().acquire().await?.done();
    ///
    /// tidegate.shutdown(Drain::within(Duration::from_secs(5))).await;
    /// let refused = git.request().acquire().await.unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "tidegate was stopped: nothing passes to `git` any more (E4431)"
    /// );
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Nothing happens before the future is first polled. Dropped after that, the stop goes on, and a
    /// second one may be awaited instead.
    pub async fn shutdown(&self, drain: Drain) {
        // All of them hear of it before any is awaited.
        let mut stopping: Vec<Pin<Box<_>>> =
            self.services().map(|handle| Box::pin(handle.core.drain(drain))).collect();
        let all = poll_fn(|context| {
            stopping.retain_mut(|service| service.as_mut().poll(context).is_pending());
            if stopping.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        all.await;
    }
}

impl Handle {
    /// Stops this service: calls that come from now on are refused as
    /// [`AcquireError::Stopped`](crate::AcquireError::Stopped), those that wait are served as long as
    /// `drain` says and then told the same. Those that back off before a retry wait, too. When it
    /// returns, nobody waits. Calls under way are not touched, and may still settle their permits.
    ///
    /// A second stop may move the end, and returns at the end, too. There is no way back.
    ///
    /// ```
    /// use tidegate::{Drain, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::default())?.start()?;
    /// let git = tidegate.service("git")?;
    /// git.drain(Drain::now()).await;
    ///
    /// let refused = git.request().try_acquire().unwrap_err();
    /// assert_eq!(refused.code().to_string(), "E4431");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// As [`Tidegate::shutdown`].
    pub async fn drain(&self, drain: Drain) {
        self.core.drain(drain).await;
    }
}

impl Core {
    /// Takes no more calls from this instant on, and answers when nobody waits.
    pub(crate) fn drain(&self, drain: Drain) -> impl Future<Output = ()> + Send + use<> {
        self.front.begin_stop();
        let drained = self.limiter.send(DrainLimiter { within: Span::from(drain.within) });
        async move {
            // A limiter that no longer runs has nobody waiting either.
            let _ = drained.await;
        }
    }
}
