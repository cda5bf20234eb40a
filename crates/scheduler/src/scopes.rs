//! The parts of a service that have limits of their own: models, endpoints, the values of keys.
//!
//! A call that such a limit refuses waits there, in an order of its own, and holds nothing anywhere
//! else. As many are let go on to the service as the limit has room for together with those who went
//! before, so that nobody goes on in vain.

use std::collections::{BTreeSet, HashMap};

use foldhash::quality::RandomState;
use tidegate_algorithms::Ledger;
use tidegate_units::policy::scoped::matches;
use tidegate_units::{Instant, Key, Rejection, Scope, ScopedPolicies, ServiceName, WallOrigin};

use crate::breaker::{Breaker, Change};
use crate::bulkhead::Bulkhead;
use crate::order::{Order, Rules};
use crate::tariff::Tariff;
use crate::{Labels, Request};

mod part;

pub(crate) use part::{Part, PartPast, slots_taken};

/// The place of a part in the table.
pub(crate) type ScopeId = u32;

/// The most values of keys whose limits are kept apart. Where all of them are in use, further ones
/// share one part: they get less than they might, never more.
pub const KEYS_MAX: usize = 10_000;

/// How many parts are looked at for one that is not in use, each time that one is wanted.
const LOOKS: usize = 32;

/// The value of a key that stands for all those for which there is no room.
const OTHERS: &str = "(others)";

/// Every part.
#[derive(Debug)]
pub(crate) struct Scopes {
    service: ServiceName,
    policies: ScopedPolicies,
    rules: Rules,
    wall_origin: WallOrigin,
    parts: Vec<Part>,
    by_scope: HashMap<Scope, ScopeId, RandomState>,
    /// Where the values of keys begin; models and endpoints, which stay, come before.
    first_key: usize,
    /// Where to look next for a part that is not in use.
    hand: usize,
    /// When somebody who waits at a part can go on.
    timers: BTreeSet<(Instant, ScopeId)>,
    /// When a slot may have to heal.
    heal_at: Option<Instant>,
    /// What was used before this is not known: parts that are new to the table start empty then.
    empty_since: Option<Instant>,
}

impl Scopes {
    pub(crate) fn new(
        service: &ServiceName,
        policies: &ScopedPolicies,
        (rules, tariff): (Rules, &Tariff),
        wall_origin: WallOrigin,
    ) -> Self {
        let mut scopes = Self {
            service: service.clone(),
            policies: policies.clone(),
            rules,
            wall_origin,
            parts: Vec::new(),
            by_scope: HashMap::default(),
            first_key: 0,
            hand: 0,
            timers: BTreeSet::new(),
            heal_at: None,
            empty_since: None,
        };
        let models = policies
            .models
            .iter()
            .map(|(pattern, policy)| (Scope::model(service, pattern), policy));
        let endpoints = policies
            .endpoints
            .iter()
            .map(|(pattern, policy)| (Scope::endpoint(service, pattern), policy));
        for (scope, policy) in models.chain(endpoints) {
            let extras = (policy.concurrency, policy.breaker);
            let order = Order::new(rules, Tariff::new(tariff.dimensions(), policy.limits.iter()));
            scopes.add(Part::new(scope, &policy.limits, extras, order, wall_origin));
        }
        scopes.first_key = scopes.parts.len();
        scopes.hand = scopes.first_key;
        scopes
    }

    fn add(&mut self, part: Part) -> ScopeId {
        let id = ScopeId::try_from(self.parts.len()).unwrap_or(ScopeId::MAX);
        self.by_scope.insert(part.scope.clone(), id);
        self.parts.push(part);
        id
    }

    /// What was used until `now` is not known.
    pub(crate) fn make_empty(&mut self, now: Instant) {
        self.empty_since = Some(now);
        for part in &mut self.parts {
            part.ledger.make_empty(now);
        }
    }

    /// Forgets what was used, at the user's word.
    pub(crate) fn reset(&mut self, now: Instant) {
        self.empty_since = None;
        for part in &mut self.parts {
            part.ledger.reset(now);
        }
    }

