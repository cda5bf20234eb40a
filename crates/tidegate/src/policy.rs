//! Ready-made ways to treat a call: how urgent it is, and whether it waits or is skipped.

use tidegate_units::Priority;

use crate::{Handle, PermitRequest};

/// How much a call matters.
///
/// | policy | class | when it cannot be granted now |
/// |---|---|---|
/// | [`Policy::Critical`] | critical | waits until its deadline |
/// | [`Policy::Important`] | normal | is skipped |
/// | [`Policy::Optional`] | background | is skipped |
///
/// ```
/// use tidegate::{Policy, ServiceConfig, Tidegate};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limits = ["1 request per minute".parse()?];
/// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
/// let git = tidegate.service("git")?;
/// git.request().policy(Policy::Critical).acquire_blocking()?.done();
///
/// // Refused at once: the minute's only request is used, and this one does not wait for the next.
/// let skipped = git.request().policy(Policy::Optional).acquire_blocking().unwrap_err();
/// assert_eq!(skipped.code().to_string(), "E4404");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Must run: it is served before all others, and waits as long as it may.
    Critical,
    /// Runs now or not at all.
    Important,
    /// Takes only what others leave: runs now or not at all, and leaves to every class above its own
    /// what the queue's floors keep for them.
    Optional,
}

impl Policy {
    /// The class of such a call.
    pub const fn priority(self) -> Priority {
        match self {
            Self::Critical => Priority::Critical,
            Self::Important => Priority::Normal,
            Self::Optional => Priority::Background,
        }
    }

    /// Whether such a call is skipped when it cannot be granted now.
    pub const fn skips(self) -> bool {
        !matches!(self, Self::Critical)
    }
}

impl PermitRequest<'_> {
    /// Treats the call by a ready-made [`Policy`], which says of what class it is and whether it waits.
    ///
    /// A call that does not wait is granted from what is at hand, which of limits that are shared is
    /// what the service used lately and a part of what is free. What
    /// [`within`](PermitRequest::within) says bounds only what comes after a first attempt then: see
    /// [`run`](PermitRequest::run).
    ///
    /// Together with [`run`](PermitRequest::run) this is "do it if there is room, and skip it if not":
    ///
    /// ```
    /// use tidegate::{Policy, RunError, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let limits = ["1 request per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("llm", ServiceConfig::limited(limits))?.start()?;
    /// let llm = tidegate.service("llm")?;
    /// let summarise = |_| async { Ok::<_, std::io::Error>("a summary") };
    /// assert_eq!(llm.request().policy(Policy::Important).run(summarise).await?, "a summary");
    ///
    /// // Refused: nothing was called, and nobody has waited.
    /// let skipped = llm.request().policy(Policy::Important).run(summarise).await.unwrap_err();
    /// assert!(matches!(skipped, RunError::Refused(_)));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn policy(self, policy: Policy) -> Self {
        self.priority(policy.priority()).skip(policy.skips())
    }
}

impl Handle {
    /// Whether this request would be granted at this instant by a try. Takes nothing; by the time of
    /// the call it may be different.
    ///
    /// What its class leaves to classes above it counts as taken. A call for a model, an endpoint or a
    /// key with limits of its own cannot be tried, so there is never capacity for one at hand.
    ///
    /// ```
    /// use tidegate::{Policy, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = ["2 requests per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
    /// let git = tidegate.service("git")?;
    /// git.request().acquire_blocking()?.done();
    /// while !git.has_capacity_for(&git.request().policy(Policy::Optional)) {
    ///     std::thread::yield_now();
    /// }
    ///
    /// git.request().acquire_blocking()?.done();
    /// // Refused, if it were asked for.
    /// assert!(!git.has_capacity_for(&git.request().policy(Policy::Critical)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn has_capacity_for(&self, request: &PermitRequest<'_>) -> bool {
        request.check().is_ok() && request.is_at_hand(&self.core.front)
    }
}
