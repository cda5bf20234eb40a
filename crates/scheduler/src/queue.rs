//! Everybody who waits, wherever that is: their bound, their sum and their deadlines.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use tidegate_units::{Instant, Overflow, Priority, QueuePolicy, Span};

use crate::deadlines::Deadlines;
use crate::order::{Order, Slot, Spot};
use crate::scopes::ScopeId;
use crate::tariff::{Tariff, Totals};
use crate::{Request, Ticket};

/// Where a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It backs off, and does not want to be served before this.
    Later(Instant),
    /// For a limit of a part of the service.
    Scope(ScopeId, Spot),
    /// For the service.
    Line(Spot),
}

/// A call that waits.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) request: Request,
    /// The how-manyth it was to come.
    pub(crate) arrival: u64,
    /// Since when it waits, or backed off until.
    pub(crate) since: Instant,
    pub(crate) place: Place,
    /// The parts of the service that it is for, and that have limits.
    pub(crate) scopes: Box<[ScopeId]>,
    /// What became of it when it was next; boxed, for few are next without being granted.
    pub(crate) was_next: Option<Box<WasNext>>,
}

/// What is remembered of a call that was next in line and had to wait.
#[derive(Debug, Default)]
pub(crate) struct WasNext {
    /// When it was to start, as was foreseen then: what is let past it must not put that off by more
    /// than was allowed.
    pub(crate) promised: Option<Instant>,
    /// Until when it leaves a part of the burst to classes above its own.
    pub(crate) modest_until: Option<Instant>,
}

impl Entry {
    /// What is remembered from when it was next.
    pub(crate) fn was_next(&mut self) -> &mut WasNext {
        self.was_next.get_or_insert_default()
    }
}

/// Everybody who waits.
#[derive(Debug)]
pub(crate) struct Queue {
    entries: Vec<Option<Entry>>,
    vacant: Vec<Slot>,
    tickets: HashMap<Ticket, Slot, RandomState>,
    deadlines: Deadlines,
    later: BTreeSet<(Instant, Slot)>,
    /// By class, who came first; kept only where that decides who is dropped.
    ages: Option<[BTreeMap<u64, Slot>; Priority::ALL.len()]>,
    arrivals: u64,
    totals: Totals,
}

impl Queue {
    pub(crate) fn new(policy: &QueuePolicy, tariff: &Tariff) -> Self {
        let drops = policy.overflow != Overflow::RefuseNewest;
        Self {
            entries: Vec::new(),
            vacant: Vec::new(),
            tickets: HashMap::default(),
            deadlines: Deadlines::default(),
            later: BTreeSet::new(),
            ages: drops.then(Default::default),
            arrivals: 0,
            totals: tariff.nothing(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tickets.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// What everybody takes together.
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The how-manyth the next to come will be.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// The call in a slot.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(index(slot))?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(index(slot))?.as_mut()
    }

    /// The slot of a request, if it waits.
    pub(crate) fn find(&self, ticket: Ticket) -> Option<Slot> {
        self.tickets.get(&ticket).copied()
    }

    /// Everybody, in no order.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        self.tickets.values().copied().collect()
    }

    /// Lets a call wait, for nothing in particular yet. `None` if one of this name waits already.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        request: Request,
        scopes: Box<[ScopeId]>,
        tariff: &Tariff,
    ) -> Option<Slot> {
        if self.tickets.contains_key(&request.ticket) {
            return None;
        }
        let arrival = self.arrivals;
        self.arrivals += 1;
        tariff.add(&mut self.totals, &request.cost);
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Slot::try_from(self.entries.len() - 1).unwrap_or(Slot::MAX)
        });
        self.tickets.insert(request.ticket, slot);
        self.deadlines.add(request.deadline, slot, arrival);
        if let Some(ages) = &mut self.ages {
            ages[request.priority.index()].insert(arrival, slot);
        }
        let place = Place::Later(Instant::ZERO);
        let since = request.not_before.map_or(now, |until| until.max(now));
        let entry = Entry { request, arrival, since, place, scopes, was_next: None };
        self.entries[index(slot)] = Some(entry);
        Some(slot)
    }

    /// Lets a call back off until it wants to be served.
    pub(crate) fn put_off(&mut self, slot: Slot, until: Instant) {
        if let Some(entry) = self.get_mut(slot) {
            entry.place = Place::Later(until);
            self.later.insert((until, slot));
        }
    }

    /// Takes a call out, which waits nowhere any more.
    pub(crate) fn remove(&mut self, slot: Slot, tariff: &Tariff) -> Option<Entry> {
        let entry = self.entries.get_mut(index(slot))?.take()?;
        self.vacant.push(slot);
        self.tickets.remove(&entry.request.ticket);
        if let Place::Later(until) = entry.place {
            self.later.remove(&(until, slot));
        }
        if let Some(ages) = &mut self.ages {
            ages[entry.request.priority.index()].remove(&entry.arrival);
        }
        tariff.subtract(&mut self.totals, &entry.request.cost);
        let entries = &self.entries;
        self.deadlines.left(|slot, arrival| waits(entries, slot, arrival));
        Some(entry)
    }

    /// Who has waited longest first, of the classes from `class` down.
    pub(crate) fn oldest(&self, class: Priority) -> impl Iterator<Item = Slot> + '_ {
        let ages = self.ages.iter().flat_map(move |ages| &ages[class.index()..]);
        let mut firsts: Vec<_> = ages.map(|age| age.iter().peekable()).collect();
        std::iter::from_fn(move || {
            let arrivals = firsts.iter_mut().enumerate();
            let arrivals = arrivals.filter_map(|(at, age)| Some((*age.peek()?.0, at)));
            let (_, at) = arrivals.min()?;
            firsts[at].next().map(|(_, slot)| *slot)
        })
    }

    /// The same of the classes below `class`, the least urgent first.
    pub(crate) fn oldest_of_lowest(&self, class: Priority) -> impl Iterator<Item = Slot> + '_ {
        let ages = self.ages.iter().flat_map(move |ages| ages[class.index() + 1..].iter().rev());
        ages.flat_map(|age| age.values().copied())
    }

    /// The earliest deadline, or end of a back-off.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let later = self.later.first().map(|(at, _)| *at);
        [self.deadlines.next(), later].into_iter().flatten().min()
    }

    /// Somebody whose deadline has come; asked once.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Slot> {
        let entries = &self.entries;
        self.deadlines.pop(now, |slot, arrival| waits(entries, slot, arrival))
    }

    /// Somebody whose deadline is before `instant`; asked once.
    pub(crate) fn ends_before(&mut self, instant: Instant) -> Option<Slot> {
        self.expired(instant - Span::from_nanos(1))
    }

    /// Takes out somebody who has backed off long enough; it waits nowhere then.
    pub(crate) fn returned(&mut self, now: Instant) -> Option<Slot> {
        let (_, slot) = *self.later.first().filter(|(until, _)| *until <= now)?;
        self.later.pop_first();
        Some(slot)
    }

    /// How many back off.
    pub(crate) fn backing_off(&self) -> usize {
        self.later.len()
    }
}

fn waits(entries: &[Option<Entry>], slot: Slot, arrival: u64) -> bool {
    let entry = entries.get(index(slot)).and_then(Option::as_ref);
    entry.is_some_and(|entry| entry.arrival == arrival)
}

fn index(slot: Slot) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

/// Removes a call from the order that it waits in.
pub(crate) fn leave(order: &mut Order, entry: &Entry) {
    if let Place::Line(spot) | Place::Scope(_, spot) = entry.place {
        order.remove(spot, &entry.request.cost);
    }
}