    /// The parts that a call with these labels is for.
    pub(crate) fn of(
        &mut self,
        now: Instant,
        labels: Option<&Labels>,
        tariff: &Tariff,
    ) -> Box<[ScopeId]> {
        let Some(labels) = labels.filter(|_| !self.policies.is_empty()) else {
            return Box::default();
        };
        let mut ids = self.fixed(labels);
        for key in labels.keys.iter().take(Labels::KEYS_MAX) {
            let id = self.of_key(now, key, &ids, tariff);
            ids.extend(id.filter(|id| !ids.contains(id)));
        }
        ids.into()
    }

    /// The parts that a call with these labels is for, as far as there are any already.
    pub(crate) fn known(&self, labels: Option<&Labels>) -> Box<[ScopeId]> {
        let Some(labels) = labels else {
            return Box::default();
        };
        let mut ids = self.fixed(labels);
        for key in labels.keys.iter().take(Labels::KEYS_MAX) {
            let id = self.by_scope.get(&Scope::key(&self.service, key.clone())).copied();
            ids.extend(id.filter(|id| !ids.contains(id)));
        }
        ids.into()
    }

    /// Why a request can never be granted for a key that there is no part of yet, if that is so.
    pub(crate) fn never_of_new(&self, now: Instant, request: &Request) -> Option<Rejection> {
        let keys = request.labels.iter().flat_map(|labels| &labels.keys);
        keys.into_iter().find_map(|key| {
            let policy = self.policies.each.get(&key.name())?;
            let scope = Scope::key(&self.service, key.clone());
            Ledger::new(scope, &policy.limits).check(now, &request.cost).err()
        })
    }

    /// The models and endpoints that a call with these labels is for.
    fn fixed(&self, labels: &Labels) -> Vec<ScopeId> {
        let models = named(&self.policies.models, labels.model.as_deref());
        let model = models.map(|it| Scope::model(&self.service, it));
        let endpoints = named(&self.policies.endpoints, labels.endpoint.as_deref());
        let endpoint = endpoints.map(|it| Scope::endpoint(&self.service, it));
        let fixed = [model, endpoint].into_iter().flatten();
        fixed.filter_map(|scope| self.by_scope.get(&scope).copied()).collect()
    }

    /// The part of a key, which takes the place of one that is not in use and not among `taken` where
    /// the table is full.
    fn of_key(
        &mut self,
        now: Instant,
        key: &Key,
        taken: &[ScopeId],
        tariff: &Tariff,
    ) -> Option<ScopeId> {
        let policy = self.policies.each.get(&key.name())?;
        if policy.limits.is_empty() && policy.concurrency.is_none() {
            return None;
        }
        let scope = Scope::key(&self.service, key.clone());
        if let Some(id) = self.by_scope.get(&scope) {
            return Some(*id);
        }
        let (limits, concurrency) = (policy.limits.clone(), policy.concurrency);
        let full = self.parts.len() - self.first_key >= KEYS_MAX;
        let vacated = if full { self.vacate(now, taken) } else { None };
        let others = full && vacated.is_none();
        let scope = match Key::new(key.name().as_str(), OTHERS) {
            Ok(key) if others => Scope::key(&self.service, key),
            _ => scope,
        };
        if let Some(id) = self.by_scope.get(&scope) {
            return Some(*id);
        }
        let order = Order::new(self.rules, Tariff::new(tariff.dimensions(), limits.iter()));
        let mut part = Part::new(scope, &limits, (concurrency, None), order, self.wall_origin);
        if let Some(since) = self.empty_since {
            part.ledger.make_empty(since);
        }
        Some(match vacated {
            Some(id) => {
                self.look_again(id, None);
                self.by_scope.insert(part.scope.clone(), id);
                *self.get_mut(id) = part;
                id
            }
            None => self.add(part),
        })
    }

    /// Forgets a part that is not in use, if one is soon found.
    fn vacate(&mut self, now: Instant, taken: &[ScopeId]) -> Option<ScopeId> {
        for _ in 0..LOOKS {
            self.hand =
                if self.hand + 1 < self.parts.len() { self.hand + 1 } else { self.first_key };
            let part = self.parts.get(self.hand)?;
            let id = ScopeId::try_from(self.hand).ok()?;
            if part.is_idle(now) && !taken.contains(&id) {
                self.by_scope.remove(&part.scope);
                return Some(id);
            }
        }
        None
    }

