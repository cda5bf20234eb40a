//! One limit, usable alone: no actors, no runtime, nothing to set up.
//!
//! A limit that the service enforces as a token bucket is kept on one atomic word, a
//! [`Shared`](crate::Shared). Every other is counted by its [`Meter`](crate::Meter) behind a lock, so that
//! no window holds more than the amount: one word cannot know that. So is a bucket whose state does not
//! fit one word.
//!
//! # Invariants
//!
//! - DIRECT-1: no interval sees more admitted than the limit allows, whatever threads and tasks do.
//! - DIRECT-2: nobody is admitted while somebody waits longer.
//! - DIRECT-3: who stops waiting has consumed nothing, and the next in line is served at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tidegate_units::{Clock, Instant, Limit, Span, TscClock, WallClock, WallOrigin};

use crate::{Carry, Decision};

mod dispatcher;
mod form;
mod line;
mod refused;
mod until_ready;

use dispatcher::Call;
use form::Form;
use line::Line;

pub use line::WAITING_MAX;
pub use refused::{Refused, WrongForm};
pub use until_ready::UntilReady;

/// A limiter for one limit, shared by any number of threads and tasks. Clones share it.
///
/// ```
/// use tidegate_algorithms::{Direct, Refused};
/// use tidegate_units::{Limit, Span};
///
/// let limit: Limit = "10 requests per minute".parse()?;
/// let direct = Direct::new(&limit);
/// assert!(direct.check_n(10).is_ok());
/// assert!(matches!(direct.check(), Err(Refused::Later { .. })));
/// assert_eq!(direct.check_n(11), Err(Refused::Never { cost: 11, capacity: 10 }));
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
///
/// Costs are whole permits. A limit has a [guard](Limit::guard) unless it is told otherwise: its window is
/// a little longer, and its bucket a little smaller, than the service's, for calls that are held up on
/// their way. `limit.guard(Span::ZERO)` lets through exactly what is written.
#[derive(Debug)]
pub struct Direct<C = TscClock> {
    inner: Arc<Inner<C>>,
}

#[derive(Debug)]
struct Inner<C> {
    form: Form,
    clock: C,
    /// For limits per calendar period.
    origin: WallOrigin,
    limit: Mutex<Limit>,
    /// Somebody waits: nobody may overtake.
    has_line: AtomicBool,
    line: Mutex<Line>,
}

impl Direct {
    /// A limiter of which nothing has been used, on the processor's own counter; see [`TscClock`] for how
    /// exact it is, and for what the first one costs.
    ///
    /// The wall clock is read once, for limits per calendar period.
    pub fn new(limit: &Limit) -> Self {
        let clock = TscClock::new();
        let origin = WallClock.origin_of(&clock);
        Self::since(limit, clock, origin)
    }
}

