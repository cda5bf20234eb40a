//! The calls of one class: keys take turns in virtual time.
//!
//! Start-time fair queueing: a key that begins to wait starts at the present virtual time, or where
//! its last call ended if that is later; whoever starts first is served, and moves on by what its
//! call took over its weight. A key that was idle has saved up nothing, and one that had more than
//! its share while others were idle owes nothing for it once virtual time has caught up.
//!
//! Source: Goyal, Vin and Cheng, "Start-time Fair Queueing" (SIGCOMM 1996).

use std::collections::{BTreeSet, HashMap};

use foldhash::quality::RandomState;
use tidegate_units::Cost;

use crate::order::flow::{Flow, FlowKey};
use crate::order::{Rank, Slot};
use crate::tariff::{Tariff, Totals, Work};

/// The place of a flow in its class.
pub(crate) type FlowId = u32;

/// The most keys that are remembered without waiting. Beyond that, who is nearest to owing nothing is
/// forgotten first.
const IDLE_MAX: usize = 10_000;

/// The calls of one class.
#[derive(Debug)]
pub(crate) struct Class {
    /// Where virtual time has come to.
    pub(crate) time: Work,
    /// When, in work served below the strict classes, this class is owed its next call.
    pub(crate) due: Work,
    /// Whether it was served since it last began to wait.
    pub(crate) served_since: bool,
    pub(crate) len: usize,
    pub(crate) totals: Totals,
    flows: Vec<Flow>,
    /// Places in `flows` that nobody holds.
    vacant: Vec<FlowId>,
    by_key: HashMap<FlowKey, FlowId, RandomState>,
    /// Who waits, by start and turn.
    active: BTreeSet<(Work, u64, FlowId)>,
    /// Who does not wait and is ahead of virtual time, by where it is.
    idle: BTreeSet<(Work, FlowId)>,
    turns: u64,
}

impl Class {
    pub(crate) fn new(totals: Totals) -> Self {
        Self {
            time: 0,
            due: 0,
            served_since: true,
            len: 0,
            totals,
            flows: Vec::new(),
            vacant: Vec::new(),
            by_key: HashMap::default(),
            active: BTreeSet::new(),
            idle: BTreeSet::new(),
            turns: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lets a call wait. Answers in which flow.
    pub(crate) fn push(
        &mut self,
        (key, weight): (FlowKey, u32),
        (rank, slot): (Rank, Slot),
        cost: &Cost,
        tariff: &Tariff,
    ) -> FlowId {
        let id = self.flow_of(key, weight, tariff);
        if self.flow(id).waiting.is_empty() {
            self.activate(id);
        }
        self.len += 1;
        tariff.add(&mut self.totals, cost);
        let flow = self.flow_mut(id);
        tariff.add(&mut flow.totals, cost);
        flow.waiting.insert(rank, slot);
        id
    }

    /// Takes a call out that will not be served.
    pub(crate) fn remove(&mut self, id: FlowId, rank: Rank, cost: &Cost, tariff: &Tariff) {
        if !self.take_out(id, rank, cost, tariff) || !self.flow(id).waiting.is_empty() {
            return;
        }
        let Flow { start, turn, .. } = *self.flow(id);
        self.active.remove(&(start, turn, id));
        self.rest(id);
    }

    /// Gives a call another rank in its flow.
    pub(crate) fn rank_anew(&mut self, id: FlowId, before: Rank, after: Rank) {
        let waiting = &mut self.flow_mut(id).waiting;
        if let Some(slot) = waiting.remove(&before) {
            waiting.insert(after, slot);
        }
    }

    /// Serves a call: virtual time moves to its start, its flow by what it took.
    pub(crate) fn serve(
        &mut self,
        id: FlowId,
        rank: Rank,
        (cost, work): (&Cost, Work),
        tariff: &Tariff,
    ) {
        if !self.take_out(id, rank, cost, tariff) {
            return;
        }
        let Flow { start, turn, .. } = *self.flow(id);
        self.active.remove(&(start, turn, id));
        self.time = self.time.max(start);
        let flow = self.flow_mut(id);
        flow.start = start.saturating_add(flow.stretch(work));
        if flow.waiting.is_empty() {
            self.rest(id);
        } else {
            self.active.insert((self.flow(id).start, turn, id));
        }
        self.forget_idle();
    }

    /// A call of this key took more than it was charged, or less.
    pub(crate) fn correct(&mut self, key: &FlowKey, more: Work, less: Work) {
        let Some(&id) = self.by_key.get(key) else {
            return;
        };
        let time = self.time;
        let Flow { start, turn, .. } = *self.flow(id);
        let waits = !self.flow(id).waiting.is_empty();
        if waits {
            self.active.remove(&(start, turn, id));
        } else {
            self.idle.remove(&(start, id));
        }
        let flow = self.flow_mut(id);
        let (more, less) = (flow.stretch(more), flow.stretch(less));
        // Never before the present: what was not used is no claim to the past.
        flow.start = start.saturating_add(more).saturating_sub(less).max(time.min(start));
        if waits {
            self.active.insert((self.flow(id).start, turn, id));
        } else {
            self.rest(id);
        }
    }

    /// Who is served next.
    pub(crate) fn next(&self) -> Option<Slot> {
        let (_, _, id) = self.active.first()?;
        self.flow(*id).waiting.first_key_value().map(|(_, slot)| *slot)
    }

    /// The first few of each flow, in the order of the flows.
    pub(crate) fn firsts(&self, of_each: usize) -> impl Iterator<Item = Slot> + '_ {
        self.active().flat_map(move |flow| flow.waiting.values().take(of_each).copied())
    }

    /// The flows that wait, in the order in which they are served.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Flow> {
        self.active.iter().map(|(_, _, id)| self.flow(*id))
    }

