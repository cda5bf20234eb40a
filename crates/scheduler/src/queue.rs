//! Who waits, in the order in which they came, each with a deadline.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_units::{Amounts, Dimension, Instant};

use crate::{Request, Ticket};

/// A bounded first-come queue.
#[derive(Debug)]
pub(crate) struct Queue {
    capacity: usize,
    dimensions: Vec<Dimension>,
    /// By order of arrival.
    waiting: BTreeMap<u64, Request>,
    places: BTreeMap<Ticket, u64>,
    deadlines: BTreeSet<(Instant, u64)>,
    arrivals: u64,
    total: Amounts,
}

impl Queue {
    /// An empty queue for `capacity` requests that sums their cost over `dimensions`.
    pub(crate) fn new(capacity: usize, dimensions: Vec<Dimension>) -> Self {
        Self {
            capacity,
            dimensions,
            waiting: BTreeMap::new(),
            places: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            arrivals: 0,
            total: Amounts::NONE,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= self.capacity
    }

    /// Who is next.
    pub(crate) fn head(&self) -> Option<&Request> {
        self.waiting.values().next()
    }

    /// Who came last.
    pub(crate) fn newest(&self) -> Option<&Request> {
        self.waiting.values().next_back()
    }

    /// Everybody, first come first.
    pub(crate) fn in_order(&self) -> Vec<Request> {
        self.waiting.values().cloned().collect()
    }

    /// The request of this name, if it waits.
    pub(crate) fn get(&self, ticket: Ticket) -> Option<&Request> {
        self.waiting.get(self.places.get(&ticket)?)
    }

    /// What everybody who waits takes together.
    pub(crate) fn total(&self) -> &Amounts {
        &self.total
    }

    /// Adds a request at the end. The caller has seen that there is room.
    pub(crate) fn push(&mut self, request: Request) {
        debug_assert!(!self.is_full(), "a queue of {} is full", self.capacity);
        let place = self.arrivals;
        self.arrivals += 1;
        self.total.add(&self.amounts(&request));
        self.places.insert(request.ticket, place);
        self.deadlines.insert((request.deadline, place));
        self.waiting.insert(place, request);
    }

    /// Takes a request out, wherever it stands. `None` if it does not wait.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Request> {
        let place = self.places.remove(&ticket)?;
        let request = self.waiting.remove(&place)?;
        self.deadlines.remove(&(request.deadline, place));
        self.total.subtract(&self.amounts(&request));
        Some(request)
    }

    /// How many wait ahead of `ticket`.
    pub(crate) fn ahead_of(&self, ticket: Ticket) -> u64 {
        let place = self.places.get(&ticket).copied().unwrap_or(u64::MAX);
        u64::try_from(self.waiting.range(..place).count()).unwrap_or(u64::MAX)
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Somebody whose deadline has come.
    pub(crate) fn expired(&self, now: Instant) -> Option<Ticket> {
        let (_, place) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now)?;
        self.waiting.get(place).map(|request| request.ticket)
    }

    /// What a request adds to the total.
    pub(crate) fn amounts(&self, request: &Request) -> Amounts {
        Amounts::charged(&request.cost, self.dimensions.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use tidegate_units::Cost;

    use super::*;

    fn request(ticket: u64, deadline: u64) -> Request {
        Request::new(Ticket(ticket), Cost::request(), Instant::from_nanos(deadline))
    }

    #[test]
    fn removing_anyone_keeps_order_sum_and_deadlines() {
        let mut queue = Queue::new(3, vec![Dimension::Requests]);
        for (ticket, deadline) in [(7, 30), (5, 10), (6, 20)] {
            queue.push(request(ticket, deadline));
        }
        assert!(queue.is_full());
        assert_eq!(queue.head().map(|head| head.ticket), Some(Ticket(7)), "first come");
        assert_eq!(queue.ahead_of(Ticket(6)), 2);
        assert_eq!(queue.expired(Instant::from_nanos(10)), Some(Ticket(5)));
        assert!(queue.remove(Ticket(5)).is_some());
        assert!(queue.remove(Ticket(5)).is_none());
        assert_eq!(queue.next_deadline(), Some(Instant::from_nanos(20)));
        assert_eq!(queue.total().get(Dimension::Requests), 2);
        assert_eq!(queue.ahead_of(Ticket(6)), 1);
    }
}
