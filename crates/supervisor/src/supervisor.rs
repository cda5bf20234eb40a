//! The one ledger of the limits that all services share.
//!
//! A pure machine, used like the limiter's: method calls with the present instant, then
//! [`Supervisor::poll_event`] until it is empty; [`Supervisor::next_deadline`] says when to call
//! [`Supervisor::handle_timeout`]. Extra calls are harmless.
//!
//! # Invariants
//!
//! - SUP-1: what is lent to services is what the ledger has fenced off (LEASE-1, LEASE-2).
//! - SUP-2: services that need permits are served first come, first served; ahead of need is lent
//!   only what nobody waits for, and only a share of it.
//! - SUP-3: what a failed limiter held counts as spent (LEASE-5), and nothing is lent to it before it
//!   has been told to resume.
//! - SUP-4: a change of the limits calls in what was lent before; until it is back it counts against
//!   the new limits, and nothing is lent beyond them.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use tidegate_algorithms::{Ledger, LimitUsage};
use tidegate_observability::tally::overdrawn::Overdrawn;
use tidegate_scheduler::Report;
use tidegate_units::{
    Amounts, Dimension, Instant, Limit, Rejection, Scope, ServiceName, Span, WallOrigin,
};

use crate::restarts::{Failures, Health, RestartPolicy};

mod reconfigure;

/// How long after a message that did not arrive it is sent again.
const RETRY: Span = Span::from_millis(10);

/// What a supervisor is made from.
#[derive(Debug, Clone, Default)]
pub struct SupervisorConfig {
    /// The limits that all services share.
    pub limits: Vec<Limit>,
    /// The services.
    pub services: Vec<ServiceName>,
    /// When to restart, when to give up.
    pub restarts: RestartPolicy,
    /// The time on the wall at the origin of the machine's clock, for limits per calendar period.
    pub wall_origin: WallOrigin,
}

/// What the supervisor wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Tell a limiter that it may spend this.
    Lend {
        /// Which.
        service: ServiceName,
        /// In which life.
        life: u64,
        /// How much.
        amounts: Amounts,
        /// Why it is less than was needed.
        short: Option<Rejection>,
        /// When there will be more to lend; `None` if nothing is used.
        more_at: Option<Instant>,
    },
    /// Ask a limiter for what it has not spent.
    Recall {
        /// Which.
        service: ServiceName,
    },
    /// Tell a limiter which limits are shared from now on; it gives back what it was lent. Must arrive.
    Relimit {
        /// Which.
        service: ServiceName,
        /// All of them.
        limits: Vec<Limit>,
    },
    /// Tell a limiter that has failed to grant again.
    Resume {
        /// Which.
        service: ServiceName,
        /// In which life.
        life: u64,
    },
    /// Stop a limiter that has failed too often.
    GiveUp {
        /// Which.
        service: ServiceName,
    },
}

/// What one service has borrowed, and how it fares.
#[derive(Debug, Default)]
struct Account {
    /// Which life of the limiter this is: what another life says or is told does not count.
    life: u64,
    lent: Amounts,
    /// What it waits for; with what it could use beyond that.
    need: Option<(Amounts, Amounts)>,
    recalling: bool,
    failures: Failures,
    borrows: u64,
    recalls: u64,
}

/// What others may see of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SupervisorState {
    /// Where each shared limit stands.
    pub limits: Vec<LimitUsage>,
    /// Where each service stands.
    pub services: BTreeMap<ServiceName, AccountState>,
    /// The most that was ever spent beyond each shared limit.
    #[serde(skip)]
    pub overdrawn: Overdrawn,
}

/// What others may see of one service's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountState {
    /// Lent, and not reported as spent or returned.
    pub lent: Amounts,
    /// It waits for permits.
    pub waits: bool,
    /// How it fares.
    pub health: Health,
    /// How often it has failed.
    pub failures: u64,
    /// How often it was restarted.
    pub restarts: u64,
    /// How often it asked for permits.
    pub borrows: u64,
    /// How often permits were called back from it.
    pub recalls: u64,
}

/// The machine.
#[derive(Debug)]
pub struct Supervisor {
    ledger: Ledger,
    /// What all services count their calls in, whether it is limited at present or not.
    dimensions: Vec<Dimension>,
    policy: RestartPolicy,
    accounts: BTreeMap<ServiceName, Account>,
    /// Who waits, in the order in which they asked.
    waiting: VecDeque<ServiceName>,
    /// When the first of them may be served, if nobody gives anything back.
    ready_at: Option<Instant>,
    events: VecDeque<Event>,
    overdrawn: Overdrawn,
}

impl Supervisor {
    /// A supervisor of whose limits nothing has been used.
    pub fn new(config: &SupervisorConfig) -> Self {
        let accounts = config.services.iter().map(|name| (name.clone(), Account::default()));
        let ledger = Ledger::since(Scope::Global, &config.limits, config.wall_origin);
        Self {
            dimensions: reconfigure::counted(&ledger),
            ledger,
            policy: config.restarts,
            accounts: accounts.collect(),
            waiting: VecDeque::new(),
            ready_at: None,
            events: VecDeque::new(),
            overdrawn: Overdrawn::default(),
        }
    }

