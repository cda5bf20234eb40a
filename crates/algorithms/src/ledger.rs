//! The limits of one owner, decided as one, together with what has been lent out of them.
//!
//! A lender who debits a loan when it is made lets the service see more than the limit: the bucket
//! refills while the permits are still out. This ledger follows two rules instead.
//!
//! - **Reserve inside the level.** What is lent is fenced off, not debited: the sum of what anybody
//!   may spend at any instant is at most the level.
//! - **Record late.** What a borrower used is recorded when it settles, never earlier.
//!
//! # Invariants
//!
//! - LEASE-1: settling always succeeds: the level is at least what is lent.
//! - LEASE-2: no window is broken, whenever borrowers spend and settle.
//! - LEASE-3: recording late loses nothing while a bucket is saturated.
//! - LEASE-5: a lease whose holder is gone is settled as fully used.
//! - LEDGER-1: a refusal changes nothing, in any dimension.

use serde::Serialize;
use tidegate_units::{
    Amounts, Code, Cost, Dimension, Instant, Limit, Reason, Rejection, Scope, Span, WallOrigin,
};

use crate::{Carry, Decision, Meter};

/// Several limits over several dimensions, decided as one.
///
/// Nothing panics. Any number of limits is taken; every decision looks at all of them. An instant before
/// one seen earlier delays callers and mints nothing.
///
/// ```
/// use tidegate_algorithms::Ledger;
/// use tidegate_units::{Amounts, Cost, Dimension, Instant, Scope};
///
/// let limits = ["2 requests per minute".parse()?, "1000 tokens per minute".parse()?];
/// let mut ledger = Ledger::new(Scope::Global, &limits);
/// let now = Instant::ZERO;
///
/// // Lend one request and 600 tokens, of which 500 tokens turn out to be used.
/// let lease = Amounts::charged(&Cost::request().tokens(600), ledger.dimensions());
/// ledger.lend(now, &lease).expect("it fits");
/// let mut used = lease.clone();
/// used.set(Dimension::Tokens, 500);
/// ledger.settle(now, &lease, &used);
///
/// // 501 tokens would be one too many, though a request is left; nothing is charged for asking.
/// let refused = ledger.take(now, &Cost::request().tokens(501)).unwrap_err();
/// assert_eq!((refused.dimension, refused.used), (Dimension::Tokens, 500));
/// assert!(ledger.take(now, &Cost::request().tokens(500)).is_ok());
/// # Ok::<(), tidegate_units::LimitError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    scope: Scope,
    accounts: Vec<Account>,
    /// For limits per calendar period.
    wall_origin: WallOrigin,
    /// The latest instant at which anything was recorded.
    latest: Instant,
}

/// One limit, what was spent of it and what is lent from it.
#[derive(Debug, Clone)]
struct Account {
    limit: Limit,
    meter: Meter,
    lent: u64,
    /// When the past was forgotten or the limit changed: charges until then can no longer be given
    /// back.
    forgot_at: Option<Instant>,
}

/// Where one limit stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitUsage {
    /// What the limit applies to.
    pub scope: Scope,
    /// The limit.
    pub limit: Limit,
    /// The most that can pass at once.
    pub capacity: u64,
    /// What may still be granted or lent; what is lent can be had too, by those it was lent for.
    pub available: u64,
    /// What has been lent and not settled.
    pub lent: u64,
    /// What was spent beyond the limit, because a call cost more than estimated.
    pub debt: u64,
    /// How long until nothing is used, if nothing else is spent.
    pub resets_after: Span,
}

impl Ledger {
    /// A ledger of which nothing has been used.
    pub fn new(scope: Scope, limits: &[Limit]) -> Self {
        Self::since(scope, limits, WallOrigin::default())
    }

    /// A ledger of which nothing has been used, for instants with this origin. Only limits per calendar
    /// period need to know it.
    pub fn since(scope: Scope, limits: &[Limit], wall_origin: WallOrigin) -> Self {
        let full = |limit| Account::full(limit, wall_origin);
        let accounts = limits.iter().map(full).collect();
        Self { scope, accounts, wall_origin, latest: Instant::ZERO }
    }

    /// Corrects the origin of the instants, when somebody has set the wall clock. What was spent stays
    /// spent: nothing becomes available before the time that was reached already is reached again.
    pub fn set_wall_origin(&mut self, origin: WallOrigin) {
        self.wall_origin = origin;
        for account in &mut self.accounts {
            account.meter.set_wall_origin(origin);
        }
    }

