//! How much is served before a call, if nobody else comes.
//!
//! Walking through the order would tell exactly, and cost as much as serving everybody. This looks at
//! each key that is ahead once, at most [`FLOWS_MAX`] of them, and at each class as a fluid: so what is
//! likely ahead is off by about two of the largest calls of each key and class. What is at least ahead
//! counts nobody who may come later: only by that is anybody refused.

use tidegate_units::{Cost, Priority, Share};

use crate::order::class::Class;
use crate::order::flow::{Flow, FlowKey};
use crate::order::{CLASSES, Order, Rank, Slot};
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

/// How sure it has to be that somebody is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sure {
    /// As likely as not.
    Likely,
    /// Nobody is counted who may be behind.
    Least,
}

/// Some of those who wait: of one class, and of one key if they are.
#[derive(Debug, Clone, Copy)]
struct Group<'o> {
    class: Priority,
    key: Option<&'o FlowKey>,
    totals: &'o Totals,
    len: usize,
}

/// A call of which is asked what is ahead of it.
pub(crate) struct Candidate<'c> {
    pub(crate) class: Priority,
    pub(crate) key: &'c FlowKey,
    pub(crate) rank: Rank,
    pub(crate) cost: &'c Cost,
    /// What a call takes that waits in a slot.
    pub(crate) costs: &'c dyn Fn(Slot) -> Option<&'c Cost>,
}

impl Ahead {
    fn add(&mut self, group: Group<'_>, part: Work, whole: Work) {
        self.totals.add_part(group.totals, part, whole);
        self.count_in(group, portion(u64::try_from(group.len).unwrap_or(u64::MAX), part, whole));
    }

    fn count_in(&mut self, group: Group<'_>, count: u64) {
        self.count = self.count.saturating_add(count);
        if let Some(by) = self.by.as_mut().filter(|_| count > 0) {
            by.push((group.class, group.key.cloned().flatten(), count));
        }
    }
}

impl Order {
    /// Who would be served before this call; `named` if it is to be told who they are.
    pub(crate) fn ahead_of(&self, candidate: &Candidate<'_>, sure: Sure, named: bool) -> Ahead {
        let (own, strict) = (candidate.class.index(), self.rules.strict);
        let by = named.then(Vec::new);
        let mut ahead = Ahead { totals: self.tariff.nothing(), count: 0, by };
        self.classes[own].ahead_of(candidate, &self.tariff, sure, &mut ahead);
        let before = self.tariff.work_of(&ahead.totals);
        for index in 0..own.min(strict) {
            ahead.add(self.group(index), 1, 1);
        }
        if own >= strict {
            let due = self.due_of(own, self.tariff.work(candidate.cost));
            let due = due.saturating_add(self.patience(own, sure));
            self.add_rivals(own, (before, due), sure, &mut ahead);
        }
        ahead
    }

