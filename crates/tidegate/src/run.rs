//! Making a call with everything around it: acquire, call, settle, and try again.
//!
//! Every attempt is a call like any other: it waits in line and pays. Between two attempts a call
//! backs off inside the limiter, where it keeps its deadline and its class and holds nothing; so there
//! is no timer here, and no task of ours.
//!
//! # Invariants
//!
//! - RUN-1: every attempt is granted a permit of its own; a call that backs off holds neither a permit
//!   nor a slot.
//! - RUN-2: no attempt begins after the deadline of the request, nor beyond the attempts of the
//!   service's retry policy; retries and hedges of all callers together keep to its budget.
//! - RUN-3: a run that is dropped leaves no slot held and nobody waiting; a retry that was never made
//!   is back in the budget.

use crate::{Attempt, Called, Permit, PermitRequest};

mod error;
mod hedge;
mod tries;

pub use error::{RunError, WhyNoMore};

pub(crate) use tries::Wish;

use hedge::{Ended, settle};
use tries::{Retry, Tries};

impl<'h> PermitRequest<'h> {
    /// Acquires a permit, makes the call, settles the permit with what came of it, and does so again
    /// where that is worth it.
    ///
    /// `call` is told which [`Attempt`] it is, and answers with a [`Called`], or with a plain [`Result`].
    /// A call is made again if it was refused for rate, load or contention, or if it failed and the
    /// request is [`idempotent`](PermitRequest::idempotent); as often as the service's
    /// [`RetryPolicy`](crate::RetryPolicy) says, as long as the retries of all callers are within its
    /// budget, and until the deadline that [`within`](PermitRequest::within) sets for the whole. Each
    /// attempt waits in line for a permit of its own and pays for it. Between attempts the call holds
    /// nothing. A `Retry-After` in the observation holds everybody off the service, this call too.
    ///
    /// An attempt that is under way is not cut off at the deadline: see [`Attempt::left`].
    ///
    /// ```
    /// use tidegate::{Called, Observation, ServiceConfig, Tidegate};
    /// # use tidegate::{RetryPolicy, Span};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// # let mut config = ServiceConfig::default();
    /// # config.retry.backoff.base = Span::from_millis(1);
    /// let tidegate = Tidegate::builder().service("anthropic", config)?.start()?;
    /// let claude = tidegate.service("anthropic")?;
    /// let ask = |attempt: tidegate::Attempt| async move {
    ///     match attempt.number() {
    ///         1 => Called::failed("too busy", Observation::from_status(529)),
    ///         _ => Called::ok("an answer", Observation::ok()),
    ///     }
    /// };
    /// assert_eq!(claude.request().tokens(1_200).run(ask).await?, "an answer");
    ///
    /// // What failed may have been done in part, and is not done again unasked.
    /// let fail = |_| async { Err::<(), _>("connection reset") };
    /// let refused = claude.request().run(fail).await.unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "connection reset; made once, and not again: it may have been done in part: \
    ///      say `idempotent()` if twice does no more than once"
    /// );
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`] when nothing was called, for want of a permit; [`RunError::Failed`] with the
    /// last error and why there was no further attempt. An open circuit breaker ends a run at once: its
    /// refusal says when the next probe may go.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, or drops the call that is under way, whose
    /// permit then counts as cancelled: its estimate stays spent and its slot is free. A retry that was
    /// never made is back in the budget.
    pub async fn run<T, E, C, F, Fut>(self, mut call: F) -> Result<T, RunError<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = C>,
        C: Into<Called<T, E>>,
    {
        let (request, mut tries) = self.into_tries();
        let mut permit = request.clone().acquire().await?;
        let request = request.skip(false);
        loop {
            let ended = hedge::round(&mut tries, &request, permit, &mut call).await;
            let (error, retry) = match after(&mut tries, ended) {
                Next::End(end) => return end,
                Next::Again(error, retry) => (error, retry),
            };
            let next = request.clone().not_before(retry.not_before).acquire().await;
            permit = next.map_err(|refused| tries.failed(error, WhyNoMore::Refused(refused)))?;
            retry.made();
        }
    }

    /// As [`PermitRequest::run`], for a call that blocks its thread. Needs no runtime. No hedges are
    /// sent: two calls cannot be under way on one thread.
    ///
    /// ```
    /// use tidegate::{ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = ["1 request per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
    /// let git = tidegate.service("git")?;
    /// let fetch = |_| std::fs::metadata(".").map(|found| found.is_dir());
    /// assert!(git.request().run_blocking(fetch)?);
    ///
    /// // Refused: the next request is a minute away, and this call waits for a second.
    /// let within = std::time::Duration::from_secs(1);
    /// let refused = git.request().within(within).run_blocking(fetch).unwrap_err();
    /// assert_eq!(refused.refusal().map(|refused| refused.code().to_string()), Some("E4404".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`PermitRequest::run`]; on the thread that the limiter runs on, a call that has to wait is
    /// refused as [`AcquireError::WouldBlockLimiter`](crate::AcquireError::WouldBlockLimiter).
    pub fn run_blocking<T, E, C, F>(self, mut call: F) -> Result<T, RunError<E>>
    where
        F: FnMut(Attempt) -> C,
        C: Into<Called<T, E>>,
    {
        let (request, mut tries) = self.into_tries();
        let mut permit = request.clone().acquire_blocking()?;
        let request = request.skip(false);
        loop {
            let called = during(&permit, || call(tries.attempt()).into());
            let ended = settle(permit, called);
            let (error, retry) = match after(&mut tries, ended) {
                Next::End(end) => return end,
                Next::Again(error, retry) => (error, retry),
            };
            let next = request.clone().not_before(retry.not_before).acquire_blocking();
            permit = next.map_err(|refused| tries.failed(error, WhyNoMore::Refused(refused)))?;
            retry.made();
        }
    }