    /// Forgets what was spent and lent, as if everything had been used at `now`: what a ledger starts
    /// from whose past is not known. Never full. Charges until now are not given back: it is not known
    /// under which limits they were made.
    pub fn make_empty(&mut self, now: Instant) {
        self.latest = self.past(now);
        for account in &mut self.accounts {
            account.meter.make_empty(now);
            account.lent = 0;
            account.forgot_at = Some(self.latest);
        }
    }

    /// What is owed under each limit, in their order.
    pub fn debts(&self, now: Instant) -> Vec<u64> {
        self.accounts.iter().map(|account| account.meter.debt(now)).collect()
    }

    /// As [`Ledger::make_empty`], with these debts on top of it.
    pub fn make_empty_owing(&mut self, now: Instant, debts: &[u64]) {
        self.make_empty(now);
        for (account, debt) in self.accounts.iter_mut().zip(debts) {
            account.meter.record(now, *debt);
        }
    }

    /// Forgets what was spent until `now`, at the user's word. What is lent stays lent.
    pub fn reset(&mut self, now: Instant) {
        let forgot_at = self.past(now);
        for account in &mut self.accounts {
            account.meter.make_full();
            account.forgot_at = Some(forgot_at);
        }
    }

    /// Until when anything may have been recorded that is not to be given back: a clock that stepped
    /// back must not make a charge from before look like one from after.
    fn past(&self, now: Instant) -> Instant {
        self.latest.max(now)
    }

    /// Puts these limits in the place of the old ones. What is lent stays lent; it may be more than a
    /// lowered limit covers, see [`Ledger::covers_loans`].
    ///
    /// A limit that stays as it was keeps everything. A new one takes over from the old one of its
    /// dimension that has the same window or, failing that, is the first that nothing else takes over
    /// from; `carry` says how much of the balance goes with it. One without a predecessor starts with
    /// nothing used, for nothing is known to have been. Charges from before a limit was put in force
    /// or changed can no longer be given back to it.
    ///
    /// ```
    /// use tidegate_algorithms::{Carry, Ledger};
    /// use tidegate_units::{Cost, Instant, Scope};
    ///
    /// let mut ledger = Ledger::new(Scope::Global, &["10 requests per minute".parse()?]);
    /// let now = Instant::ZERO;
    /// ledger.take(now, &Cost::request().requests(7)).expect("it fits");
    /// ledger.reconfigure(now, &["8 requests per minute".parse()?], Carry::Additive);
    /// assert!(ledger.take(now, &Cost::request()).is_ok(), "the eighth");
    /// assert_eq!(ledger.take(now, &Cost::request()).unwrap_err().limit, 8);
    /// # Ok::<(), tidegate_units::LimitError>(())
    /// ```
    pub fn reconfigure(&mut self, now: Instant, limits: &[Limit], carry: Carry) {
        let past = self.past(now);
        let lent: Vec<u64> = limits.iter().map(|limit| self.lent(limit.dimension())).collect();
        let mut successors: Vec<Option<Account>> = vec![None; limits.len()];
        let likeness: [fn(&Limit, &Limit) -> bool; 3] =
            [PartialEq::eq, |old, new| old.window() == new.window(), |_, _| true];
        for alike in likeness {
            for (limit, successor) in limits.iter().zip(&mut successors) {
                if successor.is_none() {
                    let predecessor = self.give_up(limit, alike);
                    let origin = self.wall_origin;
                    *successor =
                        predecessor.map(|old| old.succeeded_by((now, past), limit, origin, carry));
                }
            }
        }
        let origin = self.wall_origin;
        let fresh = |limit| Account { forgot_at: Some(past), ..Account::full(limit, origin) };
        let accounts = successors.into_iter().zip(limits).zip(lent);
        self.accounts = accounts
            .map(|((successor, limit), lent)| Account {
                lent,
                ..successor.unwrap_or_else(|| fresh(limit))
            })
            .collect();
    }

    /// Takes out the first account of `limit`'s dimension that is `alike`.
    fn give_up(&mut self, limit: &Limit, alike: fn(&Limit, &Limit) -> bool) -> Option<Account> {
        let place = self.accounts.iter().position(|account| {
            account.limit.dimension() == limit.dimension() && alike(&account.limit, limit)
        })?;
        Some(self.accounts.remove(place))
    }

    /// Fences off what borrowers hold, as somebody else has kept count of it: for limits that were
    /// put in force while permits were lent. It may be more than they cover.
    pub fn fence(&mut self, lent: &Amounts) {
        for account in &mut self.accounts {
            account.lent = lent.get(account.limit.dimension());
        }
    }