    /// All of a class.
    fn group(&self, index: usize) -> Group<'_> {
        let class = &self.classes[index];
        Group { class: Priority::ALL[index], key: None, totals: &class.totals, len: class.len }
    }

    /// After how much more work served class `own` is owed its next call, if that takes `work`.
    fn due_of(&self, own: usize, work: Work) -> Work {
        let class = &self.classes[own];
        let due = if class.is_empty() { self.due_on_entry(own, work) } else { class.due };
        due.saturating_sub(self.served)
    }

    /// How much longer a class has to wait than until it is owed a call, for a gap between the calls of
    /// the first class below the strict ones.
    fn patience(&self, index: usize, sure: Sure) -> Work {
        let first = self.rules.strict;
        if sure == Sure::Least || index <= first || self.classes[first].is_empty() {
            return 0;
        }
        self.usual_step(index).min(self.work_of(first))
    }

    /// Adds what other classes below the strict ones are served until class `own`, whose next call is
    /// owed after `due`, has had what is `before` in it.
    fn add_rivals(&self, own: usize, (before, due): (Work, Work), sure: Sure, ahead: &mut Ahead) {
        let above: Work = (self.rules.strict..own).map(|index| self.work_of(index)).sum();
        let lower = |until: Work| match sure {
            Sure::Least => 0,
            Sure::Likely => (own + 1..CLASSES).map(|index| self.owed_by(index, until)).sum(),
        };
        // Those above go first, unless the own share is served before them; so does what is owed to
        // those below by then.
        let by_share = due.saturating_add(self.step(own, before)).max(before);
        let waits = before.saturating_add(above);
        let owed: Work = lower(by_share.min(waits));
        let until = by_share.min(waits.saturating_add(owed));
        let owed: Work = lower(until);
        let rivals = (until - before).saturating_sub(owed);
        for index in self.rules.strict..own {
            ahead.add(self.group(index), rivals, above);
        }
        if sure == Sure::Likely {
            for index in own + 1..CLASSES {
                ahead.add(
                    self.group(index),
                    self.owed_by(index, until),
                    self.work_of(index).max(1),
                );
            }
        }
    }

    /// What the calls of a class are charged together.
    fn work_of(&self, index: usize) -> Work {
        self.tariff.work_of(&self.classes[index].totals)
    }

    /// What of a class is owed by the time that so much more work has been served.
    fn owed_by(&self, index: usize, until: Work) -> Work {
        let (class, share) = (&self.classes[index], self.rules.shares[index]);
        let due = class.due.saturating_add(self.patience(index, Sure::Likely));
        let since = self.served.saturating_add(until).checked_sub(due);
        let Some(since) = since.filter(|_| share > Share::NONE && !class.is_empty()) else {
            return 0;
        };
        let waits = self.work_of(index);
        let calls = u128::try_from(class.len).unwrap_or(1);
        let owed = since / 1_000 * u128::from(share.as_per_mille());
        owed.saturating_add(waits / calls).min(waits)
    }
}

impl Class {
    fn ahead_of(&self, candidate: &Candidate<'_>, tariff: &Tariff, sure: Sure, ahead: &mut Ahead) {
        let own = self.find(candidate.key);
        let mut start = self.time;
        if let Some(flow) = own {
            let (before, count) = flow.before(candidate, tariff);
            start = start.max(flow.start);
            start = start.saturating_add(flow.stretch_of(tariff.work_of(&before)));
            ahead.totals.add_part(&before, 1, 1);
            ahead.count_in(flow.group(candidate.class), count);
        }
        let is_own = |flow: &&Flow| own.is_some_and(|own| std::ptr::eq(own, *flow));
        for flow in self.active().take(FLOWS_MAX).take_while(|flow| flow.start < start) {
            if !is_own(&flow) {
                let work = tariff.work_of(&flow.totals);
                let time = start - flow.start;
                let served = time.saturating_mul(u128::from(flow.weight));
                let unsure = match sure {
                    Sure::Likely => 0,
                    Sure::Least if served >= work => 0,
                    Sure::Least => work / u128::try_from(flow.waiting.len()).unwrap_or(1).max(1),
                };
                ahead.add(flow.group(candidate.class), served.saturating_sub(unsure), work);
            }
        }
    }
}

impl Flow {
    /// All of a flow.
    fn group(&self, class: Priority) -> Group<'_> {
        Group { class, key: Some(&self.key), totals: &self.totals, len: self.waiting.len() }
    }

    /// What those take who are before a call, which may wait here itself, and how many they are. Where
    /// many are on both sides of it, only some of those before it are counted.
    fn before(&self, candidate: &Candidate<'_>, tariff: &Tariff) -> (Totals, u64) {
        let rank = candidate.rank;
        let cost = |slot: &Slot| (candidate.costs)(*slot);
        let behind = self.waiting.range(rank..).take(OWN_MAX);
        let many = behind.clone().count();
        let (totals, count) = if many < OWN_MAX {
            let mut totals = self.totals.clone();
            behind
                .filter_map(|(_, slot)| cost(slot))
                .for_each(|it| tariff.subtract(&mut totals, it));
            (totals, self.waiting.len() - many)
        } else {
            let mut totals = tariff.nothing();
            let before = self.waiting.range(..rank).take(OWN_MAX);
            let count = before.clone().count();
            before.filter_map(|(_, slot)| cost(slot)).for_each(|it| tariff.add(&mut totals, it));
            (totals, count)
        };
        (totals, u64::try_from(count).unwrap_or(u64::MAX))
    }
}