    /// Starts from what an earlier run may have used: if any window is not surely over by now, `idle`
    /// after that run ended, everything starts empty.
    pub fn start_after(&mut self, now: Instant, idle: Span) {
        if self.ledger.limits().any(|limit| limit.recovery() > idle) {
            self.ledger.make_empty(now);
        }
    }

    /// A limiter asks for permits: `need` for whoever is next there, and up to `want` beyond it.
    pub fn borrow(
        &mut self,
        now: Instant,
        service: &ServiceName,
        life: u64,
        need: Amounts,
        want: Amounts,
    ) {
        let Some(account) = self.accounts.get_mut(service) else {
            return;
        };
        if account.life != life || account.failures.health != Health::Running {
            return;
        }
        account.borrows += 1;
        let need = reconfigure::limited(&self.ledger, need);
        if need.is_none() {
            // Whoever waited there is gone, if somebody did; others may be next now.
            account.need = None;
            self.waiting.retain(|waiting| waiting != service);
            self.serve(now);
            let spare =
                if self.waiting.is_empty() { self.spare(now, &want) } else { Amounts::NONE };
            self.lend(now, service, &spare);
            return;
        }
        account.need = Some((need, want));
        if !self.waiting.contains(service) {
            self.waiting.push_back(service.clone());
        }
        self.serve(now);
        self.explain(now, service);
    }

    /// A limiter reports what it did with what it was lent.
    pub fn settle(&mut self, now: Instant, service: &ServiceName, life: u64, report: &Report) {
        let account = self.accounts.get_mut(service);
        let Some(account) = account.filter(|account| account.life == life) else {
            return;
        };
        let mut ended = report.used.clone();
        ended.add(&report.returned);
        debug_assert!(account.lent.covers(&ended), "SUP-1: {service} ends more than it was lent");
        account.lent.subtract(&ended);
        account.recalling = false;
        self.ledger.settle(now, &ended, &report.used);
        self.ledger.record(now, &report.debt);
        self.see_debts(now, &report.debt);
        for (recorded, amounts) in &report.refunds {
            self.ledger.refund(now, *recorded, amounts);
        }
        if !self.ledger.covers_loans(now) {
            self.recall_from_all();
        }
        self.serve(now);
    }

    /// After more was spent than was lent for it.
    fn see_debts(&mut self, now: Instant, debt: &Amounts) {
        if debt.is_none() {
            return;
        }
        for usage in self.ledger.usage(now) {
            let (dimension, window) = (usage.limit.dimension(), usage.limit.window());
            self.overdrawn.saw(dimension, window, usage.debt);
        }
    }

    /// A limiter has failed; its gate is closed, and its next life is `life`. What it held counts as
    /// spent by now.
    pub fn failed(&mut self, now: Instant, service: &ServiceName, life: u64) {
        let Some(account) = self.accounts.get_mut(service) else {
            return;
        };
        let held = std::mem::take(&mut account.lent);
        account.life = life;
        account.need = None;
        account.recalling = false;
        account.failures.failed(now, &self.policy);
        let given_up = account.failures.health == Health::GivenUp;
        self.ledger.settle(now, &held, &held);
        self.waiting.retain(|waiting| waiting != service);
        if given_up {
            self.events.push_back(Event::GiveUp { service: service.clone() });
        }
        self.serve(now);
    }

    /// A loan did not arrive.
    pub fn lend_bounced(&mut self, now: Instant, service: &ServiceName, amounts: &Amounts) {
        let Some(account) = self.accounts.get_mut(service).filter(|_| !amounts.is_none()) else {
            // An explanation that was not heard; who waits still waits.
            return;
        };
        account.lent.subtract(amounts);
        self.ledger.recall(amounts);
        if account.need.is_none() {
            account.need = Some((amounts.clone(), Amounts::NONE));
        }
        if !self.waiting.contains(service) {
            self.waiting.push_front(service.clone());
        }
        self.ready_at = Some(now + RETRY);
    }

    /// A recall did not arrive.
    pub fn recall_bounced(&mut self, now: Instant, service: &ServiceName) {
        if let Some(account) = self.accounts.get_mut(service) {
            account.recalling = false;
            self.ready_at = Some(now + RETRY);
        }
    }

    /// Time has come to [`Supervisor::next_deadline`].
    pub fn handle_timeout(&mut self, now: Instant) {
        for (service, account) in &mut self.accounts {
            if account.failures.rested(now) {
                let (service, life) = (service.clone(), account.life);
                self.events.push_back(Event::Resume { service, life });
            }
        }
        if !self.ledger.covers_loans(now) {
            self.recall_from_all();
        }
        self.serve(now);
    }

