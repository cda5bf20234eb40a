//! What a request says of being made more than once.

use std::time::Duration;

use super::PermitRequest;
use crate::run::Wish;

impl PermitRequest<'_> {
    /// The caller's word that the call does no more when it is made twice: only then
    /// [`run`](PermitRequest::run) makes a call again that has failed, or hedges one.
    ///
    /// What was refused for rate, load or contention was not done, and is tried again without it.
    pub fn idempotent(mut self) -> Self {
        self.details().idempotent = true;
        self
    }

    /// When the call has been under way for this long, [`run`](PermitRequest::run) makes it once more;
    /// the first good answer counts, and the other call is dropped. If one fails, the other is awaited.
    ///
    /// The second attempt waits for a permit of its own and pays for it. It counts against the attempts
    /// and the budget of the service's retry policy, and where there is none left, no room before the
    /// deadline, or the request is not [`idempotent`](PermitRequest::idempotent), it is not sent. The
    /// permit of the call that is dropped counts as cancelled: its estimate stays spent.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate::{ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let tidegate = Tidegate::builder().service("search", ServiceConfig::default())?.start()?;
    /// let search = tidegate.service("search")?;
    /// let ask = |attempt: tidegate::Attempt| async move {
    ///     if !attempt.is_hedge() {
    ///         std::future::pending::<()>().await; // A machine there has a bad day.
    ///     }
    ///     Ok::<_, std::io::Error>(attempt.number())
    /// };
    /// let request = search.request().idempotent().hedge_after(Duration::from_millis(20));
    /// assert_eq!(request.run(ask).await?, 2);
    ///
    /// // Refused a second attempt, for it has not said that it may be made twice.
    /// let request = search.request().hedge_after(Duration::from_millis(20));
    /// let slow = tokio::time::timeout(Duration::from_millis(200), request.run(ask)).await;
    /// assert!(slow.is_err());
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn hedge_after(mut self, span: Duration) -> Self {
        self.details().hedge_after = Some(span.into());
        self
    }

    /// What it says of its attempts, with the deadline of the whole if it began now.
    pub(crate) fn wish(&self) -> Wish {
        let details = self.details.as_ref();
        Wish {
            deadline: self.core.front.now() + self.patience(),
            idempotent: details.is_some_and(|details| details.idempotent),
            hedge_after: details.and_then(|details| details.hedge_after),
        }
    }
}