    /// The flow of a key, if it is known.
    pub(crate) fn find(&self, key: &FlowKey) -> Option<&Flow> {
        self.by_key.get(key).map(|id| self.flow(*id))
    }

    fn take_out(&mut self, id: FlowId, rank: Rank, cost: &Cost, tariff: &Tariff) -> bool {
        let flow = self.flow_mut(id);
        let was_there = flow.waiting.remove(&rank).is_some();
        debug_assert!(was_there, "LIM-3: {rank:?} does not wait");
        if was_there {
            tariff.subtract(&mut flow.totals, cost);
            tariff.subtract(&mut self.totals, cost);
            self.len -= 1;
        }
        was_there
    }

    fn flow_of(&mut self, key: FlowKey, weight: u32, tariff: &Tariff) -> FlowId {
        if let Some(&id) = self.by_key.get(&key) {
            self.flow_mut(id).weight = weight;
            return id;
        }
        let flow = Flow {
            key: key.clone(),
            weight,
            start: self.time,
            turn: 0,
            waiting: std::collections::BTreeMap::new(),
            totals: tariff.nothing(),
        };
        let id = if let Some(id) = self.vacant.pop() {
            *self.flow_mut(id) = flow;
            id
        } else {
            self.flows.push(flow);
            FlowId::try_from(self.flows.len() - 1).unwrap_or(FlowId::MAX)
        };
        self.by_key.insert(key, id);
        id
    }

    /// A flow begins to wait.
    fn activate(&mut self, id: FlowId) {
        let (time, turn) = (self.time, self.turns);
        self.turns += 1;
        let was = self.flow(id).start;
        self.idle.remove(&(was, id));
        let flow = self.flow_mut(id);
        flow.start = was.max(time);
        flow.turn = turn;
        let start = flow.start;
        self.active.insert((start, turn, id));
    }

    /// A flow waits no longer. Once nobody does, a new round begins.
    fn rest(&mut self, id: FlowId) {
        self.idle.insert((self.flow(id).start, id));
        if self.active.is_empty()
            && let Some((last, _)) = self.idle.last()
        {
            self.time = self.time.max(*last);
        }
        self.forget_idle();
    }

    /// Forgets who owes nothing, and the nearest to that where there are too many.
    fn forget_idle(&mut self) {
        while let Some(&(start, id)) = self.idle.first()
            && (start <= self.time || self.idle.len() > IDLE_MAX)
        {
            self.idle.pop_first();
            let key = self.flow_mut(id).key.take();
            self.by_key.remove(&key);
            self.vacant.push(id);
        }
    }

    fn flow(&self, id: FlowId) -> &Flow {
        &self.flows[place(id)]
    }

    fn flow_mut(&mut self, id: FlowId) -> &mut Flow {
        &mut self.flows[place(id)]
    }
}

fn place(id: FlowId) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