    /// When to call [`Supervisor::handle_timeout`], if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        let rests = self.accounts.values().filter_map(|account| account.failures.rests_until());
        rests.chain(self.ready_at).min()
    }

    /// What to do next, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What others may see.
    pub fn state(&self, now: Instant) -> SupervisorState {
        let state = |account: &Account| AccountState {
            lent: account.lent.clone(),
            waits: account.need.is_some(),
            health: account.failures.health,
            failures: account.failures.total,
            restarts: account.failures.restarts,
            borrows: account.borrows,
            recalls: account.recalls,
        };
        let accounts = self.accounts.iter();
        SupervisorState {
            limits: self.ledger.usage(now),
            overdrawn: self.overdrawn.clone(),
            services: accounts.map(|(name, account)| (name.clone(), state(account))).collect(),
        }
    }

    /// Lends to those who wait, in order, as far as it goes.
    fn serve(&mut self, now: Instant) {
        self.ready_at = None;
        while let Some(service) = self.waiting.front().cloned() {
            let Some((need, want)) = self.need_of(&service) else {
                self.waiting.pop_front();
                continue;
            };
            match self.ledger.check_lend(now, &need) {
                Ok(()) => {
                    self.waiting.pop_front();
                    let mut loan = need.clone();
                    if self.waiting.is_empty() {
                        loan.add(&self.spare_beyond(now, &need, &want));
                    }
                    self.lend(now, &service, &loan);
                }
                Err(rejection) => {
                    // At the latest, as if all that is lent were spent; a report may come sooner.
                    self.ready_at = Some(self.ledger.earliest(now, &need));
                    self.recall_for(&service, &rejection);
                    return;
                }
            }
        }
    }

    fn need_of(&self, service: &ServiceName) -> Option<(Amounts, Amounts)> {
        self.accounts.get(service)?.need.clone()
    }

    /// Lends what has been found to fit.
    fn lend(&mut self, now: Instant, service: &ServiceName, amounts: &Amounts) {
        let lent = self.ledger.lend(now, amounts);
        debug_assert!(lent.is_ok(), "SUP-1: {amounts} was found to fit");
        if let Some(account) = self.accounts.get_mut(service).filter(|_| lent.is_ok()) {
            account.need = None;
            account.lent.add(amounts);
        }
        let amounts = if lent.is_ok() { amounts.clone() } else { Amounts::NONE };
        self.tell(now, service, amounts, None);
    }

    /// Tells a limiter that has to wait what it waits for.
    fn explain(&mut self, now: Instant, service: &ServiceName) {
        let Some((need, _)) = self.need_of(service) else {
            return;
        };
        let short = self.ledger.check_lend(now, &need).err();
        let short = short.or_else(|| {
            // It fits, but others came first.
            let (need, _) = self.need_of(self.waiting.front()?)?;
            self.ledger.check_lend(now, &need).err()
        });
        self.tell(now, service, Amounts::NONE, short);
    }

    fn tell(
        &mut self,
        now: Instant,
        service: &ServiceName,
        amounts: Amounts,
        short: Option<Rejection>,
    ) {
        let life = self.accounts.get(service).map_or(0, |account| account.life);
        let (service, more_at) = (service.clone(), self.ledger.next_gain(now));
        self.events.push_back(Event::Lend { service, life, amounts, short, more_at });
    }

    /// The part of `want` that can be lent without leaving nothing for the other services.
    fn spare(&self, now: Instant, want: &Amounts) -> Amounts {
        self.spare_beyond(now, &Amounts::NONE, want)
    }

    fn spare_beyond(&self, now: Instant, need: &Amounts, want: &Amounts) -> Amounts {
        let running = self.accounts.values();
        let running = running.filter(|it| it.failures.health == Health::Running).count();
        let shares = u64::try_from(running).unwrap_or(u64::MAX).max(1);
        let spare = |(dimension, want): (_, u64)| {
            let free = self.ledger.lendable(now, dimension).unwrap_or(0);
            let free = free.saturating_sub(need.get(dimension));
            (dimension, want.min(free.div_ceil(shares)))
        };
        want.iter().map(spare).collect()
    }

    /// Asks the other services for what they have not spent of the dimension that binds.
    fn recall_for(&mut self, needy: &ServiceName, rejection: &Rejection) {
        for (service, account) in &mut self.accounts {
            let holds = account.lent.get(rejection.dimension) > 0;
            if service != needy && holds && !account.recalling {
                account.recalling = true;
                account.recalls += 1;
                self.events.push_back(Event::Recall { service: service.clone() });
            }
        }
    }

    fn recall_from_all(&mut self) {
        for (service, account) in &mut self.accounts {
            if !account.lent.is_none() && !account.recalling {
                account.recalling = true;
                account.recalls += 1;
                self.events.push_back(Event::Recall { service: service.clone() });
            }
        }
    }
}