    /// As [`PermitRequest::run`], and if that comes to nothing, the fallback: a cheaper model, a cached
    /// answer, a default.
    ///
    /// The fallback is told why, and answers with the same types. So it may pass the reason on, and it
    /// may be a [`run`](PermitRequest::run) of another service. It is called at most once, without a
    /// permit of its own.
    ///
    /// ```
    /// use tidegate::{RunError, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let limits = ["100 tokens per minute".parse()?];
    /// let tidegate = Tidegate::builder()
    ///     .service("large", ServiceConfig::limited(limits))?
    ///     .service("small", ServiceConfig::default())?
    ///     .start()?;
    /// let (large, small) = (tidegate.service("large")?, tidegate.service("small")?);
    /// let ask = |_| async { Ok::<_, std::io::Error>("the whole answer") };
    /// let ask_less = |_| async { Ok("a short answer") };
    ///
    /// // Refused by the first, for it is larger than its limit; so the second is asked.
    /// let request = large.request().tokens(500);
    /// let answer = request.run_or(ask, |_| small.request().run(ask_less)).await?;
    /// assert_eq!(answer, "a short answer");
    ///
    /// // A fallback that is of no help either says why there is no answer.
    /// let request = large.request().tokens(500);
    /// let refused = request.run_or(ask, |why| async { Err(why) }).await.unwrap_err();
    /// assert!(matches!(refused, RunError::Refused(_)));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the fallback.
    ///
    /// # Cancel safety
    ///
    /// As [`PermitRequest::run`] as long as the primary is tried; then as the fallback.
    pub async fn run_or<T, E, C, F, Fut, G, Alt>(
        self,
        primary: F,
        fallback: G,
    ) -> Result<T, RunError<E>>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = C>,
        C: Into<Called<T, E>>,
        G: FnOnce(RunError<E>) -> Alt,
        Alt: Future<Output = Result<T, RunError<E>>>,
    {
        match self.run(primary).await {
            Ok(value) => Ok(value),
            Err(why) => fallback(why).await,
        }
    }

    /// The request as it is made again and again, with the deadline of the whole.
    fn into_tries(self) -> (Self, Tries<'h>) {
        let wish = self.wish();
        let tries = Tries::new(self.core(), wish);
        (self.until(wish.deadline), tries)
    }
}

/// Makes a call within the span of its permit.
fn during<R>(permit: &Permit<'_>, call: impl FnOnce() -> R) -> R {
    #[cfg(feature = "tracing")]
    return permit.span().in_scope(call);
    #[cfg(not(feature = "tracing"))]
    {
        let _ = permit;
        call()
    }
}

/// What follows from an attempt that has ended.
enum Next<'h, T, E> {
    End(Result<T, RunError<E>>),
    Again(E, Retry<'h>),
}

fn after<'h, T, E>(tries: &mut Tries<'h>, ended: Ended<T, E>) -> Next<'h, T, E> {
    let (error, outcome) = match ended {
        Ok(value) => return Next::End(Ok(value)),
        Err(failed) => failed,
    };
    match tries.again(outcome) {
        Ok(retry) => Next::Again(error, retry),
        Err(why) => Next::End(Err(tries.failed(error, why))),
    }
}