    /// Those where somebody waits.
    pub(crate) fn waited_for(&self) -> Vec<ScopeId> {
        let waited = self.parts.iter().enumerate().filter(|(_, part)| !part.order.is_empty());
        waited.filter_map(|(place, _)| ScopeId::try_from(place).ok()).collect()
    }

    /// Takes over what a limiter that has failed knew of a part at `latest`.
    pub(crate) fn take_over(
        &mut self,
        latest: Instant,
        (scope, before): (&Scope, &PartPast),
        tariff: &Tariff,
    ) {
        let id = match (self.by_scope.get(scope), scope) {
            (Some(id), _) => Some(*id),
            (None, Scope::Key(of)) => self.of_key(latest, &of.1, &[], tariff),
            (None, _) => None,
        };
        let Some(id) = id else {
            return;
        };
        let part = self.get_mut(id);
        part.bulkhead.clone_from(&before.bulkhead);
        part.breaker.clone_from(&before.breaker);
        part.ledger.make_empty_owing(latest, &before.debts);
        self.heals_at(before.bulkhead.as_ref().and_then(Bulkhead::next_deadline));
    }

    /// How many turns a key takes while others take one.
    pub(crate) fn weight(&self, key: Option<&Key>) -> u32 {
        let key = key.filter(|_| !self.policies.each.is_empty());
        let weight = |key: &Key| {
            self.policies.each.get(&key.name()).and_then(|policy| policy.weights.get(key.value()))
        };
        key.and_then(weight).copied().unwrap_or(1)
    }

    pub(crate) fn get(&self, id: ScopeId) -> &Part {
        &self.parts[place(id)]
    }

    pub(crate) fn get_mut(&mut self, id: ScopeId) -> &mut Part {
        &mut self.parts[place(id)]
    }

    /// Every part.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Notes when to look again at a part where somebody waits; `None`: when it changes.
    pub(crate) fn look_again(&mut self, id: ScopeId, at: Option<Instant>) {
        let part = &mut self.parts[place(id)];
        if let Some(before) = std::mem::replace(&mut part.ready_at, at) {
            self.timers.remove(&(before, id));
        }
        if let Some(at) = at {
            self.timers.insert((at, id));
        }
    }

    /// The parts where somebody waits who may be able to go on by now.
    pub(crate) fn ready(&self, now: Instant) -> Vec<ScopeId> {
        self.timers.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }

    /// When the first of them can.
    pub(crate) fn next_ready(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Notes that a slot was taken, which may have to heal.
    pub(crate) fn heals_at(&mut self, at: Option<Instant>) {
        self.heal_at = [self.heal_at, at].into_iter().flatten().min();
    }

    /// Frees the slots whose leases have ended. Answers how many.
    pub(crate) fn heal(&mut self, now: Instant) -> u64 {
        if self.heal_at.is_none_or(|at| at > now) {
            return 0;
        }
        let mut healed = 0;
        let mut next: Option<Instant> = None;
        for bulkhead in self.parts.iter_mut().filter_map(|part| part.bulkhead.as_mut()) {
            healed += bulkhead.heal(now);
            next = [next, bulkhead.next_deadline()].into_iter().flatten().min();
        }
        self.heal_at = next;
        healed
    }

    /// Lets breakers do what is due. Answers those that have opened.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<ScopeId> {
        let parts = self.parts[..self.first_key].iter_mut().enumerate();
        let opened = parts.filter_map(|(place, part)| {
            let change = part.breaker.as_mut()?.handle_timeout(now);
            (change == Change::Opened).then(|| ScopeId::try_from(place).ok()).flatten()
        });
        opened.collect()
    }

    /// When a slot may have to heal or a breaker has something to do.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let breakers = self.parts[..self.first_key].iter().filter_map(|part| part.breaker.as_ref());
        breakers.filter_map(Breaker::next_deadline).chain(self.heal_at).min()
    }
}

/// The pattern of a named scope that a name matches first.
fn named<'p, T>(patterns: &'p [(String, T)], name: Option<&str>) -> Option<&'p str> {
    let name = name?;
    patterns.iter().map(|(pattern, _)| pattern.as_str()).find(|pattern| matches(pattern, name))
}

fn place(id: ScopeId) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