impl<C> Clone for Direct<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<C: Clock + 'static> Direct<C> {
    /// A limiter of which nothing has been used, on another clock.
    ///
    /// A clock that lags behind by up to `l` lets through, within any span, what a punctual one lets
    /// through within that span and `l`. For a limit per calendar period, the clock's origin is taken
    /// to be 1970; see [`Direct::since`].
    ///
    /// ```
    /// use tidegate_algorithms::{Direct, Refused};
    /// use tidegate_units::{Limit, ManualClock, Span};
    ///
    /// let limit: Limit = "2 requests per second".parse()?;
    /// let direct = Direct::with_clock(&limit.guard(Span::ZERO)?, ManualClock::default());
    /// assert_eq!(direct.check_n(2), Ok(()));
    /// let retry_after = Span::from_secs(1);
    /// assert_eq!(direct.check(), Err(Refused::Later { retry_after }));
    /// # Ok::<(), tidegate_units::LimitError>(())
    /// ```
    pub fn with_clock(limit: &Limit, clock: C) -> Self {
        Self::since(limit, clock, WallOrigin::default())
    }

    /// The same where the clock's origin is known to be another; only limits per calendar period need
    /// to know it.
    pub fn since(limit: &Limit, clock: C, origin: WallOrigin) -> Self {
        let inner = Inner {
            form: Form::of(limit, origin),
            clock,
            origin,
            limit: Mutex::new(limit.clone()),
            has_line: AtomicBool::new(false),
            line: Mutex::new(Line::default()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Takes one permit.
    ///
    /// # Errors
    ///
    /// [`Refused::Later`] when none is left, or somebody waits; then nothing has changed.
    #[inline]
    pub fn check(&self) -> Result<(), Refused> {
        self.check_n(1)
    }

    /// Takes `cost` permits, or none.
    ///
    /// # Errors
    ///
    /// [`Refused::Later`] when they do not fit now, or somebody waits, [`Refused::Never`] when they
    /// are more than can ever pass at once; then nothing has changed.
    #[inline]
    pub fn check_n(&self, cost: u64) -> Result<(), Refused> {
        let inner = &*self.inner;
        if inner.has_line() {
            return Err(inner.behind_the_line(cost));
        }
        inner.answer(inner.form.take(&inner.clock, cost), cost)
    }

    /// As [`Direct::check_n`], but the clock is read only if its last reading is not enough to say
    /// yes: half the time while there is plenty. Never grants what would not have been granted
    /// otherwise; under light load the bucket seems smaller by an eighth or 15 permits at most. See
    /// [`Shared::take_lazily`](crate::Shared::take_lazily). A limit that is no bucket is always
    /// decided with a clock.
    ///
    /// # Errors
    ///
    /// As [`Direct::check_n`].
    #[inline]
    pub fn check_lazily(&self, cost: u64) -> Result<(), Refused> {
        let inner = &*self.inner;
        if inner.has_line() {
            return Err(inner.behind_the_line(cost));
        }
        inner.answer(inner.form.take_lazily(&inner.clock, cost), cost)
    }

    /// Waits for one permit. First come, first served.
    ///
    /// ```
    /// use tidegate_algorithms::{Direct, Refused};
    /// use tidegate_units::{Limit, Span};
    ///
    /// let limit: Limit = "100 requests per second".parse()?;
    /// let direct = Direct::new(&limit.burst(2)?.guard(Span::ZERO)?);
    /// direct.until_ready_n(2).wait()?; // at once, for two are there
    /// direct.until_ready().wait()?; // or `.await`, in 10 ms
    ///
    /// let refused = direct.until_ready_n(3).wait();
    /// assert_eq!(refused, Err(Refused::Never { cost: 3, capacity: 2 }));
    ///
    /// // A line that is too long is not joined.
    /// let direct = Direct::new(&"1 request per hour".parse()?);
    /// direct.check()?;
    /// let refused = direct.until_ready_within(1, Span::from_secs(60)).wait();
    /// assert!(matches!(refused, Err(Refused::Later { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The future starts to wait when it is first polled. It may be polled as seldom as you like: who
    /// waits is served by a thread of its own, so a task that is not driven holds up nobody.
    ///
    /// # Errors
    ///
    /// [`Refused::Full`] when [`WAITING_MAX`] callers wait already, [`Refused::Unserved`] when the thread
    /// that would serve the line cannot be started.
    ///
    /// # Panics
    ///
    /// When the future is polled again after it was ready.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has consumed nothing: a place in the line is given up, and a permit that it
    /// was granted and had not yet seen is given back, less what has dripped in since; not to another
    /// limit, if it has been changed meanwhile.
    pub fn until_ready(&self) -> UntilReady<'_, C> {
        self.until_ready_n(1)
    }

    /// Waits for `cost` permits; see [`Direct::until_ready`].
    ///
    /// # Errors
    ///
    /// As [`Direct::until_ready`], and [`Refused::Never`] when they are more than can ever pass at once,
    /// be it because the limit was lowered while they were waited for.
    ///
    /// # Cancel safety
    ///
    /// As [`Direct::until_ready`].
    pub fn until_ready_n(&self, cost: u64) -> UntilReady<'_, C> {
        UntilReady::new(&self.inner, cost, None)
    }

    /// Waits for `cost` permits for no longer than `within`, but for the time that it takes to be woken.
    /// If the line is too long for that, this says so at once. How long it takes is told from the sum of
    /// what waits; in windows, costs that do not add up to whole ones take longer, and that is found
    /// out only when `within` is over.
    ///
    /// # Errors
    ///
    /// As [`Direct::until_ready_n`], and [`Refused::Later`] with the time that it would take, when
    /// that is longer than `within`.
    ///
    /// # Cancel safety
    ///
    /// As [`Direct::until_ready`].
    pub fn until_ready_within(&self, cost: u64, within: Span) -> UntilReady<'_, C> {
        UntilReady::new(&self.inner, cost, Some(within))
    }

    /// Whole permits that would pass now.
    pub fn available(&self) -> u64 {
        self.inner.form.available(self.inner.clock.now())
    }

    /// Callers that wait.
    pub fn waiting(&self) -> usize {
        self.inner.line().len()
    }

    /// The limit in force.
    pub fn limit(&self) -> Limit {
        self.inner.limit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The most permits that are granted within any `span`; see
    /// [`Algorithm::worst_case`](crate::Algorithm::worst_case).
    pub fn worst_case(&self, span: Span) -> u64 {
        self.inner.form.worst_case(span)
    }

    /// Records that `cost` was spent without asking. What does not fit is a debt, and nothing passes
    /// until it is paid.
    pub fn record(&self, cost: u64) {
        self.inner.form.record(self.inner.clock.now(), cost);
    }

    /// Gives back `amount` of what was taken `ago`, as far as time has not given it back already.
    /// Answers how much that was. What was taken before a change of the limit must not be given back.
    pub fn refund(&self, ago: Span, amount: u64) -> u64 {
        let inner = &self.inner;
        let given = inner.form.refund(&inner.clock, inner.clock.now() - ago, amount);
        self.inner.serve();
        given
    }

    /// Puts another limit in force and carries the balance over. Whoever waits is planned again. Charges
    /// from before must not be given back any more.
    ///
    /// ```
    /// use tidegate_algorithms::{Carry, Direct};
    /// use tidegate_units::Limit;
    ///
    /// let limit: Limit = "10 requests per day".parse()?;
    /// let direct = Direct::new(&limit.clone().burst(5)?);
    /// direct.check_n(4)?;
    /// direct.reconfigure(&limit.clone().burst(8)?, Carry::Additive)?;
    /// assert_eq!(direct.available(), 3, "four are used, and a guard of 250ms takes one");
    ///
    /// // One word knows no windows.
    /// let refused = direct.reconfigure(&limit, Carry::Additive).unwrap_err();
    /// assert!(refused.to_string().starts_with("a limiter for a token bucket cannot count"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`WrongForm`] when this limiter counts on one word and the new limit cannot be counted so; then
    /// nothing has changed.
    pub fn reconfigure(&self, limit: &Limit, carry: Carry) -> Result<(), WrongForm> {
        let inner = &self.inner;
        let mut held = inner.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = inner.line();
        if !inner.form.reconfigure(inner.clock.now(), limit, inner.origin, carry) {
            return Err(WrongForm { limit: limit.to_string() });
        }
        // What was granted before must not be given back to another limit.
        line.forget_grants();
        *held = limit.clone();
        drop((line, held));
        inner.serve();
        Ok(())
    }
}

