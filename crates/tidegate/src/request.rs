//! What one call takes, and how long it may wait.

use std::sync::Arc;
use std::time::Duration;

use tidegate_scheduler::front::Front;
use tidegate_scheduler::{Labels, Request};
use tidegate_units::{Cost, Instant, InvalidKey, Key, Priority, Span};

use crate::handle::Core;
use crate::permit::{Origin, Permit};
use crate::trace::CallSpan;
use crate::{AcquireError, trace, waiting};

mod acquiring;
mod again;

pub use acquiring::Acquiring;

/// A wish for one permit. Nothing happens until one of the three ways to acquire is called, or one of
/// those to run the call.
///
/// Unless it says otherwise, a call takes one request, is of class normal, and waits as long as the
/// service's queue is configured to let it.
#[derive(Debug, Clone)]
#[must_use = "ask with `run`, `acquire`, `acquire_blocking` or `try_acquire`"]
pub struct PermitRequest<'h> {
    core: &'h Arc<Core>,
    cost: Cost,
    priority: Priority,
    within: Option<Duration>,
    /// It does not wait.
    skips: bool,
    /// What most calls do not say; boxed, so that those cost nothing for it.
    details: Option<Box<Details>>,
}

/// What a call may say beside its cost.
#[derive(Debug, Clone, Default)]
struct Details {
    labels: Labels,
    /// The first key that was none.
    invalid: Option<InvalidKey>,
    /// Until when it waits at most, where that was decided before.
    deadline: Option<Instant>,
    /// Before this it backs off.
    not_before: Option<Instant>,
    /// Twice does no more than once.
    idempotent: bool,
    /// How long a call is under way before it is made once more.
    hedge_after: Option<Span>,
}

impl<'h> PermitRequest<'h> {
    #[inline]
    pub(crate) fn new(core: &'h Arc<Core>) -> Self {
        let (cost, priority) = (Cost::request(), Priority::Normal);
        Self { core, cost, priority, within: None, skips: false, details: None }
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// Asks this model. Where the configuration has limits for it, they hold beside the service's.
    pub fn model(mut self, name: &str) -> Self {
        self.details().labels.model = Some(name.into());
        self
    }

    /// Calls this endpoint. Where the configuration has limits for it, they hold beside the service's.
    pub fn endpoint(mut self, name: &str) -> Self {
        self.details().labels.endpoint = Some(name.into());
        self
    }

    /// Is made on behalf of this agent, tenant or loop. Keys of one class take turns when they wait;
    /// limits of their own hold beside the service's.
    ///
    /// ```
    /// # use tidegate::{ServiceConfig, Tidegate};
    /// # let tidegate = Tidegate::builder().service("git", ServiceConfig::default())?.start()?;
    /// # let git = tidegate.service("git")?;
    /// git.request().key("agent", "planner").acquire_blocking()?.done();
    ///
    /// let refused = git.request().key("Agent", "planner").acquire_blocking().unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "`Agent` is no name for a key: use 1 to 23 of `a-z`, `0-9` and `_`, starting with a letter (E4411)"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key(mut self, name: &str, value: &str) -> Self {
        match Key::new(name, value) {
            Ok(key) => self.with_key(key),
            Err(invalid) => {
                self.details().invalid.get_or_insert(invalid);
                self
            }
        }
    }

    /// Is made on behalf of this one, too.
    pub(crate) fn with_key(mut self, key: Key) -> Self {
        let details = self.details();
        if details.labels.keys.len() < Labels::KEYS_MAX {
            details.labels.keys.push(key);
        } else {
            details.invalid.get_or_insert(InvalidKey::TooMany { max: Labels::KEYS_MAX });
        }
        self
    }

    /// Whether it is refused where it would have to wait for a permit.
    pub(crate) fn skip(mut self, skips: bool) -> Self {
        self.skips = skips;
        self
    }

    /// Waits until then at most, whatever was said before.
    pub(crate) fn until(mut self, deadline: Instant) -> Self {
        self.details().deadline = Some(deadline);
        self
    }

