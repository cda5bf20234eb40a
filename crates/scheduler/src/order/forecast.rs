//! How much is served before a call that would begin to wait now, if nobody else came.
//!
//! Walking through the order would tell exactly, and cost as much as serving everybody. This looks at
//! each key that is ahead once, at most [`FLOWS_MAX`] of them, and at each class as a fluid: so it is
//! off by at most about one call of each key and class, and never counts anybody who is surely
//! behind.

use tidegate_units::{Cost, Priority, Share};

use crate::order::class::Class;
use crate::order::flow::{Flow, FlowKey};
use crate::order::{CLASSES, Order, Rank};
use crate::tariff::{Tariff, Totals, Work, portion};

/// The most keys that are looked at. Those who start later are left out: the wait is told too short
/// rather than too long, and nobody is refused who might be served in time.
const FLOWS_MAX: usize = 1_024;

/// The most calls of the own key that are looked at one by one.
const OWN_MAX: usize = 256;

/// Who is served before a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// What they take.
    pub(crate) totals: Totals,
    /// How many they are.
    pub(crate) count: u64,
    /// Who they are: how many of which class and key, if that was asked for. `None` for the key where
    /// it does not matter.
    pub(crate) by: Option<Vec<(Priority, FlowKey, u64)>>,
}

/// Some of those who wait: of one class, and of one key if they are.
#[derive(Debug, Clone, Copy)]
struct Group<'o> {
    class: Priority,
    key: Option<&'o FlowKey>,
    totals: &'o Totals,
    len: usize,
}

impl Ahead {
    /// Nobody; `named` if it is to be told who they are.
    fn nobody(tariff: &Tariff, named: bool) -> Self {
        Self { totals: tariff.nothing(), count: 0, by: named.then(Vec::new) }
    }

    /// Adds `part` of `whole` of some.
    fn add(&mut self, some: Group<'_>, part: Work, whole: Work) {
        self.totals.add_part(some.totals, part, whole);
        let count = portion(u64::try_from(some.len).unwrap_or(u64::MAX), part, whole);
        self.count = self.count.saturating_add(count);
        if let Some(by) = self.by.as_mut().filter(|_| count > 0) {
            by.push((some.class, some.key.cloned().flatten(), count));
        }
    }
}

/// A call of which is asked what is ahead of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'c> {
    pub(crate) class: Priority,
    pub(crate) key: &'c FlowKey,
    pub(crate) rank: Rank,
    pub(crate) cost: &'c Cost,
}

impl Order {
    /// Who would be served before this call; `named` if it is to be told who they are.
    pub(crate) fn ahead_of(&self, candidate: Candidate<'_>, named: bool) -> Ahead {
        let tariff = &self.tariff;
        let own = candidate.class.index();
        let mut ahead = Ahead::nobody(tariff, named);
        self.classes[own].ahead_of(candidate, tariff, &mut ahead);
        let in_class = tariff.work_of(&ahead.totals).saturating_add(tariff.work(candidate.cost));
        let strict = self.rules.strict;
        for index in 0..own.min(strict) {
            ahead.add(self.group(index), 1, 1);
        }
        if own >= strict {
            self.add_rivals(own, in_class, &mut ahead);
        }
        ahead
    }

    /// All of a class.
    fn group(&self, index: usize) -> Group<'_> {
        let class = &self.classes[index];
        Group { class: Priority::ALL[index], key: None, totals: &class.totals, len: class.len }
    }

    /// Adds what other classes below the strict ones are served until class `own` has had `in_class`.
    fn add_rivals(&self, own: usize, in_class: Work, ahead: &mut Ahead) {
        let work = |index: usize| self.tariff.work_of(&self.classes[index].totals);
        let above: Work = (self.rules.strict..own).map(work).sum();
        // Those above go first, unless the own share is served before them.
        let by_share = self.step(own, in_class);
        let until = by_share.min(in_class.saturating_add(above));
        let rivals = until - in_class.min(until);
        for index in self.rules.strict..own {
            ahead.add(self.group(index), rivals, above);
        }
        for index in own + 1..CLASSES {
            let share = self.rules.shares[index];
            if share > Share::NONE && !self.classes[index].is_empty() {
                let owed = until / 1_000 * u128::from(share.as_per_mille());
                ahead.add(self.group(index), owed, work(index));
            }
        }
    }
}

impl Class {
    fn ahead_of(&self, candidate: Candidate<'_>, tariff: &Tariff, ahead: &mut Ahead) {
        let own = self.find(candidate.key);
        let mut start = self.time;
        if let Some(flow) = own {
            let (part, whole) = flow.before(candidate.rank);
            let mut before = tariff.nothing();
            before.add_part(&flow.totals, part, whole);
            start = start.max(flow.start);
            start = start.saturating_add(flow.stretch_of(tariff.work_of(&before)));
            ahead.add(flow.group(candidate.class), part, whole);
        }
        let is_own = |flow: &&Flow| own.is_some_and(|own| std::ptr::eq(own, *flow));
        for flow in self.active().take(FLOWS_MAX).take_while(|flow| flow.start < start) {
            if !is_own(&flow) {
                let time = start - flow.start;
                let served = time.saturating_mul(u128::from(flow.weight));
                ahead.add(flow.group(candidate.class), served, tariff.work_of(&flow.totals));
            }
        }
    }
}

impl Flow {
    /// All of a flow.
    fn group(&self, class: Priority) -> Group<'_> {
        Group { class, key: Some(&self.key), totals: &self.totals, len: self.waiting.len() }
    }

    /// Which part of this flow is before this rank, which may wait here itself.
    fn before(&self, rank: Rank) -> (Work, Work) {
        let behind = self.waiting.range(rank..).take(OWN_MAX).count();
        let count = if behind < OWN_MAX {
            self.waiting.len() - behind
        } else {
            self.waiting.range(..rank).take(OWN_MAX).count()
        };
        let wide = |count: usize| u128::try_from(count).unwrap_or(Work::MAX);
        (wide(count), wide(self.waiting.len()).max(1))
    }
}