    /// What is lent of a dimension: the same under every limit on it.
    fn lent(&self, dimension: Dimension) -> u64 {
        let on_dimension =
            self.accounts.iter().filter(|account| account.limit.dimension() == dimension);
        on_dimension.map(|account| account.lent).max().unwrap_or(0)
    }

    /// What the limits apply to.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The limits.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        self.accounts.iter().map(|account| &account.limit)
    }

    /// The dimensions that have a limit, each once, in the order of the limits.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let mut dimensions = Vec::new();
        for account in &self.accounts {
            if !dimensions.contains(&account.limit.dimension()) {
                dimensions.push(account.limit.dimension());
            }
        }
        dimensions
    }

    /// Whether there is no limit at all.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Whether a call of `cost` fits under every limit now. Changes nothing.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of the limit that binds longest; one that can never hold the cost first.
    pub fn check(&self, now: Instant, cost: &Cost) -> Result<(), Rejection> {
        self.check_amounts(now, |dimension| cost.amount(dimension))
    }

    /// Grants a call: checks every limit and, only if all of them admit it, records the cost.
    ///
    /// # Errors
    ///
    /// As [`Ledger::check`]; then nothing has changed.
    pub fn take(&mut self, now: Instant, cost: &Cost) -> Result<(), Rejection> {
        self.check(now, cost)?;
        self.latest = self.latest.max(now);
        for account in &mut self.accounts {
            account.meter.record(now, cost.amount(account.limit.dimension()));
        }
        Ok(())
    }

    /// Whether `amounts` could be lent now. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Ledger::check`].
    pub fn check_lend(&self, now: Instant, amounts: &Amounts) -> Result<(), Rejection> {
        self.check_amounts(now, |dimension| amounts.get(dimension))
    }

    /// Lends `amounts`: fences them off inside the level until they are settled.
    ///
    /// # Errors
    ///
    /// As [`Ledger::check`]; then nothing has changed.
    pub fn lend(&mut self, now: Instant, amounts: &Amounts) -> Result<(), Rejection> {
        self.check_lend(now, amounts)?;
        for account in &mut self.accounts {
            let lent = amounts.get(account.limit.dimension());
            account.lent = account.lent.saturating_add(lent);
        }
        Ok(())
    }

    /// Ends a loan, or a part of one: `used` is recorded as spent at `now`, which must not lie before
    /// the spending, and the rest of `lent` may be lent again. Always succeeds (LEASE-1).
    pub fn settle(&mut self, now: Instant, lent: &Amounts, used: &Amounts) {
        self.latest = self.latest.max(now);
        for account in &mut self.accounts {
            let dimension = account.limit.dimension();
            account.lent = account.lent.saturating_sub(lent.get(dimension));
            account.meter.record(now, used.get(dimension));
        }
    }

    /// Takes back `unused` of a loan of which nothing was spent.
    pub fn recall(&mut self, unused: &Amounts) {
        for account in &mut self.accounts {
            account.lent = account.lent.saturating_sub(unused.get(account.limit.dimension()));
        }
    }

    /// Records spending that was not lent: a call that cost more than its estimate. May become debt.
    pub fn record(&mut self, now: Instant, amounts: &Amounts) {
        self.latest = self.latest.max(now);
        for account in &mut self.accounts {
            account.meter.record(now, amounts.get(account.limit.dimension()));
        }
    }

    /// Gives back what a call did not use of what was recorded for it at `recorded` or first
    /// thereafter; see [`Algorithm::refund`](crate::Algorithm::refund).
    ///
    /// A charge from before a reset, or from before its limit was changed, is not given back.
    pub fn refund(&mut self, now: Instant, recorded: Instant, amounts: &Amounts) {
        for account in &mut self.accounts {
            if account.forgot_at.is_none_or(|forgot_at| recorded > forgot_at) {
                account.meter.refund(now, recorded, amounts.get(account.limit.dimension()));
            }
        }
    }

    /// What may be lent of `dimension`, under every limit on it; `None` where there is no limit.
    pub fn lendable(&self, now: Instant, dimension: Dimension) -> Option<u64> {
        let on_dimension =
            self.accounts.iter().filter(|account| account.limit.dimension() == dimension);
        on_dimension.map(|account| account.meter.available(now).saturating_sub(account.lent)).min()
    }

    /// The earliest instant by which `total` can have passed in pieces, on top of what is lent.
    pub fn earliest(&self, now: Instant, total: &Amounts) -> Instant {
        self.earliest_of(now, |dimension| total.get(dimension))
    }

    /// The same for a total that is told by dimension.
    pub fn earliest_of(&self, now: Instant, total: impl Fn(Dimension) -> u64) -> Instant {
        let at = |account: &Account| match total(account.limit.dimension()) {
            0 => now,
            amount => account.meter.earliest(now, amount.saturating_add(account.lent)),
        };
        self.accounts.iter().map(at).max().unwrap_or(now)
    }

    /// When some limit of which a part is used will have one permit more; `None` if none is used.
    pub fn next_gain(&self, now: Instant) -> Option<Instant> {
        let gain = |account: &Account| {
            let available = account.meter.available(now);
            (available < account.meter.capacity())
                .then(|| account.meter.earliest(now, available.saturating_add(1)))
        };
        self.accounts.iter().filter_map(gain).min()
    }

    /// Whether everything lent is still covered by the level; false only after a debt was recorded
    /// while permits were lent, which then have to be called in.
    pub fn covers_loans(&self, now: Instant) -> bool {
        self.accounts.iter().all(|account| account.meter.available(now) >= account.lent)
    }

    /// Whether nothing is lent and nothing is used.
    pub fn is_full(&self, now: Instant) -> bool {
        let full = |account: &Account| {
            account.lent == 0 && account.meter.available(now) == account.meter.capacity()
        };
        self.accounts.iter().all(full)
    }

    /// Where every limit stands.
    pub fn usage(&self, now: Instant) -> Vec<LimitUsage> {
        let usage = |account: &Account| LimitUsage {
            scope: self.scope.clone(),
            limit: account.limit.clone(),
            capacity: account.meter.capacity(),
            available: account.meter.available(now).saturating_sub(account.lent),
            lent: account.lent,
            debt: account.meter.debt(now),
            resets_after: account.meter.reset_at(now).since(now),
        };
        self.accounts.iter().map(usage).collect()
    }

    /// The shortest window of all limits: how soon it matters when something was recorded.
    pub fn shortest_window(&self) -> Option<Span> {
        self.limits().map(Limit::window).min()
    }

    /// The one decision over all limits.
    fn check_amounts(
        &self,
        now: Instant,
        amount: impl Fn(Dimension) -> u64,
    ) -> Result<(), Rejection> {
        let mut binding: Option<Rejection> = None;
        for account in &self.accounts {
            let asked = amount(account.limit.dimension());
            let Some(rejection) = account.refuse(&self.scope, now, asked) else {
                continue;
            };
            // `None` is never, which is longer than any wait.
            let longer = |held: &Rejection| match (held.retry_after, rejection.retry_after) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(held), Some(this)) => this > held,
            };
            if binding.as_ref().is_none_or(longer) {
                binding = Some(rejection);
            }
        }
        binding.map_or(Ok(()), Err)
    }
}

