//! Who is next among those who wait in one place.
//!
//! Classes first: the strict ones in their order, before all others. Of what is left every class
//! that waits is owed its share: when so much has been served that it should have had a call, it is
//! next, whatever waits above it; but the first class below the strict ones may keep it waiting for a
//! gap until it should have had two. Otherwise the most urgent is next. What a class had beyond its
//! share, because others did not want it, is not held against it; what it did not want is not saved up.
//!
//! In a class keys take turns ([`class`]); in a key the earliest deadline is first, then first come.
//!
//! # Invariants
//!
//! - ORD-1: while keys of one class wait, what they are served differs from their weights by at most
//!   one call of each.
//! - ORD-2: a class that waits is served at least its share of what is served below the strict
//!   classes, less two calls.

use tidegate_units::{Amounts, Cost, Dimension, Instant, Priority, QueuePolicy, Share};

use crate::tariff::{Tariff, Work};

pub(crate) mod class;
pub(crate) mod flow;
mod forecast;

use class::{Class, FlowId};
use flow::FlowKey;

pub(crate) use forecast::{Ahead, Candidate, Sure};

/// The place of a waiting call in the queue.
pub(crate) type Slot = u32;

/// The order inside a key: earliest deadline first, then first come.
pub(crate) type Rank = (u64, u64);

const CLASSES: usize = Priority::ALL.len();

/// Who waits in one place, in their order.
#[derive(Debug)]
pub(crate) struct Order {
    rules: Rules,
    /// What calls are charged for their turn here.
    tariff: Tariff,
    classes: [Class; CLASSES],
    /// Work served below the strict classes.
    served: Work,
    /// Whether it was seen since the last service what binds.
    is_charge_chosen: bool,
}

/// What the order is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How many classes from the top are strict.
    strict: usize,
    shares: [Share; CLASSES],
    newest_first: bool,
}

/// Where in the order a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) class: Priority,
    flow: FlowId,
    pub(crate) rank: Rank,
}

/// A call that begins to wait.
#[derive(Debug)]
pub(crate) struct Comer {
    pub(crate) slot: Slot,
    pub(crate) class: Priority,
    pub(crate) key: FlowKey,
    /// Of its key.
    pub(crate) weight: u32,
    pub(crate) rank: Rank,
    pub(crate) cost: Cost,
}

impl Rules {
    pub(crate) fn new(policy: &QueuePolicy) -> Self {
        Self {
            strict: policy.strict.map_or(0, |class| class.index() + 1),
            shares: policy.shares,
            newest_first: policy.overflow == tidegate_units::Overflow::NewestFirst,
        }
    }

    /// The place inside its key of a call that was the `arrival`th to come.
    pub(crate) fn rank(&self, deadline: Instant, arrival: u64) -> Rank {
        if self.newest_first { (0, !arrival) } else { (deadline.as_nanos(), arrival) }
    }
}

impl Order {
    pub(crate) fn new(rules: Rules, tariff: Tariff) -> Self {
        let classes = std::array::from_fn(|_| Class::new(tariff.nothing()));
        Self { rules, tariff, classes, served: 0, is_charge_chosen: false }
    }

    /// Other limits hold here from now on; calls are counted in the same dimensions.
    pub(crate) fn set_tariff(&mut self, tariff: Tariff) {
        debug_assert_eq!(tariff.dimensions(), self.tariff.dimensions(), "nobody counts others");
        self.tariff = tariff;
    }