impl<C: Clock + 'static> Inner<C> {
    fn line(&self) -> MutexGuard<'_, Line> {
        // Nothing in here panics half-way through a change.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody waits, as far as this thread can know without a lock.
    #[inline]
    fn has_line(&self) -> bool {
        self.has_line.load(Ordering::Relaxed)
    }

    #[inline]
    fn answer(&self, decision: Decision, cost: u64) -> Result<(), Refused> {
        match decision {
            Decision::Admit => Ok(()),
            Decision::Later { retry_after } => Err(Refused::Later { retry_after }),
            Decision::Never => Err(Refused::Never { cost, capacity: self.form.capacity() }),
        }
    }

    /// What to tell who will not wait while others do.
    #[cold]
    fn behind_the_line(&self, cost: u64) -> Refused {
        let capacity = self.form.capacity();
        if cost > capacity {
            return Refused::Never { cost, capacity };
        }
        // All of it may fit by now, and the line be about to be served.
        let line = self.line();
        let wait = self.wait_behind(&line, self.clock.now(), cost);
        Refused::Later { retry_after: wait.max(Span::from_nanos(1)) }
    }

    /// How long it takes until the whole line and then `cost` have passed.
    fn wait_behind(&self, line: &Line, now: Instant, cost: u64) -> Span {
        self.form.earliest(now, line.cost().saturating_add(cost)).since(now)
    }

    /// Grants to whoever has waited long enough, wakes them, and sees to it that the next are served
    /// in time.
    fn serve(self: &Arc<Self>) {
        let mut woken = Vec::new();
        let mut line = self.line();
        let now = self.clock.now();
        let next = line.serve(now, |cost| self.form.take(&self.clock, cost), &mut woken);
        match next {
            None => call_off(&mut line),
            Some(next) if self.serve_after(&mut line, now, next.since(now)) => {}
            Some(_) => line.abandon(&mut woken),
        }
        self.has_line.store(!line.is_empty(), Ordering::Relaxed);
        drop(line);
        for waker in woken {
            dispatcher::without_panic(|| waker.wake());
        }
    }

    /// Has the line served again after `wait`, or a little later, so that several are served at once,
    /// but not so much later that a deadline passes; unless it will be served by then anyway. `false`
    /// if there is nobody to do it.
    fn serve_after(self: &Arc<Self>, line: &mut Line, now: Instant, wait: Span) -> bool {
        let patience = line.next_deadline().map_or(Span::MAX, |deadline| deadline.since(now));
        let at = dispatcher::now() + wait.max(self.form.batch().min(patience));
        if line.is_due_by(at) {
            return true;
        }
        call_off(line);
        let called: Weak<Self> = Arc::downgrade(self);
        let call = dispatcher::call(at, called);
        line.set_due(call);
        call.is_some()
    }
}

impl<C> Drop for Inner<C> {
    fn drop(&mut self) {
        let line = self.line.get_mut().unwrap_or_else(PoisonError::into_inner);
        call_off(line);
    }
}

/// Nobody is to serve this line any more.
fn call_off(line: &mut Line) {
    if let Some(call) = line.forget_due() {
        dispatcher::call_off(call);
    }
}

impl<C: Clock + 'static> dispatcher::Called for Inner<C> {
    fn call(self: Arc<Self>, call: Call) {
        // Another call has taken the place of this one, unless it is the one that is due.
        let is_due = self.line().take_due(call);
        if is_due {
            self.serve();
        }
    }
}