impl Account {
    fn full(limit: &Limit, origin: WallOrigin) -> Self {
        let meter = Meter::full_since(limit, origin);
        Self { limit: limit.clone(), meter, lent: 0, forgot_at: None }
    }

    /// The account of the limit that takes the place of this one's.
    fn succeeded_by(
        self,
        (now, past): (Instant, Instant),
        limit: &Limit,
        origin: WallOrigin,
        carry: Carry,
    ) -> Self {
        if self.limit == *limit && carry != Carry::Reset {
            return self;
        }
        Self {
            limit: limit.clone(),
            meter: self.meter.reconfigured(now, limit, origin, carry),
            lent: self.lent,
            forgot_at: Some(past),
        }
    }

    /// Why `asked` does not fit beside what is lent, if it does not.
    fn refuse(&self, scope: &Scope, now: Instant, asked: u64) -> Option<Rejection> {
        if asked == 0 {
            return None;
        }
        let retry_after = match self.meter.decide(now, asked.saturating_add(self.lent)) {
            Decision::Admit => return None,
            Decision::Later { retry_after } => Some(retry_after),
            // Too much only because of what is lent, which may come back at any moment.
            Decision::Never if asked <= self.meter.capacity() => {
                match self.meter.decide(now, asked) {
                    Decision::Later { retry_after } => Some(retry_after),
                    Decision::Admit | Decision::Never => Some(Span::from_nanos(1)),
                }
            }
            Decision::Never => None,
        };
        let dimension = self.limit.dimension();
        let capacity = self.meter.capacity();
        let available = self.meter.available(now).saturating_sub(self.lent);
        let rejection = Rejection {
            code: Code::limit_reached(dimension),
            reason: Reason::LimitReached,
            scope: scope.clone(),
            dimension,
            limit: capacity,
            window: self.limit.window(),
            used: (capacity - available).saturating_add(self.meter.debt(now)),
            requested: asked,
            retry_after,
            queue_position: None,
        };
        let never = rejection.retry_after.is_none();
        Some(if never { rejection.because(Reason::NeverFits) } else { rejection })
    }
}