    /// A limit on this dimension has made somebody wait here.
    ///
    /// What calls are charged by is chosen once between two services: whoever is next by one dimension
    /// may wait for another, by which somebody else is next, who waits for the first.
    pub(crate) fn binds(&mut self, dimension: Dimension) {
        if !self.is_charge_chosen {
            self.tariff.binds(dimension);
            self.is_charge_chosen = true;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.classes.iter().all(Class::is_empty)
    }

    pub(crate) fn len(&self) -> usize {
        self.classes.iter().map(|class| class.len).sum()
    }

    /// How many of a class wait.
    pub(crate) fn len_of(&self, class: Priority) -> usize {
        self.classes[class.index()].len
    }

    /// Lets a call wait.
    pub(crate) fn push(&mut self, comer: Comer) -> Spot {
        let Comer { slot, class, key, weight, rank, cost } = comer;
        let index = class.index();
        if self.classes[index].is_empty() {
            let work = self.tariff.work(&cost);
            let due = self.due_on_entry(index, work);
            let held = &mut self.classes[index];
            (held.due, held.served_since) = (due, false);
        }
        let held = &mut self.classes[index];
        let flow = held.push((key, weight), (rank, slot), &cost, &self.tariff);
        Spot { class, flow, rank }
    }

    /// Takes a call out that is not served.
    pub(crate) fn remove(&mut self, spot: Spot, cost: &Cost) {
        self.classes[spot.class.index()].remove(spot.flow, spot.rank, cost, &self.tariff);
    }

    /// Puts a call first in its key, and answers where it stands then.
    pub(crate) fn put_first(&mut self, spot: Spot) -> Spot {
        let rank = (0, spot.rank.1);
        self.classes[spot.class.index()].rank_anew(spot.flow, spot.rank, rank);
        Spot { rank, ..spot }
    }

    /// Serves a call, whether it is next or not.
    pub(crate) fn serve(&mut self, spot: Spot, cost: &Cost) {
        let (index, work) = (spot.class.index(), self.tariff.work(cost));
        self.is_charge_chosen = false;
        self.classes[index].serve(spot.flow, spot.rank, (cost, work), &self.tariff);
        self.charge(index, work);
    }

    /// A call of this class and key took `debt` more than it was charged when it was served, or
    /// `refund` less: it waits longer for its next turn, or the other way round.
    pub(crate) fn correct(
        &mut self,
        class: Priority,
        key: &FlowKey,
        (debt, refund): (&Amounts, &Amounts),
    ) {
        let more = self.tariff.work_of_amount(|dimension| debt.get(dimension));
        let less = self.tariff.work_of_amount(|dimension| refund.get(dimension));
        self.classes[class.index()].correct(key, more, less);
    }

    /// Who is next.
    pub(crate) fn next(&self) -> Option<Slot> {
        self.next_class().and_then(|index| self.classes[index].next())
    }

    /// Who comes after the next one, as far as is worth a look: the first few of each key, nearly in
    /// order.
    pub(crate) fn behind(&self, of_each: usize, all: usize) -> Vec<Slot> {
        let Some(first) = self.next_class() else {
            return Vec::new();
        };
        let others = (0..CLASSES).filter(|index| *index != first);
        let classes = std::iter::once(first).chain(others);
        classes.flat_map(|index| self.classes[index].firsts(of_each)).skip(1).take(all).collect()
    }

    fn next_class(&self) -> Option<usize> {
        let waits = |index: &usize| !self.classes[*index].is_empty();
        if let Some(strict) = (0..self.rules.strict).find(waits) {
            return Some(strict);
        }
        let below = self.rules.strict..CLASSES;
        let urgent = below.clone().find(waits)?;
        let owed = below.filter(waits).filter(|index| self.is_owed(*index));
        // The first below the strict ones lets others wait for a gap, as long as they can.
        let gap = urgent != self.rules.strict;
        let first = owed.filter(|index| gap || self.is_overdue(*index));
        first.min_by_key(|index| self.classes[*index].due).or(Some(urgent))
    }

    /// Whether so much was served that this class should have had its next call.
    fn is_owed(&self, index: usize) -> bool {
        self.rules.shares[index] > Share::NONE && self.classes[index].due <= self.served
    }

    /// Whether it should have had the one after that too, if they are of the usual size.
    fn is_overdue(&self, index: usize) -> bool {
        self.classes[index].due.saturating_add(self.usual_step(index)) <= self.served
    }

    /// After how much more work served the next call of a class is due, if it is of the usual size.
    fn usual_step(&self, index: usize) -> Work {
        let class = &self.classes[index];
        let calls = u128::try_from(class.len).unwrap_or(1).max(1);
        self.step(index, self.tariff.work_of(&class.totals) / calls)
    }

    /// When a class that begins to wait is owed its first call: at once, unless it has had one too
    /// shortly before. If it has waited in vain, because whoever did gave up, that counts for a step.
    fn due_on_entry(&self, index: usize, work: Work) -> Work {
        let class = &self.classes[index];
        let in_vain = if class.served_since { 0 } else { self.step(index, work) };
        class.due.max(self.served.saturating_sub(in_vain))
    }

    /// After how much more work served the next call of a class is due.
    fn step(&self, index: usize, work: Work) -> Work {
        match u128::from(self.rules.shares[index].as_per_mille()) {
            0 => Work::MAX / 2,
            share => work.saturating_mul(1_000) / share,
        }
    }

    fn charge(&mut self, index: usize, work: Work) {
        if index < self.rules.strict {
            return;
        }
        // Late, and the next is due as if this had been in time; early, and that is forgotten.
        let due = self.classes[index].due.min(self.served);
        self.served = self.served.saturating_add(work);
        let step = self.step(index, work);
        self.classes[index].due = due.saturating_add(step);
        self.classes[index].served_since = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comer(slot: Slot, class: Priority, cost: Cost) -> Comer {
        Comer { slot, class, key: None, weight: 1, rank: (0, u64::from(slot)), cost }
    }

    #[test]
    fn what_calls_are_charged_by_is_chosen_once_between_two_services() {
        let limits: [tidegate_units::Limit; 2] =
            ["100 requests per minute", "1000 tokens per minute"]
                .map(|text| text.parse().expect("a limit"));
        let tariff = Tariff::new(&[Dimension::Requests, Dimension::Tokens], limits.iter());
        let mut order = Order::new(Rules::new(&QueuePolicy::default()), tariff);
        let (small, large) = (Cost::request().tokens(1), Cost::request().tokens(500));
        let spot = order.push(comer(1, Priority::Normal, small.clone()));
        order.binds(Dimension::Tokens);
        order.binds(Dimension::Requests);
        assert!(order.tariff.work(&large) > order.tariff.work(&small), "tokens were first");
        order.serve(spot, &small);
        order.binds(Dimension::Requests);
        assert_eq!(order.tariff.work(&large), order.tariff.work(&small), "ORD-1: a new choice");
    }
}