    /// Backs off until then before it waits in line.
    pub(crate) fn not_before(mut self, instant: Instant) -> Self {
        self.details().not_before = Some(instant);
        self
    }

    /// Takes exactly this, instead of what was said before.
    #[inline]
    pub fn cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// Takes this many tokens, in both directions together.
    #[inline]
    pub fn tokens(mut self, amount: u64) -> Self {
        self.cost = self.cost.tokens(amount);
        self
    }

    /// Sends this many tokens.
    #[inline]
    pub fn input_tokens(mut self, amount: u64) -> Self {
        self.cost = self.cost.input_tokens(amount);
        self
    }

    /// Has this many tokens generated.
    #[inline]
    pub fn output_tokens(mut self, amount: u64) -> Self {
        self.cost = self.cost.output_tokens(amount);
        self
    }

    /// Moves this many bytes.
    #[inline]
    pub fn bytes(mut self, amount: u64) -> Self {
        self.cost = self.cost.bytes(amount);
        self
    }

    /// How urgent it is: who waits is served by class first, and every class gets its share.
    #[inline]
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Waits at most this long, and is refused at once where the service's own limits make the wait
    /// longer. How long other services keep the shared limits busy is not known ahead.
    #[inline]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.within = Some(deadline);
        self
    }

    /// Takes a permit if there is one, and says at once if not. Never overtakes anybody who waits.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Later`] or [`AcquireError::Never`] with the limit that binds, as far as it is
    /// known without asking the limiter; [`AcquireError::TooLargeToTry`] for a call that fits its
    /// limits but not the gate, which holds many dimensions or very large amounts only in part;
    /// [`AcquireError::Unavailable`] or [`AcquireError::Stopped`] when there is no limiter any more.
    #[inline]
    pub fn try_acquire(self) -> Result<Permit<'h>, AcquireError> {
        if !self.is_plain() {
            return self.try_with_details();
        }
        // Nothing but the cold ways below sees the request as a whole: so it stays in registers here.
        let Self { core, cost, priority, .. } = self;
        match core.front.take(&cost, priority) {
            Some(recorded) => Ok(Permit::new(core, cost, recorded, None)),
            None => Err(refused(core, cost, priority)),
        }
    }

    /// Whether nothing was said of this call, and nobody wants to know how long it takes or to see it.
    #[inline]
    fn is_plain(&self) -> bool {
        self.details.is_none() && !self.core.front.times_calls() && !trace::is_wanted()
    }

    #[cold]
    fn try_with_details(mut self) -> Result<Permit<'h>, AcquireError> {
        if let Some(permit) = self.take_with_details() {
            return Ok(permit);
        }
        self.check()?;
        let labels = self.details.as_ref().map(|details| &details.labels);
        Err(waiting::refuse(self.core, (&self.cost, self.priority), (labels, self.is_scoped())))
    }

    /// Whether the gate would grant this call now, if this were its front.
    pub(crate) fn is_at_hand(&self, front: &Front) -> bool {
        let labels = self.details.as_ref().map(|details| &details.labels);
        !labels.is_some_and(|labels| front.is_scoped(labels))
            && front.has(&self.cost, self.priority)
    }

    /// Takes a permit from the gate, if that can grant this call and has it. What is said of the call is
    /// gone then.
    #[inline]
    fn take(&mut self) -> Option<Permit<'h>> {
        if !self.is_plain() {
            return self.take_with_details();
        }
        let recorded = self.core.front.take(&self.cost, self.priority)?;
        Some(Permit::new(self.core, std::mem::take(&mut self.cost), recorded, None))
    }

    #[cold]
    fn take_with_details(&mut self) -> Option<Permit<'h>> {
        if self.has_to_ask() {
            return None;
        }
        let recorded = self.core.front.take(&self.cost, self.priority)?;
        let origin = Some(Box::new(self.origin(true)));
        Some(Permit::new(self.core, std::mem::take(&mut self.cost), recorded, origin))
    }

    /// Whether only the limiter can grant this call.
    fn has_to_ask(&self) -> bool {
        let waits = |details: &Details| details.not_before.is_some() || details.invalid.is_some();
        self.is_scoped() || self.details.as_deref().is_some_and(waits)
    }

    /// Whether a part of the service that it is for has limits of its own.
    fn is_scoped(&self) -> bool {
        let details = self.details.as_ref();
        details.is_some_and(|details| self.core.front.is_scoped(&details.labels))
    }

    /// Whether everything that was said is valid.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), AcquireError> {
        match self.details.as_ref().and_then(|details| details.invalid.as_ref()) {
            None => Ok(()),
            Some(invalid) => Err(AcquireError::InvalidKey { invalid: invalid.clone() }),
        }
    }

    /// The permit that the limiter has granted. What is said of the call is gone then.
    fn granted(&mut self, recorded: Instant) -> Permit<'h> {
        let origin = Some(Box::new(self.origin(false)));
        Permit::new(self.core, std::mem::take(&mut self.cost), recorded, origin)
    }

    /// How a permit came about that is not the plainest.
    #[cold]
    fn origin(&mut self, by_gate: bool) -> Origin {
        let labels = self.details.take().map(|details| details.labels);
        let labels = labels.filter(|labels| !labels.is_empty()).map(Arc::new);
        let front = &self.core.front;
        let started = front.times_calls().then(|| front.now());
        let span = CallSpan::begin(front, self.priority, labels.as_deref(), by_gate);
        Origin { priority: self.priority, labels, by_gate, started, span }
    }

    /// Waits for a permit, in line, until the deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line; a permit that was granted meanwhile goes back.
    /// Nothing has been consumed then.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Later`] when the wait would outlast the deadline, or did;
    /// [`AcquireError::Never`] when the call is larger than a limit can hold;
    /// [`AcquireError::Unavailable`] when the limiter cannot say; [`AcquireError::Stopped`].
    #[inline]
    pub fn acquire(self) -> Acquiring<'h> {
        Acquiring::new(self)
    }

    /// Waits for a permit like [`PermitRequest::acquire`], blocking the thread. Needs no runtime.
    ///
    /// # Errors
    ///
    /// As [`PermitRequest::acquire`], and [`AcquireError::WouldBlockLimiter`] on the thread that the
    /// limiter runs on, where a host has started it on its own actix system. A permit that can be had
    /// without waiting is granted there too.
    pub fn acquire_blocking(mut self) -> Result<Permit<'h>, AcquireError> {
        if let Some(permit) = self.take() {
            return Ok(permit);
        }
        self.check()?;
        let grant = waiting::blocking(self.core, self.in_line())?;
        Ok(self.granted(grant.claim()))
    }

    /// The request as the limiter would get it.
    pub(crate) fn as_asked(&self) -> Result<Request, AcquireError> {
        self.check().map(|()| self.in_line())
    }

    pub(crate) fn core(&self) -> &'h Arc<Core> {
        self.core
    }

    /// How long it may wait in all.
    fn patience(&self) -> Span {
        self.within.map_or(self.core.timeout, Span::from)
    }

    /// Until when it waits for a permit.
    fn deadline(&self, now: Instant) -> Instant {
        if self.skips {
            return now;
        }
        let decided = self.details.as_ref().and_then(|details| details.deadline);
        decided.unwrap_or_else(|| now + self.patience())
    }

    /// The request as the limiter gets it.
    fn in_line(&self) -> Request {
        let front = &self.core.front;
        let deadline = self.deadline(front.now());
        let request = Request::new(front.ticket(), self.cost.clone(), deadline);
        let request = request.priority(self.priority);
        match &self.details {
            None => request,
            Some(details) => {
                let request = request.labels(details.labels.clone());
                Request { not_before: details.not_before, ..request }
            }
        }
    }
}

/// Why there is no permit at once for a call of which nothing was said.
#[cold]
fn refused(core: &Core, cost: Cost, class: Priority) -> AcquireError {
    let refused = waiting::refuse(core, (&cost, class), (None, false));
    drop(cost);
    refused
}
